/* SPDX-License-Identifier: MIT */
/*
 * The entropy device (VIRTIO 1.2, 5.4): one queue of buffers that the device
 * fills.
 *
 * Random bytes are as good as each other. So the device is kept supplied with
 * pieces, buffers of ours, for as many bytes as all requests lack together, and
 * what comes back goes to the request that is first in the line. A request
 * that is withdrawn just leaves the line; no device knows its memory, which may
 * be a stack, and a piece that the device has yet is used for others when it
 * comes back, or thrown away.
 *
 * A piece is cleared once its bytes are handed on: they are secrets, and a
 * device that claims to have written what it did not then delivers zeros, not
 * the bytes of before.
 *
 * The watch runs while the device owes us something. It starts anew when a
 * request was served in full: a device that trickles does not hold us.
 */
#include "drivers/rng/rng.h"

#include "drivers/virtio/virtio.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS rng
#include "kernel/log.h"
LOG_DEFINE();

enum {
	PIECE_MAX = 256,
	PIECES = 4,
};

struct piece {
	uint8_t bytes[PIECE_MAX];	/* the device writes */
	uint32_t asked;			/* 0: it is ours */
};

struct virtio_rng {
	struct rng rng;
	struct virtio_device *dev;
	struct virtqueue *vq;
	struct rng_request *first, **end;	/* the line */
	size_t wanted;			/* bytes that the requests of the line lack */
	size_t asked;			/* bytes of pieces that the device has */
	int error;			/* that ends what is outstanding, if stopped */
	struct timer watch;
	struct piece pieces[PIECES];
};

static struct virtio_rng *of(struct rng *rng)
{
	return container_of(rng, struct virtio_rng, rng);
}

/* Gives the device a piece to fill. */
static int piece_ask(struct virtio_rng *v, struct piece *p, size_t len)
{
	struct virtqueue_segment seg = { p->bytes, (uint32_t)min(len, sizeof(p->bytes)) };
	int rc = virtqueue_add(v->vq, &seg, 0, 1, p);

	if (!rc) {
		p->asked = seg.len;
		v->asked += seg.len;
	}
	return rc;
}

/* Asks for what is lacking, as far as there are pieces and room; one doorbell. */
static int pieces_ask(struct virtio_rng *v)
{
	unsigned usable = min((unsigned)PIECES, (unsigned)v->vq->size);
	int rc = 0;

	for (unsigned i = 0; i < usable && v->asked < v->wanted; i++) {
		if (v->pieces[i].asked)
			continue;
		rc = piece_ask(v, &v->pieces[i], v->wanted - v->asked);
		if (rc)
			break;
	}
	virtqueue_publish(v->vq);
	return rc;
}

static void line_add(struct virtio_rng *v, struct rng_request *r)
{
	r->next = NULL;
	*v->end = r;
	v->end = &r->next;
	v->wanted += r->len;
}

static void line_remove(struct virtio_rng *v, struct rng_request *r)
{
	struct rng_request **at = &v->first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (v->end == &r->next)
		v->end = at;
	v->wanted -= r->len - r->filled;
}

/* Started again: the time is that of the next in the line. */
static void watch_restart(struct virtio_rng *v)
{
	if (v->first || v->asked)
		timer_start(&v->watch, RNG_ANSWER_NS);
	else
		timer_cancel(&v->watch);
}

/* Hands bytes on, in the order of the line; what nobody wants is dropped. */
static void bytes_hand_on(struct virtio_rng *v, const uint8_t *bytes, size_t len)
{
	struct rng_request *r;
	bool served = false;

	while (len && (r = v->first)) {
		size_t n = min(len, r->len - r->filled);

		memcpy((uint8_t *)r->buf + r->filled, bytes, n);
		r->filled += n;
		v->wanted -= n;
		bytes += n;
		len -= n;
		if (r->filled == r->len) {
			line_remove(v, r);
			rng_end(r, 0);
			served = true;
		}
	}
	if (served || !v->first)
		watch_restart(v);
}

static void piece_take(struct virtio_rng *v, struct piece *p, uint32_t got)
{
	v->asked -= p->asked;
	p->asked = 0;
	bytes_hand_on(v, p->bytes, got);
	memset(p->bytes, 0, got);
}

static void drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct virtio_rng *v = dev->driver_data;
	uint32_t got;
	void *token;

	while (virtqueue_take(vq, &token, &got) == 0) {
		piece_take(v, token, got);
		if (got == 0) {		/* 5.4.6.2: at least one byte */
			virtio_device_fail(dev, "answers a request without a byte", got);
			return;
		}
	}
	if (pieces_ask(v) && !dev->fault)
		virtio_device_fail(dev, "cannot be asked, queue", vq->index);
}

/* The device was reset and owns nothing any more. */
static void stopped(struct virtio_device *dev)
{
	struct virtio_rng *v = dev->driver_data;
	struct rng_request *r;

	timer_cancel(&v->watch);
	while (virtqueue_detach(v->vq))
		;
	while ((r = v->first)) {
		line_remove(v, r);
		rng_end(r, v->error);
	}
}

static void watch_expired(struct timer *t)
{
	struct virtio_rng *v = container_of(t, struct virtio_rng, watch);

	/* It may have answered, and nobody has looked yet. */
	drain(v->vq);
	if (v->watch.running || v->dev->fault || !(v->first || v->asked))
		return;
	v->error = -ETIMEDOUT;
	virtio_device_fail(v->dev, "no answer in time, queue", v->vq->index);
}

static int virtio_rng_submit(struct rng *rng, struct rng_request *r)
{
	struct virtio_rng *v = of(rng);
	int rc;

	if (v->dev->fault)
		return -ENODEV;
	line_add(v, r);
	rc = pieces_ask(v);
	if (rc) {
		line_remove(v, r);
		return rc;
	}
	if (!v->watch.running)
		watch_restart(v);
	return 0;
}

static void virtio_rng_withdraw(struct rng *rng, struct rng_request *r)
{
	struct virtio_rng *v = of(rng);

	line_remove(v, r);
	if (!v->first && !v->asked)
		timer_cancel(&v->watch);
}

/* A byte that nobody wants. */
static int prove(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_rng *v = dev->driver_data;
	int rc;

	if (v->pieces[0].asked)
		return -EBUSY;
	rc = piece_ask(v, &v->pieces[0], 1);
	if (rc)
		return rc;
	virtqueue_publish(vq);
	watch_restart(v);
	return 0;
}

static int virtio_rng_probe(struct virtio_device *dev)
{
	struct virtio_rng *v = kzalloc(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->rng.name = "virtio-rng";
	v->rng.submit = virtio_rng_submit;
	v->rng.withdraw = virtio_rng_withdraw;
	v->watch.expired = watch_expired;
	v->end = &v->first;
	v->error = -EPROTO;
	v->dev = dev;
	dev->driver_data = v;
	rc = virtio_queue_setup(dev, 0, PIECES, drain, &v->vq);
	if (rc)
		goto free_v;
	rc = rng_register(&v->rng);
	if (rc)
		goto free_v;
	virtio_device_ready(dev);
	return 0;

free_v:
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_rng_driver = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.queues = 1,
	.probe = virtio_rng_probe,
	.prove = prove,
	.stopped = stopped,
};
TABLE_ADD(virtio_drivers, virtio_rng_driver);
