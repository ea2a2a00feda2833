/* SPDX-License-Identifier: MIT */
/* The list of devices: filled by the transports, bound to drivers, reported. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/transport.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
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

int virtio_device_describe(const struct virtio_device *dev, char *buf, size_t size)
{
	const char *name = virtio_id_name(dev->id);
	char where[VIRTIO_TEXT_MAX], type[16];

	dev->ops->describe(dev, where, sizeof(where));
	if (name)
		format(type, sizeof(type), "%s", name);
	else
		format(type, sizeof(type), "type %u", dev->id);
	if (dev->undriven)
		return format(buf, size, "%-7s %s, %s", type, where, dev->undriven);
	if (dev->fault)
		return format(buf, size, "%-7s %s, stopped: %s (%llu)", type, where, dev->fault,
			      (unsigned long long)dev->fault_value);
	return format(buf, size, "%-7s %s, %s", type, where,
		      dev->driver ? dev->driver->name : "no driver");
}

void virtio_report(void)
{
	char text[2 * VIRTIO_TEXT_MAX];

	for (unsigned i = 0; i < device_count; i++) {
		virtio_device_describe(devices[i], text, sizeof(text));
		print("virtio  %s\n", text);
	}
	if (device_count == 0)
		print("virtio  no device\n");
}
