/* SPDX-License-Identifier: MIT */
/* Bring-up of the interrupt controllers. */
#pragma once

/*
 * Masks the legacy controllers where there are any, starts the local APIC,
 * masks every line of every IOAPIC, and registers all of them with
 * kernel/irq.h. Never fails: without a local APIC irq_ready() stays false, and
 * everything is polled. Needs acpi_init() and ioremap().
 */
void irq_init(void);
