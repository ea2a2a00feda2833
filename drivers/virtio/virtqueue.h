/* SPDX-License-Identifier: MIT */
/*
 * The virtqueue (VIRTIO 1.2, 2.7 and 2.8): requests go to the device in batches
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
 * A ring is split or packed, as was agreed with the device; nobody but the ring
 * sees which. What the configuration leaves out costs nothing.
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

#include "drivers/virtio/ring.h"
#include "kernel/lib/types.h"

enum {
	VIRTQUEUE_SIZE_MAX = 1024,	/* descriptors that we ever use */
	VIRTQUEUE_SIZE_LIMIT = 32768,	/* that a device may offer (2.7, 2.8) */
	VIRTQUEUE_TABLE = 4,		/* segments of an indirect table */
};

/* Feature bits that concern the ring alone (VIRTIO 1.2, 6). */
#define VIRTIO_F_INDIRECT_DESC		BIT(28)
#define VIRTIO_F_EVENT_IDX		BIT(29)
#define VIRTIO_F_RING_PACKED		BIT(34)

/* Those that the configuration has. */
#define VIRTQUEUE_FEATURES \
	((IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) ? VIRTIO_F_INDIRECT_DESC : 0) | \
	 (IS_ENABLED(CONFIG_VIRTIO_EVENT_IDX) ? VIRTIO_F_EVENT_IDX : 0) | \
	 (IS_ENABLED(CONFIG_VIRTIO_RING_PACKED) ? VIRTIO_F_RING_PACKED : 0))

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

/* What a ring is to be. */
struct virtqueue_shape {
	uint16_t size;		/* descriptors that we use, 1 to VIRTQUEUE_SIZE_MAX */
	/*
	 * Entries that the ring has: `size`, or more where the device says how
	 * many (legacy PCI), up to VIRTQUEUE_SIZE_LIMIT. Both are powers of two;
	 * those of a packed ring are equal and may be anything.
	 */
	uint16_t entries;
	size_t align;		/* of the used ring: legacy 4096 (2.7.2), else 4 or more */
	uint64_t features;	/* agreed upon; what is not in VIRTQUEUE_FEATURES is ignored */
};

/* Where the parts lie in one block of memory, and its size, in bytes. */
struct virtqueue_layout {
	struct virtqueue_shape shape;
	size_t avail;		/* or the driver's event suppression */
	size_t used;		/* or the device's */
	size_t tables;		/* indirect, one for each descriptor; 0: none */
	size_t total;
};

/* The rings' own: what is known of one descriptor, or buffer id, and of the chain it heads. */
struct virtqueue_slot {
	void *token;
	uint64_t number;	/* head: how many were added before it; else ~0 */
	struct virtqueue_slot *next;	/* of the chain, or of the free list */
	struct virtqueue_slot *last;	/* head, split: last of the chain */
	struct virtq_desc *desc;	/* split */
	uint32_t writable;	/* head: bytes that the device may write */
	uint16_t length;	/* head: descriptors of the ring that the chain has */
	uint16_t id;
	/*
	 * Split: a number for each time that virtqueue_add_framed() filled three
	 * descriptors, and 0, 1 or 2 more for the first, second and third; 0: the
	 * descriptor was filled otherwise since.
	 */
	uint64_t fill;
	const void *table_token;	/* whose first and last segment its table has; or NULL */
};
static_assert(sizeof(struct virtqueue_slot) == 64, "a line of the cache");

struct virtqueue {
	/* virtqueue_init() sets. */
	const struct virtqueue_ops *ops;
	union {
		struct virtq_desc *desc;	/* the device reads */
		struct pvirtq_desc *packed;	/* and writes */
	};
	union {
		struct virtq_avail *avail;	/* the device reads */
		struct pvirtq_event *driver_event;
	};
	union {
		struct virtq_used *used;	/* the device writes */
		struct pvirtq_event *device_event;
	};
	struct virtqueue_slot *slots;
	struct virtq_desc *tables;	/* indirect, VIRTQUEUE_TABLE for each slot; NULL: none */
	uint32_t size;			/* descriptors that are used */
	uint32_t entries;		/* that the ring has */
	uint32_t mask;			/* entries - 1, for a split ring */
	uint32_t direct;		/* so few free descriptors are kept for chains in tables */
	bool is_packed;
	bool event_idx;

