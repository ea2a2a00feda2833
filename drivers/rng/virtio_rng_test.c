/* SPDX-License-Identifier: MIT */
/* The driver against devices that answer badly, on the host. */
#include "drivers/rng/rng.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/fault.h"

static struct fake_device fake;
static uint8_t counter;
static uint32_t piece;		/* the device delivers at most this much at once */
static uint32_t claim_extra;	/* and says that it was so much more */
static uint32_t ring = 64;	/* descriptors that it has */
static unsigned sources;	/* interrupts */
static uint64_t offers;		/* features beside the usual */

static void answer(struct fake_device *f)
{
	uint32_t room, n;
	uint16_t head;
	uint8_t *data;

	while (fake_device_fetch(f, &head, &data, &room) == 0) {
		n = min(room, piece);
		for (uint32_t i = 0; i < n; i++)
			data[i] = ++counter;
		fake_device_use(f, head, n + claim_extra);
	}
}

static const struct virtio_driver *rng_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_RNG && str_has_prefix((*driver)->name, "virtio"))
			return *driver;
	return NULL;
}

/* A new device; its source is the last. Sources stay for ever, so few of these. */
static bool begin(struct ktest_run *t, unsigned *index)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.sources = sources;
	fake.messages = true;
	fake.queue_max = ring;
	fake.offered |= offers;
	counter = 0;
	piece = 1000;
	claim_extra = 0;
	if (!expect_eq(t, virtio_device_start(&fake.dev, rng_driver()), 0))
		return false;
	*index = rng_count() - 1;
	return true;
}

/* The fake is used again: what hung on it goes. */
static void end(void)
{
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
}

KTEST_MAY_FAIL(virtio_rng_drives_its_device_or_leaves_nothing_behind)
{
	uint8_t byte;
	int rc;

	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	piece = 1;
	claim_extra = 0;
	rc = virtio_device_start(&fake.dev, rng_driver());
	if (!expect_done(t, rc)) {
		expect_str(t, fake.dev.fault, "driver gave up, error");
		expect(t, !fake.dev.queues && !fake.opened);
		return;
	}
	expect_eq(t, rng_read(rng_count() - 1, &byte, 1), 0);
	end();
	fault_note(FAULT_HEAP, -1);	/* the source stays for ever */
}

KTEST(virtio_rng_puts_pieces_together)
{
	uint8_t buf[1200];
	unsigned index;

	require(t, begin(t, &index));
	for (piece = 1; piece < 700; piece = piece * 3 + 1) {
		counter = 0;
		memset(buf, 0, sizeof(buf));
		expect_eq(t, rng_read(index, buf, sizeof(buf) - 1), 0);
		for (unsigned i = 0; i < sizeof(buf) - 1; i++)
			expect_eq(t, buf[i], (uint8_t)(i + 1));
		expect_eq(t, buf[sizeof(buf) - 1], 0);
	}
	end();
}

KTEST(virtio_rng_bytes_claimed_and_not_written_are_zero)
{
	static const uint8_t zero[32];
	uint8_t buf[32];
	unsigned index;

	require(t, begin(t, &index));
	expect_eq(t, rng_read(index, buf, sizeof(buf)), 0);
	expect(t, memcmp(buf, zero, sizeof(buf)) != 0);
	piece = 0;
	claim_extra = sizeof(buf);
	expect_eq(t, rng_read(index, buf, sizeof(buf)), 0);
	expect(t, memcmp(buf, zero, sizeof(buf)) == 0);
	end();
}

KTEST(virtio_rng_answer_without_a_byte_stops_the_device)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	piece = 0;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -EPROTO);
	expect_str(t, fake.dev.fault, "answers a request without a byte");
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}

KTEST(virtio_rng_answer_of_too_many_bytes_stops_the_device)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	claim_extra = 1;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -EPROTO);
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}

KTEST(virtio_rng_silence_ends_in_time)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	fake.answer = NULL;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ETIMEDOUT);
	expect_str(t, fake.dev.fault, "no answer in time, queue");
	expect_eq(t, fake.status, 0);
	expect_eq(t, virtqueue_outstanding(fake.dev.queues), 0);
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}

/* Requests that do not wait. */

enum { MANY = 100, EACH_MAX = 400 };

