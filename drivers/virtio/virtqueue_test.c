/* SPDX-License-Identifier: MIT */
/*
 * The rings, split and packed, with each choice of features, against a device
 * that reads them as VIRTIO 1.2 says (fake_virtqueue.c): what is added arrives as
 * it was, what is given back comes once, and neither side waits in vain.
 */
#include "drivers/virtio/virtqueue.h"

#include "drivers/virtio/host_memory.h"
#include "drivers/virtio/fake_virtqueue.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/dma.h"

static char arena[65536];

/* A request in flight; its token is its address. */
struct request_model {
	bool live;
	unsigned segments;
	uint64_t readable, writable, first, places;
};

/* The requests of a ring, in the order in which they were added. */
struct model {
	struct request_model requests[FAKE_VIRTQUEUE_MAX];
	unsigned live;
	struct request_model *line[FAKE_VIRTQUEUE_MAX];	/* not seen by the device yet */
	unsigned from, to;
	unsigned tables;		/* chains that came in one */
	bool alike;			/* requests of this round have three segments */
	unsigned kept;			/* that were added with what their slots had kept */
};

static struct fake_virtqueue dev;
static struct model model;
static struct ktest_run *interrupting_test;

/* Each choice of features that the configuration has, in turn. */
static bool features_next(unsigned *i, uint64_t *out)
{
	for (; *i < 8; (*i)++) {
		*out = (*i & 1 ? VIRTIO_F_EVENT_IDX : 0) | (*i & 2 ? VIRTIO_F_INDIRECT_DESC : 0) |
		       (*i & 4 ? VIRTIO_F_RING_PACKED : 0);
		if ((*out & ~VIRTQUEUE_FEATURES) == 0) {
			(*i)++;
			return true;
		}
	}
	return false;
}

static struct virtqueue_shape shape_of(uint16_t size, uint64_t features)
{
	return (struct virtqueue_shape){ size, size, size % 3 == 1 ? 4 : 4096, features };
}

static struct request_model *request_free(struct model *m)
{
	for (unsigned i = 0; i < FAKE_VIRTQUEUE_MAX; i++)
		if (!m->requests[i].live)
			return &m->requests[i];
	return NULL;
}

/* The one that the first free slot had last, as if both lists went along; else any. */
static struct request_model *request_again(struct model *m)
{
	for (unsigned i = 0; dev.vq.free && i < FAKE_VIRTQUEUE_MAX; i++)
		if (dev.vq.free->token == &m->requests[i] && !m->requests[i].live)
			return &m->requests[i];
	return request_free(m);
}

/* As drivers do, those of few segments with numbers that the compiler knows. */
static int add(const struct virtqueue_segment *segs, unsigned out, unsigned in, void *token)
{
	switch (out << 4 | in) {
	case 0x01: return virtqueue_add(&dev.vq, segs, 0, 1, token);
	case 0x10: return virtqueue_add(&dev.vq, segs, 1, 0, token);
	case 0x11: return virtqueue_add(&dev.vq, segs, 1, 1, token);
	case 0x12: return virtqueue_add(&dev.vq, segs, 1, 2, token);
	case 0x21: return virtqueue_add(&dev.vq, segs, 2, 1, token);
	default: return virtqueue_add(&dev.vq, segs, out, in, token);
	}
}

/* The first and the last segment of a request are its own; so a ring may keep them. */
static int add_framed(struct virtqueue_segment segs[3], unsigned out, struct request_model *r)
{
	unsigned i = (unsigned)(r - model.requests);

	segs[0] = (struct virtqueue_segment){ &arena[16 * i], 1 + i % 16 };
	segs[2] = (struct virtqueue_segment){ &arena[sizeof(arena) - 16 * (i + 1)], 1 + i % 7 };
	if (out == 1 ? virtqueue_add_framed_short(&dev.vq, segs, 1, r) :
		       virtqueue_add_framed_short(&dev.vq, segs, 2, r)) {
		model.kept++;
		return 0;
	}
	return virtqueue_add_framed(&dev.vq, segs, out, r);
}

