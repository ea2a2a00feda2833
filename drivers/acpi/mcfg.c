// SPDX-License-Identifier: MIT
/* Where PCI configuration space is mapped (PCI Firmware Specification 3.3, 4.1.2). */
#include "drivers/acpi/table.h"

struct mcfg {
	struct acpi_header header;
	uint64_t reserved;
	/* entries */
} __packed;
static_assert(sizeof(struct mcfg) == 44, "4.1.2, table 4-2");

struct mcfg_entry {
	uint64_t base;
	uint16_t segment;
	uint8_t bus_first, bus_last;
	uint32_t reserved;
} __packed;
static_assert(sizeof(struct mcfg_entry) == 16, "4.1.2, table 4-3");

static const char *read_entry(const struct mcfg_entry *e, struct acpi_info *out)
{
	enum { BUS_SIZE = 1 << 20 };
	uint64_t end = (uint64_t)(e->bus_last + 1) * BUS_SIZE;

	if (e->base == 0 || !is_aligned(e->base, BUS_SIZE) || e->base + end < e->base)
		return "an address that cannot be";
	if (e->bus_first > e->bus_last)
		return "a range of buses that ends before it begins";
	if (out->mcfg_count == ACPI_MCFG_MAX)
		return "more ranges than are kept";
	out->mcfg[out->mcfg_count++] = (struct acpi_mcfg){
		.base = e->base, .segment = e->segment,
		.bus_first = e->bus_first, .bus_last = e->bus_last,
	};
	return NULL;
}

const char *mcfg_read(const void *table, size_t len, struct acpi_info *out)
{
	const struct mcfg_entry *e = (const void *)((const struct mcfg *)table + 1);
	const char *problem = NULL;

	if (len < sizeof(struct mcfg))
		return "shorter than its fields";
	for (len -= sizeof(struct mcfg); len >= sizeof(*e); len -= sizeof(*e)) {
		const char *wrong = read_entry(e++, out);

		problem = problem ? problem : wrong;
	}
	return problem ? problem : len ? "ends within an entry" : NULL;
}
