// SPDX-License-Identifier: MIT
/*
 * Tests of full checking on the host: each misuse is made and must be told in
 * the right words; then random requests, with random damage in between.
 */
#include <string.h>

#include "mm/heap_debug.h"
#include "mm/heap_debug_internal.h"
#include "mm/arena_test.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

enum {
	LIVE_MAX = 2048,
	QUARANTINE = 64 * KIB,
};

#define MAKER	"drivers/block/blk.c:120"
#define FREER	"drivers/block/blk.c:130"
#define CULPRIT	"drivers/net/net.c:7"

/* What the layer has said, and how often. */
static char said[2 * DEBUG_HEAP_TEXT];
static unsigned findings;

static struct world {
	struct ktest_run *t;
	struct arena arena;
	struct page_allocator pages;
	struct heap core;
	struct debug_heap heap;
} world;

static void found(const char *what)
{
	findings++;
	str_copy(said, sizeof(said), what);
}

static struct debug_heap *world_open(struct ktest_run *t, uint64_t size, size_t quarantine)
{
	const paddr_t base = 64 * MIB;
	struct world *w = &world;

	w->t = t;
	findings = 0;
	said[0] = '\0';
	if (!expect(t, arena_open(&w->arena, base, size)))
		return NULL;
	page_allocator_init(&w->pages, arena_offset(&w->arena));
	heap_init(&w->core, &w->pages);
	debug_heap_init(&w->heap, &w->core, "first", quarantine, found);
	return expect_eq(t, page_allocator_add(&w->pages, base, base + size), 0) ? &w->heap : NULL;
}

/* Nothing was found that was not expected, and nothing is live. */
static void world_close(void)
{
	struct world *w = &world;
	char what[DEBUG_HEAP_TEXT];
	struct heap_stats s;

	expect(w->t, debug_heap_check(&w->heap, what, sizeof(what)));
	debug_heap_stats(&w->heap, &s);
	expect_eq(w->t, s.blocks, 0);
	expect_eq(w->t, s.bytes, 0);
	debug_heap_drain(&w->heap);
	expect_eq(w->t, findings, 0);
	heap_trim(&w->core);
	heap_stats(&w->core, &s);
	expect_eq(w->t, s.blocks, 0);
	expect_str(w->t, heap_check(&w->core), NULL);
	arena_close(&w->arena);
}

/* Something was found, just now, in these words; * stands for anything. */
static bool told(struct ktest_run *t, const char *words)
{
	bool ok = expect_eq(t, findings, 1) && expect(t, glob_match(words, said));

	if (!ok)
		print("# '%s' was said, not '%s'\n", said, words);
	findings = 0;
	said[0] = '\0';
	return ok;
}

/* A look at everything ends in these words. */
static bool check_tells(struct ktest_run *t, const char *words)
{
	char what[DEBUG_HEAP_TEXT] = "";

	if (expect(t, !debug_heap_check(&world.heap, what, sizeof(what))) &&
	    expect(t, glob_match(words, what)))
		return true;
	print("# '%s' was said, not '%s'\n", what, words);
	return false;
}

static void expect_sound(struct ktest_run *t)
{
	char what[DEBUG_HEAP_TEXT] = "";

	if (!expect(t, debug_heap_check(&world.heap, what, sizeof(what))))
		print("# '%s'\n", what);
	expect_eq(t, findings, 0);
}

/* Of a block that was not aligned to more than 16. */
static void *header_of(uint8_t *p)
{
	return p - align_up(sizeof(struct debug_block) + DEBUG_RED_MIN, 16);
}

