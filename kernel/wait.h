/* SPDX-License-Identifier: MIT */
/*
 * Bounded waiting. No loop in the kernel waits for hardware without this:
 *
 *	struct wait w;
 *	wait_begin(&w, WAIT_DEVICE);
 *	while (!device_is_done(dev) && wait_turn(&w))
 *		;
 *	wait_end(&w);
 *	if (!device_is_done(dev))
 *		return -ETIMEDOUT;
 *
 * The bound is in ticks of the time-stamp counter, but a wait does not end
 * before it also had its share of turns: where the virtual machine stood
 * still, the counter went on and the device did not. And should the counter
 * stand still, there is a bound on the turns. Look once more after the loop:
 * the last look is older than the end of the wait. Time spent between begin and end
 * is summed, so that `bench=boot` can show it apart.
 */
#pragma once

#include "kernel/lib/types.h"

/*
 * The bound for a device's answer: WAIT_DEVICE_NS where the frequency of the
 * counter is known, else as many ticks as this says, about 4 s at 2 GHz.
 */
#define WAIT_DEVICE	(UINT64_C(1) << 33)
#define WAIT_DEVICE_NS	UINT64_C(4000000000)

struct wait {
	uint64_t began;		/* ticks */
	uint64_t ticks;		/* bound */
	uint64_t turns;		/* taken */
};

void wait_begin(struct wait *w, uint64_t ticks);
/* The same by time; where no frequency is known a nanosecond is taken for two ticks. */
void wait_begin_ns(struct wait *w, uint64_t ns);
/* Pauses once. False once the bound is reached. */
bool wait_turn(struct wait *w);
void wait_end(struct wait *w);

/* Ticks spent in all waits since entry. */
uint64_t wait_total(void);
