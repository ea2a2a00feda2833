// SPDX-License-Identifier: MIT
/*
 * bench=heap: what calls of the kernel's heap cost, on average and at worst.
 * Five traces (mm/heap_trace.h), then attacks, each of which looks for the
 * worst in one place where an allocator may have to work: memory used for the
 * first time, classes whose spans come and go, everything joined and divided
 * again, spans that one block pins, sizes in turn, no memory left. Requests
 * that are measured are of 4096 bytes at most.
 *
 * Every trace and attack leaves the heap empty of its own blocks.
 */
#include "kernel/bench.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/run.h"
#include "mm/heap.h"
#include "mm/heap_meter.h"
#include "mm/heap_trace.h"
#include "mm/mm.h"

enum {
	TRACE_CALLS = 40000,	/* counted into an average; whole cycles of a full stack */
	SLOTS_ORDER = 5,
	SIZE_MAX_MEASURED = 4096,
	ORDER_MIB = 8,
};

static_assert(HEAP_TRACE_LIVE * sizeof(void *) <= PAGE_SIZE << SLOTS_ORDER, "slots too many");

struct bench_heap {
	struct heap_meter meter;
	void **slots;		/* blocks, or NULL */
	unsigned slot_count;	/* fewer than HEAP_TRACE_LIVE where memory is small */
	uint64_t random;
};

static unsigned random_below(struct bench_heap *b, unsigned bound)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return (unsigned)((b->random >> 32) * bound >> 32);
}

/* A size up to 4096, each power of two as likely; one in four is a border. */
static size_t random_size(struct bench_heap *b)
{
	size_t size = (size_t)16 << random_below(b, 9);

	return random_below(b, 4) ? size - random_below(b, (unsigned)size / 2) : size;
}

/* Slots. */

static bool slot_alloc(struct bench_heap *b, unsigned slot, size_t size)
{
	if (!b->slots[slot])
		b->slots[slot] = heap_meter_alloc(&b->meter, size);
	return b->slots[slot];
}

static void slot_free(struct bench_heap *b, unsigned slot)
{
	if (b->slots[slot])
		heap_meter_free(&b->meter, b->slots[slot]);
	b->slots[slot] = NULL;
}

static void slot_resize(struct bench_heap *b, unsigned slot, size_t size)
{
	void *block = heap_meter_resize(&b->meter, b->slots[slot], size);

	if (block)
		b->slots[slot] = block;
}

/* Every `step`th slot from `first` on. */
static void free_every(struct bench_heap *b, unsigned first, unsigned step)
{
	for (unsigned i = first; i < b->slot_count; i += step)
		slot_free(b, i);
}

static void fill(struct bench_heap *b, size_t size)
{
	for (unsigned i = 0; i < b->slot_count && slot_alloc(b, i, size); i++)
		;
}

static void free_random(struct bench_heap *b)
{
	for (unsigned i = 0; i < b->slot_count; i++)
		slot_free(b, random_below(b, b->slot_count));
	free_every(b, 0, 1);
}

/* Blocks beyond the slots: a list through their first words. */

struct link {
	struct link *next;
	unsigned order;		/* of pages that are kept from the heap */
};

/* Until there is no memory, or `most` blocks; returns the last one. */
static struct link *exhaust(struct bench_heap *b, struct link *list, size_t size, uint64_t most)
{
	struct link *block;

	while (most-- && (block = heap_meter_alloc(&b->meter, size))) {
		block->next = list;
		list = block;
	}
	return list;
}

static struct link *reversed(struct link *list)
{
	struct link *back = NULL;

	while (list) {
		struct link *next = list->next;

		list->next = back;
		back = list;
		list = next;
	}
	return back;
}

static void free_list(struct bench_heap *b, struct link *list)
{
	while (list) {
		struct link *next = list->next;

		heap_meter_free(&b->meter, list);
		list = next;
	}
}

