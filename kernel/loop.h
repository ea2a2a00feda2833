/* SPDX-License-Identifier: MIT */
/*
 * The event loop. One CPU runs it; whatever is asynchronous ends here: work
 * that interrupt handlers posted, timers that expired, devices that have no
 * interrupt and are polled.
 *
 *	turn:	open interrupts for a moment, run posted work and what it posts
 *		(three rounds at most), expired timers, pollers
 *	wait:	a turn; where it did nothing, halt until the next interrupt
 *		(at the latest when the next timer is due)
 *
 * A blocking call is the loop run until one thing is done (loop_until()), so
 * it may run anybody's work and timers meanwhile: whoever calls it must be
 * ready for that. Work and timers may post, start and cancel work and timers,
 * and may call loop_until() themselves, to a bounded depth.
 */
#pragma once

#include "kernel/lib/types.h"

/* Deferred work; the struct is the caller's and lasts while it is pending. */
struct work {
	void (*run)(struct work *w);
	struct work *next;		/* loop.c's */
	bool pending;			/* loop.c's */
};

/*
 * Has w->run called once, soon, from the loop; in the order posted. Posting
 * what is pending already does nothing, so an interrupt that fires often
 * costs one call. Any context, handlers included; no allocation.
 */
void work_post(struct work *w);
/* Takes it back; true if it was pending. O(pending). Context: the loop. */
bool work_cancel(struct work *w);

/* A device that is polled, because it has no interrupt that was seen. */
struct poller {
	/* True if it found something to do. Called again within itself if it runs the loop. */
	bool (*poll)(struct poller *p);
	struct poller *next;		/* loop.c's */
};

/*
 * From now on p->poll is called each turn, and the loop halts no longer than
 * LOOP_POLL_NS at a time (not at all where there is no timer to wake it).
 */
void poller_add(struct poller *p);
void poller_remove(struct poller *p);

enum { LOOP_POLL_NS = 1000 * 1000 };

/* One turn; never halts. Returns whether there was anything to do. */
bool loop_turn(void);
/*
 * One turn, then a halt if there was nothing to do. A handler that leaves
 * nothing but a flag does not keep it from halting: post work, or use
 * loop_until(), which looks after each opening.
 */
void loop_wait(void);

enum { LOOP_DEPTH_MAX = 8 };

/*
 * Runs the loop until done(context) is true. Returns 0, -ETIMEDOUT after
 * `timeout` nanoseconds (done() was looked at once more after that; UINT64_MAX:
 * no bound), or -EBUSY at once where LOOP_DEPTH_MAX calls run within each other.
 *
 * Time in which the machine stood still (a paused virtual machine) does not
 * count, within bounds; a clock that stands still ends it too.
 */
int __must_check loop_until(bool (*done)(void *context), void *context, uint64_t timeout);

/* False where loop_until() would return -EBUSY. */
bool loop_may_wait(void);

/* For the report and the tests. */
struct loop_stats {
	uint64_t turns;		/* of the loop */
	uint64_t halts;
	uint64_t halted;	/* ticks spent in them, without the handlers that ended them */
	uint64_t works;		/* calls of posted work */
	uint64_t timers;	/* that expired */
	uint64_t polls;		/* calls of pollers */
};
struct loop_stats loop_stats(void);
