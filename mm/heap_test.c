// SPDX-License-Identifier: MIT
/*
 * Tests of the heap on the host: random requests whose blocks are filled with
 * a pattern of their own and verified when they go, so overlap is seen.
 */
#include <string.h>

#include "mm/heap.h"
#include "mm/arena_test.h"
#include "mm/heap_internal.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

enum { LIVE_MAX = 8192 };

struct live {
	unsigned char *p;
	size_t size;		/* as asked for */
	uint64_t id;
};

struct world {
	struct ktest_run *t;
	struct arena arena;
	struct page_allocator pages;
	struct heap heap;
	struct live live[LIVE_MAX];
	size_t count;
	uint64_t next_id;
	uint64_t refused;	/* requests that found no memory */
};

static struct world world;

static bool world_open(struct world *w, struct ktest_run *t, uint64_t size)
{
	const paddr_t base = 64 * MIB;

	w->t = t;
	w->count = 0;
	w->refused = 0;
	if (!arena_open(&w->arena, base, size))
		return false;
	page_allocator_init(&w->pages, arena_offset(&w->arena), NULL);
	heap_init(&w->heap, &w->pages);
	return page_allocator_add(&w->pages, base, base + size) == 0;
}

static void world_close(struct world *w)
{
	arena_close(&w->arena);
}

static bool sound(struct world *w)
{
	struct heap_stats s;

	heap_stats(&w->heap, &s);
	return expect_str(w->t, heap_check(&w->heap), NULL) &&
	       expect_str(w->t, page_allocator_check(&w->pages), NULL) &&
	       expect_eq(w->t, s.blocks, w->count);
}

/* Nothing is live: every page must be back, metadata apart. */
static void expect_empty(struct world *w)
{
	struct page_stats pages;
	struct heap_stats s;

	expect_eq(w->t, w->count, 0);
	sound(w);
	heap_stats(&w->heap, &s);
	expect_eq(w->t, s.bytes, 0);
	heap_trim(&w->heap);
	heap_stats(&w->heap, &s);
	expect_eq(w->t, s.pages, 0);
	page_allocator_stats(&w->pages, &pages);
	expect_eq(w->t, pages.free + pages.metadata, pages.total);
	sound(w);
}

static unsigned char pattern(uint64_t id, size_t i)
{
	return (unsigned char)(id * 31 + i * 7 + (i >> 8) + (id >> 8));
}

static void fill(const struct live *l, size_t from)
{
	for (size_t i = from; i < l->size; i++)
		l->p[i] = pattern(l->id, i);
}

static bool intact(const struct live *l, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (l->p[i] != pattern(l->id, i))
			return false;
	return true;
}

static bool plausible(struct world *w, const struct live *l, size_t align)
{
	size_t usable = heap_usable_size(&w->heap, l->p);

	return expect(w->t, (char *)l->p >= w->arena.memory &&
			    (char *)l->p + usable <= w->arena.memory + w->arena.size) &&
	       expect(w->t, is_aligned((uintptr_t)l->p, max(align, (size_t)16))) &&
	       expect(w->t, usable >= max(l->size, (size_t)1));
}

static bool allocate(struct world *w, size_t size, size_t align)
{
	struct live *l = &w->live[w->count];

	if (!expect(w->t, w->count < LIVE_MAX))
		return false;
	l->size = size;
	l->id = ++w->next_id;
	l->p = heap_alloc(&w->heap, size, align);
	if (!l->p) {
		w->refused++;
		return false;
	}
	if (!plausible(w, l, align))
		return false;
	fill(l, 0);
	w->count++;
	return true;
}

static int slow_result;

static void free_slow(void *block)
{
	slow_result = heap_free(&world.heap, block);
}

/* The wrapper's short path or the function; both must do the same. */
static int free_either(struct world *w, void *block)
{
	if (ktest_random_below(w->t, 2))
		return heap_free(&w->heap, block);
	slow_result = 0;
	heap_free_inline(&w->heap, block, free_slow);
	return slow_result;
}

static void *resize_slow(void *block, size_t size)
{
	return heap_realloc(&world.heap, block, size);
}

