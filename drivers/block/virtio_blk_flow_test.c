/* SPDX-License-Identifier: MIT */
/* Many requests at once: what waits, what is given up, and what a reset does. */
#include "drivers/block/fake_disk_test.h"

#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { JOBS = 200, JOB_LEN = 4 * BLOCK_SECTOR };

static struct fake_disk disk;
static struct block_device *b;

static struct job {
	struct block_request r;
	uint8_t buf[JOB_LEN];
	unsigned done;			/* calls of done() */
	unsigned order;			/* of all that are done */
	bool again;			/* done() submits it once more */
} jobs[JOBS];
static unsigned jobs_done;

static void job_done(struct request *request)
{
	struct job *j = container_of(request, struct job, r.request);

	j->done++;
	j->order = jobs_done++;
	if (!j->again)
		return;
	j->again = false;
	if (block_submit(b, &j->r))
		j->done += 100;
}

/* A disk that answers when it is told to; `ring` descriptors. */
static bool begin(struct ktest_run *t, unsigned ring)
{
	fake_disk_init(&disk);
	host_clock_step = HOST_STEP_NS;
	disk.holds = true;
	disk.device.queue_max = ring;
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	b = fake_disk_start(&disk);
	return expect(t, b);
}

static void end(struct ktest_run *t)
{
	expect_str(t, disk.mistake ?: "none", "none");
	fake_disk_end(&disk);
	host_clock_step = HOST_STEP_NS;
}

/* Job i reads or writes its own sectors. */
static int job_submit(unsigned i, enum block_op op)
{
	jobs[i].r.request.done = job_done;
	jobs[i].r.op = op;
	jobs[i].r.sector = (uint64_t)i * (JOB_LEN / BLOCK_SECTOR);
	jobs[i].r.buf = jobs[i].buf;
	jobs[i].r.len = JOB_LEN;
	return block_submit(b, &jobs[i].r);
}

