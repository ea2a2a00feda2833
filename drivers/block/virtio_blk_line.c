/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait until the rings have room, first come, first served: the
 * first of the line is given part by part, and nothing overtakes it. While a
 * request waits it counts as one part more, so that it does not end before it
 * was given whole.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/lib/errno.h"
#include "mm/dma.h"

void virtio_blk_line_init(struct virtio_blk *v)
{
	v->end = &v->first;
}

static void line_add(struct virtio_blk *v, struct block_request *r)
{
	r->given = 0;
	r->parts = 1;
	r->next = NULL;
	r->link = v->end;
	*v->end = r;
	v->end = &r->next;
}

void virtio_blk_line_leave(struct virtio_blk *v, struct block_request *r)
{
	if (!r->link)
		return;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	else
		v->end = r->link;
	r->link = NULL;
	virtio_blk_part_over(v, r);
}

/* Gives the first of the line all there is room for; false if that was not all. */
static bool first_give(struct virtio_blk *v, struct block_request *r)
{
	int rc;

	do {
		rc = virtio_blk_give(v, r);
		if (rc == -ENOSPC || rc == -EPROTO)
			return false;
		if (rc)
			r->error = rc;
	} while (!rc && r->given < virtio_blk_span(r));
	virtio_blk_line_leave(v, r);
	return true;
}

void virtio_blk_line_run(struct virtio_blk *v)
{
	uint64_t before = v->block.stats.device_requests;

	if (v->halted)
		return;
	while (v->first && first_give(v, v->first))
		;
	if (v->block.stats.device_requests != before)
		virtio_blk_publish_soon(v);
}

/* A device that was stopped, or has no cache to empty, is not asked. */
int virtio_blk_line_submit(struct virtio_blk *v, struct block_request *r)
{
	bool has_data = r->op <= BLOCK_WRITE || r->op == BLOCK_GET_ID, first;
	paddr_t addr;

	if (v->block.stopped)
		return -ENODEV;
	if (has_data && dma_addr(r->buf, virtio_blk_span(r), &addr))
		return -EFAULT;
	if (r->op == BLOCK_FLUSH && !v->block.info.flush) {
		r->parts = 1;
		virtio_blk_part_over(v, r);
		return 0;
	}
	first = !v->first;
	line_add(v, r);
	if (first)
		virtio_blk_line_run(v);
	return 0;
}

void virtio_blk_line_shrink(struct virtio_blk *v)
{
	uint64_t end = v->block.info.sectors;
	struct block_request *r, *next;

	for (r = v->first; r; r = next) {
		uint64_t sectors = r->op == BLOCK_GET_ID ? 0 : virtio_blk_span(r) / BLOCK_SECTOR;

		next = r->next;
		if (sectors == 0 || (r->sector <= end && sectors <= end - r->sector))
			continue;
		r->error = -ERANGE;
		virtio_blk_line_leave(v, r);
	}
}

/* It may have been answered, and nobody has looked yet. */
void virtio_blk_withdraw(struct block_device *b, struct block_request *r, int error)
{
	struct virtio_blk *v = virtio_blk_of(b);

	if (error == -ETIMEDOUT)
		virtio_blk_drain_all(v);
	if (!request_is_open(&r->request))
		return;
	if (!r->error)
		r->error = error;
	virtio_blk_line_leave(v, r);
	if (error == -ETIMEDOUT && request_is_open(&r->request))
		work_post(&v->restart);
}
