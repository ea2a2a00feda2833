/* SPDX-License-Identifier: MIT */
/*
 * bench=rng: the first entropy device. As many bytes as it gives, with several
 * large requests outstanding; and what one request of 64 bytes costs.
 */
#include "drivers/rng/rng.h"

#include "drivers/virtio/virtio.h"
#include "kernel/bench.h"
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "mm/kmalloc.h"

enum {
	STREAMS = 4,			/* requests outstanding */
	STREAM_ORDER = 6,
	STREAM_LEN = PAGE_SIZE << STREAM_ORDER,
	STREAM_REQUESTS = 256,
	SMALL_LEN = 64,
	SMALL_REQUESTS = 2000,
	WAIT_S = 60,
};

static struct {
	struct rng_request requests[STREAMS];
	unsigned left;			/* to be submitted */
	unsigned outstanding;
	int error;
} run;

static void stream_next(struct rng_request *r)
{
	int rc;

	if (run.left == 0 || run.error)
		return;
	run.left--;
	rc = rng_submit(0, r);
	if (rc)
		run.error = rc;
	else
		run.outstanding++;
}

static void stream_done(struct request *r)
{
	run.outstanding--;
	if (r->error)
		run.error = r->error;
	stream_next(container_of(r, struct rng_request, request));
}

static bool is_over(void *context __unused)
{
	return run.outstanding == 0;
}

/* `requests` of `len` bytes each, `depth` at a time. */
static int measure(unsigned depth, size_t len, unsigned requests, struct bench_span *span)
{
	int rc;

	run.left = requests;
	run.error = 0;
	bench_span_begin(span);
	for (unsigned i = 0; i < depth; i++) {
		run.requests[i].request.done = stream_done;
		run.requests[i].len = len;
		stream_next(&run.requests[i]);
	}
	rc = loop_until(is_over, NULL, WAIT_S * NS_PER_S);
	bench_span_end(span);
	return rc ? rc : run.error;
}

static const struct virtio_device *device(void)
{
	const struct virtio_device *dev;

	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		if (dev->id == VIRTIO_ID_RNG && dev->driver)
			return dev;
	return NULL;
}

static int small(void)
{
	unsigned requests = bench_times(SMALL_REQUESTS);
	uint64_t interrupts;
	struct bench_span span;
	int rc = measure(1, SMALL_LEN, 16, &span);

	if (rc)
		return rc;
	interrupts = virtio_irqs_count(device());
	rc = measure(1, SMALL_LEN, requests, &span);
	if (rc)
		return rc;
	bench_per_request("rng.64.total", span.ticks, requests, "ticks");
	bench_per_request("rng.64.interrupts", virtio_irqs_count(device()) - interrupts,
			  requests, "interrupts");
	bench_per_second("rng.64.rate", requests, span.ns, "requests");
	return 0;
}

static int stream(void)
{
	unsigned requests = bench_times(STREAM_REQUESTS);
	uint64_t kib = (uint64_t)requests * (STREAM_LEN / KIB);
	struct bench_span span;
	int rc = measure(STREAMS, STREAM_LEN, STREAMS, &span);

	if (!rc)
		rc = measure(STREAMS, STREAM_LEN, requests, &span);
	if (rc)
		return rc;
	bench_per_request("rng.stream.total_per_kib", span.ticks, kib, "ticks");
	bench_per_second("rng.stream.rate", kib * KIB, span.ns, "bytes");
	return 0;
}

static bool buffers_get(void)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		run.requests[i].buf = page_alloc(STREAM_ORDER, PAGE_ANY);
		if (!run.requests[i].buf)
			return false;
	}
	return true;
}

static void buffers_put(void)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		if (run.requests[i].buf)
			page_free(run.requests[i].buf, STREAM_ORDER);
		run.requests[i] = (struct rng_request){ 0 };
	}
}

/* After an error some may be outstanding. */
static void withdraw(void)
{
	for (unsigned i = 0; i < STREAMS; i++)
		(void)rng_cancel(&run.requests[i]);
	requests_tell();
}

BENCH(rng)
{
	int rc = -ENODEV;

	if (rng_count() > 0 && device()) {
		rc = buffers_get() ? 0 : -ENOMEM;
		rc = rc ? rc : small();
		rc = rc ? rc : stream();
		run.left = 0;
		withdraw();
		buffers_put();
	}
	if (rc)
		print("bench rng: not measured: %s\n", errno_name(rc));
}
