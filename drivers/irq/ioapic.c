// SPDX-License-Identifier: MIT
/*
 * I/O APICs (Intel 82093AA and what follows it): every one that firmware's
 * table names, if one answers there. All pins are masked when it is found;
 * one is unmasked when somebody connects its line.
 */
#include <asm/io.h>

#include "drivers/acpi/acpi.h"
#include "drivers/irq/ioapic_code.h"
#include "drivers/irq/irq_init.h"
#include "drivers/irq/lapic.h"
#include "drivers/irq/lapic_code.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "mm/ioremap.h"

#define LOG_SUBSYS irq
#include "kernel/log.h"

enum { WINDOW_SELECT = 0x00, WINDOW_DATA = 0x10, WINDOW_SIZE = 0x20, ISA_COUNT = 16 };

struct ioapic {
	struct irq_lines lines;
	struct mmio *registers;
	char name[16];
};

static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static unsigned ioapic_count;
static struct irq_isa isa[ISA_COUNT];

static uint32_t ioapic_read(struct ioapic *a, uint32_t reg)
{
	mmio_write32(a->registers, WINDOW_SELECT, reg);
	return mmio_read32(a->registers, WINDOW_DATA);
}

static void ioapic_write(struct ioapic *a, uint32_t reg, uint32_t value)
{
	mmio_write32(a->registers, WINDOW_SELECT, reg);
	mmio_write32(a->registers, WINDOW_DATA, value);
}

static uint32_t low_half(uint32_t pin)
{
	return IOAPIC_REDIRECTION + 2 * pin;
}

static uint32_t high_half(uint32_t pin)
{
	return IOAPIC_REDIRECTION + 2 * pin + 1;
}

/* Masked until both halves are written, so that nothing fires half programmed. */
static void ioapic_set(struct irq_lines *c, uint32_t pin, const struct irq_line *line)
{
	struct ioapic *a = container_of(c, struct ioapic, lines);
	uint64_t entry = ioapic_entry_encode(line, lapic_id());

	ioapic_write(a, low_half(pin), (uint32_t)entry | IOAPIC_ENTRY_MASKED);
	ioapic_write(a, high_half(pin), entry >> 32);
	ioapic_write(a, low_half(pin), (uint32_t)entry);
}

static void ioapic_mask(struct irq_lines *c, uint32_t pin, bool masked)
{
	struct ioapic *a = container_of(c, struct ioapic, lines);
	uint32_t low = ioapic_read(a, low_half(pin)) & ~(uint32_t)IOAPIC_ENTRY_MASKED;

	ioapic_write(a, low_half(pin), masked ? low | IOAPIC_ENTRY_MASKED : low);
}

static void ioapic_get(struct irq_lines *c, uint32_t pin, struct irq_line *line)
{
	struct ioapic *a = container_of(c, struct ioapic, lines);
	uint64_t entry = ioapic_read(a, low_half(pin));
	uint32_t destination;

	entry |= (uint64_t)ioapic_read(a, high_half(pin)) << 32;
	ioapic_entry_decode(entry, line, &destination);
}

/*
 * Pins that firmware has as system-management interrupts are its own. The
 * others are masked and made edges, which also forgets a level interrupt that
 * was never ended.
 */
static void mask_all(struct ioapic *a)
{
	for (uint32_t pin = 0; pin < a->lines.count; pin++) {
		uint32_t low = ioapic_read(a, low_half(pin));

		if (FIELD_GET(IOAPIC_ENTRY_DELIVERY, low) != IOAPIC_DELIVERY_SMI)
			ioapic_write(a, low_half(pin), IOAPIC_ENTRY_MASKED);
	}
}

/* Returns 0, or -ENODEV with a line that says why it is left alone. */
static int ioapic_find(struct ioapic *a, const struct acpi_ioapic *told)
{
	uint32_t version;
	uint8_t id;

	a->registers = ioremap(told->base, WINDOW_SIZE, IOREMAP_UNCACHED);
	if (!a->registers)
		return -ENODEV;
	version = ioapic_read(a, IOAPIC_VERSION);
	a->lines.count = ioapic_pins(version);
	if (a->lines.count == 0) {
		log_warn("no I/O APIC at %#llx: its version reads %#x",
			 (unsigned long long)told->base, version);
		goto unmap;
	}
	if (irq_lines_register(&a->lines)) {
		log_warn("I/O APIC at %#llx ignored: GSI %u-%u overlap another's, or wrap",
			 (unsigned long long)told->base, told->gsi_base,
			 told->gsi_base + a->lines.count - 1);
		goto unmap;
	}
	id = ioapic_read(a, IOAPIC_ID) >> 24;
	if (id != told->id)
		log_debug("%s has the identity %u, firmware says %u", a->name, id, told->id);
	return 0;
unmap:
	iounmap(a->registers);
	return -ENODEV;
}

static void ioapic_add(const struct acpi_ioapic *told)
{
	struct ioapic *a = &ioapics[ioapic_count];

	format(a->name, sizeof(a->name), "IOAPIC %u", ioapic_count);
	a->lines = (struct irq_lines){
		.name = a->name,
		.address = told->base,
		.gsi_base = told->gsi_base,
		.set = ioapic_set,
		.mask = ioapic_mask,
		.get = ioapic_get,
	};
	if (ioapic_find(a, told))
		return;
	mask_all(a);
	ioapic_count++;
	log_info("%s at %#llx, GSI %u-%u", a->name, (unsigned long long)told->base,
		 told->gsi_base, told->gsi_base + a->lines.count - 1);
}

static void isa_register(const struct acpi_info *info)
{
	for (unsigned i = 0; i < ISA_COUNT; i++)
		isa[i] = (struct irq_isa){ i, IRQ_EDGE, IRQ_ACTIVE_HIGH };
	for (unsigned i = 0; i < info->override_count; i++) {
		const struct acpi_override *o = &info->overrides[i];

		if (o->source < ISA_COUNT)
			isa[o->source] = (struct irq_isa){
				.gsi = o->to.gsi,
				.trigger = o->to.level ? IRQ_LEVEL : IRQ_EDGE,
				.polarity = o->to.active_low ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH,
			};
	}
	irq_isa_register(isa);
}

void ioapic_init(void)
{
	const struct acpi_info *info = acpi_info();

	if (!lapic_is_present() || !lapic_can_be_named(lapic_id()))
		return;
	for (unsigned i = 0; i < info->ioapic_count && i < ACPI_IOAPICS_MAX; i++)
		ioapic_add(&info->ioapics[i]);
	isa_register(info);
}
