/* SPDX-License-Identifier: MIT */
/*
 * bench=blk: reads from the first block device, so many outstanding at a time,
 * each submitted again by its done(). Nothing is written.
 *
 *	total		ticks of a request, halts left out
 *	submit		those of them within block_submit()
 *	complete	the rest: interrupts, doorbells, completions, the loop
 */
#include <asm/cpu.h>

#include "drivers/block/block.h"

#include "drivers/virtio/virtio.h"
#include "kernel/bench.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum {
	DEPTH_MAX = 256,
	BUFFER_ORDER = 8,		/* for all requests, in pages */
	PLACES = 1024,			/* made beforehand: not what is measured */
	WAIT_S = 60,
};

static const struct shape {
	const char *name;
	uint32_t len;
	unsigned depth;
	unsigned requests;		/* usually */
	bool sequential;
} shapes[] = {
	{ "blk.read_4k.d1", 4 * KIB, 1, 10000, false },
	{ "blk.read_4k.d32", 4 * KIB, 32, 200000, false },
	{ "blk.read_4k.d256", 4 * KIB, 256, 200000, false },
	{ "blk.read_128k.d8", 128 * KIB, 8, 20000, true },
};

static struct {
	struct block_device *device;
	const struct shape *shape;
	struct block_request requests[DEPTH_MAX];
	uint8_t *buffer;
	uint64_t sectors[PLACES];
	unsigned all, left, outstanding;
	int error;
	bool apart;			/* block_submit() is measured */
	uint64_t submit_ticks;
} run;

static int submit_measured(struct block_request *r)
{
	uint64_t began = cycles();
	int rc = block_submit(run.device, r);

	run.submit_ticks += cycles() - began;
	return rc;
}

static void stop(int error)
{
	run.error = error;
	run.left = 0;
}

/* Little but the submission, as this is counted too. */
static void submit_next(struct block_request *r)
{
	int rc;

	if (run.left == 0)
		return;
	r->sector = run.sectors[run.left-- % PLACES];
	run.outstanding++;
	rc = unlikely(run.apart) ? submit_measured(r) : block_submit(run.device, r);
	if (unlikely(rc)) {
		run.outstanding--;
		stop(rc);
	}
}

static void read_done(struct request *request)
{
	run.outstanding--;
	if (unlikely(request->error))
		stop(request->error);
	submit_next(container_of(request, struct block_request, request));
}

static bool is_over(void *context __unused)
{
	return run.outstanding == 0;
}

static int read_all(unsigned requests, bool apart, struct bench_span *span)
{
	int rc;

	run.left = requests;
	run.error = 0;
	run.apart = apart;
	run.submit_ticks = 0;
	bench_span_begin(span);
	for (unsigned i = 0; i < run.shape->depth; i++)
		submit_next(&run.requests[i]);
	rc = loop_until(is_over, NULL, WAIT_S * NS_PER_S);
	bench_span_end(span);
	return rc ? rc : run.error;
}

/* Where requests of this length read; taken from the end on. */
static int places_make(const struct shape *s)
{
	uint64_t unit = s->len / BLOCK_SECTOR;
	uint64_t units = min(run.device->info.sectors / unit, (uint64_t)UINT32_MAX);
	uint64_t random = 88172645463325252;

	if (units == 0)
		return -ERANGE;
	for (unsigned i = 0; i < PLACES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		run.sectors[PLACES - 1 - i] =
			unit * (s->sequential ? i % units : (random >> 32) * units >> 32);
	}
	return 0;
}

static void requests_make(const struct shape *s)
{
	run.shape = s;
	run.all = bench_times(s->requests);
	for (unsigned i = 0; i < s->depth; i++) {
		run.requests[i] = (struct block_request){
			.request.done = read_done, .op = BLOCK_READ,
			.buf = run.buffer + (size_t)i * s->len, .len = s->len,
		};
	}
}

/* What a reading of the clock before and after adds to what is between them. */
static uint64_t empty_pair(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t began = cycles();

		least = min(least, cycles() - began);
	}
	return least;
}

static void figure(const char *what, uint64_t total, const char *unit)
{
	char name[64];

	format(name, sizeof(name), "%s.%s", run.shape->name, what);
	bench_per_request(name, total, run.all, unit);
}

static void rate(const struct bench_span *span)
{
	char name[64];

	format(name, sizeof(name), "%s.rate", run.shape->name);
	bench_per_second(name, run.all, span->ns, "requests");
}

/* The virtio device behind run.device: they are found in the same order. */
static const struct virtio_device *virtio_device(void)
{
	const struct virtio_device *dev;
	unsigned before = 0;

	while (block_at(before) && block_at(before) != run.device)
		before++;
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		if (dev->id == VIRTIO_ID_BLOCK && dev->driver && before-- == 0)
			return dev;
	return NULL;
}

static int shape_run(const struct shape *s)
{
	uint64_t doorbells, interrupts, submit;
	struct bench_span span, apart;
	int rc = places_make(s);

	if (rc)
		return rc;
	requests_make(s);
	rc = read_all(2 * s->depth, false, &span);
	if (rc)
		return rc;
	doorbells = run.device->stats.doorbells;
	interrupts = virtio_irqs_count(virtio_device());
	rc = read_all(run.all, false, &span);
	if (rc)
		return rc;
	doorbells = run.device->stats.doorbells - doorbells;
	interrupts = virtio_irqs_count(virtio_device()) - interrupts;
	rc = read_all(run.all, true, &apart);
	if (rc)
		return rc;
	submit = run.submit_ticks;
	submit -= min(submit, run.all * empty_pair());
	figure("total", span.ticks, "ticks");
	figure("submit", submit, "ticks");
	figure("complete", span.ticks - min(span.ticks, submit), "ticks");
	figure("doorbells", doorbells, "doorbells");
	figure("interrupts", interrupts, "interrupts");
	rate(&span);
	return 0;
}

/* After an error: false if the device still has some, and with it their memory. */
static bool withdraw(void)
{
	run.left = 0;
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		(void)block_cancel(&run.requests[i]);
	return loop_until(is_over, NULL, 2 * BLOCK_ANSWER_NS) == 0;
}

int block_bench(struct block_device *b)
{
	int rc = 0;

	run.device = b;
	if (!run.device || !virtio_device()) {
		print("bench blk: not measured: no block device\n");
		return -ENODEV;
	}
	run.buffer = page_alloc(BUFFER_ORDER, PAGE_ANY | PAGE_USE_DMA);
	if (!run.buffer)
		rc = -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes) && !rc; i++)
		rc = shell_interrupted() ? -EINTR : shape_run(&shapes[i]);
	if (rc && rc != -EINTR)
		print("bench blk: not measured: %s\n", errno_name(rc));
	if (withdraw() && run.buffer)
		page_free(run.buffer, BUFFER_ORDER);
	return rc;
}

BENCH(blk)
{
	(void)block_bench(block_at(0));
}
