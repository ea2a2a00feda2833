/* SPDX-License-Identifier: MIT */
/*
 * The block device (VIRTIO 1.2, 5.2), from probe to the end.
 *
 * The watch is one timer for all requests. It looks a few times within
 * BLOCK_ANSWER_NS whether anything came back, as long as the device owes
 * something, and stops where it does not. A device that was silent for so long
 * is reset once and given its requests again; if it stays silent, it is
 * stopped, and they end with -ETIMEDOUT.
 */
#include "drivers/block/virtio_blk.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS block
#include "kernel/log.h"

enum { WATCH_LOOKS = 4 };	/* within BLOCK_ANSWER_NS */

void virtio_blk_watch(struct virtio_blk *v)
{
	v->seen = v->back;
	v->silent = 0;
	timer_start(&v->watch, BLOCK_ANSWER_NS / WATCH_LOOKS);
}

static void give_up(struct block_device *b)
{
	struct virtio_blk *v = virtio_blk_of(b);

	v->error = -ETIMEDOUT;
	virtio_device_fail(v->dev, "no answer in time, requests", virtio_blk_outstanding(v));
}

static int restart(struct block_device *b)
{
	struct virtio_blk *v = virtio_blk_of(b);

	return virtio_device_restart(v->dev);
}

static void restart_run(struct work *w)
{
	struct virtio_blk *v = container_of(w, struct virtio_blk, restart);

	if (restart(&v->block) == -ENOTSUP)
		give_up(&v->block);
}

/* Silent for BLOCK_ANSWER_NS, and owes something. */
static void silent_for_long(struct virtio_blk *v)
{
	if (v->warned) {
		give_up(&v->block);
		return;
	}
	log_warn("%s: no answer for %llu s, it is reset", v->block.driver,
		 (unsigned long long)(BLOCK_ANSWER_NS / NS_PER_S));
	v->warned = true;
	restart_run(&v->restart);
}

/* It may have answered, and nobody has looked yet. */
static void watch_expired(struct timer *t)
{
	struct virtio_blk *v = container_of(t, struct virtio_blk, watch);

	virtio_blk_drain_all(v);
	if (v->dev->fault || (virtio_blk_outstanding(v) == 0 && !v->first))
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
		timer_start(&v->watch, BLOCK_ANSWER_NS / WATCH_LOOKS);
}

static void halted(struct virtio_device *dev)
{
	struct virtio_blk *v = dev->driver_data;

	v->block.stats.resets++;
	virtio_blk_take_back(v);
}

/* Given again; what waits goes on. */
static void go_on(struct virtio_blk *v, int rc)
{
	if (rc) {
		virtio_device_fail(v->dev, "cannot be given its requests again, error",
				   (uint64_t)-rc);
		return;
	}
	virtio_blk_line_run(v);
	virtio_blk_publish_soon(v);
}

static void queue_halted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_blk *v = dev->driver_data;

	v->halted = true;
	virtio_blk_queue_take_back(v, &v->queues[vq->index]);
}

static void queue_restarted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_blk *v = dev->driver_data;

	v->halted = false;
	go_on(v, virtio_blk_queue_give_back(v, &v->queues[vq->index]));
}

static void stopped(struct virtio_device *dev)
{
	struct virtio_blk *v = dev->driver_data;

	v->block.stopped = true;
	timer_cancel(&v->watch);
	work_cancel(&v->publish);
	work_cancel(&v->restart);
	virtio_blk_end_all(v);
}

/* 5.2.4: the disk was resized. What the device has of it is not affected. */
static void config_changed(struct virtio_device *dev)
{
	struct virtio_blk *v = dev->driver_data;
	struct virtio_blk_lie lie = { "configuration cannot be read", 0 };
	struct virtio_blk_config c;
	uint64_t sectors;
	int rc = virtio_blk_capacity_read(dev, &c);

	if (!rc)
		rc = virtio_blk_sectors(c.capacity, v->block.info.block_size, &sectors, &lie);
	if (rc) {
		virtio_device_fail(dev, lie.what, lie.value);
		return;
	}
	if (sectors == v->block.info.sectors)
		return;
	log_info("%s: %llu sectors, before %llu", v->block.driver, (unsigned long long)sectors,
		 (unsigned long long)v->block.info.sectors);
	v->block.info.sectors = sectors;
	v->block.changes++;
	virtio_blk_line_shrink(v);
}

/* Its change of size may have been told while it was reset. */
static void restarted(struct virtio_device *dev)
{
	struct virtio_blk *v = dev->driver_data;

	config_changed(dev);
	if (!dev->fault)
		go_on(v, virtio_blk_give_back(v));
}

