/* SPDX-License-Identifier: MIT */
/*
 * The real disks. All are read; only those are written to whose serial number
 * is "scratch".
 */
#include "drivers/block/block.h"

#include "drivers/block/block_pattern.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"
#include "mm/kmalloc.h"

enum {
	DEPTH_MAX = 256,
	PIECE_MAX = 16 * 1024,			/* bytes; of one in flight */
	BUFFERS_ORDER = 10,			/* pages of all pieces */
	AREA = 4 << 20,				/* bytes that are written */
	PATIENCE = 8,				/* times BLOCK_ANSWER_NS */
};
static_assert(DEPTH_MAX * PIECE_MAX == PAGE_SIZE << BUFFERS_ORDER, "each piece has its buffer");

static bool is_scratch(struct block_device *b)
{
	return strcmp(block_serial(b), "scratch") == 0 && !b->info.read_only && !b->stopped;
}

/* The n-th disk that works; NULL if there are not so many. */
static struct block_device *working_at(unsigned n)
{
	struct block_device *b;

	for (unsigned i = 0; (b = block_at(i)); i++)
		if (!b->stopped && n-- == 0)
			return b;
	return NULL;
}

static unsigned working_count(void)
{
	unsigned n = 0;

	while (working_at(n))
		n++;
	return n;
}

/* The n-th disk that may be written to; NULL if there are not so many. */
static struct block_device *scratch_at(unsigned n)
{
	struct block_device *b;

	for (unsigned i = 0; (b = block_at(i)); i++)
		if (is_scratch(b) && n-- == 0)
			return b;
	return NULL;
}

/* A part of a disk that is written or read from end to end, many pieces at a time. */
static struct stream {
	struct ktest_run *t;
	struct block_device *b;
	enum block_op op;
	uint64_t seed;
	uint64_t sector, end;			/* the next, and behind the last */
	unsigned outstanding;
	unsigned wrong;				/* sectors that hold something else */
	int error;				/* the first */
	uint8_t *buffers;
	struct block_request pieces[DEPTH_MAX];
} stream;

static void piece_done(struct request *request);

/* A random number of blocks, of those that are left. */
static void piece_next(struct block_request *r)
{
	struct stream *s = &stream;
	uint32_t block = s->b->info.block_size;
	uint64_t most = min((uint64_t)PIECE_MAX, (s->end - s->sector) * BLOCK_SECTOR) / block;

	if (most == 0 || s->error)
		return;
	r->request.done = piece_done;
	r->op = s->op;
	r->sector = s->sector;
	r->len = (1 + ktest_random_below(s->t, most)) * block;
	r->buf = s->buffers + (size_t)(r - s->pieces) * PIECE_MAX;
	for (size_t at = 0; at < r->len && r->op == BLOCK_WRITE; at += BLOCK_SECTOR)
		block_pattern_fill((uint64_t *)((uint8_t *)r->buf + at), s->seed, 0,
				   r->sector + at / BLOCK_SECTOR);
	s->sector += r->len / BLOCK_SECTOR;
	s->error = block_submit(s->b, r);
	s->outstanding += !s->error;
}

static void piece_check(const struct block_request *r)
{
	for (size_t at = 0; at < r->len && r->op == BLOCK_READ; at += BLOCK_SECTOR)
		if (!block_pattern_matches((uint64_t *)((uint8_t *)r->buf + at), stream.seed, 0,
					   r->sector + at / BLOCK_SECTOR))
			stream.wrong++;
}

static void piece_done(struct request *request)
{
	struct block_request *r = container_of(request, struct block_request, request);

	stream.outstanding--;
	if (request->error)
		stream.error = request->error;
	else
		piece_check(r);
	piece_next(r);
}

static bool stream_is_over(void *context __unused)
{
	return stream.outstanding == 0;
}

