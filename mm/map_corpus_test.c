// SPDX-License-Identifier: MIT
/*
 * The maps of real machines (mm/memmaps/, or the folder that MEMMAPS in the
 * environment names), each as it stands, permuted, shifted, cut and overlaid;
 * and what is odd about some of them, file by file.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "mm/map.h"
#include "mm/map_test.h"

#define FOLDER	"mm/memmaps"

enum { FILES_MAX = 1000, PATH_MAX_LEN = 600, LINE_LEN = 1000, NAME_MAX_LEN = 200 };

static const struct boot_range usual_image = { 2 * MIB, 3 * MIB + PAGE_SIZE };

static char files[FILES_MAX][NAME_MAX_LEN];
static size_t file_count;
static struct model_source original, varied;

static const char *folder(void)
{
	const char *named = getenv("MEMMAPS");

	return named && *named ? named : FOLDER;
}

/* Whether it is the one whose files the tests below know. */
static bool is_own_folder(void)
{
	return strcmp(folder(), FOLDER) == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Lists the corpus; false, and said so, if there is none. */
static bool list_files(void)
{
	DIR *dir = opendir(folder());
	struct dirent *d;

	file_count = 0;
	while (dir && (d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len < 4 || strcmp(d->d_name + len - 4, ".map") != 0)
			continue;
		if (len >= NAME_MAX_LEN || file_count == FILES_MAX) {
			print("# %s: more or longer names than this test takes\n", folder());
			file_count = 0;
			break;
		}
		memcpy(files[file_count++], d->d_name, len + 1);
	}
	if (dir)
		closedir(dir);
	qsort(files, file_count, sizeof(*files), compare_names);
	if (!file_count)
		print("# no memory maps (*.map) in %s\n", folder());
	return file_count > 0;
}

/* One line that is no comment; false if it is not an entry. */
static bool read_entry(const char *line, bool efi, struct model_source *s)
{
	unsigned long long start, end = 0, attribute;
	char dash, name[32], rest[2];
	unsigned type;
	bool empty = false;

	if (s->e820_count == MODEL_ENTRIES_MAX || s->efi_count == MODEL_ENTRIES_MAX)
		return false;
	if (sscanf(line, "0x%llx 0x%llx %u", &start, &end, &type) != 3) {
		if (sscanf(line, "0x%llx %c %u", &start, &dash, &type) != 3 || dash != '-')
			return false;
		empty = true;
	}
	if (!empty && end < start)
		return false;
	if (efi) {
		uint64_t len = empty ? 0 : end - start + 1;

		if (sscanf(line, "%*s %*s %*s %31s 0x%llx %1s", name, &attribute, rest) != 2 ||
		    !is_aligned(start | len, PAGE_SIZE))
			return false;
		s->efi[s->efi_count++] = (struct model_entry){ start, len / PAGE_SIZE, type };
		type = model_e820_type(type);
	}
	s->e820[s->e820_count++] = (struct model_entry){ start, empty ? 0 : end - start + 1, type };
	return true;
}

/* Reads a file of the corpus; false, and said where, if it breaks the format. */
static bool load(const char *name, struct model_source *s)
{
	char path[PATH_MAX_LEN], line[LINE_LEN], kind[8] = "";
	unsigned number = 0, entries = 0;
	bool ok;
	FILE *f;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "%s/%s", folder(), name);
	f = fopen(path, "r");
	ok = f != NULL;
	while (ok && fgets(line, sizeof(line), f)) {
		number++;
		ok = strchr(line, '\n') != NULL;
		if (line[0] == '#') {
			sscanf(line, "# kind: %7s", kind);
			sscanf(line, "# entries: %u", &entries);
		} else if (ok) {
			ok = read_entry(line, strcmp(kind, "efi") == 0, s);
		}
	}
	if (f)
		fclose(f);
	if (ok && s->e820_count && s->e820_count == entries &&
	    (strcmp(kind, "efi") == 0 || strcmp(kind, "e820") == 0))
		return true;
	print("# %s:%u: not a memory map of mm/memmaps/README.md's format\n", path, number);
	return false;
}

typedef bool check_fn(struct ktest_run *t, const struct model_source *s);

