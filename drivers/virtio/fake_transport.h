/* SPDX-License-Identifier: MIT */
/*
 * A virtio device for the host's tests, behind the same table as a real one:
 * honest unless a test sets one of its vices.
 */
#pragma once

#include "drivers/virtio/transport.h"
#include "drivers/virtio/ring.h"

enum {
	FAKE_CONFIG_LEN = 64,
	FAKE_QUEUES = 66,
	FAKE_SOURCES = FAKE_QUEUES + 1,
};

struct fake_device {
	struct virtio_device dev;

	/* A test sets these. */
	uint64_t offered;
	uint32_t queue_max;
	bool refuses_features;		/* FEATURES_OK does not stick */
	bool never_resets;
	bool config_never_settles;
	unsigned config_changes;	/* this many more times, then settles */
	int open_error;
	int enable_error;
	bool queue_never_resets;
	bool queue_resets_ignored;	/* it offers them and has none */
	bool can_be_cut_off;
	bool gone;			/* its status reads as all ones */
	bool storms;			/* interrupts anew whenever it is acknowledged */
	unsigned stands;		/* so many acknowledgements do not let its line fall */
	unsigned vectors;		/* connecting the source after so many fails; 0: none */
	uint32_t size_after_restart;	/* of its queues; 0: as before */
	uint64_t lost_after_restart;	/* features */
	uint8_t config[FAKE_CONFIG_LEN];
	void (*answer)(struct fake_device *f);	/* at each doorbell */
	void (*forget)(struct fake_device *f);	/* at each reset; may be NULL */
	unsigned sources;		/* interrupts that it has; 0: it is polled */
	bool messages;			/* they are messages; else an ISR tells */
	unsigned room;			/* sources from this one on are refused for a queue */
	unsigned mute;			/* so many ways to connect stay silent */
	unsigned ways;			/* to connect, beside the first */
	int connect_error;
	int irqs_error;

	/* What it saw. */
	uint8_t status;
	uint8_t history[16];		/* every status written */
	unsigned writes;
	uint64_t accepted;
	unsigned opened;
	unsigned bells;
	uint32_t generation;
	struct fake_ring {
		uint16_t size;
		uint16_t seen;		/* of the avail ring */
		struct virtqueue_addresses at;
	} rings[FAKE_QUEUES];
	uint16_t queue;			/* set up or rung last */
	struct irq *irqs[FAKE_SOURCES];	/* connected */
	unsigned queue_source[FAKE_QUEUES];
	unsigned tried;			/* ways to connect that were given up */
	unsigned isr;			/* of enum virtio_interrupt */
	unsigned acknowledged_failed;	/* times that it was, after it had failed */
	bool pending[FAKE_SOURCES];	/* interrupts on their way */
	unsigned irqs_open;
	unsigned resets;		/* writes of status 0 */
	unsigned queue_resets;
	unsigned config_writes;
	bool cut;			/* off from memory */
	struct virtio_transport_ops ops;	/* its own, to leave some out */
};

/* An honest, modern device of this type with queues of 64. */
void fake_device_init(struct fake_device *f, uint32_t id);

/*
 * Takes the next published chain of f->queue, -EAGAIN if there is none. *writable is how
 * much its first descriptor holds, *data where that is.
 */
int fake_device_fetch(struct fake_device *f, uint16_t *head, uint8_t **data, uint32_t *writable);

/* The configuration changed; with `dying` the device cannot go on either. */
void fake_device_config_changes(struct fake_device *f, bool dying);

/* Puts an element into the used ring of f->queue, and interrupts if that is wanted. */
void fake_device_use(struct fake_device *f, uint32_t id, uint32_t len);