/* Keeps pages from the heap, in blocks of at least `least`; adds to `kept`. */
static struct link *keep_pages(struct link *kept, unsigned least)
{
	for (unsigned order = PAGE_ORDER_MAX + 1; order-- > least;) {
		struct link *block;

		while ((block = page_alloc(order, PAGE_ANY))) {
			block->next = kept;
			block->order = order;
			kept = block;
		}
	}
	return kept;
}

static void give_pages(struct link *kept)
{
	while (kept) {
		struct link *next = kept->next;

		page_free(kept, kept->order);
		kept = next;
	}
}

/* The attacks. */

/* Memory that nobody had, up to 256 MiB of it, given back in the order it was had. */
static void attack_fresh(struct bench_heap *b)
{
	struct link *list = NULL;
	bool large = false;

	for (uint64_t left = 256 * MIB; left > SIZE_MAX_MEASURED;) {
		size_t size = large ? SIZE_MAX_MEASURED : random_size(b);
		struct link *longer = exhaust(b, list, size, 1);

		if (longer == list)
			break;
		list = longer;
		left -= size;
		large = !large;
	}
	free_list(b, reversed(list));
}

/* GiBs of which something was had, by number; beyond a TiB they repeat. */
enum { GIBS = 1024 };

struct gibs {
	bool had[GIBS];
	unsigned reached;	/* of these, first by a measured request */
};

/* True the first time. */
static bool gib_note(struct gibs *g, const void *p)
{
	bool *had = &g->had[(uintptr_t)p / GIB % GIBS];
	bool first = !*had;

	*had = true;
	return first;
}

/* Whether memory within 2 MiB of `p` lies in another GiB. */
static bool near_border(const void *p)
{
	return ((uintptr_t)p + 2 * MIB) % GIB < 4 * MIB;
}

/* Small requests until one reaches another GiB, or 16 MiB have not sufficed. */
static struct link *creep(struct bench_heap *b, struct link *list, struct gibs *g)
{
	for (unsigned i = 0; i < 16 * MIB / SIZE_MAX_MEASURED; i++) {
		struct link *longer = exhaust(b, list, SIZE_MAX_MEASURED, 1);

		if (longer == list)
			break;
		list = longer;
		if (gib_note(g, list)) {
			g->reached++;
			break;
		}
	}
	return exhaust(b, list, 16, 300);
}

/*
 * Each GiB for the first time: to its border in steps of a MiB, across it in
 * small ones. Up to 16 GiB.
 */
static void attack_gib(struct bench_heap *b)
{
	static struct gibs gibs;
	struct link *list = NULL, *kept = NULL;

	memset(&gibs, 0, sizeof(gibs));
	for (unsigned i = 0; i < 16 * 1024; i++) {
		struct link *block = page_alloc(ORDER_MIB, PAGE_ANY);

		if (!block)
			break;
		gib_note(&gibs, block);
		if (near_border(block)) {
			page_free(block, ORDER_MIB);
			list = creep(b, list, &gibs);
			continue;
		}
		block->next = kept;
		block->order = ORDER_MIB;
		kept = block;
	}
	/* Last, so that what is freed joins into the largest blocks there are. */
	give_pages(kept);
	free_list(b, list);
	slot_alloc(b, 0, SIZE_MAX_MEASURED);
	slot_free(b, 0);
	bench_figure("heap.gib.reached", gibs.reached, "GiB");
}

/* Spans made and unmade: one block to and fro at every level of every class. */
static void attack_classes(struct bench_heap *b)
{
	for (unsigned size = 16; size <= SIZE_MAX_MEASURED; size += 16) {
		unsigned n = min(b->slot_count, 98304 / size);

		for (unsigned i = 0; i < n; i++) {
			slot_alloc(b, i, size);
			slot_free(b, i);
			slot_alloc(b, i, size - random_below(b, 15));
		}
		for (unsigned i = n; i-- > 0;) {
			slot_free(b, i);
			slot_alloc(b, i, size);
			slot_free(b, i);
		}
	}
}