static void release(struct world *w, size_t i)
{
	struct live *l = &w->live[i];

	expect(w->t, intact(l, l->size));
	expect_eq(w->t, free_either(w, l->p), 0);
	expect_eq(w->t, free_either(w, l->p), -EINVAL);
	*l = w->live[--w->count];
}

static void release_all(struct world *w)
{
	while (w->count && !w->t->failures)
		release(w, ktest_random_below(w->t, w->count));
}

static void resize(struct world *w, size_t i, size_t size)
{
	struct live *l = &w->live[i];
	size_t kept = min(size, l->size);
	unsigned char *p = heap_realloc_inline(&w->heap, l->p, size, resize_slow);

	if (!p) {
		w->refused++;
		expect(w->t, intact(l, l->size));
		return;
	}
	l->p = p;
	l->size = size;
	expect(w->t, plausible(w, l, 16));
	expect(w->t, intact(l, kept));
	fill(l, kept);
}

/* Freeing anything but the start of a live block is refused. */
static void free_wrongly(struct world *w)
{
	const struct live *l = &w->live[ktest_random_below(w->t, w->count)];
	size_t usable = heap_usable_size(&w->heap, l->p);
	unsigned char *p = l->p + 1 + ktest_random_below(w->t, usable - 1);

	if (ktest_random_below(w->t, 2)) {
		p = (unsigned char *)(uintptr_t)ktest_random(w->t);
		if ((char *)p >= w->arena.memory && (char *)p < w->arena.memory + w->arena.size)
			return;
	}
	expect_eq(w->t, free_either(w, p), -EINVAL);
	expect_eq(w->t, heap_usable_size(&w->heap, p), 0);
	expect(w->t, !heap_realloc_inline(&w->heap, p, 100, resize_slow));
}

static size_t random_size(struct ktest_run *t)
{
	switch (ktest_random_below(t, 64)) {
	case 0: return ktest_random_below(t, 100000);
	case 1: return ktest_random_below(t, 9000);
	case 2: case 3: case 4: case 5: case 6: case 7: return ktest_random_below(t, 4200);
	default: return ktest_random_below(t, 200);
	}
}

static void operate(struct world *w, uint64_t operations)
{
	struct ktest_run *t = w->t;
	unsigned bias = 50;

	for (uint64_t i = 0; i < operations && t->failures == 0; i++) {
		uint64_t dice = ktest_random_below(t, 100);

		if (i % 4096 == 0)
			bias = 30 + (unsigned)ktest_random_below(t, 40);
		if (i % 16384 == 0)
			sound(w);
		if (w->count == 0 || (dice < bias && w->count < LIVE_MAX)) {
			size_t align = 1;

			if (ktest_random_below(t, 8) == 0)
				align = BIT(ktest_random_below(t, PAGE_SHIFT + 1));
			allocate(w, random_size(t), align);
		} else if (dice < 88) {
			release(w, ktest_random_below(t, w->count));
		} else if (dice < 98) {
			resize(w, ktest_random_below(t, w->count), random_size(t));
		} else {
			free_wrongly(w);
		}
	}
}

KTEST(heap_random_requests_never_overlap)
{
	struct world *w = &world;

	require(t, world_open(w, t, 512 * MIB));
	operate(w, ktest_operations());
	expect_eq(t, w->refused, 0);
	release_all(w);
	expect_empty(w);
	world_close(w);
}

KTEST(heap_survives_running_out_of_memory)
{
	struct world *w = &world;

	for (unsigned i = 0; i < 10; i++) {
		require(t, world_open(w, t, (40 + 60 * i) * PAGE_SIZE));
		operate(w, ktest_operations() / 50);
		while (w->count < LIVE_MAX && allocate(w, 1000, 16))
			;
		expect(t, w->refused > 0);
		sound(w);
		release_all(w);
		expect_empty(w);
		world_close(w);
	}
}

KTEST(heap_every_size_and_alignment_is_served)
{
	struct world *w = &world;

	require(t, world_open(w, t, 64 * MIB));
	for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
		for (size_t size = 0; size <= 4200; size += 1 + size / 64) {
			require(t, allocate(w, size, align));
			require(t, allocate(w, size, align));
		}
		sound(w);
		release_all(w);
	}
	expect_empty(w);
	world_close(w);
}

