/* SPDX-License-Identifier: MIT */
/* Compiled for the host only. */
#include "drivers/virtio/fake_virtqueue.h"

#include <stdlib.h>

#include "kernel/lib/string.h"

static void device_bell(struct virtqueue *vq)
{
	((struct fake_virtqueue *)vq->owner)->bells++;
}

static void device_lie(struct virtqueue *vq, const char *what, uint64_t value)
{
	struct fake_virtqueue *d = vq->owner;

	d->lies++;
	d->lie = what;
	d->lie_value = value;
}

static const struct virtqueue_ops device_ops = { device_bell, device_lie };

void fake_virtqueue_restart(struct fake_virtqueue *d)
{
	d->seen = d->used = 0;
	d->seen_wrap = d->used_wrap = true;
	d->held = 0;
	d->lie = NULL;
}

void fake_virtqueue_open(struct fake_virtqueue *d, const struct virtqueue_shape *shape)
{
	memset(d, 0, sizeof(*d));
	virtqueue_layout(shape, &d->layout);
	/* What must be clear the ring clears. */
	d->memory = malloc(d->layout.total);
	memset(d->memory, 0xee, d->layout.total);
	d->slots = malloc(shape->size * sizeof(*d->slots));
	memset(d->slots, 0xee, shape->size * sizeof(*d->slots));
	virtqueue_init(&d->vq, &d->layout, d->memory, d->slots, &device_ops);
	d->vq.owner = d;
	fake_virtqueue_restart(d);
}

void fake_virtqueue_close(struct fake_virtqueue *d)
{
	free(d->memory);
	free(d->slots);
}

static bool agreed(const struct fake_virtqueue *d, uint64_t feature)
{
	return (d->layout.shape.features & VIRTQUEUE_FEATURES & feature) != 0;
}

static void mistake(struct fake_virtqueue *d, const char *what)
{
	if (!d->mistake)
		d->mistake = what;
}

/* One descriptor that names memory. */
static void chain_append(struct fake_virtqueue *d, struct fake_virtqueue_chain *c, uint64_t addr,
			 uint32_t len, uint16_t flags)
{
	if (len == 0)
		mistake(d, "an empty segment");
	if (c->segments == 0)
		c->first = addr;
	if (flags & VIRTQ_DESC_F_WRITE) {
		c->writable += len;
	} else {
		c->readable += len;
		if (c->writable)
			mistake(d, "readable behind writable");	/* 2.7.4.2 */
	}
	c->places += addr * (c->segments + 1);
	if (++c->segments > d->vq.size)
		mistake(d, "a chain longer than the ring");
}

/* A table lies in the ring's block and has a few segments. */
static bool table_check(struct fake_virtqueue *d, uint64_t addr, uint32_t len, uint16_t flags)
{
	uint64_t from = (uintptr_t)d->memory + d->layout.tables;

	if (!agreed(d, VIRTIO_F_INDIRECT_DESC))
		mistake(d, "a table that was not agreed upon");
	else if (flags & (VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE))
		mistake(d, "a table with NEXT or WRITE");	/* 2.7.5.3.1 */
	else if (addr < from || addr + len > (uintptr_t)d->memory + d->layout.total ||
		 len == 0 || len % sizeof(struct virtq_desc))
		mistake(d, "a table outside its memory");
	return !d->mistake;
}

static void split_table(struct fake_virtqueue *d, struct fake_virtqueue_chain *c,
			const struct virtq_desc *at)
{
	const struct virtq_desc *table = (const void *)(uintptr_t)at->addr;
	unsigned i = 0;

	if (!table_check(d, at->addr, at->len, at->flags))
		return;
	c->table = true;
	for (;;) {
		if (table[i].flags & VIRTQ_DESC_F_INDIRECT)
			mistake(d, "a table in a table");
		chain_append(d, c, table[i].addr, table[i].len, table[i].flags);
		if (!(table[i].flags & VIRTQ_DESC_F_NEXT) || d->mistake)
			break;
		i = table[i].next;
		if (i >= at->len / sizeof(*table))
			mistake(d, "a link out of its table");
	}
}

static void split_walk(struct fake_virtqueue *d, struct fake_virtqueue_chain *c)
{
	uint16_t at = c->id;

	while (!d->mistake) {
		const struct virtq_desc *desc = &d->vq.desc[at];

		if (at >= d->vq.size) {
			mistake(d, "a link out of the ring");
			return;
		}
		c->length++;
		if (desc->flags & VIRTQ_DESC_F_INDIRECT)
			split_table(d, c, desc);
		else
			chain_append(d, c, desc->addr, desc->len, desc->flags);
		if (!(desc->flags & VIRTQ_DESC_F_NEXT))
			return;
		at = desc->next;
	}
}

static void position_advance(const struct fake_virtqueue *d, uint16_t *at, bool *wrap,
			     unsigned count)
{
	unsigned to = *at + count;

	if (to >= d->vq.size) {
		to -= d->vq.size;
		*wrap = !*wrap;
	}
	*at = (uint16_t)to;
}

static bool is_available(uint16_t flags, bool wrap)
{
	return !(flags & VIRTQ_DESC_F_AVAIL) == !wrap && !(flags & VIRTQ_DESC_F_USED) == wrap;
}

