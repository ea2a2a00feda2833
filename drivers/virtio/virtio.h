/* SPDX-License-Identifier: MIT */
/*
 * virtio as a device driver sees it. Which transport a device hangs on shows
 * nowhere here.
 *
 *	static int rng_probe(struct virtio_device *dev)
 *	{
 *		rc = virtio_queue_setup(dev, 0, 8, rng_drain, &vq);
 *		virtio_device_ready(dev);
 *		...
 *	}
 *	static const struct virtio_driver rng_driver = {
 *		.name = "virtio-rng", .id = VIRTIO_ID_RNG, .queues = 1,
 *		.probe = rng_probe, .prove = rng_prove, .stopped = rng_stopped,
 *	};
 *	TABLE_ADD(virtio_drivers, rng_driver);
 *
 * A driver does not see whether its device interrupts or is polled: its
 * queues' callbacks run from the event loop either way.
 *
 * Context: the event loop.
 */
#pragma once

#include "drivers/virtio/virtqueue.h"
#include "kernel/irq.h"
#include "kernel/lib/table.h"
#include "kernel/loop.h"
#include "kernel/time.h"

/* Device types (VIRTIO 1.2, 5). */
enum virtio_id {
	VIRTIO_ID_NET = 1,
	VIRTIO_ID_BLOCK = 2,
	VIRTIO_ID_CONSOLE = 3,
	VIRTIO_ID_RNG = 4,
};

/* Feature bits that belong to no device type (VIRTIO 1.2, 6). */
#define VIRTIO_F_ANY_LAYOUT		BIT(27)	/* legacy: no framing is presumed (6.3) */
/* Those of the ring are in virtqueue.h. */
#define VIRTIO_F_VERSION_1		BIT(32)
#define VIRTIO_F_ACCESS_PLATFORM	BIT(33)
#define VIRTIO_F_ORDER_PLATFORM		BIT(36)
#define VIRTIO_F_RING_RESET		BIT(40)

enum {
	VIRTIO_DEVICES_MAX = 64,
	VIRTIO_TEXT_MAX = 96,
	VIRTIO_LINE_MAX = 256,		/* of virtio_device_describe() */
	VIRTIO_PLEAS_MAX = 4,		/* resets that a device may ask for in its life (2.1.2) */
};

struct virtio_driver;
struct virtio_source;
struct virtio_transport_ops;

struct virtio_device {
	/* The transport sets. */
	const struct virtio_transport_ops *ops;
	const char *found_through;	/* "ACPI", "command line", "configured window", "PCI" */
	const char *undriven;		/* why it is only listed, else NULL */
	uint32_t id;			/* enum virtio_id */
	bool modern;			/* VIRTIO 1.0 or later, not legacy (7.4) */
	uint32_t config_len;		/* bytes of configuration space, 0 if none */

	/* The core sets. */
	const struct virtio_driver *driver;	/* that drives it; else NULL */
	uint64_t features;		/* agreed upon */
	struct virtqueue *queues;
	uint8_t status;			/* as last written (2.1) */
	bool unsafe;			/* did not reset and can still use our memory */
	bool stuck;			/* did not reset when last told to */
	const char *fault;		/* why it was stopped, NULL while it works */
	uint64_t fault_value;

	/* How it tells that something happened (virtio_irq.c). */
	struct virtio_source *sources;
	unsigned source_count;		/* connected; 0: it is polled */
	bool config_alone;		/* source 0 is for the configuration only */
	unsigned queue_count;		/* that were set up */
	const char *irq_kind;		/* transport: "MSI-X", "MSI", "line"; NULL: none */
	const char *irq_why;		/* why it is no better one, or polled; else NULL */
	enum irq_proof proof;		/* of all its sources that can be proved */
	struct timer unproved;		/* looks after the others */
	bool polled;
	struct poller poller;
	uint64_t config_changes;	/* interrupts that told of one, or may have */
	uint64_t doorbells;		/* rung, of all queues */
	uint32_t generation;		/* of the configuration, when last looked at */
	uint64_t config_looked;		/* time_now() when a polled device was asked last */
	bool config_told;		/* of a change that nobody has looked at */
	struct timer config_timer;	/* runs where no interrupt tells of the configuration */
	unsigned restarts;		/* virtio_device_restart() */
	unsigned pleas;			/* times that it asked for a reset and got one */

	/* The driver's. */
	void *driver_data;
};

