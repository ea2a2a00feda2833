/* SPDX-License-Identifier: MIT */
/* Requests of a class that has no device: they end when the test says so. */
#include "kernel/request.h"

#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/loop.h"

static unsigned told, expirations;
static struct request *again;		/* to be submitted by done() */

static void expired(struct request *r)
{
	expirations++;
	request_end(r, -ETIMEDOUT);
}

static void done(struct request *r)
{
	told++;
	if (r == again) {
		again = NULL;
		told += request_begin(r, expired) == 0 ? 100 : 0;
	}
}

static void begin(struct request *r, uint64_t limit)
{
	host_clock_step = HOST_STEP_NS;
	told = 0;
	expirations = 0;
	*r = (struct request){ .done = done, .limit = limit };
}

KTEST(request_ends_once_and_from_the_loop)
{
	struct request r;

	begin(&r, 0);
	expect_eq(t, request_begin(&r, expired), 0);
	expect_eq(t, request_begin(&r, expired), -EBUSY);
	expect(t, request_is_open(&r));
	request_end(&r, -EPROTO);
	expect(t, !request_is_open(&r) && r.outstanding);
	expect_eq(t, told, 0);
	expect_eq(t, request_wait(&r, NS_PER_S), 0);
	expect_eq(t, told, 1);
	expect_eq(t, r.error, -EPROTO);
	requests_tell();
	expect_eq(t, told, 1);
}

KTEST(request_without_done_is_refused)
{
	struct request r;

	begin(&r, 0);
	r.done = NULL;
	expect_eq(t, request_begin(&r, expired), -EINVAL);
	expect(t, !r.outstanding);
}

KTEST(request_that_is_undone_never_ends)
{
	struct request r;

	begin(&r, NS_PER_MS);
	expect_eq(t, request_begin(&r, expired), 0);
	request_undo(&r);
	expect(t, !r.outstanding && !r.timer.running);
	for (unsigned i = 0; i < 100; i++)
		loop_turn();
	expect_eq(t, told, 0);
	expect_eq(t, expirations, 0);
}

KTEST(request_whose_limit_passes_is_ended_by_its_class)
{
	struct request r;

	begin(&r, NS_PER_MS);
	expect_eq(t, request_begin(&r, expired), 0);
	expect_eq(t, request_wait(&r, NS_PER_S), 0);
	expect_eq(t, expirations, 1);
	expect_eq(t, r.error, -ETIMEDOUT);
	expect_eq(t, told, 1);
}

KTEST(request_that_ends_in_time_expires_never)
{
	struct request r;

	begin(&r, NS_PER_MS);
	expect_eq(t, request_begin(&r, expired), 0);
	request_end(&r, 0);
	expect_eq(t, request_wait(&r, NS_PER_S), 0);
	for (unsigned i = 0; i < 100; i++)
		loop_turn();
	expect_eq(t, expirations, 0);
	expect_eq(t, r.error, 0);
}

KTEST(request_may_be_submitted_again_by_its_done)
{
	struct request r;

	begin(&r, 0);
	again = &r;
	expect_eq(t, request_begin(&r, expired), 0);
	request_end(&r, 0);
	requests_tell();
	expect_eq(t, told, 101);
	expect(t, request_is_open(&r));
	request_end(&r, 0);
	requests_tell();
	expect_eq(t, told, 102);
}

KTEST(request_wait_leaves_what_does_not_end)
{
	struct request r;

	begin(&r, 0);
	expect_eq(t, request_begin(&r, expired), 0);
	expect_eq(t, request_wait(&r, NS_PER_MS), -ETIMEDOUT);
	expect(t, request_is_open(&r));
	request_undo(&r);
}
