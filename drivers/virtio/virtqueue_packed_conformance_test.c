/* SPDX-License-Identifier: MIT */
/*
 * The packed ring as VIRTIO 1.2 wants it of a driver (2.8): a device that goes
 * by the wrap counters reads what was written, and a copy of the ring tells
 * whether anything was touched that is not the driver's.
 */
#include "drivers/virtio/conformance_queue.h"

#include "kernel/lib/string.h"

enum {
	F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4, F_AVAIL = 1 << 7, F_USED = 1 << 15,
	EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2,	/* 2.8.14 */
	EVENT_WRAP = 1 << 15,
};

struct packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

struct packed_event {
	uint16_t off_wrap;
	uint16_t flags;
};

static struct conformance_queue *const c = &conformance_queue;
static uint64_t agreed;

struct list {
	uint16_t id;
	uint16_t length;		/* descriptors of the ring */
};

/* The device. */
static struct {
	uint16_t at, used_at;		/* what it reads and writes next */
	bool wrap, used_wrap;
	struct list lists[CONFORMANCE_SIZE];
	unsigned held;
	unsigned busy;			/* descriptors not the driver's: held, or not taken */
} device;

/* What the ring was when it was looked at last. */
static struct packed_desc copy[CONFORMANCE_SIZE];

/* In the order added, not yet published. */
static struct conformance_request *added[CONFORMANCE_SIZE];
static unsigned added_count;

/* Lengths of the lists that came back, in the order used, for what is taken. */
static uint16_t returned[CONFORMANCE_SIZE];
static unsigned returned_count;

static volatile struct packed_desc *ring(void)
{
	return (void *)(uintptr_t)c->at.desc;
}

static volatile struct packed_event *driver_event(void)
{
	return (void *)(uintptr_t)c->at.avail;
}

static volatile struct packed_event *device_event(void)
{
	return (void *)(uintptr_t)c->at.used;
}

static bool is_available(uint16_t at, bool wrap)
{
	uint16_t flags = ring()[at].flags;

	return !!(flags & F_AVAIL) == wrap && !!(flags & F_USED) != wrap;
}

static bool start(struct ktest_run *t, uint64_t features)
{
	memset(&device, 0, sizeof(device));
	device.wrap = device.used_wrap = true;
	added_count = returned_count = 0;
	agreed = features | VIRTIO_F_RING_PACKED;
	if (!conformance_open(t, agreed))
		return false;
	memcpy(copy, (const void *)(uintptr_t)c->at.desc, sizeof(copy));
	return true;
}

/* 2.8.16: since the last look only what was the driver's was written. */
static void untouched_check(struct ktest_run *t)
{
	unsigned size = c->vq->size;

	for (unsigned i = 0; i < device.busy; i++) {
		unsigned at = (device.at + size - 1 - i) % size;

		expect(t, memcmp((const void *)&ring()[at], &copy[at], sizeof(copy[0])) == 0);
	}
	memcpy(copy, (const void *)(uintptr_t)c->at.desc, sizeof(copy));
}

/* 2.8.19: a table has no flag but WRITE. */
static unsigned table_read(struct ktest_run *t, const volatile struct packed_desc *d,
			   struct conformance_found *found)
{
	const struct packed_desc *table = (const void *)(uintptr_t)d->addr;
	unsigned count = d->len / (unsigned)sizeof(*table);

	expect(t, agreed & VIRTIO_F_INDIRECT_DESC);
	expect(t, !(d->flags & F_NEXT));
	expect(t, d->len % sizeof(*table) == 0 && count > 0 && count <= c->vq->size);
	for (unsigned i = 0; i < count && i < CONFORMANCE_SIZE; i++) {
		expect(t, !(table[i].flags & ~F_WRITE));
		found[i] = (struct conformance_found){
			table[i].addr, table[i].len, table[i].flags & F_WRITE,
		};
	}
	return count;
}

static void advance(uint16_t *at, bool *wrap)
{
	if (++*at == c->vq->size) {
		*at = 0;
		*wrap = !*wrap;
	}
}

/* One list, whose first descriptor is available: so are all others (2.8.17). */
static void list_fetch(struct ktest_run *t, const struct conformance_request *r)
{
	struct conformance_found found[CONFORMANCE_SIZE];
	struct list *list = &device.lists[device.held++];
	unsigned count = 0;
	uint16_t flags;

	*list = (struct list){ 0 };
	do {
		volatile struct packed_desc *d = &ring()[device.at];

		require(t, is_available(device.at, device.wrap));
		require(t, list->length < c->vq->size);
		flags = d->flags;
		list->id = d->id;
		list->length++;
		if (flags & F_INDIRECT) {
			expect_eq(t, list->length, 1);
			count = table_read(t, d, found);
		} else {
			found[count++] = (struct conformance_found){
				d->addr, d->len, flags & F_WRITE,
			};
		}
		advance(&device.at, &device.wrap);
	} while (flags & F_NEXT);
	device.busy += list->length;
	expect(t, device.busy <= c->vq->size);
	conformance_same(t, r, found, count);
}

static void device_fetch(struct ktest_run *t)
{
	for (unsigned i = 0; i < added_count; i++) {
		require(t, is_available(device.at, device.wrap));
		list_fetch(t, added[i]);
	}
	added_count = 0;
	/* Where the ring is full the next one is the device's own. */
	expect(t, device.busy == c->vq->size || !is_available(device.at, device.wrap));
}

