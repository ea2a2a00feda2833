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
	VIRTIO_STATUS_GONE = 0xff,	/* what is not there reads as all ones */
};

/* A device of before VIRTIO 1.0 (7.4). False, at compile time, where none is driven. */
static inline bool virtio_is_legacy(const struct virtio_device *dev)
{
	return IS_ENABLED(CONFIG_VIRTIO_LEGACY) && !dev->modern;
}

/* What an interrupt tells. */
enum virtio_interrupt {
	VIRTIO_INTERRUPT_QUEUE = 1,	/* of a queue, as in the ISR status (4.1.4.5, 4.2.2) */
	VIRTIO_INTERRUPT_CONFIG = 2,	/* the configuration changed */
	VIRTIO_INTERRUPT_ANY = 4,	/* a message: what its source is for */
	VIRTIO_INTERRUPT_AGAIN = 8,	/* the line stands: to be acknowledged again */
};

/*
 * One interrupt of a device: a message or a line, that tells of some queues
 * and, the first of them, of the configuration.
 */
struct virtio_source {
	struct irq irq;
	struct work work;
	struct virtio_device *dev;
	bool config;			/* the configuration changed */
	bool maybe;			/* or it was something else */
	bool again;			/* to be acknowledged once more */
	bool stormed;			/* its line was masked, during a proof */
	unsigned idle;			/* interrupts in a row that brought nothing */
	uint64_t idle_since;		/* time_now() at the first of them */
	struct virtio_source *next_stormed;
	unsigned silent;		/* looks in a row that found something waiting */
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
	/* The same, writing; a field that the driver may write. */
	void (*config_write)(struct virtio_device *dev, uint32_t offset, unsigned width,
			     uint32_t value);
	/* Selects a queue; what it says of its size, unchecked. 0: no such queue. */
	uint32_t (*queue_size_max)(struct virtio_device *dev, uint16_t index);
	/*
	 * Gives the device queue vq->index and sets what notify needs.
	 * Returns 0, -EBUSY, -EOVERFLOW, -EPROTO.
	 */
	int (*queue_enable)(struct virtio_device *dev, struct virtqueue *vq,
			    const struct virtqueue_addresses *addresses);
	/*
	 * Begins the reset of a queue (2.6.1); queue_is_reset() tells when it is
	 * over. Returns 0, -ENOTSUP: the device ignores it. Both NULL where the
	 * transport has none.
	 */
	int (*queue_reset)(struct virtio_device *dev, uint16_t index);
	bool (*queue_is_reset)(struct virtio_device *dev, uint16_t index);
	void (*notify)(struct virtqueue *vq);
	/*
	 * Keeps a device that does not reset from our memory for good. True if
	 * that is so; NULL where it cannot be done.
	 */
	bool (*cut_off)(struct virtio_device *dev);
	/*
	 * The device takes rings of the size that it says and no other
	 * (4.1.5.1.3.1, legacy).
	 */
	bool queue_size_fixed;

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

/* Writes 0 and waits until the device reads so. Returns 0, -ETIMEDOUT. */
int virtio_device_reset(struct virtio_device *dev);

/* Sets bits of the device's status. */
void virtio_status_add(struct virtio_device *dev, uint8_t bits);

/*
 * Accepts dev->features; FEATURES_OK, where there is one (2.2). Returns 0,
 * -ENOTSUP: refused, the device is stopped.
 */
int __must_check virtio_features_settle(struct virtio_device *dev);

/* Tells the device where a queue lies. As queue_enable(), and -EFAULT. */
int __must_check virtio_queue_enable(struct virtio_device *dev, struct virtqueue *vq);

/* The device's configuration (virtio_config.c). */

/*
 * An interrupt told of a change; with `maybe` it may have been another, of a
 * source that is shared.
 */
void virtio_config_changed(struct virtio_device *dev, bool maybe);

/* Of a device that is polled: looks, if the last look was long ago. */
void virtio_config_poll(struct virtio_device *dev);

/* No interrupt tells of it: looks now and then, until stopped. */
void virtio_config_untold(struct virtio_device *dev);
void virtio_config_stop(struct virtio_device *dev);

/* Reset and brought up again (virtio_restart.c). */

/* 2.1.2: the device asks to be reset. Restarts it, if its driver can and it may; else stops it. */
void virtio_device_plea(struct virtio_device *dev, uint8_t status);

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

/*
 * The device was reset and has forgotten which source is whose: tells it again,
 * of the configuration, and of one queue, not yet enabled. Returns 0, -EBUSY.
 */
int __must_check virtio_irqs_reselect_config(struct virtio_device *dev);
int __must_check virtio_irqs_reselect(struct virtio_device *dev, struct virtqueue *vq);

/* An empty ring that the device knows again: interrupts as before. */
void virtio_irqs_resume(struct virtqueue *vq);

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
