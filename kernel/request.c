/* SPDX-License-Identifier: MIT */
/*
 * Requests that have ended wait in one list for the loop to tell their owners:
 * so done() is never called from within a submission, a cancellation or a
 * driver.
 */
#include "kernel/request.h"

#include "kernel/lib/errno.h"
#include "kernel/loop.h"

static struct request *ended, **ended_end = &ended;

/* A done() that waits may have others called meanwhile, so the list is looked at anew. */
void requests_tell(void)
{
	struct request *r;

	while ((r = ended)) {
		ended = r->next;
		if (!ended)
			ended_end = &ended;
		r->ended = false;
		r->outstanding = false;
		r->done(r);
	}
}

static void run_ended(struct work *w __unused)
{
	requests_tell();
}

static struct work ended_work = { .run = run_ended };

static void limit_expired(struct timer *t)
{
	struct request *r = container_of(t, struct request, timer);

	r->expired(r);
}

int request_begin(struct request *r, void (*expired)(struct request *r))
{
	if (r->outstanding)
		return -EBUSY;
	if (!r->done)
		return -EINVAL;
	r->outstanding = true;
	if (r->limit) {
		r->expired = expired;
		r->timer.expired = limit_expired;
		timer_start(&r->timer, r->limit);
	}
	return 0;
}

void request_undo(struct request *r)
{
	if (r->limit)
		timer_cancel(&r->timer);
	r->outstanding = false;
}

void request_end(struct request *r, int error)
{
	if (r->limit)
		timer_cancel(&r->timer);
	r->error = error;
	r->ended = true;
	r->next = NULL;
	*ended_end = r;
	ended_end = &r->next;
	work_post(&ended_work);
}

static bool is_over(void *context)
{
	return !((struct request *)context)->outstanding;
}

int request_wait(struct request *r, uint64_t timeout)
{
	return loop_until(is_over, r, timeout);
}
