// SPDX-License-Identifier: MIT
/*
 * Tests of the page allocator on the host: random requests over random maps
 * of memory, against an oracle that knows what each page is used for. Where
 * the memory must be reached first, what was not reached cannot be accessed.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/page.h"
#include "mm/arena_test.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum {
	LIVE_MAX = 16384,
	GIB_PAGES = 1 << PAGE_ORDER_MAX,
	RUN = 64,		/* for an order: a run */
};

struct live {
	paddr_t block;
	uint64_t pages;
	unsigned order;
	unsigned use;
	void *owner;
	uint64_t id;
};

/* What a page is; and whether `reach` has been asked for it. */
enum { PAGE_NOT_OURS, PAGE_FREE, PAGE_LIVE, PAGE_KEPT, PAGE_LOST, PAGE_REACHED = 0x80 };

/* How `reach` behaves. */
struct reaching {
	bool wanted;
	unsigned keep;		/* one piece in so many begins with pages that are kept; 0: none */
	unsigned keep_max;	/* at most so many */
	unsigned fail;		/* one piece in so many cannot be reached; 0: none */
};

/* An allocator over an arena, and what the test knows of it. */
struct world {
	struct ktest_run *t;
	struct arena arena;
	struct page_allocator pages;
	struct reaching reaching;
	uint8_t *owner;		/* per page of the arena */
	uint64_t given;		/* pages */
	uint64_t kept, lost;	/* pages */
	uint64_t reached;	/* pages asked for */
	struct live live[LIVE_MAX];
	size_t count;
	uint64_t live_pages;
	uint64_t next_id;
};

static struct world world;

static uint8_t *owner_of(struct world *w, paddr_t address)
{
	return &w->owner[(address - w->arena.base) / PAGE_SIZE];
}

static bool one_in(struct ktest_run *t, unsigned n)
{
	return n && ktest_random_below(t, n) == 0;
}

/* Marks a piece: given, never asked for, and all before it in its range was asked for. */
static void reach_mark(struct world *w, paddr_t start, paddr_t end, uint8_t as)
{
	uint8_t *page = owner_of(w, start);

	/* Zones are divided at 16 MiB and 4 GiB. */
	if (start > w->arena.base && page[-1] == PAGE_FREE && start != 16 * MIB && start != 4 * GIB)
		expect(w->t, !"a range is reached in ascending order");
	for (uint64_t i = 0; i < (end - start) / PAGE_SIZE; i++) {
		if (page[i] != PAGE_FREE) {
			expect(w->t, !"each page is reached once");
			return;
		}
		page[i] = as;
	}
}

static int reach(paddr_t start, paddr_t end, paddr_t *usable)
{
	struct world *w = &world;
	uint64_t pages = (end - start) / PAGE_SIZE, keep = 0;

	if (!expect(w->t, start >= w->arena.base && start < end &&
			  end <= w->arena.base + w->arena.size) ||
	    !expect(w->t, is_aligned(start | end, PAGE_SIZE)) ||
	    !expect(w->t, start / GIB == (end - 1) / GIB))
		return -EINVAL;
	if (one_in(w->t, w->reaching.fail)) {
		reach_mark(w, start, end, PAGE_LOST);
		w->lost += pages;
		return -ENOMEM;
	}
	if (one_in(w->t, w->reaching.keep))
		keep = min(pages, 1 + ktest_random_below(w->t, w->reaching.keep_max));
	reach_mark(w, start, end, PAGE_FREE | PAGE_REACHED);
	memset(owner_of(w, start), PAGE_KEPT | PAGE_REACHED, keep);
	w->kept += keep;
	w->reached += pages;
	*usable = start + keep * PAGE_SIZE;
	return mprotect(arena_pointer(&w->arena, *usable), end - *usable,
			PROT_READ | PROT_WRITE) ? -ENOMEM : 0;
}

