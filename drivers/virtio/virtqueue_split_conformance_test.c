/* SPDX-License-Identifier: MIT */
/*
 * The split ring as VIRTIO 1.2 wants it of a driver (2.7): what it writes is
 * read as a device reads it, and everything that is not allowed is a failure.
 * Where a barrier must stand is seen from what memory holds at that moment.
 */
#include "drivers/virtio/conformance_queue.h"
#include "drivers/virtio/ring.h"

#include "kernel/lib/string.h"

enum { F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4 };

static struct conformance_queue *const c = &conformance_queue;
static uint64_t agreed;

/* The device: what it was shown and has not used, by head. */
static struct {
	uint16_t seen;			/* available index */
	uint16_t heads[CONFORMANCE_SIZE];
	struct conformance_request *requests[CONFORMANCE_SIZE];
	unsigned held;
} device;

/* In the order added, not yet published. */
static struct conformance_request *added[CONFORMANCE_SIZE];
static unsigned added_count;

static const struct virtq_desc *table(void)
{
	return (const void *)(uintptr_t)c->at.desc;
}

static volatile struct virtq_avail *avail(void)
{
	return (void *)(uintptr_t)c->at.avail;
}

static volatile struct virtq_used *used(void)
{
	return (void *)(uintptr_t)c->at.used;
}

/* Behind the rings (2.7.6, 2.7.8). */
static volatile uint16_t *avail_event(void)
{
	return (volatile uint16_t *)&used()->ring[c->vq->size];
}

static bool start(struct ktest_run *t, uint64_t features)
{
	memset(&device, 0, sizeof(device));
	added_count = 0;
	agreed = features;
	return conformance_open(t, features);
}

/* One descriptor; where it leads is left in *at, and in *in if that is a table. */
static bool step(struct ktest_run *t, const struct virtq_desc **in, unsigned *room, uint16_t *at,
		 struct conformance_found *found, unsigned *count)
{
	const struct virtq_desc *d = &(*in)[*at];

	if (d->flags & F_INDIRECT) {
		expect(t, agreed & VIRTIO_F_INDIRECT_DESC);
		expect(t, !(d->flags & F_NEXT));
		expect(t, *in == table());			/* none within a table */
		expect(t, d->len && d->len % sizeof(*d) == 0);
		*room = d->len / (unsigned)sizeof(*d);
		expect(t, *room <= c->vq->size);
		*in = (const void *)(uintptr_t)d->addr;
		*at = 0;
		return *room <= c->vq->size;
	}
	expect(t, !(d->flags & ~(F_NEXT | F_WRITE)));
	found[(*count)++] = (struct conformance_found){ d->addr, d->len, d->flags & F_WRITE };
	*at = d->next;
	return d->flags & F_NEXT;
}

/* Follows a chain; no longer than the queue, so there is no loop (2.7.5.2). */
static void chain_check(struct ktest_run *t, uint16_t head, const struct conformance_request *r)
{
	struct conformance_found found[CONFORMANCE_SIZE + 1];
	const struct virtq_desc *in = table();
	unsigned room = c->vq->size, count = 0;
	uint16_t at = head;
	bool more = true;

	while (more && at < room && count < CONFORMANCE_SIZE)
		more = step(t, &in, &room, &at, found, &count);
	expect(t, !more);
	conformance_same(t, r, found, count);
}

static void device_fetch(struct ktest_run *t)
{
	for (unsigned i = 0; device.seen != avail()->idx; i++, device.seen++) {
		require(t, i < added_count && device.held < CONFORMANCE_SIZE);
		device.heads[device.held] = avail()->ring[device.seen % c->vq->size];
		device.requests[device.held++] = added[i];
	}
	added_count = 0;
}

static void device_use_one(struct ktest_run *t)
{
	unsigned i;
	uint16_t idx = used()->idx;

	if (!device.held)
		return;
	i = (unsigned)ktest_random_below(t, device.held);
	used()->ring[idx % c->vq->size].id = device.heads[i];
	used()->ring[idx % c->vq->size].len = 0;
	used()->idx = (uint16_t)(idx + 1);
	device.held--;
	device.heads[i] = device.heads[device.held];
	device.requests[i] = device.requests[device.held];
}

/* 3.3.1: what the device was given is still what it was given. */
static void held_check(struct ktest_run *t)
{
	for (unsigned i = 0; i < device.held; i++)
		chain_check(t, device.heads[i], device.requests[i]);
}

