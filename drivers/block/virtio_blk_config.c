/* SPDX-License-Identifier: MIT */
/*
 * Reads a block device's configuration (VIRTIO 1.2, 5.2.4): each field by its
 * own width, and only if its feature says that it is there (2.5.1).
 */
#include "drivers/block/virtio_blk.h"

/* A field of the configuration that its feature says is there. */
#define FIELD_READ(dev, c, field) \
	virtio_config_read(dev, offsetof(struct virtio_blk_config, field), \
			   sizeof((c)->field), &(c)->field, sizeof((c)->field))

static int sizes_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = FIELD_READ(dev, c, capacity);

	if (!rc && dev->features & VIRTIO_BLK_F_SIZE_MAX)
		rc = FIELD_READ(dev, c, size_max);
	if (!rc && dev->features & VIRTIO_BLK_F_SEG_MAX)
		rc = FIELD_READ(dev, c, seg_max);
	if (!rc && dev->features & VIRTIO_BLK_F_BLK_SIZE)
		rc = FIELD_READ(dev, c, blk_size);
	if (!rc && dev->features & VIRTIO_BLK_F_CONFIG_WCE)
		rc = FIELD_READ(dev, c, writeback);
	if (!rc && dev->features & VIRTIO_BLK_F_MQ)
		rc = FIELD_READ(dev, c, num_queues);
	return rc;
}

static int geometry_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = FIELD_READ(dev, c, cylinders);

	rc = rc ? rc : FIELD_READ(dev, c, heads);
	return rc ? rc : FIELD_READ(dev, c, sectors);
}

static int topology_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = FIELD_READ(dev, c, physical_block_exp);

	rc = rc ? rc : FIELD_READ(dev, c, alignment_offset);
	rc = rc ? rc : FIELD_READ(dev, c, min_io_size);
	return rc ? rc : FIELD_READ(dev, c, opt_io_size);
}

static int discard_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = FIELD_READ(dev, c, max_discard_sectors);

	rc = rc ? rc : FIELD_READ(dev, c, max_discard_seg);
	return rc ? rc : FIELD_READ(dev, c, discard_sector_alignment);
}

static int zeroes_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = FIELD_READ(dev, c, max_write_zeroes_sectors);

	return rc ? rc : FIELD_READ(dev, c, max_write_zeroes_seg);
}

int virtio_blk_capacity_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	return FIELD_READ(dev, c, capacity);
}

int virtio_blk_config_read(struct virtio_device *dev, struct virtio_blk_config *c)
{
	int rc = sizes_read(dev, c);

	if (!rc && dev->features & VIRTIO_BLK_F_GEOMETRY)
		rc = geometry_read(dev, c);
	if (!rc && dev->features & VIRTIO_BLK_F_TOPOLOGY)
		rc = topology_read(dev, c);
	if (!rc && dev->features & VIRTIO_BLK_F_DISCARD)
		rc = discard_read(dev, c);
	if (!rc && dev->features & VIRTIO_BLK_F_WRITE_ZEROES)
		rc = zeroes_read(dev, c);
	if (rc)
		virtio_device_fail(dev, "configuration cannot be read, error", (uint64_t)-rc);
	return rc;
}

unsigned virtio_blk_queues_wanted(struct virtio_device *dev)
{
	struct virtio_blk_config c = { 0 };

	if (!(dev->features & VIRTIO_BLK_F_MQ) || FIELD_READ(dev, &c, num_queues))
		return 1;
	return virtio_blk_queues(dev->features, c.num_queues);
}
