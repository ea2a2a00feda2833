// SPDX-License-Identifier: MIT
/*
 * From a loader's words to the kernel's map, by the path that a boot takes:
 * examples, and generated maps compared with a model (mm/map_model.h).
 */
#include "mm/map_test.h"

#include <string.h>

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/map.h"

#define UNTOUCHED	UINT64_C(0x5a5a5a5a5a5a5a5a)

struct boot_info map_info;
struct regions map_kernel;

static struct region kernel_list[MAP_REGIONS_MAX + 1];
static struct region copy[BOOT_REGIONS_MAX];
static struct model_map model;
static struct model_source source;

static bool is_sound(const struct regions *r)
{
	if (r->count > r->capacity)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		const struct region *x = &r->list[i];

		if (x->start >= x->end || !is_aligned(x->start | x->end, PAGE_SIZE) || !x->name ||
		    x->kind < REGION_USABLE || x->kind > REGION_CLAIMED)
			return false;
		if (i + 1 == r->count)
			break;
		if (x->end > x[1].start || (x->end == x[1].start && x->kind == x[1].kind &&
					    strcmp(x->name, x[1].name) == 0))
			return false;
	}
	return true;
}

/* No byte that an entry withholds is usable; asked of each entry, not of the model. */
static bool keeps_off(const struct regions *r, uint64_t base, uint64_t len)
{
	uint64_t last = base + len - 1 < base ? UINT64_MAX : base + len - 1;

	for (size_t i = 0; i < r->count && len; i++) {
		const struct region *x = &r->list[i];

		if (x->kind == REGION_USABLE && x->start <= last && base < x->end)
			return false;
	}
	return true;
}

static bool keeps_off_all(const struct regions *r, const struct model_source *s)
{
	for (size_t i = 0; i < s->e820_count; i++)
		if (s->e820[i].type != 1 && !keeps_off(r, s->e820[i].base, s->e820[i].len))
			return false;
	return true;
}

/* Rounding takes less than a page from each end of each entry; nothing else is lost. */
static bool loses_slivers_only(const struct regions *r, const struct model_source *s)
{
	uint64_t want = model_usable_bytes(s);
	uint64_t got = regions_total(r, REGION_USABLE);
	uint64_t slivers = 2 * (PAGE_SIZE - 1) * (s->e820_count + s->efi_count);

	return got <= want && want - got <= slivers;
}

static bool same_regions(const struct region *a, const struct region *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].start != b[i].start || a[i].end != b[i].end || a[i].kind != b[i].kind ||
		    strcmp(a[i].name, b[i].name) != 0)
			return false;
	return true;
}

/* Normalising what is normalised changes nothing. */
static bool is_idempotent(const struct regions *r)
{
	struct regions again;

	regions_init(&again, copy, ARRAY_SIZE(copy));
	for (size_t i = 0; i < r->count; i++) {
		const struct region *x = &r->list[i];

		regions_add(&again, x->start, x->end - x->start, x->kind, x->name);
	}
	return again.count == r->count && same_regions(copy, r->list, r->count);
}

/* Nothing is ever lost here: the table has room for all claims. */
static bool builds(struct ktest_run *t, const struct model_source *s, struct boot_range image)
{
	/* Without a limit, one amid the map, and one that nothing reaches. */
	const paddr_t reaches[] = { BIT(52), align_up(image.end, PAGE_SIZE) + 64 * MIB, 4 * GIB };
	size_t info_len = map_info.ranges[0].end - map_info.ranges[0].start;
	bool ok = expect_eq(t, map_info.ranges[0].start, MODEL_INFO_ADDRESS);

	for (size_t i = 0; i < ARRAY_SIZE(reaches) && ok; i++) {
		memset(&kernel_list[MAP_REGIONS_MAX], 0x5a, sizeof(*kernel_list));
		map_build(&map_kernel, kernel_list, &map_info, image, reaches[i]);
		model_kernel(s, info_len, image, reaches[i], &model);
		ok = expect(t, is_sound(&map_kernel)) &&
		     expect(t, map_kernel.merged == 0 && map_kernel.lost_ranges == 0) &&
		     expect_eq(t, kernel_list[MAP_REGIONS_MAX].end, UNTOUCHED) &&
		     expect(t, model_agrees(&model, &map_kernel)) &&
		     expect_eq(t, regions_total(&map_kernel, REGION_USABLE),
			       model_total(&model, REGION_USABLE));
	}
	return ok;
}

