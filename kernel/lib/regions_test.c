// SPDX-License-Identifier: MIT
/*
 * Tests of the normalised list of ranges: examples for each rule, and random
 * maps compared with a model that keeps one kind per page.
 */
#include "kernel/lib/regions.h"
#include "kernel/lib/string.h"
#include "kernel/ktest.h"

enum {
	PAGES = 64,		/* of the small address space */
	MANY = 600,		/* entries in the largest map */
	MANY_PAGES = 4 * MANY,
	CAPACITY = 3 * MANY,
};

/* What a test adds, and what should come of it. */
struct addition {
	uint64_t start, len;
	enum region_kind kind;
};

static struct region list[CAPACITY + 1] __noload;
static struct addition additions[MANY] __noload;
static uint8_t model[MANY_PAGES] __noload;

static const char *const names[] = { "?", "a", "b", "c", "d", "e", "f", "g" };

static void add(struct regions *r, const struct addition *a)
{
	regions_add(r, a->start, a->len, a->kind, names[a->kind]);
}

/* The rules, page by page; `base` is the address of the first page. */
static void model_add(uint64_t base, size_t pages, const struct addition *a)
{
	bool usable = a->kind == REGION_USABLE;
	uint64_t last = a->start + a->len - 1;
	bool wraps = a->len && last < a->start;

	if (!a->len || (usable && last + 1 <= a->start))
		return;
	for (size_t i = 0; i < pages; i++) {
		uint64_t first_byte = base + i * PAGE_SIZE;
		uint64_t last_byte = first_byte + PAGE_SIZE - 1;
		bool touched = first_byte <= (wraps ? UINT64_MAX : last) && last_byte >= a->start;
		bool covered = first_byte >= a->start && last_byte <= last;

		if (last_byte == UINT64_MAX)
			continue;	/* its end cannot be expressed */
		if (usable ? covered : touched)
			model[i] = max(model[i], (uint8_t)a->kind);
	}
}

static enum region_kind kind_at(const struct regions *r, uint64_t addr)
{
	const struct region *x = regions_find(r, addr);

	return x ? x->kind : 0;
}

/* The promises that hold for any list. */
static bool well_formed(const struct regions *r)
{
	if (r->count > r->capacity)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		const struct region *x = &r->list[i];

		if (x->start >= x->end || !is_aligned(x->start | x->end, PAGE_SIZE) || !x->name)
			return false;
		if (i + 1 == r->count)
			break;
		if (x->end > x[1].start)
			return false;
		if (x->end == x[1].start && x->kind == x[1].kind && !strcmp(x->name, x[1].name))
			return false;
	}
	return true;
}

static bool agrees(const struct regions *r, uint64_t base, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		uint64_t addr = base + i * PAGE_SIZE;

		if (kind_at(r, addr) != model[i] || kind_at(r, addr + PAGE_SIZE - 1) != model[i])
			return false;
	}
	return true;
}

/* Ends a list `capacity` long with an entry that nobody may touch. */
static void begin(struct regions *r, size_t capacity)
{
	memset(&list[capacity], 0x5a, sizeof(*list));
	regions_init(r, list, capacity);
}

static bool guard_intact(size_t capacity)
{
	const unsigned char *p = (const unsigned char *)&list[capacity];

	for (size_t i = 0; i < sizeof(*list); i++)
		if (p[i] != 0x5a)
			return false;
	return true;
}

/* Unaligned, empty, overlapping, in no order; some wrap where base is high. */
static void make_random(struct ktest_run *t, struct addition *a, uint64_t base, size_t pages)
{
	a->start = base + ktest_random_below(t, pages * PAGE_SIZE);
	a->len = ktest_random_below(t, ktest_random_below(t, 2) ? 4 * PAGE_SIZE : 24 * PAGE_SIZE);
	if (ktest_random_below(t, 2)) {
		a->start = align_down(a->start, PAGE_SIZE);
		a->len = align_down(a->len, PAGE_SIZE);
	}
	a->kind = REGION_USABLE + (enum region_kind)ktest_random_below(t, 7);
	if (ktest_random_below(t, 3) == 0)
		a->kind = REGION_USABLE;
}