static void random_add(struct ktest_run *t)
{
	struct virtqueue_segment segs[8];
	unsigned out = (unsigned)ktest_random_below(t, 5);
	unsigned in = (unsigned)ktest_random_below(t, 4) + (out == 0);
	struct request_model *r = request_again(&model);
	unsigned room = virtqueue_room(&dev.vq);
	struct request_model want = { .live = true };
	int rc;

	if (model.alike) {
		out = 1 + out % 2;
		in = 3 - out;
	}
	want.segments = out + in;
	for (unsigned i = 0; i < out + in; i++) {
		segs[i].len = (uint32_t)ktest_random_below(t, 300) + 1;
		segs[i].data = &arena[ktest_random_below(t, sizeof(arena) - 300)];
	}
	if (out && in && out + in == 3 && ktest_random_below(t, 8))
		rc = add_framed(segs, out, r);
	else
		rc = add(segs, out, in, r);
	for (unsigned i = 0; i < out + in; i++) {
		*(i < out ? &want.readable : &want.writable) += segs[i].len;
		want.places += (uintptr_t)segs[i].data * (i + 1);
	}
	want.first = (uintptr_t)segs[0].data;
	if (out + in > dev.vq.size) {
		expect_eq(t, rc, -EINVAL);
	} else if (out + in > room) {
		expect_eq(t, rc, -ENOSPC);
	} else if (expect_eq(t, rc, 0)) {
		*r = want;
		model.live++;
		model.line[model.to++ % FAKE_VIRTQUEUE_MAX] = r;
	}
}

/* What the device sees is what was added, in that order. */
static void fetch_all(struct ktest_run *t)
{
	while (fake_virtqueue_fetch(&dev)) {
		const struct fake_virtqueue_chain *c = &dev.chains[dev.held - 1];
		const struct request_model *r = model.line[model.from % FAKE_VIRTQUEUE_MAX];

		require(t, model.from++ != model.to);
		expect_eq(t, c->segments, r->segments);
		expect_eq(t, c->readable, r->readable);
		expect_eq(t, c->writable, r->writable);
		expect_eq(t, c->first, r->first);
		expect_eq(t, c->places, r->places);
		model.tables += c->table;
	}
	/* What was added since has not been published. */
	expect_eq(t, model.to - model.from, dev.vq.added - dev.vq.published);
}

static void use_one(struct ktest_run *t)
{
	unsigned i = (unsigned)ktest_random_below(t, dev.held);

	fake_virtqueue_use(&dev, i, (uint32_t)ktest_random_below(t, dev.chains[i].writable + 1));
}

static void came_back(struct ktest_run *t, void *token, uint32_t len)
{
	size_t at = (size_t)((char *)token - (char *)model.requests) / sizeof(model.requests[0]);

	require(t, at < FAKE_VIRTQUEUE_MAX && model.requests[at].live);
	expect(t, len <= model.requests[at].writable);
	model.requests[at].live = false;
	model.live--;
}

static unsigned take(struct ktest_run *t, uint64_t most)
{
	unsigned n = 0;
	uint32_t len;
	void *token;

	for (; n < most && virtqueue_take(&dev.vq, &token, &len) == 0; n++)
		came_back(t, token, len);
	return n;
}

/* Ends a run: all that is in flight comes back through detach, once each. */
static void detach_all(struct ktest_run *t)
{
	void *token;

	virtqueue_stop(&dev.vq);
	expect_eq(t, virtqueue_room(&dev.vq), 0);
	while ((token = virtqueue_detach(&dev.vq)))
		came_back(t, token, 0);
	expect_eq(t, model.live, 0);
	expect_eq(t, virtqueue_outstanding(&dev.vq), 0);
}

/* A batch is told of with one doorbell if the device waits, else with none. */
static void random_publish(struct ktest_run *t)
{
	bool wants = ktest_random_below(t, 2);
	bool new = dev.vq.published != dev.vq.added;
	unsigned bells = dev.bells;

	/* It asks once it has seen all there is. */
	fetch_all(t);
	fake_virtqueue_wants_bell(&dev, wants);
	virtqueue_publish(&dev.vq);
	expect_eq(t, dev.bells, bells + (wants && new));
}

