/* SPDX-License-Identifier: MIT */
/*
 * What the split and the packed ring have in common, and the functions of each.
 * Private to virtqueue*.c; virtqueue.h has the contracts.
 */
#pragma once

#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/errno.h"
#include "mm/dma.h"

static inline bool virtqueue_event_idx(const struct virtqueue *vq)
{
	return IS_ENABLED(CONFIG_VIRTIO_EVENT_IDX) && vq->event_idx;
}

/* The device lied; -EPROTO. virtqueue_used_lie() finds out what it was. */
int virtqueue_lie(struct virtqueue *vq, const char *what, uint64_t value);

/* Why virtqueue_add() cannot; the request has `out` and `in` segments. */
int virtqueue_refusal(const struct virtqueue *vq, unsigned out, unsigned in, const void *token);

/* Descriptors. */
static inline uint32_t virtqueue_free_count(const struct virtqueue *vq)
{
	if (vq->stopped)
		return 0;
	return virtqueue_packed(vq) ? vq->pack.free_count : (uint32_t)vq->spare + vq->direct;
}

/*
 * A chain of several goes into the table of its head where a table can have
 * it and few descriptors are free. Where many are, the chain lies in the
 * ring itself, where the device finds it sooner.
 */
static inline bool virtqueue_goes_indirect(const struct virtqueue *vq, unsigned segments)
{
	return IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) && vq->tables && segments > 1 &&
	       segments <= VIRTQUEUE_TABLE && virtqueue_free_count(vq) < vq->direct + segments;
}

/*
 * Whether a request can be added, `table` as virtqueue_goes_indirect() says.
 * The sum of two numbers may wrap.
 */
static inline bool virtqueue_can_add(const struct virtqueue *vq, unsigned out, unsigned in,
				     const void *token, bool table)
{
	unsigned n = out + in, free = virtqueue_free_count(vq);

	return token && n && n >= out && free && n <= (table ? vq->size : free);
}

static inline struct virtq_desc *virtqueue_table(const struct virtqueue *vq,
						 const struct virtqueue_slot *head)
{
	return vq->tables + head->id * VIRTQUEUE_TABLE;
}

/* The slot of an id that the device named; NULL if it has no such request. */
static inline struct virtqueue_slot *virtqueue_outstanding_slot(const struct virtqueue *vq,
								uint32_t id)
{
	struct virtqueue_slot *slot = &vq->slots[id];

	return likely(id < vq->size && slot->number < vq->published) ? slot : NULL;
}

void virtqueue_split_init(struct virtqueue *vq);
int virtqueue_split_add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			unsigned in, void *token);
void virtqueue_split_publish(struct virtqueue *vq);
bool virtqueue_split_has_used(const struct virtqueue *vq);
void virtqueue_split_interrupts_off(struct virtqueue *vq);
bool virtqueue_split_interrupts_on(struct virtqueue *vq, unsigned count);

void virtqueue_packed_init(struct virtqueue *vq);
int virtqueue_packed_add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token);
void virtqueue_packed_publish(struct virtqueue *vq);
bool virtqueue_packed_has_used(const struct virtqueue *vq);
void virtqueue_packed_interrupts_off(struct virtqueue *vq);
bool virtqueue_packed_interrupts_on(struct virtqueue *vq, unsigned count);
