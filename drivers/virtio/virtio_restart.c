/* SPDX-License-Identifier: MIT */
/*
 * A device, or one queue of it, is reset and brought up again, and its driver
 * gives it what it had. What was agreed upon stays: the features, the queues
 * with their sizes, which interrupt is whose. A device that comes back as
 * another is stopped.
 */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/lib/errno.h"
#include "kernel/wait.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

/* An empty ring, which is given to the device again. */
static int queue_again(struct virtio_device *dev, struct virtqueue *vq)
{
	uint32_t max = dev->ops->queue_size_max(dev, vq->index);
	int rc;

	if (max < vq->entries || (dev->ops->queue_size_fixed && max != vq->entries)) {
		virtio_device_fail(dev, "comes back with a queue of another size", max);
		return -EPROTO;
	}
	virtqueue_reinit(vq);
	rc = virtio_irqs_reselect(dev, vq);
	if (!rc)
		rc = virtio_queue_enable(dev, vq);
	if (rc)
		virtio_device_fail(dev, "queue cannot be given to it again", vq->index);
	return rc ? -EPROTO : 0;
}

static int queues_again(struct virtio_device *dev)
{
	int rc = 0;

	for (struct virtqueue *vq = dev->queues; vq && !rc; vq = vq->next)
		rc = queue_again(dev, vq);
	return rc;
}

/* The features that were agreed upon, again. */
static int features_again(struct virtio_device *dev)
{
	uint64_t offered = dev->ops->features(dev);

	if ((offered & dev->features) != dev->features) {
		virtio_device_fail(dev, "comes back without features that it had, offers", offered);
		return -EPROTO;
	}
	return virtio_features_settle(dev) ? -EPROTO : 0;
}

static int bring_up_again(struct virtio_device *dev)
{
	int rc;

	virtio_status_add(dev, VIRTIO_STATUS_ACKNOWLEDGE);
	virtio_status_add(dev, VIRTIO_STATUS_DRIVER);
	rc = features_again(dev);
	if (rc)
		return rc;
	if (virtio_irqs_reselect_config(dev))
		virtio_config_untold(dev);
	return queues_again(dev);
}

int virtio_device_restart(struct virtio_device *dev)
{
	const struct virtio_driver *driver = dev->driver;
	int rc;

	if (dev->fault)
		return -ENODEV;
	if (!driver || !driver->halted || !driver->restarted)
		return -ENOTSUP;
	if (virtio_device_reset(dev)) {
		virtio_device_fail(dev, "does not reset, status", dev->ops->status(dev));
		return -EPROTO;
	}
	dev->restarts++;
	for (struct virtqueue *vq = dev->queues; vq; vq = vq->next)
		virtqueue_stop(vq);
	driver->halted(dev);
	rc = bring_up_again(dev);
	if (rc)
		return rc;
	virtio_device_ready(dev);
	for (struct virtqueue *vq = dev->queues; vq; vq = vq->next)
		virtio_irqs_resume(vq);
	driver->restarted(dev);
	if (!dev->fault && driver->config_changed)
		driver->config_changed(dev);	/* a reset changes it as well */
	return dev->fault ? -EPROTO : 0;
}

/* Not while it is brought up or proved: what is not known to work is not worth it. */
static bool plea_is_heard(const struct virtio_device *dev)
{
	return dev->driver && dev->driver->halted && dev->driver->restarted &&
	       (dev->polled || dev->proof == IRQ_SEEN) && dev->pleas < VIRTIO_PLEAS_MAX;
}

void virtio_device_plea(struct virtio_device *dev, uint8_t status)
{
	char where[VIRTIO_TEXT_MAX];

	if (!plea_is_heard(dev)) {
		virtio_device_fail(dev, "asks to be reset, status", status);
		return;
	}
	dev->pleas++;
	dev->ops->describe(dev, where, sizeof(where));
	log_warn("%s: asks to be reset (status %u), and is restarted", where, status);
	(void)!virtio_device_restart(dev);	/* or it is stopped now */
}

/* Within the bound for any answer. */
static bool queue_wait_reset(struct virtio_device *dev, uint16_t index)
{
	struct wait w;

	if (dev->ops->queue_is_reset(dev, index))
		return true;
	wait_begin(&w, WAIT_DEVICE);
	while (!dev->ops->queue_is_reset(dev, index) && wait_turn(&w))
		;
	wait_end(&w);
	return dev->ops->queue_is_reset(dev, index);
}

/* It offered what it cannot do: that is no longer agreed upon, and all of it is reset. */
static int restart_instead(struct virtio_device *dev)
{
	char where[VIRTIO_TEXT_MAX];

	dev->ops->describe(dev, where, sizeof(where));
	log_warn("%s: cannot reset a queue, though it said so; is restarted", where);
	dev->features &= ~VIRTIO_F_RING_RESET;
	return virtio_device_restart(dev);
}

/* 2.6.1 */
int virtio_queue_reset(struct virtio_device *dev, struct virtqueue *vq)
{
	int rc;

	if (dev->fault)
		return -ENODEV;
	if (!dev->driver || !(dev->features & VIRTIO_F_RING_RESET))
		return -ENOTSUP;
	if (dev->ops->queue_reset(dev, vq->index) == -ENOTSUP)
		return restart_instead(dev);
	if (!queue_wait_reset(dev, vq->index)) {
		virtio_device_fail(dev, "a queue does not reset", vq->index);
		return -EPROTO;
	}
	virtqueue_stop(vq);
	dev->driver->queue_halted(dev, vq);
	rc = queue_again(dev, vq);
	if (rc)
		return rc;
	virtio_irqs_resume(vq);
	dev->driver->queue_restarted(dev, vq);
	return dev->fault ? -EPROTO : 0;
}