static bool jobs_submit(struct ktest_run *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (!expect_eq(t, job_submit(i, BLOCK_READ), 0))
			return false;
	return true;
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

static void expect_ended(struct ktest_run *t, const struct job *j, int error)
{
	expect_eq(t, j->done, 1);
	expect_eq(t, j->r.request.error, error);
	expect(t, !j->r.request.outstanding && !j->r.request.timer.running);
}

KTEST(virtio_blk_submissions_of_one_turn_cost_one_doorbell)
{
	require(t, begin(t, 64));
	require(t, jobs_submit(t, 0, 20));
	expect_eq(t, disk.device.bells, 0);
	turns(1);
	expect_eq(t, disk.device.bells, 1);
	expect_eq(t, disk.count, 20);
	fake_disk_answer_all(&disk);
	turns(3);
	expect_eq(t, jobs_done, 20);
	end(t);
}

KTEST(virtio_blk_what_the_ring_cannot_hold_waits_its_turn)
{
	require(t, begin(t, 16));
	require(t, jobs_submit(t, 0, 100));
	turns(1);
	expect_eq(t, disk.count, 5);
	for (unsigned round = 0; jobs_done < 100 && round < 1000; round++) {
		while (disk.count)
			fake_disk_answer(&disk, (unsigned)ktest_random_below(t, disk.count));
		turns(3);
	}
	for (unsigned i = 0; i < 100; i++) {
		expect_ended(t, &jobs[i], 0);
		expect_eq(t, jobs[i].order / 5, i / 5);		/* five at a time */
	}
	end(t);
}

KTEST(virtio_blk_small_requests_do_not_overtake_a_large_one)
{
	static uint8_t large[64 * BLOCK_SECTOR];
	struct job *first = &jobs[0];

	fake_disk_init(&disk);
	disk.config.size_max = JOB_LEN;
	disk.config.seg_max = 1;
	fake_disk_configure(&disk);
	disk.device.queue_max = 16;
	disk.holds = true;
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	b = fake_disk_start(&disk);
	require(t, b);
	first->r = (struct block_request){
		.request.done = job_done, .op = BLOCK_READ, .buf = large, .len = sizeof(large),
	};
	require(t, block_submit(b, &first->r) == 0);
	require(t, jobs_submit(t, 1, 4));
	for (unsigned round = 0; jobs_done < 4 && round < 100; round++) {
		turns(1);
		expect(t, jobs_done == 0 || first->done);
		while (disk.count)
			fake_disk_answer(&disk, 0);
		turns(2);
	}
	expect_eq(t, jobs_done, 4);
	expect_eq(t, b->stats.device_requests, 16 + 3);
	end(t);
}

KTEST(virtio_blk_done_may_submit_and_wait)
{
	require(t, begin(t, 16));
	disk.holds = false;
	for (unsigned i = 0; i < 20; i++)
		jobs[i].again = true;
	require(t, jobs_submit(t, 0, 20));
	turns(40);
	for (unsigned i = 0; i < 20; i++)
		expect_eq(t, jobs[i].done, 2);
	end(t);
}

KTEST(virtio_blk_cancel_ends_at_once_what_waits)
{
	require(t, begin(t, 16));
	require(t, jobs_submit(t, 0, 20));
	turns(1);
	expect_eq(t, disk.count, 5);
	for (unsigned i = 5; i < 20; i += 2)
		expect(t, block_cancel(&jobs[i].r));
	expect(t, !block_cancel(&jobs[5].r));
	expect_eq(t, jobs_done, 0);
	turns(1);
	expect_eq(t, jobs_done, 8);
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(10);
	for (unsigned i = 0; i < 20; i++)
		expect_ended(t, &jobs[i], i >= 5 && i % 2 ? -ECANCELED : 0);
	expect_eq(t, disk.answered, 12);
	expect(t, !block_cancel(&jobs[0].r));
	end(t);
}

KTEST(virtio_blk_cancel_ends_what_the_device_has_when_it_gives_it_back)
{
	require(t, begin(t, 64));
	require(t, jobs_submit(t, 0, 3));
	turns(1);
	expect(t, block_cancel(&jobs[1].r));
	turns(3);
	expect_eq(t, jobs_done, 0);
	fake_disk_answer_all(&disk);
	turns(3);
	expect_ended(t, &jobs[0], 0);
	expect_ended(t, &jobs[1], -ECANCELED);
	expect_ended(t, &jobs[2], 0);
	end(t);
}

KTEST(virtio_blk_limit_that_passes_resets_the_device_and_spares_the_others)
{
	require(t, begin(t, 64));
	jobs[2].r.request.limit = NS_PER_MS;
	require(t, jobs_submit(t, 0, 30));
	turns(1);
	expect_eq(t, request_wait(&jobs[2].r.request, NS_PER_S), 0);
	expect_ended(t, &jobs[2], -ETIMEDOUT);
	expect_eq(t, jobs_done, 1);
	expect_eq(t, b->stats.resets, 1);
	turns(2);
	require(t, disk.count == 21);	/* as many as before */
	for (unsigned i = 0, next = 0; i < 21; i++, next++) {
		next += next == 2;
		expect_eq(t, disk.held[i].header.sector, jobs[next].r.sector);
	}
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(10);
	for (unsigned i = 0; i < 30; i++)
		expect_ended(t, &jobs[i], i == 2 ? -ETIMEDOUT : 0);
	end(t);
}

/* Those of one turn cost one reset. */
KTEST(virtio_blk_limits_that_pass_together_reset_the_device_once)
{
	require(t, begin(t, 64));
	for (unsigned i = 0; i < 50; i += 2)
		jobs[i].r.request.limit = NS_PER_MS;
	host_clock_step = 0;
	require(t, jobs_submit(t, 0, 50));
	host_clock_step = 2 * NS_PER_MS;
	turns(8);
	host_clock_step = HOST_STEP_NS;
	expect_eq(t, jobs_done, 25);
	expect_eq(t, b->stats.resets, 1);
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(10);
	for (unsigned i = 0; i < 50; i++)
		expect_ended(t, &jobs[i], i % 2 ? 0 : -ETIMEDOUT);
	end(t);
}

KTEST(virtio_blk_limit_is_not_held_against_what_has_been_answered)
{
	require(t, begin(t, 64));
	jobs[0].r.request.limit = NS_PER_MS;
	require(t, jobs_submit(t, 0, 1));
	turns(1);
	fake_disk_answer_all(&disk);
	poller_remove(&disk.device.dev.poller);		/* nobody looks */
	host_clock_step = 2 * NS_PER_MS;
	turns(4);
	poller_add(&disk.device.dev.poller);
	expect_ended(t, &jobs[0], 0);
	expect_eq(t, b->stats.resets, 0);
	end(t);
}

KTEST(virtio_blk_silence_is_ended_by_a_reset_then_for_good)
{
	require(t, begin(t, 64));
	disk.mute = true;
	host_clock_step = NS_PER_MS;
	require(t, jobs_submit(t, 0, 30));
	expect_eq(t, request_wait(&jobs[29].r.request, 4 * BLOCK_ANSWER_NS), 0);
	turns(2);
	for (unsigned i = 0; i < 30; i++)
		expect_ended(t, &jobs[i], -ETIMEDOUT);
	expect_eq(t, b->stats.resets, 1);
	expect_str(t, disk.device.dev.fault, "no answer in time, requests");
	expect_eq(t, job_submit(0, BLOCK_READ), -ENODEV);
	end(t);
}

KTEST(virtio_blk_reset_wakes_a_device_that_had_fallen_silent)
{
	for (unsigned round = 0; round < 3; round++) {
		if (round == 0)
			require(t, begin(t, 64));
		memset(jobs, 0, sizeof(jobs));
		jobs_done = 0;
		disk.mute = true;
		disk.holds = false;
		host_clock_step = NS_PER_MS;
		require(t, jobs_submit(t, 0, 30));
		for (unsigned i = 0; i < 100000 && b->stats.resets == round; i++)
			loop_turn();
		expect_eq(t, b->stats.resets, round + 1);
		disk.mute = false;
		fake_disk_answer_all(&disk);
		turns(10);
		for (unsigned i = 0; i < 30; i++)
			expect_ended(t, &jobs[i], 0);
	}
	expect(t, !disk.device.dev.fault);
	end(t);
}

/* Slow is not silent. */
KTEST(virtio_blk_device_that_answers_now_and_then_is_left_alone)
{
	require(t, begin(t, 64));
	host_clock_step = NS_PER_MS;
	require(t, jobs_submit(t, 0, 10));
	turns(1);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t until = time_now() + BLOCK_ANSWER_NS * 3 / 4;

		while (time_now() < until)
			loop_turn();
		fake_disk_answer(&disk, 0);
	}
	turns(3);
	expect_eq(t, jobs_done, 10);
	expect_eq(t, b->stats.resets, 0);
	end(t);
}