static void shuffle(struct ktest_run *t, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = ktest_random_below(t, i);
		struct addition a = additions[i - 1];

		additions[i - 1] = additions[j];
		additions[j] = a;
	}
}

/* Usable ranges before any other, as the contract asks. */
static void usable_first(size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		struct addition a = additions[i];

		if (a.kind != REGION_USABLE)
			continue;
		additions[i] = additions[to];
		additions[to++] = a;
	}
}

/* Low, across 4 GiB, and at the very top of the address space. */
static uint64_t random_base(struct ktest_run *t)
{
	const uint64_t bases[] = { 0, 4 * GIB - PAGES / 2 * PAGE_SIZE, -(PAGES * PAGE_SIZE) };

	return bases[ktest_random_below(t, ARRAY_SIZE(bases))];
}

static uint64_t rounds(void)
{
	return min(ktest_operations() / 20, UINT64_C(20000));
}

KTEST(regions_agree_with_a_page_model)
{
	struct regions r;

	for (uint64_t round = 0; round < rounds(); round++) {
		uint64_t base = random_base(t);
		size_t n = ktest_random_below(t, 20);

		memset(model, 0, PAGES);
		begin(&r, 128);
		for (size_t i = 0; i < n; i++) {
			make_random(t, &additions[i], base, PAGES);
			model_add(base, PAGES, &additions[i]);
			add(&r, &additions[i]);
			require(t, well_formed(&r));
		}
		require(t, agrees(&r, base, PAGES));
		require(t, r.lost_ranges == 0 && r.lost_bytes == 0 && r.merged == 0);
		require(t, guard_intact(128));
	}
}

static bool same_lists(const struct region *a, const struct region *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].start != b[i].start || a[i].end != b[i].end || a[i].kind != b[i].kind)
			return false;
	return true;
}

KTEST(regions_do_not_depend_on_order)
{
	static struct region first[128] __noload;
	struct regions r;
	size_t count;

	for (uint64_t round = 0; round < rounds() / 2; round++) {
		uint64_t base = random_base(t);
		size_t n = ktest_random_below(t, 20);

		begin(&r, 128);
		for (size_t i = 0; i < n; i++) {
			make_random(t, &additions[i], base, PAGES);
			add(&r, &additions[i]);
		}
		memcpy(first, list, r.count * sizeof(*list));
		count = r.count;

		shuffle(t, n);
		begin(&r, 128);
		for (size_t i = 0; i < n; i++)
			add(&r, &additions[i]);
		require(t, r.count == count && same_lists(first, list, count));
	}
}

KTEST(regions_take_more_than_256_entries)
{
	struct regions r;
	size_t n = 0;

	memset(model, 0, MANY_PAGES);
	for (; n < MANY; n++) {
		additions[n] = (struct addition){
			n * 4 * PAGE_SIZE, (1 + n % 4) * PAGE_SIZE, 1 + n % 7,
		};
		model_add(0, MANY_PAGES, &additions[n]);
	}
	shuffle(t, n);
	begin(&r, CAPACITY);
	for (size_t i = 0; i < n; i++)
		add(&r, &additions[i]);
	expect(t, well_formed(&r));
	expect(t, agrees(&r, 0, MANY_PAGES));
	expect(t, r.count > 256);
	expect_eq(t, r.lost_ranges, 0);
}

/* A full table may forget memory, but never offer what should be withheld. */
KTEST(regions_overflow_never_makes_withheld_memory_usable)
{
	struct regions r;

	for (uint64_t round = 0; round < rounds(); round++) {
		uint64_t base = random_base(t);
		size_t capacity = 4 + ktest_random_below(t, 12);
		size_t n = ktest_random_below(t, 40);
		uint64_t wanted = 0;

		memset(model, 0, PAGES);
		for (size_t i = 0; i < n; i++)
			make_random(t, &additions[i], base, PAGES);
		usable_first(n);
		begin(&r, capacity);
		for (size_t i = 0; i < n; i++) {
			model_add(base, PAGES, &additions[i]);
			add(&r, &additions[i]);
			require(t, well_formed(&r));
		}
		require(t, guard_intact(capacity));
		for (size_t i = 0; i < PAGES; i++) {
			enum region_kind kind = kind_at(&r, base + i * PAGE_SIZE);

			require(t, kind != REGION_USABLE || model[i] == REGION_USABLE);
			require(t, model[i] <= REGION_USABLE || kind >= model[i]);
			require(t, r.merged || kind == model[i] ||
				   (kind == 0 && model[i] == REGION_USABLE));
			wanted += model[i] == REGION_USABLE ? PAGE_SIZE : 0;
		}
		require(t, regions_total(&r, REGION_USABLE) + r.lost_bytes >= wanted);
	}
}