/* Calls `check` for every file; names the one that fails. */
static void for_each_file(struct ktest_run *t, check_fn *check)
{
	require(t, list_files());
	for (size_t i = 0; i < file_count; i++) {
		if (!expect(t, load(files[i], &original)))
			continue;
		if (!check(t, &original))
			print("# that was %s\n", files[i]);
	}
}

static struct boot_range random_image(struct ktest_run *t)
{
	paddr_t start = ktest_random_below(t, 8192) * PAGE_SIZE;

	return (struct boot_range){ start, start + (1 + ktest_random_below(t, 1024)) * PAGE_SIZE };
}

static uint64_t rounds(void)
{
	return 1 + min(ktest_operations() / 100000, UINT64_C(2000));
}

static bool as_it_stands(struct ktest_run *t, const struct model_source *s)
{
	return map_holds(t, s, usual_image) && map_holds(t, s, random_image(t));
}

KTEST(map_corpus_as_it_stands)
{
	for_each_file(t, as_it_stands);
}

static bool in_any_order(struct ktest_run *t, const struct model_source *s)
{
	bool ok = true;

	memcpy(&varied, s, sizeof(varied));
	for (uint64_t i = 0; i < rounds() && ok; i++)
		ok = map_ignores_order(t, &varied) && map_holds(t, &varied, random_image(t));
	return ok;
}

KTEST(map_corpus_in_any_order)
{
	for_each_file(t, in_any_order);
}

static bool shifted(struct ktest_run *t, const struct model_source *s)
{
	bool ok = true;

	for (uint64_t i = 0; i < rounds() && ok; i++) {
		memcpy(&varied, s, sizeof(varied));
		/* Odd bytes now and then, which no firmware does. */
		map_shift(&varied, ktest_random_below(t, BIT(28)) * PAGE_SIZE +
			  (i % 2 ? ktest_random_below(t, PAGE_SIZE) : 0));
		ok = map_holds(t, &varied, random_image(t)) && map_ignores_order(t, &varied);
	}
	return ok;
}

KTEST(map_corpus_shifted)
{
	for_each_file(t, shifted);
}

static bool same_after_cuts(struct ktest_run *t, const struct model_source *s)
{
	static struct region before[BOOT_REGIONS_MAX];
	const struct regions *r = &map_info.map;
	const char *why;
	bool ok = true;
	size_t count;

	if (!expect_eq(t, model_parse(s, &map_info, &why), 0))
		return false;
	count = r->count;
	memcpy(before, r->list, count * sizeof(*before));
	for (uint64_t i = 0; i < rounds() && ok; i++) {
		memcpy(&varied, s, sizeof(varied));
		for (unsigned n = 0; n < 10; n++)
			map_cut(t, &varied, true);
		ok = expect_eq(t, model_parse(&varied, &map_info, &why), 0) &&
		     expect_eq(t, r->count, count);
		for (size_t j = 0; j < count && ok; j++)
			ok = expect(t, r->list[j].start == before[j].start &&
				       r->list[j].end == before[j].end &&
				       r->list[j].kind == before[j].kind &&
				       strcmp(r->list[j].name, before[j].name) == 0);
	}
	return ok;
}

KTEST(map_corpus_cut_at_pages_is_the_same)
{
	for_each_file(t, same_after_cuts);
}

static bool cut_anywhere(struct ktest_run *t, const struct model_source *s)
{
	bool ok = true;

	for (uint64_t i = 0; i < rounds() && ok; i++) {
		memcpy(&varied, s, sizeof(varied));
		for (uint64_t n = 1 + ktest_random_below(t, 10); n > 0; n--)
			map_cut(t, &varied, false);
		ok = map_holds(t, &varied, random_image(t)) && map_ignores_order(t, &varied);
	}
	return ok;
}

KTEST(map_corpus_cut_anywhere)
{
	for_each_file(t, cut_anywhere);
}

static bool overlaid(struct ktest_run *t, const struct model_source *s)
{
	bool ok = true;

	for (uint64_t i = 0; i < rounds() && ok; i++) {
		memcpy(&varied, s, sizeof(varied));
		for (uint64_t n = 1 + ktest_random_below(t, 30); n > 0; n--)
			map_overlap(t, &varied);
		ok = map_holds(t, &varied, random_image(t)) && map_ignores_order(t, &varied);
	}
	return ok;
}

