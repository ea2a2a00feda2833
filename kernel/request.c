/* SPDX-License-Identifier: MIT */
/*
 * Requests that have ended wait in one list for the loop to tell their owners:
 * so done() is never called from within a submission, a cancellation or a
 * driver.
 */
#include "kernel/request.h"


static void run_ended(struct work *w __unused)
{
	requests_tell();
}

struct request_list requests_ended = {
	.end = &requests_ended.first,
	.work.run = run_ended,
};

/* A done() that waits may have others called meanwhile, so the list is looked at anew. */
void requests_tell(void)
{
	struct request_list *list = &requests_ended;
	struct request *r;

	while ((r = list->first)) {
		list->first = r->next;
		if (!list->first)
			list->end = &list->first;
		r->ended = false;
		r->outstanding = false;
		r->done(r);
	}
}

static void limit_expired(struct timer *t)
{
	struct request *r = container_of(t, struct request, timer);

	r->expired(r);
}

void request_limit_start(struct request *r, void (*expired)(struct request *r))
{
	r->expired = expired;
	r->timer.expired = limit_expired;
	timer_start(&r->timer, r->limit);
}

void request_limit_stop(struct request *r)
{
	timer_cancel(&r->timer);
}

void request_undo(struct request *r)
{
	if (r->limit)
		request_limit_stop(r);
	r->outstanding = false;
}

static bool is_over(void *context)
{
	return !((struct request *)context)->outstanding;
}

int request_wait(struct request *r, uint64_t timeout)
{
	return loop_until(is_over, r, timeout);
}
