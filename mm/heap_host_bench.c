// SPDX-License-Identifier: MIT
/*
 * The host's driver for measuring heaps: carries out a trace with one heap and
 * prints what it saw. scripts/heapbench.py runs it and makes a table.
 *
 *	heapbench count HEAP TRACE SEED N	N operations, for callgrind to count
 *	heapbench time HEAP TRACE SEED N	ns an operation, of the fastest N of some
 *	heapbench memory HEAP TRACE SEED N	peak footprint and peak live bytes of N
 *	heapbench who HEAP p 1 1		where the heap's code lies
 *
 * HEAP is cairn; system, which is the C library's or the one preloaded; or
 * none, which does nothing: the cost of the driver itself. All are called
 * through the same pointers, and copy with the C library's memcpy().
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "kernel/panic.h"
#include "mm/arena_test.h"
#include "mm/heap.h"
#include "mm/heap_calls.h"
#include "mm/heap_trace.h"
#include "mm/mm.h"

enum {
	SEGMENTS = 5,
	RESIDENT_INTERVAL = 64,		/* operations between two looks */
};

/* What Cairn's heap may use, at this physical address; sparse. */
#define ARENA_BASE	(4 * GIB)
#define ARENA_SIZE	(4 * GIB)

struct driver {
	struct heap_calls calls;
	uint64_t (*footprint)(void);	/* bytes that the heap holds */
	struct heap_trace trace;
	struct heap_op *ops;		/* the operations, made beforehand */
	void *live[HEAP_TRACE_LIVE];
	uint16_t size[HEAP_TRACE_LIVE];	/* of the live ones; for memory() */
};

static struct driver driver;