KTEST(heap_classes_hold_what_their_table_says)
{
	for (size_t size = 0; size <= HEAP_SMALL_MAX; size++) {
		unsigned class = heap_class_of[(size + HEAP_ALIGN - 1) / HEAP_ALIGN];

		expect(t, heap_classes[class].size >= size);
		expect(t, class == 0 || heap_classes[class - 1].size < size);
	}
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		const struct heap_span *c = &heap_classes[i];
		unsigned bytes = (unsigned)PAGE_SIZE * c->pages;
		struct heap_span s = { .reciprocal = c->reciprocal };

		expect(t, is_aligned(c->size, HEAP_ALIGN));
		expect_eq(t, bytes / c->size > 64, i < HEAP_TINY_CLASSES);
		expect(t, bytes / c->size <= 64 * 8);
		for (unsigned offset = 0; offset < bytes; offset++) {
			uint64_t quotient = span_divide(&s, offset);

			expect_eq(t, quotient >> 32, offset / c->size);
			expect_eq(t, divides(quotient), offset % c->size == 0);
		}
	}
}

KTEST(heap_wastes_at_most_a_quarter_on_small_blocks)
{
	struct world *w = &world;

	require(t, world_open(w, t, 64 * MIB));
	for (size_t size = 65; size <= HEAP_SMALL_MAX; size++) {
		void *p = heap_alloc(&w->heap, size, 16);

		expect(t, heap_usable_size(&w->heap, p) <= size + size / 4);
		expect_eq(t, heap_free(&w->heap, p), 0);
	}
	expect_empty(w);
	world_close(w);
}

KTEST(heap_refuses_what_is_no_live_block)
{
	struct world *w = &world;
	char *small, *large, *raw;
	paddr_t block;
	int local;

	require(t, world_open(w, t, 64 * MIB));
	require(t, heap_alloc(&w->heap, 100, 16));
	small = heap_alloc(&w->heap, 100, 16);
	large = heap_alloc(&w->heap, 10000, 16);
	require(t, page_alloc_from(&w->pages, 0, PAGE_ANY, &block) == 0);
	raw = arena_pointer(&w->arena, block);

	expect_eq(t, heap_free(&w->heap, NULL), 0);
	expect_eq(t, heap_free(&w->heap, small + 1), -EINVAL);
	expect_eq(t, heap_free(&w->heap, small + 112), -EINVAL);
	expect_eq(t, heap_free(&w->heap, small + 1000), -EINVAL);
	expect_eq(t, heap_free(&w->heap, (void *)(((uintptr_t)small | (2 * PAGE_SIZE - 1)) - 15)),
		  -EINVAL);
	expect_eq(t, heap_free(&w->heap, large + PAGE_SIZE), -EINVAL);
	expect_eq(t, heap_free(&w->heap, large + 16), -EINVAL);
	expect_eq(t, heap_free(&w->heap, raw), -EINVAL);
	expect_eq(t, heap_free(&w->heap, &local), -EINVAL);
	expect_eq(t, heap_free(&w->heap, w->arena.memory - 1), -EINVAL);
	expect_eq(t, heap_free(&w->heap, w->arena.memory + w->arena.size), -EINVAL);
	expect_eq(t, heap_free(&w->heap, (void *)UINTPTR_MAX), -EINVAL);
	expect_eq(t, heap_free(&w->heap, (void *)1), -EINVAL);
	expect_eq(t, heap_usable_size(&w->heap, NULL), 0);

	expect_eq(t, heap_free(&w->heap, small), 0);
	expect_eq(t, heap_free(&w->heap, small), -EINVAL);
	expect_eq(t, heap_free(&w->heap, small - 112), 0);
	expect_eq(t, heap_free(&w->heap, large), 0);
	expect_eq(t, heap_free(&w->heap, large), -EINVAL);
	heap_trim(&w->heap);
	expect_eq(t, heap_free(&w->heap, small), -EINVAL);
	expect_eq(t, page_free_to(&w->pages, block, 0), 0);
	expect_empty(w);
	world_close(w);
}

