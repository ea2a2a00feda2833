/* SPDX-License-Identifier: MIT */
/*
 * The split ring.
 *
 * Descriptors are never read back: the links between them, the free list and
 * what each chain may hold are kept in `slots`, which the device cannot reach.
 * Free descriptors form a list through slots[].next, so adding a chain takes
 * its first n and giving one back splices it in front, without a search.
 *
 * Counters run modulo 2^16 like the ring's own: chains added, published,
 * taken back. published - taken is what the device may still return, and a
 * used index further ahead than that is a lie. Which chains those are each
 * head's slot knows; heads that were added and not yet published are linked
 * through slots[].batch, for publishing to mark them.
 */
#include "drivers/virtio/virtqueue.h"

#include <asm/barrier.h>

#include "drivers/virtio/ring.h"
#include "drivers/virtio/virtio_trace.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/dma.h"

void virtqueue_layout(uint16_t size, size_t align, struct virtqueue_layout *out)
{
	size_t n = size;

	out->avail = n * sizeof(struct virtq_desc);
	/* Each ring ends with an event index (2.7.6, 2.7.8). */
	out->used = align_up(out->avail + sizeof(struct virtq_avail) + 2 * n + 2, align);
	out->total = out->used + sizeof(struct virtq_used) +
		     n * sizeof(struct virtq_used_elem) + 2;
}

void virtqueue_init(struct virtqueue *vq, uint16_t size, const struct virtqueue_layout *layout,
		    void *memory, struct virtqueue_slot *slots, const struct virtqueue_ops *ops)
{
	char *base = memory;

	memset(memory, 0, layout->total);
	*vq = (struct virtqueue){
		.ops = ops,
		.desc = memory,
		.avail = (struct virtq_avail *)(base + layout->avail),
		.used = (struct virtq_used *)(base + layout->used),
		.slots = slots,
		.size = size,
		.free_count = size,
		.memory = memory,
	};
	for (uint16_t i = 0; i < size; i++) {
		slots[i].token = NULL;
		slots[i].next = (uint16_t)(i + 1);
	}
	vq->avail->flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
}

void virtqueue_reinit(struct virtqueue *vq)
{
	struct virtqueue was = *vq;
	struct virtqueue_layout layout = {
		.avail = (size_t)((char *)was.avail - (char *)was.memory),
		.used = (size_t)((char *)was.used - (char *)was.memory),
	};

	layout.total = layout.used + sizeof(struct virtq_used) +
		       was.size * sizeof(struct virtq_used_elem) + 2;
	virtqueue_init(vq, was.size, &layout, was.memory, was.slots, was.ops);
	vq->owner = was.owner;
	vq->next = was.next;
	vq->order = was.order;
	vq->index = was.index;
	vq->callback = was.callback;
	vq->source = was.source;
	vq->doorbell = was.doorbell;
	vq->trace = was.trace;
}

static int segments_check(const struct virtqueue *vq, const struct virtqueue_segment *segs,
			  unsigned out, unsigned in)
{
	uint64_t total = 0;

	if (out > vq->size || in > vq->size || out + in > vq->size || out + in == 0)
		return -EINVAL;
	for (unsigned i = 0; i < out + in; i++) {
		if (segs[i].len == 0)
			return -EINVAL;
		total += segs[i].len;
	}
	return total > UINT32_MAX ? -EINVAL : 0;	/* 2.7.5.2 */
}

/* Fills one descriptor; the chain goes on at its slot's successor if `more`. */
static int descriptor_fill(struct virtqueue *vq, uint16_t at,
			   const struct virtqueue_segment *seg, bool write, bool more)
{
	paddr_t addr;
	int rc = dma_addr(seg->data, seg->len, &addr);

	if (rc)
		return rc;
	vq->desc[at] = (struct virtq_desc){
		.addr = addr,
		.len = seg->len,
		.flags = (write ? VIRTQ_DESC_F_WRITE : 0) | (more ? VIRTQ_DESC_F_NEXT : 0),
		.next = more ? vq->slots[at].next : 0,
	};
	return 0;
}

int virtqueue_add(struct virtqueue *vq, const struct virtqueue_segment *segs,
		  unsigned out, unsigned in, void *token)
{
	uint16_t head = vq->free_head;
	uint16_t at = head, last = head;
	uint32_t writable = 0;
	int rc;

	if (vq->stopped)
		return -EPROTO;
	rc = token ? segments_check(vq, segs, out, in) : -EINVAL;
	if (rc)
		return rc;
	if (out + in > vq->free_count)
		return -ENOSPC;

	/* Nothing is taken from the free list until all segments are good. */
	for (unsigned i = 0; i < out + in; i++) {
		rc = descriptor_fill(vq, at, &segs[i], i >= out, i + 1 < out + in);
		if (rc)
			return rc;
		if (i >= out)
			writable += segs[i].len;
		last = at;
		at = vq->slots[at].next;
	}

	struct virtqueue_slot *slot = &vq->slots[head];

	slot->token = token;
	slot->writable = writable;
	slot->last = last;
	slot->length = (uint16_t)(out + in);
	slot->published = false;
	slot->batch = vq->batch;
	vq->batch = head;
	vq->free_head = at;
	vq->free_count -= slot->length;
	WRITE_ONCE(vq->avail->ring[vq->added & (vq->size - 1)], head);
	vq->added++;
	if (IS_ENABLED(CONFIG_VIRTIO_TRACE) && vq->trace)
		virtio_trace_request(vq->trace, head, segs, out, in);
	return 0;
}

