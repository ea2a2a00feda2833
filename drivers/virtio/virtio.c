/* SPDX-License-Identifier: MIT */
/*
 * The core: brings one device from reset to its driver (VIRTIO 1.2, 3.1.1),
 * makes its queues, and stops it when it lies. Knows no transport but by its
 * table, so it runs on the host against one that fails on demand.
 */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "drivers/virtio/virtio_trace.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/wait.h"
#include "mm/dma.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"
LOG_DEFINE();

enum {
	LEGACY_ALIGN = 4096,		/* 2.7.2 */
	MODERN_ALIGN = 16,
};

/*
 * Accepted wherever offered: we are modern, our addresses are the platform's,
 * and x86 keeps the order that a real bus needs.
 */
static const uint64_t core_features =
	VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM |
	VIRTIO_F_RING_RESET | VIRTQUEUE_FEATURES;

const char *virtio_id_name(uint32_t id)
{
	static const char *const names[] = {
		[VIRTIO_ID_NET] = "net", [VIRTIO_ID_BLOCK] = "block",
		[VIRTIO_ID_CONSOLE] = "console", [VIRTIO_ID_RNG] = "rng",
		[5] = "balloon", [8] = "scsi", [9] = "9p", [16] = "gpu", [18] = "input",
		[19] = "vsock", [20] = "crypto", [24] = "memory", [25] = "sound",
		[26] = "fs", [27] = "pmem",
	};

	return id < ARRAY_SIZE(names) ? names[id] : NULL;
}

/*
 * 4.1.4.3.1, 4.2.2.1. What did not reset when it was waited for is not waited
 * for again.
 */
int virtio_device_reset(struct virtio_device *dev)
{
	struct wait w;
	bool done;

	dev->status = 0;
	dev->ops->set_status(dev, 0);
	done = dev->ops->status(dev) == 0;
	if (!done && !dev->stuck) {
		wait_begin(&w, WAIT_DEVICE);
		while (dev->ops->status(dev) != 0 && wait_turn(&w))
			;
		wait_end(&w);
		done = dev->ops->status(dev) == 0;
	}
	dev->stuck = !done;
	dev->unsafe = !done && !(dev->ops->cut_off && dev->ops->cut_off(dev));
	return done ? 0 : -ETIMEDOUT;
}

void virtio_status_add(struct virtio_device *dev, uint8_t bits)
{
	dev->status |= bits;
	dev->ops->set_status(dev, dev->status);
}

void virtio_device_fail(struct virtio_device *dev, const char *what, uint64_t value)
{
	char where[VIRTIO_TEXT_MAX];

	if (dev->fault)
		return;
	dev->fault = what;
	dev->fault_value = value;
	virtio_status_add(dev, VIRTIO_STATUS_FAILED);
	virtio_device_reset(dev);
	for (struct virtqueue *vq = dev->queues; vq; vq = vq->next)
		virtqueue_stop(vq);
	virtio_irqs_stop(dev);

	dev->ops->describe(dev, where, sizeof(where));
	log_err("%s: stopped: %s (%llu)%s", where, what, (unsigned long long)value,
		dev->unsafe ? ", and it does not reset" : "");
	if (dev->driver && dev->driver->stopped)
		dev->driver->stopped(dev);
}

static void queue_notify(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;

	dev->doorbells++;
	dev->ops->notify(vq);
}

static void queue_lie(struct virtqueue *vq, const char *what, uint64_t value)
{
	virtio_device_fail(vq->owner, what, value);
}

static const struct virtqueue_ops queue_ops = {
	.notify = queue_notify,
	.lie = queue_lie,
};

static unsigned order_of(size_t len)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < len)
		order++;
	return order;
}

/* The ring's memory and bookkeeping, not yet known to the device. */
static struct virtqueue *queue_alloc(struct virtio_device *dev, uint16_t index,
				     const struct virtqueue_shape *shape)
{
	struct virtqueue_layout layout;
	struct virtqueue *vq;
	unsigned order;
	void *memory;

	virtqueue_layout(shape, &layout);
	order = order_of(layout.total);
	vq = kmalloc(sizeof(*vq) + shape->size * sizeof(struct virtqueue_slot));
	if (!vq)
		return NULL;
	memory = page_alloc(order, PAGE_ANY | PAGE_USE_DMA);
	if (!memory) {
		kfree(vq);
		return NULL;
	}
	virtqueue_init(vq, &layout, memory, (struct virtqueue_slot *)(vq + 1), &queue_ops);
	vq->owner = dev;
	vq->order = order;
	vq->index = index;
	return vq;
}

/* A device that does not reset may still write to the ring: that is kept. */
static void queue_free(struct virtqueue *vq, bool keep_ring)
{
	if (!keep_ring)
		page_free(vq->memory, vq->order);
	kfree(vq);
}

void virtio_queues_free(struct virtio_device *dev)
{
	while (dev->queues) {
		struct virtqueue *vq = dev->queues;

		dev->queues = vq->next;
		queue_free(vq, dev->unsafe);
	}
	virtio_irqs_free(dev);
}

int virtio_queue_enable(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtqueue_addresses a;
	int rc = dma_addr(vq->memory, PAGE_SIZE << vq->order, &a.desc);

	if (rc)
		return rc;
	a.avail = a.desc + (uintptr_t)((char *)vq->avail - (char *)vq->memory);
	a.used = a.desc + (uintptr_t)((char *)vq->used - (char *)vq->memory);
	return dev->ops->queue_enable(dev, vq, &a);
}

