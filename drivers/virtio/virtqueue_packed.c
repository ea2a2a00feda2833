/* SPDX-License-Identifier: MIT */
/*
 * The packed ring (VIRTIO 1.2, 2.8).
 *
 * Both sides go round one ring of descriptors: we write available ones at
 * `next_avail`, the device overwrites them with used ones at `next_used`, and two flags
 * of each say which it is in this round (2.8.1). The round's pattern is kept ready
 * made and flipped where a position wraps.
 *
 * A request is known by its buffer id, a slot. Where its descriptors lie
 * matters no more once they are written: in the order in which requests come
 * back, each frees as many positions as it has descriptors, from next_used on.
 *
 * The flags of the first descriptor of a batch are held back until the batch is
 * published: the device goes in the order of the ring, so it sees none
 * of the rest before (2.8.19.1.1).
 */
#include "drivers/virtio/virtqueue_ring.h"

#include <asm/barrier.h>

#include "kernel/lib/string.h"

enum { ROUND = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED };

void virtqueue_packed_init(struct virtqueue *vq)
{
	memset(vq->packed, 0, vq->size * sizeof(vq->packed[0]));	/* 2.8.13 */
	vq->device_event->word = 0;
	vq->free = NULL;
	vq->spare = -1;
	vq->pack = (__typeof__(vq->pack)){
		.free = vq->slots,
		.free_count = vq->size,
		.avail_flags = VIRTQ_DESC_F_AVAIL,
		.used_flags = ROUND,
	};
}

/* Where descriptors are written, and what has been. */
struct cursor {
	struct virtqueue_slot *slot;
	uint32_t at;
	uint32_t round;			/* flags */
	uint32_t head_flags;		/* held back */
	uint64_t readable, writable;	/* bytes */
};

static inline void cursor_advance(const struct virtqueue *vq, struct cursor *c)
{
	if (unlikely(++c->at == vq->size)) {
		c->at = 0;
		c->round ^= ROUND;
	}
}

/* Fills a descriptor, all but its flags; `window` as in virtqueue_split.c. */
static __inlined int desc_fill(struct pvirtq_desc *desc, const struct virtqueue_segment *seg,
			       uint16_t id, bool window)
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
	desc->id = id;
	return 0;
}

static inline void cursor_count(struct cursor *c, uint32_t len, bool write)
{
	if (write)
		c->writable += len;
	else
		c->readable += len;
}

/* Those behind the head look as if they had come back in the round before. */
static __noinline void undo_direct(struct virtqueue *vq, unsigned count)
{
	struct cursor c = { .at = vq->pack.next_avail, .round = vq->pack.avail_flags };

	for (; count; count--) {
		vq->packed[c.at].flags = (uint16_t)(c.round & VIRTQ_DESC_F_AVAIL ? 0 : ROUND);
		cursor_advance(vq, &c);
	}
}

static __inlined int direct_fill(struct virtqueue *vq, const struct virtqueue_segment *segs,
				 unsigned i, unsigned out, unsigned n, struct cursor *c,
				 bool window)
{
	struct pvirtq_desc *desc = &vq->packed[c->at];
	uint16_t flags = (uint16_t)(c->round | (i >= out ? VIRTQ_DESC_F_WRITE : 0) |
				    (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0));
	int rc = desc_fill(desc, &segs[i], c->slot->id, window);

	if (unlikely(rc))
		return rc;
	if (i == 0)
		c->head_flags = flags;
	else
		WRITE_ONCE(desc->flags, flags);
	cursor_count(c, segs[i].len, i >= out);
	cursor_advance(vq, c);
	return 0;
}

/* Into the ring itself; the head's flags are held back. */
static int fill_direct(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
		       unsigned n, struct cursor *c)
{
	for (unsigned i = 0; i < n; i++) {
		int rc = direct_fill(vq, segs, i, out, n, c, false);

		if (unlikely(rc)) {
			undo_direct(vq, i);
			return rc;
		}
	}
	return 0;
}

/*
 * The same for 1 to 3, a constant, by the window alone. What it has written when it
 * gives up, fill_direct() writes again.
 */
static __inlined int fill_few(struct virtqueue *vq, const struct virtqueue_segment *segs,
			      unsigned out, unsigned n, struct cursor *c)
{
	int rc = direct_fill(vq, segs, 0, out, n, c, true);

	if (!rc && n > 1)
		rc = direct_fill(vq, segs, 1, out, n, c, true);
	if (!rc && n > 2)
		rc = direct_fill(vq, segs, 2, out, n, c, true);
	return rc;
}

static __inlined int table_fill(struct pvirtq_desc *table, const struct virtqueue_segment *segs,
				unsigned i, unsigned out, struct cursor *c, bool window)
{
	int rc = desc_fill(&table[i], &segs[i], 0, window);

	table[i].flags = i >= out ? VIRTQ_DESC_F_WRITE : 0;
	cursor_count(c, segs[i].len, i >= out);
	return rc;
}

