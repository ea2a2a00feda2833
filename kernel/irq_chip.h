/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers, as they make themselves known to kernel/irq.c. Two
 * kinds: the processor's own (one: it ends interrupts and takes messages) and
 * those that have lines.
 */
#pragma once

#include "kernel/irq.h"

struct irq_local {
	const char *name;		/* "xAPIC", "x2APIC" */
	void (*end)(void);		/* end of interrupt */
	/* What a device writes to have `vector` fire on the boot processor. */
	struct irq_message (*message)(uint8_t vector);
	uint8_t spurious;		/* vector that is not ended */
};

/* How one line is programmed. */
struct irq_line {
	uint8_t vector;
	enum irq_trigger trigger;
	enum irq_polarity polarity;
	bool masked;
};

struct irq_lines {
	const char *name;		/* "IOAPIC 0" */
	uint32_t gsi_base;
	uint32_t count;
	void (*set)(struct irq_lines *c, uint32_t pin, const struct irq_line *line);
	void (*mask)(struct irq_lines *c, uint32_t pin, bool masked);
	struct irq_lines *next;		/* irq.c's */
};

/* What each ISA interrupt became (ACPI 5.2.12.5). */
struct irq_isa {
	uint32_t gsi;
	enum irq_trigger trigger;
	enum irq_polarity polarity;
};

/* All live for ever. `isa` has 16 entries. */
void irq_local_register(const struct irq_local *local);
void irq_lines_register(struct irq_lines *lines);
void irq_isa_register(const struct irq_isa *isa);

/* Called by arch/x86/exception.c for every vector from 32 on. */
void irq_dispatch(unsigned vector);
