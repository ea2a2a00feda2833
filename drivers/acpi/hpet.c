// SPDX-License-Identifier: MIT
/* Where the event timers are (IA-PC HPET Specification 1.0a, 3.2.4). */
#include "drivers/acpi/table.h"

struct hpet_table {
	struct acpi_header header;
	uint32_t id;
	struct acpi_gas base;
	uint8_t number;
	uint16_t minimum_tick;
	uint8_t attributes;
} __packed;
static_assert(sizeof(struct hpet_table) == 56, "3.2.4");

const char *hpet_read(const void *table, size_t len, struct acpi_info *out)
{
	const struct hpet_table *h = table;

	if (len < sizeof(*h))
		return "shorter than its fields";
	if (h->base.space != 0 || h->base.address == 0)
		return "its registers are not in memory";
	out->hpet = (struct acpi_hpet){ true, h->base.address, h->minimum_tick };
	return NULL;
}