/* Some or all of what requests name lies where dma_addr() need not look for it. */
static void random_window(struct ktest_run *t)
{
	size_t size = sizeof(arena) / 2 * ktest_random_below(t, 3);

	dma_window = (struct dma_window){ (uintptr_t)arena, size, (uintptr_t)arena };
}

static void random_round(struct ktest_run *t)
{
	random_window(t);
	model.alike = ktest_random_below(t, 2);
	for (uint64_t n = ktest_random_below(t, dev.vq.size) + 1; n; n--) {
		random_add(t);
		if (ktest_random_below(t, 8) == 0)
			random_publish(t);
	}
	random_publish(t);
	fetch_all(t);
	for (uint64_t n = ktest_random_below(t, dev.held + 1u); n; n--)
		use_one(t);
	take(t, ktest_random_below(t, dev.vq.size + 1u));
	expect_eq(t, virtqueue_outstanding(&dev.vq), model.live);
	expect(t, !dev.lie);
	expect_str(t, dev.mistake ? dev.mistake : "", "");
}

static void random_run(struct ktest_run *t, const struct virtqueue_shape *shape, uint64_t rounds)
{
	unsigned failures = t->failures;

	fake_virtqueue_open(&dev, shape);
	memset(&model, 0, sizeof(model));
	/* Once more after a reset, where the ring begins anew. */
	for (unsigned life = 0; life < 2 && t->failures == failures; life++) {
		for (uint64_t n = rounds; n && t->failures == failures; n--)
			random_round(t);
		detach_all(t);
		virtqueue_reinit(&dev.vq);
		fake_virtqueue_restart(&dev);
		model.from = model.to = 0;
		expect_eq(t, virtqueue_room(&dev.vq), shape->size);
	}
	fake_virtqueue_close(&dev);
	dma_window = (struct dma_window){ 0 };
}

KTEST(virtqueue_random_batches_arrive_and_come_back_once_each)
{
	uint64_t rounds = ktest_operations() / 3000 + 1;
	unsigned i = 0;
	uint64_t features;

	while (features_next(&i, &features)) {
		unsigned tables = 0, kept = 0;

		for (uint16_t size = 1; size <= FAKE_VIRTQUEUE_MAX; size *= 2) {
			struct virtqueue_shape shape = shape_of(size, features);

			random_run(t, &shape, rounds / (size / 4u + 1) + 1);
			tables += model.tables;
			kept += model.kept;
		}
		expect_eq(t, tables != 0, (features & VIRTIO_F_INDIRECT_DESC) != 0);
		expect_eq(t, kept != 0, !(features & VIRTIO_F_RING_PACKED));
	}
}

KTEST(virtqueue_packed_rings_of_any_size)
{
	for (uint16_t size = 1; size < 40 && VIRTQUEUE_FEATURES & VIRTIO_F_RING_PACKED; size++) {
		struct virtqueue_shape shape = { size, size, 16, VIRTQUEUE_FEATURES };

		random_run(t, &shape, 60);
	}
}

/* A legacy PCI device says how many entries a ring has. */
KTEST(virtqueue_uses_few_descriptors_of_many)
{
	static const uint16_t entries[] = { 16, 1024, 32768 };

	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
		struct virtqueue_shape shape = { 16, entries[i], 4096, VIRTIO_F_EVENT_IDX };

		random_run(t, &shape, 2 * entries[i] / 8u);
		shape.features = 0;
		random_run(t, &shape, 100);
	}
}

KTEST(virtqueue_layouts_are_those_of_the_specification)
{
	struct virtqueue_layout l;

	virtqueue_layout(&(struct virtqueue_shape){ 8, 8, 4096, 0 }, &l);
	expect_eq(t, l.avail, 128);
	expect_eq(t, l.used, 4096);
	expect_eq(t, l.tables, 0);
	expect_eq(t, l.total, 4096 + 6 + 64);
	virtqueue_layout(&(struct virtqueue_shape){ 8, 8, 4, 0 }, &l);
	expect_eq(t, l.used, 152);		/* 128 + 4 + 16 + 2, aligned */
	/* Here the event index (2.7.6) makes the difference. */
	virtqueue_layout(&(struct virtqueue_shape){ 1024, 1024, 4, 0 }, &l);
	expect_eq(t, l.used, 16384 + 4 + 2048 + 4);
	virtqueue_layout(&(struct virtqueue_shape){ 2, 2, 2, 0 }, &l);
	expect_eq(t, l.used, 32 + 4 + 4 + 2);
	virtqueue_layout(&(struct virtqueue_shape){ 16, 256, 4096, 0 }, &l);
	expect_eq(t, l.avail, 4096);
	expect_eq(t, l.used, 8192);
}

