// SPDX-License-Identifier: MIT
/* Which serial port is the console (Serial Port Console Redirection Table, revision 2). */
#include "drivers/acpi/table.h"

struct spcr {
	struct acpi_header header;
	uint8_t type;
	uint8_t reserved[3];
	struct acpi_gas base;
	uint8_t interrupt_type;
	uint8_t irq;
	uint32_t gsi;
	uint8_t baud;
	/* more that is not needed here */
} __packed;
static_assert(offsetof(struct spcr, baud) == 58, "revision 2");

enum { SPCR_IRQ_IOAPIC = BIT(1) };

static uint32_t baud_of(uint8_t code)
{
	switch (code) {
	case 3:
		return 9600;
	case 4:
		return 19200;
	case 6:
		return 57600;
	case 7:
		return 115200;
	default:
		return 0;
	}
}

const char *spcr_read(const void *table, size_t len, struct acpi_info *out)
{
	const struct spcr *s = table;

	if (len < sizeof(*s))
		return "shorter than its fields";
	if (s->base.address == 0)
		return NULL;		/* redirection is off */
	out->spcr = (struct acpi_spcr){
		.present = true,
		.type = s->type,
		.base = acpi_address_of(&s->base),
		.baud = baud_of(s->baud),
		.has_gsi = s->interrupt_type & SPCR_IRQ_IOAPIC,
		.gsi = s->gsi,
	};
	return NULL;
}
