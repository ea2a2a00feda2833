/* SPDX-License-Identifier: MIT */
/* Registers of the HPET (IA-PC HPET specification 1.0a, 2.3), and what can be said of them. */
#pragma once

#include "kernel/lib/types.h"

enum hpet_registers {
	HPET_CAPABILITIES = 0x00,
	HPET_PERIOD = 0x04,		/* the upper half of it: femtoseconds */
	HPET_CONFIG = 0x10,
	HPET_COUNTER = 0xf0,
	HPET_TIMER = 0x100,		/* of the first; the next are 0x20 apart */
	HPET_SIZE = 0x400,
};

/* Of one timer, from HPET_TIMER on. */
enum hpet_timer_registers {
	HPET_TIMER_CONFIG = 0x00,
	HPET_TIMER_ROUTES = 0x04,	/* the upper half of it */
	HPET_TIMER_COMPARATOR = 0x08,
	HPET_TIMER_FSB_DATA = 0x10,
	HPET_TIMER_FSB_ADDRESS = 0x14,
	HPET_TIMER_STEP = 0x20,
};

enum hpet_bits {
	HPET_CAPABILITIES_TIMERS = GENMASK(12, 8),	/* the last one's number */
	HPET_CONFIG_ENABLE = BIT(0),
	HPET_CONFIG_LEGACY = BIT(1),

	HPET_TIMER_LEVEL = BIT(1),
	HPET_TIMER_ENABLE = BIT(2),
	HPET_TIMER_PERIODIC = BIT(3),
	HPET_TIMER_32BIT = BIT(8),
	HPET_TIMER_ROUTE = GENMASK(13, 9),
	HPET_TIMER_FSB = BIT(14),
	HPET_TIMER_HAS_FSB = BIT(15),
};

#define HPET_PERIOD_MAX		100000000u		/* fs: 100 ns (2.3.4) */
#define HPET_FS_PER_S		UINT64_C(1000000000000000)

/* Ticks a second for a period in fs; 0 where the specification does not allow it. */
static inline uint64_t hpet_hz(uint32_t period)
{
	return period == 0 || period > HPET_PERIOD_MAX ? 0 : HPET_FS_PER_S / period;
}

/*
 * The configuration of a timer that fires once by `route`, or by a message;
 * `old` as read, whose reserved bits stay.
 */
static inline uint32_t hpet_timer_config(uint32_t old, unsigned route, bool message)
{
	uint32_t config = old & ~(uint32_t)(HPET_TIMER_LEVEL | HPET_TIMER_PERIODIC |
					    HPET_TIMER_ROUTE | HPET_TIMER_FSB);

	config |= HPET_TIMER_ENABLE | HPET_TIMER_32BIT;
	return message ? config | HPET_TIMER_FSB
		       : config | (uint32_t)FIELD_PREP(HPET_TIMER_ROUTE, route);
}