KTEST(heap_refuses_impossible_requests)
{
	struct world *w = &world;

	require(t, world_open(w, t, 64 * MIB));
	expect(t, !heap_alloc(&w->heap, SIZE_MAX, 16));
	expect(t, !heap_alloc(&w->heap, SIZE_MAX - 15, 1));
	expect(t, !heap_alloc(&w->heap, 128 * MIB, 16));
	expect(t, !heap_alloc(&w->heap, GIB + 1, 16));
	expect(t, !heap_alloc(&w->heap, 16, 0));
	expect(t, !heap_alloc(&w->heap, 16, 48));
	expect(t, !heap_alloc(&w->heap, 16, 2 * PAGE_SIZE));
	expect_empty(w);
	world_close(w);
}

KTEST(heap_realloc_keeps_place_and_contents_where_it_can)
{
	struct world *w = &world;
	char *p, *q;

	require(t, world_open(w, t, MIB));
	p = heap_realloc(&w->heap, NULL, 0);
	expect_eq(t, heap_usable_size(&w->heap, p), 16);
	expect(t, heap_realloc(&w->heap, p, 16) == p);
	expect(t, heap_realloc(&w->heap, p, 8) == p);
	q = heap_realloc(&w->heap, p, 500);
	require(t, q && q != p);
	expect(t, heap_realloc(&w->heap, q, 512) == q);
	expect(t, heap_realloc(&w->heap, q, 300) == q);
	memset(q, 0x77, 300);
	p = heap_realloc(&w->heap, q, 5000);
	require(t, p);
	for (unsigned i = 0; i < 300; i++)
		require(t, p[i] == 0x77);
	/* No room for this: the block stays. */
	expect(t, !heap_realloc(&w->heap, p, 2 * MIB));
	expect(t, !heap_realloc(&w->heap, p, SIZE_MAX));
	expect_eq(t, p[299], 0x77);
	q = heap_realloc(&w->heap, p, 1);
	expect(t, q && q[0] == 0x77);
	expect_eq(t, heap_usable_size(&w->heap, p), 0);
	expect_eq(t, heap_free(&w->heap, q), 0);
	expect_empty(w);
	world_close(w);
}

KTEST(heap_realloc_shrinks_in_place_when_there_is_no_memory)
{
	struct world *w = &world;
	char *small, *run;

	require(t, world_open(w, t, MIB));
	small = heap_malloc(&w->heap, 4000);
	run = heap_malloc(&w->heap, 100000);
	require(t, small && run);
	while (heap_malloc(&w->heap, 16))
		;
	expect(t, heap_realloc(&w->heap, small, 8) == small);
	expect(t, heap_realloc(&w->heap, run, 8) == run);
	expect(t, !heap_realloc(&w->heap, small, 4097));
	expect_eq(t, heap_usable_size(&w->heap, small), 4096);
	expect_str(t, heap_check(&w->heap), NULL);
	world_close(w);
}

KTEST(heap_tells_blocks_and_heaps_apart)
{
	struct world *w = &world;
	static struct heap other;
	struct heap_block b;
	char *block, *tiny, *run, *theirs;

	require(t, world_open(w, t, 64 * MIB));
	heap_init(&other, &w->pages);
	block = heap_malloc(&w->heap, 1000);
	tiny = heap_malloc(&w->heap, 10);
	run = heap_malloc(&w->heap, 10000);
	theirs = heap_malloc(&other, 1000);
	require(t, block && tiny && run && theirs);
	expect(t, heap_block_find(&w->heap, tiny + 16, &b) && !b.live);
	expect_eq(t, b.start, (uintptr_t)tiny + 16);
	expect(t, !heap_block_find(&w->heap, &other, &b));
	expect(t, !heap_block_find(&w->heap, theirs, &b));
	expect(t, !heap_block_find(&w->heap, NULL, &b));
	expect_eq(t, heap_free(&w->heap, theirs), -EINVAL);
	expect(t, heap_block_find(&w->heap, run + 9999, &b));
	expect_eq(t, b.start, (uintptr_t)run);
	expect_eq(t, b.size, 3 * PAGE_SIZE);
	expect(t, heap_block_find(&w->heap, block + 1001, &b) && b.live);
	expect_eq(t, b.start, (uintptr_t)block);
	expect_eq(t, heap_free(&w->heap, block), 0);
	expect(t, heap_block_find(&w->heap, block, &b) && !b.live);
	expect_eq(t, heap_free(&other, theirs), 0);
	expect_eq(t, heap_free(&w->heap, tiny), 0);
	expect_eq(t, heap_free(&w->heap, run), 0);
	heap_trim(&other);
	expect_empty(w);
	world_close(w);
}

