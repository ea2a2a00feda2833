/* SPDX-License-Identifier: MIT */
/* The list of devices: filled by the transports, bound to drivers. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "drivers/virtio/virtio_trace.h"
#include "kernel/lib/errno.h"
#include "mm/fault.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

static struct virtio_device *devices[VIRTIO_DEVICES_MAX];
static unsigned device_count;

int virtio_device_register(struct virtio_device *dev)
{
	if (device_count == VIRTIO_DEVICES_MAX) {
		log_warn("more than %u devices, the rest is ignored", VIRTIO_DEVICES_MAX);
		return -ENOSPC;
	}
	devices[device_count++] = dev;
	return 0;
}

void virtio_devices_forget(void)
{
	device_count = 0;
}

static const struct virtio_driver *driver_find(uint32_t id)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == id)
			return *driver;
	return NULL;
}

static void device_bind(struct virtio_device *dev)
{
	const struct virtio_driver *driver = driver_find(dev->id);
	struct fault_attempt before;
	char where[VIRTIO_TEXT_MAX];
	int rc;

	if (!driver || dev->undriven)
		return;
	if (IS_ENABLED(CONFIG_VIRTIO_TRACE))
		virtio_trace_device(dev);
	fault_attempt_begin(&before);
	rc = virtio_device_start(dev, driver);
	if (!rc)
		return;
	dev->ops->describe(dev, where, sizeof(where));
	log_err("%s: %s does not drive it: %s", where, driver->name, errno_name(rc));
	if (!dev->unsafe)
		fault_attempt_failed(&before, driver->name);
}

void virtio_init(void)
{
	if (IS_ENABLED(CONFIG_VIRTIO_PCI))
		virtio_pci_discover();
	if (IS_ENABLED(CONFIG_VIRTIO_MMIO))
		virtio_mmio_discover();
	for (unsigned i = 0; i < device_count; i++)
		device_bind(devices[i]);
}

const struct virtio_device *virtio_device_at(unsigned index)
{
	return index < device_count ? devices[index] : NULL;
}