static void device_use_one(struct ktest_run *t)
{
	volatile struct packed_desc *d = &ring()[device.used_at];
	struct list *list;

	if (!device.held)
		return;
	list = &device.lists[ktest_random_below(t, device.held)];
	d->id = list->id;
	d->len = 0;
	d->flags = device.used_wrap ? F_AVAIL | F_USED : 0;
	returned[returned_count++] = list->length;
	for (unsigned i = 0; i < list->length; i++)
		advance(&device.used_at, &device.used_wrap);
	*list = device.lists[--device.held];
	memcpy(copy, (const void *)(uintptr_t)c->at.desc, sizeof(copy));
}

static bool take(struct ktest_run *t)
{
	if (!conformance_take(t))
		return false;
	device.busy -= returned[0];
	returned_count--;
	memmove(returned, returned + 1, returned_count * sizeof(returned[0]));
	untouched_check(t);
	return true;
}

/* Whether one of the `count` descriptors from here on is the one that was asked for. */
static bool passes(uint16_t at, bool wrap, unsigned count, uint16_t off_wrap)
{
	for (; count; count--) {
		if (off_wrap == (at | (wrap ? EVENT_WRAP : 0)))
			return true;
		advance(&at, &wrap);
	}
	return false;
}

static uint16_t random_event(struct ktest_run *t)
{
	uint16_t flags = (uint16_t)ktest_random_below(t, agreed & VIRTIO_F_EVENT_IDX ? 3 : 2);
	uint16_t at = device.at;
	bool wrap = device.wrap;

	for (uint64_t n = ktest_random_below(t, 4); n; n--)
		advance(&at, &wrap);
	device_event()->off_wrap = (uint16_t)(at | (wrap ? EVENT_WRAP : 0));
	device_event()->flags = flags;
	return flags;
}

static void publish_check(struct ktest_run *t)
{
	unsigned bells = c->fake.bells, busy = device.busy;
	uint16_t at = device.at, flags = random_event(t);
	bool wrap = device.wrap, any = added_count > 0, wanted;

	expect(t, busy == c->vq->size || !is_available(at, wrap));
	virtqueue_publish(c->vq);
	untouched_check(t);
	device_fetch(t);
	wanted = flags == EVENT_ENABLE ||
		 (flags == EVENT_DESC && passes(at, wrap, device.busy - busy,
						device_event()->off_wrap));
	expect_eq(t, c->fake.bells - bells, any && wanted);
}

static void interrupts_check(struct ktest_run *t)
{
	if (ktest_random_below(t, 2))
		virtqueue_interrupts_off(c->vq);
	else
		(void)!virtqueue_interrupts_on(c->vq);
	expect(t, driver_event()->flags <=
		  (agreed & VIRTIO_F_EVENT_IDX ? EVENT_DESC : EVENT_DISABLE));
}

static void random_turn(struct ktest_run *t)
{
	struct conformance_request *r;

	for (uint64_t n = ktest_random_below(t, 4); n; n--) {
		r = conformance_add(t);
		if (r)
			added[added_count++] = r;
		untouched_check(t);
	}
	publish_check(t);
	for (uint64_t n = ktest_random_below(t, 4); n; n--)
		device_use_one(t);
	interrupts_check(t);
	for (uint64_t n = ktest_random_below(t, 4); n && take(t); n--)
		;
}

static const uint64_t combinations[] = {
	0, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC,
};

KTEST(virtqueue_packed_keeps_the_rules_in_any_order_of_events)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		unsigned failures = t->failures;

		require(t, start(t, combinations[i]));
		for (unsigned n = 0; n < 50000 && t->failures == failures; n++)
			random_turn(t);
		conformance_close(t);
	}
}

KTEST(virtqueue_packed_begins_aligned_and_empty)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		require(t, start(t, combinations[i]));
		expect(t, is_aligned(c->at.desc, 16));
		expect(t, is_aligned(c->at.avail, 4));
		expect(t, is_aligned(c->at.used, 4));
		for (uint16_t at = 0; at < c->vq->size; at++)
			expect(t, !is_available(at, true));
		conformance_close(t);
	}
}

/* What was found at the barriers of one publishing. */
static struct {
	bool first_hidden, rest_there, first_shown;
} barriers;

static void look(enum barrier kind)
{
	bool shown = is_available(device.at, device.wrap);

	if (kind == BARRIER_STORE_STORE && !shown) {
		barriers.first_hidden = true;
		barriers.rest_there = ring()[device.at].addr != 0 && ring()[device.at].len != 0;
	}
	if (kind == BARRIER_STORE_LOAD && shown) {
		/* Only now does the device say that it wants to be told. */
		device_event()->flags = EVENT_ENABLE;
		barriers.first_shown = true;
	}
}

KTEST(virtqueue_packed_barriers_stand_where_they_must)
{
	for (unsigned i = 0; i < ARRAY_SIZE(combinations); i++) {
		require(t, start(t, combinations[i]));
		for (unsigned n = 0; n < 100; n++) {
			unsigned bells = c->fake.bells;

			added[0] = conformance_add(t);
			require(t, added[0]);
			added_count = 1;
			memset(&barriers, 0, sizeof(barriers));
			device_event()->flags = EVENT_DISABLE;
			host_barrier = look;
			virtqueue_publish(c->vq);
			host_barrier = NULL;
			expect(t, barriers.first_hidden && barriers.rest_there);
			expect(t, barriers.first_shown);
			expect_eq(t, c->fake.bells - bells, 1);
			device_fetch(t);
			device_use_one(t);
			expect(t, take(t));
		}
		conformance_close(t);
	}
}