/* Of a device that offers `max` entries; a packed ring may have any number (2.8.10). */
static bool queue_shape(const struct virtio_device *dev, uint32_t max, uint16_t wish,
			struct virtqueue_shape *out)
{
	bool packed = dev->features & VIRTIO_F_RING_PACKED;

	if (max == 0 || max > VIRTQUEUE_SIZE_LIMIT || !(packed || is_pow2(max)))
		return false;
	out->size = (uint16_t)min(max, (uint32_t)wish);
	out->entries = dev->ops->queue_size_fixed ? (uint16_t)max : out->size;
	out->align = virtio_is_legacy(dev) ? LEGACY_ALIGN : MODERN_ALIGN;
	out->features = dev->features;
	return true;
}

int virtio_queue_setup(struct virtio_device *dev, uint16_t index, uint16_t wish,
		       void (*callback)(struct virtqueue *vq), struct virtqueue **out)
{
	struct virtqueue_shape shape;
	struct virtqueue *vq;
	uint32_t max;
	int rc;

	if (!is_pow2(wish) || wish > VIRTQUEUE_SIZE_MAX)
		return -EINVAL;
	if (IS_ENABLED(CONFIG_VIRTIO_TRACE))
		virtio_trace_wish(dev, index, wish);
	max = dev->ops->queue_size_max(dev, index);
	if (!queue_shape(dev, max, wish, &shape)) {
		virtio_device_fail(dev, "queue size is no power of two up to 32768", max);
		return -EPROTO;
	}
	vq = queue_alloc(dev, index, &shape);
	if (!vq)
		return -ENOMEM;
	vq->callback = callback;
	virtio_irqs_assign(dev, vq);
	rc = virtio_queue_enable(dev, vq);
	if (rc) {
		/* It may have heard half of it. */
		virtio_device_fail(dev, "queue cannot be given to it", index);
		queue_free(vq, dev->unsafe);
		return rc;
	}
	vq->next = dev->queues;
	dev->queues = vq;
	*out = vq;
	return 0;
}

void virtio_device_ready(struct virtio_device *dev)
{
	if (!dev->fault)
		virtio_status_add(dev, VIRTIO_STATUS_DRIVER_OK);
}

int virtio_features_settle(struct virtio_device *dev)
{
	uint8_t status;

	dev->ops->set_features(dev, dev->features);
	if (virtio_is_legacy(dev))		/* no FEATURES_OK */
		return 0;
	virtio_status_add(dev, VIRTIO_STATUS_FEATURES_OK);
	status = dev->ops->status(dev);
	if (status == VIRTIO_STATUS_GONE)
		virtio_device_fail(dev, "is gone, status", status);
	else if (!(status & VIRTIO_STATUS_FEATURES_OK))
		virtio_device_fail(dev, "refuses the features", dev->features);
	return dev->fault ? -ENOTSUP : 0;
}

static int features_agree(struct virtio_device *dev, const struct virtio_driver *driver)
{
	uint64_t offered = dev->ops->features(dev);
	uint64_t fit = offered & driver->features;

	if (driver->features_fit)
		fit = driver->features_fit(fit);
	if (virtio_is_legacy(dev)) {		/* bits 0 to 31 only */
		dev->features = (fit | (offered & (core_features | VIRTIO_F_ANY_LAYOUT))) &
				UINT32_MAX;
		return virtio_features_settle(dev);
	}
	if (!(offered & VIRTIO_F_VERSION_1)) {
		virtio_device_fail(dev, "modern without VERSION_1, features", offered);
		return -EPROTO;
	}
	dev->features = fit | (offered & core_features);
	if (!driver->queue_halted || !driver->queue_restarted || !dev->ops->queue_reset)
		dev->features &= ~VIRTIO_F_RING_RESET;
	return virtio_features_settle(dev);
}

/* How many queues the driver says that this device gets. */
static unsigned queues_of(struct virtio_device *dev, const struct virtio_driver *driver)
{
	unsigned wanted = driver->queues_wanted ? driver->queues_wanted(dev) : driver->queues;

	return min(wanted, driver->queues);
}

static int device_bring_up(struct virtio_device *dev, const struct virtio_driver *driver)
{
	int rc = virtio_device_reset(dev);

	if (rc) {
		virtio_device_fail(dev, "does not reset, status", dev->ops->status(dev));
		return rc;
	}
	virtio_status_add(dev, VIRTIO_STATUS_ACKNOWLEDGE);
	virtio_status_add(dev, VIRTIO_STATUS_DRIVER);
	rc = features_agree(dev, driver);
	if (rc)
		return rc;
	rc = virtio_irqs_open(dev, queues_of(dev, driver));
	if (!rc)
		rc = driver->probe(dev);
	if (rc)
		virtio_device_fail(dev, "driver gave up, error", (uint64_t)-rc);
	return rc;
}

int virtio_device_start(struct virtio_device *dev, const struct virtio_driver *driver)
{
	int rc = dev->ops->open ? dev->ops->open(dev) : 0;

	if (rc)
		return rc;
	rc = device_bring_up(dev, driver);
	if (rc) {
		virtio_queues_free(dev);
		if (dev->ops->close)
			dev->ops->close(dev);
		return rc;
	}
	dev->driver = driver;
	virtio_irqs_prove(dev);
	return 0;
}
