/* SPDX-License-Identifier: MIT */
/*
 * The short way through a split ring, compiled into its callers: a request of
 * few segments whose number the caller knows, and what comes back. Whatever is
 * not plain goes to virtqueue_split.c, which says no in words.
 *
 * Private to virtqueue.h, which has the contracts.
 */
#pragma once

#include "kernel/lib/errno.h"
#include "mm/dma.h"

/* Segments of a request that is compiled into its caller. */
enum { VIRTQUEUE_FEW = 3 };

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

int virtqueue_add_any(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
		      unsigned in, void *token);
int virtqueue_split_refresh(struct virtqueue *vq);
int virtqueue_packed_take(struct virtqueue *vq, void **token, uint32_t *written);
void virtqueue_used_lie(struct virtqueue *vq, uint32_t id, uint32_t len);

static inline bool virtqueue_traced(const struct virtqueue *vq)
{
	return IS_ENABLED(CONFIG_VIRTIO_TRACE) && unlikely(vq->trace);
}

int virtqueue_add_traced(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token);
int virtqueue_take_traced(struct virtqueue *vq, void **token, uint32_t *written);

/* A chain while it is written. */
struct virtqueue_chain {
	struct virtqueue_slot *head;
	struct virtqueue_slot *last, *next;	/* slot that was filled last; that is behind it */
	uint64_t readable, writable;	/* bytes */
};

static inline void virtqueue_chain_count(struct virtqueue_chain *c, uint32_t len, bool write)
{
	if (write)
		c->writable += len;
	else
		c->readable += len;
}

/* The chain is taken from the free list, and the device's once it is published. */
static __inlined void virtqueue_chain_add(struct virtqueue *vq, const struct virtqueue_chain *c,
					  unsigned length, void *token)
{
	struct virtqueue_slot *head = c->head;
	uint64_t number = vq->added;

	head->token = token;
	head->number = number;
	head->last = c->last;
	head->writable = (uint32_t)c->writable;
	head->length = (uint16_t)length;
	vq->free = c->next;
	vq->spare -= (int32_t)length;
	WRITE_ONCE(vq->avail->ring[number & vq->mask], head->id);
	vq->added = number + 1;
}

/* Segment `i` of `n` into slot c->next; false if its memory needs a longer look. */
static __inlined bool virtqueue_few_fill(struct virtqueue_chain *c,
					 const struct virtqueue_segment *seg, unsigned i,
					 unsigned out, unsigned n)
{
	struct virtqueue_slot *slot = c->next, *next = slot->next;
	struct virtq_desc *desc = slot->desc;
	uint32_t len = seg->len;
	paddr_t addr;

	if (unlikely(!dma_window_addr(seg->data, len, &addr)))
		return false;
	slot->fill = 0;
	desc->addr = addr;
	desc->len = len;
	desc->flags = (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0) | (i >= out ? VIRTQ_DESC_F_WRITE : 0);
	if (i + 1 < n)
		desc->next = next->id;
	virtqueue_chain_count(c, len, i >= out);
	c->last = slot;
	c->next = next;
	return true;
}

/* All three numbers are constants. False where it takes a longer way: nothing was added. */
static __inlined bool virtqueue_few_add(struct virtqueue *vq, const struct virtqueue_segment *segs,
					unsigned out, unsigned n, void *token)
{
	struct virtqueue_chain c = { .head = vq->free, .next = vq->free };

	if (unlikely(!token || (n == 1 ? !c.head : vq->spare < (int32_t)n)))
		return false;
	if (unlikely(!virtqueue_few_fill(&c, &segs[0], 0, out, n) ||
		     (n > 1 && !virtqueue_few_fill(&c, &segs[1], 1, out, n)) ||
		     (n > 2 && !virtqueue_few_fill(&c, &segs[2], 2, out, n)) ||
		     (n > 1 && c.readable + c.writable > UINT32_MAX)))
		return false;
	virtqueue_chain_add(vq, &c, n, token);
	return true;
}

/*
 * What the short way does not take. A copy, so that the caller's segments, whose
 * address goes nowhere else, need not lie in memory at all.
 */
static __inlined int virtqueue_few_otherwise(struct virtqueue *vq,
					     const struct virtqueue_segment *segs, unsigned out,
					     unsigned in, unsigned n, void *token)
{
	struct virtqueue_segment copy[VIRTQUEUE_FEW];

	copy[0] = segs[0];
	if (n > 1)
		copy[1] = segs[1];
	if (n > 2)
		copy[2] = segs[2];
	return virtqueue_add_any(vq, copy, out, in, token);
}

