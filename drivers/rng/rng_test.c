/* SPDX-License-Identifier: MIT */
/* The real devices: what they deliver must look random. */
#include "drivers/rng/rng.h"

#include "drivers/rng/rng_quality.h"
#include "drivers/virtio/virtio.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"
#include "mm/kmalloc.h"

static uint8_t first[RNG_QUALITY_LEN], second[RNG_QUALITY_LEN];

KTEST(rng_devices_deliver_random_bytes)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, rng_read(i, first, sizeof(first)) == 0);
		expect_str(t, rng_quality(first) ?: "random", "random");
	}
}

KTEST(rng_two_reads_differ)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, rng_read(i, first, sizeof(first)) == 0);
		require(t, rng_read(i, second, sizeof(second)) == 0);
		expect(t, memcmp(first, second, sizeof(first)) != 0);
		expect(t, memcmp(first, second, 64) != 0);
		require(t, rng_read((i + 1) % rng_count(), first, sizeof(first)) == 0);
		expect(t, memcmp(first, second, 64) != 0);
	}
}

KTEST(rng_read_fills_any_length_and_no_more)
{
	static const size_t lengths[] = { 1, 7, 511, 512, 513, 1500 };

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t len = lengths[i];
		bool last_written = false;

		/* The last byte is its old value by chance once in 256 times. */
		for (unsigned round = 0; round < 8 && !last_written; round++) {
			memset(first, 0xa5, sizeof(first));
			require(t, rng_read(0, first, len) == 0);
			last_written = first[len - 1] != 0xa5;
			for (size_t k = len; k < len + 16; k++)
				expect_eq(t, first[k], 0xa5);
		}
		expect(t, last_written);
	}
	expect_eq(t, rng_read(0, first, 0), 0);
}

KTEST(rng_read_of_a_stranger_is_refused)
{
	expect_eq(t, rng_read(rng_count(), first, 1), -ENODEV);
	expect(t, rng_name(rng_count()) == NULL);
}

enum { JOBS = 32, JOB_LEN = 256 };

static struct job {
	struct rng_request request;
	unsigned done;
	uint8_t buf[JOB_LEN];
} jobs[JOBS];
static unsigned jobs_done;

static void job_done(struct request *r)
{
	container_of(r, struct job, request.request)->done++;
	jobs_done++;
}

/* Submits all jobs to one source; into `shared`, or where that is NULL into their own memory. */
static bool jobs_submit_to(struct ktest_run *t, unsigned index, uint8_t *shared, size_t len,
			   uint64_t limit)
{
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].request = (struct rng_request){
			.request = { .done = job_done, .limit = limit },
			.buf = shared ? shared : jobs[i].buf, .len = len,
		};
		if (!expect_eq(t, rng_submit(index, &jobs[i].request), 0))
			return false;
	}
	return expect_eq(t, jobs_done, 0);
}

static bool jobs_submit(struct ktest_run *t, unsigned index, size_t len)
{
	return jobs_submit_to(t, index, NULL, len, 0);
}

static bool jobs_are_done(void *context __unused)
{
	return jobs_done >= JOBS;
}

static void expect_all_done_once(struct ktest_run *t)
{
	expect_eq(t, loop_until(jobs_are_done, NULL, 2 * RNG_ANSWER_NS), 0);
	expect_eq(t, jobs_done, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		expect_eq(t, jobs[i].done, 1);
}

KTEST(rng_many_requests_are_outstanding_at_once)
{
	uint8_t *all = first;

	static_assert(JOBS * 128 == sizeof(first), "a judgement needs so many bytes");
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, jobs_submit(t, i, 128));
		expect_all_done_once(t);
		for (unsigned k = 0; k < JOBS; k++) {
			expect_eq(t, jobs[k].request.request.error, 0);
			memcpy(all + k * 128, jobs[k].buf, 128);
			for (unsigned b = 128; b < JOB_LEN; b++)
				expect_eq(t, jobs[k].buf[b], 0);
		}
		expect_str(t, rng_quality(all) ?: "random", "random");
	}
}

KTEST(rng_cancelled_requests_leave_the_others_alone)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		require(t, jobs_submit(t, i, JOB_LEN));
		for (unsigned k = 0; k < JOBS; k += 2)
			expect(t, rng_cancel(&jobs[k].request));
		expect_eq(t, jobs_done, 0);
		expect_all_done_once(t);
		for (unsigned k = 0; k < JOBS; k++)
			expect_eq(t, jobs[k].request.request.error, k % 2 ? 0 : -ECANCELED);
		for (unsigned b = 0; b < JOB_LEN; b++)
			expect_eq(t, jobs[0].buf[b], 0);
	}
}

/* More than the device is asked for at once: the loop looks at its timers in between. */
KTEST(rng_limit_that_is_too_short_ends_requests)
{
	enum { ORDER = 4 };
	unsigned late = 0;
	uint8_t *shared;

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	shared = page_alloc(ORDER, PAGE_ANY);
	require(t, shared);
	require(t, jobs_submit_to(t, 0, shared, PAGE_SIZE << ORDER, 1));
	expect_all_done_once(t);
	for (unsigned k = 0; k < JOBS; k++) {
		int error = jobs[k].request.request.error;

		expect(t, !error || error == -ETIMEDOUT);
		late += error == -ETIMEDOUT;
	}
	page_free(shared, ORDER);
	expect(t, late > 0);
	expect_eq(t, rng_read(0, first, 64), 0);	/* it works on */
}

static struct virtio_device *rng_device(unsigned nth)
{
	const struct virtio_device *dev;

	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		if (dev->id == VIRTIO_ID_RNG && dev->driver && nth-- == 0)
			return (struct virtio_device *)dev;
	return NULL;
}

KTEST(rng_each_request_costs_one_interrupt_or_is_polled)
{
	enum { READS = 16 };

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		const struct virtio_device *dev = rng_device(i);
		uint64_t before;

		require(t, dev);
		require(t, rng_read(i, first, 16) == 0);
		before = virtio_irqs_count(dev);
		for (unsigned k = 0; k < READS; k++)
			require(t, rng_read(i, first, 16) == 0);
		expect_eq(t, virtio_irqs_count(dev) - before, dev->polled ? 0 : READS);
		expect(t, dev->polled || dev->proof == IRQ_SEEN);
	}
}

KTEST(rng_requests_outlast_a_reset)
{
	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	for (unsigned i = 0; i < rng_count(); i++) {
		struct virtio_device *dev = rng_device(i);

		require(t, dev);
		require(t, jobs_submit(t, i, JOB_LEN));
		expect_eq(t, virtio_device_restart(dev), 0);
		expect_all_done_once(t);
		for (unsigned k = 0; k < JOBS; k++)
			expect_eq(t, jobs[k].request.request.error, 0);
	}
}

enum { MUCH = 512 * KIB };

/* Its parts must look random, and nothing behind it be written. */
KTEST(rng_much_at_once_is_random_to_its_end)
{
	unsigned order = 8;
	uint8_t *much;

	if (rng_count() == 0)
		return ktest_skip(t, "no rng device");
	much = page_alloc(order, PAGE_ANY);
	if (!much)
		return ktest_skip(t, "no memory for much");
	memset(much, 0xa5, PAGE_SIZE << order);
	expect_eq(t, rng_read(0, much, MUCH), 0);
	for (size_t at = 0; at < MUCH; at += RNG_QUALITY_LEN)
		expect_str(t, rng_quality(much + at) ?: "random", "random");
	for (size_t at = MUCH; at < PAGE_SIZE << order; at++)
		expect_eq(t, much[at], 0xa5);
	page_free(much, order);
}
