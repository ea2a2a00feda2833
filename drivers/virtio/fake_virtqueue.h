/* SPDX-License-Identifier: MIT */
/*
 * A ring with a device of the tests' own behind it, which reads it as VIRTIO 1.2
 * says (2.7, 2.8): honest, in any order, split or packed. It notes what the
 * driver's side does wrong. Lies are the tests' to tell.
 */
#pragma once

#include "drivers/virtio/virtqueue.h"

enum { FAKE_VIRTQUEUE_MAX = 1024 };	/* descriptors */

/* A request that the device has fetched. */
struct fake_virtqueue_chain {
	uint16_t id;		/* or head */
	uint16_t length;	/* descriptors of the ring */
	unsigned segments;
	bool table;		/* they lie in an indirect one */
	uint64_t readable, writable;	/* bytes */
	uint64_t first;		/* address of the first segment */
	uint64_t places;	/* sum of each one's address times its place, from 1 on */
};

struct fake_virtqueue {
	struct virtqueue vq;
	struct virtqueue_slot *slots;
	void *memory;		/* of just the layout's length, for the sanitizer to watch */
	struct virtqueue_layout layout;
	unsigned bells;
	unsigned lies;
	const char *lie;	/* that the ring named last, and its value */
	uint64_t lie_value;

	/* The device's. */
	const char *mistake;	/* of the driver's side; NULL: none */
	uint16_t seen;		/* split: of the avail ring; packed: position */
	bool seen_wrap;
	uint16_t used;		/* split: its index; packed: position */
	bool used_wrap;
	unsigned interrupts;	/* that it raised */
	unsigned held;
	struct fake_virtqueue_chain chains[FAKE_VIRTQUEUE_MAX];	/* in its hands */
};

void fake_virtqueue_open(struct fake_virtqueue *d, const struct virtqueue_shape *shape);
void fake_virtqueue_close(struct fake_virtqueue *d);

/* The device was reset, and the ring with virtqueue_reinit(). */
void fake_virtqueue_restart(struct fake_virtqueue *d);

/* Takes the next request that was published, false if there is none. */
bool fake_virtqueue_fetch(struct fake_virtqueue *d);

/* Gives back the request chains[i], with `len` written bytes; interrupts if that is wanted. */
void fake_virtqueue_use(struct fake_virtqueue *d, unsigned i, uint32_t len);

/* Writes a used element as told; `flags` are those of a packed ring, beside the round's. */
void fake_virtqueue_say(struct fake_virtqueue *d, uint32_t id, uint32_t len, uint16_t flags);

/* Wants a doorbell for the next request that it has not fetched; or for none. */
void fake_virtqueue_wants_bell(struct fake_virtqueue *d, bool wants);