static bool is_filled(const uint8_t *p, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

KTEST(heap_debug_blocks_are_as_asked_for)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);

	require(t, d);
	for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
		for (size_t size = 0; size <= 9000; size += 1 + size / 16) {
			size_t want = max(size, (size_t)1);
			uint8_t *p = debug_heap_alloc(d, size, align, MAKER);

			require(t, p);
			expect(t, is_aligned((uintptr_t)p, max(align, (size_t)16)));
			expect_eq(t, debug_heap_usable_size(d, p), want);
			expect(t, is_filled(p, want, DEBUG_HEAP_ALLOCATED));
			memset(p, 0, want);
			expect_eq(t, debug_heap_free(d, p, FREER), 0);
			expect_eq(t, debug_heap_usable_size(d, p), 0);
			expect(t, is_filled(p, want, DEBUG_HEAP_FREED));
		}
	}
	expect_eq(t, debug_heap_free(d, NULL, FREER), 0);
	expect_eq(t, debug_heap_usable_size(d, NULL), 0);
	world_close();
}

KTEST(heap_debug_refuses_impossible_requests)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p;

	require(t, d);
	p = debug_heap_alloc(d, 10, 16, MAKER);
	expect(t, !debug_heap_alloc(d, SIZE_MAX, 16, MAKER));
	expect(t, !debug_heap_alloc(d, SIZE_MAX - 200, 1, MAKER));
	expect(t, !debug_heap_alloc(d, (size_t)DEBUG_HEAP_SIZE_MAX + 1, 16, MAKER));
	expect(t, !debug_heap_alloc(d, 128 * MIB, 16, MAKER));
	expect(t, !debug_heap_alloc(d, 16, 0, MAKER));
	expect(t, !debug_heap_alloc(d, 16, 3, MAKER));
	expect(t, !debug_heap_alloc(d, 16, 48, MAKER));
	expect(t, !debug_heap_alloc(d, 16, 2 * PAGE_SIZE, MAKER));
	expect(t, !debug_heap_alloc(d, 16, SIZE_MAX, MAKER));
	expect(t, !debug_heap_realloc(d, p, SIZE_MAX, MAKER));
	expect(t, !debug_heap_realloc(d, NULL, SIZE_MAX, MAKER));
	expect_eq(t, debug_heap_usable_size(d, p), 10);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	world_close();
}

KTEST(heap_debug_finds_an_overrun_by_one_byte)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	char words[DEBUG_HEAP_TEXT];

	require(t, d);
	for (size_t size = 1; size < 5000; size += 1 + size / 16) {
		size_t align = BIT(size % 13);
		uint8_t *p = debug_heap_alloc(d, size, align, MAKER);
		uint8_t *spare = debug_heap_alloc(d, size, align, "spare");

		require(t, p && spare);
		p[size] ^= 0xff;
		format(words, sizeof(words), "*: overrun of a %zu-byte block allocated at " MAKER
		       ": byte %zu is 0x42", size, size);
		check_tells(t, words + 3);
		expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
		told(t, words);
		expect(t, !debug_heap_realloc(d, p, size + 1, CULPRIT));
		told(t, words);
		p[size] ^= 0xff;
		expect_eq(t, debug_heap_free(d, p, FREER), 0);
		/* It is looked at there, too. */
		p[size] ^= 0xff;
		check_tells(t, "overrun of a *, freed at " FREER ": byte *");
		p[size] ^= 0xff;
		expect_eq(t, debug_heap_free(d, spare, FREER), 0);
	}
	world_close();
}

KTEST(heap_debug_finds_an_underrun_by_one_byte)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);

	require(t, d);
	for (size_t align = 16; align <= PAGE_SIZE; align *= 2) {
		uint8_t *p = debug_heap_alloc(d, 40, align, MAKER);

		require(t, p);
		p[-1] = 0;
		check_tells(t, "underrun of a 40-byte block allocated at " MAKER ": byte -1 is 0");
		expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
		told(t, "free(0x*) at " CULPRIT ": underrun of a 40-byte block allocated at "
			MAKER ": byte -1 is 0");
		p[-1] = DEBUG_HEAP_RED_ZONE;
		p[-DEBUG_RED_MIN] = 7;
		check_tells(t, "underrun of *: byte -16 is 0x7");
		p[-DEBUG_RED_MIN] = DEBUG_HEAP_RED_ZONE;
		expect_eq(t, debug_heap_free(d, p, FREER), 0);
	}
	world_close();
}

