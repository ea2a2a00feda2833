/* SPDX-License-Identifier: MIT */
/*
 * The split ring (VIRTIO 1.2, 2.7).
 *
 * A chain's descriptors are those of its slots, and the links between them are
 * the slots' too: no descriptor is ever read back. Chains come whole from the
 * front of the free list and go back there, spliced in at their last slot.
 *
 * What is the same in each request of a token stays where it was written
 * (virtqueue_add_framed()): in the three descriptors, as long as none of them was
 * filled otherwise, which each fill notes in its slot; or in the table of a slot,
 * which belongs to nobody else.
 *
 * The ring may have more entries than descriptors are used (legacy PCI, where the
 * device says how many): the indices then run over all entries.
 */
#include "drivers/virtio/virtqueue_ring.h"

#include <asm/barrier.h>

/* Behind the entries of either ring. */
static uint16_t *used_event(const struct virtqueue *vq)
{
	return &vq->avail->ring[vq->mask + 1];
}

static uint16_t *avail_event(const struct virtqueue *vq)
{
	return (uint16_t *)&vq->used->ring[vq->mask + 1];
}

void virtqueue_split_init(struct virtqueue *vq)
{
	vq->free = vq->slots;
	vq->spare = (int32_t)(vq->size - vq->direct);
	vq->avail->flags = 0;
	vq->avail->idx = 0;
	vq->used->flags = 0;		/* 2.7.10.1 */
	vq->used->idx = 0;
	*avail_event(vq) = 0;
}

/*
 * Fills a descriptor, all but `next`. With `window`, which is a constant as are
 * the numbers of segments then, only the window is asked: no call, and -EAGAIN where
 * the memory needs a longer look.
 */
static __inlined int desc_fill(struct virtq_desc *desc, const struct virtqueue_segment *seg,
			       uint16_t flags, bool window)
{
	uint32_t len = seg->len;
	paddr_t addr;
	int rc;

	if (window)
		rc = dma_window_addr(seg->data, len, &addr) ? 0 : -EAGAIN;
	else
		rc = dma_addr(seg->data, len, &addr);
	if (unlikely(rc))
		return rc;
	desc->addr = addr;
	desc->len = len;
	desc->flags = flags;
	return 0;
}

/* Of segment `i` of `n`. */
static __inlined uint16_t flags_of(unsigned i, unsigned out, unsigned n)
{
	return (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0) | (i >= out ? VIRTQ_DESC_F_WRITE : 0);
}

/* Into the ring itself, from the first free slot on. */
static int fill_direct(const struct virtqueue_segment *segs, unsigned out, unsigned n,
		       struct virtqueue_chain *c)
{
	struct virtq_desc *desc = NULL;

	for (unsigned i = 0; i < n; i++) {
		struct virtqueue_slot *slot = c->next;

		if (desc)
			desc->next = slot->id;
		desc = slot->desc;
		int rc = desc_fill(desc, &segs[i], flags_of(i, out, n), false);

		slot->fill = 0;
		if (unlikely(rc))
			return rc;
		virtqueue_chain_count(c, segs[i].len, i >= out);
		c->last = slot;
		c->next = slot->next;
	}
	return 0;
}

static __inlined int table_fill(struct virtq_desc *table, const struct virtqueue_segment *segs,
				unsigned i, unsigned out, unsigned n, struct virtqueue_chain *c,
				bool window)
{
	int rc = desc_fill(&table[i], &segs[i], flags_of(i, out, n), window);

	if (i + 1 < n)
		table[i].next = (uint16_t)(i + 1);
	virtqueue_chain_count(c, segs[i].len, i >= out);
	return rc;
}

/* Into the table of the first free slot, to which its descriptor points (2.7.5.3). */
static __inlined int fill_table(const struct virtqueue *vq, const struct virtqueue_segment *segs,
				unsigned out, unsigned n, struct virtqueue_chain *c, bool window)
{
	struct virtqueue_slot *slot = c->next;
	struct virtq_desc *table = virtqueue_table(vq, slot);
	const struct virtqueue_segment all = { table, n * sizeof(*table) };
	int rc;

	slot->table_token = NULL;
	rc = table_fill(table, segs, 0, out, n, c, window);

	if (!rc)
		rc = table_fill(table, segs, 1, out, n, c, window);
	if (!rc && n > 2)
		rc = table_fill(table, segs, 2, out, n, c, window);
	if (!rc && n > 3)
		rc = table_fill(table, segs, 3, out, n, c, window);
	if (unlikely(rc))
		return rc;
	c->last = slot;
	c->next = slot->next;
	slot->fill = 0;
	return desc_fill(slot->desc, &all, VIRTQ_DESC_F_INDIRECT, window);
}
static_assert(VIRTQUEUE_TABLE == 4, "fill_table() counts to it");

/* Nothing is taken from the free list until all segments are good. */
static __inlined int add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token, bool table, bool window)
{
	struct virtqueue_chain c = { .head = vq->free, .next = vq->free };
	unsigned n = out + in;
	int rc;

	rc = table ? fill_table(vq, segs, out, n, &c, window) : fill_direct(segs, out, n, &c);
	if (unlikely(rc))
		return rc;
	if (unlikely(c.readable + c.writable > UINT32_MAX))
		return -EINVAL;		/* 2.7.5.2 */
	virtqueue_chain_add(vq, &c, table ? 1 : n, token);
	return 0;
}

static __noinline int add_any(struct virtqueue *vq, const struct virtqueue_segment *segs,
			      unsigned out, unsigned in, void *token, bool table)
{
	return add(vq, segs, out, in, token, table, false);
}