/* All given back so that all joins at the end, then divided again by another size. */
static void attack_joins(struct bench_heap *b)
{
	const size_t sizes[] = { 4096, 16, 2048, 4095, 1024, 3000, 256, 2049, 64, 1365, 512 };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(b, sizes[i]);
		free_every(b, 0, 2);
		free_every(b, 1, 2);
		heap_trim(mm_heap());
		fill(b, sizes[i]);
		for (unsigned first = 64; first-- > 0;)
			free_every(b, first, 64);
		fill(b, sizes[i]);
		free_random(b);
	}
}

/* One live block in each span, and others asked for in between. */
static void attack_pins(struct bench_heap *b)
{
	const size_t sizes[] = { 16, 4096, 32, 2048, 48, 1024, 128, 3072, 768, 80, 1536, 256 };
	const unsigned steps[] = { 250, 2, 120, 3, 80, 6, 30, 2, 8, 50, 4, 15 };

	static_assert(ARRAY_SIZE(sizes) == ARRAY_SIZE(steps), "a step for each size");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(b, sizes[i]);
		for (unsigned first = 1; first < steps[i]; first++)
			free_every(b, first, steps[i]);
	}
	free_random(b);
}

/* Small and large in turn; then the small ones go, then come back as large ones. */
static void attack_turns(struct bench_heap *b)
{
	const size_t pairs[][2] = { { 16, 4096 }, { 2048, 2064 }, { 4096, 64 }, { 1008, 3000 } };

	for (unsigned p = 0; p < ARRAY_SIZE(pairs); p++) {
		for (unsigned i = 0; i < b->slot_count; i++)
			slot_alloc(b, i, pairs[p][i % 2]);
		free_every(b, 0, 2);
		fill(b, pairs[p][1]);
		free_every(b, 1, 2);
		fill(b, pairs[p][0]);
		free_random(b);
	}
}

/* All from one size to another: with each call a span may come and another go. */
static void attack_resizes(struct bench_heap *b)
{
	const size_t sizes[] = {
		4096, 1024, 2048, 512, 3000, 700, 1500, 4096, 16, 2064, 256, 4095
	};

	fill(b, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (unsigned n = 0; n < b->slot_count; n++)
			slot_resize(b, i % 3 ? n : b->slot_count - 1 - n, sizes[i]);
		for (unsigned n = 0; n < b->slot_count / 4; n++)
			slot_resize(b, random_below(b, b->slot_count), random_size(b));
	}
	free_random(b);
}

/* Now mostly growing, now mostly shrinking, with every kind of call. */
static void attack_random(struct bench_heap *b)
{
	for (unsigned i = 0; i < 2 * TRACE_CALLS; i++) {
		unsigned slot = random_below(b, b->slot_count);
		bool shrink = random_below(b, 8) ? i / 8192 % 2 : !(i / 8192 % 2);

		if (!random_below(b, 4))
			slot_resize(b, slot, random_size(b));
		else if (shrink)
			slot_free(b, slot);
		else
			slot_alloc(b, slot, random_size(b));
	}
	free_random(b);
}

/* With 4 MiB left, or a bit more: till there is nothing, by each size and by all of them. */
static void attack_exhaustion(struct bench_heap *b)
{
	const size_t sizes[] = { 4096, 2048, 1008, 256, 64, 16 };
	void *room = page_alloc(ORDER_MIB + 2, PAGE_ANY);
	struct link *kept = keep_pages(NULL, ORDER_MIB);

	if (room)
		page_free(room, ORDER_MIB + 2);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct link *list = exhaust(b, NULL, sizes[i], UINT64_MAX);

		list = exhaust(b, list, 16, UINT64_MAX);
		free_list(b, i % 2 ? list : reversed(list));
		for (unsigned n = 0; n < b->slot_count && slot_alloc(b, n, random_size(b)); n++)
			;
		for (unsigned n = 0; n < b->slot_count; n++)
			slot_resize(b, n, random_size(b));
		free_random(b);
	}
	give_pages(kept);
}