/* 2.7.7.1 */
static void flags_check(struct ktest_run *t)
{
	expect(t, avail()->flags <= (agreed & VIRTIO_F_EVENT_IDX ? 0 : 1));
}

/* 2.7.10.1: whether publishing from `before` to `after` needs a doorbell. */
static bool bell_wanted(uint16_t before, uint16_t after)
{
	if (before == after)
		return false;
	if (!(agreed & VIRTIO_F_EVENT_IDX))
		return !(used()->flags & 1);
	return (uint16_t)(after - *avail_event() - 1) < (uint16_t)(after - before);
}

static void publish_check(struct ktest_run *t)
{
	uint16_t before = avail()->idx;
	unsigned bells = c->fake.bells;

	/* Each is a rule, or to be ignored, as agreed. */
	used()->flags = (uint16_t)ktest_random_below(t, 2);
	*avail_event() = (uint16_t)(before + ktest_random_below(t, 6) - 3);
	virtqueue_publish(c->vq);
	expect_eq(t, (uint16_t)(avail()->idx - before), added_count);	/* 2.7.6.1 */
	expect_eq(t, c->fake.bells - bells, bell_wanted(before, avail()->idx));
	device_fetch(t);
}

static void random_turn(struct ktest_run *t)
{
	struct conformance_request *r;

	for (uint64_t n = ktest_random_below(t, 4); n; n--) {
		r = conformance_add(t);
		if (r)
			added[added_count++] = r;
		held_check(t);
	}
	publish_check(t);
	for (uint64_t n = ktest_random_below(t, 4); n; n--)
		device_use_one(t);
	if (ktest_random_below(t, 2))
		virtqueue_interrupts_off(c->vq);
	else
		(void)!virtqueue_interrupts_on(c->vq);
	flags_check(t);
	for (uint64_t n = ktest_random_below(t, 4); n && conformance_take(t); n--)
		held_check(t);
}

static const uint64_t combinations[] = {
	0, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC,
};

KTEST(virtqueue_split_keeps_the_rules_in_any_order_of_events)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		unsigned failures = t->failures;

		require(t, start(t, combinations[i]));
		/* Beyond 2^16, so that indices wrap. */
		for (unsigned n = 0; n < 50000 && t->failures == failures; n++)
			random_turn(t);
		conformance_close(t);
	}
}

KTEST(virtqueue_split_begins_aligned_and_empty)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		require(t, start(t, combinations[i]));
		expect(t, is_aligned(c->at.desc, 16));
		expect(t, is_aligned(c->at.avail, 2));
		expect(t, is_aligned(c->at.used, 4));
		expect_eq(t, used()->flags, 0);
		expect_eq(t, used()->idx, 0);
		expect_eq(t, avail()->idx, 0);
		flags_check(t);
		conformance_close(t);
	}
}

/* What was found at the barriers of one publishing. */
static struct {
	struct ktest_run *t;
	uint16_t before;
	bool entries_first, index_first;
} barriers;

static void look(enum barrier kind)
{
	uint16_t idx = avail()->idx;

	if (kind == BARRIER_STORE_STORE && idx == barriers.before) {
		chain_check(barriers.t, avail()->ring[idx % c->vq->size], added[0]);
		barriers.entries_first = true;
	}
	if (kind == BARRIER_STORE_LOAD && idx != barriers.before) {
		/* Only now does the device say that it wants to be told. */
		used()->flags = 0;
		*avail_event() = barriers.before;
		barriers.index_first = true;
	}
}

KTEST(virtqueue_split_barriers_stand_where_they_must)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		require(t, start(t, combinations[i]));
		barriers.t = t;
		for (unsigned n = 0; n < 100; n++) {
			unsigned bells = c->fake.bells;

			added[0] = conformance_add(t);
			require(t, added[0]);
			added_count = 1;
			barriers.entries_first = barriers.index_first = false;
			barriers.before = avail()->idx;
			used()->flags = 1;
			*avail_event() = (uint16_t)(barriers.before - 1);
			host_barrier = look;
			virtqueue_publish(c->vq);
			host_barrier = NULL;
			expect(t, barriers.entries_first && barriers.index_first);
			expect_eq(t, c->fake.bells - bells, 1);
			device_fetch(t);
			device_use_one(t);
			expect(t, conformance_take(t));
		}
		conformance_close(t);
	}
}