static bool world_open_reaching(struct world *w, struct ktest_run *t, paddr_t base,
				uint64_t size, const struct reaching *reaching)
{
	w->t = t;
	w->count = 0;
	w->given = w->live_pages = w->kept = w->lost = w->reached = 0;
	w->reaching = *reaching;
	w->owner = calloc(size / PAGE_SIZE, 1);
	memset(&w->pages, 0xa5, sizeof(w->pages));	/* need not be zero */
	if (!w->owner || !arena_open(&w->arena, base, size))
		return false;
	if (reaching->wanted && mprotect(w->arena.memory, size, PROT_NONE))
		return false;
	page_allocator_init(&w->pages, arena_offset(&w->arena), reaching->wanted ? reach : NULL);
	return true;
}

static bool world_open(struct world *w, struct ktest_run *t, paddr_t base, uint64_t size)
{
	return world_open_reaching(w, t, base, size, &(struct reaching){ 0 });
}

static void world_close(struct world *w)
{
	arena_close(&w->arena);
	free(w->owner);
}

static void give(struct world *w, paddr_t start, paddr_t end)
{
	expect_eq(w->t, page_allocator_add(&w->pages, start, end), 0);
	memset(owner_of(w, start), PAGE_FREE, (end - start) / PAGE_SIZE);
	w->given += (end - start) / PAGE_SIZE;
}

static bool sound(struct world *w)
{
	struct page_stats s;

	page_allocator_stats(&w->pages, &s);
	return expect_str(w->t, page_allocator_check(&w->pages), NULL) &&
	       expect_eq(w->t, s.total, w->given - w->lost) &&
	       expect_eq(w->t, s.free + s.metadata + w->live_pages, s.total) &&
	       expect(w->t, s.metadata >= w->kept);
}

/* Writes over what belongs to the block: all of a small one, ends of a large one. */
static void scribble(struct world *w, const struct live *l)
{
	uint64_t *p = arena_pointer(&w->arena, l->block);
	size_t words = l->pages * PAGE_SIZE / sizeof(*p);

	if (l->pages <= 4) {
		for (size_t i = 0; i < words; i++)
			p[i] = l->id;
	} else {
		p[0] = p[words / 2 - 1] = p[words / 2] = p[words - 1] = l->id;
	}
}

static bool intact(struct world *w, const struct live *l)
{
	const uint64_t *p = arena_pointer(&w->arena, l->block);
	size_t words = l->pages * PAGE_SIZE / sizeof(*p);

	if (l->pages <= 4)
		for (size_t i = 0; i < words; i++)
			if (p[i] != l->id)
				return false;
	return p[0] == l->id && p[words / 2 - 1] == l->id && p[words / 2] == l->id &&
	       p[words - 1] == l->id;
}

/* What the allocator says of an address within a live block. */
static bool found(struct world *w, const struct live *l, paddr_t address)
{
	struct page_block b;

	return expect(w->t, page_block_find(&w->pages, address, &b)) &&
	       expect_eq(w->t, b.start, l->block) && expect_eq(w->t, b.pages, l->pages) &&
	       expect_eq(w->t, b.use, l->use) && expect(w->t, b.owner == l->owner);
}

/* The next block: it must lie in free memory of ours, be aligned and keep to the flags. */
static bool accept(struct world *w, struct live *l, uint64_t align, unsigned flags)
{
	uint8_t want = w->reaching.wanted ? PAGE_FREE | PAGE_REACHED : PAGE_FREE;
	paddr_t end = l->block + l->pages * PAGE_SIZE;

	if (!expect(w->t, l->block >= w->arena.base && end <= w->arena.base + w->arena.size))
		return false;
	expect(w->t, is_aligned(l->block, align * PAGE_SIZE));
	expect(w->t, !(flags & PAGE_BELOW_4G) || end <= 4 * GIB);
	expect(w->t, !(flags & PAGE_BELOW_16M) || end <= 16 * MIB);
	for (uint64_t i = 0; i < l->pages; i++)
		if (owner_of(w, l->block)[i] != want)
			return expect(w->t, !"a block overlaps what is not free");
	memset(owner_of(w, l->block), PAGE_LIVE | (want & PAGE_REACHED), l->pages);
	l->use = flags & PAGE_USE_MASK;
	l->owner = NULL;
	l->id = ++w->next_id;
	scribble(w, l);
	w->live_pages += l->pages;
	w->count++;
	return found(w, l, l->block) && found(w, l, end - 1);
}