static const struct attack {
	const char *name;
	void (*run)(struct bench_heap *b);
} attacks[] = {
	{ "fresh", attack_fresh },
	{ "gib", attack_gib },
	{ "classes", attack_classes },
	{ "joins", attack_joins },
	{ "pins", attack_pins },
	{ "turns", attack_turns },
	{ "resizes", attack_resizes },
	{ "random", attack_random },
	{ "exhaustion", attack_exhaustion },
};

/* Traces. */

static void carry_out(struct bench_heap *b, const struct heap_op *op)
{
	if (op->kind == HEAP_OP_ALLOC)
		slot_alloc(b, op->slot, op->size);
	else if (op->kind == HEAP_OP_FREE)
		slot_free(b, op->slot);
	else
		slot_resize(b, op->slot, op->size);
}

static void print_average(const struct heap_meter *m, const char *what, uint64_t ticks,
			  uint64_t calls)
{
	char name[64];

	if (!calls)
		return;
	format(name, sizeof(name), "heap.%s.%s", m->trace, what);
	bench_figure(name, (ticks + calls / 2) / calls, "ticks");
}

static void print_averages(const struct heap_meter *m)
{
	const struct heap_tally *alloc = &m->tally[HEAP_METER_ALLOC];
	const struct heap_tally *free = &m->tally[HEAP_METER_FREE];
	const struct heap_tally *resize = &m->tally[HEAP_METER_RESIZE];

	print_average(m, "average", alloc->ticks + free->ticks + resize->ticks,
		      alloc->counted + free->counted + resize->counted);
	print_average(m, "average_alloc", alloc->ticks, alloc->counted);
	print_average(m, "average_free", free->ticks, free->counted);
	print_average(m, "copied", m->copied, resize->counted);
}

static void run_trace(struct bench_heap *b, enum heap_trace_kind kind)
{
	/* The first two fill in their cycles, the others before them. */
	unsigned before = kind <= HEAP_TRACE_LIFO ? 0 : b->slot_count;
	struct heap_trace trace;
	struct heap_op op;

	heap_meter_start(&b->meter, heap_trace_name(kind));
	heap_trace_start(&trace, kind, b->slot_count, run_options.seed);
	for (unsigned i = 0; i < before + TRACE_CALLS; i++) {
		b->meter.counting = i >= before;
		heap_trace_next(&trace, &op);
		carry_out(b, &op);
	}
	b->meter.counting = false;
	free_every(b, 0, 1);
	print_averages(&b->meter);
	heap_meter_print(&b->meter);
	heap_trim(mm_heap());
}

static void run_attack(struct bench_heap *b, const struct attack *a)
{
	heap_meter_start(&b->meter, a->name);
	a->run(b);
	heap_meter_print(&b->meter);
	heap_trim(mm_heap());
}

static void run_all(struct bench_heap *b)
{
	struct page_stats pages;

	page_allocator_stats(mm_pages(), &pages);
	b->slot_count = (unsigned)min(pages.free * PAGE_SIZE / (2 * SIZE_MAX_MEASURED),
				      (uint64_t)HEAP_TRACE_LIVE);
	memset(b->slots, 0, PAGE_SIZE << SLOTS_ORDER);
	heap_meter_init(&b->meter);
	bench_figure("heap.blocks", b->slot_count, "blocks");
	for (unsigned kind = 0; kind < HEAP_TRACES; kind++)
		run_trace(b, kind);
	for (unsigned i = 0; i < ARRAY_SIZE(attacks); i++)
		run_attack(b, &attacks[i]);
	bench_figure("heap.worst", b->meter.worst, "ticks");
}

BENCH(heap)
{
	static struct bench_heap b;

	b.random = run_options.seed | 1;	/* 0 would stay 0 */
	b.slots = page_alloc(SLOTS_ORDER, PAGE_ANY);
	if (!b.slots) {
		print("bench: heap: no memory for %d blocks\n", HEAP_TRACE_LIVE);
		return;
	}
	run_all(&b);
	page_free(b.slots, SLOTS_ORDER);
}
