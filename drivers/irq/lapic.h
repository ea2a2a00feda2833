/* SPDX-License-Identifier: MIT */
/*
 * The local APIC (Intel SDM vol. 3A, chapter 10), by memory (xAPIC) or by MSRs
 * (x2APIC), and its timer as drivers/clock/ uses it.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/lib/types.h"

struct irq;

enum lapic_timer_mode {			/* SDM 3A 10.5.4, figure 10-8 */
	LAPIC_TIMER_ONE_SHOT = 0,
	LAPIC_TIMER_PERIODIC = 1,
	LAPIC_TIMER_DEADLINE = 2,
};

bool lapic_is_present(void);
/* CPUID.1:ECX[24]. */
bool lapic_has_deadline(void);

/* The identity of this processor's, for what sends interrupts to it. */
uint32_t lapic_id(void);
/*
 * Has `vector` fire here, as a message of a device would. Returns 0, -ENODEV,
 * -ETIMEDOUT (not sent within a bound).
 */
int __must_check lapic_send_self(uint8_t vector);

/*
 * Connects `irq` (irq_connect_local()) and sets the timer's mode, divided by 1,
 * stopped. Returns 0, -ENODEV (no APIC, or it has not that mode), or an error
 * of irq_connect_local().
 */
int __must_check lapic_timer_setup(struct irq *irq, enum lapic_timer_mode mode);
/* Takes that back: stops the timer, disconnects `irq`. */
void lapic_timer_stop(struct irq *irq);
/* Starts to count down from `count`; 0 stops. Modes ONE_SHOT and PERIODIC. */
void lapic_timer_start(uint32_t count);
/* What is left. */
uint32_t lapic_timer_read(void);
/* Fires when the time-stamp counter reaches `tsc`; 0 stops. Mode DEADLINE. */
void lapic_timer_deadline(uint64_t tsc);
