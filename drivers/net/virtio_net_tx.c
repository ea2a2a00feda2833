/* SPDX-License-Identifier: MIT */
/*
 * Packets out.
 *
 * Most are plain, with room for the header before their data, and find room in
 * the ring: these take the short way, which is one function. A packet without
 * that room has the header in a descriptor of its own: one of zeros that all
 * plain packets share, or a spare one. The header is written once the ring has
 * accepted the memory, and before the packet is published.
 *
 * What was submitted in one turn of the loop is published at the start of the
 * next, with one doorbell. The device is asked for an interrupt once all that it
 * has came back, not for each; what came back meanwhile is taken whenever more
 * is published, so that done() is called in bounded time, however long the
 * stream.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const uint8_t gso_types[] = {
	[NET_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE, [NET_GSO_TCPV4] = VIRTIO_NET_HDR_GSO_TCPV4,
	[NET_GSO_TCPV6] = VIRTIO_NET_HDR_GSO_TCPV6, [NET_GSO_UDP_L4] = VIRTIO_NET_HDR_GSO_UDP_L4,
};

static struct virtio_net_tx *tx_of(struct virtio_net *v, const struct virtqueue *vq)
{
	return &v->tx[vq->index / 2];
}

/* The queue of a packet, of those in use. */
static __inlined struct virtio_net_tx *queue_of(struct virtio_net *v, const struct net_packet *p)
{
	unsigned pairs = v->net.queue_pairs;

	return &v->tx[likely(p->queue < pairs) ? p->queue : p->queue % pairs];
}

static __inlined void publish_soon(struct virtio_net *v)
{
	if (!v->publish.pending)
		work_post(&v->publish);
	if (unlikely(!v->watch.running))
		virtio_net_watch(v);
}

static void spare_give_back(struct virtio_net *v, struct net_packet *p)
{
	struct virtio_net_spare *s = &v->spare[p->header - 1];

	s->next = v->spares;
	v->spares = s;
	p->header = 0;
}

static void header_fill(struct virtio_net_header *h, const struct net_packet *p, unsigned len)
{
	struct virtio_net_header header = { 0 };

	if (p->checksum) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = p->checksum_start;
		header.csum_offset = p->checksum_offset;
	}
	if (p->gso != NET_GSO_NONE) {
		header.gso_type = gso_types[p->gso];
		header.gso_size = p->gso_size;
		header.hdr_len = p->gso_header;
	}
	memcpy(h, &header, len);
}

/* All of the headroom, as that is two stores: a plain header of either length. */
static __inlined void headroom_clear(const struct net_packet *p)
{
	struct { uint64_t low, high; } __packed *room =
		(void *)((uint8_t *)p->data - NET_HEADROOM);

	static_assert(sizeof(*room) == NET_HEADROOM, "all of it");
	room->low = 0;
	room->high = 0;
}

/* Gives the device any packet. Returns 0, or what virtqueue_add() does; it is not shown yet. */
static int give(struct virtio_net *v, struct virtio_net_tx *q, struct net_packet *p)
{
	struct virtio_net_spare *spare = p->headroom || !p->checksum ? NULL : v->spares;
	struct virtio_net_header *header = &v->plain;
	struct virtqueue_segment segs[2];
	bool alone = v->header_alone || !p->headroom;
	int rc;

	if (p->headroom)
		header = (void *)((uint8_t *)p->data - v->header_len);
	else if (p->checksum && !spare)
		return -ENOSPC;
	else if (spare)
		header = &spare->header;
	segs[0] = (struct virtqueue_segment){ header, v->header_len + (alone ? 0 : p->len) };
	segs[1] = (struct virtqueue_segment){ p->data, p->len };
	rc = virtqueue_add(q->vq, segs, 1 + alone, 0, p);
	if (rc)
		return rc;
	p->number = q->vq->added;
	if (spare) {
		p->header = (uint8_t)(spare - v->spare + 1);
		v->spares = spare->next;
	}
	if (header != &v->plain)
		header_fill(header, p, v->header_len);
	return 0;
}

static void line_add(struct virtio_net_tx *q, struct net_packet *p)
{
	p->waits = true;
	p->next = NULL;
	*q->end = p;
	q->end = &p->next;
}

