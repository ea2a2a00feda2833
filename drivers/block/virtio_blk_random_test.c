/* SPDX-License-Identifier: MIT */
/*
 * Random requests against a disk that answers in random order, with cancels,
 * limits, resets and media errors: every request ends once, for a reason that
 * there was, and what is known of the disk's contents is there.
 *
 * Each job has sectors of its own, so that no two requests for the same are
 * outstanding: what they would leave there nobody could say.
 */
#include "drivers/block/fake_disk_test.h"

#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum {
	JOBS = 64,
	OWN = 16,			/* sectors of a job */
	WORDS = BLOCK_SECTOR / 8,
};

#define UNKNOWN	UINT64_MAX

static struct fake_disk disk;
static struct block_device *b;
static uint64_t contents[JOBS * OWN];	/* the word that fills each sector, or UNKNOWN */
static uint64_t words;			/* used so far */

static struct job {
	struct block_request r;
	uint64_t buf[OWN * WORDS];
	unsigned submitted, done;
	bool canceled, was_bad;
} jobs[JOBS];
static const char *wrong;

static void sector_fill(uint64_t *at, uint64_t word)
{
	for (unsigned i = 0; i < WORDS; i++)
		at[i] = word;
}

static bool sector_has(const void *at, uint64_t word)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (((const uint64_t *)at)[i] != word)
			return false;
	return true;
}

/* What must be true of a request that ended well. */
static void success_check(const struct job *j)
{
	for (unsigned i = 0; i < j->r.len / BLOCK_SECTOR; i++) {
		uint64_t *known = &contents[j->r.sector + i];

		if (j->r.op == BLOCK_WRITE)
			*known = j->buf[i * WORDS];
		else if (j->r.op == BLOCK_WRITE_ZEROES)
			*known = 0;
		else if (j->r.op == BLOCK_READ && *known != UNKNOWN &&
			 !sector_has(&j->buf[i * WORDS], *known))
			wrong = "a read brought something else";
	}
}

static void job_done(struct request *request)
{
	struct job *j = container_of(request, struct job, r.request);

	j->done++;
	switch (request->error) {
	case 0:
		success_check(j);
		break;
	case -ECANCELED:
		wrong = j->canceled ? wrong : "ended as canceled, and was not";
		break;
	case -ETIMEDOUT:
		wrong = request->limit ? wrong : "ended in time that had no limit";
		break;
	case -EIO:
		wrong = j->was_bad ? wrong : "a media error where there is none";
		break;
	default:
		wrong = "another error";
	}
}

static void job_submit(struct ktest_run *t, struct job *j)
{
	static const enum block_op ops[] = {
		BLOCK_READ, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE, BLOCK_WRITE_ZEROES,
		BLOCK_DISCARD, BLOCK_FLUSH,
	};
	unsigned first = (unsigned)ktest_random_below(t, OWN);
	unsigned n = 1 + (unsigned)ktest_random_below(t, OWN - first);

	j->r.request.done = job_done;
	j->r.request.limit = ktest_random_below(t, 20) ? 0 : NS_PER_MS;
	j->r.op = ops[ktest_random_below(t, ARRAY_SIZE(ops))];
	j->r.sector = (uint64_t)(j - jobs) * OWN + first;
	j->r.len = n * BLOCK_SECTOR;
	j->r.buf = j->buf;
	j->canceled = false;
	j->was_bad = disk.bad_sector != UINT64_MAX;
	for (unsigned i = 0; i < n; i++) {
		sector_fill(&j->buf[i * WORDS], ++words);
		if (j->r.op != BLOCK_READ && j->r.op != BLOCK_FLUSH)
			contents[j->r.sector + i] = UNKNOWN;
	}
	if (!expect_eq(t, block_submit(b, &j->r), 0))
		wrong = "was not taken";
	j->submitted++;
}

static void bad_sector_move(struct ktest_run *t)
{
	disk.bad_sector = ktest_random(t) & 1 ? ktest_random_below(t, JOBS * OWN) : UINT64_MAX;
	for (unsigned i = 0; i < JOBS; i++)
		jobs[i].was_bad |= disk.bad_sector != UINT64_MAX;
}

static void step(struct ktest_run *t)
{
	struct job *j = &jobs[ktest_random_below(t, JOBS)];
	uint64_t what = ktest_random_below(t, 1000);

	if (what < 400) {
		if (!j->r.request.outstanding)
			job_submit(t, j);
	} else if (what < 440) {
		j->canceled |= block_cancel(&j->r);
	} else if (what < 700) {
		loop_turn();
	} else if (what < 990) {
		if (disk.count)
			fake_disk_answer(&disk, (unsigned)ktest_random_below(t, disk.count));
	} else if (what < 997) {
		bad_sector_move(t);
	} else {
		expect_eq(t, b->restart(b), 0);
	}
}

static bool begin(struct ktest_run *t)
{
	fake_disk_init(&disk);
	host_clock_step = HOST_STEP_NS;
	disk.holds = true;
	disk.device.offered |= VIRTIO_BLK_F_MQ;
	disk.device.queue_max = 4u << ktest_random_below(t, 5);
	disk.config.num_queues = (uint16_t)(1 + ktest_random_below(t, 4));
	disk.config.seg_max = 1 + (uint32_t)ktest_random_below(t, 4);
	disk.config.size_max = BLOCK_SECTOR * (1 + (uint32_t)ktest_random_below(t, OWN));
	disk.config.max_discard_sectors = 1 + (uint32_t)ktest_random_below(t, OWN);
	disk.config.max_write_zeroes_sectors = 1 + (uint32_t)ktest_random_below(t, OWN);
	fake_disk_configure(&disk);
	memset(jobs, 0, sizeof(jobs));
	memset(contents, 0, sizeof(contents));
	wrong = NULL;
	b = fake_disk_start(&disk);
	return expect(t, b);
}

static void end(struct ktest_run *t)
{
	disk.holds = false;
	disk.bad_sector = UINT64_MAX;
	for (unsigned i = 0; i < 200; i++) {
		fake_disk_answer_all(&disk);
		loop_turn();
	}
	for (unsigned i = 0; i < JOBS; i++)
		expect_eq(t, jobs[i].done, jobs[i].submitted);
	for (unsigned i = 0; i < JOBS * OWN; i++)
		if (contents[i] != UNKNOWN)
			expect(t, sector_has(&disk.media[i * BLOCK_SECTOR], contents[i]));
	expect_str(t, wrong ?: "nothing", "nothing");
	expect_str(t, disk.mistake ?: "none", "none");
	expect_str(t, disk.device.dev.fault ?: "works", "works");
	fake_disk_end(&disk);
}

KTEST(virtio_blk_random_requests_end_as_they_should)
{
	for (unsigned round = 0; round < 4; round++) {
		uint64_t steps = ktest_operations() / 20;

		require(t, begin(t));
		for (uint64_t i = 0; i < steps && !wrong; i++)
			step(t);
		end(t);
	}
}
