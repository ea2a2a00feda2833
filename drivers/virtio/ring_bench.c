/* SPDX-License-Identifier: MIT */
/*
 * bench=ring: what a request costs in the ring alone, in guest instructions under
 * `-icount shift=0`: batches of 32 against a device that is these lines.
 *
 *	add1, add3	a request of one segment, or of three as a disk has
 *	take1, take3	the same, given back
 *	publish		a batch
 *	one, three	all of it, per request, in batches of 32
 *
 * `split_few` has so few descriptors free that three segments go into a table.
 * `bells` are the doorbells of 200 batches, at a device that wants each.
 */
#include <asm/cpu.h>

#include "drivers/virtio/virtqueue.h"
#include "kernel/bench.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	SIZE = 256,
	BATCH = 32,
	BATCHES = 100,
	DATA = 4096,
};

struct bench_ring {
	struct virtqueue vq;
	struct virtqueue_slot slots[SIZE];
	uint8_t data[DATA + 32];
	uint64_t bells;
	uint64_t lies;

	/* The device. */
	uint16_t seen;
};

static void bell(struct virtqueue *vq)
{
	((struct bench_ring *)vq->owner)->bells++;
}

static void lie(struct virtqueue *vq, const char *what __unused, uint64_t value __unused)
{
	((struct bench_ring *)vq->owner)->lies++;
}

static const struct virtqueue_ops ops = { bell, lie };

/* All that was published is given back, in order. */
static void device_split(struct bench_ring *b)
{
	struct virtqueue *vq = &b->vq;
	uint16_t idx = READ_ONCE(vq->avail->idx);

	for (; b->seen != idx; b->seen++) {
		unsigned at = b->seen % (vq->mask + 1);

		vq->used->ring[at] = (struct virtq_used_elem){ vq->avail->ring[at], 1 };
	}
	WRITE_ONCE(vq->used->idx, idx);
	*(uint16_t *)&vq->used->ring[(vq->mask + 1)] = idx;	/* the next batch rings */
}

/* The same; a chain's used descriptor takes the place of its first. */
static void device_packed(struct bench_ring *b)
{
	struct virtqueue *vq = &b->vq;
	unsigned from = vq->pack.next_used;

	for (unsigned left = vq->pack.in_flight; left;) {
		uint16_t round = vq->packed[from].flags & VIRTQ_DESC_F_AVAIL;
		unsigned at = from, length = 1;

		while (vq->packed[at].flags & VIRTQ_DESC_F_NEXT) {
			at = (at + 1) % SIZE;
			length++;
		}
		vq->packed[from].id = vq->packed[at].id;
		vq->packed[from].len = 1;
		WRITE_ONCE(vq->packed[from].flags,
			   round ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED | VIRTQ_DESC_F_WRITE :
				   VIRTQ_DESC_F_WRITE);
		from = (at + 1) % SIZE;
		left -= length;
	}
}

static void device(struct bench_ring *b)
{
	if (b->vq.is_packed)
		device_packed(b);
	else
		device_split(b);
}

struct costs {
	uint64_t add, publish, take, bad;
};

/* What is measured is written as a driver does: the numbers of segments are constants. */
static __inlined void batch(struct bench_ring *b, struct costs *c, bool three)
{
	const struct virtqueue_segment segs[3] = {
		{ b->data + DATA, 16 }, { b->data, DATA }, { b->data + DATA + 16, 1 },
	};
	struct virtqueue *vq = &b->vq;
	uint64_t start, added, published;
	uint32_t written;
	void *token;

	start = cycles();
	for (unsigned i = 0; i < BATCH; i++)
		c->bad += three ? virtqueue_add(vq, segs, 1, 2, b) != 0 :
				  virtqueue_add(vq, &segs[1], 0, 1, b) != 0;
	added = cycles();
	virtqueue_publish(vq);
	published = cycles();
	c->add += added - start;
	c->publish += published - added;

	device(b);
	start = cycles();
	for (unsigned i = 0; i < BATCH; i++)
		c->bad += virtqueue_take(vq, &token, &written) != 0;
	c->take += cycles() - start;
}

static void figure(const char *ring, const char *what, uint64_t sum, uint64_t by)
{
	char name[64];

	format(name, sizeof(name), "ring.%s.%s", ring, what);
	bench_figure(name, (sum + by / 2) / by, "ticks");
}

static void report(const char *ring, const struct costs *c, bool three)
{
	uint64_t n = BATCH * BATCHES;

	figure(ring, three ? "add3" : "add1", c->add, n);
	figure(ring, three ? "take3" : "take1", c->take, n);
	figure(ring, three ? "three" : "one", c->add + c->publish + c->take, n);
	if (!three)
		figure(ring, "publish", c->publish, BATCHES);
}

/* So many descriptors are taken for good. */
static void hold(struct bench_ring *b, unsigned count)
{
	const struct virtqueue_segment seg = { b->data, DATA };

	while (count--)
		b->lies += virtqueue_add(&b->vq, &seg, 0, 1, b) != 0;
	virtqueue_publish(&b->vq);
	b->seen = b->vq.is_packed ? 0 : READ_ONCE(b->vq.avail->idx);
}

static void run(struct bench_ring *b, const char *ring, uint64_t features, unsigned held)
{
	const struct virtqueue_shape shape = { SIZE, SIZE, 4096, features };
	struct costs one = { 0 }, three = { 0 };
	struct virtqueue_layout layout;
	unsigned order = 0;
	void *memory;

	virtqueue_layout(&shape, &layout);
	while (PAGE_SIZE << order < layout.total)
		order++;
	memory = page_alloc(order, PAGE_ANY);
	if (!memory) {
		bench_figure("ring.failed", 1, "memory");
		return;
	}
	memset(b, 0, sizeof(*b));
	virtqueue_init(&b->vq, &layout, memory, b->slots, &ops);
	b->vq.owner = b;
	hold(b, held);
	for (unsigned i = 0; i < BATCHES; i++)
		batch(b, &one, false);
	for (unsigned i = 0; i < BATCHES; i++)
		batch(b, &three, true);
	report(ring, &one, false);
	report(ring, &three, true);
	figure(ring, "bells", b->bells - (held != 0), 1);
	if (b->lies || one.bad || three.bad)
		bench_figure("ring.failed", b->lies + one.bad + three.bad, "requests");
	page_free(memory, order);
}

BENCH(ring)
{
	struct bench_ring *b = kmalloc(sizeof(*b));

	if (!b) {
		bench_figure("ring.failed", 1, "memory");
		return;
	}
	run(b, "split", 0, 0);
	run(b, "split_event", VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC, 0);
	if (IS_ENABLED(CONFIG_VIRTIO_INDIRECT_DESC))
		run(b, "split_few", VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC, SIZE / 2);
	if (IS_ENABLED(CONFIG_VIRTIO_RING_PACKED)) {
		run(b, "packed", VIRTIO_F_RING_PACKED, 0);
		run(b, "packed_event", VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX |
		    VIRTIO_F_INDIRECT_DESC, 0);
	}
	kfree(b);
}
