/* SPDX-License-Identifier: MIT */
/*
 * A request: something asked of a device, which ends later. The part that
 * requests of all kinds have in common; a class of devices embeds it first in
 * its own (struct block_request, net_packet) and offers submit and cancel.
 *
 *	r->request.done = read_arrived;
 *	rc = block_submit(b, r);
 *
 * A request is its owner's, and the device's from submission until done() is
 * called: once, from the event loop, never from within a call of submit or
 * cancel. done() may submit, cancel and wait as it likes, this request
 * included. Nothing is allocated.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/lib/errno.h"
#include "kernel/loop.h"
#include "kernel/time.h"

struct request {
	/* The owner sets these; the rest it zeroes before the first use. */
	void (*done)(struct request *r);
	uint64_t limit;		/* ns from submission; 0: as long as the device may take */

	/*
	 * Valid in done(): 0, or why not. -ETIMEDOUT (the limit, or the device was
	 * stopped for silence), -ECANCELED, -EPROTO (the device lied and was
	 * stopped), -ENODEV (it was stopped before), and what the class says.
	 */
	int error;

	/* request.c's */
	void (*expired)(struct request *r);
	struct request *next;
	bool outstanding;	/* from begin until done() is about to be called */
	bool ended;		/* done() is yet to be called */
	struct timer timer;
};

/* request.c's: those that have ended, in that order, and the work that tells their owners. */
struct request_list {
	struct request *first, **end;
	struct work work;
};
extern struct request_list requests_ended;
void request_limit_start(struct request *r, void (*expired)(struct request *r));
void request_limit_stop(struct request *r);

/*
 * For classes: the request is outstanding from here on. Where its limit passes
 * before it ends, `expired` is called: the class takes the request from
 * the device and ends it, at once or as soon as it can. A submission that fails
 * after this is undone by request_undo().
 * Returns 0, -EBUSY (it is outstanding), -EINVAL (no done()).
 */
static inline int __must_check request_begin(struct request *r,
					     void (*expired)(struct request *r))
{
	if (unlikely(r->outstanding))
		return -EBUSY;
	if (unlikely(!r->done))
		return -EINVAL;
	r->outstanding = true;
	if (unlikely(r->limit))
		request_limit_start(r, expired);
	return 0;
}

/* Whether request_begin() would return 0 and has no limit to start; and what it does then. */
static inline bool request_is_plain(const struct request *r)
{
	return !r->outstanding && r->done && !r->limit;
}

static inline void request_begin_plain(struct request *r)
{
	r->outstanding = true;
}

/* It was not submitted after all: done() will not be called. */
void request_undo(struct request *r);

/* For classes: it ends like this, the device has it no more. Calls nobody. */
static inline void request_end(struct request *r, int error)
{
	if (unlikely(r->limit))
		request_limit_stop(r);
	r->error = error;
	r->ended = true;
	r->next = NULL;
	*requests_ended.end = r;
	requests_ended.end = &r->next;
	if (unlikely(!requests_ended.work.pending))
		work_post(&requests_ended.work);
}

/* Outstanding and not about to end: what can still be canceled. */
static inline bool request_is_open(const struct request *r)
{
	return r->outstanding && !r->ended;
}

/* Calls done() of all that have ended, as the loop will do in its next turn. */
void requests_tell(void);

/*
 * Runs the loop until the request is outstanding no more (done() was called or
 * is running). Returns 0, -ETIMEDOUT, -EBUSY (too many such calls within each
 * other: loop_may_wait() says so beforehand); in both it is outstanding still.
 */
int __must_check request_wait(struct request *r, uint64_t timeout);
