/* SPDX-License-Identifier: MIT */
/*
 * What all rings share: where their parts lie, what is outstanding, the end.
 *
 * What a ring must remember of a request lies in its slot, which the device
 * cannot reach: the slot of the chain's first descriptor in a split ring, that
 * of the buffer id in a packed one. Free slots form a list, so adding takes the
 * first of it and giving back puts in front, without a search.
 *
 * Requests are numbered as they are added, from 0 on, in 64 bits, which never
 * wrap. So what a device may give back is what has a number below
 * `published`; a slot that is free has the highest of all.
 */
#include "drivers/virtio/virtqueue.h"

#include "drivers/virtio/virtqueue_ring.h"

static bool wants(const struct virtqueue_shape *shape, uint64_t feature)
{
	return (shape->features & VIRTQUEUE_FEATURES & feature) != 0;
}

void virtqueue_layout(const struct virtqueue_shape *shape, struct virtqueue_layout *out)
{
	size_t n = shape->entries;
	size_t tables = wants(shape, VIRTIO_F_INDIRECT_DESC) ? shape->size * VIRTQUEUE_TABLE : 0;

	*out = (struct virtqueue_layout){ .shape = *shape, .avail = n * sizeof(struct virtq_desc) };
	if (wants(shape, VIRTIO_F_RING_PACKED)) {
		out->used = out->avail + sizeof(struct pvirtq_event);
		out->total = out->used + sizeof(struct pvirtq_event);
	} else {
		/* Each ring ends with an event index (2.7.6, 2.7.8). */
		out->used = align_up(out->avail + sizeof(struct virtq_avail) + 2 * n + 2,
				     shape->align);
		out->total = out->used + sizeof(struct virtq_used) +
			     n * sizeof(struct virtq_used_elem) + 2;
	}
	if (tables) {
		out->tables = align_up(out->total, sizeof(struct virtq_desc));
		out->total = out->tables + tables * sizeof(struct virtq_desc);
	}
}

static void slots_init(struct virtqueue *vq)
{
	for (uint32_t i = 0; i < vq->size; i++) {
		struct virtqueue_slot *slot = &vq->slots[i];

		slot->number = VIRTQUEUE_IDLE;
		slot->fill = 0;
		slot->table_token = NULL;
		slot->id = (uint16_t)i;
		slot->desc = &vq->desc[i];
		slot->next = i + 1 < vq->size ? slot + 1 : NULL;
	}
}

static void ring_init(struct virtqueue *vq)
{
	vq->added = vq->published = vq->taken = vq->used_known = 0;
	vq->detach_next = 0;
	vq->stopped = false;
	slots_init(vq);
	if (virtqueue_packed(vq))
		virtqueue_packed_init(vq);
	else
		virtqueue_split_init(vq);
	virtqueue_interrupts_off(vq);
}

void virtqueue_init(struct virtqueue *vq, const struct virtqueue_layout *layout, void *memory,
		    struct virtqueue_slot *slots, const struct virtqueue_ops *ops)
{
	const struct virtqueue_shape *shape = &layout->shape;
	char *base = memory;

	*vq = (struct virtqueue){
		.ops = ops,
		.desc = memory,
		.avail = (struct virtq_avail *)(base + layout->avail),
		.used = (struct virtq_used *)(base + layout->used),
		.tables = layout->tables ? (struct virtq_desc *)(base + layout->tables) : NULL,
		.slots = slots,
		.size = shape->size,
		.entries = shape->entries,
		.mask = shape->entries - 1u,
		.is_packed = wants(shape, VIRTIO_F_RING_PACKED),
		.event_idx = wants(shape, VIRTIO_F_EVENT_IDX),
		.direct = layout->tables ? shape->size / 2u : 0,
		.memory = memory,
	};
	ring_init(vq);
}

void virtqueue_reinit(struct virtqueue *vq)
{
	ring_init(vq);
}