KTEST(regions_give_up_the_smallest_usable_range)
{
	struct regions r;

	begin(&r, 4);
	regions_add(&r, 0x100000, 0x10000, REGION_USABLE, "a");
	regions_add(&r, 0x200000, 0x3000, REGION_USABLE, "a");
	regions_add(&r, 0x300000, 0x2000, REGION_USABLE, "a");
	regions_add(&r, 0x400000, 0x8000, REGION_USABLE, "a");
	regions_add(&r, 0x500000, 0x1000, REGION_USABLE, "a");
	expect_eq(t, r.lost_bytes, 0x1000);
	expect_eq(t, kind_at(&r, 0x500000), 0);
	regions_add(&r, 0x500000, 0x1000, REGION_RESERVED, "b");
	expect_eq(t, r.lost_bytes, 0x3000);
	expect_eq(t, kind_at(&r, 0x300000), 0);
	expect_eq(t, kind_at(&r, 0x500000), REGION_RESERVED);
	/* A claim in the middle of the largest needs two entries more. */
	regions_add(&r, 0x104000, 0x1000, REGION_CLAIMED, "c");
	expect_eq(t, kind_at(&r, 0x104000), REGION_CLAIMED);
	expect(t, regions_usable(&r, 0x105000, 0xb000));
	expect_eq(t, kind_at(&r, 0x200000), 0);
	expect_eq(t, kind_at(&r, 0x103000), 0);
	expect_eq(t, kind_at(&r, 0x400000), REGION_USABLE);
	expect_eq(t, r.lost_bytes, 0xa000);
	expect_eq(t, r.lost_ranges, 4);
	expect_eq(t, r.merged, 0);
}

KTEST(regions_join_what_withholds_when_full)
{
	struct regions r;

	begin(&r, 4);
	regions_add(&r, 0, 0x80000, REGION_USABLE, "u");
	for (uint64_t i = 0; i < 5; i++)
		regions_add(&r, 0x100000 + i * 0x10000 * (i + 1), 0x1000,
			    i == 1 ? REGION_NVS : REGION_RESERVED, "a");
	expect_eq(t, r.count, 4);
	expect_eq(t, r.merged, 2);
	expect_eq(t, r.lost_ranges, 0);
	/* The two closest became one, of the stricter kind; the rest is whole. */
	expect_eq(t, kind_at(&r, 0x100000), REGION_NVS);
	expect_eq(t, kind_at(&r, 0x110000), REGION_NVS);
	expect_eq(t, kind_at(&r, 0x120000), REGION_NVS);
	expect_eq(t, kind_at(&r, 0x240000), REGION_RESERVED);
	expect(t, regions_usable(&r, 0, 0x80000));
}

KTEST(regions_keep_large_ranges_among_countless_holes)
{
	struct regions r;

	begin(&r, 64);
	regions_add(&r, 0x100000, UINT64_C(64) << 20, REGION_USABLE, "u");
	for (uint64_t i = 0; i < 5000; i++)
		regions_add(&r, 0x200000 + i * 2 * PAGE_SIZE, PAGE_SIZE, REGION_RESERVED, "h");
	expect(t, well_formed(&r));
	expect(t, regions_usable(&r, 0x100000, 0x100000));
	expect(t, regions_usable(&r, 0x200000 + 10000 * PAGE_SIZE, MIB));
	for (uint64_t i = 0; i < 5000; i++)
		require(t, kind_at(&r, 0x200000 + i * 2 * PAGE_SIZE) == REGION_RESERVED);
}