static const struct virtqueue_segment one_in = { arena, 64 };

static bool add_one(void *token)
{
	return virtqueue_add(&dev.vq, &one_in, 0, 1, token) == 0;
}

static void open(uint16_t size, uint64_t features)
{
	struct virtqueue_shape shape = shape_of(size, features);

	fake_virtqueue_open(&dev, &shape);
}

KTEST(virtqueue_counters_wrap_at_65536)
{
	static int old, young;
	uint64_t features;
	unsigned i = 0;
	uint32_t len;
	void *token;

	while (features_next(&i, &features)) {
		open(4, features);
		/* One request stays in the device's hands for more than a wrap. */
		require(t, add_one(&old));
		virtqueue_publish(&dev.vq);
		require(t, fake_virtqueue_fetch(&dev));
		for (unsigned n = 0; n < 70000; n++) {
			unsigned interrupts = dev.interrupts;

			require(t, add_one(&young));
			fake_virtqueue_wants_bell(&dev, true);
			virtqueue_publish(&dev.vq);
			require(t, dev.bells == n + 2);
			require(t, fake_virtqueue_fetch(&dev));
			require(t, virtqueue_interrupts_on(&dev.vq));
			fake_virtqueue_use(&dev, 1, 7);
			require(t, dev.interrupts == interrupts + 1);
			require(t, virtqueue_take(&dev.vq, &token, &len) == 0);
			require(t, token == &young && len == 7);
		}
		fake_virtqueue_use(&dev, 0, 64);
		expect_eq(t, virtqueue_take(&dev.vq, &token, &len), 0);
		expect(t, token == &old && len == 64);
		expect_eq(t, virtqueue_take(&dev.vq, &token, &len), -EAGAIN);
		fake_virtqueue_close(&dev);
	}
}

KTEST(virtqueue_one_doorbell_for_a_batch)
{
	static int token;
	uint64_t features;
	unsigned i = 0;

	while (features_next(&i, &features)) {
		open(8, features);
		for (unsigned n = 0; n < 8; n++)
			require(t, add_one(&token));
		expect(t, !fake_virtqueue_fetch(&dev));
		expect_eq(t, virtqueue_add(&dev.vq, &one_in, 0, 1, &token), -ENOSPC);
		virtqueue_publish(&dev.vq);
		expect_eq(t, dev.bells, 1);
		for (unsigned n = 0; n < 8; n++)
			expect(t, fake_virtqueue_fetch(&dev));
		virtqueue_publish(&dev.vq);
		expect_eq(t, dev.bells, 1);
		fake_virtqueue_close(&dev);
	}
}

static void refuses(struct ktest_run *t, size_t window)
{
	struct virtqueue_segment segs[9];
	static int token;

	dma_window = (struct dma_window){ (uintptr_t)arena, window, (uintptr_t)arena };
	for (unsigned i = 0; i < 9; i++)
		segs[i] = (struct virtqueue_segment){ &arena[i], 1 };
	expect_eq(t, virtqueue_add(&dev.vq, segs, 0, 0, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&dev.vq, segs, 8, 1, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&dev.vq, segs, ~0u, 2, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&dev.vq, segs, 1, 1, NULL), -EINVAL);
	segs[1].len = 0;
	expect_eq(t, virtqueue_add(&dev.vq, segs, 1, 1, &token), -EINVAL);
	for (unsigned n = 3; n < 6; n++) {
		segs[1].len = segs[2].len = 0x80000000;
		expect_eq(t, virtqueue_add(&dev.vq, segs, 1, n - 1, &token), -EINVAL);
		segs[1].len = segs[2].len = 1;
		host_memory_refuse = segs[2].data;
		expect_eq(t, virtqueue_add(&dev.vq, segs, 1, n - 1, &token), -EFAULT);
		host_memory_refuse = NULL;
	}
	expect_eq(t, virtqueue_room(&dev.vq), 8);
	/* What was half written shows nowhere. */
	require(t, virtqueue_add(&dev.vq, segs, 1, 0, &token) == 0);
	virtqueue_publish(&dev.vq);
	expect(t, fake_virtqueue_fetch(&dev) && dev.chains[0].segments == 1);
	expect(t, !fake_virtqueue_fetch(&dev));
	expect_eq(t, virtqueue_add(&dev.vq, segs, 4, 3, &token), 0);
	virtqueue_publish(&dev.vq);
	expect(t, fake_virtqueue_fetch(&dev) && dev.chains[1].segments == 7);
	expect(t, !dev.mistake);
}