KTEST(virtio_blk_reset_by_hand_loses_nothing)
{
	require(t, begin(t, 16));
	require(t, jobs_submit(t, 0, 20));
	turns(1);
	expect(t, block_cancel(&jobs[3].r));
	fake_disk_answer(&disk, 1);
	expect_eq(t, b->restart(b), 0);
	disk.holds = false;
	turns(20);
	for (unsigned i = 0; i < 20; i++)
		expect_ended(t, &jobs[i], i == 3 ? -ECANCELED : 0);
	expect_eq(t, b->stats.resets, 1);
	end(t);
}

KTEST(virtio_blk_reset_of_one_queue_loses_nothing)
{
	fake_disk_init(&disk);
	disk.device.offered |= VIRTIO_BLK_F_MQ | VIRTIO_F_RING_RESET;
	disk.config.num_queues = 2;
	fake_disk_configure(&disk);
	disk.holds = true;
	disk.device.queue_max = 16;
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	b = fake_disk_start(&disk);
	require(t, b);
	require(t, jobs_submit(t, 0, 30));
	turns(1);
	expect_eq(t, disk.count, 10);
	expect(t, block_cancel(&jobs[2].r));
	for (struct virtqueue *vq = disk.device.dev.queues; vq; vq = vq->next) {
		fake_disk_forget(&disk, vq->index);
		expect_eq(t, virtio_queue_reset(&disk.device.dev, vq), 0);
	}
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(20);
	for (unsigned i = 0; i < 30; i++)
		expect_ended(t, &jobs[i], i == 2 ? -ECANCELED : 0);
	end(t);
}

KTEST(virtio_blk_failure_ends_all_that_is_outstanding)
{
	require(t, begin(t, 16));
	require(t, jobs_submit(t, 0, 20));
	turns(1);
	expect(t, block_cancel(&jobs[0].r));
	expect(t, block_cancel(&jobs[19].r));
	virtio_device_fail(&disk.device.dev, "a test", 0);
	expect_eq(t, jobs_done, 0);
	turns(1);
	for (unsigned i = 0; i < 20; i++)
		expect_ended(t, &jobs[i], i % 19 ? -EPROTO : -ECANCELED);
	end(t);
}

KTEST(virtio_blk_queues_take_turns)
{
	fake_disk_init(&disk);
	disk.device.offered |= VIRTIO_BLK_F_MQ;
	disk.config.num_queues = 4;
	fake_disk_configure(&disk);
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	b = fake_disk_start(&disk);
	require(t, b);
	for (unsigned round = 0; round < 8; round++) {
		require(t, jobs_submit(t, 5 * round, 5 * round + 5));
		turns(3);
	}
	expect_eq(t, jobs_done, 40);
	for (unsigned i = 0; i < 4; i++)
		expect_eq(t, disk.per_queue[i], 10);
	disk.holds = true;
	require(t, jobs_submit(t, 40, 190));		/* more than all of them hold */
	turns(1);
	expect_eq(t, disk.count, 4 * 21);
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(20);
	expect_eq(t, jobs_done, 190);
	end(t);
}

static void resize(uint64_t sectors)
{
	disk.config.capacity = sectors;
	fake_disk_configure(&disk);
	disk.device.dev.driver->config_changed(&disk.device.dev);
}

KTEST(virtio_blk_follows_a_disk_that_is_resized)
{
	require(t, begin(t, 16));
	disk.holds = false;
	resize(1000);
	expect_eq(t, b->info.sectors, 1000);
	expect_eq(t, b->changes, 1);
	expect_eq(t, block_read(b, 1000, jobs[0].buf, BLOCK_SECTOR), -ERANGE);
	resize(2000);
	expect_eq(t, block_read(b, 1999, jobs[0].buf, BLOCK_SECTOR), 0);
	resize(2000);
	expect_eq(t, b->changes, 2);
	resize(UINT64_MAX);
	expect_str(t, disk.device.dev.fault, "capacity beyond what can be addressed");
	end(t);
}

KTEST(virtio_blk_asks_for_nothing_beyond_a_disk_that_shrank)
{
	require(t, begin(t, 16));
	require(t, jobs_submit(t, 0, 20));
	turns(1);
	resize(10 * JOB_LEN / BLOCK_SECTOR);
	disk.holds = false;
	fake_disk_answer_all(&disk);
	turns(10);
	for (unsigned i = 0; i < 20; i++)
		expect_ended(t, &jobs[i], i < 10 ? 0 : -ERANGE);
	end(t);
}
