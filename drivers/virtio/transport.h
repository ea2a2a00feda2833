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

/* What an interrupt tells. */
enum virtio_interrupt {
	VIRTIO_INTERRUPT_QUEUE = 1,	/* of a queue, as in the ISR status (4.1.4.5, 4.2.2) */
	VIRTIO_INTERRUPT_CONFIG = 2,	/* the configuration changed */
	VIRTIO_INTERRUPT_ANY = 4,	/* a message: what its source is for */
};

/*
 * One interrupt of a device: a message or a line, that tells of some queues
 * and, the first of them, of the configuration.
 */
struct virtio_source {
	struct irq irq;
	struct work work;
	struct virtio_device *dev;
	bool config;			/* the configuration may have changed */
	bool stormed;			/* its line was masked, during a proof */
	struct virtio_source *next_stormed;
	char name[48];
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

	/*
	 * Interrupts. Finds the best that the device has for up to `wanted`
	 * sources and sets it up, silent. *count is how many it has, 0 if none;
	 * sets dev->irq_kind and dev->irq_why. Returns 0, -ENOMEM.
	 */
	int (*irqs_open)(struct virtio_device *dev, unsigned wanted, unsigned *count);
	/* From here on source `index` can fire. Returns 0 or an error of kernel/irq.h. */
	int (*irq_connect)(struct virtio_device *dev, unsigned index, struct irq *irq);
	/*
	 * Connects the only source in another way, if there is one. Returns 0,
	 * -ENOENT: it is disconnected.
	 */
	int (*irq_retry)(struct virtio_device *dev, struct irq *irq);
	/* The end; all sources are disconnected. */
	void (*irqs_close)(struct virtio_device *dev);
	/*
	 * Which source tells of a queue, not yet enabled, or of the
	 * configuration. Returns 0, -EBUSY: the device refuses. NULL where a
	 * device has one source for all.
	 */
	int (*queue_source)(struct virtio_device *dev, uint16_t queue, unsigned index);
	int (*config_source)(struct virtio_device *dev, unsigned index);
	/*
	 * Acknowledges an interrupt; what it told, of enum virtio_interrupt, 0
	 * if it was not this device's. Called by handlers (kernel/irq.h).
	 */
	unsigned (*acknowledge)(struct virtio_device *dev);

	/* "virtio-mmio v1 at 0xfeb02e00 (ACPI)"; as format(). */
	int (*describe)(const struct virtio_device *dev, char *buf, size_t size);
	/* The address alone: "0xfeb02e00", "0000:00:01.0"; as format(). */
	int (*where)(const struct virtio_device *dev, char *buf, size_t size);
	const char *name;		/* "mmio", "pci" */
};

/* The core (virtio.c). */

/*
 * Opens, resets, agrees on features, probes. On failure the device is FAILED
 * and closed, and dev->fault or dev->undriven says why.
 */
int __must_check virtio_device_start(struct virtio_device *dev,
				     const struct virtio_driver *driver);

/* Frees the queues and sources of a device that has been reset. */
void virtio_queues_free(struct virtio_device *dev);

/* Interrupts of a device (virtio_irq.c). */

/*
 * Connects up to `queues` + 1 sources. Without any the device will be polled:
 * no error. Returns 0, -ENOMEM.
 */
int __must_check virtio_irqs_open(struct virtio_device *dev, unsigned queues);

/* Gives the queue, not yet enabled, a source, if there is one. */
void virtio_irqs_assign(struct virtio_device *dev, struct virtqueue *vq);

/* Has each source fire, by the driver's prove(); where one is not seen, the device is polled. */
void virtio_irqs_prove(struct virtio_device *dev);

/* The device was reset: nothing of it is called any more. The sources stay, for the report. */
void virtio_irqs_stop(struct virtio_device *dev);

/* Frees the sources of a device that was stopped. */
void virtio_irqs_free(struct virtio_device *dev);

/* What a transport calls and is called by (discover.c). */

/*
 * Adds a device to the list; it lives for ever. Returns 0, -ENOSPC.
 */
int __must_check virtio_device_register(struct virtio_device *dev);

/* For the host's tests: the list is empty again. */
void virtio_devices_forget(void);

/* Register the devices they find. */
void virtio_mmio_discover(void);
void virtio_pci_discover(void);