KTEST(map_corpus_overlaid)
{
	for_each_file(t, overlaid);
}

/* A loader that takes what EFI withholds for RAM: the EFI map alone must withhold it. */
static bool trusting(struct ktest_run *t, const struct model_source *s)
{
	uint64_t before = 0;

	memcpy(&varied, s, sizeof(varied));
	for (size_t i = 0; i < s->efi_count; i++) {
		uint32_t type = s->efi[i].type;

		if (type == 5 || type == 6 || type == 11 || type == 12 || type == 15) {
			varied.e820[i].type = 1;
			before += s->efi[i].len;
		}
	}
	if (!map_holds(t, &varied, usual_image))
		return false;
	for (size_t i = 0; i < s->efi_count; i++) {
		const struct region *r = regions_find(&map_info.map, s->efi[i].base);

		if (varied.e820[i].type == s->e820[i].type || s->efi[i].len == 0)
			continue;
		if (!expect(t, r != NULL) || !expect_eq(t, r->kind, REGION_RESERVED) ||
		    !expect(t, strncmp(r->name, "EFI ", 4) == 0))
			return false;
	}
	return expect(t, before > 0 || s->efi_count == 0);
}

KTEST(map_corpus_efi_map_alone_withholds)
{
	for_each_file(t, trusting);
}

/* Boot information that ends amid its map is refused, wherever it ends. */
static bool truncated(struct ktest_run *t, const struct model_source *s)
{
	bool ok = true;

	memcpy(&varied, s, sizeof(varied));
	for (uint64_t i = 0; i < 3 * rounds() && ok; i++) {
		const char *why = NULL;

		varied.efi_first = i % 2;
		varied.cut = 9 + ktest_random_below(t, 24 * varied.e820_count + 8);
		ok = expect_eq(t, model_parse(&varied, &map_info, &why), -EPROTO) &&
		     expect(t, why != NULL);
	}
	return ok;
}

KTEST(map_corpus_truncated_is_refused)
{
	for_each_file(t, truncated);
}

/* Loads a file that a test names. False, without failing, in a corpus that has not got it. */
static bool load_known(struct ktest_run *t, const char *name)
{
	char file[NAME_MAX_LEN];

	snprintf(file, sizeof(file), "%s.map", name);
	if (!list_files())
		return false;
	for (size_t i = 0; i < file_count; i++)
		if (strcmp(files[i], file) == 0)
			return expect(t, load(file, &original)) &&
			       expect(t, map_holds(t, &original, usual_image));
	expect(t, !is_own_folder());
	return false;
}

