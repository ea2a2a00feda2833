// SPDX-License-Identifier: MIT
/* Which serial port is the console (Serial Port Console Redirection Table, revision 4). */
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
	/* what is needed of revision 2 ends here */
	uint8_t parity, stop_bits, flow, terminal, language;
	uint16_t pci_device, pci_vendor;
	uint8_t pci_bus, pci_slot, pci_function;
	uint32_t pci_flags;
	uint8_t pci_segment;
	uint32_t clock;			/* Hz; revision 3 */
	uint32_t precise_baud;		/* revision 4 */
} __packed;
static_assert(offsetof(struct spcr, baud) == 58, "revision 2");
static_assert(offsetof(struct spcr, clock) == 76, "revision 3");
static_assert(offsetof(struct spcr, precise_baud) == 80, "revision 4");

enum {
	SPCR_LEN_2 = offsetof(struct spcr, parity),
	SPCR_LEN_3 = offsetof(struct spcr, precise_baud),
	SPCR_LEN_4 = sizeof(struct spcr),
};

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

	if (len < SPCR_LEN_2)
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
	if (s->header.revision >= 3 && len >= SPCR_LEN_3)
		out->spcr.clock = s->clock;
	if (s->header.revision >= 4 && len >= SPCR_LEN_4 && s->precise_baud)
		out->spcr.baud = s->precise_baud;
	return NULL;
}
