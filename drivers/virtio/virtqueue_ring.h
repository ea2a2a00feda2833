/* SPDX-License-Identifier: MIT */
/*
 * What the split and the packed ring have in common, and the functions of each.
 * Private to virtqueue*.c; virtqueue.h has the contracts.
 */
#pragma once

#include "drivers/virtio/virtqueue.h"
#include "kernel/lib/errno.h"
#include "mm/dma.h"

/* A slot whose chain is not outstanding has this number, which no chain ever has. */
#define VIRTQUEUE_IDLE	UINT64_MAX

/*
 * Every read of what a device can write. On the host a test may change that
 * memory just before.
 */
#ifdef CAIRN_HOSTED
extern void (*virtqueue_read_hook)(void);
#define ring_read(x)	({ if (virtqueue_read_hook) virtqueue_read_hook(); READ_ONCE(x); })
#else
#define ring_read(x)	READ_ONCE(x)
#endif

static inline bool virtqueue_packed(const struct virtqueue *vq)
{
	return IS_ENABLED(CONFIG_VIRTIO_RING_PACKED) && vq->is_packed;
}

static inline bool virtqueue_event_idx(const struct virtqueue *vq)
{
	return IS_ENABLED(CONFIG_VIRTIO_EVENT_IDX) && vq->event_idx;
}

/* The device lied; -EPROTO. */
int virtqueue_lie(struct virtqueue *vq, const char *what, uint64_t value);

/* Why virtqueue_add() cannot; the request has `out` and `in` segments. */
int virtqueue_refusal(const struct virtqueue *vq, unsigned out, unsigned in, const void *token);

/*
 * A chain of several goes into the table of its head where a table can have
 * it and few descriptors are free. Where many are, the chain lies in the
 * ring itself, where the device finds it sooner.
 */
static inline bool virtqueue_goes_indirect(const struct virtqueue *vq, unsigned segments)
{
	return IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) && vq->tables && segments > 1 &&
	       segments <= VIRTQUEUE_TABLE && vq->free_count < vq->direct + segments;
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
int virtqueue_split_take(struct virtqueue *vq, void **token, uint32_t *written);
bool virtqueue_split_has_used(const struct virtqueue *vq);
void virtqueue_split_interrupts_off(struct virtqueue *vq);
bool virtqueue_split_interrupts_on(struct virtqueue *vq, unsigned count);

void virtqueue_packed_init(struct virtqueue *vq);
int virtqueue_packed_add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token);
void virtqueue_packed_publish(struct virtqueue *vq);
int virtqueue_packed_take(struct virtqueue *vq, void **token, uint32_t *written);
bool virtqueue_packed_has_used(const struct virtqueue *vq);
void virtqueue_packed_interrupts_off(struct virtqueue *vq);
bool virtqueue_packed_interrupts_on(struct virtqueue *vq, unsigned count);