/* What the firmware's map must say of an address; 0: nobody named it. */
static const struct {
	const char *file;
	uint64_t address;
	enum region_kind kind;
} odd[] = {
	{ "amd-elansc520-bios-e820", 0x100000, REGION_USABLE },
	{ "amd-elansc520-bios-e820", 0x3ffffff, REGION_USABLE },
	{ "amd-elansc520-bios-e820", 0x4000000, 0 },
	{ "amd-volcano-uefi-e820", 0x3ffc00000000, REGION_RESERVED },
	{ "apple-macbook10-uefi-e820", 0x57fff, REGION_USABLE },
	{ "apple-macbook10-uefi-e820", 0x58000, REGION_RESERVED },
	{ "apple-macbook10-uefi-e820", 0x59000, REGION_USABLE },
	{ "apple-macbook10-uefi-e820", 0x9e000, REGION_RESERVED },
	{ "apple-macbook10-uefi-e820", 0xfe010000, REGION_RESERVED },
	{ "apple-macbook10-uefi-e820", 0xfe011000, 0 },
	{ "asus-c523na-coreboot-e820", 0, REGION_RESERVED },
	{ "asus-c523na-coreboot-e820", 0xfffffff, REGION_USABLE },
	{ "asus-c523na-coreboot-e820", 0x10000000, REGION_RESERVED },
	{ "asus-trx40-uefi-efi", 0, REGION_RESERVED },
	{ "asus-trx40-uefi-efi", 0x90000, REGION_RESERVED },
	{ "cloudhypervisor-10gib-none-e820", 0xe8000000, REGION_RESERVED },
	{ "cloudhypervisor-10gib-none-e820", 0xf8000000, 0 },
	{ "cobalt-raq3-rom-e801", 0xf7fff000, 0 },
	{ "firecracker-1gib-none-e820", 0x9efff, REGION_USABLE },
	{ "firecracker-1gib-none-e820", 0x9f000, 0 },
	{ "google-taniks-coreboot-e820", 0, REGION_RESERVED },
	{ "google-taniks-coreboot-e820", 0x1000, REGION_USABLE },
	{ "google-taniks-coreboot-e820", 0x80000000, REGION_RESERVED },
	{ "hp-8000elite-bios-e820", 0xdd7a0fff, REGION_USABLE },
	{ "hp-8000elite-bios-e820", 0xdd7a1000, REGION_NVS },
	{ "hp-8000elite-bios-e820", 0xdd7a3fff, REGION_NVS },
	{ "hp-8000elite-bios-e820", 0xdd7a4000, REGION_RESERVED },
	{ "hp-8000elite-bios-e820", 0xfed40000, 0 },
	{ "intel-optane-type7-partial-e820", 0x2000000000, REGION_PERSISTENT },
	{ "jailhouse-qemucell-linux-e820", 0xa0000, REGION_USABLE },
	{ "jailhouse-qemucell-linux-e820", 0x100000, REGION_RESERVED },
	{ "jailhouse-qemucell-linux-e820", 0x101000, 0 },
	{ "jailhouse-qemucell-linux-e820", 0x200000, REGION_USABLE },
	{ "lenovo-t400-bios-e820", 0xbcbff000, REGION_USABLE },
	{ "lenovo-t400-bios-e820", 0xfed00000, REGION_RESERVED },
	{ "lenovo-t400-bios-e820", 0xfed00fff, REGION_RESERVED },
	{ "lenovo-x240-uefi-efi", 0, REGION_USABLE },
	{ "lenovo-x240-uefi-efi", 0xa0000, REGION_RESERVED },
	{ "lenovo-x240-uefi-efi", 0xda43b000, REGION_RESERVED },
	{ "microsoft-wsl2-8gib-e820", 0x100000, REGION_RECLAIMABLE },
	{ "microsoft-wsl2-8gib-e820", 0x1fffff, REGION_RECLAIMABLE },
	{ "microsoft-wsl2-8gib-e820", 0x200000, REGION_USABLE },
	{ "minnowboard-turbot-coreboot-e820", 0x1fffffff, REGION_USABLE },
	{ "minnowboard-turbot-coreboot-e820", 0x20000000, REGION_RESERVED },
	{ "minnowboard-turbot-coreboot-e820", 0x20100000, REGION_USABLE },
	{ "qemu-i440fx-seabios-e820", 0xfd00000000, REGION_RESERVED },
	{ "samsung-500cchromebook-bios-e820", 0, REGION_USABLE },
	{ "samsung-500cchromebook-bios-e820", 0x1000, 0 },
	{ "supermicro-x8sie-bios-e820", 0xbf790000, 0 },
	{ "supermicro-x8sie-bios-e820", 0xbf7e0000, 0 },
	{ "unnamed-133mhz-bios-e820", 0, REGION_USABLE },
	{ "unnamed-2nodeserver-memmap-e820", 0, 0 },
	{ "unnamed-2nodeserver-memmap-e820", 0x1000, REGION_USABLE },
	{ "unnamed-2nodeserver-memmap-e820", 0x9c000, REGION_RESERVED },
	{ "unnamed-2nodeserver-memmap-e820", 0x500000000, REGION_PERSISTENT },
	{ "unnamed-2nodeserver-memmap-e820", 0x603fffffff, REGION_PERSISTENT },
	{ "unnamed-333mhz-bios-e820", 0xffff0000, REGION_RESERVED },
	{ "unnamed-it91smub-uefi-e820", 0x41a2dfff, REGION_USABLE },
	{ "unnamed-it91smub-uefi-e820", 0x41a2e000, REGION_BAD },
	{ "unnamed-it91smub-uefi-e820", 0x41a2f000, REGION_USABLE },
	{ "unnamed-it91smub-uefi-e820", 0xffffffffff, REGION_USABLE },
	{ "unnamed-it91smub-uefi-e820", 0x10000000000, REGION_USABLE },
	{ "unnamed-neofb-bios-e820", 0x100b6000, REGION_NVS },
	{ "unnamed-pc-12gib-bios-e820", 0x92fff, REGION_USABLE },
	{ "unnamed-pc-12gib-bios-e820", 0x3f7e0000, 0 },
	{ "unnamed-pc-64gib-uefi-efi", 0xa0000, REGION_RESERVED },
	{ "unnamed-pc-64gib-uefi-efi", 0xfffff, REGION_RESERVED },
	{ "unnamed-qubeshost-uefi-e820", 0x3ffffff, REGION_USABLE },
	{ "unnamed-qubeshost-uefi-e820", 0x4000000, REGION_NVS },
	{ "unnamed-qubeshost-uefi-e820", 0x4012000, REGION_USABLE },
	{ "via-vt8371-bios-e820", 0xefffff, REGION_USABLE },
	{ "via-vt8371-bios-e820", 0xf00000, REGION_RESERVED },
	{ "via-vt8371-bios-e820", 0xffffff, REGION_RESERVED },
	{ "via-vt8371-bios-e820", 0x1000000, REGION_USABLE },
	{ "vmware-workstation-bios-e820", 0x1ff00000, REGION_USABLE },
	{ "xen-hvm-2gib-seabios-e820", 0xfdffd000, REGION_NVS },
};