static bool allocate(struct world *w, unsigned order, unsigned flags)
{
	struct live *l = &w->live[w->count];
	int err;

	if (!expect(w->t, w->count < LIVE_MAX))
		return false;
	l->order = order;
	l->pages = UINT64_C(1) << order;
	err = page_alloc_from(&w->pages, order, flags, &l->block);
	if (err) {
		expect_eq(w->t, err, -ENOMEM);
		return false;
	}
	return accept(w, l, l->pages, flags);
}

static bool allocate_run(struct world *w, uint64_t pages, unsigned flags)
{
	struct live *l = &w->live[w->count];
	struct page_block b;
	uint64_t align = 1;
	int err;

	if (!expect(w->t, w->count < LIVE_MAX))
		return false;
	err = page_alloc_run(&w->pages, pages, flags, &l->block);
	if (err) {
		expect_eq(w->t, err, -ENOMEM);
		return false;
	}
	if (!expect(w->t, page_block_find(&w->pages, l->block, &b)))
		return false;
	/* Only one of more than 8 MiB may be longer than what was asked for. */
	expect(w->t, b.pages == pages || (pages > 2048 && b.pages == align_up(pages, 4096)));
	while (align < pages)
		align *= 2;
	l->order = RUN;
	l->pages = b.pages;
	return accept(w, l, align, flags);
}

static void release(struct world *w, size_t i)
{
	struct live *l = &w->live[i];

	expect(w->t, intact(w, l));
	found(w, l, l->block + ktest_random_below(w->t, l->pages * PAGE_SIZE));
	if (l->order == RUN || one_in(w->t, 4))
		expect_eq(w->t, page_free_run(&w->pages, l->block), 0);
	else
		expect_eq(w->t, page_free_to(&w->pages, l->block, l->order), 0);
	memset(owner_of(w, l->block), PAGE_FREE | (*owner_of(w, l->block) & PAGE_REACHED),
	       l->pages);
	w->live_pages -= l->pages;
	*l = w->live[--w->count];
}

static void release_all(struct world *w)
{
	while (w->count && !w->t->failures)
		release(w, ktest_random_below(w->t, w->count));
}

/* Mostly small, now and then anything. */
static unsigned random_order(struct ktest_run *t, unsigned max_order)
{
	if (ktest_random_below(t, 16) == 0)
		return (unsigned)ktest_random_below(t, max_order + 1);
	return (unsigned)min(ktest_random_below(t, 6), ktest_random_below(t, 6));
}

static void own(struct world *w, struct live *l)
{
	void *owner = (void *)(uintptr_t)ktest_random(w->t);

	if (expect_eq(w->t, page_set_owner(&w->pages, l->block, owner),
		      l->pages >= 2 ? 0 : -EINVAL) && l->pages >= 2)
		l->owner = owner;
	found(w, l, l->block + ktest_random_below(w->t, l->pages * PAGE_SIZE));
	expect_eq(w->t, page_set_owner(&w->pages, l->block + 1, owner), -EINVAL);
}

/* What cannot be freed must be refused, and change nothing. */
static void free_wrongly(struct world *w)
{
	paddr_t address = w->arena.base + ktest_random_below(w->t, w->arena.size);
	unsigned order = (unsigned)ktest_random_below(w->t, 30);
	struct page_block b;

	if (ktest_random_below(w->t, 2) && w->count) {
		const struct live *l = &w->live[ktest_random_below(w->t, w->count)];

		address = l->block;
		if (ktest_random_below(w->t, 2))
			address += ktest_random_below(w->t, l->pages * PAGE_SIZE);
		found(w, l, address);
		if (address == l->block && UINT64_C(1) << order == l->pages)
			return;
		if (address != l->block)
			expect_eq(w->t, page_free_run(&w->pages, address), -EINVAL);
	} else if ((*owner_of(w, address) & ~PAGE_REACHED) != PAGE_LIVE) {
		if (ktest_random_below(w->t, 2))
			address = align_down(address, PAGE_SIZE);
		expect(w->t, !page_block_find(&w->pages, address, &b) ||
			     b.use == PAGE_USE_METADATA);
		expect_eq(w->t, page_free_run(&w->pages, address), -EINVAL);
	} else {
		address |= 1;
	}
	expect_eq(w->t, page_free_to(&w->pages, address, order), -EINVAL);
}