static struct job {
	struct rng_request request;
	uint8_t buf[EACH_MAX];
	unsigned done;		/* calls of done() */
	unsigned order;		/* of all that are done */
	void (*then)(struct job *j);
} jobs[MANY];
static unsigned jobs_done;

static struct job *job_of(struct request *r)
{
	return container_of(r, struct job, request.request);
}

static void job_done(struct request *r)
{
	struct job *j = job_of(r);

	j->done++;
	j->order = jobs_done++;
	if (j->then)
		j->then(j);
}

static void jobs_clear(void)
{
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
}

static int job_submit(unsigned index, struct job *j, size_t len)
{
	j->request.buf = j->buf;
	j->request.len = len;
	j->request.request.done = job_done;
	return rng_submit(index, &j->request);
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

static void later(struct fake_device *f __unused)
{
}

/* Ended once, like this. */
static void expect_ended(struct ktest_run *t, const struct job *j, int error)
{
	expect_eq(t, j->done, 1);
	expect_eq(t, j->request.request.error, error);
	expect(t, !j->request.request.outstanding && !j->request.request.ended);
	expect(t, !j->request.request.timer.running);
}

KTEST(rng_many_requests_end_in_order_with_bytes_of_their_own)
{
	unsigned index;

	for (unsigned polled = 0; polled < 2; polled++) {
		uint8_t next = 0;

		sources = polled ? 0 : 2;
		require(t, begin(t, &index));
		expect_eq(t, fake.dev.polled, polled);
		jobs_clear();
		counter = 0;
		for (unsigned i = 0; i < MANY; i++)
			require(t, job_submit(index, &jobs[i], 1 + i * 7 % EACH_MAX) == 0);
		expect_eq(t, jobs_done, 0);
		turns(1000);
		for (unsigned i = 0; i < MANY; i++) {
			expect_ended(t, &jobs[i], 0);
			expect_eq(t, jobs[i].order, i);
			for (unsigned k = 0; k < jobs[i].request.len; k++)
				expect_eq(t, jobs[i].buf[k], ++next);
			for (unsigned k = jobs[i].request.len; k < EACH_MAX; k++)
				expect_eq(t, jobs[i].buf[k], 0);
		}
		end();
	}
}

KTEST(rng_request_that_fits_a_piece_costs_one_interrupt)
{
	unsigned index;
	uint64_t before;

	sources = 2;
	require(t, begin(t, &index));
	before = virtio_irqs_count(&fake.dev);
	jobs_clear();
	for (unsigned i = 0; i < 10; i++) {
		require(t, job_submit(index, &jobs[i], 16) == 0);
		turns(3);
		expect_ended(t, &jobs[i], 0);
		expect_eq(t, virtio_irqs_count(&fake.dev), before + i + 1);
	}
	end();
}

KTEST(rng_cancelled_request_ends_once_in_every_state)
{
	static const uint8_t zero[EACH_MAX];
	unsigned index;

	require(t, begin(t, &index));
	jobs_clear();
	expect(t, !rng_cancel(&jobs[0].request));	/* never submitted */

	/* Nothing has come; the first of the line, one within, the last. */
	fake.answer = later;
	for (unsigned i = 0; i < 5; i++)
		require(t, job_submit(index, &jobs[i], 100) == 0);
	expect(t, rng_cancel(&jobs[0].request));
	expect(t, rng_cancel(&jobs[2].request));
	expect(t, rng_cancel(&jobs[4].request));
	expect(t, !rng_cancel(&jobs[4].request));
	expect_eq(t, jobs_done, 0);			/* from the loop only */
	turns(2);
	expect_ended(t, &jobs[0], -ECANCELED);
	expect_ended(t, &jobs[2], -ECANCELED);
	expect_ended(t, &jobs[4], -ECANCELED);
	expect_eq(t, jobs[1].done + jobs[3].done, 0);

	/* What the device had for them comes to those that are left. */
	fake.answer = answer;
	answer(&fake);
	turns(5);
	fake.answer = later;
	expect_ended(t, &jobs[1], 0);
	expect_ended(t, &jobs[3], 0);
	expect_eq(t, memcmp(jobs[0].buf, zero, sizeof(zero)), 0);
	expect_eq(t, memcmp(jobs[2].buf, zero, sizeof(zero)), 0);

	/* In part filled. */
	jobs_clear();
	piece = 10;
	require(t, job_submit(index, &jobs[0], 100) == 0);
	answer(&fake);
	loop_turn();
	expect_eq(t, jobs[0].request.filled, 10);
	expect(t, rng_cancel(&jobs[0].request));
	answer(&fake);
	turns(3);
	expect_ended(t, &jobs[0], -ECANCELED);
	expect_eq(t, memcmp(jobs[0].buf + 10, zero, 90), 0);

	/* Ended, and its owner not told yet: too late. */
	jobs_clear();
	piece = 1000;
	require(t, job_submit(index, &jobs[0], 100) == 0);
	answer(&fake);
	while (!jobs[0].request.request.ended && !jobs[0].done)
		loop_turn();
	expect(t, !rng_cancel(&jobs[0].request));
	turns(2);
	expect_ended(t, &jobs[0], 0);
	expect(t, !fake.dev.fault);
	end();
}

KTEST(rng_limit_of_one_request_is_nobody_elses)
{
	unsigned index;

	require(t, begin(t, &index));
	jobs_clear();
	fake.answer = later;
	jobs[0].request.request.limit = 1;
	require(t, job_submit(index, &jobs[0], 16) == 0);
	require(t, job_submit(index, &jobs[1], 16) == 0);
	turns(4);
	expect_ended(t, &jobs[0], -ETIMEDOUT);
	expect_eq(t, jobs[1].done, 0);
	expect(t, !fake.dev.fault);
	fake.answer = answer;
	answer(&fake);
	turns(4);
	expect_ended(t, &jobs[1], 0);
	jobs[0].done = 0;
	jobs[0].request.request.limit = NS_PER_S;
	require(t, job_submit(index, &jobs[0], 16) == 0);
	turns(4);
	expect_ended(t, &jobs[0], 0);
	end();
}

static bool all_done(void *context)
{
	return jobs_done >= (uintptr_t)context;
}

KTEST(rng_silence_resets_the_device_and_ends_all_requests)
{
	unsigned index;

	for (unsigned polled = 0; polled < 2; polled++) {
		sources = polled ? 0 : 2;
		require(t, begin(t, &index));
		jobs_clear();
		fake.answer = later;
		for (unsigned i = 0; i < MANY; i++)
			require(t, job_submit(index, &jobs[i], 300) == 0);
		expect(t, rng_cancel(&jobs[7].request));
		expect_eq(t, loop_until(all_done, (void *)(uintptr_t)MANY, 2 * RNG_ANSWER_NS), 0);
		for (unsigned i = 0; i < MANY; i++)
			expect_ended(t, &jobs[i], i == 7 ? -ECANCELED : -ETIMEDOUT);
		expect_str(t, fake.dev.fault, "no answer in time, queue");
		expect_eq(t, fake.status, 0);
		expect_eq(t, virtqueue_outstanding(fake.dev.queues), 0);
		expect_eq(t, job_submit(index, &jobs[0], 1), -ENODEV);
		end();
	}
}

KTEST(rng_device_that_only_trickles_is_stopped)
{
	unsigned index;

	sources = 2;
	require(t, begin(t, &index));
	jobs_clear();
	fake.answer = later;
	piece = 1;
	require(t, job_submit(index, &jobs[0], EACH_MAX) == 0);
	for (unsigned i = 0; i < EACH_MAX / 4 - 1 && !jobs[0].done; i++) {
		answer(&fake);
		(void)!loop_until(all_done, (void *)1, RNG_ANSWER_NS / 50);
	}
	expect_ended(t, &jobs[0], -ETIMEDOUT);
	expect_str(t, fake.dev.fault, "no answer in time, queue");
	end();
}

KTEST(rng_device_that_lies_ends_all_requests)
{
	unsigned index;

	require(t, begin(t, &index));
	jobs_clear();
	fake.answer = later;
	for (unsigned i = 0; i < MANY; i++)
		require(t, job_submit(index, &jobs[i], 200) == 0);
	claim_extra = 1;
	answer(&fake);
	turns(3);
	for (unsigned i = 0; i < MANY; i++)
		expect_ended(t, &jobs[i], -EPROTO);
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	expect_eq(t, virtqueue_outstanding(fake.dev.queues), 0);
	end();
}

static unsigned again_index, again_left;
static int again_rc;

static void submit_again(struct job *j)
{
	if (again_left == 0)
		return;
	again_left--;
	again_rc = job_submit(again_index, j, 33);
}

KTEST(rng_completion_may_submit_its_request_again)
{
	require(t, begin(t, &again_index));
	jobs_clear();
	again_left = 50;
	jobs[0].then = submit_again;
	require(t, job_submit(again_index, &jobs[0], 33) == 0);
	turns(300);
	expect_eq(t, jobs[0].done, 51);
	expect_eq(t, again_rc, 0);

	/* The device goes meanwhile. */
	jobs_clear();
	again_left = 50;
	jobs[0].then = submit_again;
	fake.answer = later;
	require(t, job_submit(again_index, &jobs[0], 33) == 0);
	virtio_device_fail(&fake.dev, "the test ends it", 0);
	turns(3);
	expect_ended(t, &jobs[0], -EPROTO);
	expect_eq(t, again_rc, -ENODEV);
	end();
}

static void cancel_the_next(struct job *j)
{
	rng_cancel(&j[1].request);
}

static void read_within(struct job *j)
{
	if (j->request.request.error == 0)
		again_rc = rng_read(again_index, j->buf, 40);
}

KTEST(rng_completion_may_cancel_and_wait)
{
	require(t, begin(t, &again_index));
	jobs_clear();
	jobs[0].then = cancel_the_next;
	jobs[2].then = read_within;
	jobs[3].then = read_within;
	piece = 120;
	fake.answer = later;
	require(t, job_submit(again_index, &jobs[0], EACH_MAX) == 0);
	for (unsigned i = 1; i < 5; i++)
		require(t, job_submit(again_index, &jobs[i], EACH_MAX) == 0);
	fake.answer = answer;
	answer(&fake);
	turns(100);
	expect_ended(t, &jobs[0], 0);
	expect_ended(t, &jobs[1], -ECANCELED);
	for (unsigned i = 2; i < 5; i++)
		expect_ended(t, &jobs[i], 0);
	expect_eq(t, again_rc, 0);
	end();
}

KTEST(rng_requests_that_cannot_be)
{
	unsigned index;

	require(t, begin(t, &index));
	jobs_clear();
	fake.answer = later;
	expect_eq(t, job_submit(index, &jobs[0], 0), -EINVAL);
	expect_eq(t, job_submit(index + 1, &jobs[0], 1), -ENODEV);
	expect_eq(t, job_submit(index, &jobs[0], 1), 0);
	expect_eq(t, rng_submit(index, &jobs[0].request), -EBUSY);
	expect(t, rng_cancel(&jobs[0].request));
	expect_eq(t, rng_submit(index, &jobs[0].request), -EBUSY);
	turns(2);
	expect_ended(t, &jobs[0], -ECANCELED);
	jobs[0].request.request.done = NULL;
	expect_eq(t, rng_submit(index, &jobs[0].request), -EINVAL);
	end();
}

KTEST(rng_small_ring_serves_all_the_same)
{
	unsigned index;

	sources = 2;
	ring = 1;
	require(t, begin(t, &index));
	jobs_clear();
	for (unsigned i = 0; i < MANY; i++)
		require(t, job_submit(index, &jobs[i], EACH_MAX) == 0);
	turns(2000);
	for (unsigned i = 0; i < MANY; i++)
		expect_ended(t, &jobs[i], 0);
	ring = 64;
	end();
}

/* One step of the property test: something happens to one of the jobs, or to the device. */
static void step(struct ktest_run *t, unsigned index, unsigned *submitted)
{
	unsigned i = (unsigned)ktest_random_below(t, MANY);
	struct job *j = &jobs[i];

	switch (ktest_random_below(t, 8)) {
	case 0: case 1: case 2:
		if (j->request.request.outstanding)
			break;
		j->request.request.limit = 0;
		if (ktest_random_below(t, 4) == 0)
			j->request.request.limit = 1 + ktest_random_below(t, 1 << 20);
		if (job_submit(index, j, 1 + ktest_random_below(t, EACH_MAX)) == 0)
			submitted[i]++;
		break;
	case 3:
		rng_cancel(&j->request);
		break;
	case 4:
		piece = 1 + (uint32_t)ktest_random_below(t, 300);
		answer(&fake);
		break;
	default:
		loop_turn();
	}
}

KTEST(rng_each_submission_ends_once_whatever_happens)
{
	static unsigned submitted[MANY];
	unsigned index;

	for (unsigned round = 0; round < 6; round++) {
		memset(submitted, 0, sizeof(submitted));
		sources = round % 3;
		require(t, begin(t, &index));
		jobs_clear();
		fake.answer = later;
		for (unsigned n = 0; n < 8000; n++)
			step(t, index, submitted);
		if (round % 2) {
			virtio_device_fail(&fake.dev, "the test ends it", 0);
		} else {
			fake.answer = answer;
			answer(&fake);
		}
		turns(2000);
		for (unsigned i = 0; i < MANY; i++) {
			expect_eq(t, jobs[i].done, submitted[i]);
			expect(t, !jobs[i].request.request.outstanding);
		}
		expect_eq(t, fake.dev.fault != NULL, round % 2);
		end();
	}
}

/* Large pieces. */

enum { LARGE = 1000 * 1000 };

static uint8_t large[LARGE + 16];

static bool large_is_right(void)
{
	for (unsigned i = 0; i < LARGE; i++)
		if (large[i] != (uint8_t)(i + 1))
			return false;
	for (unsigned i = LARGE; i < sizeof(large); i++)
		if (large[i] != 0)
			return false;
	return true;
}

static void large_clear(void)
{
	counter = 0;
	memset(large, 0, sizeof(large));
}

KTEST_MAY_FAIL(virtio_rng_much_at_once_arrives_whole_with_large_pieces_or_small)
{
	static unsigned index;

	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.queue_max = 64;
	piece = UINT32_MAX;
	claim_extra = 0;
	if (!expect_done(t, virtio_device_start(&fake.dev, rng_driver())))
		return;
	index = rng_count() - 1;
	large_clear();
	expect_eq(t, rng_read(index, large, LARGE), 0);
	expect(t, large_is_right());
	end();
	fault_note(FAULT_HEAP, -1);	/* the source stays for ever */
}

KTEST(virtio_rng_asks_for_nothing_while_the_device_has_some)
{
	unsigned index, bells;

	require(t, begin(t, &index));
	jobs_clear();
	fake.answer = later;
	bells = fake.bells;
	for (unsigned i = 0; i < MANY; i++)
		require(t, job_submit(index, &jobs[i], EACH_MAX) == 0);
	expect_eq(t, fake.bells, bells + 1);
	for (unsigned i = 0; i < 1000 && jobs_done < MANY; i++) {
		bells = fake.bells;
		answer(&fake);
		turns(2);
		expect(t, fake.bells <= bells + 1);
	}
	expect_eq(t, jobs_done, MANY);
	end();
}

/* Resets. */

/* Half of what is asked for has come when the reset comes. */
static void reset_amid(struct ktest_run *t, unsigned index,
		       int (*reset)(struct virtio_device *dev))
{
	jobs_clear();
	fake.answer = later;
	for (unsigned i = 0; i < MANY; i++)
		require(t, job_submit(index, &jobs[i], EACH_MAX) == 0);
	answer(&fake);
	turns(2);
	expect_eq(t, reset(&fake.dev), 0);
	expect_eq(t, fake.dev.fault, NULL);
	fake.answer = answer;
	answer(&fake);
	turns(1000);
	for (unsigned i = 0; i < MANY; i++) {
		expect_ended(t, &jobs[i], 0);
		expect_eq(t, jobs[i].order, i);
	}
}

static int queue_reset(struct virtio_device *dev)
{
	return virtio_queue_reset(dev, dev->queues);
}

KTEST(rng_requests_outlast_a_reset_of_the_device)
{
	unsigned index;

	for (sources = 0; sources < 3; sources++) {
		require(t, begin(t, &index));
		reset_amid(t, index, virtio_device_restart);
		end();
	}
}

KTEST(rng_requests_outlast_a_reset_of_the_queue)
{
	unsigned index;

	for (sources = 0; sources < 3; sources++) {
		offers = VIRTIO_F_RING_RESET;
		require(t, begin(t, &index));
		offers = 0;
		reset_amid(t, index, queue_reset);
		end();
	}
	sources = 2;
}