KTEST(heap_debug_finds_a_write_after_free)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p, *q;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	for (size_t i = 0; i < 64; i += 7) {
		p[i] = 0x41;
		check_tells(t, "write after free to a 64-byte block allocated at " MAKER
			       ", freed at " FREER ": byte * is 0x41");
		p[i] = DEBUG_HEAP_FREED;
	}
	expect_sound(t);

	/* Nobody looks until the quarantine ends; the damaged block is then lost for good. */
	p[5] = 0x41;
	q = debug_heap_alloc(d, 64, 16, MAKER);
	expect_eq(t, debug_heap_free(d, q, FREER), 0);
	expect_eq(t, findings, 0);
	debug_heap_drain(d);
	told(t, "write after free to a 64-byte block allocated at " MAKER ", freed at " FREER
		": byte 5 is 0x41");
	for (unsigned i = 0; i < 200; i++) {
		q = debug_heap_alloc(d, 64, 16, MAKER);
		expect(t, q && q != p);
		expect_eq(t, debug_heap_free(d, q, FREER), 0);
	}
	debug_heap_drain(d);
	expect_eq(t, heap_free(&world.core, header_of(p)), 0);
	world_close();
}

KTEST(heap_debug_names_both_callers_of_a_double_free)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p, *large;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	large = debug_heap_alloc(d, QUARANTINE, 16, MAKER);
	require(t, p && large);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": double free: a 64-byte block allocated at " MAKER
		", freed at " FREER);
	expect(t, !debug_heap_realloc(d, p, 10, CULPRIT));
	told(t, "realloc(0x*) at " CULPRIT ": double free: a 64-byte block allocated at " MAKER
		", freed at " FREER);
	expect(t, is_filled(p, 64, DEBUG_HEAP_FREED));

	/* What is too large for the quarantine, or has left it, only the core knows. */
	expect_eq(t, debug_heap_free(d, large, FREER), 0);
	expect_eq(t, debug_heap_free(d, large, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": *foreign pointer*");
	debug_heap_drain(d);
	expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": double free of long ago, or a foreign pointer: *");
	world_close();
}

KTEST(heap_debug_tells_an_interior_pointer)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	require(t, p);
	expect_eq(t, debug_heap_free(d, p + 24, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": interior pointer: 24 bytes inside a 64-byte block "
		"allocated at " MAKER);
	expect(t, !debug_heap_realloc(d, p + 1, 100, CULPRIT));
	told(t, "realloc(0x*) at " CULPRIT ": interior pointer: 1 byte inside a 64-byte block "
		"allocated at " MAKER);
	expect_eq(t, debug_heap_free(d, p + 64, CULPRIT), -EINVAL);
	told(t, "*: interior pointer: 0 bytes past a 64-byte block allocated at " MAKER);
	expect_eq(t, debug_heap_free(d, p - 16, CULPRIT), -EINVAL);
	told(t, "*: interior pointer: 16 bytes before a 64-byte block allocated at " MAKER);
	expect_eq(t, debug_heap_usable_size(d, p + 24), 0);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	expect_eq(t, debug_heap_free(d, p + 24, CULPRIT), -EINVAL);
	told(t, "*: interior pointer: 24 bytes inside a 64-byte block allocated at " MAKER
		", freed at " FREER);
	world_close();
}

KTEST(heap_debug_tells_a_foreign_pointer)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	struct world *w = &world;
	const void *const nowhere[] = {
		d, &d, (void *)1, (void *)8, (void *)UINTPTR_MAX, (void *)(UINTPTR_MAX - 15),
		(void *)INTPTR_MAX, w->arena.memory - 1, w->arena.memory + w->arena.size,
		w->arena.memory + 32 * MIB,
	};
	paddr_t page;
	uint8_t *p;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	require(t, p && page_alloc_from(&w->pages, 0, PAGE_ANY, &page) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		expect_eq(t, debug_heap_free(d, (void *)nowhere[i], CULPRIT), -EINVAL);
		told(t, "free(0x*) at " CULPRIT ": foreign pointer: no memory that is allocated");
		expect(t, !debug_heap_realloc(d, (void *)nowhere[i], 10, CULPRIT));
		told(t, "realloc(0x*) at " CULPRIT ": foreign pointer: *");
		expect_eq(t, debug_heap_usable_size(d, nowhere[i]), 0);
	}
	expect_eq(t, debug_heap_free(d, arena_pointer(&w->arena, page), CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": foreign pointer: allocated pages, but no heap's");
	expect_eq(t, page_free_to(&w->pages, page, 0), 0);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	world_close();
}