/* Into the table of the slot, to which one descriptor points (2.8.7). */
static __inlined int fill_table(struct virtqueue *vq, const struct virtqueue_segment *segs,
				unsigned out, unsigned n, struct cursor *c, bool window)
{
	struct pvirtq_desc *table = (struct pvirtq_desc *)virtqueue_table(vq, c->slot);
	const struct virtqueue_segment all = { table, n * sizeof(*table) };
	int rc = table_fill(table, segs, 0, out, c, window);

	if (!rc)
		rc = table_fill(table, segs, 1, out, c, window);
	if (!rc && n > 2)
		rc = table_fill(table, segs, 2, out, c, window);
	if (!rc && n > 3)
		rc = table_fill(table, segs, 3, out, c, window);
	if (!rc)
		rc = desc_fill(&vq->packed[c->at], &all, c->slot->id, window);
	c->head_flags = c->round | VIRTQ_DESC_F_INDIRECT;
	cursor_advance(vq, c);
	return rc;
}
static_assert(VIRTQUEUE_TABLE == 4, "fill_table() counts to it");

static __inlined void chain_add(struct virtqueue *vq, const struct cursor *c, unsigned length,
				void *token)
{
	struct virtqueue_slot *slot = c->slot;

	slot->token = token;
	slot->number = vq->added++;
	slot->writable = (uint32_t)c->writable;
	slot->length = (uint16_t)length;
	vq->pack.free = slot->next;
	vq->pack.free_count -= length;
	if (vq->pack.batch_length == 0) {
		vq->pack.batch = vq->pack.next_avail;
		vq->pack.batch_flags = c->head_flags;
	} else {
		barrier_store_store();	/* the rest of a chain before its head (2.8.19.1.1) */
		WRITE_ONCE(vq->packed[vq->pack.next_avail].flags, (uint16_t)c->head_flags);
	}
	vq->pack.batch_length += length;
	vq->pack.next_avail = c->at;
	vq->pack.avail_flags = c->round;
}

/* Nothing is taken until all segments are good. */
static __inlined int add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token, bool table, bool window)
{
	struct cursor c = { .slot = vq->pack.free, .at = vq->pack.next_avail,
			    .round = vq->pack.avail_flags };
	unsigned n = out + in;
	int rc;

	if (table)
		rc = fill_table(vq, segs, out, n, &c, window);
	else if (window)
		rc = fill_few(vq, segs, out, n, &c);
	else
		rc = fill_direct(vq, segs, out, n, &c);
	if (unlikely(rc))
		return rc;
	if (unlikely(c.readable + c.writable > UINT32_MAX)) {
		undo_direct(vq, table ? 1 : n);
		return -EINVAL;
	}
	chain_add(vq, &c, table ? 1 : n, token);
	return 0;
}

static __noinline int add_any(struct virtqueue *vq, const struct virtqueue_segment *segs,
			      unsigned out, unsigned in, void *token, bool table)
{
	return add(vq, segs, out, in, token, table, false);
}

/* The usual requests, each compiled by itself. -EAGAIN: it is none, or needs a longer look. */
static __inlined int add_few(struct virtqueue *vq, const struct virtqueue_segment *segs,
			     unsigned out, unsigned in, void *token)
{
	switch (out << 16 | in) {		/* neither is more than the ring has */
	case 0 << 16 | 1: return add(vq, segs, 0, 1, token, false, true);
	case 1 << 16 | 0: return add(vq, segs, 1, 0, token, false, true);
	case 1 << 16 | 2: return add(vq, segs, 1, 2, token, false, true);
	case 2 << 16 | 1: return add(vq, segs, 2, 1, token, false, true);
	default: return -EAGAIN;
	}
}

static int add_table(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
		     unsigned in, void *token)
{
	if (out == 1 && in == 2)
		return add(vq, segs, 1, 2, token, true, true);
	if (out == 2 && in == 1)
		return add(vq, segs, 2, 1, token, true, true);
	return -EAGAIN;
}

int virtqueue_packed_add(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
			 unsigned in, void *token)
{
	bool table = virtqueue_goes_indirect(vq, out + in);
	int rc;

	if (!virtqueue_can_add(vq, out, in, token, table))
		return virtqueue_refusal(vq, out, in, token);
	if (IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC) && table)
		rc = add_table(vq, segs, out, in, token);
	else
		rc = add_few(vq, segs, out, in, token);
	return rc == -EAGAIN ? add_any(vq, segs, out, in, token, table) : rc;
}

/*
 * Whether the device wants to hear of the batch: its event suppression (2.8.14)
 * is a hint, so what means nothing is taken for yes. A position is named
 * with its round; it lies in the batch if we passed it in that.
 */
static bool doorbell_wanted(const struct virtqueue *vq, unsigned length)
{
	uint32_t word = ring_read(vq->device_event->word);
	unsigned flags = (unsigned)FIELD_GET(RING_EVENT_FLAGS, word);
	unsigned at = (unsigned)FIELD_GET(RING_EVENT_OFF, word);
	bool same_round = !(word & RING_EVENT_WRAP) == !(vq->pack.avail_flags & VIRTQ_DESC_F_AVAIL);

	if (flags != RING_EVENT_FLAGS_DESC || !virtqueue_event_idx(vq))
		return flags != RING_EVENT_FLAGS_DISABLE;
	return vq->pack.next_avail + (same_round ? 0 : vq->size) - at - 1 < length;
}