static unsigned random_use(struct ktest_run *t)
{
	unsigned use = (unsigned)ktest_random_below(t, 16) << 8;

	return use == PAGE_USE_METADATA ? PAGE_USE_OTHER : use;
}

static void operate(struct world *w, uint64_t operations, unsigned max_order)
{
	const unsigned flags[] = { PAGE_ANY, PAGE_ANY, PAGE_BELOW_4G, PAGE_BELOW_16M,
				   PAGE_BELOW_16M | PAGE_BELOW_4G };
	unsigned bias = 5;

	for (uint64_t i = 0; i < operations && w->t->failures == 0; i++) {
		unsigned how = flags[ktest_random_below(w->t, ARRAY_SIZE(flags))] |
			       random_use(w->t);
		uint64_t dice = ktest_random_below(w->t, 12);

		if (i % 256 == 0)
			bias = 3 + (unsigned)ktest_random_below(w->t, 5);
		if (dice < bias && w->count < LIVE_MAX) {
			unsigned order = random_order(w->t, max_order);

			if (one_in(w->t, 3))
				allocate_run(w, 1 + ktest_random_below(w->t, UINT64_C(1) << order),
					     how);
			else
				allocate(w, order, how);
		} else if (dice < 9 && w->count) {
			release(w, ktest_random_below(w->t, w->count));
		} else if (dice < 10 && w->count) {
			own(w, &w->live[ktest_random_below(w->t, w->count)]);
		} else {
			free_wrongly(w);
		}
		if (i % 512 == 0)
			sound(w);
	}
}

/* Cuts the arena into pieces with and without gaps and gives them in any order. */
static void give_random_pieces(struct world *w)
{
	struct { paddr_t start, end; } pieces[64];
	paddr_t at = w->arena.base, end = at + w->arena.size;
	uint64_t step = w->arena.size / PAGE_SIZE / (1 + ktest_random_below(w->t, 20)) + 1;
	size_t n = 0;

	while (at < end && n < ARRAY_SIZE(pieces)) {
		uint64_t pages = 1 + ktest_random_below(w->t, step);

		if (ktest_random_below(w->t, 4) == 0)
			pages = align_up(pages, 4096);
		pieces[n].start = at;
		at = min(end, at + pages * PAGE_SIZE);
		pieces[n++].end = at;
		if (ktest_random_below(w->t, 3) == 0 || w->reaching.wanted)
			at += (w->reaching.wanted + ktest_random_below(w->t, 400)) * PAGE_SIZE;
	}
	while (n) {
		size_t i = ktest_random_below(w->t, n);

		give(w, pieces[i].start, pieces[i].end);
		pieces[i] = pieces[--n];
	}
}

static void random_world(struct ktest_run *t, uint64_t operations, const struct reaching *reaching)
{
	const paddr_t bases[] = { 0, MIB, 3 * MIB + 5 * PAGE_SIZE, 4 * GIB - 64 * MIB,
				  16 * GIB - 5 * MIB, BIT(46) };
	uint64_t size = (1 + ktest_random_below(t, 128 * 256)) * PAGE_SIZE;
	struct world *w = &world;

	if (ktest_random_below(t, 8) == 0)
		size = (1 + ktest_random_below(t, 3 * GIB_PAGES)) * PAGE_SIZE;
	require(t, world_open_reaching(w, t, bases[ktest_random_below(t, ARRAY_SIZE(bases))],
				       size, reaching));
	give_random_pieces(w);
	operate(w, operations, PAGE_ORDER_MAX);
	release_all(w);
	sound(w);
	world_close(w);
}

KTEST(page_random_requests_over_random_maps)
{
	uint64_t share = 4000;

	for (uint64_t done = 0; done < ktest_operations() && !t->failures; done += share)
		random_world(t, share, &(struct reaching){ 0 });
}

