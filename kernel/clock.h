/* SPDX-License-Identifier: MIT */
/*
 * Clock sources and event timers, as drivers/clock/ makes them known to
 * kernel/time.c and kernel/timer.c. All that were looked for are registered,
 * those that cannot be used with the reason.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/irq.h"

/* A counter that goes on by itself. */
struct clock_source {
	/* The driver sets. */
	const char *name;		/* "TSC" */
	const char *id;			/* "tsc", for the command line */
	const char *note;		/* "not invariant", or NULL */
	const char *problem;		/* why it cannot be used, else NULL */
	uint64_t (*read)(struct clock_source *c);
	unsigned bits;			/* after which it wraps */
	unsigned rating;		/* the highest wins; 0: for measuring only */
	uint64_t hz;			/* 0: not known */
	const char *from;		/* who says so: "CPUID 0x15", "measured by HPET" */

	/* What the cross-check said. */
	bool believed;			/* the others are compared with it */
	bool compared;
	int64_t deviation;		/* parts in a million; positive: runs fast */

	struct clock_source *next;	/* time.c's */
};

/* Lives for ever. */
void clock_source_register(struct clock_source *c);
/* The first, in the order registered; then by ->next. */
struct clock_source *clock_source_first(void);
/* The one that time_now() reads; NULL before there is one. */
struct clock_source *clock_source_current(void);
/*
 * Time goes on by this one, whose hz is known (or else taken as 1 GHz). One
 * that wraps is read by a timer often enough.
 */
void clock_source_use(struct clock_source *c);
/* A better measurement of c->hz; the pace of time changes if it is the one used. */
void clock_source_set_hz(struct clock_source *c, uint64_t hz, const char *from);
/* Its frequency is what time_tsc_hz() tells. */
void clock_source_is_tsc(struct clock_source *c);

/* A device that interrupts once, some time after it is told to. */
struct event_timer {
	/* The driver sets. */
	const char *name;		/* "local APIC timer" */
	const char *id;			/* "lapic" */
	const char *problem;		/* why it is not used, else NULL */
	unsigned rating;		/* the highest that is proved wins */
	uint64_t hz;			/* of its counter; 0: not known or not one */
	uint64_t min_ns, max_ns;	/* that arm() takes */
	/* Connects the interrupt, by event_timer_interrupt(). Returns 0 or a negative errno. */
	int (*start)(struct event_timer *e);
	/* Has it fire once, `ns` from now or a little later; replaces what was armed. */
	void (*arm)(struct event_timer *e, uint64_t ns);
	/* Makes it silent; the interrupt is disconnected after that. */
	void (*stop)(struct event_timer *e);

	struct irq irq;			/* the driver sets name and handle */
	struct event_timer *next;	/* timer.c's */
};

/* Lives for ever. */
void event_timer_register(struct event_timer *e);
struct event_timer *event_timer_first(void);
/* The one that was proved; NULL if the loop polls. */
struct event_timer *event_timer_current(void);
/* For ->irq.handle: the loop does the rest. */
bool event_timer_interrupt(struct irq *irq);
/*
 * Proves one after the other, by rating, until one is seen to fire; the one
 * named `only` alone if that is not NULL. What fails gets its problem.
 */
void event_timer_choose(const char *only);
