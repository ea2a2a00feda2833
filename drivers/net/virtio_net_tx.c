/* SPDX-License-Identifier: MIT */
/*
 * Sending. Packets go into the ring as they are submitted and are published
 * by a work, so that those of one turn of the loop share a doorbell; where
 * the ring is full they wait in a line.
 *
 * No offload is asked for, so all headers are the same twelve zeros: one of the
 * device's own serves all packets that bring no room for theirs.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

enum { WATCH_LOOKS = 4 };	/* within NET_ANSWER_NS */

static inline int packet_add(struct virtio_net *v, struct net_packet *p)
{
	uint8_t *frame = p->data;

	if (p->headroom && v->one_piece) {
		const struct virtqueue_segment seg = { frame - v->header, v->header + p->len };

		memset(frame - v->header, 0, v->header);
		return virtqueue_add(v->tx, &seg, 1, 0, p);
	}
	const struct virtqueue_segment segs[] = {
		{ v->zeros, v->header },
		{ frame, p->len },
	};

	return virtqueue_add(v->tx, segs, 2, 0, p);
}

static void line_add(struct virtio_net *v, struct net_packet *p)
{
	p->waiting = true;
	p->next = NULL;
	*v->end = p;
	v->end = &p->next;
}

static void line_remove(struct virtio_net *v, struct net_packet *p)
{
	struct net_packet **at = &v->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (v->end == &p->next)
		v->end = at;
	p->waiting = false;
}

static void packet_end(struct virtio_net *v, struct net_packet *p, int error)
{
	if (likely(!error)) {
		v->net.stats.sent++;
		v->net.stats.sent_bytes += p->len;
	} else {
		v->net.stats.transmit_errors++;
	}
	request_end(&p->request, error);
}

static void publish_run(struct work *w)
{
	struct virtio_net *v = container_of(w, struct virtio_net, publish);

	virtqueue_publish(v->tx);
	v->net.stats.doorbells = v->dev->doorbells;
}

int virtio_net_transmit(struct netdev *dev, struct net_packet *p)
{
	struct virtio_net *v = virtio_net_of(dev);
	int rc;

	if (unlikely(v->dev->fault))
		return -ENODEV;
	rc = v->first || v->halted ? -ENOSPC : packet_add(v, p);
	if (unlikely(rc)) {
		if (rc != -ENOSPC)
			return rc;
		line_add(v, p);
	}
	p->number = v->submitted++;
	if (!v->publish.pending)
		work_post(&v->publish);
	if (unlikely(!v->watch.running))
		timer_start(&v->watch, NET_ANSWER_NS / WATCH_LOOKS);
	return 0;
}

void virtio_net_withdraw(struct netdev *dev, struct net_packet *p, int error)
{
	struct virtio_net *v = virtio_net_of(dev);

	if (!p->waiting) {
		p->error = error;
		return;
	}
	line_remove(v, p);
	v->back++;
	packet_end(v, p, error);
}

void virtio_net_tx_go_on(struct virtio_net *v)
{
	struct net_packet *p;

	while ((p = v->first)) {
		int rc = packet_add(v, p);

		if (rc == -ENOSPC)
			break;
		line_remove(v, p);
		if (rc) {
			v->back++;
			packet_end(v, p, rc);
		}
	}
	virtqueue_publish(v->tx);
}

void virtio_net_tx_drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct virtio_net *v = dev->driver_data;
	uint32_t written;
	void *token;

	while (virtqueue_take(vq, &token, &written) == 0) {
		struct net_packet *p = token;

		if (unlikely(token == v))	/* the proof's */
			continue;
		v->back++;
		packet_end(v, p, p->error);
	}
	if (unlikely(v->first) && !dev->fault)
		virtio_net_tx_go_on(v);
}

/* Into the line by its number; the device gave them back in any order. */
static void line_insert(struct virtio_net *v, struct net_packet *p)
{
	struct net_packet **at = &v->first;

	while (*at && (*at)->number < p->number)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	if (!p->next)
		v->end = &p->next;
	p->waiting = true;
}

void virtio_net_tx_take_back(struct virtio_net *v)
{
	struct net_packet *p;
	void *token;

	while ((token = virtqueue_detach(v->tx))) {
		p = token;
		if (token == v)
			continue;
		if (p->error) {
			v->back++;
			packet_end(v, p, p->error);
		} else {
			line_insert(v, p);
		}
	}
}

void virtio_net_tx_end(struct virtio_net *v)
{
	struct net_packet *p;

	void *token;

	while ((token = virtqueue_detach(v->tx)))
		if (token != v)
			line_insert(v, token);
	while ((p = v->first)) {
		line_remove(v, p);
		v->back++;
		packet_end(v, p, p->error ? p->error : v->error);
	}
	timer_cancel(&v->watch);
	work_cancel(&v->publish);
}

static void silent_for_long(struct virtio_net *v)
{
	if (!v->warned) {
		v->warned = true;
		log_warn("nothing was sent for %llu s, the device is reset",
			 (unsigned long long)(NET_ANSWER_NS / NS_PER_S));
		if (virtio_device_restart(v->dev) != -ENOTSUP)
			return;
	}
	v->error = -ETIMEDOUT;
	virtio_device_fail(v->dev, "no answer in time, packets", v->submitted - v->back);
}

static void watch_expired(struct timer *t)
{
	struct virtio_net *v = container_of(t, struct virtio_net, watch);

	virtio_net_tx_drain(v->tx);
	if (v->dev->fault || v->submitted == v->back)
		return;
	if (v->back != v->seen) {
		v->seen = v->back;
		v->silent = 0;
		v->warned = false;
	}
	if (v->silent++ == WATCH_LOOKS) {
		v->silent = 0;
		silent_for_long(v);
	}
	if (!v->dev->fault)
		timer_start(t, NET_ANSWER_NS / WATCH_LOOKS);
}

void virtio_net_tx_init(struct virtio_net *v)
{
	v->end = &v->first;
	v->publish.run = publish_run;
	v->watch.expired = watch_expired;
	v->error = -EPROTO;
}