KTEST(page_random_requests_over_memory_that_must_be_reached)
{
	const struct reaching ways[] = {
		{ true, 0, 0, 0 }, { true, 1, 4, 0 }, { true, 2, 200, 8 }, { true, 4, 60, 3 },
	};
	uint64_t share = 4000;

	for (uint64_t done = 0; done < ktest_operations() / 2 && !t->failures; done += share)
		random_world(t, share, &ways[ktest_random_below(t, ARRAY_SIZE(ways))]);
}
KTEST(page_adding_memory_costs_nothing_until_it_is_used)
{
	static unsigned char resident[GIB_PAGES];
	struct world *w = &world;
	struct page_stats s;
	uint64_t touched = 0;

	require(t, world_open(w, t, 4 * GIB, 64 * GIB));
	give(w, 4 * GIB, 68 * GIB);
	for (unsigned round = 0; round < 2; round++) {
		touched = 0;
		for (uint64_t i = 0; i < 64; i++) {
			require(t, mincore(w->arena.memory + i * GIB, GIB, resident) == 0);
			for (size_t j = 0; j < GIB_PAGES; j++)
				touched += resident[j] & 1;
		}
		if (round == 0) {
			expect_eq(t, touched, 0);
			expect(t, allocate(w, 0, PAGE_ANY));
		}
	}
	page_allocator_stats(&w->pages, &s);
	expect(t, touched > 0 && touched <= s.metadata + 1);
	expect(t, s.metadata <= 16);
	/* The largest blocks, as many as there are but for one of metadata. */
	while (allocate(w, PAGE_ORDER_MAX, PAGE_ANY))
		;
	expect_eq(t, w->count, 1 + 63);
	release_all(w);
	sound(w);
	world_close(w);
}

KTEST(page_metadata_is_small)
{
	const unsigned largest[] = { 0, 3, 7, 8, 12 };
	struct world *w = &world;
	struct page_stats s;

	for (unsigned i = 0; i < ARRAY_SIZE(largest); i++) {
		require(t, world_open(w, t, GIB + 3 * PAGE_SIZE, 8 * GIB));
		give(w, GIB + 3 * PAGE_SIZE, 9 * GIB + 3 * PAGE_SIZE);
		while (w->count < LIVE_MAX && w->live_pages < GIB_PAGES) {
			require(t, allocate(w, (unsigned)ktest_random_below(t, largest[i] + 1),
					    PAGE_ANY));
			page_allocator_stats(&w->pages, &s);
			require(t, s.metadata <= w->live_pages / 100 + 16);
		}
		release_all(w);
		sound(w);
		world_close(w);
	}
}

KTEST(page_every_page_can_be_had_and_all_of_it_joins_again)
{
	struct world *w = &world;
	static paddr_t block[64 * 256];
	struct page_stats s;
	size_t n = 0;

	require(t, world_open(w, t, GIB, 64 * MIB));
	give(w, GIB, GIB + 64 * MIB);
	while (n < ARRAY_SIZE(block) && page_alloc_from(&w->pages, 0, 0, &block[n]) == 0) {
		require(t, *owner_of(w, block[n]) == PAGE_FREE);
		*owner_of(w, block[n]) = PAGE_LIVE;
		memset(arena_pointer(&w->arena, block[n++]), 0xff, PAGE_SIZE);
	}
	page_allocator_stats(&w->pages, &s);
	expect_eq(t, s.free, 0);
	expect_eq(t, n + s.metadata, s.total);
	expect(t, s.metadata <= s.total / 100 + 16);
	expect_str(t, page_allocator_check(&w->pages), NULL);
	while (n) {
		size_t i = ktest_random_below(t, n);

		expect_eq(t, page_free_to(&w->pages, block[i], 0), 0);
		expect_eq(t, page_free_to(&w->pages, block[i], 0), -EINVAL);
		block[i] = block[--n];
	}
	memset(w->owner, PAGE_FREE, 64 * 256);
	sound(w);
	expect(t, allocate(w, 13, PAGE_ANY));
	release_all(w);
	world_close(w);
}

