/* SPDX-License-Identifier: MIT */
/* The driver against disks that answer well and badly, on the host. */
#include "drivers/block/fake_disk_test.h"

#include "drivers/virtio/host_memory.h"
#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/fault.h"

static struct fake_disk disk;
static uint8_t buf[FAKE_DISK_SECTORS * BLOCK_SECTOR], other[sizeof(buf)];

static void fill(uint8_t *at, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(i / BLOCK_SECTOR * 7 + i + seed);
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

/* What the driver did was allowed, and the disk goes. */
static void end(struct ktest_run *t)
{
	expect_str(t, disk.mistake ?: "none", "none");
	fake_disk_end(&disk);
}

KTEST_MAY_FAIL(virtio_blk_drives_its_device_or_leaves_nothing_behind)
{
	struct block_device *b;

	fake_disk_init(&disk);
	disk.device.offered |= VIRTIO_BLK_F_MQ;
	disk.config.num_queues = 2;
	fake_disk_configure(&disk);
	b = fake_disk_start(&disk);
	if (!expect_memory(t, b)) {
		expect_str(t, disk.device.dev.fault, "driver gave up, error");
		expect(t, !disk.device.dev.queues && !disk.device.opened);
		return;
	}
	expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), 0);
	end(t);
	fault_note(FAULT_HEAP, -3);	/* the device and its parts stay for ever */
}

KTEST(virtio_blk_reads_what_was_written)
{
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	fill(buf, 8192, 1);
	expect_eq(t, block_write(b, 100, buf, 8192), 0);
	expect(t, memcmp(&disk.media[100 * BLOCK_SECTOR], buf, 8192) == 0);
	expect_eq(t, block_read(b, 102, other, 4096), 0);
	expect(t, memcmp(other, buf + 1024, 4096) == 0);
	expect_eq(t, b->stats.bytes_written, 8192);
	expect_eq(t, b->stats.bytes_read, 4096);
	expect_eq(t, b->stats.requests[BLOCK_READ], 1);
	expect_eq(t, b->stats.device_requests, 2);
	end(t);
}

KTEST(virtio_blk_splits_what_the_device_cannot_take_at_once)
{
	struct block_device *b;

	for (unsigned seg_max = 1; seg_max <= 9; seg_max += 4) {
		fake_disk_init(&disk);
		disk.config.seg_max = seg_max;
		disk.config.size_max = 1536;
		fake_disk_configure(&disk);
		b = fake_disk_start(&disk);
		require(t, b);
		fill(buf, sizeof(buf), (uint8_t)seg_max);
		expect_eq(t, block_write(b, 0, buf, sizeof(buf)), 0);
		expect(t, memcmp(disk.media, buf, sizeof(buf)) == 0);
		memset(other, 0, sizeof(other));
		expect_eq(t, block_read(b, 1, other, sizeof(other) - BLOCK_SECTOR), 0);
		expect(t, memcmp(other, buf + BLOCK_SECTOR, sizeof(buf) - BLOCK_SECTOR) == 0);
		expect_eq(t, b->stats.requests[BLOCK_READ] + b->stats.requests[BLOCK_WRITE], 2);
		expect_eq(t, b->stats.device_requests,
			  2 * ((sizeof(buf) + 1536 * seg_max - 1) / (1536 * seg_max)));
		end(t);
	}
}

KTEST(virtio_blk_erases_in_pieces)
{
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	memset(disk.media, 0x55, sizeof(disk.media));
	expect_eq(t, block_erase(b, BLOCK_WRITE_ZEROES, 10, 1000 * BLOCK_SECTOR), 0);
	expect_eq(t, disk.media[10 * BLOCK_SECTOR - 1], 0x55);
	expect_eq(t, disk.media[1010 * BLOCK_SECTOR], 0x55);
	for (size_t i = 10 * BLOCK_SECTOR; i < 1010 * BLOCK_SECTOR; i++)
		require(t, disk.media[i] == 0);
	expect_eq(t, b->stats.device_requests, 8);
	expect_eq(t, block_erase(b, BLOCK_DISCARD, 0, 600 * BLOCK_SECTOR), 0);
	expect_eq(t, disk.media[599 * BLOCK_SECTOR], 0xdd);
	expect_eq(t, disk.media[600 * BLOCK_SECTOR], 0);
	expect_eq(t, b->stats.device_requests, 11);
	expect_eq(t, block_erase(b, BLOCK_READ, 0, BLOCK_SECTOR), -EINVAL);
	end(t);
}

static void ended(struct request *r __unused)
{
}

