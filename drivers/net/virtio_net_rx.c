/* SPDX-License-Identifier: MIT */
/*
 * Frames in.
 *
 * The buffers are made once and are in the ring, but for the moment in which
 * the device's user sees what is in one. A few are made at the start, so that
 * booting is cheap; the rest when the first frame arrives that somebody wants.
 *
 * A frame that took several buffers (MRG_RXBUF, 5.1.6.4) is put together in a
 * block of its own. Its buffers are given back by the device together, so one
 * that is missing is a lie. What the header says of checksums and segments, on
 * the other hand, may be the word of whoever sent the frame: where that cannot
 * be, the frame is dropped and the device goes on.
 */
#include <asm/barrier.h>

#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

enum {
	FIRST = 8,			/* buffers of a queue at the start */
	CHUNK_LEN = 4 * PAGE_SIZE,	/* that are made at once, unless one is longer */
	QUEUE_LEN = 1 << 20,		/* bytes of all buffers of a queue */
};

static unsigned chunk_order(const struct virtio_net *v)
{
	size_t len = max((size_t)v->buffer_len, (size_t)CHUNK_LEN);
	unsigned order = 0;

	while (PAGE_SIZE << order < len)
		order++;
	return order;
}

/* The header in a descriptor of its own (5.1.6.6). */
static __noinline int buffer_post_apart(struct virtio_net *v, struct virtqueue *vq, void *buffer)
{
	struct virtqueue_segment segs[2] = {
		{ buffer, v->header_len },
		{ (uint8_t *)buffer + v->header_len, v->buffer_use - v->header_len },
	};

	return virtqueue_add(vq, segs, 0, 2, buffer);
}

static __inlined int buffer_post(struct virtio_net *v, struct virtqueue *vq, void *buffer)
{
	struct virtqueue_segment seg = { buffer, v->buffer_use };

	if (unlikely(v->header_alone))
		return buffer_post_apart(v, vq, buffer);
	return virtqueue_add(vq, &seg, 0, 1, buffer);
}

/* Makes and posts as many buffers as a block holds, `most` of them at most. */
static int chunk_make(struct virtio_net *v, struct virtio_net_rx *q)
{
	unsigned order = chunk_order(v);
	uint8_t *chunk = page_alloc(order, PAGE_ANY | PAGE_USE_DMA);
	size_t n = (PAGE_SIZE << order) / v->buffer_len;

	if (!chunk)
		return -ENOMEM;
	for (size_t i = 0; i < n && q->count < q->most; i++) {
		void *buffer = chunk + i * v->buffer_len;
		int rc = buffer_post(v, q->vq, buffer);

		if (rc && i == 0)
			page_free(chunk, order);
		if (rc)
			return rc;
		q->buffers[q->count++] = buffer;
	}
	return 0;
}

/* The buffers of one block lie behind each other, the first of them first. */
static void queue_free(struct virtio_net *v, struct virtio_net_rx *q)
{
	unsigned order = chunk_order(v);
	unsigned n = (unsigned)((PAGE_SIZE << order) / v->buffer_len);

	for (unsigned i = 0; i < q->count; i += n)
		page_free(q->buffers[i], order);
	kfree(q->buffers);
	q->buffers = NULL;
	q->count = 0;
}

void virtio_net_rx_free(struct virtio_net *v)
{
	for (unsigned i = 0; i < v->pairs; i++)
		queue_free(v, &v->rx[i]);
	kfree(v->merge);
}

/* At least one frame of the longest kind finds room (5.1.6.3.1). */
static unsigned first_count(const struct virtio_net *v)
{
	uint32_t longest = max(v->merge_len, v->frame_max) + v->header_len;

	return max((unsigned)FIRST, longest / v->buffer_len + 1);
}

static int queue_fill(struct virtio_net *v, struct virtio_net_rx *q, unsigned count)
{
	int rc = 0;

	while (!rc && q->count < min(count, q->most))
		rc = chunk_make(v, q);
	return rc;
}

static void fill_run(struct work *w)
{
	virtio_net_rx_fill(container_of(w, struct virtio_net, fill));
}

/*
 * Where buffers are merged they are short. Else each holds any frame, 1526 bytes
 * with its header at the least (5.1.6.3.1).
 */
