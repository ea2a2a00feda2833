/* SPDX-License-Identifier: MIT */
/*
 * How an I/O APIC's redirection table is encoded (Intel 82093AA data sheet,
 * 3.2.4), and what its version register says. Pure.
 */
#pragma once

#include "kernel/irq_chip.h"

/* Indirect registers (82093AA, 3.2). */
enum ioapic_register {
	IOAPIC_ID = 0x00,
	IOAPIC_VERSION = 0x01,
	IOAPIC_REDIRECTION = 0x10,	/* two of 32 bits for each pin, the low one first */
};

/* The low half of an entry. */
enum ioapic_entry_bits {
	IOAPIC_ENTRY_VECTOR = GENMASK(7, 0),
	IOAPIC_ENTRY_DELIVERY = GENMASK(10, 8),
	IOAPIC_ENTRY_LOGICAL = BIT(11),
	IOAPIC_ENTRY_PENDING = BIT(12),	/* read only */
	IOAPIC_ENTRY_LOW = BIT(13),
	IOAPIC_ENTRY_REMOTE_IRR = BIT(14),	/* read only */
	IOAPIC_ENTRY_LEVEL = BIT(15),
	IOAPIC_ENTRY_MASKED = BIT(16),
};

enum { IOAPIC_PINS_MAX = 240, IOAPIC_DELIVERY_SMI = 2 };

/* An entry as 64 bits: fixed delivery to one local APIC by its 8-bit identity. */
uint64_t ioapic_entry_encode(const struct irq_line *line, uint32_t destination);
void ioapic_entry_decode(uint64_t entry, struct irq_line *line, uint32_t *destination);

/*
 * The number of pins by the version register; 0 if no I/O APIC answers like
 * that: all zeroes, all ones, or more than IOAPIC_PINS_MAX.
 */
uint32_t ioapic_pins(uint32_t version);
