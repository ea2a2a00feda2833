/* SPDX-License-Identifier: MIT */
/* The real devices, reset while they are in use, whole and a queue of them. */
#include "drivers/virtio/virtio.h"

#include "drivers/rng/rng.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

/* Those that can be restarted; the list is the kernel's own, so it may be. */
static struct virtio_device *device_at(unsigned index)
{
	struct virtio_device *dev;

	for (unsigned i = 0; (dev = (struct virtio_device *)virtio_device_at(i)); i++)
		if (dev->driver && !dev->fault && dev->driver->halted && index-- == 0)
			return dev;
	return NULL;
}

static void expect_sources_deliver(struct ktest_run *t)
{
	uint8_t bytes[700];

	for (unsigned i = 0; IS_ENABLED(CONFIG_VIRTIO_RNG) && i < rng_count(); i++)
		expect_eq(t, rng_read(i, bytes, sizeof(bytes)), 0);
}

KTEST(virtio_devices_come_back_from_restarts)
{
	struct virtio_device *dev;

	if (!device_at(0))
		return ktest_skip(t, "no device that can be restarted");
	for (unsigned i = 0; (dev = device_at(i)); i++) {
		for (unsigned times = 0; times < 3; times++) {
			uint64_t features = dev->features;

			expect_eq(t, virtio_device_restart(dev), 0);
			expect_eq(t, dev->features, features);
			expect_sources_deliver(t);
		}
	}
}

KTEST(virtio_queues_come_back_from_resets)
{
	struct virtio_device *dev;
	unsigned tried = 0;

	for (unsigned i = 0; (dev = device_at(i)); i++) {
		if (!(dev->features & VIRTIO_F_RING_RESET))
			continue;
		for (struct virtqueue *vq = dev->queues; vq; vq = vq->next) {
			/* QEMU's MMIO has none, is restarted instead, and then agrees no more. */
			int rc = virtio_queue_reset(dev, vq);

			expect(t, rc == 0 ||
			       (rc == -ENOTSUP && !(dev->features & VIRTIO_F_RING_RESET)));
			expect_sources_deliver(t);
			tried++;
		}
	}
	if (!tried)
		ktest_skip(t, "no device whose queues can be reset");
}