void virtqueue_packed_publish(struct virtqueue *vq)
{
	unsigned length = vq->pack.batch_length;

	barrier_store_store();		/* 2.8.19.1.1: all of the batch before its head's flags */
	WRITE_ONCE(vq->packed[vq->pack.batch].flags, (uint16_t)vq->pack.batch_flags);
	barrier_store_load();		/* 2.8.19.3.1: the flags before what the device wants */
	vq->pack.batch_length = 0;
	vq->pack.in_flight += length;
	vq->published = vq->added;
	if (doorbell_wanted(vq, length))
		vq->ops->notify(vq);
}

/* What the flags of the next descriptor say if it is not used. */
static int not_used(struct virtqueue *vq, uint16_t flags)
{
	if (vq->stopped)
		return -EPROTO;
	/* As long as the device has something, it is available in this round. */
	if (vq->pack.in_flight && ((flags ^ vq->pack.used_flags) & ROUND) != VIRTQ_DESC_F_USED)
		return virtqueue_lie(vq, "flags of a descriptor are of another round", flags);
	return -EAGAIN;
}

static inline void chain_release(struct virtqueue *vq, struct virtqueue_slot *slot)
{
	unsigned at = vq->pack.next_used + slot->length;

	slot->number = VIRTQUEUE_IDLE;
	slot->next = vq->pack.free;
	vq->pack.free = slot;
	vq->pack.free_count += slot->length;
	vq->pack.in_flight -= slot->length;
	if (unlikely(at >= vq->size)) {
		at -= vq->size;
		vq->pack.used_flags ^= ROUND;
	}
	vq->pack.next_used = at;
}

/*
 * Without the flag WRITE the length means nothing (2.8.4), which QEMU 7.2 does not
 * know: it never sets the flag. So the length counts, if it can be one.
 */
static int length_check(struct virtqueue *vq, uint16_t flags, uint32_t *len)
{
	if (flags & VIRTQ_DESC_F_WRITE)
		return virtqueue_lie(vq, "used length beyond the writable bytes", *len);
	*len = 0;
	return 0;
}

int virtqueue_packed_take(struct virtqueue *vq, void **token, uint32_t *written)
{
	const struct pvirtq_desc *desc = &vq->packed[vq->pack.next_used];
	uint16_t flags = ring_read(desc->flags);
	struct virtqueue_slot *slot;
	uint32_t len;
	uint16_t id;

	if ((flags & ROUND) != vq->pack.used_flags || vq->stopped)
		return not_used(vq, flags);
	barrier_load_load();		/* 2.8.21: the flags before the rest */
	id = ring_read(desc->id);
	len = ring_read(desc->len);
	slot = virtqueue_outstanding_slot(vq, id);
	if (unlikely(!slot))
		return virtqueue_lie(vq, "used id is no outstanding request", id);
	if (unlikely(len > slot->writable)) {
		int rc = length_check(vq, flags, &len);

		if (rc)
			return rc;
	}
	vq->used_known = ++vq->taken;
	chain_release(vq, slot);
	*token = slot->token;
	*written = len;
	return 0;
}

bool virtqueue_packed_has_used(const struct virtqueue *vq)
{
	uint16_t flags = ring_read(vq->packed[vq->pack.next_used].flags);

	return (flags & ROUND) == vq->pack.used_flags && !vq->stopped;
}

static void driver_event_write(struct virtqueue *vq, uint32_t word)
{
	WRITE_ONCE(vq->driver_event->word, word);
}

void virtqueue_packed_interrupts_off(struct virtqueue *vq)
{
	driver_event_write(vq, FIELD_PREP(RING_EVENT_FLAGS, RING_EVENT_FLAGS_DISABLE));
}

/*
 * The position that the device will have passed when `count` more came back, if
 * they are as long as all that it has are on average. It is one of those
 * that it has, so it is passed at the latest when everything is back.
 */
static uint32_t event_after(const struct virtqueue *vq, unsigned count)
{
	unsigned chains = (unsigned)(vq->published - vq->taken);
	unsigned at = vq->pack.next_used + vq->pack.in_flight * min(count, chains) / chains - 1;
	bool wrap = vq->pack.used_flags != 0;

	if (at >= vq->size) {
		at -= vq->size;
		wrap = !wrap;
	}
	return (uint32_t)(FIELD_PREP(RING_EVENT_FLAGS, RING_EVENT_FLAGS_DESC) |
			  (wrap ? RING_EVENT_WRAP : 0) | at);
}

bool virtqueue_packed_interrupts_on(struct virtqueue *vq, unsigned count)
{
	bool later = virtqueue_event_idx(vq) && count > 1 && vq->pack.in_flight;

	driver_event_write(vq, later ? event_after(vq, count) : 0);
	barrier_store_load();	/* with the device's: its flags before what is wanted */
	return !virtqueue_packed_has_used(vq);
}