static __inlined bool virtqueue_add_short(struct virtqueue *vq,
					  const struct virtqueue_segment *segs, unsigned out,
					  unsigned in, void *token)
{
	return likely(!virtqueue_traced(vq)) && virtqueue_few_add(vq, segs, out, out + in, token);
}

/*
 * Each fill has a number of its own, so three slots in a row that bear its three
 * were filled together, and none of them since.
 */
static __inlined bool virtqueue_frame_is_there(const struct virtqueue_slot *head,
					       const struct virtqueue_slot *middle,
					       const struct virtqueue_slot *last,
					       const void *token)
{
	return head->token == token && middle->fill == head->fill + 1 &&
	       last->fill == head->fill + 2;
}

static __inlined bool virtqueue_add_framed_short(struct virtqueue *vq,
						 const struct virtqueue_segment *segs,
						 unsigned out, void *token)
{
	struct virtqueue_slot *head = vq->free, *middle, *last;
	uint32_t len = segs[1].len;
	struct virtqueue_chain c;
	struct virtq_desc *desc;
	paddr_t addr;

	if (unlikely(virtqueue_traced(vq) || vq->spare < 3))
		return false;
	middle = head->next;
	last = middle->next;
	if (unlikely(!virtqueue_frame_is_there(head, middle, last, token) ||
		     !dma_window_addr(segs[1].data, len, &addr) ||
		     (uint64_t)segs[0].len + len + segs[2].len > UINT32_MAX))
		return false;
	desc = middle->desc;
	desc->addr = addr;
	desc->len = len;
	desc->flags = VIRTQ_DESC_F_NEXT | (out == 1 ? VIRTQ_DESC_F_WRITE : 0);
	c = (struct virtqueue_chain){
		.head = head, .last = last, .next = last->next,
		.writable = segs[2].len + (out == 1 ? len : 0),
	};
	virtqueue_chain_add(vq, &c, 3, token);
	return true;
}

static __inlined int virtqueue_add(struct virtqueue *vq, const struct virtqueue_segment *segs,
				   unsigned out, unsigned in, void *token)
{
	if (virtqueue_traced(vq))
		return virtqueue_add_traced(vq, segs, out, in, token);
	if (__builtin_constant_p(out) && __builtin_constant_p(in) && out <= VIRTQUEUE_FEW &&
	    in <= VIRTQUEUE_FEW && out + in - 1 < VIRTQUEUE_FEW)
		return likely(virtqueue_few_add(vq, segs, out, out + in, token)) ? 0 :
			virtqueue_few_otherwise(vq, segs, out, in, out + in, token);
	return virtqueue_add_any(vq, segs, out, in, token);
}

static __inlined int virtqueue_take_plain(struct virtqueue *vq, void **token, uint32_t *written)
{
	const struct virtq_used_elem *elem;
	struct virtqueue_slot *slot;
	uint64_t taken = vq->taken;
	uint32_t id, len;

	if (unlikely(taken == vq->used_known)) {
		int rc;

		if (virtqueue_packed(vq)) {
			/* So that the caller's need not lie in memory. */
			void *t = NULL;
			uint32_t w = 0;

			rc = virtqueue_packed_take(vq, &t, &w);
			*token = t;
			*written = w;
			return rc;
		}
		rc = virtqueue_split_refresh(vq);
		if (rc)
			return rc;
	}
	elem = &vq->used->ring[taken & vq->mask];
	id = ring_read(elem->id);
	len = ring_read(elem->len);
	slot = &vq->slots[id];
	if (unlikely(id >= vq->size || slot->number >= vq->published || len > slot->writable)) {
		virtqueue_used_lie(vq, id, len);
		return -EPROTO;
	}
	slot->number = VIRTQUEUE_IDLE;
	slot->last->next = vq->free;
	vq->free = slot;
	vq->spare += slot->length;
	vq->taken = taken + 1;
	*token = slot->token;
	*written = len;
	return 0;
}

static __inlined int virtqueue_take(struct virtqueue *vq, void **token, uint32_t *written)
{
	return virtqueue_traced(vq) ? virtqueue_take_traced(vq, token, written) :
				      virtqueue_take_plain(vq, token, written);
}
