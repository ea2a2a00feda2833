// SPDX-License-Identifier: MIT
#include "arch/x86/boot/watch.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Root System Description Pointer (ACPI 5.2.5.3). */
struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	/* revision 2 */
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __packed;
static_assert(sizeof(struct rsdp) == 36, "ACPI 5.2.5.3");

/* What every table begins with (ACPI 5.2.6), as far as it matters here. */
struct header {
	char signature[4];
	uint32_t length;
	uint8_t rest[28];
} __packed;
static_assert(sizeof(struct header) == 36, "ACPI 5.2.6");

enum { RSDP_SIZE_1 = 20, BIOS_AREA = 0xe0000, BIOS_AREA_END = 0x100000 };

struct list {
	boot_read_fn *read;
	void *context;
	const struct boot_info *info;
	struct boot_range *out;
	size_t count;
};

bool boot_is_memory(const struct boot_info *info, paddr_t pa, uint64_t len)
{
	if (len == 0 || pa + len < pa)
		return false;
	if (pa >= BIOS_AREA && pa + len <= BIOS_AREA_END)
		return true;
	return regions_find(&info->map, pa) && regions_find(&info->map, pa + len - 1);
}

static bool read_at(const struct list *l, paddr_t pa, void *buf, size_t len)
{
	return boot_is_memory(l->info, pa, len) && l->read(l->context, pa, buf, len) == 0;
}

static void note(struct list *l, paddr_t pa, uint64_t len)
{
	if (l->count < ACPI_TABLES_MAX)
		l->out[l->count++] = (struct boot_range){ pa, pa + len };
}

/* Reads a table's header and notes the table; false if none can be there. */
static bool note_table(struct list *l, paddr_t pa, struct header *h)
{
	if (!read_at(l, pa, h, sizeof(*h)) || h->length < sizeof(*h) ||
	    h->length > ACPI_TABLE_SIZE_MAX || !boot_is_memory(l->info, pa, h->length))
		return false;
	note(l, pa, h->length);
	return true;
}

static void note_listed(struct list *l, paddr_t root, const char *signature, size_t entry_size)
{
	struct header h, listed;

	if (!read_at(l, root, &h, sizeof(h)) || memcmp(h.signature, signature, 4) != 0 ||
	    !note_table(l, root, &h))
		return;
	for (uint64_t at = sizeof(h); at + entry_size <= h.length && l->count < ACPI_TABLES_MAX;
	     at += entry_size) {
		uint64_t pa = 0;

		if (read_at(l, root + at, &pa, entry_size) && pa != 0)
			note_table(l, pa, &listed);
	}
}

static bool read_rsdp(struct list *l, struct rsdp *rsdp)
{
	const struct boot_info *info = l->info;
	const uint8_t *bytes = (const uint8_t *)rsdp;
	uint8_t sum = 0;

	memset(rsdp, 0, sizeof(*rsdp));
	if (info->rsdp) {
		if (!read_at(l, info->rsdp, rsdp, RSDP_SIZE_1))
			return false;
		if (rsdp->revision >= 2 && !read_at(l, info->rsdp, rsdp, sizeof(*rsdp)))
			return false;
	} else {
		memcpy(rsdp, info->rsdp_copy, min(sizeof(*rsdp), (size_t)info->rsdp_copy_len));
	}
	for (size_t i = 0; i < RSDP_SIZE_1; i++)
		sum += bytes[i];
	return sum == 0 && memcmp(rsdp->signature, "RSD PTR ", 8) == 0;
}

size_t acpi_list(boot_read_fn *read, void *context, const struct boot_info *info,
		 struct boot_range *out)
{
	struct list l = { read, context, info, out, 0 };
	struct rsdp rsdp;

	if (!read_rsdp(&l, &rsdp))
		return 0;
	if (info->rsdp)
		note(&l, info->rsdp, rsdp.revision >= 2 ? sizeof(rsdp) : RSDP_SIZE_1);
	if (rsdp.revision >= 2 && rsdp.xsdt)
		note_listed(&l, rsdp.xsdt, "XSDT", sizeof(uint64_t));
	else
		note_listed(&l, rsdp.rsdt, "RSDT", sizeof(uint32_t));
	return l.count;
}
