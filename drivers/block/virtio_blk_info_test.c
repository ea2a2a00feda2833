/* SPDX-License-Identifier: MIT */
/* What a device says of itself, honest, odd and impossible. */
#include "drivers/block/virtio_blk.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const uint64_t all = VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_GEOMETRY |
			    VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
			    VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_MQ |
			    VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;

static struct virtio_blk_config c;
static struct virtio_blk_lie lie;
static struct block_info info;

static void begin(void)
{
	c = (struct virtio_blk_config){
		.capacity = 1000, .size_max = 8192, .seg_max = 10, .cylinders = 3, .heads = 4,
		.sectors = 5, .blk_size = 4096, .physical_block_exp = 1, .alignment_offset = 1,
		.min_io_size = 2, .opt_io_size = 64, .writeback = 1, .num_queues = 2,
		.max_discard_sectors = 100, .max_discard_seg = 1, .discard_sector_alignment = 16,
		.max_write_zeroes_sectors = 50, .max_write_zeroes_seg = 1,
	};
	lie = (struct virtio_blk_lie){ 0 };
}

static int read_info(uint64_t features)
{
	return virtio_blk_info(&c, features, 256, &info, &lie);
}

static void expect_lie(struct ktest_run *t, const char *what, uint64_t value)
{
	expect_eq(t, read_info(all), -EPROTO);
	expect_str(t, lie.what, what);
	expect_eq(t, lie.value, value);
	begin();
}

KTEST(virtio_blk_info_has_what_the_device_says)
{
	begin();
	require(t, read_info(all) == 0);
	expect_eq(t, info.sectors, 1000);
	expect_eq(t, info.block_size, 4096);
	expect_eq(t, info.physical_size, 8192);
	expect_eq(t, info.align, 1);
	expect_eq(t, info.io_min, 2);
	expect_eq(t, info.io_opt, 64);
	expect_eq(t, info.cylinders * 10000 + info.heads * 100 + info.track_sectors, 30405);
	expect_eq(t, info.segment_max, 10);
	expect_eq(t, info.segment_size, 8192);
	expect_eq(t, info.discard_max, 96 * BLOCK_SECTOR);
	expect_eq(t, info.zeroes_max, 48 * BLOCK_SECTOR);
	expect_eq(t, info.queues, 2);
	expect(t, info.read_only && info.flush);
}

KTEST(virtio_blk_info_without_features_has_what_always_holds)
{
	begin();
	require(t, read_info(0) == 0);
	expect_eq(t, info.sectors, 1000);
	expect_eq(t, info.block_size, BLOCK_SECTOR);
	expect_eq(t, info.physical_size, BLOCK_SECTOR);
	expect_eq(t, info.segment_max, VIRTIO_BLK_SEGMENTS);
	expect_eq(t, info.segment_size, VIRTIO_BLK_PART_MAX);
	expect_eq(t, info.discard_max + info.zeroes_max + info.cylinders + info.io_opt, 0);
	expect_eq(t, info.queues, 1);
	expect(t, !info.read_only && !info.flush);
}

KTEST(virtio_blk_info_refuses_blocks_that_are_none)
{
	static const uint32_t sizes[] = { 0, 1, 256, 511, 513, 1000, 3 << 20, 4 << 20, UINT32_MAX };

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		c.blk_size = sizes[i];
		expect_lie(t, "block size is no power of two from 512 to 2 MiB", sizes[i]);
	}
	for (c.blk_size = 512; c.blk_size <= 65536; c.blk_size *= 2)
		expect_eq(t, read_info(all), 0);
}

KTEST(virtio_blk_info_refuses_a_capacity_that_cannot_be_counted)
{
	begin();
	c.capacity = UINT64_MAX;
	expect_lie(t, "capacity beyond what can be addressed", UINT64_MAX);
	c.capacity = INT64_MAX / BLOCK_SECTOR + 1;
	expect_lie(t, "capacity beyond what can be addressed", INT64_MAX / BLOCK_SECTOR + 1);
	c.capacity = INT64_MAX / BLOCK_SECTOR;
	expect_eq(t, read_info(all), 0);
	c.capacity = 0;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.sectors, 0);
}

KTEST(virtio_blk_info_leaves_out_half_a_block_at_the_end)
{
	begin();
	c.capacity = 1007;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.sectors, 1000);
}

KTEST(virtio_blk_info_refuses_segments_that_hold_nothing)
{
	begin();
	c.size_max = 1;
	expect_lie(t, "segments that hold no sector", 1);
	c.size_max = 511;
	expect_lie(t, "segments that hold no sector", 511);
	c.size_max = 512;
	c.seg_max = 7;
	expect_lie(t, "a request that holds no block, segments", 7);
	c.size_max = 512;
	c.seg_max = 8;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, virtio_blk_info(&c, all, 2, &info, &lie), -EPROTO);
	expect_str(t, lie.what, "a queue that holds no request");
}