bool map_holds(struct ktest_run *t, const struct model_source *s, struct boot_range image)
{
	const struct regions *r = &map_info.map;
	const char *why = NULL;

	if (!expect_eq(t, model_parse(s, &map_info, &why), 0))
		return false;
	model_firmware(s, &model);
	return expect_eq(t, map_info.map_entries, s->e820_count) &&
	       expect(t, is_sound(r)) &&
	       expect(t, r->merged == 0 && r->lost_ranges == 0 && r->lost_bytes == 0) &&
	       expect(t, model_agrees(&model, r)) &&
	       expect(t, keeps_off_all(r, s)) &&
	       expect(t, s->module_count > BOOT_MODULES_MAX || loses_slivers_only(r, s)) &&
	       expect(t, is_idempotent(r)) &&
	       builds(t, s, image);
}

static void shuffle(struct ktest_run *t, struct model_entry *list, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = ktest_random_below(t, i);
		struct model_entry e = list[i - 1];

		list[i - 1] = list[j];
		list[j] = e;
	}
}

bool map_ignores_order(struct ktest_run *t, struct model_source *s)
{
	static struct region first[BOOT_REGIONS_MAX];
	const char *why;
	size_t count;

	if (!expect_eq(t, model_parse(s, &map_info, &why), 0))
		return false;
	count = map_info.map.count;
	memcpy(first, map_info.map.list, count * sizeof(*first));
	model_firmware(s, &model);

	shuffle(t, s->e820, s->e820_count);
	shuffle(t, s->efi, s->efi_count);
	s->efi_first = ktest_random_below(t, 2);
	s->entry_size = 24 + 8 * ktest_random_below(t, 4);
	s->descriptor_size = 40 + 8 * ktest_random_below(t, 4);
	if (!expect_eq(t, model_parse(s, &map_info, &why), 0))
		return false;
	/* Where EFI's ranges of two names overlap, the order decides which name stays. */
	if (s->efi_count)
		return expect(t, model_agrees(&model, &map_info.map));
	return expect_eq(t, map_info.map.count, count) &&
	       expect(t, same_regions(first, map_info.map.list, count));
}

void map_shift(struct model_source *s, uint64_t by)
{
	for (size_t i = 0; i < s->e820_count; i++)
		s->e820[i].base += by;
	for (size_t i = 0; i < s->efi_count; i++)
		s->efi[i].base += by;
}

bool map_cut(struct ktest_run *t, struct model_source *s, bool at_page)
{
	struct model_entry *e = &s->e820[ktest_random_below(t, s->e820_count)];
	uint64_t to_page = -e->base % PAGE_SIZE;
	uint64_t at = e->len ? ktest_random_below(t, e->len) : 0;

	if (at_page) {
		if (e->len <= to_page)
			return false;
		at = to_page + align_down(ktest_random_below(t, e->len - to_page), PAGE_SIZE);
	}
	s->e820[s->e820_count++] = (struct model_entry){ e->base + at, e->len - at, e->type };
	e->len = at;
	return true;
}

void map_overlap(struct ktest_run *t, struct model_source *s)
{
	static const uint32_t types[] = { 1, 1, 2, 3, 4, 5, 7, 12, 20, 0, 0xefffffff };
	const struct model_entry *e = &s->e820[ktest_random_below(t, s->e820_count)];
	uint64_t around = ktest_random_below(t, 2) ? e->base : e->base + e->len;
	uint64_t back = min(around, ktest_random_below(t, 16 * PAGE_SIZE));

	s->e820[s->e820_count++] = (struct model_entry){
		around - back, ktest_random_below(t, 32 * PAGE_SIZE),
		types[ktest_random_below(t, ARRAY_SIZE(types))],
	};
}