KTEST(heap_debug_tells_a_block_of_another_heap)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE), beside, apart;
	struct heap core;
	uint8_t *p, *q, *r;

	require(t, d);
	heap_init(&core, &world.pages);
	debug_heap_init(&beside, &world.core, "second", QUARANTINE, found);
	debug_heap_init(&apart, &core, "third", QUARANTINE, found);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	q = debug_heap_alloc(&beside, 64, 16, MAKER);
	r = heap_alloc(&world.core, 64, 16);
	require(t, p && q && r);
	expect_eq(t, debug_heap_free(d, q, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": wrong heap, that of 'second': a 64-byte block "
		"allocated at " MAKER);
	expect_eq(t, debug_heap_free(&beside, p, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": wrong heap, that of 'first': a 64-byte block "
		"allocated at " MAKER);
	expect(t, !debug_heap_realloc(&beside, p, 100, CULPRIT));
	told(t, "realloc(0x*) at " CULPRIT ": wrong heap, that of 'first': *");
	expect_eq(t, debug_heap_usable_size(&beside, p), 0);
	expect_eq(t, debug_heap_free(&apart, p, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": wrong heap*");
	/* Straight from the core, so without a header. */
	expect_eq(t, debug_heap_free(d, r, CULPRIT), -EINVAL);
	told(t, "free(0x*) at " CULPRIT ": header overwritten: *");
	expect_eq(t, heap_free(&world.core, r), 0);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	expect_eq(t, debug_heap_free(&beside, q, FREER), 0);
	debug_heap_drain(&beside);
	world_close();
}

/* Three blocks that the core has put side by side, in this order. */
static bool three_neighbours(struct debug_heap *d, uint8_t *out[3])
{
	for (unsigned i = 0; i < 3; i++)
		out[i] = debug_heap_alloc(d, 64, 16, i == 0 ? CULPRIT : MAKER);
	return out[0] && out[1] && out[2] && out[1] - out[0] == out[2] - out[1] &&
	       out[1] > out[0] && out[1] - out[0] < 512;
}

KTEST(heap_debug_finds_every_bit_of_a_header_that_changed)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p[3], *header;

	require(t, d && three_neighbours(d, p));
	for (unsigned quarantined = 0; quarantined < 2; quarantined++) {
		header = header_of(p[1]);
		for (size_t bit = 0; bit < 8 * sizeof(struct debug_block); bit++) {
			header[bit / 8] ^= 1 << bit % 8;
			check_tells(t, "header overwritten: *");
			expect_eq(t, debug_heap_free(d, p[1], FREER), -EINVAL);
			told(t, "free(0x*) at " FREER ": *");
			header[bit / 8] ^= 1 << bit % 8;
		}
		expect_sound(t);
		for (unsigned i = 0; i < 3 && !quarantined; i++)
			expect_eq(t, debug_heap_free(d, p[i], FREER), 0);
	}
	world_close();
}

KTEST(heap_debug_names_the_neighbour_of_a_header_that_is_gone)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	struct debug_block saved;
	uint8_t *p[3], *header;

	require(t, d && three_neighbours(d, p));
	header = header_of(p[1]);
	memcpy(&saved, header, sizeof(saved));
	memset(header, 0, sizeof(saved));
	expect_eq(t, debug_heap_free(d, p[1], FREER), -EINVAL);
	told(t, "free(0x*) at " FREER ": header overwritten: the block at 0x*, which follows "
		"a 64-byte block allocated at " CULPRIT);
	check_tells(t, "header overwritten: the block at 0x*, which follows a 64-byte block "
		       "allocated at " CULPRIT);
	/* Its neighbours in the list are not blamed. */
	expect_eq(t, debug_heap_free(d, p[2], FREER), -EINVAL);
	told(t, "free(0x*) at " FREER ": header overwritten: the block at 0x*, which follows "
		"a 64-byte block allocated at " CULPRIT);
	memcpy(header, &saved, sizeof(saved));
	/* Another block's header, complete, is none here. */
	memcpy(header, header_of(p[2]), sizeof(saved));
	check_tells(t, "header overwritten: the block at 0x*");
	memcpy(header, &saved, sizeof(saved));
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, debug_heap_free(d, p[i], FREER), 0);
	world_close();
}

