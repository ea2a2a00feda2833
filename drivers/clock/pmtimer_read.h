/* SPDX-License-Identifier: MIT */
/* How the ACPI power management timer is read (ACPI 6.4, 4.8.3.3). */
#pragma once

#include "kernel/lib/types.h"

enum {
	PMTIMER_HZ = 3579545,
	PMTIMER_TRIES = 8,
};

/* A register that holds it. */
struct pmtimer_port {
	uint32_t (*read)(struct pmtimer_port *p);
};

/*
 * Reads it as if it could be caught in the middle of a step, as those of
 * PIIX4 can (Intel PIIX4 specification update, 297738): three readings that
 * follow each other, once around at most, are right. The counter has `bits`.
 */
static inline uint32_t pmtimer_settled(struct pmtimer_port *p, unsigned bits)
{
	uint32_t mask = (uint32_t)GENMASK(bits - 1, 0);
	uint32_t a = p->read(p) & mask, b = p->read(p) & mask, c = p->read(p) & mask;

	for (unsigned i = 0; i < PMTIMER_TRIES; i++) {
		if (((b - a) & mask) <= mask / 2 && ((c - b) & mask) <= mask / 2)
			break;
		a = b;
		b = c;
		c = p->read(p) & mask;
	}
	return b;
}
