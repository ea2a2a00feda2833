// SPDX-License-Identifier: MIT
/*
 * Checksums of ranges of physical memory, read through the early window. The
 * sum takes in eight bytes at a time, the last ones filled up with zeros
 * (FNV-1a over words); scripts/boottest.py knows it too.
 */
#include "arch/x86/boot/watch.h"

#include "arch/x86/image.h"
#include "arch/x86/paging.h"
#include "kernel/lib/string.h"
#include "kernel/run.h"

#define LOG_SUBSYS boot
#include "kernel/log.h"

enum {
	WATCHED_MAX = BOOT_RANGES_MAX + BOOT_MODULES_MAX + ACPI_TABLES_MAX,
	PIECE = 1 << 20,	/* bytes in the window at a time, a multiple of 8 */
};

struct watched {
	const char *what;
	const char *name;	/* of a module, which may be ""; else NULL */
	paddr_t start;
	uint64_t len;
	uint64_t sum;		/* at entry */
};

static struct watched watched[WATCHED_MAX];
static size_t count;

/*
 * The kernel's own code and constants: no store of ours can reach them, a
 * device that is told a wrong address can.
 */
static struct watched image;

struct word {
	uint64_t v;
} __packed;

static uint64_t sum_piece(uint64_t sum, const uint8_t *p, size_t len)
{
	const uint64_t prime = UINT64_C(0x100000001b3);
	uint64_t last = 0;

	for (; len >= sizeof(struct word); p += sizeof(struct word), len -= sizeof(struct word))
		sum = (sum ^ ((const struct word *)p)->v) * prime;
	if (len == 0)
		return sum;
	memcpy(&last, p, len);
	return (sum ^ last) * prime;
}

/* The sum of [pa, pa+len); false where it cannot be read. */
static bool sum_range(paddr_t pa, uint64_t len, uint64_t *out)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (uint64_t done = 0; done < len; done += PIECE) {
		size_t piece = min(len - done, (uint64_t)PIECE);
		const void *p = early_map(pa + done, piece);

		if (!p)
			return false;
		sum = sum_piece(sum, p, piece);
		early_unmap();
	}
	*out = sum;
	return true;
}

static void watch(const char *what, const char *name, paddr_t start, paddr_t end)
{
	struct watched *w = &watched[count];
	uint64_t len = min(end - start, (uint64_t)WATCH_BYTES_MAX);

	*w = (struct watched){ what, name, start, len, 0 };
	/* A module may be said to lie where nothing is. */
	if (boot_is_memory(&boot_info, start, end - start) && sum_range(start, len, &w->sum))
		count++;
}

void boot_watch_begin(void)
{
	struct boot_range tables[ACPI_TABLES_MAX];
	size_t n;

	if (!run_options.test[0])
		return;
	image = (struct watched){
		.what = "the kernel's image",
		.start = boot_handover()->base,
		.len = (uint64_t)(rodata_end - image_start),
	};
	if (!sum_range(image.start, image.len, &image.sum))
		image.len = 0;
	for (uint32_t i = 0; i < boot_info.range_count; i++)
		watch("boot information", NULL, boot_info.ranges[i].start, boot_info.ranges[i].end);
	for (uint32_t i = 0; i < boot_info.module_count; i++)
		watch("module", boot_info.modules[i].name, boot_info.modules[i].start,
		      boot_info.modules[i].end);
	n = acpi_list(boot_read_physical, NULL, &boot_info, tables);
	for (size_t i = 0; i < n; i++)
		watch("ACPI table", NULL, tables[i].start, tables[i].end);
}

/* Whether this is as it was at entry. */
static bool compare(const struct watched *w)
{
	uint64_t sum = ~w->sum;
	bool same = sum_range(w->start, w->len, &sum) && sum == w->sum;

	if (!same || w->name)
		print("# %s%s%s at %#llx-%#llx %s: sum 0x%016llx\n", w->what,
		      w->name ? " " : "", w->name ? w->name : "",
		      (unsigned long long)w->start, (unsigned long long)(w->start + w->len - 1),
		      same ? "is as it was" : "has changed", (unsigned long long)sum);
	return same;
}

static bool image_is_as_it_was(void)
{
	bool same = image.len && compare(&image);

	print("# text and read-only data of the kernel: %llu bytes, %s\n",
	      (unsigned long long)image.len, same ? "unchanged" : "changed");
	return same;
}

bool boot_watch_end(void)
{
	uint64_t bytes = 0;
	size_t changed = 0;

	for (size_t i = 0; i < count; i++) {
		changed += !compare(&watched[i]);
		bytes += watched[i].len;
	}
	print("# left by firmware and loader: %zu ranges, %llu bytes, %zu changed\n", count,
	      (unsigned long long)bytes, changed);
	return image_is_as_it_was() && changed == 0 && count > 0;
}