/* When no range is left, maps must come out of the chunks that they describe. */
KTEST(page_maps_fit_where_no_untouched_memory_is_left)
{
	struct world *w = &world;
	struct page_stats before, s;

	require(t, world_open(w, t, GIB, 256 * MIB));
	give(w, GIB, GIB + 256 * MIB);
	for (unsigned order = PAGE_ORDER_MAX + 1; order-- > 0;)
		while (w->count < LIVE_MAX && allocate(w, order, PAGE_ANY))
			;
	page_allocator_stats(&w->pages, &before);
	expect_eq(t, before.free, 0);
	release_all(w);
	sound(w);
	while (w->count < LIVE_MAX && allocate(w, 7, PAGE_ANY))
		;
	while (w->count < LIVE_MAX && allocate(w, 4, PAGE_ANY))
		;
	page_allocator_stats(&w->pages, &s);
	expect(t, s.metadata > before.metadata);
	expect(t, s.metadata <= before.metadata + 256);
	operate(w, 20000, 8);
	release_all(w);
	sound(w);
	page_allocator_stats(&w->pages, &s);
	expect_eq(t, s.metadata, before.metadata);
	expect(t, allocate(w, 15, PAGE_ANY));
	release_all(w);
	world_close(w);
}

KTEST(page_pieces_join_across_their_seams)
{
	struct world *w = &world;

	/* Given out of order, so that only joining can make a GiB of them. */
	require(t, world_open(w, t, GIB, 2 * GIB));
	give(w, GIB + 512 * MIB + 3 * PAGE_SIZE, 2 * GIB);
	give(w, 2 * GIB, 3 * GIB - 64 * MIB);
	give(w, GIB, GIB + 512 * MIB + 3 * PAGE_SIZE);
	give(w, 3 * GIB - 64 * MIB, 3 * GIB);
	expect(t, allocate(w, PAGE_ORDER_MAX, PAGE_ANY));
	expect(t, allocate(w, PAGE_ORDER_MAX - 1, PAGE_ANY));
	release_all(w);
	sound(w);
	world_close(w);

	require(t, world_open(w, t, 16 * MIB, 2 * GIB));
	give(w, 16 * MIB, 32 * MIB);
	while (w->count < 64 && allocate(w, 4, PAGE_ANY))
		;
	give(w, 32 * MIB, GIB);
	give(w, GIB, 2 * GIB);
	while (w->count < LIVE_MAX && allocate(w, 10, PAGE_ANY))
		;
	sound(w);
	release_all(w);
	expect(t, allocate(w, PAGE_ORDER_MAX - 1, PAGE_BELOW_4G));
	release_all(w);
	sound(w);
	world_close(w);
}

KTEST(page_blocks_never_span_a_gap)
{
	struct world *w = &world;

	require(t, world_open(w, t, GIB, 64 * MIB));
	give(w, GIB, GIB + 32 * MIB - PAGE_SIZE);
	give(w, GIB + 32 * MIB, GIB + 64 * MIB);
	while (w->count < LIVE_MAX && allocate(w, 3, PAGE_ANY))
		;
	release_all(w);
	expect(t, !allocate(w, 14, PAGE_ANY));
	sound(w);
	world_close(w);
}

KTEST(page_low_memory_is_kept_for_those_who_ask)
{
	struct world *w = &world;

	require(t, world_open(w, t, MIB, 4 * GIB + 127 * MIB));
	give(w, MIB, 128 * MIB);
	give(w, 4 * GIB, 4 * GIB + 128 * MIB);
	for (unsigned i = 0; i < 200; i++) {
		expect(t, allocate(w, 6, PAGE_ANY));
		expect(t, w->live[w->count - 1].block >= 4 * GIB);
	}
	expect(t, allocate(w, 6, PAGE_BELOW_4G));
	expect(t, w->live[w->count - 1].block >= 16 * MIB);
	while (allocate(w, 0, PAGE_BELOW_16M))
		;
	expect(t, w->live_pages > 201 * 64 + 15 * 256 - 64);
	expect(t, !allocate(w, 0, PAGE_BELOW_16M));
	expect(t, allocate(w, 0, PAGE_BELOW_4G));
	while (w->count < LIVE_MAX && allocate(w, 8, PAGE_ANY))
		;
	expect(t, w->live[w->count - 1].block < 4 * GIB);
	release_all(w);
	sound(w);
	world_close(w);
}