KTEST(virtio_blk_unmaps_only_where_it_was_asked_to)
{
	struct block_request r = {
		.request.done = ended, .op = BLOCK_WRITE_ZEROES, .len = BLOCK_SECTOR, .unmap = true,
	};
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	disk.holds = true;
	for (unsigned i = 0; i < 3; i++) {
		const struct virtio_blk_range *range;

		r.op = i == 2 ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES;
		r.unmap = i != 1;
		expect_eq(t, block_submit(b, &r), 0);
		turns(2);
		require(t, disk.count == 1);
		range = (const void *)disk.held[0].data[0].at;
		expect_eq(t, range->flags, i == 0 ? VIRTIO_BLK_UNMAP : 0);
		fake_disk_answer_all(&disk);
		expect_eq(t, request_wait(&r.request, NS_PER_S), 0);
		expect_eq(t, r.request.error, 0);
	}
	end(t);
}

KTEST(virtio_blk_flushes_where_there_is_a_cache)
{
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, block_flush(b), 0);
	expect_eq(t, disk.flushes, 1);
	end(t);

	fake_disk_init(&disk);
	disk.device.offered &= ~VIRTIO_BLK_F_FLUSH;
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, block_flush(b), 0);
	expect_eq(t, disk.flushes, 0);
	expect_eq(t, b->stats.requests[BLOCK_FLUSH], 1);
	end(t);
	expect_eq(t, block_flush(b), -ENODEV);
}

KTEST(virtio_blk_tells_its_serial_number)
{
	struct block_device *b;

	fake_disk_init(&disk);
	disk.serial = "a serial of 20 bytes";
	disk.device.sources = 2;
	disk.device.messages = true;
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, disk.device.dev.proof, IRQ_SEEN);
	expect_str(t, block_serial(b), disk.serial);
	expect_eq(t, b->stats.requests[BLOCK_GET_ID], 1);
	end(t);

	fake_disk_init(&disk);
	disk.serial = "odd\n\xff";
	b = fake_disk_start(&disk);
	require(t, b);
	expect_str(t, block_serial(b), "odd??");
	expect_str(t, block_serial(b), "odd??");
	expect_eq(t, b->stats.requests[BLOCK_GET_ID], 1);
	end(t);
}

KTEST(virtio_blk_proves_the_interrupt_of_each_queue)
{
	struct block_device *b;

	fake_disk_init(&disk);
	disk.device.sources = 5;
	disk.device.messages = true;
	disk.device.offered |= VIRTIO_BLK_F_MQ;
	disk.config.num_queues = 4;
	fake_disk_configure(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, disk.device.dev.proof, IRQ_SEEN);
	for (unsigned i = 0; i < 4; i++)
		expect_eq(t, disk.per_queue[i], 1);
	end(t);
}

KTEST(block_refuses_what_is_no_request)
{
	struct block_request r = { .op = BLOCK_READ, .buf = buf, .len = BLOCK_SECTOR };
	struct block_device *b;

	fake_disk_init(&disk);
	disk.config.blk_size = 4096;
	fake_disk_configure(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, block_submit(b, &r), -EINVAL);	/* done() */
	r.request.done = ended;
	expect_eq(t, block_submit(b, &r), -EINVAL);	/* half a block */
	r.len = 0;
	expect_eq(t, block_submit(b, &r), -EINVAL);
	r.len = 4096;
	r.sector = 4;
	expect_eq(t, block_submit(b, &r), -EINVAL);
	r.sector = FAKE_DISK_SECTORS;
	expect_eq(t, block_submit(b, &r), -ERANGE);
	r.sector = UINT64_MAX - 7;
	expect_eq(t, block_submit(b, &r), -ERANGE);
	r.sector = FAKE_DISK_SECTORS - 8;
	r.len = 8192;
	expect_eq(t, block_submit(b, &r), -ERANGE);
	r.len = SIZE_MAX - 4095;
	expect_eq(t, block_submit(b, &r), -ERANGE);
	r.op = BLOCK_GET_ID + 1;
	expect_eq(t, block_submit(b, &r), -EINVAL);
	expect_eq(t, disk.answered, 0);
	end(t);
}

KTEST(block_refuses_memory_that_is_not_for_devices)
{
	struct block_request r = {
		.request.done = ended, .op = BLOCK_READ, .buf = buf, .len = BLOCK_SECTOR,
	};
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	host_memory_refuse = buf;
	expect_eq(t, block_submit(b, &r), -EFAULT);
	r.len = sizeof(buf);
	expect_eq(t, block_submit(b, &r), -EFAULT);
	r.op = BLOCK_GET_ID;
	expect_eq(t, block_submit(b, &r), -EFAULT);
	host_memory_refuse = NULL;
	turns(4);
	expect_eq(t, disk.answered, 0);
	expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), 0);
	end(t);
}