KTEST(virtqueue_refuses_bad_requests_and_keeps_its_descriptors)
{
	uint64_t features;
	unsigned i = 0;

	while (features_next(&i, &features)) {
		/* With none, one, two of the segments where it needs no look. */
		for (size_t window = 0; window < 3; window++) {
			open(8, features);
			refuses(t, window);
			fake_virtqueue_close(&dev);
		}
		dma_window = (struct dma_window){ 0 };
	}
}

/* In a table too, where descriptors are short. */
KTEST(virtqueue_refuses_bad_requests_for_tables)
{
	struct virtqueue_segment segs[3] = { { &arena[0], 1 }, { &arena[1], 1 }, { &arena[2], 1 } };
	static int token;
	uint64_t features;
	unsigned i = 0;

	while (features_next(&i, &features)) {
		if (!(features & VIRTIO_F_INDIRECT_DESC))
			continue;
		open(8, features);
		for (unsigned n = 0; n < 7; n++)
			require(t, add_one(&token));
		expect_eq(t, virtqueue_room(&dev.vq), VIRTQUEUE_TABLE);
		host_memory_refuse = segs[1].data;
		expect_eq(t, virtqueue_add(&dev.vq, segs, 2, 1, &token), -EFAULT);
		host_memory_refuse = NULL;
		segs[0].len = segs[1].len = 0x80000000;
		expect_eq(t, virtqueue_add(&dev.vq, segs, 2, 1, &token), -EINVAL);
		dma_window = (struct dma_window){ (uintptr_t)arena, UINT32_MAX, (uintptr_t)arena };
		expect_eq(t, virtqueue_add(&dev.vq, segs, 2, 1, &token), -EINVAL);
		dma_window = (struct dma_window){ 0 };
		segs[0].len = segs[1].len = 1;
		expect_eq(t, virtqueue_add(&dev.vq, segs, 2, 1, &token), 0);
		expect_eq(t, virtqueue_add(&dev.vq, segs, 2, 1, &token), -ENOSPC);
		virtqueue_publish(&dev.vq);
		while (fake_virtqueue_fetch(&dev))
			;
		expect_eq(t, dev.held, 8);
		expect(t, dev.chains[7].table && !dev.mistake);
		fake_virtqueue_close(&dev);
	}
}

KTEST(virtqueue_stopped_with_requests_not_published)
{
	static int token;
	uint64_t features;
	unsigned i = 0;
	uint32_t len;
	void *back;

	while (features_next(&i, &features)) {
		open(8, features);
		require(t, add_one(&token));
		expect(t, !virtqueue_detach(&dev.vq));
		virtqueue_stop(&dev.vq);
		virtqueue_publish(&dev.vq);
		expect_eq(t, dev.bells, 0);
		expect(t, !fake_virtqueue_fetch(&dev));
		expect_eq(t, virtqueue_add(&dev.vq, &one_in, 0, 1, &token), -EPROTO);
		expect_eq(t, virtqueue_take(&dev.vq, &back, &len), -EPROTO);
		expect(t, !virtqueue_has_used(&dev.vq));
		expect(t, virtqueue_interrupts_on(&dev.vq));
		expect(t, virtqueue_detach(&dev.vq) == &token && !virtqueue_detach(&dev.vq));
		fake_virtqueue_close(&dev);
	}
}