int virtqueue_refusal(const struct virtqueue *vq, unsigned out, unsigned in, const void *token)
{
	if (vq->stopped)
		return -EPROTO;
	if (!token || out > vq->size || in > vq->size || out + in > vq->size || out + in == 0)
		return -EINVAL;
	return -ENOSPC;
}

int virtqueue_add_any(struct virtqueue *vq, const struct virtqueue_segment *segs, unsigned out,
		      unsigned in, void *token)
{
	return virtqueue_packed(vq) ? virtqueue_packed_add(vq, segs, out, in, token) :
				      virtqueue_split_add(vq, segs, out, in, token);
}

unsigned virtqueue_room(const struct virtqueue *vq)
{
	uint32_t table = vq->tables ? min((uint32_t)VIRTQUEUE_TABLE, vq->size) : 0;
	uint32_t free = virtqueue_free_count(vq);

	return free ? max(free, table) : 0;
}

void virtqueue_publish(struct virtqueue *vq)
{
	if (vq->published == vq->added)
		return;
	if (virtqueue_packed(vq))
		virtqueue_packed_publish(vq);
	else
		virtqueue_split_publish(vq);
}

bool virtqueue_has_used(const struct virtqueue *vq)
{
	return virtqueue_packed(vq) ? virtqueue_packed_has_used(vq) :
				      virtqueue_split_has_used(vq);
}

void virtqueue_interrupts_off(struct virtqueue *vq)
{
	if (virtqueue_packed(vq))
		virtqueue_packed_interrupts_off(vq);
	else
		virtqueue_split_interrupts_off(vq);
}

/*
 * No wake-up is lost between a drain and the wait for an interrupt. The device
 * writes what it gives back, then looks at what we want; we write what we
 * want, then look at what it gave back; and on either side a full barrier
 * lies between the two (2.7.7.2 and 2.8.21.3.1 ask the device for its own). So at
 * least one of us sees what the other wrote: either the device sees that an
 * interrupt is wanted, or we see what it gave back, say false, and the
 * caller drains once more instead of waiting.
 *
 * That holds for each way to say what is wanted: a flag (avail->flags, or the word of
 * a packed ring's driver event suppression) and an event index are each one
 * word that is written once. An event index that the device passed
 * before it saw the word is the same case as a flag that it saw too late.
 */
bool virtqueue_interrupts_on(struct virtqueue *vq)
{
	return virtqueue_interrupts_on_after(vq, 1);
}

bool virtqueue_interrupts_on_after(struct virtqueue *vq, unsigned count)
{
	if (vq->stopped)
		return true;
	return virtqueue_packed(vq) ? virtqueue_packed_interrupts_on(vq, count) :
				      virtqueue_split_interrupts_on(vq, count);
}

void virtqueue_stop(struct virtqueue *vq)
{
	vq->stopped = true;
	/* None of the short ways leads on. */
	vq->free = NULL;
	vq->spare = -1;
	vq->published = vq->added;
	vq->used_known = vq->taken;
}

int virtqueue_lie(struct virtqueue *vq, const char *what, uint64_t value)
{
	virtqueue_stop(vq);
	vq->ops->lie(vq, what, value);
	return -EPROTO;
}

void virtqueue_used_lie(struct virtqueue *vq, uint32_t id, uint32_t len)
{
	if (virtqueue_outstanding_slot(vq, id))
		(void)virtqueue_lie(vq, "used length beyond the writable bytes", len);
	else
		(void)virtqueue_lie(vq, "used id is no outstanding request", id);
}

void *virtqueue_detach(struct virtqueue *vq)
{
	if (!vq->stopped)
		return NULL;
	while (vq->detach_next < vq->size) {
		struct virtqueue_slot *slot = &vq->slots[vq->detach_next++];

		if (slot->number != VIRTQUEUE_IDLE) {
			slot->number = VIRTQUEUE_IDLE;
			vq->used_known = ++vq->taken;
			return slot->token;
		}
	}
	return NULL;
}
