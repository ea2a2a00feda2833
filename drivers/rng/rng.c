/* SPDX-License-Identifier: MIT */
#include "drivers/rng/rng.h"

#include "kernel/lib/errno.h"
#include "kernel/log.h"

static struct rng *sources[RNG_MAX];
static unsigned source_count;

int rng_register(struct rng *rng)
{
	if (source_count == RNG_MAX)
		return -ENOSPC;
	sources[source_count++] = rng;
	return 0;
}

void rng_forget(void)
{
	source_count--;
}

unsigned rng_count(void)
{
	return source_count;
}

const char *rng_name(unsigned index)
{
	return index < source_count ? sources[index]->name : NULL;
}

static void limit_expired(struct request *request)
{
	struct rng_request *r = container_of(request, struct rng_request, request);

	r->rng->withdraw(r->rng, r);
	request_end(request, -ETIMEDOUT);
}

int rng_submit(unsigned index, struct rng_request *r)
{
	int rc;

	if (index >= source_count)
		return -ENODEV;
	if (r->len == 0)
		return -EINVAL;
	rc = request_begin(&r->request, limit_expired);
	if (rc)
		return rc;
	r->rng = sources[index];
	r->filled = 0;
	rc = r->rng->submit(r->rng, r);
	if (rc)
		request_undo(&r->request);
	return rc;
}

bool rng_cancel(struct rng_request *r)
{
	if (!request_is_open(&r->request))
		return false;
	r->rng->withdraw(r->rng, r);
	request_end(&r->request, -ECANCELED);
	return true;
}

/* The error says it all; whoever waits looks at that. */
static void reading_done(struct request *r __unused)
{
}

int rng_read(unsigned index, void *buf, size_t len)
{
	struct rng_request r = { .request.done = reading_done, .buf = buf, .len = len };
	int rc;

	if (index >= source_count)
		return -ENODEV;
	if (len == 0)
		return 0;
	rc = rng_submit(index, &r);
	if (rc)
		return rc;
	/* The source's own bound is shorter, unless many others come first. */
	rc = request_wait(&r.request, 2 * RNG_ANSWER_NS);
	if (!rc)
		return r.request.error;
	rng_cancel(&r);
	requests_tell();		/* it is gone with this stack */
	return rc;
}

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