KTEST(heap_debug_gives_up_a_quarantine_that_is_cut)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	struct heap_stats s;
	uint8_t *p[3];

	require(t, d && three_neighbours(d, p));
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, debug_heap_free(d, p[i], FREER), 0);
	memset(header_of(p[0]), 0, 64);
	debug_heap_drain(d);
	told(t, "header overwritten: the block at 0x*");
	expect_sound(t);
	/* All three are lost, but nothing else is. */
	heap_stats(&world.core, &s);
	expect_eq(t, s.blocks, 3);
	for (unsigned i = 0; i < 3; i++)
		expect_eq(t, heap_free(&world.core, header_of(p[i])), 0);
	world_close();
}

KTEST(heap_debug_finds_wrong_counts)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p, *q;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	q = debug_heap_alloc(d, 64, 16, MAKER);
	expect_eq(t, debug_heap_free(d, q, FREER), 0);
	d->live.blocks++;
	check_tells(t, "the counts of live blocks are wrong");
	d->live.blocks--;
	d->live.bytes++;
	check_tells(t, "the counts of live blocks are wrong");
	d->live.bytes--;
	d->quarantine.bytes++;
	check_tells(t, "the counts of freed blocks are wrong");
	d->quarantine.bytes--;
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	world_close();
}

KTEST(heap_debug_describes_any_address)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	char what[DEBUG_HEAP_TEXT];
	uint8_t *p;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	require(t, p);
	expect(t, debug_heap_describe(d, (uintptr_t)p + 72, what, sizeof(what)));
	expect_str(t, what, "8 bytes past a 64-byte block allocated at " MAKER);
	expect(t, debug_heap_describe(d, (uintptr_t)p, what, sizeof(what)));
	expect_str(t, what, "0 bytes inside a 64-byte block allocated at " MAKER);
	expect(t, debug_heap_describe(d, (uintptr_t)p + 63, what, sizeof(what)));
	expect_str(t, what, "63 bytes inside a 64-byte block allocated at " MAKER);
	expect(t, debug_heap_describe(d, (uintptr_t)p - 1, what, sizeof(what)));
	expect_str(t, what, "1 byte before a 64-byte block allocated at " MAKER);
	expect(t, debug_heap_describe(d, (uintptr_t)p - 90, what, sizeof(what)));
	expect_str(t, what, "90 bytes before a 64-byte block allocated at " MAKER);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	expect(t, debug_heap_describe(d, (uintptr_t)p + 3, what, sizeof(what)));
	expect_str(t, what, "3 bytes inside a 64-byte block allocated at " MAKER
			    ", freed at " FREER);
	debug_heap_drain(d);
	expect(t, debug_heap_describe(d, (uintptr_t)p, what, sizeof(what)));
	expect_str(t, what, "free memory of the heap");
	expect(t, !debug_heap_describe(d, (uintptr_t)&d, what, sizeof(what)));
	expect_str(t, what, "");
	/* A small buffer holds what it can. */
	p = debug_heap_alloc(d, 64, 16, NULL);
	expect(t, debug_heap_describe(d, (uintptr_t)p, what, 8));
	expect_str(t, what, "0 bytes");
	expect(t, debug_heap_describe(d, (uintptr_t)p, what, sizeof(what)));
	expect_str(t, what, "0 bytes inside a 64-byte block allocated at ?");
	expect_eq(t, debug_heap_free(d, p, NULL), 0);
	for (unsigned i = 0; i < 10000; i++)
		debug_heap_describe(d, ktest_random(t), what, sizeof(what));
	world_close();
}