static void clear(struct model_source *s)
{
	s->e820_count = s->efi_count = s->module_count = 0;
	s->entry_size = s->descriptor_size = 0;
	s->efi_first = false;
	s->cut = 0;
}

static uint64_t random_base(struct ktest_run *t)
{
	const uint64_t bases[] = { 0, MIB - 64 * PAGE_SIZE, 4 * GIB - 128 * PAGE_SIZE,
				   BIT(40) - 99, BIT(52), -(200 * PAGE_SIZE) };

	return bases[ktest_random_below(t, ARRAY_SIZE(bases))];
}

/* Short or long, aligned or not, now and then empty, huge or wrapping. */
static struct model_entry random_entry(struct ktest_run *t, uint64_t base)
{
	static const uint32_t types[] = { 1, 1, 1, 1, 2, 3, 4, 5, 7, 12, 0, 6, 16, 20, UINT32_MAX };
	static const uint64_t lengths[] = { 2, PAGE_SIZE, 8 * PAGE_SIZE, 100 * PAGE_SIZE, MIB };
	struct model_entry e = {
		.base = base + ktest_random_below(t, 256 * PAGE_SIZE),
		.len = ktest_random_below(t, lengths[ktest_random_below(t, ARRAY_SIZE(lengths))]),
		.type = types[ktest_random_below(t, ARRAY_SIZE(types))],
	};

	switch (ktest_random_below(t, 8)) {
	case 0: case 1: case 2: case 3:
		e.base = align_down(e.base, PAGE_SIZE);
		e.len = align_down(e.len, PAGE_SIZE);
		break;
	case 4:
		e.len = ktest_random(t) >> ktest_random_below(t, 64);
		break;
	}
	return e;
}

static struct model_entry random_descriptor(struct ktest_run *t, uint64_t base)
{
	struct model_entry e = {
		.base = base + ktest_random_below(t, 256) * PAGE_SIZE,
		.len = ktest_random_below(t, 32),
		.type = ktest_random_below(t, 18),
	};

	if (ktest_random_below(t, 16) == 0)
		e.len = ktest_random(t) >> ktest_random_below(t, 64);
	if (ktest_random_below(t, 16) == 0)
		e.base++;
	return e;
}

static void generate(struct ktest_run *t, struct model_source *s)
{
	uint64_t base = random_base(t);

	clear(s);
	s->e820_count = 1 + ktest_random_below(t, 40);
	for (size_t i = 0; i < s->e820_count; i++)
		s->e820[i] = random_entry(t, base);
	if (ktest_random_below(t, 2))
		s->efi_count = ktest_random_below(t, 40);
	for (size_t i = 0; i < s->efi_count; i++)
		s->efi[i] = random_descriptor(t, base);
	if (ktest_random_below(t, 4) == 0)
		s->module_count = ktest_random_below(t, MODEL_MODULES_MAX);
	for (size_t i = 0; i < s->module_count; i++) {
		s->modules[i].start = base + ktest_random_below(t, MIB);
		s->modules[i].end = s->modules[i].start + ktest_random_below(t, 4 * PAGE_SIZE) - 99;
	}
}

static struct boot_range random_image(struct ktest_run *t)
{
	paddr_t start = MIB + ktest_random_below(t, 4096) * PAGE_SIZE;

	return (struct boot_range){ start, start + (1 + ktest_random_below(t, 1024)) * PAGE_SIZE };
}

static uint64_t rounds(uint64_t part)
{
	return min(ktest_operations() / part, UINT64_C(100000));
}

KTEST(map_generated_agrees_with_a_sweep)
{
	for (uint64_t i = 0; i < rounds(200); i++) {
		generate(t, &source);
		require(t, map_holds(t, &source, random_image(t)));
		require(t, map_ignores_order(t, &source));
	}
}

