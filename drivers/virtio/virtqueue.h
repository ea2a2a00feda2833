/* SPDX-License-Identifier: MIT */
/*
 * The split virtqueue (VIRTIO 1.2, 2.7): requests go to the device in batches
 * and come back in any order, each named by a token of the caller's.
 *
 *	virtqueue_add(vq, segs, out, in, token);	any number of times
 *	virtqueue_publish(vq);				one doorbell
 *	while (virtqueue_take(vq, &token, &written) == 0)
 *		...
 *
 * Whether the device interrupts when it gives something back is the queue's to
 * say; a new queue wants no interrupts.
 *
 * The device is not trusted. What it writes is read once and checked; what
 * the ring must remember lies in memory that the device does not know. After
 * the first bad value every call returns -EPROTO, the owner of the queue is
 * told (it resets the device), and virtqueue_detach() gives back the tokens.
 *
 * Knows no transport and allocates nothing, so it runs on the host.
 * Context: the event loop.
 */
#pragma once

#include "kernel/lib/types.h"

enum {
	VIRTQUEUE_SIZE_MAX = 1024,	/* descriptors that we ever use */
	VIRTQUEUE_SIZE_LIMIT = 32768,	/* that a device may offer (2.7) */
};

struct virtqueue;

/* What a ring needs from whoever owns it. */
struct virtqueue_ops {
	/* Rings the doorbell. */
	void (*notify)(struct virtqueue *vq);
	/*
	 * The device lied: `what` was `value`. Stops the device; the queue
	 * refuses everything from now on.
	 */
	void (*lie)(struct virtqueue *vq, const char *what, uint64_t value);
};

/* Memory of the caller's, part of a request; `data` must satisfy dma_addr(). */
struct virtqueue_segment {
	const void *data;
	uint32_t len;		/* bytes, not 0 */
};

/* Private to virtqueue.c: what is known of one descriptor, and of the chain it heads. */
struct virtqueue_slot {
	void *token;		/* head of a chain that was added; else NULL */
	uint32_t writable;	/* bytes that the device may write */
	uint16_t next;		/* of the chain, or of the free list */
	uint16_t last;		/* head: last descriptor of the chain */
	uint16_t length;	/* head: descriptors of the chain */
	uint16_t batch;		/* head not published: the one added before it */
	bool published;		/* head: the device was told */
};

struct virtqueue {
	/* virtqueue_init() sets. */
	const struct virtqueue_ops *ops;
	struct virtq_desc *desc;	/* the device reads */
	struct virtq_avail *avail;	/* the device reads */
	struct virtq_used *used;	/* the device writes */
	struct virtqueue_slot *slots;
	uint16_t size;			/* descriptors, a power of two */

	uint16_t free_head;
	uint16_t free_count;
	uint16_t batch;			/* head added last, if added != published */
	uint16_t added;			/* chains, modulo 2^16 */
	uint16_t published;		/* of these, the device was told */
	uint16_t taken;			/* came back */
	uint16_t used_known;		/* the device's index when last read */
	uint16_t detach_next;
	bool stopped;

	/* The owner's (virtio.c). */
	void *owner;
	struct virtqueue *next;
	void *memory;
	unsigned order;
	uint16_t index;
	void (*callback)(struct virtqueue *vq);
	struct virtio_source *source;	/* that tells of it; NULL: polled */
	uintptr_t doorbell;		/* transport's */
	struct virtio_trace_queue *trace;	/* virtio_trace.c; NULL: not traced */
};

/* Where the three parts lie in one block of memory, and its size, in bytes. */
struct virtqueue_layout {
	size_t avail;
	size_t used;
	size_t total;
};

/*
 * Lays out a ring of `size` descriptors; `align` is 4096 for a legacy device
 * (2.7.2), 4 or more for others.
 */
void virtqueue_layout(uint16_t size, size_t align, struct virtqueue_layout *out);

/*
 * Makes an empty ring over `memory` (of layout's size and alignment 16, which
 * this clears) and `slots[size]`. `size` is a power of two up to
 * VIRTQUEUE_SIZE_MAX.
 */
void virtqueue_init(struct virtqueue *vq, uint16_t size, const struct virtqueue_layout *layout,
		    void *memory, struct virtqueue_slot *slots,
		    const struct virtqueue_ops *ops);

/*
 * Adds one request: `out` segments that the device reads, then `in` segments
 * that it writes. They are the device's until `token` (not NULL) comes back.
 * Returns 0; -EINVAL (no segment, an empty one, more than the ring has, 4 GiB
 * or more in all), -ENOSPC (not now), -EFAULT (a segment is no DMA memory),
 * -EPROTO (stopped).
 */
int __must_check virtqueue_add(struct virtqueue *vq, const struct virtqueue_segment *segs,
			       unsigned out, unsigned in, void *token);

/* Shows the device all that was added, with one doorbell if it wants one. */
void virtqueue_publish(struct virtqueue *vq);

/*
 * Takes back one request that the device is done with; *written bytes of its
 * writable segments, in order, are the device's answer.
 * Returns 0, -EAGAIN (none now), -EPROTO (stopped).
 */
int __must_check virtqueue_take(struct virtqueue *vq, void **token, uint32_t *written);

/* Whether virtqueue_take() has something to say: one read of memory. */
bool virtqueue_has_used(const struct virtqueue *vq);

/* Descriptors that are free: what one chain may have now. */
static inline unsigned virtqueue_room(const struct virtqueue *vq)
{
	return vq->free_count;
}

/* Requests added that have not come back. */
unsigned virtqueue_outstanding(const struct virtqueue *vq);

/*
 * Asks the device for no interrupts, a mere hint (2.7.7): one may come still.
 * And asks for them again; false if something has come back already, for which
 * no interrupt may come.
 */
void virtqueue_interrupts_off(struct virtqueue *vq);
bool __must_check virtqueue_interrupts_on(struct virtqueue *vq);

/*
 * The same, but an interrupt will do once `count` more came back, where the
 * device can be told so (EVENT_IDX); at least 1.
 */
bool __must_check virtqueue_interrupts_on_after(struct virtqueue *vq, unsigned count);

/* The queue refuses everything from now on; its device was reset. */
void virtqueue_stop(struct virtqueue *vq);

/*
 * After virtqueue_stop(), all tokens detached and the device reset: an empty
 * ring as it was made, which the device can be given again; the owner's fields
 * stay.
 */
void virtqueue_reinit(struct virtqueue *vq);

/*
 * After virtqueue_stop(): the next token that never came back, NULL when there
 * is none left.
 */
void *virtqueue_detach(struct virtqueue *vq);
