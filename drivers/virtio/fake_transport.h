/* SPDX-License-Identifier: MIT */
/*
 * A virtio device for the host's tests, behind the same table as a real one:
 * honest unless a test sets one of its vices.
 */
#pragma once

#include "drivers/virtio/transport.h"
#include "drivers/virtio/ring.h"

enum { FAKE_CONFIG_LEN = 16 };

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
	uint8_t config[FAKE_CONFIG_LEN];
	void (*answer)(struct fake_device *f);	/* at each doorbell */

	/* What it saw. */
	uint8_t status;
	uint8_t history[16];		/* every status written */
	unsigned writes;
	uint64_t accepted;
	unsigned opened;
	unsigned bells;
	uint32_t generation;
	uint16_t queue_size;
	struct virtqueue_addresses ring;
	uint16_t seen;			/* of the avail ring */
};

/* An honest, modern device of this type with queues of 64. */
void fake_device_init(struct fake_device *f, uint32_t id);

/*
 * Takes the next published chain, -EAGAIN if there is none. *writable is how
 * much its first descriptor holds, *data where that is.
 */
int fake_device_fetch(struct fake_device *f, uint16_t *head, uint8_t **data, uint32_t *writable);

/* Puts an element into the used ring. */
void fake_device_use(struct fake_device *f, uint32_t id, uint32_t len);
