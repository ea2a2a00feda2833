// SPDX-License-Identifier: MIT
/* What the MADT and the MP table both list: IOAPICs and overrides, each once. */
#include "drivers/acpi/table.h"

const char *acpi_add_ioapic(struct acpi_info *out, uint8_t id, paddr_t base, uint32_t gsi_base)
{
	if (base == 0)
		return "an IOAPIC at address 0";
	for (unsigned i = 0; i < out->ioapic_count; i++) {
		if (out->ioapics[i].base == base || out->ioapics[i].gsi_base == gsi_base)
			return "two IOAPICs in one place";
	}
	if (out->ioapic_count == ACPI_IOAPICS_MAX)
		return "more IOAPICs than are kept";
	out->ioapics[out->ioapic_count++] = (struct acpi_ioapic){ id, base, gsi_base };
	return NULL;
}

/*
 * Bits 1:0 are the polarity, 3:2 the trigger mode; 0 is what the bus has, and
 * ISA's lines are active high and edge-triggered.
 */
const char *acpi_add_override(struct acpi_info *out, unsigned source, uint32_t gsi, uint16_t flags)
{
	enum { LOW = 3, LEVEL = 3 };
	struct acpi_gsi to = {
		.gsi = gsi,
		.active_low = FIELD_GET(GENMASK(1, 0), flags) == LOW,
		.level = FIELD_GET(GENMASK(3, 2), flags) == LEVEL,
	};

	if (source >= ACPI_OVERRIDES_MAX)
		return "an override of no ISA interrupt";
	for (unsigned i = 0; i < out->override_count; i++) {
		if (out->overrides[i].source == source)
			return "two overrides of one interrupt";
	}
	out->overrides[out->override_count++] = (struct acpi_override){ (uint8_t)source, to };
	return NULL;
}