KTEST(heap_debug_tells_leaks_by_caller)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	static const char *const callers[] = { "a.c:1", "b.c:2", "c.c:3", "d.c:4" };
	struct debug_group groups[4];
	uint8_t *before, *p[10];
	uint64_t mark;

	require(t, d);
	before = debug_heap_alloc(d, 1000, 16, callers[0]);
	mark = debug_heap_mark(d);
	expect_eq(t, debug_heap_diff(d, mark, groups, 4), 0);
	for (size_t i = 0; i < 10; i++)
		p[i] = debug_heap_alloc(d, 100 + i, 16, callers[i % 4]);
	/* Not a leak: freed; and one that was made anew by another caller. */
	expect_eq(t, debug_heap_free(d, p[9], FREER), 0);
	p[0] = debug_heap_realloc(d, p[0], 50, callers[3]);
	require(t, p[0]);
	require(t, debug_heap_diff(d, mark, groups, 4) == 4);
	expect_str(t, groups[0].caller, "d.c:4");
	expect_eq(t, groups[0].blocks, 3);
	expect_eq(t, groups[0].bytes, 50 + 103 + 107);
	expect_str(t, groups[1].caller, "a.c:1");
	expect_eq(t, groups[1].blocks, 2);
	expect_eq(t, groups[1].bytes, 108 + 104);
	expect_str(t, groups[2].caller, "c.c:3");
	expect_eq(t, groups[2].blocks, 2);
	expect_str(t, groups[3].caller, "b.c:2");
	expect_eq(t, groups[3].blocks, 2);
	/* The last is for those that find no room. */
	require(t, debug_heap_diff(d, mark, groups, 2) == 2);
	expect_eq(t, groups[0].blocks, 3);
	expect_str(t, groups[1].caller, NULL);
	expect_eq(t, groups[1].blocks, 6);
	require(t, debug_heap_diff(d, mark, groups, 1) == 1);
	expect_str(t, groups[0].caller, NULL);
	expect_eq(t, groups[0].blocks, 9);
	/* It trusts no list that is broken. */
	d->live.last->prev->prev = (struct debug_block *)groups;
	debug_heap_diff(d, mark, groups, 4);
	told(t, "header overwritten: the links of a 108-byte block allocated at a.c:1");
	d->live.last->prev->prev = header_of(p[7]);
	for (size_t i = 0; i < 9; i++)
		expect_eq(t, debug_heap_free(d, p[i], FREER), 0);
	expect_eq(t, debug_heap_diff(d, mark, groups, 4), 0);
	expect_eq(t, debug_heap_diff(d, 0, groups, 4), 1);
	expect_eq(t, debug_heap_free(d, before, FREER), 0);
	world_close();
}

KTEST(heap_debug_quarantine_is_bounded_and_first_in_first_out)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p, *first = NULL;

	require(t, d);
	for (unsigned i = 0; i < 3 * DEBUG_HEAP_QUARANTINE_BLOCKS; i++) {
		p = debug_heap_alloc(d, i % 2 ? 16 : 3000, 16, MAKER);
		first = first ? first : p;
		expect_eq(t, debug_heap_free(d, p, FREER), 0);
		expect(t, d->quarantine.bytes <= QUARANTINE);
		expect(t, d->quarantine.blocks <= DEBUG_HEAP_QUARANTINE_BLOCKS);
	}
	/* The youngest is there, the first one is not. */
	expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
	told(t, "*: double free: a 16-byte block *");
	expect(t, d->quarantine.bytes > QUARANTINE - 3 * KIB);
	debug_heap_drain(d);
	d->quarantine_max = 16 * MIB;
	for (unsigned i = 0; i < 3 * DEBUG_HEAP_QUARANTINE_BLOCKS; i++) {
		p = debug_heap_alloc(d, 16, 16, MAKER);
		expect_eq(t, debug_heap_free(d, p, FREER), 0);
	}
	expect_eq(t, d->quarantine.blocks, DEBUG_HEAP_QUARANTINE_BLOCKS);
	world_close();
}