static void lengths_init(struct virtio_net *v)
{
	uint64_t has = v->dev->features;

	v->frame_max = NET_HEADER_LEN + v->net.mtu + VIRTIO_NET_VLAN;
	v->buffer_len = VIRTIO_NET_BUFFER;
	v->merge_len = 0;
	if (!(has & VIRTIO_NET_F_MRG_RXBUF))
		while (v->buffer_len < v->frame_max + sizeof(struct virtio_net_header))
			v->buffer_len *= 2;
	else if (has & VIRTIO_NET_F_GUEST_TSO)
		v->merge_len = max(v->frame_max, (uint32_t)NET_FRAME_MAX);
	else if (v->frame_max + v->header_len > v->buffer_len)
		v->merge_len = v->frame_max;
	v->buffer_use = v->buffer_len - (uint32_t)sizeof(struct virtio_net_header) + v->header_len;
}

static int queue_alloc(struct virtio_net *v, struct virtio_net_rx *q)
{
	q->most = min(q->vq->size / (1 + v->header_alone), QUEUE_LEN / v->buffer_len);
	q->buffers = kmalloc(max(q->most, 1u) * sizeof(q->buffers[0]));
	return q->buffers ? 0 : -ENOMEM;
}

int virtio_net_rx_alloc(struct virtio_net *v)
{
	int rc = 0;

	lengths_init(v);
	v->fill.run = fill_run;
	if (v->merge_len) {
		v->merge = kmalloc(v->merge_len);
		if (!v->merge)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < v->pairs && !rc; i++)
		rc = queue_alloc(v, &v->rx[i]);
	return rc ? rc : queue_fill(v, &v->rx[0], first_count(v));
}

void virtio_net_rx_fill(struct virtio_net *v)
{
	int rc = 0;

	for (unsigned i = 0; i < v->net.queue_pairs && !v->dev->fault; i++) {
		struct virtio_net_rx *q = &v->rx[i];

		rc = queue_fill(v, q, q->most);
		virtio_net_show(v, q->vq);
		if (rc == -ENOMEM)
			log_warn("%s: %u receive buffers instead of %u: no memory", v->net.driver,
				 q->count, q->most);
	}
}

/* What no header may say; true if the frame is to be dropped. */
static bool offloads_read(struct virtio_net *v, const struct virtio_net_header *h, uint32_t len)
{
	static const enum net_gso kinds[] = {
		[VIRTIO_NET_HDR_GSO_NONE] = NET_GSO_NONE,
		[VIRTIO_NET_HDR_GSO_TCPV4] = NET_GSO_TCPV4,
		[VIRTIO_NET_HDR_GSO_TCPV6] = NET_GSO_TCPV6,
	};
	uint64_t has = v->dev->features;
	struct net_frame *f = &v->frame;
	bool asked = has & VIRTIO_NET_F_GUEST_CSUM;

	f->checksum_good = asked && h->flags & VIRTIO_NET_HDR_F_DATA_VALID;
	f->checksum_partial = asked && h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (f->checksum_partial) {
		if ((uint32_t)h->csum_start + h->csum_offset + 2 > len)
			return true;
		f->checksum_start = h->csum_start;
		f->checksum_offset = h->csum_offset;
	}
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return len > v->frame_max;
	if (!(h->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && has & VIRTIO_NET_F_GUEST_TSO4) &&
	    !(h->gso_type == VIRTIO_NET_HDR_GSO_TCPV6 && has & VIRTIO_NET_F_GUEST_TSO6))
		return true;
	f->gso = kinds[h->gso_type];
	f->gso_size = h->gso_size;
	return !f->checksum_partial || f->gso_size == 0 || len > NET_FRAME_MAX;
}

static __inlined void deliver(struct virtio_net *v, const uint8_t *data, uint32_t len)
{
	struct netdev *net = &v->net;

	if (unlikely(!net->receive || len < NET_HEADER_LEN)) {
		net->stats.receive_dropped++;
		return;
	}
	net->stats.received++;
	net->stats.received_bytes += len;
	v->frame.data = data;
	v->frame.len = len;
	net->receive(net, &v->frame);
}

/* A frame about which the header says more than nothing. */
static void deliver_with(struct virtio_net *v, const struct virtio_net_header *h,
			 const uint8_t *data, uint32_t len)
{
	unsigned queue = v->frame.queue;

	if (offloads_read(v, h, len))
		v->net.stats.receive_dropped++;
	else
		deliver(v, data, len);
	v->frame = (struct net_frame){ .queue = queue };
}

/* Puts `len` bytes behind the *at that are there; what is too much only counts. */
static void merge_add(struct virtio_net *v, const void *data, uint32_t len, uint32_t *at)
{
	if (*at <= v->merge_len && len <= v->merge_len - *at)
		memcpy(v->merge + *at, data, len);
	*at += len;
}

