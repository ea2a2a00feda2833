/* SPDX-License-Identifier: MIT */
/*
 * What VIRTIO 1.2 demands of a driver of disks beside what fake_disk_test.c watches (2.5.1,
 * 5.2.5.1).
 */
#include "drivers/block/virtio_blk.h"

#include "drivers/virtio/fake_transport.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Where the fields of a feature lie in the configuration (5.2.4). */
static const struct {
	uint64_t feature;
	uint32_t start, end;
} fields[] = {
	{ 0, 0, 8 },
	{ VIRTIO_BLK_F_SIZE_MAX, 8, 12 }, { VIRTIO_BLK_F_SEG_MAX, 12, 16 },
	{ VIRTIO_BLK_F_GEOMETRY, 16, 20 }, { VIRTIO_BLK_F_BLK_SIZE, 20, 24 },
	{ VIRTIO_BLK_F_TOPOLOGY, 24, 32 }, { VIRTIO_BLK_F_CONFIG_WCE, 32, 33 },
	{ VIRTIO_BLK_F_MQ, 34, 36 }, { VIRTIO_BLK_F_DISCARD, 36, 48 },
	{ VIRTIO_BLK_F_WRITE_ZEROES, 48, 57 },
};

static struct fake_device fake;
static const struct virtio_transport_ops *honest;
static struct virtio_transport_ops watched;
static unsigned reads, not_offered, before_features_ok;

static bool may_be_read(uint32_t offset, uint32_t end)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		if (offset >= fields[i].start && end <= fields[i].end)
			return (fake.offered & fields[i].feature) == fields[i].feature;
	return false;
}

static uint32_t watch_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	reads++;
	not_offered += !may_be_read(offset, offset + width);
	before_features_ok += dev->modern && !(fake.status & VIRTIO_STATUS_FEATURES_OK);
	return honest->config_read(dev, offset, width);
}

static const struct virtio_driver *blk_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_BLOCK)
			return *driver;
	return NULL;
}

/* Offers the features to the driver, which then fails for want of a queue. */
static void offer(struct ktest_run *t, uint64_t features, bool modern)
{
	fake_device_init(&fake, VIRTIO_ID_BLOCK);
	honest = fake.dev.ops;
	watched = *honest;
	watched.config_read = watch_read;
	fake.dev.ops = &watched;
	fake.dev.modern = modern;
	fake.offered = features | (modern ? VIRTIO_F_VERSION_1 : 0);
	fake.queue_max = 0;
	expect(t, virtio_device_start(&fake.dev, blk_driver()) != 0);
	virtio_queues_free(&fake.dev);
}

KTEST(virtio_blk_reads_only_fields_whose_feature_is_offered)
{
	reads = not_offered = before_features_ok = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		offer(t, fields[i].feature, i & 1);
		offer(t, ~fields[i].feature, i & 1);
	}
	for (unsigned i = 0; i < 16; i++)
		offer(t, ktest_random(t), i & 1);
	expect(t, reads > 0);
	expect_eq(t, not_offered, 0);
	expect_eq(t, before_features_ok, 0);
}
