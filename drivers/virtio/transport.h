/* SPDX-License-Identifier: MIT */
/*
 * What a transport is to the core: registers reached through one table.
 * Private to drivers/virtio.
 */
#pragma once

#include "drivers/virtio/virtio.h"

/* Device status (VIRTIO 1.2, 2.1). */
enum virtio_status {
	VIRTIO_STATUS_ACKNOWLEDGE = 1,
	VIRTIO_STATUS_DRIVER = 2,
	VIRTIO_STATUS_DRIVER_OK = 4,
	VIRTIO_STATUS_FEATURES_OK = 8,
	VIRTIO_STATUS_NEEDS_RESET = 64,
	VIRTIO_STATUS_FAILED = 128,
};

/* Bus addresses of a ring's three parts. */
struct virtqueue_addresses {
	paddr_t desc;
	paddr_t avail;
	paddr_t used;
};

struct virtio_transport_ops {
	/*
	 * Makes the registers reachable, for a driver that takes the device;
	 * close() ends that. Either may be NULL. open() returns 0 or an error
	 * and then sets dev->undriven.
	 */
	int (*open)(struct virtio_device *dev);
	void (*close)(struct virtio_device *dev);
	uint8_t (*status)(struct virtio_device *dev);
	void (*set_status)(struct virtio_device *dev, uint8_t status);	/* 0 resets */
	uint64_t (*features)(struct virtio_device *dev);
	void (*set_features)(struct virtio_device *dev, uint64_t features);
	/* Changes whenever configuration space does; constant on legacy devices. */
	uint32_t (*config_generation)(struct virtio_device *dev);
	/* One access of 1, 2 or 4 bytes inside config_len. */
	uint32_t (*config_read)(struct virtio_device *dev, uint32_t offset, unsigned width);
	/* Selects a queue; what it says of its size, unchecked. 0: no such queue. */
	uint32_t (*queue_size_max)(struct virtio_device *dev, uint16_t index);
	/*
	 * Gives the device queue vq->index and sets what notify needs.
	 * Returns 0, -EBUSY, -EOVERFLOW, -EPROTO.
	 */
	int (*queue_enable)(struct virtio_device *dev, struct virtqueue *vq,
			    const struct virtqueue_addresses *addresses);
	void (*notify)(struct virtqueue *vq);
	/* "virtio-mmio v1 at 0xfeb02e00 ..."; as format(). */
	int (*describe)(const struct virtio_device *dev, char *buf, size_t size);
};

/* The core (virtio.c). */

/*
 * Opens, resets, agrees on features, probes. On failure the device is FAILED
 * and closed, and dev->fault or dev->undriven says why.
 */
int __must_check virtio_device_start(struct virtio_device *dev,
				     const struct virtio_driver *driver);

/* Frees the queues of a device that has been reset. */
void virtio_queues_free(struct virtio_device *dev);

/* What a transport calls and is called by (discover.c). */

/*
 * Adds a device to the list; it lives for ever. Returns 0, -ENOSPC.
 */
int __must_check virtio_device_register(struct virtio_device *dev);

/* Register the devices they find. */
void virtio_mmio_discover(void);
void virtio_pci_discover(void);
