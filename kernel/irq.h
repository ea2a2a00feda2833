/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, as those see them who have a source of some.
 *
 *	static bool rng_interrupt(struct irq *irq) { acknowledge; work_post(); return true; }
 *	static struct irq irq = { .name = "rng0 queue 0", .handle = rng_interrupt };
 *	rc = irq_connect_line(&irq, gsi, IRQ_LEVEL, IRQ_ACTIVE_LOW);
 *
 * Interrupts are shut while the kernel runs. The event loop (kernel/loop.h)
 * opens them for one moment a turn, and while it halts; an interrupt that is
 * taken shuts them again before it returns. So a handler never interrupts
 * anything but the loop's own waiting, nothing needs a lock, and no source,
 * however fast it fires, keeps the loop from going on.
 *
 * The machine's controllers lie on a higher floor (drivers/irq/); they
 * register themselves by kernel/irq_chip.h.
 *
 * Context: the event loop, but for the handlers themselves.
 */
#pragma once

#include "kernel/lib/types.h"

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL };
enum irq_polarity { IRQ_ACTIVE_HIGH, IRQ_ACTIVE_LOW };

/* What is known about whether a source really interrupts. */
enum irq_proof {
	IRQ_UNPROVED,		/* nobody tried yet */
	IRQ_SEEN,		/* made to fire, and counted */
	IRQ_NOT_SEEN,		/* made to fire, nothing came */
};

enum irq_kind { IRQ_KIND_NONE, IRQ_KIND_LINE, IRQ_KIND_MESSAGE, IRQ_KIND_LOCAL };

struct irq {
	/* The owner sets these before it connects; they and the struct last until disconnected. */
	const char *name;		/* "virtio-rng 00:01.0 queue 0" */
	/*
	 * Acknowledges the device, marks it pending (work_post()), returns.
	 * True if the interrupt was this device's: lines are shared. Runs with
	 * interrupts shut; never allocates, waits or logs.
	 */
	bool (*handle)(struct irq *irq);
	/*
	 * Its line was masked (`storming`): nothing comes any more. Called from
	 * the loop; may disconnect and connect `irq` and nobody else's. May be
	 * NULL.
	 */
	void (*stormed)(struct irq *irq);

	/* kernel/irq.c sets. */
	enum irq_kind kind;
	enum irq_proof proof;
	uint8_t vector;			/* 0: not connected */
	uint32_t gsi;			/* IRQ_KIND_LINE */
	enum irq_trigger trigger;	/* IRQ_KIND_LINE */
	enum irq_polarity polarity;	/* IRQ_KIND_LINE */
	bool storming;			/* masked for good: nobody stopped it */
	uint64_t count;			/* times that handle() said true */
	struct irq *next;		/* sharing the vector */
};

/* What a device writes to interrupt (PCI 3.0, 6.8.1: message address and data). */
struct irq_message {
	uint64_t address;
	uint32_t data;
};

/*
 * Connects a message-signalled source: takes a vector of its own and tells
 * what the device has to write. Returns 0, -ENOSPC (no vector left), -ENOTSUP
 * (no controller that takes messages), -EBUSY (connected already: so do all).
 */
int __must_check irq_connect_message(struct irq *irq, struct irq_message *out);

/*
 * Connects a line by its global system interrupt (ACPI 5.2.13), unmasked. One
 * that is connected already is shared if trigger and polarity are the same.
 * Returns 0, -ENODEV (no controller has that GSI), -EBUSY (connected with
 * another trigger or polarity), -ENOSPC (no vector left).
 */
int __must_check irq_connect_line(struct irq *irq, uint32_t gsi, enum irq_trigger trigger,
				  enum irq_polarity polarity);

/*
 * The same by the number (0 to 15) that an ISA device has: by the overrides of
 * the MADT (ACPI 5.2.12.5), else GSI = number, edge, active high.
 */
int __must_check irq_connect_isa(struct irq *irq, unsigned number);

/*
 * Connects a source of the processor's own (its timer): takes a vector, which
 * the caller programs. Returns 0, -ENODEV (no controller), -ENOSPC.
 */
int __must_check irq_connect_local(struct irq *irq);

/*
 * Masks the line if nobody else shares it, and gives the vector back. The
 * device must have been made to stop before. Does nothing if not connected.
 */
void irq_disconnect(struct irq *irq);

/*
 * The proof: runs the loop until irq->count is no longer `before`, at most for
 * a fifth of a second, and where the clock stands still for a bounded number
 * of turns; sets irq->proof. The caller has made the source fire after it took
 * `before`. Returns whether it was seen. Costs nothing where it was seen
 * already, or irq is not connected.
 */
bool irq_prove(struct irq *irq, uint64_t before);

/* Interrupts that nobody waited for: none of them is fatal. */
struct irq_stray {
	uint64_t unexpected;		/* on a vector of nobody, or a level nobody claimed */
	uint64_t spurious;		/* withdrawn before it was taken (SDM 3A 10.9, 8259) */
	uint8_t last_vector;		/* of an unexpected one */
};
struct irq_stray irq_stray(void);

/* True once a controller has registered and interrupts can be connected. */
bool irq_ready(void);

/* Interrupts are opened and shut by kernel/loop.c alone. */

/* Lets one pending interrupt in, if there is one. */
void irq_open(void);
/*
 * The same while there is nothing to do and nothing that could end a halt. There
 * are virtual machines that look for what is pending only when the guest leaves
 * to them with interrupts open; this instruction does.
 */
void irq_pause(void);
/*
 * The halt without a race: with interrupts shut the caller has found nothing to
 * do; opening and halting are one step (sti shadows the next instruction), so
 * what arrives in between ends the halt. Returns after one interrupt.
 */
void irq_halt(void);

/* cycles() when an interrupt was taken last: a halt was over then, not when its handler was. */
uint64_t irq_taken(void);

/* Prints the routing table: source, GSI, pin, vector, count, proof. */
void irq_print_routes(void);
/* Prints the lines of the boot report about interrupts. */
void irq_report(void);

struct json;
/* Writes the value of "interrupts" (Documentation/machine.md). */
void irq_report_json(struct json *j);
