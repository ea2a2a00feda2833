/* SPDX-License-Identifier: MIT */
/* Bring-up of the interrupt controllers. */
#pragma once

#include "kernel/lib/types.h"

/*
 * Masks the legacy controllers where there are any, starts the local APIC,
 * masks every line of every IOAPIC, and registers all of them with
 * kernel/irq.h. Never fails: without a local APIC irq_ready() stays false, and
 * everything is polled. Needs acpi_init() and ioremap().
 */
void irq_init(void);

/* The parts, for irq_init.c alone, in this order. */

/* Moves the two 8259 to IRQ_VECTOR_PIC and masks them, if they answer. Returns whether they do. */
bool pic_mask(void);
void lapic_init(void);
void ioapic_init(void);
/* Every line is masked now: lets in, and forgets, what firmware left pending. */
void lapic_settle(void);