struct virtio_driver {
	const char *name;
	uint32_t id;			/* device type */
	uint64_t features;		/* that it can use: nothing else is accepted */
	/*
	 * Of the features that both have, those that make sense together (2.2.1);
	 * NULL: all.
	 */
	uint64_t (*features_fit)(uint64_t features);
	unsigned queues;		/* that it sets up, at most */
	/*
	 * Sets up queues, calls virtio_device_ready(), makes itself known.
	 * Features are settled. On failure it undoes what it did; the core
	 * then fails the device and frees its queues.
	 */
	int (*probe)(struct virtio_device *dev);
	/*
	 * Has the device give back something in this queue soon, so that its
	 * interrupt is seen. May be called again after that came back, or if it
	 * never does. NULL: cannot be done; the device is then polled.
	 * Returns 0; -ENOENT (nothing makes this queue do so: its interrupt is
	 * used unproved, and watched); or another error.
	 */
	int (*prove)(struct virtio_device *dev, struct virtqueue *vq);
	/*
	 * The device was stopped (virtio_device_fail()) after probe: ends what
	 * is outstanding. Called once; may be NULL.
	 */
	void (*stopped)(struct virtio_device *dev);
	/*
	 * How many queues this device gets, features settled; NULL: `queues`. At
	 * least 1 and at most `queues`, which is the bound.
	 */
	unsigned (*queues_wanted)(struct virtio_device *dev);
	/*
	 * Its configuration changed, or may have: reads what it cares about
	 * again. From the loop, after probe; may be NULL.
	 */
	void (*config_changed)(struct virtio_device *dev);
	/*
	 * virtio_device_restart(), or a device that asks for a reset: it was reset
	 * and owns nothing. The driver takes back what was outstanding
	 * (virtqueue_detach()) and keeps it. Then the device is brought up again,
	 * with the same features and the same queues, empty; and restarted() gives
	 * it its work again. Between the two nothing may be added. Both or
	 * neither; without them such a device is stopped for good.
	 */
	void (*halted)(struct virtio_device *dev);
	void (*restarted)(struct virtio_device *dev);
	/* virtio_queue_reset() of this queue; the same for one queue. */
	void (*queue_halted)(struct virtio_device *dev, struct virtqueue *vq);
	void (*queue_restarted)(struct virtio_device *dev, struct virtqueue *vq);
};

TABLE_DECLARE(virtio_drivers, const struct virtio_driver);

/*
 * Makes queue `index` with at most `wish` descriptors (a power of two up to
 * VIRTQUEUE_SIZE_MAX); it belongs to the core. Only within probe.
 * When the device gave something back, `callback` is called from the loop; it
 * takes all there is (virtqueue_take() until -EAGAIN), and may find nothing.
 * It must not run the loop itself. vq->owner is the device.
 * Returns 0, -EINVAL, -ENOMEM, -EOVERFLOW (memory out of the device's reach),
 * -EBUSY (in use after a reset), -EPROTO (the size it offers is none).
 */
int __must_check virtio_queue_setup(struct virtio_device *dev, uint16_t index, uint16_t wish,
				    void (*callback)(struct virtqueue *vq),
				    struct virtqueue **out);

/* DRIVER_OK: from here on the device works. */
void virtio_device_ready(struct virtio_device *dev);

/*
 * Stops a device for good: FAILED, reset, its interrupts disconnected, all
 * its queues refuse from then on, so that virtqueue_detach() gives back what
 * was outstanding; the driver's stopped() is called. `what` (a
 * static text) and `value` are logged once and kept for the report. Does
 * nothing if it was stopped before.
 * Afterwards dev->unsafe says that the device ignored the reset: memory it
 * was given must then never be used again.
 */
void virtio_device_fail(struct virtio_device *dev, const char *what, uint64_t value);

/*
 * Reads `len` bytes of configuration space as one consistent piece, by
 * accesses of `width` bytes (1, 2, 4: the field's own; 8 is two of 4).
 * Returns 0, -EINVAL (offset or len is not a multiple of width), -EPROTO (the
 * device has less than that, never stops changing, or was stopped).
 */
int __must_check virtio_config_read(struct virtio_device *dev, uint32_t offset, unsigned width,
				    void *buf, uint32_t len);

/*
 * Writes configuration space, the same way; a field that the driver may write
 * (5.1.4, 5.2.4). Returns 0, -EINVAL, -EPROTO.
 */
int __must_check virtio_config_write(struct virtio_device *dev, uint32_t offset, unsigned width,
				     const void *buf, uint32_t len);

/*
 * Resets a device and brings it up again, with halted() and restarted() of its
 * driver around. Not from a queue's callback. Returns 0; -ENOTSUP (the driver
 * cannot), -ENODEV (it was stopped before), -EPROTO (it did not come back as it
 * was: it is stopped now).
 */
int __must_check virtio_device_restart(struct virtio_device *dev);

/*
 * Resets one queue (2.6.1), with queue_halted() and queue_restarted() around.
 * Returns as virtio_device_restart(); -ENOTSUP also where VIRTIO_F_RING_RESET
 * was not agreed upon.
 */
int __must_check virtio_queue_reset(struct virtio_device *dev, struct virtqueue *vq);

/* "rng", "net", ...; NULL for a type without a name here. */
const char *virtio_id_name(uint32_t id);

/* All devices found (discover.c). */

/* Looks on every transport, then binds drivers. Needs pci_init(), if built. */
void virtio_init(void);

/* Devices in the order found, driven or not; NULL past the last. */
const struct virtio_device *virtio_device_at(unsigned index);

/*
 * One line about a device: type, where it is and who said so, who drives it
 * or why nobody does. Returns what format() returns.
 */
int virtio_device_describe(const struct virtio_device *dev, char *buf, size_t size);

/* The address alone, as in the JSON report: "0xfeb02e00", "0000:00:01.0"; as format(). */
int virtio_device_where(const struct virtio_device *dev, char *buf, size_t size);

/* "line gsi 46 seen", "MSI-X 2 vectors seen", "polled, no interrupt controller"; as format(). */
int virtio_irqs_describe(const struct virtio_device *dev, char *buf, size_t size);

/* Interrupts that the device's sources have counted. */
uint64_t virtio_irqs_count(const struct virtio_device *dev);

/* Prints a line for each device, or one that says that there is none. */
void virtio_report(void);

/* The same with what was agreed upon, the queues and the interrupts of those that are driven. */
void virtio_print(void);

struct json;
/* Writes the value of "virtio" (Documentation/machine.md). */
void virtio_report_json(struct json *j);