KTEST(block_refuses_what_the_device_cannot_do)
{
	struct block_device *b;

	fake_disk_init(&disk);
	disk.device.offered &= ~(VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES);
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, block_erase(b, BLOCK_DISCARD, 0, BLOCK_SECTOR), -ENOTSUP);
	expect_eq(t, block_erase(b, BLOCK_WRITE_ZEROES, 0, BLOCK_SECTOR), -ENOTSUP);
	end(t);

	fake_disk_init(&disk);
	disk.device.offered |= VIRTIO_BLK_F_RO;
	b = fake_disk_start(&disk);
	require(t, b);
	expect_eq(t, block_write(b, 0, buf, BLOCK_SECTOR), -EROFS);
	expect_eq(t, block_erase(b, BLOCK_DISCARD, 0, BLOCK_SECTOR), -EROFS);
	expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), 0);
	expect_eq(t, disk.answered, 1);
	end(t);
}

KTEST(virtio_blk_tells_errors_of_the_medium_apart)
{
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	disk.bad_sector = 10;
	expect_eq(t, block_read(b, 10, buf, BLOCK_SECTOR), -EIO);
	expect_eq(t, block_write(b, 8, buf, 8192), -EIO);
	expect_eq(t, block_read(b, 11, buf, BLOCK_SECTOR), 0);
	disk.unsupported = true;
	expect_eq(t, block_flush(b), -ENOTSUP);
	disk.unsupported = false;
	expect_eq(t, b->stats.errors, 3);
	expect_eq(t, b->stats.bytes_read, BLOCK_SECTOR);	/* of those that ended well */
	expect_eq(t, b->stats.bytes_written, 0);
	expect_eq(t, block_flush(b), 0);
	end(t);
}

KTEST(virtio_blk_error_in_a_part_ends_the_whole_request)
{
	struct block_device *b;

	fake_disk_init(&disk);
	disk.config.seg_max = 1;
	disk.config.size_max = 512;
	disk.device.queue_max = 16;		/* so that some parts wait */
	fake_disk_configure(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	disk.bad_sector = 2;
	expect_eq(t, block_read(b, 0, buf, 64 * BLOCK_SECTOR), -EIO);
	expect(t, disk.answered < 64);
	expect_eq(t, block_read(b, 3, buf, 64 * BLOCK_SECTOR), 0);
	end(t);
}

struct lie {
	const char *fault;
	int status;
	bool no_status;
	uint32_t written_less;
};

KTEST(virtio_blk_lies_stop_the_device)
{
	static const struct lie lies[] = {
		{ "status of a request is none that there is", 3, false, 0 },
		{ "status of a request is none that there is", 0xfe, false, 0 },
		{ "gives a request back without a status", 0xff, false, 0 },
		{ "gives a request back without a status", -1, true, 0 },
		{ "says that a read is done and wrote less, bytes", -1, false, 2 },
		{ "says that a read is done and wrote less, bytes", -1, false, 9999 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		struct block_device *b;

		fake_disk_init(&disk);
		b = fake_disk_start(&disk);
		require(t, b);
		disk.status_lie = lies[i].status;
		disk.no_status = lies[i].no_status;
		disk.written_less = lies[i].written_less;
		expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), -EPROTO);
		expect_str(t, disk.device.dev.fault, lies[i].fault);
		expect_eq(t, disk.device.status, 0);
		expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), -ENODEV);
		end(t);
	}
}

/* 5.2.6.3: what a legacy device says that it wrote means nothing; nor does it of a write. */
KTEST(virtio_blk_believes_no_length_that_need_not_be_true)
{
	struct block_device *b;

	fake_disk_init(&disk);
	b = fake_disk_start(&disk);
	require(t, b);
	disk.written_less = 1;
	expect_eq(t, block_write(b, 0, buf, BLOCK_SECTOR), 0);
	expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), 0);	/* all but the status */
	expect_eq(t, block_flush(b), 0);
	end(t);

	fake_disk_init(&disk);
	disk.device.dev.modern = false;
	b = fake_disk_start(&disk);
	require(t, b);
	disk.written_less = 9999;
	expect_eq(t, block_read(b, 0, buf, BLOCK_SECTOR), 0);
	end(t);
}

KTEST(virtio_blk_configuration_that_lies_is_refused)
{
	unsigned before = block_count();

	fake_disk_init(&disk);
	disk.config.blk_size = 1000;
	fake_disk_configure(&disk);
	expect(t, !fake_disk_start(&disk));
	expect_str(t, disk.device.dev.fault, "block size is no power of two from 512 to 2 MiB");
	fake_disk_init(&disk);
	disk.device.dev.config_len = 7;
	expect(t, !fake_disk_start(&disk));
	expect_str(t, disk.device.dev.fault, "configuration cannot be read, error");
	fake_disk_init(&disk);
	disk.device.queue_max = 2;
	expect(t, !fake_disk_start(&disk));
	expect_str(t, disk.device.dev.fault, "a queue that holds no request");
	expect_eq(t, block_count(), before);
}
