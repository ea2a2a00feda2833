/* SPDX-License-Identifier: MIT */
/*
 * The same requests every time: what `make test-twins` has traced on each
 * transport. Only a disk that calls itself "scratch" is written to.
 */
#include "drivers/block/block.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum {
	BATCH = 8,
	BUF_LEN = 64 << 10,
	WRITTEN_AT = 2048,		/* sector that is written to */
	SECTORS_MIN = 4096,
};

static uint8_t buf[BUF_LEN] __aligned(4096), other[4096] __aligned(4096);
static struct block_request batch[BATCH];

static void ended(struct request *r __unused)
{
}

/* Submits all in one turn of the loop, then waits. */
static void run_batch(struct ktest_run *t, struct block_device *b, enum block_op op,
		      uint64_t sector, size_t len)
{
	memset(batch, 0, sizeof(batch));
	for (unsigned i = 0; i < BATCH; i++) {
		batch[i].request.done = ended;
		batch[i].op = op;
		batch[i].sector = sector + i * (len / BLOCK_SECTOR);
		batch[i].buf = buf + i * len;
		batch[i].len = len;
		require(t, block_submit(b, &batch[i]) == 0);
	}
	for (unsigned i = 0; i < BATCH; i++) {
		expect_eq(t, request_wait(&batch[i].request, 2 * BLOCK_ANSWER_NS), 0);
		expect_eq(t, batch[i].request.error, 0);
	}
}

static void read_all_ways(struct ktest_run *t, struct block_device *b)
{
	expect_eq(t, block_read(b, 0, buf, sizeof(other)), 0);
	expect_eq(t, block_read(b, b->info.sectors - 8, buf, sizeof(other)), 0);
	expect_eq(t, block_read(b, 64, buf, BUF_LEN), 0);
	run_batch(t, b, BLOCK_READ, 256, 4096);
}

static void write_all_ways(struct ktest_run *t, struct block_device *b)
{
	for (unsigned i = 0; i < BUF_LEN; i++)
		buf[i] = (uint8_t)(i * 7 + i / 256);
	expect_eq(t, block_write(b, WRITTEN_AT, buf, sizeof(other)), 0);
	if (b->info.flush)
		expect_eq(t, block_flush(b), 0);
	expect_eq(t, block_read(b, WRITTEN_AT, other, sizeof(other)), 0);
	expect(t, memcmp(buf, other, sizeof(other)) == 0);
	run_batch(t, b, BLOCK_WRITE, WRITTEN_AT + 64, 4096);
	if (b->info.zeroes_max)
		expect_eq(t, block_erase(b, BLOCK_WRITE_ZEROES, WRITTEN_AT, 4096), 0);
	if (b->info.discard_max)
		expect_eq(t, block_erase(b, BLOCK_DISCARD, WRITTEN_AT + 64, 4096), 0);
	expect_eq(t, block_read(b, WRITTEN_AT, other, sizeof(other)), 0);
	expect(t, !b->info.zeroes_max || other[1] == 0);
}

KTEST(block_twin_workload)
{
	struct block_device *b = block_at(0);

	if (!b || b->stopped)
		return ktest_skip(t, "no block device");
	if (b->info.sectors < SECTORS_MIN || b->info.block_size > sizeof(other))
		return;			/* too small for any of it */
	read_all_ways(t, b);
	if (strcmp(block_serial(b), "scratch") == 0 && !b->info.read_only)
		write_all_ways(t, b);
}