/* Requests as disks have them. -EAGAIN: it is none, or needs a longer look. */
static int add_table(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
		     unsigned in, void *token)
{
	if (out == 1 && in == 2)
		return add(vq, segs, 1, 2, token, true, true);
	if (out == 2 && in == 1)
		return add(vq, segs, 2, 1, token, true, true);
	return -EAGAIN;
}

int virtqueue_split_add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			unsigned in, void *token)
{
	bool table = virtqueue_goes_indirect(vq, out + in);
	int rc = -EAGAIN;

	if (!virtqueue_can_add(vq, out, in, token, table))
		return virtqueue_refusal(vq, out, in, token);
	if (IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) && table)
		rc = add_table(vq, segs, out, in, token);
	return rc == -EAGAIN ? add_any(vq, segs, out, in, token, table) : rc;
}

/* Into the ring itself, all three. */
static int add_framed_direct(struct virtqueue *vq, const struct virtqueue_segment *segs,
			     unsigned out, void *token)
{
	struct virtqueue_slot *head = vq->free;
	int rc = out == 1 ? virtqueue_add(vq, segs, 1, 2, token) :
			    virtqueue_add(vq, segs, 2, 1, token);

	if (rc)
		return rc;
	vq->fills += 4;
	head->fill = vq->fills;
	head->next->fill = vq->fills + 1;
	head->next->next->fill = vq->fills + 2;
	return 0;
}

/* The table of the first free slot has all but the second segment; false as ever. */
static bool add_framed_table(struct virtqueue *vq, const struct virtqueue_segment *segs,
			     unsigned out, void *token)
{
	struct virtqueue_slot *head = vq->free;
	struct virtq_desc *table = virtqueue_table(vq, head);
	const struct virtqueue_segment all = { table, 3 * sizeof(*table) };
	struct virtqueue_chain c = {
		.head = head, .last = head, .next = head->next,
		.writable = segs[2].len + (out == 1 ? segs[1].len : 0),
	};

	if ((uint64_t)segs[0].len + segs[1].len + segs[2].len > UINT32_MAX ||
	    desc_fill(&table[1], &segs[1], flags_of(1, out, 3), false) ||
	    desc_fill(head->desc, &all, VIRTQ_DESC_F_INDIRECT, false))
		return false;
	head->fill = 0;
	virtqueue_chain_add(vq, &c, 1, token);
	return true;
}

int virtqueue_add_framed(struct virtqueue *vq, const struct virtqueue_segment *segs,
			 unsigned out, void *token)
{
	struct virtqueue_slot *head = vq->free;
	bool table = IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) && vq->tables && head;
	int rc;

	if (virtqueue_traced(vq) || !token)
		return virtqueue_add(vq, segs, out, 3 - out, token);
	if (vq->spare >= 3)
		return add_framed_direct(vq, segs, out, token);
	if (table && head->table_token == token && add_framed_table(vq, segs, out, token))
		return 0;
	rc = virtqueue_add_any(vq, segs, out, 3 - out, token);
	if (!rc && table)
		head->table_token = token;
	return rc;
}

/*
 * Whether the device wants to hear of chains [published, added). With
 * EVENT_IDX if the one it names is among them (2.7.10); any name is harmless.
 */
static bool doorbell_wanted(const struct virtqueue *vq)
{
	if (virtqueue_event_idx(vq)) {
		uint16_t event = ring_read(*avail_event(vq));

		return (uint16_t)(event - vq->published) < (uint16_t)(vq->added - vq->published);
	}
	return !(ring_read(vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

void virtqueue_split_publish(struct virtqueue *vq)
{
	bool wanted;

	barrier_store_store();		/* 2.7.13.3: the entries before the index */
	WRITE_ONCE(vq->avail->idx, (uint16_t)vq->added);
	barrier_store_load();		/* 2.7.13.4: the index before what the device wants */
	wanted = doorbell_wanted(vq);
	vq->published = vq->added;
	if (wanted)
		vq->ops->notify(vq);
}

/* Reads the device's index where all that is known was taken. */
int virtqueue_split_refresh(struct virtqueue *vq)
{
	uint16_t ahead;

	if (vq->stopped)
		return -EPROTO;
	ahead = ring_read(vq->used->idx) - (uint16_t)vq->taken;
	if (ahead == 0)
		return -EAGAIN;
	if (ahead > vq->published - vq->taken)
		return virtqueue_lie(vq, "used index ahead of what is outstanding",
				     (uint16_t)(vq->taken + ahead));
	vq->used_known = vq->taken + ahead;
	barrier_load_load();		/* 2.7.14: the index before the entries */
	return 0;
}

bool virtqueue_split_has_used(const struct virtqueue *vq)
{
	return vq->taken != vq->used_known ||
	       (ring_read(vq->used->idx) != (uint16_t)vq->taken && !vq->stopped);
}

/*
 * With EVENT_IDX there is no "off" (2.7.7.1: flags stay 0), but the event that
 * is furthest away: the one before the next, which comes in 65535.
 */
void virtqueue_split_interrupts_off(struct virtqueue *vq)
{
	if (virtqueue_event_idx(vq))
		WRITE_ONCE(*used_event(vq), (uint16_t)(vq->taken - 1));
	else
		WRITE_ONCE(vq->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

bool virtqueue_split_interrupts_on(struct virtqueue *vq, unsigned count)
{
	unsigned in_flight = (unsigned)(vq->published - vq->taken);
	unsigned after = min(count, in_flight);

	after = max(after, 1u);
	if (virtqueue_event_idx(vq)) {
		WRITE_ONCE(*used_event(vq), (uint16_t)(vq->taken + after - 1));
	} else {
		WRITE_ONCE(vq->avail->flags, 0);
		after = 1;
	}
	barrier_store_load();		/* with the device's: its index before what is wanted */
	return (uint16_t)(ring_read(vq->used->idx) - vq->taken) < after;
}
