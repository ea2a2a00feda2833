// SPDX-License-Identifier: MIT
/*
 * bench=pages: one call of the page allocator, on average and at worst, in
 * guest instructions under `-icount shift=0`. Each figure is net of an empty
 * pair of clock readings, whose cost is the figure pages.empty_pair.
 *
 * An allocator never touches the memory that it hands out, so the traces run
 * on an instance of their own over addresses that are mostly imagined: only
 * the beginning, where its metadata goes, is there.
 *
 *	fresh	takes all of 1.25 GiB that were never used
 *	joined	gives all that back, in some order, and takes it again; then one
 *		block is taken and given back, over and over
 *	mixed	takes and gives at random at half full, of any order
 *	comb	every other block is in use: each call exhausts or revives a unit
 *	hosted	metadata finds room only in the memory that it describes
 */
#include <asm/cpu.h>

#include "kernel/bench.h"
#include "kernel/lib/format.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

enum {
	BLOCKS_MAX = 1 << 19,
	ARENA_ORDER = 12,	/* 16 MiB */
};

/* Across 2 GiB, and not aligned to anything. */
#define RANGE_START	(2 * GIB - 48 * MIB - 77 * PAGE_SIZE)
#define RANGE_SIZE	(GIB + 256 * MIB)

enum { ALLOC, FREE, KINDS };

struct meter {
	uint64_t calls, sum, worst;
};

static struct world {
	struct page_allocator *pages;
	void *arena;
	paddr_t *blocks;
	size_t count;
	uint64_t random;
	uint64_t empty;		/* an empty pair of readings */
	struct meter meter[KINDS];
} world;

static uint64_t random_below(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

static void meter_add(struct world *w, unsigned kind, uint64_t ticks)
{
	struct meter *m = &w->meter[kind];

	ticks -= min(ticks, w->empty);
	m->calls++;
	m->sum += ticks;
	m->worst = max(m->worst, ticks);
}

static void report(struct world *w, const char *trace, unsigned order)
{
	static const char *const kinds[] = { "alloc", "free" };
	char name[64];

	for (unsigned i = 0; i < KINDS; i++) {
		struct meter *m = &w->meter[i];

		if (m->calls) {
			format(name, sizeof(name), "pages.%s.order%u.%s.average", trace, order,
			       kinds[i]);
			bench_figure(name, (m->sum + m->calls / 2) / m->calls, "ticks");
			format(name, sizeof(name), "pages.%s.order%u.%s.worst", trace, order,
			       kinds[i]);
			bench_figure(name, m->worst, "ticks");
		}
		*m = (struct meter){ 0 };
	}
}

static bool take(struct world *w, unsigned order, bool metered)
{
	uint64_t before;
	paddr_t block;
	int rc;

	before = cycles();
	rc = page_alloc_from(w->pages, order, PAGE_ANY, &block);
	if (metered)
		meter_add(w, ALLOC, cycles() - before);
	if (rc == 0)
		w->blocks[w->count++] = block | order;
	return rc == 0;
}

static void give(struct world *w, size_t i, bool metered)
{
	paddr_t block = align_down(w->blocks[i], PAGE_SIZE);
	unsigned order = w->blocks[i] % PAGE_SIZE;
	uint64_t before = cycles();

	page_free_to(w->pages, block, order);
	if (metered)
		meter_add(w, FREE, cycles() - before);
	w->blocks[i] = w->blocks[--w->count];
}

static void fill(struct world *w, unsigned order, bool metered)
{
	while (w->count < BLOCKS_MAX && take(w, order, metered))
		;
}

static void open(struct world *w, paddr_t start, uint64_t size)
{
	w->count = 0;
	w->random = 88172645463325252;
	page_allocator_init(w->pages, (uintptr_t)w->arena - start, NULL);
	if (page_allocator_add(w->pages, start, start + size))
		bench_figure("pages.failed", 1, "range");
}

static void fresh(struct world *w, unsigned order)
{
	open(w, RANGE_START, RANGE_SIZE);
	fill(w, order, true);
	report(w, "fresh", order);
}

static void joined(struct world *w, unsigned order)
{
	for (unsigned round = 0; round < 3; round++) {
		if (round == 0)		/* from the last to the first */
			while (w->count)
				give(w, w->count - 1, true);
		for (size_t i = 0; round == 1 && i < w->count; i++)
			give(w, i, true);
		while (w->count)
			give(w, random_below(w, w->count), true);
		for (unsigned i = 0; i < 1000; i++) {
			take(w, order, true);
			give(w, 0, true);
		}
		fill(w, order, true);
	}
	report(w, "joined", order);
}

static void mixed(struct world *w, unsigned order)
{
	open(w, RANGE_START, RANGE_SIZE);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned other = (unsigned)random_below(w, i % 16 ? 6 : PAGE_ORDER_MAX + 1);

		if (random_below(w, 2)) {
			if (w->count)
				give(w, random_below(w, w->count), false);
		} else {
			take(w, other, false);
		}
		take(w, order, true);
		if (w->count > 4000)
			give(w, random_below(w, w->count), false);
		if (random_below(w, 8)) {
			paddr_t last = w->blocks[w->count - 1];

			if (w->count && last % PAGE_SIZE == order)
				give(w, w->count - 1, true);
		}
	}
	report(w, "mixed", order);
}

