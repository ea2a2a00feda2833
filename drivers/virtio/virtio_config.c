/* SPDX-License-Identifier: MIT */
/*
 * A device's configuration space: read in one piece, written, and looked at
 * again when it changed.
 *
 * Who has an interrupt for it hears of changes. A device that is polled, or has
 * no room to tell of its configuration, is asked now and then. Either way the
 * status is read as well: a device that cannot go on says so there (2.1.2), and
 * one that is gone reads as all ones.
 */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { SETTLE_TRIES = 16 };

/* From one look to the next; each is an exit of the virtual machine. */
#define LOOK_NS		(100 * NS_PER_MS)

static void config_copy(struct virtio_device *dev, uint32_t offset, unsigned width,
			uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += width) {
		uint32_t v = dev->ops->config_read(dev, offset + i, width);

		memcpy(buf + i, &v, width);	/* little-endian (2.5.3) */
	}
}

static bool config_same(struct virtio_device *dev, uint32_t offset, unsigned width,
			const uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += width) {
		uint32_t v = dev->ops->config_read(dev, offset + i, width);

		if (memcmp(buf + i, &v, width) != 0)
			return false;
	}
	return true;
}

/* Whether a field can be reached at all. */
static int place_check(const struct virtio_device *dev, uint32_t offset, unsigned width,
		       uint32_t len)
{
	if (!is_pow2(width) || width > 8 || !is_aligned(offset, width) || !is_aligned(len, width))
		return -EINVAL;
	return dev->fault || offset > dev->config_len || len > dev->config_len - offset ?
	       -EPROTO : 0;
}

/* A legacy device has no generation (2.5.4): read until two readings agree. */
int virtio_config_read(struct virtio_device *dev, uint32_t offset, unsigned width, void *buf,
		       uint32_t len)
{
	int rc = place_check(dev, offset, width, len);
	unsigned access = min(width, 4u);

	if (rc)
		return rc;
	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		uint32_t before = dev->ops->config_generation(dev);

		config_copy(dev, offset, access, buf, len);
		if (virtio_is_legacy(dev) ? config_same(dev, offset, access, buf, len) :
		    dev->ops->config_generation(dev) == before)
			return 0;
	}
	return -EPROTO;
}

int virtio_config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
			const void *buf, uint32_t len)
{
	int rc = place_check(dev, offset, width, len);
	unsigned access = min(width, 4u);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < len; i += access) {
		uint32_t v = 0;

		memcpy(&v, (const uint8_t *)buf + i, access);
		dev->ops->config_write(dev, offset + i, access, v);
	}
	return 0;
}

/* False if the device stopped or had to be. */
static bool status_look(struct virtio_device *dev)
{
	uint8_t status = dev->ops->status(dev);

	if (status == VIRTIO_STATUS_GONE)
		virtio_device_fail(dev, "is gone, status", status);
	else if (status & VIRTIO_STATUS_NEEDS_RESET)
		virtio_device_plea(dev, status);
	return !dev->fault;
}

static void change_tell(struct virtio_device *dev)
{
	dev->config_changes++;
	if (dev->driver && dev->driver->config_changed)
		dev->driver->config_changed(dev);
}

/* Whether it changed since this was asked last; legacy devices cannot say (2.5.4). */
static bool generation_moved(struct virtio_device *dev)
{
	uint32_t generation;

	if (virtio_is_legacy(dev))
		return false;
	generation = dev->ops->config_generation(dev);
	if (generation == dev->generation)
		return false;
	dev->generation = generation;
	return true;
}

void virtio_config_changed(struct virtio_device *dev, bool maybe)
{
	if (!status_look(dev))
		return;
	if (!maybe || virtio_is_legacy(dev) || generation_moved(dev))
		change_tell(dev);
}

/* Where nothing tells of it, not even a generation, each look may find one. */
static void config_look(struct virtio_device *dev)
{
	unsigned tells = VIRTIO_INTERRUPT_CONFIG;
	bool told;

	if (!status_look(dev))
		return;
	if (virtio_is_legacy(dev))
		tells |= VIRTIO_INTERRUPT_ANY;
	told = dev->ops->acknowledge(dev) & tells || dev->config_told;
	dev->config_told = false;
	if (generation_moved(dev) || told)
		change_tell(dev);
}

void virtio_config_poll(struct virtio_device *dev)
{
	uint64_t now = time_now();

	if (now - dev->config_looked < LOOK_NS)
		return;
	dev->config_looked = now;
	config_look(dev);
}

static void look_expired(struct timer *t)
{
	config_look(container_of(t, struct virtio_device, config_timer));
}

void virtio_config_untold(struct virtio_device *dev)
{
	dev->config_timer.expired = look_expired;
	timer_start_periodic(&dev->config_timer, LOOK_NS);
}

void virtio_config_stop(struct virtio_device *dev)
{
	timer_cancel(&dev->config_timer);
}