static void packed_table(struct fake_virtqueue *d, struct fake_virtqueue_chain *c,
			 const struct pvirtq_desc *at)
{
	const struct pvirtq_desc *table = (const void *)(uintptr_t)at->addr;

	if (!table_check(d, at->addr, at->len,
			 at->flags & (VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)))
		return;
	c->table = true;
	for (unsigned i = 0; i < at->len / sizeof(*table); i++) {
		if (table[i].flags & ~VIRTQ_DESC_F_WRITE)
			mistake(d, "flags in a table");		/* 2.8.16.1 */
		chain_append(d, c, table[i].addr, table[i].len, table[i].flags);
	}
}

static void packed_walk(struct fake_virtqueue *d, struct fake_virtqueue_chain *c)
{
	uint16_t at = d->seen, flags;
	bool wrap = d->seen_wrap;

	do {
		const struct pvirtq_desc *desc = &d->vq.packed[at];

		flags = desc->flags;
		if (!is_available(flags, wrap)) {
			mistake(d, "part of a chain is not available");	/* 2.8.15.1 */
			return;
		}
		c->length++;
		c->id = desc->id;	/* the last one's counts (2.8.6) */
		if (flags & VIRTQ_DESC_F_INDIRECT)
			packed_table(d, c, desc);
		else
			chain_append(d, c, desc->addr, desc->len, flags);
		position_advance(d, &at, &wrap, 1);
	} while (flags & VIRTQ_DESC_F_NEXT && !d->mistake);
	if (c->id >= d->vq.size)
		mistake(d, "an id beyond the ring's size");
	d->seen = at;
	d->seen_wrap = wrap;
}

bool fake_virtqueue_fetch(struct fake_virtqueue *d)
{
	struct fake_virtqueue_chain *c = &d->chains[d->held];
	struct fake_virtqueue_chain chain = { 0 };

	if (d->vq.is_packed) {
		if (!is_available(d->vq.packed[d->seen].flags, d->seen_wrap))
			return false;
		packed_walk(d, &chain);
	} else {
		if (d->seen == d->vq.avail->idx)
			return false;
		chain.id = d->vq.avail->ring[d->seen++ & d->vq.mask];
		split_walk(d, &chain);
	}
	*c = chain;
	d->held++;
	return true;
}

/* 2.7.7.2: after the index was written. */
static void split_interrupt(struct fake_virtqueue *d, uint16_t before)
{
	const struct virtq_avail *avail = d->vq.avail;

	if (agreed(d, VIRTIO_F_EVENT_IDX)) {
		if (avail->flags)
			mistake(d, "flags with event indices");	/* 2.7.7.1 */
		d->interrupts += avail->ring[d->vq.mask + 1] == before;
	} else {
		d->interrupts += avail->flags == 0;
	}
}

/* 2.8.14: after a descriptor was used at `at`, `length` long. */
static void packed_interrupt(struct fake_virtqueue *d, uint16_t at, bool wrap, unsigned length)
{
	uint32_t word = d->vq.driver_event->word;
	unsigned flags = word >> 16, event = word & 0x7fff;
	bool event_wrap = word & 0x8000;

	if (flags > RING_EVENT_FLAGS_DESC ||
	    (flags == RING_EVENT_FLAGS_DESC && !agreed(d, VIRTIO_F_EVENT_IDX)) ||
	    event >= d->vq.size)
		mistake(d, "event suppression that means nothing");
	if (flags == RING_EVENT_FLAGS_ENABLE)
		d->interrupts++;
	for (; flags == RING_EVENT_FLAGS_DESC && length; length--) {
		d->interrupts += at == event && wrap == event_wrap;
		position_advance(d, &at, &wrap, 1);
	}
}

void fake_virtqueue_say(struct fake_virtqueue *d, uint32_t id, uint32_t len, uint16_t flags)
{
	if (d->vq.is_packed) {
		struct pvirtq_desc *desc = &d->vq.packed[d->used];

		desc->id = (uint16_t)id;
		desc->len = len;
		desc->flags = flags | (d->used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0);
	} else {
		d->vq.used->ring[d->used & d->vq.mask] = (struct virtq_used_elem){ id, len };
		d->vq.used->idx = ++d->used;
	}
}

void fake_virtqueue_use(struct fake_virtqueue *d, unsigned i, uint32_t len)
{
	struct fake_virtqueue_chain c = d->chains[i];
	uint16_t before = d->used;
	bool wrap = d->used_wrap;

	d->chains[i] = d->chains[--d->held];
	fake_virtqueue_say(d, c.id, len, len ? VIRTQ_DESC_F_WRITE : 0);
	if (d->vq.is_packed) {
		position_advance(d, &d->used, &d->used_wrap, c.length);
		packed_interrupt(d, before, wrap, c.length);
	} else {
		split_interrupt(d, before);
	}
}

void fake_virtqueue_wants_bell(struct fake_virtqueue *d, bool wants)
{
	bool event = agreed(d, VIRTIO_F_EVENT_IDX);

	if (d->vq.is_packed) {
		uint32_t at = d->seen | (d->seen_wrap ? 0x8000 : 0);

		d->vq.device_event->word = !wants ? RING_EVENT_FLAGS_DISABLE << 16 :
					   event ? at | RING_EVENT_FLAGS_DESC << 16 : 0;
	} else if (event) {
		*(uint16_t *)&d->vq.used->ring[d->vq.mask + 1] = d->seen - !wants;
	} else {
		d->vq.used->flags = wants ? 0 : VIRTQ_USED_F_NO_NOTIFY;
	}
}
