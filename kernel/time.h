/* SPDX-License-Identifier: MIT */
/*
 * Time: a monotonic clock in nanoseconds, and timers that run from the event
 * loop. Sources and event timers lie on a higher floor (drivers/clock/); they
 * register themselves by kernel/clock.h.
 *
 * Where no clock has a known frequency the report says "time: ticks, frequency
 * unknown"; nanoseconds are then ticks of an assumed 1 GHz, timers still
 * expire in order, and nothing may conclude a second from them.
 *
 * Context: the event loop; time_now() anywhere.
 */
#pragma once

#include "kernel/lib/types.h"

#define NS_PER_US	UINT64_C(1000)
#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_S	UINT64_C(1000000000)

/* Nanoseconds since entry; never goes back, also when the clock source changes. */
uint64_t time_now(void);

/* The frequency of a clock whose frequency nobody knows. */
enum { TICKS_ASSUMED_HZ = 1000 * 1000 * 1000 };

/* Whether the frequency behind time_now() is known, not assumed. */
bool time_is_known(void);

/* Frequency of the time-stamp counter in Hz, 0 if not known. */
uint64_t time_tsc_hz(void);

/*
 * A timer; the struct is the caller's, zeroed before first use, and lasts while
 * it runs. Starting one that runs starts it anew. No allocation; the cost does
 * not grow with the number of timers beyond its logarithm.
 */
struct timer {
	void (*expired)(struct timer *t);	/* the owner's; called from the loop */
	/* timer.c's */
	uint64_t due;		/* time_now() when it expires */
	uint64_t period;	/* 0: one-shot */
	uint64_t number;	/* in the order started: who goes first of those due together */
	struct timer *child, *sibling, *previous;
	bool running;
};

/*
 * Expires once, `delay` ns from now. Started with 0 by a timer that expires it
 * does so in the loop's next turn.
 */
void timer_start(struct timer *t, uint64_t delay);
/*
 * Expires every `period` ns (at least 1000), the first time one period from
 * now, without drift; periods that passed while the loop was busy are skipped,
 * not made up for.
 */
void timer_start_periodic(struct timer *t, uint64_t period);
/* True if it was running. It will not expire any more. */
bool timer_cancel(struct timer *t);

/* For kernel/loop.c. */

/* Runs what has expired at `now`, which is time_now(); returns how many. */
unsigned timers_run(uint64_t now);
/* When the first timer is due, as time_now(); UINT64_MAX if there is none. */
uint64_t timers_next(void);
/*
 * Has an interrupt come at `due`, a little later, or earlier. False if nothing
 * can do that, and if `due` has passed.
 */
bool timers_arm(uint64_t due);

/* Prints the lines of the boot report about clocks: the winner, the others, who disagrees. */
void time_report(void);

struct json;
/* Writes the value of "clocks" (Documentation/machine.md). */
void time_report_json(struct json *j);