void virtqueue_publish(struct virtqueue *vq)
{
	if (vq->stopped || vq->published == vq->added)
		return;
	for (; vq->published != vq->added; vq->published++) {
		vq->slots[vq->batch].published = true;
		vq->batch = vq->slots[vq->batch].batch;
	}
	barrier_store_store();		/* 2.7.13.3: the entries before the index */
	WRITE_ONCE(vq->avail->idx, vq->added);
	barrier_store_load();		/* 2.7.13.4: the index before the flag */
	if (!(READ_ONCE(vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY))
		vq->ops->notify(vq);
}

static int lie(struct virtqueue *vq, const char *what, uint64_t value)
{
	vq->stopped = true;
	vq->ops->lie(vq, what, value);
	return -EPROTO;
}

/* Reads the device's index where all that is known was taken. */
static int used_refresh(struct virtqueue *vq)
{
	uint16_t in_flight = vq->published - vq->taken;
	uint16_t used;

	if (vq->taken != vq->used_known)
		return 0;
	used = READ_ONCE(vq->used->idx);
	if (used == vq->taken)
		return -EAGAIN;
	if ((uint16_t)(used - vq->taken) > in_flight)
		return lie(vq, "used index ahead of what is outstanding", used);
	vq->used_known = used;
	barrier_load_load();		/* 2.7.14: the index before the entries */
	return 0;
}

/* True if `id` is the head of a chain that the device was shown. */
static bool is_outstanding(const struct virtqueue *vq, uint32_t id)
{
	return id < vq->size && vq->slots[id].token && vq->slots[id].published;
}

static void *chain_release(struct virtqueue *vq, uint16_t head)
{
	struct virtqueue_slot *slot = &vq->slots[head];
	void *token = slot->token;

	slot->token = NULL;
	vq->slots[slot->last].next = vq->free_head;
	vq->free_head = head;
	vq->free_count += slot->length;
	return token;
}

int virtqueue_take(struct virtqueue *vq, void **token, uint32_t *written)
{
	const struct virtq_used_elem *elem;
	uint32_t id, len;
	int rc;

	if (vq->stopped)
		return -EPROTO;
	rc = used_refresh(vq);
	if (rc)
		return rc;

	elem = &vq->used->ring[vq->taken & (vq->size - 1)];
	id = READ_ONCE(elem->id);
	len = READ_ONCE(elem->len);
	if (!is_outstanding(vq, id))
		return lie(vq, "used id is no outstanding request", id);
	if (len > vq->slots[id].writable)
		return lie(vq, "used length beyond the writable bytes", len);

	vq->taken++;
	if (IS_ENABLED(CONFIG_VIRTIO_TRACE) && vq->trace)
		virtio_trace_response(vq->trace, (uint16_t)id, len);
	*token = chain_release(vq, (uint16_t)id);
	*written = len;
	return 0;
}

bool virtqueue_has_used(const struct virtqueue *vq)
{
	return vq->taken != vq->used_known || READ_ONCE(vq->used->idx) != vq->taken;
}

void virtqueue_interrupts_off(struct virtqueue *vq)
{
	WRITE_ONCE(vq->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/*
 * No wake-up is lost: the device writes its index, then looks at the flag; we
 * write the flag, then look at its index. With a full barrier between the two
 * on either side (2.7.7.2 asks the device for its own, as 2.7.13.4 does us)
 * at least one of us sees what the other wrote: either the device sees that
 * an interrupt is wanted, or we see what it gave back.
 */
bool virtqueue_interrupts_on(struct virtqueue *vq)
{
	WRITE_ONCE(vq->avail->flags, 0);
	barrier_store_load();		/* with the device's, index before flag */
	return vq->stopped || !virtqueue_has_used(vq);
}

bool virtqueue_interrupts_on_after(struct virtqueue *vq, unsigned count __unused)
{
	return virtqueue_interrupts_on(vq);
}

unsigned virtqueue_outstanding(const struct virtqueue *vq)
{
	return (uint16_t)(vq->added - vq->taken);
}

void virtqueue_stop(struct virtqueue *vq)
{
	vq->stopped = true;
}

void *virtqueue_detach(struct virtqueue *vq)
{
	if (!vq->stopped)
		return NULL;
	for (; vq->detach_next < vq->size; vq->detach_next++) {
		if (vq->slots[vq->detach_next].token) {
			vq->taken++;
			return chain_release(vq, vq->detach_next);
		}
	}
	return NULL;
}