static unsigned alarms;

static void count_alarm(const struct heap *h __unused, const char *what __unused)
{
	alarms++;
}

KTEST(heap_notices_damage_to_a_descriptor)
{
	struct world *w = &world;
	struct heap_span *s;
	char *block;

	require(t, world_open(w, t, 64 * MIB));
	heap_set_alarm(&w->heap, count_alarm);
	for (unsigned i = 0; i < 3; i++) {
		require(t, heap_malloc(&w->heap, 1000));
		block = heap_malloc(&w->heap, 1000);
		require(t, block);
		s = *map_entry(&w->heap, (uintptr_t)block);
		if (i == 0)
			s->start += 64;
		else if (i == 1)
			s->reciprocal ^= 1 << 20;
		else
			s->size += 16;
		/* Blocks seem to lie elsewhere, or to be no live ones. */
		if (i < 2)
			expect_eq(t, heap_free(&w->heap, block), -EINVAL);
		expect_str(t, heap_check(&w->heap), "a span's descriptor is damaged");
		/* All free, it is not given back but reported. */
		s->free = all_blocks(s);
		w->heap.empty[s->class] = s;
		alarms = 0;
		heap_trim(&w->heap);
		expect_eq(t, alarms, 1);
		expect_eq(t, w->heap.span_pages, 4 * (i + 1));
		s->count = 0;
		w->heap.spans[s->class] = 0;
	}
	world_close(w);
}

/* A class lends only when it has two spans with free blocks. */
KTEST(heap_lends_a_larger_block_before_it_makes_a_span)
{
	enum { LARGER = 2048, SMALLER = 1920 };
	struct world *w = &world;
	char *blocks[64], *p;
	uint64_t pages;
	unsigned n = 0;

	require(t, world_open(w, t, 64 * MIB));
	/* Two spans of the larger class: 8 and 16 blocks. */
	while (w->heap.spans[heap_class_of[LARGER / 16]] < 2)
		blocks[n++] = heap_malloc(&w->heap, LARGER);
	while (n < 24)
		blocks[n++] = heap_malloc(&w->heap, LARGER);
	pages = w->heap.span_pages;
	p = heap_malloc(&w->heap, SMALLER);
	expect_eq(t, heap_usable_size(&w->heap, p), SMALLER);
	expect(t, w->heap.span_pages > pages);
	expect_eq(t, heap_free(&w->heap, p), 0);
	heap_trim(&w->heap);
	expect_eq(t, w->heap.span_pages, pages);
	expect_eq(t, heap_free(&w->heap, blocks[0]), 0);
	expect_eq(t, heap_free(&w->heap, blocks[23]), 0);
	p = heap_malloc(&w->heap, SMALLER);
	expect_eq(t, heap_usable_size(&w->heap, p), LARGER);
	expect_eq(t, w->heap.span_pages, pages);
	expect_str(t, heap_check(&w->heap), NULL);
	world_close(w);
}

/* More granules than the first maps have entries, so that hints are wrong and maps grow. */
KTEST(heap_finds_blocks_whatever_the_map_says)
{
	enum { BLOCKS = 12000 };
	struct world *w = &world;
	static char *blocks[BLOCKS];
	uint64_t mask = 0;

	require(t, world_open(w, t, 256 * MIB));
	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = heap_malloc(&w->heap, 3000);
		require(t, blocks[i]);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		char *p = blocks[i * 7919ul % BLOCKS];

		expect(t, w->heap.map_mask >= mask);
		mask = w->heap.map_mask;
		if (i % 2)
			expect_eq(t, heap_usable_size(&w->heap, p), 3264);
		expect_eq(t, heap_free(&w->heap, p + 16), -EINVAL);
		expect_eq(t, heap_free(&w->heap, p), 0);
		expect_eq(t, heap_free(&w->heap, p), -EINVAL);
	}
	expect(t, mask >= 4095);
	expect_empty(w);
	world_close(w);
}