KTEST(regions_round_usable_inwards_and_others_outwards)
{
	struct regions r;

	begin(&r, 8);
	regions_add(&r, 0x1001, 0x3fff, REGION_USABLE, "a");
	regions_add(&r, 0x8fff, 2, REGION_RESERVED, "b");
	regions_add(&r, 0xb001, 0x1ffe, REGION_USABLE, "a");
	regions_add(&r, 0x20000, 0, REGION_CLAIMED, "c");
	expect_eq(t, r.count, 2);
	expect_eq(t, list[0].start, 0x2000);
	expect_eq(t, list[0].end, 0x5000);
	expect_eq(t, list[1].start, 0x8000);
	expect_eq(t, list[1].end, 0xa000);
	expect_eq(t, r.dropped, 2);
}

KTEST(regions_cut_or_drop_at_the_end_of_the_address_space)
{
	const uint64_t last_end = align_down(UINT64_MAX, PAGE_SIZE);
	struct regions r;

	begin(&r, 8);
	regions_add(&r, 0x1000, UINT64_MAX, REGION_USABLE, "a");
	regions_add(&r, UINT64_MAX - 0x4fff, 0x5000, REGION_USABLE, "a");
	expect_eq(t, r.count, 0);
	expect_eq(t, r.dropped, 2);
	regions_add(&r, last_end - 0x2000, UINT64_MAX, REGION_RESERVED, "b");
	regions_add(&r, last_end, 0x1000, REGION_RESERVED, "b");
	expect_eq(t, r.count, 1);
	expect_eq(t, list[0].start, last_end - 0x2000);
	expect_eq(t, list[0].end, last_end);
	expect_eq(t, r.dropped, 3);
	expect(t, !regions_usable(&r, last_end - 0x1000, UINT64_MAX));
	expect(t, regions_overlap(&r, last_end - 0x8000, UINT64_MAX));
}

KTEST(regions_join_neighbours_of_one_kind_and_name)
{
	struct regions r;
	char name[] = "kernel";

	begin(&r, 8);
	regions_add(&r, 0x3000, 0x1000, REGION_CLAIMED, "kernel");
	regions_add(&r, 0x1000, 0x1000, REGION_CLAIMED, name);
	regions_add(&r, 0x2000, 0x1000, REGION_CLAIMED, "kernel");
	expect_eq(t, r.count, 1);
	regions_add(&r, 0x3800, 0x1000, REGION_CLAIMED, "module");
	expect_eq(t, r.count, 2);
	expect_eq(t, list[0].end, 0x4000);
	expect_str(t, regions_find(&r, 0x4000)->name, "module");
	expect_str(t, regions_find(&r, 0x3800)->name, "kernel");
}

KTEST(regions_answer_questions_about_ranges)
{
	struct regions r;

	begin(&r, 8);
	regions_add(&r, 0x10000, 0x4000, REGION_USABLE, "a");
	regions_add(&r, 0x14000, 0x4000, REGION_USABLE, "b");
	regions_add(&r, 0x20000, 0x1000, REGION_NVS, "c");
	expect(t, regions_usable(&r, 0x10000, 0x8000));
	expect(t, regions_usable(&r, 0x13fff, 2));
	expect(t, !regions_usable(&r, 0x10000, 0x8001));
	expect(t, !regions_usable(&r, 0xffff, 2));
	expect(t, !regions_usable(&r, 0x20000, 1));
	expect(t, regions_usable(&r, 0x999000, 0));
	expect(t, regions_overlap(&r, 0, 0x10001));
	expect(t, !regions_overlap(&r, 0, 0x10000));
	expect(t, !regions_overlap(&r, 0x18000, 0x8000));
	expect(t, regions_overlap(&r, 0x20fff, 1));
	expect(t, !regions_overlap(&r, 0x21000, 0x1000));
	expect(t, !regions_overlap(&r, 0x10000, 0));
	expect(t, !regions_find(&r, 0x18000));
	expect_eq(t, regions_total(&r, REGION_USABLE), 0x8000);
	expect_eq(t, regions_total(&r, REGION_NVS), 0x1000);
	expect_str(t, region_kind_name(REGION_NVS), "ACPI NVS");
	expect_str(t, region_kind_name(99), "unknown");
}