void panic(const char *fmt, ...)
{
	va_list args;

	fputs("heapbench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/*
 * The heap that does nothing. In assembly, for its instructions are known by
 * number to heapbench.py: 2, 1 and 2.
 */
void *none_alloc(size_t size);
void none_free(void *block);
void *none_resize(void *block, size_t size);
__asm__(
	".pushsection .text\n"
	"none_alloc:	lea none_block(%rip), %rax\n"
	"		ret\n"
	"none_free:	ret\n"
	"none_resize:	mov %rdi, %rax\n"
	"		ret\n"
	".local none_block\n"
	".comm none_block, 4096, 4096\n"
	".popsection\n");

static uint64_t none_footprint(void)
{
	return 0;
}

static uint64_t resident(void)
{
	static int statm = -1;
	char text[128];
	char *second;
	ssize_t n;

	if (statm < 0)
		statm = open("/proc/self/statm", O_RDONLY);
	n = pread(statm, text, sizeof(text) - 1, 0);
	if (n <= 0)
		panic("/proc/self/statm cannot be read");
	text[n] = '\0';
	second = strchr(text, ' ');
	return second ? strtoull(second, NULL, 10) * PAGE_SIZE : 0;
}

static struct page_allocator pages;

struct page_allocator *mm_pages(void)
{
	return &pages;
}

/* Whatever the page allocator has given away or needs itself, and the heap's root. */
static uint64_t cairn_footprint(void)
{
	struct page_stats stats;

	page_allocator_stats(&pages, &stats);
	return (stats.total - stats.free) * PAGE_SIZE + sizeof(pages) + sizeof(struct heap);
}

static void cairn_open(struct driver *d)
{
	struct arena arena;

	if (!arena_open(&arena, ARENA_BASE, ARENA_SIZE))
		panic("no memory for the arena");
	page_allocator_init(&pages, arena_offset(&arena), NULL);
	if (page_allocator_add(&pages, ARENA_BASE, ARENA_BASE + ARENA_SIZE))
		panic("the page allocator refuses the arena");
	kmalloc_init(&pages);
	d->calls = heap_calls_kernel();
	d->footprint = cairn_footprint;
}

static void *find(const char *symbol)
{
	void *p = dlsym(RTLD_DEFAULT, symbol);

	if (!p)
		panic("no %s", symbol);
	return p;
}

static void heap_open(struct driver *d, const char *name)
{
	if (!strcmp(name, "cairn")) {
		cairn_open(d);
	} else if (!strcmp(name, "none")) {
		d->calls = (struct heap_calls){ none_alloc, none_free, none_resize };
		d->footprint = none_footprint;
	} else if (!strcmp(name, "system")) {
		/* The functions themselves, not this program's jumps to them. */
		d->calls = (struct heap_calls){ find("malloc"), find("free"), find("realloc") };
		d->footprint = resident;
	} else {
		panic("no heap '%s'", name);
	}
}

static void make_ops(struct driver *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		heap_trace_next(&d->trace, &d->ops[i]);
}

/* Whoever asks for a block writes to it: one word of each. */
static inline void *touch(void *p)
{
	if (!p)
		panic("the heap has no memory left");
	*(volatile uint64_t *)p = 0;
	return p;
}

static __noinline void run_ops(struct driver *d, size_t n)
{
	const struct heap_op *end = d->ops + n;

	for (const struct heap_op *op = d->ops; op < end; op++) {
		void **live = &d->live[op->slot];

		switch (op->kind) {
		case HEAP_OP_ALLOC:
			*live = touch(d->calls.alloc(op->size));
			break;
		case HEAP_OP_FREE:
			d->calls.free(*live);
			break;
		case HEAP_OP_RESIZE:
			*live = touch(d->calls.resize(*live, op->size));
			break;
		}
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void count(struct driver *d, size_t n)
{
	make_ops(d, n);
	run_ops(d, n);
}

static void time_ops(struct driver *d, size_t n)
{
	double best = 0;

	for (int i = 0; i <= SEGMENTS; i++) {
		double start, ns;

		make_ops(d, n);
		start = now_ns();
		run_ops(d, n);
		ns = now_ns() - start;
		/* The first warms up: fills, and touches memory for the first time. */
		if (i == 1 || (i > 1 && ns < best))
			best = ns;
	}
	printf("%.3f\n", best / (double)n);
}

static void do_op(struct driver *d, const struct heap_op *op, uint64_t *bytes)
{
	void **live = &d->live[op->slot];

	*bytes -= d->size[op->slot];
	d->size[op->slot] = op->size;
	*bytes += op->size;
	if (op->kind == HEAP_OP_ALLOC)
		*live = d->calls.alloc(op->size);
	else if (op->kind == HEAP_OP_RESIZE)
		*live = d->calls.resize(*live, op->size);
	else
		d->calls.free(*live);
	if (op->kind != HEAP_OP_FREE)
		memset(touch(*live), 1, op->size);
}

static void memory(struct driver *d, size_t n)
{
	bool sampled = d->footprint == resident;
	uint64_t bytes = 0, bytes_peak = 0, held_peak = 0, before = 0;

	make_ops(d, n);
	/* The driver's own pages are resident before the heap's are counted. */
	memset(d->live, 0, sizeof(d->live));
	memset(d->size, 0, sizeof(d->size));
	if (sampled)
		before = resident();
	for (size_t i = 0; i < n; i++) {
		do_op(d, &d->ops[i], &bytes);
		bytes_peak = max(bytes_peak, bytes);
		if (!sampled || i % RESIDENT_INTERVAL == 0 || bytes == bytes_peak)
			held_peak = max(held_peak, d->footprint() - before);
	}
	printf("%llu %llu\n", (unsigned long long)held_peak, (unsigned long long)bytes_peak);
}

static void who(struct driver *d)
{
	Dl_info info;

	if (!dladdr((void *)d->calls.alloc, &info))
		panic("nobody knows where the heap's code lies");
	puts(info.dli_fname);
}

static enum heap_trace_kind trace_of(const char *name)
{
	for (unsigned i = 0; i < HEAP_TRACES; i++) {
		if (!strcmp(name, heap_trace_name(i)))
			return i;
	}
	panic("no trace '%s'", name);
}

int main(int argc, char **argv)
{
	struct driver *d = &driver;
	size_t n;

	if (argc != 6)
		panic("usage: heapbench count|time|memory|who HEAP TRACE SEED N");
	/* Resident is what was written, not a huge page around it; time repeats better. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	heap_trace_start(&d->trace, trace_of(argv[3]), HEAP_TRACE_LIVE,
			 strtoull(argv[4], NULL, 0));
	n = strtoull(argv[5], NULL, 0);
	d->ops = calloc(n, sizeof(d->ops[0]));
	if (!d->ops)
		panic("no memory");
	heap_open(d, argv[2]);
	if (!strcmp(argv[1], "count"))
		count(d, n);
	else if (!strcmp(argv[1], "time"))
		time_ops(d, n);
	else if (!strcmp(argv[1], "memory"))
		memory(d, n);
	else if (!strcmp(argv[1], "who"))
		who(d);
	else
		panic("no measure '%s'", argv[1]);
	return 0;
}
