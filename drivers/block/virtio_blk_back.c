/* SPDX-License-Identifier: MIT */
/*
 * What comes back: by the device, with a status that is checked, or because it
 * was reset and owns nothing any more.
 *
 * A status is preset to a value that no device may write, so that one which
 * wrote none is caught. How much it must say that it wrote is held only where
 * the specification does (2.7.8.2, and not 5.2.6.3 for legacy devices): of a
 * read that is OK, the data.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/lib/errno.h"

/* All of it came back, or the rest never will. */
static __inlined void request_over(struct virtio_blk *v, struct block_request *r)
{
	struct block_stats *stats = &v->block.stats;

	if (unlikely(r->error)) {
		stats->errors++;
		request_end(&r->request, r->error);
		return;
	}
	stats->requests[r->op]++;
	if (r->op == BLOCK_READ)
		stats->bytes_read += r->len;
	else if (r->op == BLOCK_WRITE)
		stats->bytes_written += r->len;
	request_end(&r->request, 0);
}

void virtio_blk_part_over(struct virtio_blk *v, struct block_request *r)
{
	if (--r->parts == 0)
		request_over(v, r);
}

static void part_free(struct virtio_blk_queue *q, struct virtio_blk_part *p)
{
	p->next = q->free;
	q->free = p;
}

/* Its request ends with `error`, of which no more parts are given. */
static void part_failed(struct virtio_blk *v, struct block_request *r, int error)
{
	if (!r->error)
		r->error = error;
	virtio_blk_line_leave(v, r);
	virtio_blk_part_over(v, r);
}

/* A part whose status is not OK. */
static void part_judge(struct virtio_blk *v, struct block_request *r, uint8_t status)
{
	switch (status) {
	case VIRTIO_BLK_S_IOERR:
		part_failed(v, r, -EIO);
		break;
	case VIRTIO_BLK_S_UNSUPP:
		part_failed(v, r, -ENOTSUP);
		break;
	default:
		part_failed(v, r, -EPROTO);
		virtio_device_fail(v->dev, status == VIRTIO_BLK_S_NONE ?
				   "gives a request back without a status" :
				   "status of a request is none that there is", status);
	}
}

/* A read that is said to be done without its data; to legacy devices that means nothing. */
static bool read_is_short(struct virtio_blk *v, struct block_request *r, uint32_t written)
{
	if (!v->dev->modern)
		return false;
	part_failed(v, r, -EPROTO);
	virtio_device_fail(v->dev, "says that a read is done and wrote less, bytes", written);
	return true;
}

static __inlined void part_take(struct virtio_blk *v, struct virtio_blk_queue *q,
				struct virtio_blk_part *p, uint32_t written)
{
	uint8_t status = READ_ONCE(p->status);
	struct block_request *r = p->request;

	v->back++;
	part_free(q, p);
	if (unlikely(status != VIRTIO_BLK_S_OK))
		part_judge(v, r, status);
	else if (unlikely(written < p->len && r->op == BLOCK_READ) && read_is_short(v, r, written))
		return;
	else if (likely(--r->parts == 0))
		request_over(v, r);
}

void virtio_blk_drain(struct virtqueue *vq)
{
	struct virtio_device *dev = vq->owner;
	struct virtio_blk *v = dev->driver_data;
	struct virtio_blk_queue *q = &v->queues[vq->index];
	uint32_t written;
	void *part;

	while (virtqueue_take(vq, &part, &written) == 0)
		part_take(v, q, part, written);
	if (unlikely(v->first))
		virtio_blk_line_run(v);
}

void virtio_blk_drain_all(struct virtio_blk *v)
{
	for (unsigned i = 0; i < v->block.info.queues; i++)
		virtio_blk_drain(v->queues[i].vq);
}

unsigned virtio_blk_outstanding(const struct virtio_blk *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->block.info.queues; i++)
		n += virtqueue_outstanding(v->queues[i].vq);
	return n;
}

/* In the order given before. */
static void again_add(struct virtio_blk_queue *q, struct virtio_blk_part *p)
{
	struct virtio_blk_part **at = &q->again;

	while (*at && (*at)->number < p->number)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

/* A request that ends anyway is given up: its memory is its owner's now. */
void virtio_blk_queue_take_back(struct virtio_blk *v, struct virtio_blk_queue *q)
{
	struct virtio_blk_part *p;

	while ((p = virtqueue_detach(q->vq))) {
		if (!p->request->error) {
			again_add(q, p);
			continue;
		}
		part_free(q, p);
		virtio_blk_part_over(v, p->request);
	}
}

void virtio_blk_take_back(struct virtio_blk *v)
{
	v->halted = true;
	for (unsigned i = 0; i < v->block.info.queues; i++)
		virtio_blk_queue_take_back(v, &v->queues[i]);
}

/* The ring is empty, and as large as before: all fits. */
int virtio_blk_queue_give_back(struct virtio_blk *v, struct virtio_blk_queue *q)
{
	struct virtio_blk_part *p;
	int rc = 0;

	while (!rc && (p = q->again)) {
		rc = virtio_blk_give_again(v, q, p);
		if (!rc)
			q->again = p->next;
	}
	return rc;
}

int virtio_blk_give_back(struct virtio_blk *v)
{
	int rc = 0;

	v->halted = false;
	for (unsigned i = 0; i < v->block.info.queues && !rc; i++)
		rc = virtio_blk_queue_give_back(v, &v->queues[i]);
	return rc;
}

/* What was to be given again ends like all others. */
static void queue_end_all(struct virtio_blk *v, struct virtio_blk_queue *q)
{
	struct virtio_blk_part *p;

	virtio_blk_queue_take_back(v, q);
	while ((p = q->again)) {
		q->again = p->next;
		part_free(q, p);
		part_failed(v, p->request, v->error);
	}
}

void virtio_blk_end_all(struct virtio_blk *v)
{
	v->halted = true;
	for (unsigned i = 0; i < v->block.info.queues; i++)
		queue_end_all(v, &v->queues[i]);
	while (v->first) {
		v->first->error = v->first->error ? v->first->error : v->error;
		virtio_blk_line_leave(v, v->first);
	}
}