/* A buffer of ours again; whether it could be posted, which fails if the device was stopped. */
static __inlined bool buffer_again(struct virtio_net *v, struct virtqueue *vq, void *buffer)
{
	int rc = buffer_post(v, vq, buffer);

	if (likely(!rc))
		return true;
	virtio_device_fail(v->dev, "a receive buffer cannot be given to it again, error",
			   (uint64_t)-rc);
	return false;
}

/*
 * A frame of `n` buffers, of which the first holds `len` bytes, header included.
 * All go back before the frame is shown, as it is a copy.
 */
static bool merged_take(struct virtio_net *v, struct virtio_net_rx *q, void *buffer, uint32_t len,
			const struct virtio_net_header *h, unsigned n)
{
	uint32_t at = 0;
	int rc;

	if (n == 0 || n > q->count) {
		virtio_device_fail(v->dev, "a frame in no such number of buffers", n);
		return false;
	}
	merge_add(v, (uint8_t *)buffer + v->header_len, len - v->header_len, &at);
	while (buffer_again(v, q->vq, buffer) && --n) {
		rc = virtqueue_take(q->vq, &buffer, &len);
		if (rc == -EAGAIN)
			virtio_device_fail(v->dev, "a frame whose buffers did not all come, lacks",
					   n);
		if (rc)
			return false;
		merge_add(v, buffer, len, &at);
	}
	if (v->dev->fault)
		return false;
	v->net.stats.merged++;
	if (at > v->merge_len)
		v->net.stats.receive_dropped++;
	else
		deliver_with(v, h, v->merge, at);
	return !v->dev->fault;
}

/* What is not a plain frame in one buffer. */
static __noinline bool frame_take_otherwise(struct virtio_net *v, struct virtio_net_rx *q,
					    void *buffer, uint32_t len)
{
	struct virtio_net_header h = { 0 };
	bool merges = v->dev->features & VIRTIO_NET_F_MRG_RXBUF;

	if (len < v->header_len) {
		virtio_device_fail(v->dev, "a frame shorter than its header", len);
		return false;
	}
	memcpy(&h, buffer, v->header_len);
	barrier_compiler();
	if (merges && h.num_buffers != 1)
		return merged_take(v, q, buffer, len, &h, h.num_buffers);
	deliver_with(v, &h, (uint8_t *)buffer + v->header_len, len - v->header_len);
	return buffer_again(v, q->vq, buffer);
}

/* False if the device was stopped meanwhile. */
static __inlined bool frame_take(struct virtio_net *v, struct virtio_net_rx *q,
				 struct virtqueue *vq, void *buffer, uint32_t len, bool merges)
{
	const volatile struct virtio_net_header *h = buffer;	/* each read once */

	if (unlikely(len < v->header_len || len - v->header_len > v->frame_max ||
		     h->flags || h->gso_type || (merges && h->num_buffers != 1)))
		return frame_take_otherwise(v, q, buffer, len);
	deliver(v, (uint8_t *)buffer + v->header_len, len - v->header_len);
	return buffer_again(v, vq, buffer);
}

/* As many as there are buffers, so that a device that is never done does not hold the loop. */
void virtio_net_rx_drain(struct virtqueue *vq)
{
	struct virtio_net *v = ((struct virtio_device *)vq->owner)->driver_data;
	struct virtio_net_rx *q = &v->rx[vq->index / 2];
	bool merges = v->dev->features & VIRTIO_NET_F_MRG_RXBUF;
	unsigned count = 0;
	uint32_t len;
	void *buffer;

	v->frame.queue = vq->index / 2;
	while (count < q->count && virtqueue_take(vq, &buffer, &len) == 0) {
		if (!frame_take(v, q, vq, buffer, len, merges))
			return;
		if (++count % VIRTIO_NET_BATCH == 0)
			virtio_net_show(v, vq);
	}
	if (v->dev->fault)
		return;
	virtio_net_show(v, vq);
	if (unlikely(count && !v->filling && v->net.receive)) {
		v->filling = true;
		work_post(&v->fill);
	}
}

/* All buffers are known apart from the ring. */
void virtio_net_rx_take_back(struct virtio_net_rx *q)
{
	while (virtqueue_detach(q->vq))
		;
}

void virtio_net_rx_give_back(struct virtio_net *v, struct virtio_net_rx *q)
{
	for (unsigned i = 0; i < q->count; i++)
		if (!buffer_again(v, q->vq, q->buffers[i]))
			return;
	virtio_net_show(v, q->vq);
}
