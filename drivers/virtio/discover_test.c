/* SPDX-License-Identifier: MIT */
/* The devices of the machine that the test runs on. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

/*
 * A device that lied was stopped, and is as it should be then. Only runs with such a
 * device allow this reason, so that one which is stopped by a fault of ours is a failure.
 */
static void skip_if_stopped(struct ktest_run *t)
{
	const struct virtio_device *dev;

	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		if (dev->fault)
			ktest_skip(t, "a device was stopped, the others are well");
}

static void expect_stopped(struct ktest_run *t, const struct virtio_device *dev)
{
	expect(t, !dev->polled && dev->source_count == 0);
	expect(t, dev->status == 0);
	for (const struct virtqueue *vq = dev->queues; vq; vq = vq->next)
		expect(t, vq->stopped && virtqueue_outstanding(vq) == 0);
}

KTEST(virtio_devices_are_consistent)
{
	const struct virtio_device *dev;
	char text[VIRTIO_LINE_MAX], other[VIRTIO_LINE_MAX];

	if (!virtio_device_at(0))
		return ktest_skip(t, "no virtio device");
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++) {
		expect(t, dev->id != 0);
		if (dev->fault) {
			expect_stopped(t, dev);
			continue;
		}
		/* Legacy-only functions are listed; whatever else is not driven is broken. */
		expect(t, !dev->undriven || !dev->modern);
		expect(t, !dev->undriven || !dev->driver);
		expect(t, !dev->unsafe);
		expect(t, !dev->driver || dev->driver->id == dev->id);
		expect(t, (dev->queues != NULL) == (dev->driver != NULL));
		if (dev->driver && dev->modern)
			expect(t, dev->features & VIRTIO_F_VERSION_1);
		expect(t, virtio_device_describe(dev, text, sizeof(text)) < (int)sizeof(text));
		for (unsigned k = 0; k < i; k++) {
			virtio_device_describe(virtio_device_at(k), other, sizeof(other));
			expect(t, strcmp(text, other) != 0);
		}
	}
	skip_if_stopped(t);
}

KTEST(virtio_device_with_a_driver_is_driven)
{
	const struct virtio_driver *const *driver;
	const struct virtio_device *dev;

	if (!virtio_device_at(0))
		return ktest_skip(t, "no virtio device");
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++)
		table_for_each(virtio_drivers, driver)
			if ((*driver)->id == dev->id && !dev->undriven && !dev->fault)
				expect(t, dev->driver == *driver);
	skip_if_stopped(t);
}

KTEST(virtio_device_that_is_driven_was_proved_or_is_polled)
{
	const struct virtio_device *dev;

	if (!virtio_device_at(0))
		return ktest_skip(t, "no virtio device");
	for (unsigned i = 0; (dev = virtio_device_at(i)); i++) {
		if (!dev->driver || dev->fault)
			continue;
		expect_eq(t, dev->polled, dev->source_count == 0);
		/* One that was proved may be polled since: its line was masked. */
		expect(t, dev->proof == IRQ_SEEN || dev->polled);
		expect(t, !dev->polled || dev->irq_why || dev->proof == IRQ_NOT_SEEN);
	}
	skip_if_stopped(t);
}

static void ring_drain(struct virtqueue *vq __unused)
{
}

static int ring_probe(struct virtio_device *dev)
{
	struct virtqueue *vq;
	int rc = virtio_queue_setup(dev, 0, 4, ring_drain, &vq);

	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static const struct virtio_driver ring_driver = {
	.name = "ring of a test",
	.queues = 1,
	.probe = ring_probe,
};

/* The whole way up and down on a real transport, for devices that nobody drives. */
KTEST_MAY_FAIL(virtio_device_without_a_driver_starts_and_stops)
{
	struct virtio_device *dev;

	print("# the errors below are meant\n");
	for (unsigned i = 0; (dev = (struct virtio_device *)virtio_device_at(i)); i++) {
		const struct virtio_device before = *dev;

		if (dev->driver || dev->undriven || dev->fault)
			continue;
		if (expect_done(t, virtio_device_start(dev, &ring_driver))) {
			virtio_device_fail(dev, "the test is over", 0);
			virtio_queues_free(dev);
			if (dev->ops->close)
				dev->ops->close(dev);
		}
		expect(t, !dev->queues && !dev->unsafe);
		*dev = before;
	}
}