static void line_remove(struct virtio_net_tx *q, struct net_packet **at)
{
	struct net_packet *p = *at;

	*at = p->next;
	if (!*at)
		q->end = at;
	p->waits = false;
}

static void packet_over(struct virtio_net *v, struct net_packet *p, int error)
{
	v->net.stats.transmit_errors += error != 0;
	request_end(&p->request, error);
}

/* One that came back and has a spare header, or ends with an error. */
static __noinline void packet_back(struct virtio_net *v, struct net_packet *p)
{
	if (p->header)
		spare_give_back(v, p);
	packet_over(v, p, p->error);
}

/* Gives the device of the line what there is room for; what it cannot have ends. */
static void line_run(struct virtio_net *v, struct virtio_net_tx *q)
{
	struct net_packet *p;
	int rc;

	while ((p = q->first)) {
		rc = give(v, q, p);
		if (rc == -ENOSPC || rc == -EPROTO)
			break;
		line_remove(q, &q->first);
		if (rc)
			packet_over(v, p, rc);
	}
	if (!v->dev->fault)
		publish_soon(v);
}

/* All of them: a header that came back in one queue may be waited for in another. */
static void lines_run(struct virtio_net *v)
{
	for (unsigned i = 0; i < v->pairs; i++)
		if (v->tx[i].first)
			line_run(v, &v->tx[i]);
}

/* What came back. */
static void drain(struct virtio_net *v, struct virtio_net_tx *q)
{
	uint64_t bytes = 0;
	unsigned count = 0;
	uint32_t written;
	void *token;

	while (virtqueue_take(q->vq, &token, &written) == 0) {
		struct net_packet *p = token;

		count++;
		bytes += p->len;
		if (unlikely(p->error | p->header))
			packet_back(v, p);
		else
			request_end(&p->request, 0);
	}
	v->back.packets += count;
	v->net.stats.sent += count;
	v->net.stats.sent_bytes += bytes;
	if (unlikely(count && (q->first || v->pairs > 1)))
		lines_run(v);
}

/* What the short way cannot do. */
static __noinline int transmit_otherwise(struct virtio_net *v, struct net_packet *p)
{
	struct virtio_net_tx *q = queue_of(v, p);
	int rc = netdev_begin(&v->net, p);

	if (rc)
		return rc;
	rc = q->first ? -ENOSPC : give(v, q, p);
	if (rc == -ENOSPC && !q->first) {
		drain(v, q);
		rc = give(v, q, p);
	}
	if (v->dev->fault)
		return netdev_refuse(p, -ENODEV);
	if (rc == -EINVAL)		/* more segments than the whole ring has */
		rc = -ENOTSUP;
	if (rc && rc != -ENOSPC)
		return netdev_refuse(p, rc);
	if (rc)
		line_add(q, p);
	publish_soon(v);
	return 0;
}

static __noinline int publish_first(struct virtio_net *v)
{
	publish_soon(v);
	return 0;
}

/* Whatever is rare ends in a call of its own, so that what is frequent keeps no registers. */
int virtio_net_transmit(struct netdev *dev, struct net_packet *p)
{
	struct virtio_net *v = virtio_net_of(dev);
	struct virtio_net_tx *q = queue_of(v, p);
	struct virtqueue *vq = q->vq;
	unsigned header_len = v->header_len;
	struct virtqueue_segment seg = { (uint8_t *)p->data - header_len, p->len + header_len };

	if (unlikely(!netdev_is_plain(dev, p) || !p->headroom || v->header_alone || q->first ||
		     !virtqueue_add_short(vq, &seg, 1, 0, p)))
		return transmit_otherwise(v, p);
	netdev_begin_plain(dev, p);
	headroom_clear(p);
	p->number = vq->added;
	return likely(v->publish.pending && v->watch.running) ? 0 : publish_first(v);
}

/* One that is polled interrupts for nothing. */
static void queue_publish(struct virtio_net *v, struct virtio_net_tx *q)
{
	struct virtqueue *vq = q->vq;

	if (virtqueue_has_used(vq))
		drain(v, q);
	if (vq->stopped || virtqueue_outstanding(vq) == 0)
		return;
	if (!vq->source) {
		virtio_net_show(v, vq);
		return;
	}
	virtqueue_interrupts_off(vq);
	virtio_net_show(v, vq);
	/* All came back already: no interrupt will tell. */
	if (!virtqueue_interrupts_on_after(vq, virtqueue_outstanding(vq)))
		work_post(&v->publish);
}

