// SPDX-License-Identifier: MIT
#include "drivers/irq/ioapic_code.h"

#define ENTRY_DESTINATION	GENMASK(63, 56)
#define VERSION_LAST_PIN	GENMASK(23, 16)

uint64_t ioapic_entry_encode(const struct irq_line *line, uint32_t destination)
{
	uint64_t entry = line->vector | FIELD_PREP(ENTRY_DESTINATION, destination);

	if (line->polarity == IRQ_ACTIVE_LOW)
		entry |= IOAPIC_ENTRY_LOW;
	if (line->trigger == IRQ_LEVEL)
		entry |= IOAPIC_ENTRY_LEVEL;
	if (line->masked)
		entry |= IOAPIC_ENTRY_MASKED;
	return entry;
}

void ioapic_entry_decode(uint64_t entry, struct irq_line *line, uint32_t *destination)
{
	*line = (struct irq_line){
		.vector = FIELD_GET(IOAPIC_ENTRY_VECTOR, entry),
		.trigger = entry & IOAPIC_ENTRY_LEVEL ? IRQ_LEVEL : IRQ_EDGE,
		.polarity = entry & IOAPIC_ENTRY_LOW ? IRQ_ACTIVE_LOW : IRQ_ACTIVE_HIGH,
		.masked = entry & IOAPIC_ENTRY_MASKED,
	};
	*destination = (uint32_t)FIELD_GET(ENTRY_DESTINATION, entry);
}

uint32_t ioapic_pins(uint32_t version)
{
	uint32_t pins = (uint32_t)FIELD_GET(VERSION_LAST_PIN, version) + 1;

	if (version == 0 || version == UINT32_MAX || pins > IOAPIC_PINS_MAX)
		return 0;
	return pins;
}