/* `count` requests of one segment, all in the device's hands. */
static void fill(struct ktest_run *t, unsigned count)
{
	static int token;

	for (unsigned n = 0; n < count; n++)
		require(t, add_one(&token));
	virtqueue_publish(&dev.vq);
	while (fake_virtqueue_fetch(&dev))
		;
}

KTEST(virtqueue_interrupts_come_only_when_wanted)
{
	uint64_t features;
	unsigned i = 0;
	uint32_t len;
	void *token;

	while (features_next(&i, &features)) {
		open(8, features);
		fill(t, 4);
		fake_virtqueue_use(&dev, 0, 1);
		expect_eq(t, dev.interrupts, 0);
		expect(t, virtqueue_has_used(&dev.vq));
		expect(t, !virtqueue_interrupts_on(&dev.vq));
		virtqueue_interrupts_off(&dev.vq);
		fake_virtqueue_use(&dev, 0, 1);
		expect_eq(t, dev.interrupts, 0);
		expect_eq(t, virtqueue_take(&dev.vq, &token, &len), 0);
		expect_eq(t, virtqueue_take(&dev.vq, &token, &len), 0);
		expect(t, virtqueue_interrupts_on(&dev.vq));
		fake_virtqueue_use(&dev, 0, 1);
		expect_eq(t, dev.interrupts, 1);
		fake_virtqueue_close(&dev);
	}
}

KTEST(virtqueue_one_interrupt_after_several)
{
	uint64_t features;
	unsigned i = 0;

	while (features_next(&i, &features)) {
		for (unsigned count = 0; count < 12; count++) {
			unsigned after = count == 0 ? 1 : min(count, 8u);

			if (!(features & VIRTIO_F_EVENT_IDX))
				after = 1;
			open(16, features);
			fill(t, 8);
			expect(t, virtqueue_interrupts_on_after(&dev.vq, count));
			for (unsigned n = 1; n < after; n++) {
				fake_virtqueue_use(&dev, 0, 1);
				expect_eq(t, dev.interrupts, 0);
			}
			fake_virtqueue_use(&dev, 0, 1);
			expect_eq(t, dev.interrupts, 1);
			expect(t, !virtqueue_interrupts_on_after(&dev.vq, 1));
			fake_virtqueue_close(&dev);
		}
	}
}

/* The device, on another processor: at each look at its memory it may give something back. */
static void device_runs(void)
{
	if (dev.held && ktest_random_below(interrupting_test, 3) == 0)
		use_one(interrupting_test);
}

/*
 * Drained, interrupts asked for, and nothing more to see: then either there is
 * nothing, or an interrupt was raised for it. Where the device holds
 * more, it will raise one in time.
 */
static void wait_in_vain(struct ktest_run *t)
{
	unsigned count = (unsigned)ktest_random_below(t, 4), interrupts;
	bool idle;

	virtqueue_interrupts_off(&dev.vq);
	take(t, UINT64_MAX);
	interrupts = dev.interrupts;
	idle = count ? virtqueue_interrupts_on_after(&dev.vq, count) :
		       virtqueue_interrupts_on(&dev.vq);
	if (idle && count < 2 && virtqueue_has_used(&dev.vq))
		expect(t, dev.interrupts > interrupts);
	if (!idle || !virtqueue_outstanding(&dev.vq))
		return;
	while (dev.held)
		use_one(t);
	expect(t, dev.interrupts > interrupts);
}

KTEST(virtqueue_no_wake_up_is_lost)
{
	uint64_t rounds = ktest_operations() / 300 + 20, features;
	unsigned i = 0, failures = t->failures;

	interrupting_test = t;
	while (features_next(&i, &features)) {
		struct virtqueue_shape shape = shape_of(16, features);

		fake_virtqueue_open(&dev, &shape);
		memset(&model, 0, sizeof(model));
		for (uint64_t n = rounds; n && t->failures == failures; n--) {
			for (uint64_t adds = ktest_random_below(t, 8); adds; adds--)
				random_add(t);
			virtqueue_publish(&dev.vq);
			fetch_all(t);
			virtqueue_read_hook = device_runs;
			wait_in_vain(t);
			virtqueue_read_hook = NULL;
		}
		expect(t, !dev.lie && !dev.mistake);
		detach_all(t);
		fake_virtqueue_close(&dev);
	}
}