KTEST(map_generated_shifts_with_its_entries)
{
	static struct model_map before;

	for (uint64_t i = 0; i < rounds(1000); i++) {
		uint64_t pages = 1 + ktest_random_below(t, 1 << 20);
		const char *why;

		clear(&source);
		source.e820_count = 1 + ktest_random_below(t, 40);
		for (size_t j = 0; j < source.e820_count; j++) {
			source.e820[j] = random_entry(t, 0);
			source.e820[j].len %= MIB;
		}
		model_firmware(&source, &before);
		map_shift(&source, pages * PAGE_SIZE);
		for (size_t j = 0; j < before.count; j++) {
			before.spans[j].first += pages;
			before.spans[j].end += pages;
		}
		require(t, model_parse(&source, &map_info, &why) == 0);
		require(t, model_agrees(&before, &map_info.map));
	}
}

/* Many entries on distinct pages, in any order: what is lost can be counted to the byte. */
static void generate_disjoint(struct ktest_run *t, struct model_source *s, size_t n)
{
	uint64_t page = MIB / PAGE_SIZE;

	clear(s);
	s->e820_count = n;
	for (size_t i = 0; i < n; i++) {
		uint64_t len = 1 + ktest_random_below(t, 9);

		page += ktest_random_below(t, 3);
		s->e820[i] = (struct model_entry){ page * PAGE_SIZE, len * PAGE_SIZE,
						   ktest_random_below(t, 3) ? 1 : 2 };
		page += len;
	}
	shuffle(t, s->e820, n);
}

KTEST(map_overflow_loses_what_it_counts)
{
	const char *why;
	uint64_t overflows = 0;

	for (uint64_t i = 0; i <= rounds(50000); i++) {
		generate_disjoint(t, &source, 500 + ktest_random_below(t, 4000));
		require(t, model_parse(&source, &map_info, &why) == 0);
		model_firmware(&source, &model);
		require(t, is_sound(&map_info.map));
		require(t, model_allows(&model, &map_info.map));
		require(t, keeps_off_all(&map_info.map, &source));
		require(t, regions_total(&map_info.map, REGION_USABLE) + map_info.map.lost_bytes ==
			   model_total(&model, REGION_USABLE));
		require(t, (map_info.map.lost_bytes > 0) == (map_info.map.lost_ranges > 0));
		require(t, is_idempotent(&map_info.map));
		overflows += map_info.map.merged > 0 && map_info.map.lost_bytes > 0;
	}
	expect(t, overflows > 0);
}

/* Entries that overlap may be counted as lost twice, never too seldom. */
KTEST(map_overflow_with_overlaps_withholds_all_the_same)
{
	const char *why;

	for (uint64_t i = 0; i <= rounds(50000); i++) {
		size_t n = 500 + ktest_random_below(t, 2000);

		generate_disjoint(t, &source, n);
		for (size_t j = 0; j < n / 4; j++)
			map_overlap(t, &source);
		source.efi_count = ktest_random_below(t, 200);
		for (size_t j = 0; j < source.efi_count; j++)
			source.efi[j] = random_descriptor(t, MIB);
		require(t, model_parse(&source, &map_info, &why) == 0);
		model_firmware(&source, &model);
		require(t, is_sound(&map_info.map));
		require(t, model_allows(&model, &map_info.map));
		require(t, keeps_off_all(&map_info.map, &source));
		require(t, regions_total(&map_info.map, REGION_USABLE) + map_info.map.lost_bytes >=
			   model_total(&model, REGION_USABLE));
	}
}

