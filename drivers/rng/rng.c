/* SPDX-License-Identifier: MIT */
/*
 * Requests that have ended wait in one list for the loop to tell their owners:
 * so done() is never called from within a submission, a cancellation or a
 * driver, and may submit, cancel and wait as it likes.
 */
#include "drivers/rng/rng.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell.h"

enum {
	SHOW_DEFAULT = 16,
	SHOW_MAX = 4096,
	SHOW_LINE = 16,
};

static struct rng *sources[RNG_MAX];
static unsigned source_count;

static struct rng_request *ended, **ended_end = &ended;

/* A done() that waits may have others called meanwhile, so the list is looked at anew. */
static void tell_ended(struct work *w __unused)
{
	struct rng_request *r;

	while ((r = ended)) {
		ended = r->next;
		if (!ended)
			ended_end = &ended;
		r->ended = false;
		r->rng = NULL;
		r->done(r);
	}
}

static struct work ended_work = { .run = tell_ended };

void rng_end(struct rng_request *r, int error)
{
	timer_cancel(&r->timer);
	r->error = error;
	r->ended = true;
	r->next = NULL;
	*ended_end = r;
	ended_end = &r->next;
	work_post(&ended_work);
}

int rng_register(struct rng *rng)
{
	if (source_count == RNG_MAX)
		return -ENOSPC;
	sources[source_count++] = rng;
	return 0;
}

unsigned rng_count(void)
{
	return source_count;
}

const char *rng_name(unsigned index)
{
	return index < source_count ? sources[index]->name : NULL;
}

static void limit_expired(struct timer *t)
{
	struct rng_request *r = container_of(t, struct rng_request, timer);

	r->rng->withdraw(r->rng, r);
	rng_end(r, -ETIMEDOUT);
}

int rng_submit(unsigned index, struct rng_request *r)
{
	int rc;

	if (index >= source_count)
		return -ENODEV;
	if (r->rng)
		return -EBUSY;
	if (r->len == 0 || !r->done)
		return -EINVAL;
	r->rng = sources[index];
	r->filled = 0;
	rc = r->rng->submit(r->rng, r);
	if (rc) {
		r->rng = NULL;
	} else if (r->limit) {
		r->timer.expired = limit_expired;
		timer_start(&r->timer, r->limit);
	}
	return rc;
}

bool rng_cancel(struct rng_request *r)
{
	if (!r->rng || r->ended)
		return false;
	r->rng->withdraw(r->rng, r);
	rng_end(r, -ECANCELED);
	return true;
}

struct reading {
	struct rng_request request;
	bool done;
};

static void reading_done(struct rng_request *r)
{
	container_of(r, struct reading, request)->done = true;
}

static bool reading_is_done(void *context)
{
	return ((struct reading *)context)->done;
}

int rng_read(unsigned index, void *buf, size_t len)
{
	struct reading r = { .request = { .buf = buf, .len = len, .done = reading_done } };
	int rc;

	if (index >= source_count)
		return -ENODEV;
	if (len == 0)
		return 0;
	rc = rng_submit(index, &r.request);
	if (rc)
		return rc;
	/* The source's own bound is shorter, unless many others come first. */
	rc = loop_until(reading_is_done, &r, 2 * RNG_ANSWER_NS);
	if (!rc)
		return r.request.error;
	rng_cancel(&r.request);
	tell_ended(&ended_work);	/* it is gone with this stack */
	return rc;
}

static int source_show(unsigned index, size_t count)
{
	uint8_t line[SHOW_LINE];

	print("rng%u (%s):\n", index, rng_name(index));
	for (size_t at = 0; at < count; at += sizeof(line)) {
		size_t n = min(sizeof(line), count - at);
		int rc = rng_read(index, line, n);

		if (rc) {
			print("rng%u: %s\n", index, errno_name(rc));
			return rc;
		}
		print("%04zx ", at);
		for (size_t i = 0; i < n; i++)
			print(" %02x", line[i]);
		print("\n");
	}
	return 0;
}

static int rng_command(int argc, char **argv)
{
	uint64_t count = SHOW_DEFAULT;
	const char *end;
	int rc = 0;

	if (argc > 2)
		return -EINVAL;
	if (argc == 2 && (parse_size(argv[1], &end, &count) || *end || count == 0 ||
			  count > SHOW_MAX))
		return -EINVAL;
	if (rng_count() == 0) {
		print("no rng device\n");
		return -ENODEV;
	}
	for (unsigned i = 0; i < rng_count(); i++) {
		int shown = source_show(i, (size_t)count);

		rc = rc ? rc : shown;
	}
	return rc;
}
SHELL_COMMAND(rng, "[count]", "show random bytes of each device, at most 4096", rng_command);

/* A few bytes of each, as a proof that it answers. */
void rng_report(void)
{
	for (unsigned i = 0; i < rng_count(); i++) {
		uint8_t bytes[16];
		int error = rng_read(i, bytes, sizeof(bytes));

		if (error) {
			print("rng%u    no bytes: %s\n", i, errno_name(error));
			continue;
		}
		print("rng%u    ", i);
		for (size_t j = 0; j < sizeof(bytes); j++)
			print("%02x%s", bytes[j], j + 1 < sizeof(bytes) ? " " : "\n");
	}
}