/* Starts it from the disk's first sector on; false where a block is larger than a piece. */
static void stream_start(struct ktest_run *t, struct block_device *b, enum block_op op,
			 unsigned depth, uint64_t seed)
{
	uint8_t *buffers = stream.buffers;

	memset(&stream, 0, sizeof(stream));
	stream.buffers = buffers;
	stream.t = t;
	stream.b = b;
	stream.op = op;
	stream.seed = seed;
	stream.end = min(b->info.sectors, (uint64_t)AREA / BLOCK_SECTOR);
	for (unsigned i = 0; i < depth; i++)
		piece_next(&stream.pieces[i]);
}

static void stream_finish(struct ktest_run *t)
{
	expect_eq(t, loop_until(stream_is_over, NULL, PATIENCE * BLOCK_ANSWER_NS), 0);
	expect_eq(t, stream.error, 0);
	expect_eq(t, stream.wrong, 0);
	expect_eq(t, stream.sector, stream.end);
}

static void stream_run(struct ktest_run *t, struct block_device *b, enum block_op op,
		       unsigned depth, uint64_t seed)
{
	stream_start(t, b, op, depth, seed);
	stream_finish(t);
}

static bool buffers_alloc(struct ktest_run *t)
{
	stream.buffers = page_alloc(BUFFERS_ORDER, PAGE_ANY | PAGE_USE_DMA);
	return expect(t, stream.buffers);
}

static void buffers_free(void)
{
	page_free(stream.buffers, BUFFERS_ORDER);
}

KTEST(block_what_was_written_is_read_at_every_depth)
{
	static const unsigned depths[] = { 1, 2, 9, 32, 100, 256 };
	struct block_device *b;

	if (!scratch_at(0))
		return ktest_skip(t, "no scratch disk");
	require(t, buffers_alloc(t));
	for (unsigned n = 0; (b = scratch_at(n)); n++) {
		for (unsigned i = 0; i < ARRAY_SIZE(depths); i++) {
			stream_run(t, b, BLOCK_WRITE, depths[i], depths[i]);
			stream_run(t, b, BLOCK_READ, depths[ARRAY_SIZE(depths) - 1 - i],
				   depths[i]);
		}
	}
	buffers_free();
}

KTEST(block_data_survive_a_reset_in_the_middle)
{
	struct block_device *b;

	if (!scratch_at(0))
		return ktest_skip(t, "no scratch disk");
	require(t, buffers_alloc(t));
	for (unsigned n = 0; (b = scratch_at(n)); n++) {
		uint64_t resets = b->stats.resets;

		for (unsigned i = 0; i < 4; i++) {
			stream_start(t, b, i % 2 ? BLOCK_READ : BLOCK_WRITE, 64, 1000 + i / 2);
			for (unsigned k = 0; k < i; k++)
				loop_turn();
			expect_eq(t, b->restart(b), 0);
			stream_finish(t);
		}
		expect_eq(t, block_flush(b), 0);
		expect_eq(t, b->stats.resets, resets + 4);
	}
	buffers_free();
}

/* In pieces, if the device cannot take it at once. */
KTEST(block_one_request_may_be_large)
{
	struct block_device *b = scratch_at(0);
	size_t len;

	if (!b)
		return ktest_skip(t, "no scratch disk");
	require(t, buffers_alloc(t));
	len = min((uint64_t)AREA, b->info.sectors * BLOCK_SECTOR);
	for (size_t at = 0; at < len; at += BLOCK_SECTOR)
		block_pattern_fill((uint64_t *)(stream.buffers + at), 77, 0, at / BLOCK_SECTOR);
	expect_eq(t, block_write(b, 0, stream.buffers, len), 0);
	stream_run(t, b, BLOCK_READ, 32, 77);
	memset(stream.buffers, 0, len);
	expect_eq(t, block_read(b, 0, stream.buffers, len), 0);
	for (size_t at = 0; at < len; at += BLOCK_SECTOR)
		require(t, block_pattern_matches((uint64_t *)(stream.buffers + at), 77, 0,
						 at / BLOCK_SECTOR));
	buffers_free();
}

