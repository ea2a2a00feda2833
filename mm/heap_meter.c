// SPDX-License-Identifier: MIT
#include "mm/heap_meter.h"

#include "asm/cpu.h"
#include "kernel/bench.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

enum {
	CALIBRATIONS = 1000,
	COPY = HEAP_METER_CALLS,	/* behind enum heap_meter_call */
	CLEAR,
	MEASURES
};

static const char *const call_names[HEAP_METER_CALLS] = { "alloc", "free", "resize" };

static char copy_from[PAGE_SIZE] __aligned(16);
static char copy_to[PAGE_SIZE] __aligned(16);

/*
 * What is measured is called by one of these between two readings of the
 * counter. None is inlined, so the same instructions stand between the
 * readings when the function that is called is the empty one.
 */

static __noinline uint64_t time_alloc(void *(*alloc)(size_t), size_t size, void **out)
{
	uint64_t began = cycles();

	*out = alloc(size);
	return cycles() - began;
}

static __noinline uint64_t time_free(void (*free)(void *), void *block)
{
	uint64_t began = cycles();

	free(block);
	return cycles() - began;
}

static __noinline uint64_t time_resize(void *(*resize)(void *, size_t), void *block, size_t size,
				       void **out)
{
	uint64_t began = cycles();

	*out = resize(block, size);
	return cycles() - began;
}

static __noinline uint64_t time_copy(void *(*copy)(void *, const void *, size_t), size_t size)
{
	uint64_t began = cycles();

	copy(copy_to, copy_from, size);
	return cycles() - began;
}

static __noinline uint64_t time_clear(void *(*clear)(void *, int, size_t), size_t size)
{
	uint64_t began = cycles();

	clear(copy_to, 0, size);
	return cycles() - began;
}

/* A known number of instructions, whatever they are called as: 1 and 100. */
void heap_meter_empty(void);
void heap_meter_hundred(void);
__asm__(".pushsection .text\n"
	"heap_meter_hundred:	.skip 99, 0x90\n"
	"heap_meter_empty:	ret\n"
	".popsection\n");

enum { EMPTY_TICKS = 1 };

static uint64_t time_empty(unsigned measure)
{
	void *empty = (void *)heap_meter_empty;
	void *out;

	switch (measure) {
	case HEAP_METER_ALLOC:
		return time_alloc(empty, 0, &out);
	case HEAP_METER_FREE:
		return time_free(empty, NULL);
	case HEAP_METER_RESIZE:
		return time_resize(empty, NULL, 0, &out);
	case COPY:
		return time_copy(empty, 0);
	default:
		return time_clear(empty, 0);
	}
}

static void calibrate(struct heap_meter *m, unsigned measure)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned i = 0; i < CALIBRATIONS; i++) {
		uint64_t ticks = time_empty(measure);

		least = min(least, ticks);
		most = max(most, ticks);
	}
	m->overhead[measure] = least - EMPTY_TICKS;
	m->jitter = max(m->jitter, most - least);
}

/* Without -icount a measurement may be less than its overhead. */
static uint64_t net(const struct heap_meter *m, unsigned measure, uint64_t ticks)
{
	return ticks > m->overhead[measure] ? ticks - m->overhead[measure] : 0;
}

/* Ticks to copy `size` bytes, at most PAGE_SIZE, as krealloc() does. */
static uint64_t time_of_copy(const struct heap_meter *m, size_t size)
{
	return net(m, COPY, time_copy(memcpy, min(size, sizeof(copy_to))));
}

void heap_meter_init(struct heap_meter *m)
{
	void *out;

	*m = (struct heap_meter){ .calls = heap_calls_kernel() };
	for (unsigned i = 0; i < MEASURES; i++)
		calibrate(m, i);
	bench_figure("heap.jitter", m->jitter, "ticks");
	bench_figure("heap.hundred", net(m, HEAP_METER_ALLOC, time_alloc(
			(void *)heap_meter_hundred, 0, &out)), "ticks");
	bench_figure("heap.copy_4096", time_of_copy(m, PAGE_SIZE), "ticks");
	bench_figure("heap.clear_4096", net(m, CLEAR, time_clear(memset, PAGE_SIZE)), "ticks");
}

void heap_meter_start(struct heap_meter *m, const char *trace)
{
	m->trace = trace;
	m->step = 0;
	m->counting = false;
	m->copied = 0;
	memset(m->tally, 0, sizeof(m->tally));
}

void heap_meter_print(struct heap_meter *m)
{
	char name[64];

	for (unsigned i = 0; i < HEAP_METER_CALLS; i++) {
		const struct heap_tally *t = &m->tally[i];

		if (!t->worst)
			continue;
		format(name, sizeof(name), "heap.%s.worst_%s", m->trace, call_names[i]);
		bench_figure(name, t->worst, "ticks");
		log_debug("%s: %llu ticks, step %llu, %zu bytes", name,
			  (unsigned long long)t->worst, (unsigned long long)t->worst_step,
			  t->worst_size);
		m->worst = max(m->worst, t->worst);
	}
}

static void tally(struct heap_meter *m, enum heap_meter_call call, uint64_t ticks, size_t size)
{
	struct heap_tally *t = &m->tally[call];

	if (ticks > t->worst) {
		t->worst = ticks;
		t->worst_size = size;
		t->worst_step = m->step;
	}
	if (m->counting) {
		t->counted++;
		t->ticks += ticks;
	}
	m->step++;
}

void *heap_meter_alloc(struct heap_meter *m, size_t size)
{
	void *block;
	uint64_t ticks = time_alloc(m->calls.alloc, size, &block);

	tally(m, HEAP_METER_ALLOC, net(m, HEAP_METER_ALLOC, ticks), size);
	return block;
}

void heap_meter_free(struct heap_meter *m, void *block)
{
	size_t size = kmalloc_usable_size(block);
	uint64_t ticks = time_free(m->calls.free, block);

	tally(m, HEAP_METER_FREE, net(m, HEAP_METER_FREE, ticks), size);
}

void *heap_meter_resize(struct heap_meter *m, void *block, size_t size)
{
	size_t copied = min(kmalloc_usable_size(block), size);
	void *moved;
	uint64_t ticks = net(m, HEAP_METER_RESIZE,
			     time_resize(m->calls.resize, block, size, &moved));

	if (block && moved && moved != block) {
		uint64_t copying = time_of_copy(m, copied);

		ticks = ticks > copying ? ticks - copying : 0;
		m->copied += m->counting ? copying : 0;
	}
	tally(m, HEAP_METER_RESIZE, ticks, size);
	return moved;
}
