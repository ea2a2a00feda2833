/* SPDX-License-Identifier: MIT */
/*
 * What a virtio block device says of itself (VIRTIO 1.2, 5.2.4, 5.2.5), within
 * bounds. Knows no device, so that every value is tried on the host.
 *
 * A hint that makes no sense is left out: the disk works without it. A bound
 * that leaves no room for one block, or a block that is none, is a lie.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/lib/errno.h"

static int lie_tell(struct virtio_blk_lie *lie, const char *what, uint64_t value)
{
	*lie = (struct virtio_blk_lie){ what, value };
	return -EPROTO;
}

int virtio_blk_sectors(uint64_t capacity, uint32_t block_size, uint64_t *out,
		       struct virtio_blk_lie *lie)
{
	if (capacity > INT64_MAX / BLOCK_SECTOR)
		return lie_tell(lie, "capacity beyond what can be addressed", capacity);
	*out = align_down(capacity, block_size / BLOCK_SECTOR);
	return 0;
}

unsigned virtio_blk_queues(uint64_t features, uint16_t num_queues)
{
	if (!(features & VIRTIO_BLK_F_MQ) || num_queues == 0)
		return 1;
	return min((unsigned)num_queues, (unsigned)VIRTIO_BLK_QUEUES);
}

static int block_size_read(const struct virtio_blk_config *c, uint64_t features,
			   struct block_info *out, struct virtio_blk_lie *lie)
{
	out->block_size = features & VIRTIO_BLK_F_BLK_SIZE ? c->blk_size : BLOCK_SECTOR;
	if (!is_pow2(out->block_size) || out->block_size < BLOCK_SECTOR ||
	    out->block_size > VIRTIO_BLK_SIZE_MAX)
		return lie_tell(lie, "block size is no power of two from 512 to 2 MiB",
				out->block_size);
	return 0;
}

/*
 * Two descriptors are the header's and the status'. At least one is left: 0 would
 * be none. A size_max of 0 bounds nothing: QEMU's storage daemon says so.
 */
static int segments_read(const struct virtio_blk_config *c, uint64_t features, unsigned ring,
			 struct block_info *out, struct virtio_blk_lie *lie)
{
	unsigned most = min(ring - 2, (unsigned)VIRTIO_BLK_SEGMENTS);

	if (ring < 3)
		return lie_tell(lie, "a queue that holds no request", ring);
	out->segment_max = most;
	if (features & VIRTIO_BLK_F_SEG_MAX)
		out->segment_max = min(c->seg_max ?: 1, out->segment_max);
	out->segment_size = VIRTIO_BLK_PART_MAX;
	if (features & VIRTIO_BLK_F_SIZE_MAX && c->size_max)
		out->segment_size = min(c->size_max, out->segment_size);
	if (out->segment_size < BLOCK_SECTOR)
		return lie_tell(lie, "segments that hold no sector", out->segment_size);
	out->segment_size = align_down(out->segment_size, (uint32_t)BLOCK_SECTOR);
	if ((uint64_t)out->segment_max * out->segment_size < out->block_size)
		return lie_tell(lie, "a request that holds no block, segments", out->segment_max);
	return 0;
}

static void geometry_read(const struct virtio_blk_config *c, uint64_t features,
			  struct block_info *out)
{
	if (!(features & VIRTIO_BLK_F_GEOMETRY) || !c->cylinders || !c->heads || !c->sectors)
		return;
	out->cylinders = c->cylinders;
	out->heads = c->heads;
	out->track_sectors = c->sectors;
}

/* A physical block beyond 2 MiB, or an offset beyond it, is no hint to follow. */
static void topology_read(const struct virtio_blk_config *c, uint64_t features,
			  struct block_info *out)
{
	unsigned exp = c->physical_block_exp;

	out->physical_size = out->block_size;
	if (!(features & VIRTIO_BLK_F_TOPOLOGY))
		return;
	if (exp < 32 && (uint64_t)out->block_size << exp <= VIRTIO_BLK_SIZE_MAX) {
		out->physical_size = out->block_size << exp;
		if (c->alignment_offset < 1u << exp)
			out->align = c->alignment_offset;
	}
	out->io_min = c->min_io_size;
	out->io_opt = c->opt_io_size;
}

/* Bytes of one range: whole blocks, and whole pieces of `align` sectors if they are sane. */
static uint64_t range_max(const struct block_info *info, uint32_t sectors, uint32_t segments,
			  uint32_t align)
{
	uint64_t bytes = align_down((uint64_t)sectors * BLOCK_SECTOR, (uint64_t)info->block_size);
	uint64_t piece = (uint64_t)align * BLOCK_SECTOR;

	if (segments == 0)
		return 0;
	if (is_pow2(piece) && piece > info->block_size && piece <= bytes)
		bytes = align_down(bytes, piece);
	return bytes;
}

static void erasing_read(const struct virtio_blk_config *c, uint64_t features,
			 struct block_info *out)
{
	if (features & VIRTIO_BLK_F_DISCARD)
		out->discard_max = range_max(out, c->max_discard_sectors, c->max_discard_seg,
					     c->discard_sector_alignment);
	if (features & VIRTIO_BLK_F_WRITE_ZEROES)
		out->zeroes_max = range_max(out, c->max_write_zeroes_sectors,
					    c->max_write_zeroes_seg, 0);
}

/* 5.2.5.1: without CONFIG_WCE a device that can flush is taken to need it. */
static bool has_cache(const struct virtio_blk_config *c, uint64_t features)
{
	if (!(features & VIRTIO_BLK_F_FLUSH))
		return false;
	return !(features & VIRTIO_BLK_F_CONFIG_WCE) || c->writeback;
}

int virtio_blk_info(const struct virtio_blk_config *c, uint64_t features, unsigned ring,
		    struct block_info *out, struct virtio_blk_lie *lie)
{
	int rc;

	*out = (struct block_info){ .queues = virtio_blk_queues(features, c->num_queues) };
	rc = block_size_read(c, features, out, lie);
	if (!rc)
		rc = virtio_blk_sectors(c->capacity, out->block_size, &out->sectors, lie);
	if (!rc)
		rc = segments_read(c, features, ring, out, lie);
	if (rc)
		return rc;
	geometry_read(c, features, out);
	topology_read(c, features, out);
	erasing_read(c, features, out);
	out->read_only = features & VIRTIO_BLK_F_RO;
	out->flush = has_cache(c, features);
	return 0;
}
