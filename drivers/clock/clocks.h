/* SPDX-License-Identifier: MIT */
/*
 * The clocks of drivers/clock/, as clock_init.c brings them up. Each X_init()
 * looks for its clock and registers it with kernel/clock.h, with the reason
 * where it cannot be used. One that is not there at all is not registered.
 */
#pragma once

#include "kernel/clock.h"

/* Always registered; its frequency where CPUID or the hypervisor tells it. */
struct clock_source *tsc_init(void);
/* Whether what was told is exact, and not a nominal frequency. */
bool tsc_is_told_exactly(void);

void kvmclock_init(void);
/* What kvmclock says of the time-stamp counter, 0 if there is none. */
uint64_t kvmclock_tsc_hz(void);

void hpet_init(void);
void pmtimer_init(void);
void pit_init(void);

void lapic_timer_init(void);
/*
 * Has the local APIC's timer count for some seconds, so that it can be
 * measured. Returns its counter, on no list, or NULL. What was begun is ended.
 */
struct clock_source *lapic_timer_measure_begin(void);
void lapic_timer_measure_end(void);
/* The result, in Hz; 0 if it did not count. */
void lapic_timer_set_hz(uint64_t hz);

/*
 * Whether a clock goes on: a few looks until it moves. One that only ever has
 * all bits set is not there.
 */
bool clock_moves(struct clock_source *c);