/* With no pages left a larger block will do, and empty spans of other classes are given up. */
KTEST(heap_uses_what_it_holds_before_it_fails)
{
	struct world *w = &world;
	char *large[64], *p;
	unsigned n = 0;

	require(t, world_open(w, t, MIB));
	p = heap_malloc(&w->heap, 600);		/* an empty span to give up later */
	expect_eq(t, heap_free(&w->heap, p), 0);
	large[n++] = heap_malloc(&w->heap, 4000);
	while (heap_malloc(&w->heap, 8192))
		;
	while (heap_malloc(&w->heap, 4096 + 1) || heap_malloc(&w->heap, 3900))
		;
	expect_eq(t, heap_free(&w->heap, large[0]), 0);
	p = heap_malloc(&w->heap, 300);
	expect(t, p);
	expect_eq(t, heap_usable_size(&w->heap, p), 4096);
	expect(t, !heap_malloc(&w->heap, 300));
	expect_str(t, heap_check(&w->heap), NULL);
	world_close(w);
}

/* One live block does not keep all the descriptors that once were in use. */
KTEST(heap_trim_gives_back_pages_of_descriptors)
{
	enum { BLOCKS = 5000 };
	struct world *w = &world;
	static char *blocks[BLOCKS];
	struct heap_stats s;
	char *kept;

	require(t, world_open(w, t, 256 * MIB));
	kept = heap_malloc(&w->heap, 3000);
	for (unsigned i = 0; i < BLOCKS; i++)
		require(t, (blocks[i] = heap_malloc(&w->heap, 2000 + i % 2000)));
	for (unsigned i = 0; i < BLOCKS; i++)
		expect_eq(t, heap_free(&w->heap, blocks[i]), 0);
	heap_trim(&w->heap);
	heap_stats(&w->heap, &s);
	expect(t, w->heap.own_pages <= 2 + 8 + 1);	/* pools being filled, a map */
	expect_str(t, heap_check(&w->heap), NULL);
	for (unsigned i = 0; i < BLOCKS; i++)
		require(t, (blocks[i] = heap_malloc(&w->heap, 2000 + i % 2000)));
	expect_str(t, heap_check(&w->heap), NULL);
	for (unsigned i = 0; i < BLOCKS; i++)
		expect_eq(t, heap_free(&w->heap, blocks[i]), 0);
	expect_eq(t, heap_free(&w->heap, kept), 0);
	expect_empty(w);
	world_close(w);
}

/* Runs: another heap's are not ours, and one that became longer is counted as it is. */
KTEST(heap_counts_its_own_runs)
{
	struct world *w = &world;
	static struct heap other;
	paddr_t groups[8], page;
	struct heap_stats s;
	unsigned n = 0;
	char *run;

	require(t, world_open(w, t, 80 * MIB));
	heap_init(&other, &w->pages);
	run = heap_malloc(&other, 5000);
	require(t, run);
	expect_eq(t, heap_free(&w->heap, run), -EINVAL);
	expect_eq(t, heap_usable_size(&w->heap, run), 0);
	expect(t, !heap_realloc(&w->heap, run, 10000));
	expect_eq(t, heap_free(&other, run), 0);
	while (n < 8 && !page_alloc_from(&w->pages, 12, PAGE_ANY, &groups[n]))
		n++;
	while (!page_alloc_from(&w->pages, 0, PAGE_ANY, &page))
		;
	while (n)
		require(t, page_free_to(&w->pages, groups[--n], 12) == 0);
	run = heap_malloc(&w->heap, 9 * MIB);
	require(t, run);
	heap_stats(&w->heap, &s);
	expect_eq(t, s.bytes, heap_usable_size(&w->heap, run));
	expect_eq(t, heap_free(&w->heap, run), 0);
	heap_stats(&w->heap, &s);
	expect(t, s.blocks == 0 && s.bytes == 0 && s.pages == 0);
	world_close(w);
}
