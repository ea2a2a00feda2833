/* SPDX-License-Identifier: MIT */
/*
 * A virtio disk for the host's tests, over the fake transport: honest unless a
 * test sets one of its vices, and watchful of what the driver must not do.
 */
#pragma once

#include "drivers/block/virtio_blk.h"
#include "drivers/virtio/fake_transport.h"

enum {
	FAKE_DISK_SECTORS = 2048,
	FAKE_DISK_HELD = 1024,		/* requests that it has, at most */
};

/* A request that the disk has and has not answered. */
struct fake_command {
	uint16_t queue, head;
	struct virtio_blk_header header;
	unsigned segments;
	struct fake_segment {
		uint8_t *at;
		uint32_t len;
	} data[VIRTIO_BLK_SEGMENTS];
	uint32_t len;			/* bytes of data */
	uint8_t *status;
};

struct fake_disk {
	struct fake_device device;
	struct virtio_blk_config config;	/* a test changes it, then fake_disk_configure() */
	uint8_t media[FAKE_DISK_SECTORS * BLOCK_SECTOR] __aligned(16);
	const char *serial;

	/* Vices. */
	bool holds;			/* answers only what the test has it answer */
	bool mute;			/* does not even look at its queues */
	uint64_t bad_sector;		/* of the medium; none: UINT64_MAX */
	bool unsupported;		/* says so of all */
	int status_lie;			/* status that it writes; -1: the true one */
	bool no_status;			/* writes none */
	uint32_t written_less;		/* bytes that it does not say it wrote */

	/* What it saw. */
	const char *mistake;		/* of the driver: what 5.2.6.1 forbids, the first */
	struct fake_command held[FAKE_DISK_HELD];
	unsigned count;			/* of these */
	unsigned answered, flushes;
	unsigned per_queue[VIRTIO_BLK_QUEUES];
};

/* An honest disk of FAKE_DISK_SECTORS, with all features, that answers at once. */
void fake_disk_init(struct fake_disk *d);

/* Shows the driver what config says. */
void fake_disk_configure(struct fake_disk *d);

/* Takes what was published in any queue. */
void fake_disk_fetch(struct fake_disk *d);

/* Answers held[index]; the last takes its place. */
void fake_disk_answer(struct fake_disk *d, unsigned index);

/* Forgets what it has of one queue, which is reset. */
void fake_disk_forget(struct fake_disk *d, uint16_t queue);

/* Fetches and answers all. */
void fake_disk_answer_all(struct fake_disk *d);

/*
 * Has the driver drive it; NULL if it does not. Devices stay for ever, so few
 * of these.
 */
struct block_device *fake_disk_start(struct fake_disk *d);

/* The fake is used again: what hangs on it goes. */
void fake_disk_end(struct fake_disk *d);
