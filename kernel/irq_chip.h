/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers, as they make themselves known to kernel/irq.c. Two
 * kinds: the processor's own (one: it ends interrupts and takes messages) and
 * those that have lines. All vectors are given out by kernel/irq.c.
 */
#pragma once

#include "kernel/irq.h"

enum irq_vectors {
	IRQ_VECTOR_PIC = 0x20,		/* to 0x2f: the two 8259, out of the way, masked */
	IRQ_VECTOR_DEVICES = 0x30,	/* lines and messages */
	IRQ_VECTOR_LOCAL = 0xf0,	/* the processor's own sources */
	IRQ_VECTOR_SPURIOUS = 0xff,	/* SDM 3A 10.9: the low bits are ones on any model */
};

struct irq_local {
	const char *name;		/* "xAPIC", "x2APIC" */
	paddr_t address;		/* of its registers; 0: it has none in memory */
	void (*end)(void);		/* end of interrupt */
	/* Whether that vector is taken and not ended: a spurious interrupt is not. */
	bool (*in_service)(uint8_t vector);
	/*
	 * What a device writes to have `vector` fire on the boot processor.
	 * NULL: messages cannot reach this one.
	 */
	struct irq_message (*message)(uint8_t vector);
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
	paddr_t address;
	uint32_t gsi_base;
	uint32_t count;
	void (*set)(struct irq_lines *c, uint32_t pin, const struct irq_line *line);
	void (*mask)(struct irq_lines *c, uint32_t pin, bool masked);
	/* What the controller itself says, for the tests. */
	void (*get)(struct irq_lines *c, uint32_t pin, struct irq_line *line);
	struct irq_lines *next;		/* irq.c's */
};

/* What each ISA interrupt became (ACPI 5.2.12.5). */
struct irq_isa {
	uint32_t gsi;
	enum irq_trigger trigger;
	enum irq_polarity polarity;
};

/* How the controllers were found, for the report. */
struct irq_origin {
	const char *from;		/* "MADT", "MP table"; NULL: neither */
	bool pic_masked;		/* two 8259 were there, and are out of the way */
};

/* All live for ever. `isa` has 16 entries. */
void irq_local_register(const struct irq_local *local);
void irq_isa_register(const struct irq_isa *isa);
void irq_origin_register(const struct irq_origin *origin);
/* -EBUSY: another controller has one of its GSIs; -EINVAL: it has none, or wraps. */
int __must_check irq_lines_register(struct irq_lines *lines);

/*
 * Takes an interrupt: calls the handlers that share the vector, counts, ends
 * it. Called by arch/x86/exception.c for every vector from 32 on.
 */
void irq_dispatch(unsigned vector);

/* A vector, for kernel/irq_report.c and the tests. */
struct irq_slot {
	struct irq *first;		/* those that share it; NULL: free */
	struct irq_lines *lines;	/* IRQ_KIND_LINE */
	uint32_t pin;
	uint32_t unclaimed;		/* times in a row that nobody's handler said true */
	bool storm_untold;		/* masked, and not logged yet */
};

/* Unclaimed times in a row after which a level line is masked for good. */
enum { IRQ_STORM = 1000 };

/* Any number; NULL for a vector that is given to nobody ever. */
const struct irq_slot *irq_slot(unsigned vector);
const struct irq_local *irq_local(void);	/* NULL before one registered */
struct irq_lines *irq_lines_first(void);
const struct irq_origin *irq_origin(void);