static void comb(struct world *w, unsigned order)
{
	open(w, RANGE_START, RANGE_SIZE / 16);
	fill(w, order, false);
	/* The order in the table is random from here on. */
	for (size_t i = 0; i < w->count; i++) {
		size_t j = random_below(w, w->count);
		paddr_t block = w->blocks[i];

		w->blocks[i] = w->blocks[j];
		w->blocks[j] = block;
	}
	for (size_t i = w->count; i-- > 0;)
		if ((w->blocks[i] >> (PAGE_SHIFT + order)) & 1)
			give(w, i, true);
	fill(w, order, true);
	for (unsigned i = 0; i < 20000; i++) {
		give(w, random_below(w, w->count), true);
		if (i % 8 >= 4)
			while (take(w, order, true))
				;
	}
	report(w, "comb", order);
}

static void hosted(struct world *w, unsigned order)
{
	/* All of this is there. */
	open(w, GIB, PAGE_SIZE << ARENA_ORDER);
	for (unsigned o = PAGE_ORDER_MAX + 1; o-- > 0;)
		fill(w, o, false);
	while (w->count)
		give(w, w->count - 1, false);
	for (unsigned round = 0; round < 2; round++) {
		fill(w, order, true);
		while (w->count)
			give(w, random_below(w, w->count), true);
		for (unsigned i = 0; i < 1000; i++) {
			take(w, order, true);
			give(w, 0, true);
		}
	}
	report(w, "hosted", order);
}

static void measure_nothing(struct world *w)
{
	w->empty = UINT64_MAX;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t before = cycles();

		w->empty = min(w->empty, cycles() - before);
	}
	bench_figure("pages.empty_pair", w->empty, "ticks");
}

BENCH(pages)
{
	static const unsigned orders[] = { 0, 2, 4 };
	struct world *w = &world;

	kmalloc_trim();		/* of what other benchmarks have left */
	*w = (struct world){
		.pages = kmalloc(sizeof(*w->pages)),
		.arena = page_alloc(ARENA_ORDER, PAGE_ANY),
		.blocks = kmalloc(BLOCKS_MAX * sizeof(w->blocks[0])),
	};
	if (!w->pages || !w->arena || !w->blocks) {
		bench_figure("pages.failed", 1, "memory");
	} else {
		measure_nothing(w);
		for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
			fresh(w, orders[i]);
			joined(w, orders[i]);
			mixed(w, orders[i]);
			comb(w, orders[i]);
			hosted(w, orders[i]);
		}
	}
	kfree(w->blocks);
	if (w->arena)
		page_free(w->arena, ARENA_ORDER);
	kfree(w->pages);
}