KTEST(map_corpus_oddities_are_seen)
{
	require(t, list_files());
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const struct region *r;

		if (!load_known(t, odd[i].file))
			continue;
		r = regions_find(&map_info.map, odd[i].address);
		if (!expect_eq(t, r ? r->kind : 0, odd[i].kind))
			print("# that was %s at %#llx\n", odd[i].file,
			      (unsigned long long)odd[i].address);
	}
}

KTEST(map_corpus_counts_an_entry_twice_listed_once)
{
	require(t, list_files());
	if (load_known(t, "amd-elansc520-bios-e820"))
		expect_eq(t, regions_total(&map_info.map, REGION_USABLE),
			  0x9f000 + 0x4000000 - 0x100000);
}

KTEST(map_corpus_longest_table_fits)
{
	require(t, list_files());
	if (!load_known(t, "unnamed-pc-64gib-uefi-efi"))
		return;
	expect_eq(t, map_info.map_entries, 278);
	expect_eq(t, map_info.map.lost_ranges, 0);
	expect_eq(t, map_info.map.merged, 0);
}

KTEST(map_corpus_empty_entries_are_dropped)
{
	require(t, list_files());
	if (load_known(t, "unnamed-133mhz-bios-e820"))
		expect_eq(t, map_info.map.dropped, 1);
	/* Seven in the memory map; in the EFI map they are of no type that withholds. */
	if (load_known(t, "lenovo-x240-uefi-efi"))
		expect_eq(t, map_info.map.dropped, 7);
}

KTEST(map_corpus_without_ram_makes_no_heap)
{
	static const char *const names[] = {
		"intel-optane-type7-partial-e820", "samsung-500cchromebook-bios-e820",
	};

	require(t, list_files());
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (load_known(t, names[i]))
			expect_eq(t, regions_total(&map_kernel, REGION_USABLE), 0);
}

/* Linux made the one of the other: both must be the same RAM. */
KTEST(map_corpus_twins_are_the_same_ram)
{
	static struct region first[BOOT_REGIONS_MAX];
	const struct regions *r = &map_info.map;
	size_t count = 0, i = 0;

	require(t, list_files());
	if (!load_known(t, "lenovo-x240-uefi-e820"))
		return;
	for (size_t j = 0; j < r->count; j++)
		if (r->list[j].kind == REGION_USABLE)
			first[count++] = r->list[j];
	if (!load_known(t, "lenovo-x240-uefi-efi"))
		return;
	for (size_t j = 0; j < r->count; j++) {
		if (r->list[j].kind != REGION_USABLE)
			continue;
		require(t, i < count);
		expect_eq(t, r->list[j].start, first[i].start);
		expect_eq(t, r->list[j].end, first[i].end);
		i++;
	}
	expect_eq(t, i, count);
	expect(t, count > 3);
}
