/* SPDX-License-Identifier: MIT */
/*
 * From a request to the ring.
 *
 * Most requests are a read or a write that the device takes as one segment
 * while nothing waits: these take the short way, which is one function. All
 * others, and those that find no room, go through the line and are given in
 * parts (virtio_blk_give()).
 *
 * Each part has its header, its status and, if need be, a range in memory that
 * the queue got at the start, one for each descriptor, so that there is always
 * one where the ring has room. Header and status are descriptors of their own,
 * as legacy devices want it (5.2.6.4).
 *
 * What was submitted in one turn of the loop is published at the start of the
 * next, with one doorbell; then it is another queue's turn to take what is
 * submitted.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/lib/errno.h"
#include "mm/kmalloc.h"

static_assert((int)BLOCK_READ == (int)VIRTIO_BLK_T_IN &&
	      (int)BLOCK_WRITE == (int)VIRTIO_BLK_T_OUT, "the short way takes one for the other");

static const uint8_t types[] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN, [BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
	[BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH, [BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD,
	[BLOCK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES, [BLOCK_GET_ID] = VIRTIO_BLK_T_GET_ID,
};

int virtio_blk_parts_alloc(struct virtio_blk_queue *q)
{
	q->parts = kmalloc(q->vq->size * sizeof(q->parts[0]));
	if (!q->parts)
		return -ENOMEM;
	for (unsigned i = q->vq->size; i--;) {
		q->parts[i].next = q->free;
		q->free = &q->parts[i];
	}
	return 0;
}

void virtio_blk_publish(struct virtio_blk *v)
{
	for (unsigned i = 0; i < v->block.info.queues; i++)
		virtqueue_publish(v->queues[i].vq);
	v->block.stats.doorbells = v->dev->doorbells;
	if (++v->current == &v->queues[v->block.info.queues])
		v->current = v->queues;
}

static void publish_run(struct work *w)
{
	virtio_blk_publish(container_of(w, struct virtio_blk, publish));
}

void virtio_blk_give_init(struct virtio_blk *v)
{
	const struct block_info *info = &v->block.info;

	v->part_max = min((size_t)info->segment_max * info->segment_size,
			  (size_t)VIRTIO_BLK_PART_MAX);
	v->part_max = align_down(v->part_max, (size_t)info->block_size);
	v->simple_max = min(v->part_max, (size_t)info->segment_size);
	v->current = v->queues;
	v->publish.run = publish_run;
}

static __inlined void publish_soon(struct virtio_blk *v)
{
	if (!v->publish.pending)
		work_post(&v->publish);
	if (unlikely(!v->watch.running))
		virtio_blk_watch(v);
}

void virtio_blk_publish_soon(struct virtio_blk *v)
{
	publish_soon(v);
}

/* A part of `r`, all but its data and range. */
static __inlined void part_fill(struct virtio_blk *v, struct virtio_blk_part *p,
				struct block_request *r, unsigned type, uint64_t sector,
				uint32_t len)
{
	p->header = (struct virtio_blk_header){ .type = type, .sector = sector };
	p->status = VIRTIO_BLK_S_NONE;
	p->len = len;
	p->number = v->block.stats.device_requests;
	p->request = r;
}

/* The ring has it now. */
static __inlined void part_given(struct virtio_blk *v, struct virtio_blk_queue *q,
				 struct virtio_blk_part *p)
{
	q->free = p->next;
	v->block.stats.device_requests++;
}

/* Of a part whose data are one segment. */
static __inlined void simple_segments(struct virtio_blk_part *p, void *data, uint32_t len,
				      struct virtqueue_segment segs[3])
{
	segs[0] = (struct virtqueue_segment){ &p->header, sizeof(p->header) };
	segs[1] = (struct virtqueue_segment){ data, len };
	segs[2] = (struct virtqueue_segment){ &p->status, sizeof(p->status) };
}

/* Header and status of a part stay where they are, which the ring makes use of. */
static __noinline int simple_add(struct virtqueue *vq, struct virtio_blk_part *p, void *data,
				 uint32_t len, bool write)
{
	struct virtqueue_segment segs[3];

	simple_segments(p, data, len, segs);
	return virtqueue_add_framed(vq, segs, 1 + write, p);
}

static __inlined bool simple_add_short(struct virtqueue *vq, struct virtio_blk_part *p,
				       void *data, uint32_t len, bool write)
{
	struct virtqueue_segment segs[3];

	simple_segments(p, data, len, segs);
	return virtqueue_add_framed_short(vq, segs, 1 + write, p);
}

/* A read or a write that is one segment, while nothing waits and `p` is there for it. */
static __inlined bool is_simple(const struct virtio_blk *v, const struct block_request *r,
				const struct virtio_blk_part *p)
{
	return r->op <= BLOCK_WRITE && r->len <= v->simple_max && !v->first && p;
}

static __inlined void simple_fill(struct virtio_blk *v, struct virtio_blk_part *p,
				  struct block_request *r, unsigned op, uint32_t len)
{
	part_fill(v, p, r, op, r->sector, len);
	r->parts = 1;
}

static __noinline int submit_to_line(struct virtio_blk *v, struct block_request *r)
{
	int rc = virtio_blk_line_submit(v, r);

	return rc ? block_refuse(r, rc) : 0;
}

/* One whose part is filled, and that the ring may not take the short way. */
static __noinline int submit_simple(struct virtio_blk *v, struct block_request *r)
{
	struct virtio_blk_queue *q = v->current;
	struct virtio_blk_part *p = q->free;
	int rc = simple_add(q->vq, p, r->buf, p->len, r->op == BLOCK_WRITE);

	if (rc == -EFAULT)
		return block_refuse(r, rc);
	if (rc)
		return submit_to_line(v, r);
	part_given(v, q, p);
	publish_soon(v);
	return 0;
}