KTEST(heap_debug_works_without_quarantine)
{
	struct debug_heap *d = world_open(t, 64 * MIB, 0);
	uint8_t *p, *q;

	require(t, d);
	p = debug_heap_alloc(d, 64, 16, MAKER);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	expect_eq(t, d->quarantine.blocks, 0);
	expect_eq(t, debug_heap_free(d, p, CULPRIT), -EINVAL);
	told(t, "*double free of long ago, or a foreign pointer: free memory of the heap*");
	q = debug_heap_alloc(d, 64, 16, MAKER);
	expect_eq(t, debug_heap_free(d, q, FREER), 0);
	world_close();
}

KTEST(heap_debug_gives_up_its_quarantine_when_memory_is_short)
{
	struct debug_heap *d = world_open(t, 2 * MIB, 64 * MIB);
	uint8_t *p[64];
	size_t count = 0;

	require(t, d);
	while (count < ARRAY_SIZE(p) && (p[count] = debug_heap_alloc(d, 100 * KIB, 16, MAKER)))
		count++;
	require(t, count > 4 && count < ARRAY_SIZE(p));
	expect_eq(t, debug_heap_free(d, p[0], FREER), 0);
	expect_eq(t, d->quarantine.blocks, 1);
	p[0] = debug_heap_alloc(d, 100 * KIB, 16, MAKER);
	expect(t, p[0] != NULL);
	expect_eq(t, d->quarantine.blocks, 0);
	/* Nothing is left: the block stays where it is, larger it cannot get. */
	memset(p[0], 7, 100 * KIB);
	expect(t, !debug_heap_realloc(d, p[0], 200 * KIB, MAKER));
	expect(t, debug_heap_realloc(d, p[0], 99 * KIB, MAKER) == p[0]);
	expect_eq(t, debug_heap_usable_size(d, p[0]), 99 * KIB);
	expect(t, is_filled(p[0], 99 * KIB, 7));
	expect_sound(t);
	p[0][99 * KIB] = 7;
	check_tells(t, "overrun of a 101376-byte block *");
	p[0][99 * KIB] = DEBUG_HEAP_RED_ZONE;
	while (count)
		expect_eq(t, debug_heap_free(d, p[--count], FREER), 0);
	world_close();
}

KTEST(heap_debug_realloc_keeps_contents_and_moves)
{
	struct debug_heap *d = world_open(t, 64 * MIB, QUARANTINE);
	uint8_t *p, *q;

	require(t, d);
	p = debug_heap_realloc(d, NULL, 100, MAKER);
	require(t, p);
	memset(p, 7, 100);
	q = debug_heap_realloc(d, p, 5000, MAKER);
	require(t, q && q != p);
	expect(t, is_filled(q, 100, 7));
	expect(t, is_filled(q + 100, 4900, DEBUG_HEAP_ALLOCATED));
	expect(t, is_filled(p, 100, DEBUG_HEAP_FREED));
	p = debug_heap_realloc(d, q, 0, MAKER);
	require(t, p);
	expect_eq(t, p[0], 7);
	expect_eq(t, debug_heap_usable_size(d, p), 1);
	expect_eq(t, debug_heap_free(d, p, FREER), 0);
	world_close();
}

/* Random requests. */

struct live {
	uint8_t *p;
	size_t size;
	uint8_t fill;
};

static struct live live[LIVE_MAX];
static size_t live_count;

static size_t random_size(struct ktest_run *t)
{
	return ktest_random_below(t, ktest_random_below(t, 50) == 0 ? 20000 : 300);
}

