/* SPDX-License-Identifier: MIT */
/*
 * The entropy device (VIRTIO 1.2, 5.4): one queue of buffers that the device
 * fills.
 *
 * The caller's memory may be a stack, which no device may see, so bytes come
 * through a buffer of ours, a piece at a time. It is cleared once its bytes
 * are handed on: they are secrets, and a device that claims to have written
 * what it did not then delivers zeros, not the bytes of before.
 */
#include "drivers/rng/rng.h"

#include "drivers/virtio/virtio.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/wait.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS rng
#include "kernel/log.h"
LOG_DEFINE();

enum {
	PIECE_MAX = 512,
	QUEUE_SIZE = 8,
};

struct virtio_rng {
	struct rng rng;
	struct virtio_device *dev;
	struct virtqueue *vq;
	uint8_t piece[PIECE_MAX];	/* the device writes */
};

/* Waits for the one request; *got bytes of the piece are filled. */
static int piece_wait(struct virtio_rng *v, struct wait *w, uint32_t *got)
{
	void *token;
	int rc;

	while ((rc = virtqueue_take(v->vq, &token, got)) == -EAGAIN && wait_turn(w))
		;
	if (rc == -EAGAIN)
		rc = virtqueue_take(v->vq, &token, got);
	if (rc == -EAGAIN) {
		virtio_device_fail(v->dev, "no answer in time, queue", v->vq->index);
		return -ETIMEDOUT;
	}
	return rc;
}

static int piece_read(struct virtio_rng *v, struct wait *w, size_t len, uint32_t *got)
{
	struct virtqueue_segment seg = { v->piece, (uint32_t)min(len, sizeof(v->piece)) };
	int rc = virtqueue_add(v->vq, &seg, 0, 1, v);

	if (rc)
		return rc;
	virtqueue_publish(v->vq);
	rc = piece_wait(v, w, got);
	if (rc == 0 && *got == 0) {		/* 5.4.6.2: at least one byte */
		virtio_device_fail(v->dev, "answers a request without a byte", *got);
		rc = -EPROTO;
	}
	/* A stopped device owns nothing any more. */
	if (rc)
		while (virtqueue_detach(v->vq))
			;
	return rc;
}

static int virtio_rng_read(struct rng *rng, void *buf, size_t len)
{
	struct virtio_rng *v = container_of(rng, struct virtio_rng, rng);
	uint8_t *out = buf;
	struct wait w;
	uint32_t got;
	int rc = 0;

	if (v->dev->fault)
		return -ENODEV;
	/* One bound for the whole: a device that trickles does not hold us. */
	wait_begin(&w, WAIT_DEVICE);
	for (; len > 0; out += got, len -= got) {
		rc = piece_read(v, &w, len, &got);
		if (rc)
			break;
		memcpy(out, v->piece, got);
		memset(v->piece, 0, got);
	}
	wait_end(&w);
	return rc;
}

static int virtio_rng_probe(struct virtio_device *dev)
{
	struct virtio_rng *v = kzalloc(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->rng.name = "virtio-rng";
	v->rng.read = virtio_rng_read;
	v->dev = dev;
	rc = virtio_queue_setup(dev, 0, QUEUE_SIZE, &v->vq);
	if (rc)
		goto free_v;
	rc = rng_register(&v->rng);
	if (rc)
		goto free_v;
	dev->driver_data = v;
	virtio_device_ready(dev);
	return 0;

free_v:
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_rng_driver = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.probe = virtio_rng_probe,
};
TABLE_ADD(virtio_drivers, virtio_rng_driver);
