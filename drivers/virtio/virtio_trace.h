/* SPDX-License-Identifier: MIT */
/*
 * The driver trace: what is asked of a device and what it answers, a line each
 * on the console. With CONFIG_VIRTIO_TRACE, and `trace=virtio` on the command
 * line; without the option nothing of it is in the image.
 *
 *	trace rng0 features offered 0x39000000
 *	trace rng0 status write 0x3
 *	trace rng0 q0 set up with 4: done
 *	trace rng0 q0 request 3: out - in 64
 *	trace rng0 q0 response 3: 64 data 5f10... sum 3c1b2a9e
 *
 * A device is named by its kind and its number among those of the kind, never
 * by its place, so that the same device on another transport gives the same
 * lines (`make test-twins` compares them). Requests are numbered per queue.
 * `data` is the first bytes, in segment order, of what the device reads, or of
 * what it wrote; `sum` is virtio_trace_sum() over the rest.
 *
 * Interrupts that are acknowledged are not told: that runs in handlers.
 * Context: the event loop.
 */
#pragma once

#include "drivers/virtio/virtio.h"

enum {
	VIRTIO_TRACE_DATA = 32,		/* bytes shown as they are */
	VIRTIO_TRACE_SEGMENTS = 8,	/* writable ones that are remembered, of a request */
};

/* A request that the device has, by the id that its ring gave it. */
struct virtio_trace_record {
	uint32_t number;
	unsigned in;			/* of segs[]; more than that were not remembered */
	struct virtqueue_segment segs[VIRTIO_TRACE_SEGMENTS];
};

/* What is remembered of a queue; virtqueue.trace, NULL where nothing is traced. */
struct virtio_trace_queue {
	struct virtio_trace_queue *next;
	const char *device;		/* "rng0" */
	uint16_t index;
	uint16_t size;
	uint32_t requests;
	struct virtio_trace_record records[];
};

/* Traces the device from now on, if the command line says so. Before it is started. */
void virtio_trace_device(struct virtio_device *dev);

/* Tells how large the driver wants a queue to be, if the device is traced. */
void virtio_trace_wish(struct virtio_device *dev, uint16_t index, uint16_t wish);

/* Tells of a request that the ring took as `id`, and of its end. */
void virtio_trace_request(struct virtio_trace_queue *q, uint16_t id,
			  const struct virtqueue_segment *segs, unsigned out, unsigned in);
void virtio_trace_response(struct virtio_trace_queue *q, uint16_t id, uint32_t written);

/*
 * Checksum of bytes that follow those of `sum`, 0 at first: the polynomial whose
 * coefficients they are, at 0x01000193, modulo 2^32. Sums of parts can be put
 * together and taken apart, so a reader can leave out a header.
 */
uint32_t virtio_trace_sum(uint32_t sum, const void *data, size_t len);

/* For tests: as if the command line had said `trace=virtio`, or not. */
void virtio_trace_set(bool on);