/* A full firmware's map and every claim that there can be. */
KTEST(map_build_has_room_for_everything)
{
	const struct boot_range image = { 0x1002800, 0x1002801 };
	const char *why;

	clear(&source);
	source.e820_count = BOOT_REGIONS_MAX;
	for (size_t i = 0; i < BOOT_REGIONS_MAX; i++)
		source.e820[i] = (struct model_entry){ MIB / 2 + i * 20 * PAGE_SIZE,
						       18 * PAGE_SIZE, 1 };
	source.module_count = BOOT_MODULES_MAX;
	for (uint32_t i = 0; i < BOOT_MODULES_MAX; i++) {
		source.modules[i].start = 2 * MIB + (i * 20 + 5) * PAGE_SIZE;
		source.modules[i].end = source.modules[i].start + 100;
	}
	require(t, model_parse(&source, &map_info, &why) == 0);
	map_info.range_count = BOOT_RANGES_MAX;
	for (uint32_t i = 1; i < BOOT_RANGES_MAX; i++) {
		map_info.ranges[i].start = 8 * MIB + (i * 20 + 5) * PAGE_SIZE;
		map_info.ranges[i].end = map_info.ranges[i].start + 1;
	}
	map_info.rsdp = 32 * MIB + 3 * PAGE_SIZE;
	memset(&kernel_list[MAP_REGIONS_MAX], 0x5a, sizeof(*kernel_list));
	map_build(&map_kernel, kernel_list, &map_info, image, 36 * MIB + 3 * PAGE_SIZE);
	expect(t, map_kernel.count > BOOT_REGIONS_MAX + 2 * BOOT_MODULES_MAX);
	expect_eq(t, map_kernel.lost_ranges, 0);
	expect_eq(t, map_kernel.merged, 0);
	expect(t, is_sound(&map_kernel));
	expect_eq(t, kernel_list[MAP_REGIONS_MAX].end, UNTOUCHED);
	expect_str(t, regions_find(&map_kernel, map_info.rsdp)->name, "ACPI RSDP");
}

KTEST(map_names_every_claim)
{
	const struct boot_range image = { 4 * MIB, 5 * MIB };
	const char *why;

	clear(&source);
	source.e820[source.e820_count++] = (struct model_entry){ 0, 64 * MIB, 1 };
	source.e820[source.e820_count++] = (struct model_entry){ BIT(40), GIB, 1 };
	source.modules[source.module_count++] = (struct model_module){ 0x700010, 0x700011 };
	require(t, model_parse(&source, &map_info, &why) == 0);
	expect_eq(t, map_build(&map_kernel, kernel_list, &map_info, image, BIT(40) + MIB),
		  GIB - MIB);
	expect_str(t, regions_find(&map_kernel, 0)->name, "low memory");
	expect_str(t, regions_find(&map_kernel, MIB - 1)->name, "low memory");
	expect_str(t, regions_find(&map_kernel, MIB)->name, "RAM");
	expect_str(t, regions_find(&map_kernel, 5 * MIB - 1)->name, "kernel");
	expect_str(t, regions_find(&map_kernel, 0x700000)->name, "module");
	expect_str(t, regions_find(&map_kernel, MODEL_INFO_ADDRESS)->name, "boot information");
	expect(t, regions_usable(&map_kernel, BIT(40), MIB));
	expect_str(t, regions_find(&map_kernel, BIT(40) + MIB)->name, "RAM beyond reach");
	expect(t, regions_find(&map_kernel, 64 * MIB) == NULL);
}

/* The kernel may be loaded where the map has no RAM, or over several ranges. */
KTEST(map_claims_what_firmware_gave_to_others)
{
	const struct boot_range image = { 15 * MIB, 17 * MIB };
	const char *why;

	clear(&source);
	source.e820[source.e820_count++] = (struct model_entry){ MIB, 15 * MIB - PAGE_SIZE, 1 };
	source.e820[source.e820_count++] = (struct model_entry){ 16 * MIB, MIB / 2, 4 };
	require(t, model_parse(&source, &map_info, &why) == 0);
	map_build(&map_kernel, kernel_list, &map_info, image, BIT(46));
	for (paddr_t pa = image.start; pa < image.end; pa += PAGE_SIZE)
		expect_str(t, regions_find(&map_kernel, pa)->name, "kernel");
	expect_eq(t, regions_total(&map_kernel, REGION_USABLE), 14 * MIB);
	expect_eq(t, regions_total(&map_kernel, REGION_NVS), 0);
}