KTEST(page_wrong_requests_are_refused)
{
	struct world *w = &world;
	struct page_block found;
	paddr_t block = 77;

	require(t, world_open(w, t, GIB, 32 * MIB));
	expect_eq(t, page_alloc_from(&w->pages, 0, 0, &block), -ENOMEM);
	give(w, GIB, GIB + 32 * MIB);
	expect_eq(t, page_alloc_from(&w->pages, PAGE_ORDER_MAX + 1, 0, &block), -EINVAL);
	expect_eq(t, page_alloc_from(&w->pages, ~0u, 0, &block), -EINVAL);
	expect_eq(t, page_alloc_from(&w->pages, PAGE_ORDER_MAX, 0, &block), -ENOMEM);
	expect_eq(t, page_alloc_from(&w->pages, 0, PAGE_BELOW_16M, &block), -ENOMEM);
	expect_eq(t, block, 77);
	expect_eq(t, page_allocator_add(&w->pages, GIB, GIB), -EINVAL);
	expect_eq(t, page_allocator_add(&w->pages, 2 * GIB, GIB), -EINVAL);
	expect_eq(t, page_allocator_add(&w->pages, 2 * GIB + 1, 3 * GIB), -EINVAL);
	expect_eq(t, page_allocator_add(&w->pages, 2 * GIB, BIT(52)), -EINVAL);
	require(t, allocate(w, 2, PAGE_ANY));
	block = w->live[0].block;
	expect_eq(t, page_free_to(&w->pages, block, 1), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, block, 3), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, block + PAGE_SIZE, 0), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, block + 1, 2), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, UINT64_MAX, 2), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, BIT(52) | block, 2), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, block, 34), -EINVAL);
	expect(t, !page_block_find(&w->pages, BIT(51), &found));
	release(w, 0);
	expect_eq(t, page_free_to(&w->pages, block, 2), -EINVAL);
	sound(w);
	world_close(w);
}

KTEST(page_uses_are_remembered)
{
	const unsigned orders[] = { 0, 5, 8, 10 };
	struct world *w = &world;
	struct page_block found;
	paddr_t block;

	require(t, world_open(w, t, GIB, 32 * MIB));
	give(w, GIB, GIB + 32 * MIB);
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		require(t, page_alloc_from(&w->pages, orders[i], PAGE_USE_HEAP_RUN, &block) == 0);
		expect(t, page_block_find(&w->pages, block, &found));
		expect_eq(t, found.use, PAGE_USE_HEAP_RUN);
		expect_eq(t, page_free_to(&w->pages, block, orders[i]), 0);
	}
	sound(w);
	world_close(w);
}

KTEST(page_table_of_ranges_has_an_end)
{
	struct world *w = &world;
	struct page_stats s;
	paddr_t at = GIB;
	unsigned n = 0;

	require(t, world_open(w, t, GIB, 128 * MIB));
	for (; page_allocator_add(&w->pages, at, at + 16 * PAGE_SIZE) == 0; at += 17 * PAGE_SIZE) {
		memset(owner_of(w, at), PAGE_FREE, 16);
		w->given += 16;
		require(t, ++n < PAGE_RANGES_MAX);
	}
	expect(t, n >= 600);
	expect_eq(t, page_allocator_add(&w->pages, at, at + PAGE_SIZE), -ENOSPC);
	page_allocator_stats(&w->pages, &s);
	expect_eq(t, s.total, n * 16);
	sound(w);
	while (w->count < LIVE_MAX && allocate(w, 0, PAGE_ANY))
		;
	/* What is used up leaves the table. */
	give(w, at, at + 16 * PAGE_SIZE);
	expect(t, allocate(w, 3, PAGE_ANY));
	release_all(w);
	sound(w);
	world_close(w);
}
