// SPDX-License-Identifier: MIT
/* The kernel's heap at whatever level of checking: one interface, the level's words. */
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "mm/heap.h"
#include "mm/kmalloc.h"
#include "mm/mm.h"

static const bool full = IS_ENABLED(CONFIG_HEAP_CHECK_FULL);

static bool is_filled(const uint8_t *p, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != value)
			return false;
	return true;
}

KTEST(kmalloc_arrays_are_cleared_and_cannot_overflow)
{
	uint8_t *p = kmalloc(700);

	/* Memory that was used before, so that clearing it shows. */
	require(t, p != NULL);
	memset(p, 0xee, 700);
	kfree(p);
	kmalloc_trim();
	p = kcalloc(100, 7);
	require(t, p != NULL);
	expect(t, is_filled(p, 700, 0));
	expect(t, kmalloc_usable_size(p) >= 700);
	kfree(p);
	print("# the refusals below are expected\n");
	expect(t, !kcalloc(SIZE_MAX / 2, 3));
	expect(t, !kcalloc(3, SIZE_MAX / 2));
	expect(t, !kcalloc(BIT(32), BIT(32)));
	expect(t, !kmalloc_aligned(16, 3));
	expect(t, !kmalloc_aligned(16, 0));
	expect(t, !kmalloc_aligned(16, 2 * PAGE_SIZE));
	p = kcalloc(0, 8);
	expect(t, p != NULL);
	kfree(p);
}

KTEST(kmalloc_usable_size_is_at_least_what_was_asked_for)
{
	for (size_t size = 0; size < 20000; size += 1 + size / 8) {
		uint8_t *p = kmalloc(size);
		size_t usable = kmalloc_usable_size(p);

		require(t, p != NULL);
		expect(t, usable >= max(size, (size_t)1));
		expect(t, !full || usable == max(size, (size_t)1));
		memset(p, 0xff, usable);
		kfree(p);
	}
	expect_eq(t, kmalloc_usable_size(NULL), 0);
}

KTEST(kmalloc_alignment_is_kept)
{
	for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
		uint8_t *p = kmalloc_aligned(100, align);
		uint8_t *q = kmalloc_aligned(3 * PAGE_SIZE, align);

		require(t, p && q);
		expect(t, is_aligned((uintptr_t)p, max(align, (size_t)16)));
		expect(t, is_aligned((uintptr_t)q, max(align, (size_t)16)));
		memset(p, 1, 100);
		memset(q, 2, 3 * PAGE_SIZE);
		expect(t, is_filled(p, 100, 1));
		kfree(p);
		kfree(q);
	}
}

KTEST(kmalloc_counts_and_pages_return_to_what_they_were)
{
	struct page_stats pages_before, pages;
	struct heap_stats before, after;
	void *p[20];

	/* Once before: what the heap keeps of spans stays with it, as room for more of them. */
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		require(t, (p[i] = kmalloc(i * 500)) != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
	kmalloc_trim();
	kmalloc_stats(&before);
	page_allocator_stats(mm_pages(), &pages_before);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		require(t, (p[i] = kmalloc(i * 500)) != NULL);
	kmalloc_stats(&after);
	expect_eq(t, after.blocks, before.blocks + ARRAY_SIZE(p));
	expect(t, after.bytes >= before.bytes + 190 * 500);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
	kmalloc_stats(&after);
	expect_eq(t, after.blocks, before.blocks);
	expect_eq(t, after.bytes, before.bytes);
	kmalloc_trim();
	page_allocator_stats(mm_pages(), &pages);
	expect_eq(t, pages.free + pages.metadata, pages_before.free + pages_before.metadata);
}

KTEST(kmalloc_is_found_sound)
{
	char what[256] = "";

	expect_eq(t, kmalloc_check(what, sizeof(what)),
		  IS_ENABLED(CONFIG_HEAP_CHECK_NONE) ? -ENOTSUP : 0);
	expect_str(t, what, "");
}

KTEST(kmalloc_describes_addresses)
{
	char what[256], want[256];
	uint8_t *p = kmalloc(64);
	int local;

	require(t, p != NULL);
	format(want, sizeof(want), "24 bytes inside a %s-byte block%s", full ? "64" : "*",
	       full ? " allocated at mm/kmalloc_test.c:*" : "");
	expect(t, kmalloc_describe((uintptr_t)p + 24, what, sizeof(what)));
	expect(t, glob_match(want, what));
	kfree(p);
	expect(t, !kmalloc_describe((uintptr_t)&local, what, sizeof(what)));
	expect_str(t, what, "");
	expect(t, !kmalloc_describe(0, what, sizeof(what)));
	expect(t, !kmalloc_describe(UINTPTR_MAX, what, sizeof(what)));
}

struct leaks {
	unsigned reports;
	uint64_t blocks, bytes;
	char callers[2][32];
};

static void note_leak(void *context, const char *caller, uint64_t blocks, uint64_t bytes)
{
	struct leaks *l = context;

	str_copy(l->callers[l->reports++ % 2], sizeof(l->callers[0]), caller);
	l->blocks += blocks;
	l->bytes += bytes;
}

KTEST(kmalloc_leaks_are_told_by_caller)
{
	uint64_t mark = kmalloc_mark();
	struct leaks l = { 0 };
	char want[32];
	void *p[3];
	int line;

	for (size_t i = 0; i < 2; i++)
		require(t, (p[i] = kmalloc(100)) != NULL);
	line = __LINE__ + 1;
	require(t, (p[2] = kzalloc(50)) != NULL);
	expect_eq(t, kmalloc_diff(mark, note_leak, &l), full ? 0 : -ENOTSUP);
	for (size_t i = 0; i < 3; i++)
		kfree(p[i]);
	expect_eq(t, l.reports, full ? 2 : 0);
	expect_eq(t, l.blocks, full ? 3 : 0);
	expect_eq(t, l.bytes, full ? 250 : 0);
	format(want, sizeof(want), "mm/kmalloc_test.c:%d", line);
	expect_str(t, l.callers[0], full ? want : "");
	format(want, sizeof(want), "mm/kmalloc_test.c:%d", line - 2);
	expect_str(t, l.callers[1], full ? want : "");
	l = (struct leaks){ 0 };
	kmalloc_diff(mark, note_leak, &l);
	expect_eq(t, l.reports, 0);
}