static void soak_make(struct ktest_run *t, struct debug_heap *d)
{
	size_t align = ktest_random_below(t, 8) ? 16 : BIT(ktest_random_below(t, PAGE_SHIFT + 1));
	struct live *l = &live[live_count];

	l->size = random_size(t);
	l->fill = (uint8_t)ktest_random(t);
	l->p = debug_heap_alloc(d, l->size, align, MAKER);
	if (!expect(t, l->p))
		return;
	expect(t, is_aligned((uintptr_t)l->p, align));
	memset(l->p, l->fill, l->size);
	live_count++;
}

static void soak_resize(struct ktest_run *t, struct debug_heap *d, struct live *l)
{
	size_t size = random_size(t);
	uint8_t *p = debug_heap_realloc(d, l->p, size, MAKER);

	if (!expect(t, p))
		return;
	expect(t, is_filled(p, min(size, l->size), l->fill));
	memset(p, l->fill, size);
	l->p = p;
	l->size = size;
}

static void soak_free(struct ktest_run *t, struct debug_heap *d, struct live *l)
{
	expect(t, is_filled(l->p, l->size, l->fill));
	expect_eq(t, debug_heap_free(d, l->p, FREER), 0);
	*l = live[--live_count];
}

/* One byte that nobody may write is written, and found; the walk is long, so seldom. */
static void soak_damage(struct ktest_run *t, struct debug_heap *d, const struct live *l)
{
	struct debug_block *b = d->quarantine.first;
	char what[DEBUG_HEAP_TEXT];
	uint8_t *at;

	switch (ktest_random_below(t, 4)) {
	case 0: at = l->p + max(l->size, (size_t)1) + ktest_random_below(t, DEBUG_RED_MIN); break;
	case 1: at = l->p - 1 - ktest_random_below(t, DEBUG_RED_MIN + sizeof(*b)); break;
	case 2: at = debug_bytes(b) + ktest_random_below(t, b->size); break;
	default: at = (uint8_t *)b + ktest_random_below(t, debug_extent(b->lead, b->size));
	}
	*at ^= (uint8_t)(1 + ktest_random_below(t, 255));
	expect(t, !debug_heap_check(d, what, sizeof(what)));
}

static void soak_damage_and_repair(struct ktest_run *t, struct debug_heap *d, const struct live *l)
{
	struct debug_block *b = d->quarantine.first;
	static uint8_t saved_live[PAGE_SIZE], saved_freed[QUARANTINE / 4];
	size_t extent = b ? debug_extent(b->lead, b->size) : 0;
	uint8_t *around = l->p - sizeof(*b) - DEBUG_RED_MIN;
	size_t length = sizeof(*b) + 2 * DEBUG_RED_MIN + max(l->size, (size_t)1);

	if (!b || length > sizeof(saved_live))
		return;
	memcpy(saved_live, around, length);
	memcpy(saved_freed, b, extent);
	soak_damage(t, d, l);
	memcpy(b, saved_freed, extent);
	memcpy(around, saved_live, length);
}

KTEST(heap_debug_random_requests_and_damage)
{
	struct debug_heap *d = world_open(t, 256 * MIB, QUARANTINE);
	uint64_t operations = ktest_operations();

	require(t, d);
	live_count = 0;
	for (uint64_t i = 0; i < operations && !t->failures; i++) {
		uint64_t dice = ktest_random_below(t, 100);
		size_t pick = live_count ? ktest_random_below(t, live_count) : 0;

		if (live_count == 0 || (dice < 50 && live_count < LIVE_MAX))
			soak_make(t, d);
		else if (dice < 80)
			soak_free(t, d, &live[pick]);
		else
			soak_resize(t, d, &live[pick]);
		if (i % 8192 == 0) {
			expect_sound(t);
			expect_str(t, heap_check(&world.core), NULL);
		}
		if (i % 2048 == 0 && live_count)
			soak_damage_and_repair(t, d, &live[live_count - 1]);
	}
	expect_sound(t);
	while (live_count && !t->failures)
		soak_free(t, d, &live[live_count - 1]);
	world_close();
}