static void publish_run(struct work *w)
{
	struct virtio_net *v = container_of(w, struct virtio_net, publish);

	for (unsigned i = 0; i < v->pairs && !v->dev->fault; i++)
		queue_publish(v, &v->tx[i]);
}

void virtio_net_tx_drain(struct virtqueue *vq)
{
	struct virtio_net *v = ((struct virtio_device *)vq->owner)->driver_data;

	drain(v, tx_of(v, vq));
}

void virtio_net_tx_drain_all(struct virtio_net *v)
{
	for (unsigned i = 0; i < v->pairs && !v->dev->fault; i++)
		drain(v, &v->tx[i]);
}

unsigned virtio_net_tx_outstanding(const struct virtio_net *v)
{
	unsigned count = 0;

	for (unsigned i = 0; i < v->pairs; i++)
		count += virtqueue_outstanding(v->tx[i].vq);
	return count;
}

static struct net_packet **line_find(struct virtio_net_tx *q, const struct net_packet *p)
{
	struct net_packet **at = &q->first;

	while (*at && *at != p)
		at = &(*at)->next;
	return *at ? at : NULL;
}

/* It may have come back, and nobody has looked yet. */
void virtio_net_withdraw(struct netdev *dev, struct net_packet *p, int error)
{
	struct virtio_net *v = virtio_net_of(dev);
	struct net_packet **at;

	if (error == -ETIMEDOUT)
		virtio_net_tx_drain_all(v);
	if (!request_is_open(&p->request))
		return;
	if (!p->error)
		p->error = error;
	if (!p->waits) {
		if (error == -ETIMEDOUT)
			work_post(&v->restart);
		return;
	}
	for (unsigned i = 0; i < v->pairs; i++) {
		at = line_find(&v->tx[i], p);
		if (!at)
			continue;
		line_remove(&v->tx[i], at);
		packet_over(v, p, p->error);
		return;
	}
}

/* In the order in which the packets were given; what waits has not been and comes last. */
static void line_insert(struct virtio_net_tx *q, struct net_packet *p)
{
	struct net_packet **at = &q->first;

	while (*at && !(*at)->waits && (*at)->number < p->number)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	if (!p->next)
		q->end = &p->next;
}

/* One that ends anyway is given up: its memory is its owner's now. */
void virtio_net_tx_take_back(struct virtio_net *v, struct virtio_net_tx *q)
{
	struct net_packet *p;

	while ((p = virtqueue_detach(q->vq))) {
		if (p->header)
			spare_give_back(v, p);
		if (p->error)
			packet_over(v, p, p->error);
		else
			line_insert(q, p);
	}
	for (p = q->first; p; p = p->next)
		p->waits = true;
}

void virtio_net_tx_give_back(struct virtio_net *v)
{
	struct virtio_net_tx *first = &v->tx[0];

	for (unsigned i = v->net.queue_pairs; i < v->pairs; i++) {
		struct virtio_net_tx *q = &v->tx[i];

		if (!q->first)
			continue;
		*first->end = q->first;
		first->end = q->end;
		q->first = NULL;
		q->end = &q->first;
	}
	lines_run(v);
}

void virtio_net_tx_end_all(struct virtio_net *v)
{
	for (unsigned i = 0; i < v->pairs; i++) {
		struct virtio_net_tx *q = &v->tx[i];

		virtio_net_tx_take_back(v, q);
		while (q->first) {
			struct net_packet *p = q->first;

			line_remove(q, &q->first);
			packet_over(v, p, v->error);
		}
	}
}

void virtio_net_tx_init(struct virtio_net *v)
{
	v->publish.run = publish_run;
	for (unsigned i = 0; i < VIRTIO_NET_PAIRS_MAX; i++)
		v->tx[i].end = &v->tx[i].first;
	for (unsigned i = 0; i < VIRTIO_NET_SPARES; i++) {
		v->spare[i].next = v->spares;
		v->spares = &v->spare[i];
	}
}