static bool is_zero(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i])
			return false;
	return true;
}

KTEST(block_erased_blocks_are_zero_and_their_neighbours_as_before)
{
	struct block_device *b = scratch_at(0);
	uint64_t third = AREA / BLOCK_SECTOR / 4;

	if (!b || !b->info.zeroes_max)
		return ktest_skip(t, "no scratch disk that can write zeroes");
	require(t, b->info.sectors >= 4 * third);
	require(t, buffers_alloc(t));
	stream_run(t, b, BLOCK_WRITE, 32, 5);
	expect_eq(t, block_erase(b, BLOCK_WRITE_ZEROES, third, third * BLOCK_SECTOR), 0);
	expect_eq(t, block_read(b, 0, stream.buffers, AREA), 0);
	expect(t, is_zero(stream.buffers + third * BLOCK_SECTOR, third * BLOCK_SECTOR));
	expect(t, block_pattern_matches((uint64_t *)(stream.buffers + (third - 1) * BLOCK_SECTOR),
					5, 0, third - 1));
	expect(t, block_pattern_matches((uint64_t *)(stream.buffers + 2 * third * BLOCK_SECTOR),
					5, 0, 2 * third));
	if (b->info.discard_max)
		expect_eq(t, block_erase(b, BLOCK_DISCARD, 0, third * BLOCK_SECTOR), 0);
	stream_run(t, b, BLOCK_WRITE, 32, 6);
	stream_run(t, b, BLOCK_READ, 32, 6);
	buffers_free();
}

/* Any disk. */

KTEST(block_devices_can_be_read_and_say_the_same_twice)
{
	struct block_device *b;

	if (!working_at(0))
		return ktest_skip(t, "no block device");
	for (unsigned i = 0; (b = working_at(i)); i++) {
		size_t len = b->info.block_size;
		uint8_t *two = kmalloc(2 * len);
		uint64_t last;

		require(t, two);
		if (b->info.sectors) {
			last = b->info.sectors - len / BLOCK_SECTOR;
			expect_eq(t, block_read(b, last, two, len), 0);
			expect_eq(t, block_read(b, last, two + len, len), 0);
			expect(t, memcmp(two, two + len, len) == 0);
		}
		expect_eq(t, block_flush(b), 0);
		kfree(two);
	}
}

KTEST(block_device_says_who_it_is)
{
	struct block_device *b;

	if (!working_at(0))
		return ktest_skip(t, "no block device");
	for (unsigned i = 0; (b = working_at(i)); i++) {
		expect(t, strlen(block_serial(b)) <= BLOCK_ID_LEN);
		expect(t, b->identified);
	}
	expect(t, !block_at(block_count()));
}

KTEST(block_refuses_requests_that_are_wrong)
{
	struct block_device *b;
	uint8_t stack[BLOCK_SECTOR], *buf;

	if (!working_at(0))
		return ktest_skip(t, "no block device");
	buf = kmalloc(BLOCK_SECTOR);
	require(t, buf);
	for (unsigned i = 0; (b = working_at(i)); i++) {
		size_t len = b->info.block_size;
		uint64_t given = b->stats.device_requests;

		expect_eq(t, block_read(b, b->info.sectors, buf, len), -ERANGE);
		expect_eq(t, block_read(b, 0, buf, 0), -EINVAL);
		expect_eq(t, block_read(b, 0, buf, len + 1), -EINVAL);
		expect_eq(t, block_read(b, 1, buf, BLOCK_SECTOR - 1), -EINVAL);
		if (len == BLOCK_SECTOR && b->info.sectors)
			expect_eq(t, block_read(b, 0, stack, sizeof(stack)), -EFAULT);
		if (b->info.read_only) {
			expect_eq(t, block_write(b, 0, buf, len), -EROFS);
			expect_eq(t, block_erase(b, BLOCK_WRITE_ZEROES, 0, len), -EROFS);
		}
		expect_eq(t, b->stats.device_requests, given);
	}
	kfree(buf);
}

