/* SPDX-License-Identifier: MIT */
/*
 * The entropy device (VIRTIO 1.2, 5.4): one queue of buffers that the device
 * fills.
 *
 * Random bytes are as good as each other. So the device is asked for as many
 * bytes as all requests lack together, in pieces, buffers of ours, and what
 * comes back goes to the request that is first in the line. A request that is
 * withdrawn just leaves the line; no device knows its memory, which may be a
 * stack, and a piece that the device has yet is used for others when it comes
 * back, or thrown away.
 *
 * Half of the pieces are asked for at once, and nothing more until all of these
 * have come back: each time that it is told of some, QEMU's device gathers
 * bytes for all that it has, those it is already at included, and throws
 * the surplus away. The other half is asked for before the pieces that came
 * back last are emptied, so the device is busy meanwhile.
 *
 * A piece is cleared once its bytes are handed on: they are secrets, and a
 * device that claims to have written what it did not then delivers zeros, not
 * the bytes of before.
 *
 * Pieces are small, a part of the driver's own memory, until somebody wants so
 * much at once that large ones are worth having. They are kept then. Where
 * there is no memory for them the small ones do, slower.
 *
 * The watch looks a few times within RNG_ANSWER_NS, while the device owes us
 * something, whether a request was served in full since: a device that trickles
 * does not hold us. It stops by itself, so that no request pays for it.
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
	PIECES = 4,
	WATCH_LOOKS = 4,		/* within RNG_ANSWER_NS */
	PIECE_SMALL = 256,
	PIECE_ORDER = 4,		/* of a large one, in pages: 64 KiB */
	PIECE_LARGE = PAGE_SIZE << PIECE_ORDER,
	LARGE_FROM = 4 * PAGE_SIZE,	/* bytes lacking that are worth large pieces */
};

struct piece {
	uint8_t *bytes;			/* the device writes */
	uint32_t size;
	uint32_t asked;			/* 0: it is ours */
	bool full;			/* came back, not emptied yet */
	uint8_t small[PIECE_SMALL];
};

struct virtio_rng {
	struct rng rng;
	struct virtio_device *dev;
	struct virtqueue *vq;
	struct rng_request *first, **end;	/* the line */
	size_t wanted;			/* bytes that the requests of the line lack */
	size_t asked;			/* bytes of pieces that the device has */
	int error;			/* that ends what is outstanding, if stopped */
	bool halted;			/* nothing may be asked now */
	bool no_memory;			/* for large pieces, when last wanted */
	struct timer watch;
	unsigned silent;		/* looks of the watch since a request was served */
	struct piece pieces[PIECES];
};

static struct virtio_rng *of(struct rng *rng)
{
	return container_of(rng, struct virtio_rng, rng);
}

/* Makes it a large one; if there is no memory it is asked for no more. */
static void piece_grow(struct virtio_rng *v, struct piece *p)
{
	uint8_t *bytes = page_alloc(PIECE_ORDER, PAGE_ANY | PAGE_USE_DMA);

	if (!bytes) {
		v->no_memory = true;
		return;
	}
	memset(bytes, 0, PIECE_LARGE);
	p->bytes = bytes;
	p->size = PIECE_LARGE;
}

/* Gives the device a piece to fill. */
static int piece_ask(struct virtio_rng *v, struct piece *p, size_t len)
{
	struct virtqueue_segment seg;
	int rc;

	if (len >= LARGE_FROM && p->size < PIECE_LARGE && !v->no_memory)
		piece_grow(v, p);
	seg.data = p->bytes;
	seg.len = (uint32_t)min(len, (size_t)p->size);
	rc = virtqueue_add(v->vq, &seg, 0, 1, p);
	if (!rc) {
		p->asked = seg.len;
		v->asked += seg.len;
	}
	return rc;
}

/*
 * Asks for what is lacking beyond `in_hand` bytes, if the device has nothing
 * and as far as there are pieces and room; one doorbell.
 */
static int pieces_ask(struct virtio_rng *v, size_t in_hand)
{
	unsigned usable = min((unsigned)PIECES, (unsigned)v->vq->size);
	unsigned batch = (usable + 1) / 2;
	size_t lacking = v->wanted - min(v->wanted, in_hand);
	int rc = 0;

	if (v->asked || v->halted || lacking == 0)
		return 0;
	for (unsigned i = 0; i < usable && batch && v->asked < lacking && !rc; i++) {
		if (v->pieces[i].full)
			continue;
		rc = piece_ask(v, &v->pieces[i], lacking - v->asked);
		batch--;
	}
	virtqueue_publish(v->vq);
	return rc;
}