/* Anything, of which nothing was done yet. */
static __noinline int submit_otherwise(struct virtio_blk *v, struct block_request *r)
{
	int rc = block_begin(&v->block, r);

	if (rc)
		return rc;
	if (!is_simple(v, r, v->current->free))
		return submit_to_line(v, r);
	simple_fill(v, v->current->free, r, r->op, (uint32_t)r->len);
	return submit_simple(v, r);
}

static __noinline int publish_first(struct virtio_blk *v)
{
	publish_soon(v);
	return 0;
}

/* Whatever is rare ends in a call of its own, so that what is frequent keeps no registers. */
int virtio_blk_submit(struct block_device *b, struct block_request *r)
{
	struct virtio_blk *v = virtio_blk_of(b);
	struct virtio_blk_queue *q = v->current;
	struct virtio_blk_part *p = q->free;
	uint32_t len = (uint32_t)r->len;
	unsigned op = r->op;

	if (unlikely(!block_is_plain(b, r)))
		return submit_otherwise(v, r);
	block_begin_plain(b, r);
	if (unlikely(!is_simple(v, r, p)))
		return submit_to_line(v, r);
	simple_fill(v, p, r, op, len);
	if (unlikely(!simple_add_short(q->vq, p, r->buf, len, op == BLOCK_WRITE)))
		return submit_simple(v, r);
	part_given(v, q, p);
	return likely(v->publish.pending && v->watch.running) ? 0 : publish_first(v);
}

/* Bytes that the next part of a request is about. */
static uint32_t part_len(const struct virtio_blk *v, const struct block_request *r)
{
	uint64_t rest = virtio_blk_span(r) - r->given;
	uint64_t most = v->part_max;

	if (r->op == BLOCK_DISCARD)
		most = v->block.info.discard_max;
	else if (r->op == BLOCK_WRITE_ZEROES)
		most = v->block.info.zeroes_max;
	/* Less than 4 GiB of a range, too, so that one count does for all. */
	most = min(most, (uint64_t)align_down(UINT32_MAX, v->block.info.block_size));
	return (uint32_t)min(rest, most);
}

static unsigned data_segments(const struct virtio_blk *v, const uint8_t *data, uint32_t len,
			      struct virtqueue_segment *segs)
{
	unsigned n = 0;

	for (uint32_t at = 0; at < len; n++) {
		segs[n] = (struct virtqueue_segment){
			data + at, min(len - at, v->block.info.segment_size),
		};
		at += segs[n].len;
	}
	return n;
}

/* Adds a part that is filled, its data `offset` bytes into the request's. */
static int part_add(struct virtio_blk *v, struct virtio_blk_queue *q, struct virtio_blk_part *p,
		    size_t offset)
{
	struct virtqueue_segment segs[VIRTIO_BLK_SEGMENTS + 2];
	struct block_request *r = p->request;
	bool reads = r->op == BLOCK_READ || r->op == BLOCK_GET_ID;
	unsigned n = 1;

	if (r->op <= BLOCK_WRITE && p->len <= v->simple_max)
		return simple_add(q->vq, p, (uint8_t *)r->buf + offset, p->len, !reads);
	segs[0] = (struct virtqueue_segment){ &p->header, sizeof(p->header) };
	if (reads || r->op == BLOCK_WRITE)
		n += data_segments(v, (uint8_t *)r->buf + offset, p->len, &segs[1]);
	else if (r->op != BLOCK_FLUSH)
		segs[n++] = (struct virtqueue_segment){ &p->range, sizeof(p->range) };
	segs[n] = (struct virtqueue_segment){ &p->status, sizeof(p->status) };
	return reads ? virtqueue_add(q->vq, segs, 1, n, p) : virtqueue_add(q->vq, segs, n, 1, p);
}

/* Of the types that have neither, sector and unmap are 0 (5.2.6.1). */
int virtio_blk_give_to(struct virtio_blk *v, struct virtio_blk_queue *q, struct block_request *r)
{
	struct virtio_blk_part *p = q->free;
	uint64_t sector = r->sector + r->given / BLOCK_SECTOR;
	uint32_t len = part_len(v, r);
	int rc;

	if (!p)
		return -ENOSPC;
	part_fill(v, p, r, types[r->op], r->op <= BLOCK_WRITE ? sector : 0, len);
	p->range = (struct virtio_blk_range){
		.sector = sector,
		.sectors = len / BLOCK_SECTOR,
		.flags = r->op == BLOCK_WRITE_ZEROES && r->unmap ? VIRTIO_BLK_UNMAP : 0,
	};
	rc = part_add(v, q, p, r->given);
	if (rc)
		return rc;
	part_given(v, q, p);
	r->given += len;
	r->parts++;
	return 0;
}

int virtio_blk_give(struct virtio_blk *v, struct block_request *r)
{
	unsigned count = v->block.info.queues;
	unsigned first = (unsigned)(v->current - v->queues);
	int rc = -ENOSPC;

	for (unsigned i = 0; i < count && rc == -ENOSPC; i++)
		rc = virtio_blk_give_to(v, &v->queues[(first + i) % count], r);
	return rc;
}

int virtio_blk_give_again(struct virtio_blk *v, struct virtio_blk_queue *q,
			  struct virtio_blk_part *p)
{
	size_t offset = 0;

	p->status = VIRTIO_BLK_S_NONE;
	if (p->request->op <= BLOCK_WRITE)
		offset = (p->header.sector - p->request->sector) * BLOCK_SECTOR;
	return part_add(v, q, p, offset);
}