	/* The rings'. */
	bool stopped;
	struct virtqueue_slot *free;	/* split, and not stopped: the first that is; else NULL */
	int32_t spare;			/* split: free ones beyond `direct`; else less than 0 */
	uint64_t fills;			/* split: the slots' highest, a multiple of 4 */
	uint64_t added;			/* chains */
	uint64_t published;		/* of these, the device was told */
	uint64_t taken;			/* came back */
	uint64_t used_known;		/* split: back when last looked at; packed: taken */
	uint32_t detach_next;
	struct {
		struct virtqueue_slot *free;
		uint32_t free_count;			/* descriptors */
		uint32_t next_avail, next_used;		/* positions */
		uint32_t avail_flags, used_flags;	/* that mark them so in this round */
		uint32_t batch, batch_length;		/* descriptors that are not published */
		uint32_t batch_flags;			/* of their first */
		uint32_t in_flight;			/* descriptors that the device has */
	} pack;

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

/* Lays out a ring. */
void virtqueue_layout(const struct virtqueue_shape *shape, struct virtqueue_layout *out);

/*
 * Makes an empty ring over `memory` (of layout's total and alignment 16, which
 * need not be clear) and `slots[shape.size]`. Clears *vq.
 */
void virtqueue_init(struct virtqueue *vq, const struct virtqueue_layout *layout, void *memory,
		    struct virtqueue_slot *slots, const struct virtqueue_ops *ops);

/*
 * After virtqueue_stop(), of a device that was reset: the ring is empty and
 * works again, as virtqueue_init() left it, to be given to the device once
 * more. What was outstanding and not detached is forgotten. What is the owner's
 * stays.
 */
void virtqueue_reinit(struct virtqueue *vq);

/*
 * Adds one request: `out` segments that the device reads, then `in` segments
 * that it writes. They are the device's until `token` (not NULL) comes back.
 * Returns 0; -EINVAL (no segment, an empty one, more than the ring has, 4 GiB
 * or more in all), -ENOSPC (not now), -EFAULT (a segment is no DMA memory),
 * -EPROTO (stopped). Cheapest where the two numbers are constants.
 */
static int __must_check virtqueue_add(struct virtqueue *vq, const struct virtqueue_segment *segs,
				      unsigned out, unsigned in, void *token);

/*
 * The same where a split ring has room and nothing is odd, for numbers that are
 * constants, three segments at most. False: nothing was added, and
 * virtqueue_add() has the answer.
 */
static bool __must_check virtqueue_add_short(struct virtqueue *vq,
					     const struct virtqueue_segment *segs, unsigned out,
					     unsigned in, void *token);

/*
 * virtqueue_add() of three segments, of which the device reads the first and
 * writes the last, and those two are the same each time for one token: where
 * their descriptors still lie in the ring, only that of the second is written.
 * `out` is 1 or 2. The short one is to be asked first, as above.
 */
int __must_check virtqueue_add_framed(struct virtqueue *vq, const struct virtqueue_segment *segs,
				      unsigned out, void *token);
static bool __must_check virtqueue_add_framed_short(struct virtqueue *vq,
						    const struct virtqueue_segment *segs,
						    unsigned out, void *token);

/* Shows the device all that was added, with one doorbell if it wants one. */
void virtqueue_publish(struct virtqueue *vq);

/*
 * Takes back one request that the device is done with; *written bytes of its
 * writable segments, in order, are the device's answer.
 * Returns 0, -EAGAIN (none now), -EPROTO (stopped).
 */
static int __must_check virtqueue_take(struct virtqueue *vq, void **token, uint32_t *written);

/* Whether virtqueue_take() has something to say: one read of memory. */
bool virtqueue_has_used(const struct virtqueue *vq);

/* Segments that one request may have now, at least. */
unsigned virtqueue_room(const struct virtqueue *vq);

/* Requests added that have not come back. */
static inline unsigned virtqueue_outstanding(const struct virtqueue *vq)
{
	return (unsigned)(vq->added - vq->taken);
}

/*
 * Asks the device for no interrupts, a mere hint (2.7.7): one may come still.
 * It holds for 65535 requests that come back, at least; who polls says it anew.
 * And asks for them again; false if something has come back already, for which
 * no interrupt may come.
 */
void virtqueue_interrupts_off(struct virtqueue *vq);
bool __must_check virtqueue_interrupts_on(struct virtqueue *vq);

/*
 * The same, but an interrupt will do once `count` more came back, or all that
 * the device has, where it can be told so (EVENT_IDX); at least 1. False if it
 * may have come to that already.
 */
bool __must_check virtqueue_interrupts_on_after(struct virtqueue *vq, unsigned count);

/* The queue refuses everything from now on; its device was reset. */
void virtqueue_stop(struct virtqueue *vq);

/*
 * After virtqueue_stop(): the next token that never came back, NULL when there
 * is none left.
 */
void *virtqueue_detach(struct virtqueue *vq);

#include "drivers/virtio/virtqueue_fast.h"