KTEST(virtio_blk_info_bounds_segments)
{
	begin();
	c.seg_max = 0;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.segment_max, 1);
	c.size_max = 0;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.segment_size, VIRTIO_BLK_PART_MAX);
	c.seg_max = UINT32_MAX;
	c.size_max = UINT32_MAX;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.segment_max, VIRTIO_BLK_SEGMENTS);
	expect_eq(t, info.segment_size, VIRTIO_BLK_PART_MAX);
	expect_eq(t, virtio_blk_info(&c, all, 8, &info, &lie), 0);
	expect_eq(t, info.segment_max, 6);
	c.size_max = 0;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.segment_size, VIRTIO_BLK_PART_MAX);
	c.size_max = 5000;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.segment_size, 4608);
}

KTEST(virtio_blk_info_leaves_out_hints_that_make_no_sense)
{
	begin();
	c.physical_block_exp = 255;
	c.heads = 0;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.physical_size, 4096);
	expect_eq(t, info.align + info.cylinders, 0);
	c.physical_block_exp = 10;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.physical_size, 4096);
	c.physical_block_exp = 1;
	c.alignment_offset = 2;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.align, 0);
}

KTEST(virtio_blk_info_bounds_discard_and_zeroes)
{
	begin();
	c.max_discard_seg = 0;
	c.max_write_zeroes_sectors = 7;		/* less than a block */
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.discard_max, 0);
	expect_eq(t, info.zeroes_max, 0);
	begin();
	c.max_discard_sectors = UINT32_MAX;
	c.max_write_zeroes_sectors = UINT32_MAX;
	c.discard_sector_alignment = UINT32_MAX;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.discard_max, (UINT64_C(1) << 41) - 4096);
	expect_eq(t, info.zeroes_max, (UINT64_C(1) << 41) - 4096);
	c.discard_sector_alignment = 1 << 20;
	expect_eq(t, read_info(all), 0);
	expect_eq(t, info.discard_max, (UINT64_C(1) << 41) - (UINT64_C(1) << 29));
}

KTEST(virtio_blk_info_knows_when_there_is_a_cache_to_flush)
{
	begin();
	expect_eq(t, read_info(VIRTIO_BLK_F_FLUSH), 0);
	expect(t, info.flush);
	c.writeback = 0;
	expect_eq(t, read_info(VIRTIO_BLK_F_FLUSH), 0);
	expect(t, info.flush);
	expect_eq(t, read_info(VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE), 0);
	expect(t, !info.flush);
	c.writeback = 1;
	expect_eq(t, read_info(VIRTIO_BLK_F_CONFIG_WCE), 0);
	expect(t, !info.flush);
}

KTEST(virtio_blk_info_uses_no_more_queues_than_we_have)
{
	begin();
	expect_eq(t, virtio_blk_queues(all, 0), 1);
	expect_eq(t, virtio_blk_queues(all, 3), 3);
	expect_eq(t, virtio_blk_queues(all, UINT16_MAX), VIRTIO_BLK_QUEUES);
	expect_eq(t, virtio_blk_queues(0, 3), 1);
}

/* Whatever it says, what is believed can be worked with. */
KTEST(virtio_blk_info_of_random_bytes_is_within_bounds)
{
	unsigned good = 0;

	for (unsigned i = 0; i < 100000; i++) {
		uint64_t features = ktest_random(t);
		unsigned ring = 1u << ktest_random_below(t, 9);

		for (unsigned k = 0; k < sizeof(c); k++)
			((uint8_t *)&c)[k] = (uint8_t)(ktest_random(t) >> 40);
		if (ktest_random(t) & 1)
			c.blk_size = 1u << ktest_random_below(t, 32);
		c.capacity >>= ktest_random_below(t, 64);
		if (virtio_blk_info(&c, features, ring, &info, &lie)) {
			require(t, lie.what);
			continue;
		}
		good++;
		require(t, is_pow2(info.block_size) && info.block_size >= BLOCK_SECTOR);
		require(t, info.sectors <= INT64_MAX / BLOCK_SECTOR);
		require(t, info.sectors * BLOCK_SECTOR % info.block_size == 0);
		require(t, info.segment_max > 0 && info.segment_max + 2 <= ring);
		require(t, (uint64_t)info.segment_max * info.segment_size >= info.block_size);
		require(t, info.segment_size % BLOCK_SECTOR == 0);
		require(t, info.discard_max % info.block_size == 0);
		require(t, info.zeroes_max % info.block_size == 0);
		require(t, info.queues > 0 && info.queues <= VIRTIO_BLK_QUEUES);
		require(t, info.physical_size >= info.block_size);
	}
	expect(t, good > 1000);
}