/* Takes what the device has, after a reset, as if it had never been asked for. */
static void pieces_recall(struct virtio_rng *v)
{
	struct piece *p;

	while ((p = virtqueue_detach(v->vq))) {
		v->asked -= p->asked;
		p->asked = 0;
	}
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

/* The time begins anew; it is that of the next in the line. */
static void watch_start(struct virtio_rng *v)
{
	v->silent = 0;
	if (!v->watch.running)
		timer_start(&v->watch, RNG_ANSWER_NS / WATCH_LOOKS);
}

/* Hands bytes on, in the order of the line; what nobody wants is dropped. */
static void bytes_hand_on(struct virtio_rng *v, const uint8_t *bytes, size_t len)
{
	struct rng_request *r;

	while (len && (r = v->first)) {
		size_t n = min(len, r->len - r->filled);

		memcpy((uint8_t *)r->buf + r->filled, bytes, n);
		r->filled += n;
		v->wanted -= n;
		bytes += n;
		len -= n;
		if (r->filled == r->len) {
			line_remove(v, r);
			request_end(&r->request, 0);
			v->silent = 0;
		}
	}
}

static void ask_or_fail(struct virtio_rng *v, size_t in_hand)
{
	if (pieces_ask(v, in_hand) && !v->dev->fault)
		virtio_device_fail(v->dev, "cannot be asked, queue", v->vq->index);
}

static void piece_take(struct virtio_rng *v, struct piece *p, uint32_t got)
{
	v->asked -= p->asked;
	p->asked = 0;
	p->full = true;
	ask_or_fail(v, got);
	if (v->dev->fault)
		return;			/* nobody waits any more, and the piece may be gone */
	bytes_hand_on(v, p->bytes, got);
	memset(p->bytes, 0, got);
	p->full = false;
}

/* A device that answers at once is asked again within this; so it has an end. */
static void drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct virtio_rng *v = dev->driver_data;
	uint32_t got;
	void *token;

	for (unsigned i = 0; i < PIECES && virtqueue_take(vq, &token, &got) == 0; i++) {
		if (got == 0) {		/* 5.4.6.2: at least one byte */
			virtio_device_fail(dev, "answers a request without a byte", got);
			return;
		}
		piece_take(v, token, got);
	}
	ask_or_fail(v, 0);
}

/* Gives large pieces back. */
static void pieces_shrink(struct virtio_rng *v)
{
	for (struct piece *p = v->pieces; p < v->pieces + PIECES; p++) {
		if (p->size == PIECE_LARGE)
			page_free(p->bytes, PIECE_ORDER);
		p->bytes = p->small;
		p->size = PIECE_SMALL;
	}
}

/* The device was reset and owns nothing any more. */
static void stopped(struct virtio_device *dev)
{
	struct virtio_rng *v = dev->driver_data;
	struct rng_request *r;

	timer_cancel(&v->watch);
	pieces_recall(v);
	while ((r = v->first)) {
		line_remove(v, r);
		request_end(&r->request, v->error);
	}
	if (!dev->unsafe)
		pieces_shrink(v);
}

/* It was reset and will be brought up again; the line stays, and stands still. */
static void halted(struct virtio_device *dev)
{
	struct virtio_rng *v = dev->driver_data;

	timer_cancel(&v->watch);
	v->halted = true;
	pieces_recall(v);
}

static void restarted(struct virtio_device *dev)
{
	struct virtio_rng *v = dev->driver_data;

	v->halted = false;
	ask_or_fail(v, 0);
	if (!dev->fault)
		watch_start(v);
}

static void queue_halted(struct virtio_device *dev, struct virtqueue *vq __unused)
{
	halted(dev);
}

static void queue_restarted(struct virtio_device *dev, struct virtqueue *vq __unused)
{
	restarted(dev);
}

static void watch_expired(struct timer *t)
{
	struct virtio_rng *v = container_of(t, struct virtio_rng, watch);

	/* It may have answered, and nobody has looked yet. */
	drain(v->vq);
	if (v->dev->fault || !(v->first || v->asked))
		return;
	if (v->silent++ < WATCH_LOOKS) {
		timer_start(t, RNG_ANSWER_NS / WATCH_LOOKS);
		return;
	}
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
	rc = pieces_ask(v, 0);
	if (rc) {
		line_remove(v, r);
		return rc;
	}
	if (v->first == r && !v->halted)
		watch_start(v);
	return 0;
}

static void virtio_rng_withdraw(struct rng *rng, struct rng_request *r)
{
	struct virtio_rng *v = of(rng);

	line_remove(v, r);
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
	watch_start(v);
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
	pieces_shrink(v);
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
	.halted = halted,
	.restarted = restarted,
	.queue_halted = queue_halted,
	.queue_restarted = queue_restarted,
};
TABLE_ADD(virtio_drivers, virtio_rng_driver);