enum { JOBS = 64 };

static struct job {
	struct block_request r;
	unsigned done;
} jobs[JOBS];
static unsigned jobs_done;

static void job_done(struct request *request)
{
	container_of(request, struct job, r.request)->done++;
	jobs_done++;
}

static bool jobs_are_done(void *context __unused)
{
	return jobs_done == JOBS;
}

/* Reads of the first block, spread over the disks; they all use one buffer. */
static bool jobs_submit(struct ktest_run *t, void *buf, uint64_t limit)
{
	memset(jobs, 0, sizeof(jobs));
	jobs_done = 0;
	for (unsigned i = 0; i < JOBS; i++) {
		struct block_device *b = working_at(i % working_count());

		jobs[i].r = (struct block_request){
			.request.done = job_done, .request.limit = limit, .op = BLOCK_READ,
			.buf = buf, .len = b->info.block_size,
		};
		if (!expect_eq(t, block_submit(b, &jobs[i].r), 0))
			return false;
	}
	return expect_eq(t, jobs_done, 0);
}

static void *any_block(void)
{
	size_t len = 0;

	for (unsigned i = 0; i < working_count(); i++) {
		if (working_at(i)->info.sectors == 0)
			return NULL;
		len = max(len, (size_t)working_at(i)->info.block_size);
	}
	return len ? kmalloc(len) : NULL;
}

static void expect_all_done_once(struct ktest_run *t)
{
	expect_eq(t, loop_until(jobs_are_done, NULL, PATIENCE * BLOCK_ANSWER_NS), 0);
	for (unsigned i = 0; i < JOBS; i++)
		expect_eq(t, jobs[i].done, 1);
}

KTEST(block_canceled_requests_end_and_leave_the_others_alone)
{
	bool canceled[JOBS] = { 0 };
	void *buf = any_block();

	if (!buf)
		return ktest_skip(t, "no block device");
	require(t, jobs_submit(t, buf, 0));
	for (unsigned i = 0; i < JOBS; i += 2)
		canceled[i] = block_cancel(&jobs[i].r);
	expect_all_done_once(t);
	for (unsigned i = 0; i < JOBS; i++)
		expect_eq(t, jobs[i].r.request.error, canceled[i] ? -ECANCELED : 0);
	expect(t, canceled[0]);
	kfree(buf);
}

/* Any may be in time still; a device that is not is reset, and works on. */
KTEST(block_limit_that_is_too_short_harms_no_device)
{
	void *buf = any_block();

	if (!buf)
		return ktest_skip(t, "no block device");
	require(t, jobs_submit(t, buf, 1));
	expect_all_done_once(t);
	for (unsigned i = 0; i < JOBS; i++) {
		int error = jobs[i].r.request.error;

		expect(t, !error || error == -ETIMEDOUT);
	}
	for (unsigned i = 0; i < working_count(); i++)
		expect_eq(t, block_read(working_at(i), 0, buf, working_at(i)->info.block_size), 0);
	kfree(buf);
}

KTEST(block_submissions_of_one_turn_share_a_doorbell)
{
	uint64_t before = 0, after = 0, most = 0;
	void *buf = any_block();

	if (!buf)
		return ktest_skip(t, "no block device");
	for (unsigned i = 0; i < working_count(); i++)
		before += working_at(i)->stats.doorbells;
	require(t, jobs_submit(t, buf, 0));
	expect_all_done_once(t);
	for (unsigned i = 0; i < working_count(); i++) {
		after += working_at(i)->stats.doorbells;
		/* What the ring has no room for is given later. */
		most += working_at(i)->info.segment_max < 16 ? JOBS : working_at(i)->info.queues;
	}
	expect(t, after > before && after - before <= most);
	kfree(buf);
}
