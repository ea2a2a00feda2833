// SPDX-License-Identifier: MIT
/*
 * The order matters: lines need the local APIC to be sent to, and every other
 * source is silent before interrupts are opened for the first time, to let in
 * what firmware left pending.
 */
#include "drivers/irq/irq_init.h"

#include "drivers/acpi/acpi.h"
#include "kernel/irq_chip.h"

static struct irq_origin origin;

void irq_init(void)
{
	const struct acpi_info *info = acpi_info();

	origin.from = info->interrupts_from;
	/* Tables say so where there is none as well, so it must answer too. */
	if (info->has_pic || !origin.from)
		origin.pic_masked = pic_mask();
	irq_origin_register(&origin);
	lapic_init();
	ioapic_init();
	lapic_settle();
}
