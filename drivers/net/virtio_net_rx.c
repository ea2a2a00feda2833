/* SPDX-License-Identifier: MIT */
/*
 * Receiving. Buffers of the driver's own wait in the ring, each as large as the
 * largest frame with its header; one that came back is shown to the device's
 * user and given again, all of a drain with one doorbell.
 *
 * Few buffers wait at first, as boot has no use for more; the ring is filled
 * once a frame has come. Nothing can make a device receive, so where frames
 * have an interrupt of their own it is not proved: until it was seen, a timer
 * looks.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

static int buffer_give(struct virtio_net *v, struct virtio_net_buffer *b)
{
	const struct virtqueue_segment seg = { b->data, v->buffer_size };
	int rc = virtqueue_add(v->rx, &seg, 0, 1, b);

	b->given = rc == 0;
	return rc;
}

int virtio_net_rx_give(struct virtio_net *v)
{
	int rc = 0;

	for (unsigned i = 0; i < v->buffer_count && !rc; i++)
		if (!v->buffers[i].given)
			rc = buffer_give(v, &v->buffers[i]);
	return rc;
}

int virtio_net_rx_fill(struct virtio_net *v, unsigned count)
{
	unsigned most = min(v->rx->size, (uint32_t)VIRTIO_NET_RING);
	int rc;

	while (v->buffer_count < min(count, most)) {
		struct virtio_net_buffer *b = &v->buffers[v->buffer_count];

		b->data = kmalloc(v->buffer_size);
		if (!b->data)
			return -ENOMEM;
		v->buffer_count++;
		rc = buffer_give(v, b);
		if (rc)
			return rc;
	}
	return 0;
}

void virtio_net_rx_take_back(struct virtio_net *v)
{
	struct virtio_net_buffer *b;

	while ((b = virtqueue_detach(v->rx)))
		b->given = false;
}

void virtio_net_rx_free(struct virtio_net *v)
{
	while (v->buffer_count)
		kfree(v->buffers[--v->buffer_count].data);
}

/* `written` includes the header. */
static void frame_show(struct virtio_net *v, const struct virtio_net_buffer *b, uint32_t written)
{
	struct net_frame frame = { b->data + v->header, written - v->header };

	if (unlikely(frame.len < NET_HEADER_LEN || !v->net.receive)) {
		v->net.stats.receive_dropped++;
		return;
	}
	v->net.stats.received++;
	v->net.stats.received_bytes += frame.len;
	v->net.receive(&v->net, &frame);
}

void virtio_net_rx_drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct virtio_net *v = dev->driver_data;
	unsigned taken = 0;
	uint32_t written;
	void *token;

	/* No more than the ring holds at a time: a flood must not keep the loop. */
	while (taken < vq->size && virtqueue_take(vq, &token, &written) == 0) {
		struct virtio_net_buffer *b = token;

		b->given = false;
		if (unlikely(written < v->header)) {	/* 5.1.6.4 */
			virtio_device_fail(dev, "received less than a header", written);
			return;
		}
		frame_show(v, b, written);
		if (unlikely(dev->fault))
			return;
		taken++;
		if (unlikely(buffer_give(v, b))) {
			virtio_device_fail(dev, "cannot be given a buffer again, queue", vq->index);
			return;
		}
	}
	if (!taken)
		return;
	virtqueue_publish(vq);
	v->net.stats.doorbells = dev->doorbells;
	if (unlikely(v->buffer_count == VIRTIO_NET_FIRST) && v->grow.run)
		work_post(&v->grow);
}