static void proof_done(struct request *r __unused)
{
}

/*
 * The serial number, which is wanted anyway, through the first queue. A proof
 * that came back in silence is over before the next.
 */
static struct block_request *proof_of(struct virtio_blk *v, struct virtio_blk_queue *q)
{
	struct block_request *r = q == v->queues ? &v->block.identify : &q->proof;

	if (q != v->queues) {
		r->op = BLOCK_GET_ID;
		r->buf = q->proof_id;
		r->request.done = proof_done;
		r->device = &v->block;
	}
	if (r->request.ended)
		requests_tell();
	return r;
}

static int prove(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_blk *v = dev->driver_data;
	struct virtio_blk_queue *q = &v->queues[vq->index];
	struct block_request *r = proof_of(v, q);
	int rc = request_begin(&r->request, NULL);

	if (rc)
		return rc;
	r->link = NULL;
	r->error = 0;
	r->given = 0;
	r->parts = 0;
	rc = virtio_blk_give_to(v, q, r);
	if (rc) {
		request_undo(&r->request);
		return rc;
	}
	virtio_blk_watch(v);
	virtio_blk_publish(v);
	return 0;
}

static int describe(struct block_device *b, char *buf, size_t size)
{
	return virtio_device_describe(virtio_blk_of(b)->dev, buf, size);
}

static int where(struct block_device *b, char *buf, size_t size)
{
	return virtio_device_where(virtio_blk_of(b)->dev, buf, size);
}

static void queues_free(struct virtio_blk *v)
{
	for (unsigned i = 0; i < VIRTIO_BLK_QUEUES; i++)
		kfree(v->queues[i].parts);
}

static int queues_setup(struct virtio_device *dev, struct virtio_blk *v, unsigned count)
{
	int rc = 0;

	for (unsigned i = 0; i < count && !rc; i++) {
		struct virtio_blk_queue *q = &v->queues[i];

		rc = virtio_queue_setup(dev, (uint16_t)i, VIRTIO_BLK_RING, virtio_blk_drain,
					&q->vq);
		if (!rc)
			rc = virtio_blk_parts_alloc(q);
	}
	return rc;
}

/* The smallest of its rings bounds what one request may be. */
static int info_read(struct virtio_device *dev, struct virtio_blk *v)
{
	struct virtio_blk_config c = { 0 };
	struct virtio_blk_lie lie;
	unsigned ring = VIRTIO_BLK_RING, count;
	int rc = virtio_blk_config_read(dev, &c);

	if (rc)
		return rc;
	count = virtio_blk_queues(dev->features, c.num_queues);
	rc = queues_setup(dev, v, count);
	if (rc)
		return rc;
	for (unsigned i = 0; i < count; i++)
		ring = min(ring, (unsigned)v->queues[i].vq->size);
	rc = virtio_blk_info(&c, dev->features, ring, &v->block.info, &lie);
	if (rc)
		virtio_device_fail(dev, lie.what, lie.value);
	return rc;
}

static void virtio_blk_init(struct virtio_blk *v, struct virtio_device *dev)
{
	v->block.driver = "virtio-blk";
	v->block.submit = virtio_blk_submit;
	v->block.withdraw = virtio_blk_withdraw;
	v->block.restart = restart;
	v->block.give_up = give_up;
	v->block.describe = describe;
	v->block.where = where;
	v->watch.expired = watch_expired;
	v->restart.run = restart_run;
	v->error = -EPROTO;
	v->dev = dev;
	virtio_blk_line_init(v);
}

static int probe(struct virtio_device *dev)
{
	struct virtio_blk *v = kzalloc(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	virtio_blk_init(v, dev);
	dev->driver_data = v;
	rc = info_read(dev, v);
	if (rc)
		goto free_v;
	virtio_blk_give_init(v);
	rc = block_register(&v->block);
	if (rc)
		goto free_v;
	virtio_device_ready(dev);
	return 0;

free_v:
	queues_free(v);
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_blk_driver = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.features = VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_GEOMETRY |
		    VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
		    VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_MQ |
		    VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES,
	.queues = VIRTIO_BLK_QUEUES,
	.probe = probe,
	.prove = prove,
	.stopped = stopped,
	.queues_wanted = virtio_blk_queues_wanted,
	.config_changed = config_changed,
	.halted = halted,
	.restarted = restarted,
	.queue_halted = queue_halted,
	.queue_restarted = queue_restarted,
};
TABLE_ADD(virtio_drivers, virtio_blk_driver);
