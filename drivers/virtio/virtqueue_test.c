/* SPDX-License-Identifier: MIT */
/*
 * The ring against a device of the test's own that reads it as VIRTIO 1.2 says
 * (2.7): honest in any order and batch first, then with each lie in turn.
 */
#include "drivers/virtio/virtqueue.h"

#include <stdlib.h>

#include "drivers/virtio/host_memory.h"
#include "drivers/virtio/ring.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { SIZE_MAX_HERE = 256 };

struct fake {
	struct virtqueue vq;
	struct virtqueue_slot *slots;
	void *memory;
	unsigned bells;
	const char *lie;
	uint64_t lie_value;

	/* The device. */
	uint16_t seen;			/* of the avail ring */
	uint16_t used;
	uint16_t heads[SIZE_MAX_HERE];	/* in its hands */
	unsigned held;
};

static void fake_notify(struct virtqueue *vq)
{
	((struct fake *)vq->owner)->bells++;
}

static void fake_lie(struct virtqueue *vq, const char *what, uint64_t value)
{
	struct fake *f = vq->owner;

	f->lie = what;
	f->lie_value = value;
}

static const struct virtqueue_ops fake_ops = { fake_notify, fake_lie };

static void fake_open(struct fake *f, uint16_t size, size_t align)
{
	const struct virtqueue_shape shape = { .size = size, .entries = size, .align = align };
	struct virtqueue_layout layout;

	memset(f, 0, sizeof(*f));
	virtqueue_layout(&shape, &layout);
	/* Exactly as long as the layout says, for the sanitizer to watch. */
	f->memory = malloc(layout.total);
	memset(f->memory, 0xee, layout.total);
	f->slots = malloc(size * sizeof(*f->slots));
	virtqueue_init(&f->vq, &layout, f->memory, f->slots, &fake_ops);
	f->vq.owner = f;
}

static void fake_close(struct fake *f)
{
	free(f->memory);
	free(f->slots);
}

/* The device takes what was published. */
static void device_fetch(struct fake *f)
{
	uint16_t idx = f->vq.avail->idx;

	for (; f->seen != idx; f->seen++)
		f->heads[f->held++] = f->vq.avail->ring[f->seen % f->vq.size];
}

static void device_use(struct fake *f, uint32_t id, uint32_t len)
{
	f->vq.used->ring[f->used % f->vq.size] = (struct virtq_used_elem){ id, len };
	f->vq.used->idx = ++f->used;
}

/* One that the device holds, at random, is taken out of its hands. */
static uint16_t device_pick(struct ktest_run *t, struct fake *f)
{
	unsigned i = (unsigned)ktest_random_below(t, f->held);
	uint16_t head = f->heads[i];

	f->heads[i] = f->heads[--f->held];
	return head;
}

static uint32_t device_writable(const struct fake *f, uint16_t head)
{
	const struct virtq_desc *d = &f->vq.desc[head];
	uint32_t sum = 0;

	for (;;) {
		if (d->flags & VIRTQ_DESC_F_WRITE)
			sum += d->len;
		if (!(d->flags & VIRTQ_DESC_F_NEXT))
			return sum;
		d = &f->vq.desc[d->next];
	}
}

static char arena[65536];

/* A model of the requests in flight: token i is &tokens[i]. */
struct model {
	struct {
		bool live;
		uint32_t writable;
		uint32_t answered;
	} tokens[SIZE_MAX_HERE];
	unsigned live;
};

static struct fake fake;
static struct model model;

static void random_add(struct ktest_run *t, struct fake *f, struct model *m)
{
	struct virtqueue_segment segs[6];
	unsigned out = (unsigned)ktest_random_below(t, 4);
	unsigned in = (unsigned)ktest_random_below(t, 3) + (out == 0);
	unsigned slot = 0;
	uint32_t writable = 0;
	bool room = out + in <= virtqueue_room(&f->vq);
	int rc;

	for (unsigned i = 0; i < out + in; i++) {
		segs[i].len = (uint32_t)ktest_random_below(t, 300) + 1;
		segs[i].data = &arena[ktest_random_below(t, sizeof(arena) - 300)];
		writable += i >= out ? segs[i].len : 0;
	}
	while (slot < f->vq.size && m->tokens[slot].live)
		slot++;
	rc = virtqueue_add(&f->vq, segs, out, in, &m->tokens[slot % SIZE_MAX_HERE]);
	if (out + in > f->vq.size) {
		expect_eq(t, rc, -EINVAL);
	} else if (!room) {
		expect_eq(t, rc, -ENOSPC);
	} else if (expect_eq(t, rc, 0)) {
		m->tokens[slot].live = true;
		m->tokens[slot].writable = writable;
		m->live++;
	}
}

static void random_device(struct ktest_run *t, struct fake *f)
{
	device_fetch(f);
	for (uint64_t n = ktest_random_below(t, f->held + 1u); n; n--) {
		uint16_t head = device_pick(t, f);
		uint32_t len = (uint32_t)ktest_random_below(t, device_writable(f, head) + 1ull);

		device_use(f, head, len);
	}
}

static void random_take(struct ktest_run *t, struct fake *f, struct model *m)
{
	uint64_t n = ktest_random_below(t, f->vq.size + 1u);
	uint32_t len;
	void *token;

	while (n-- && virtqueue_take(&f->vq, &token, &len) == 0) {
		size_t slot = (size_t)((char *)token - (char *)m->tokens) / sizeof(m->tokens[0]);

		require(t, slot < SIZE_MAX_HERE && m->tokens[slot].live);
		expect(t, len <= m->tokens[slot].writable);
		m->tokens[slot].live = false;
		m->live--;
	}
}

/* Ends a run: all that is in flight comes back through detach, once each. */
static void recover_all(struct ktest_run *t, struct fake *f, struct model *m)
{
	void *token;

	virtqueue_stop(&f->vq);
	while ((token = virtqueue_detach(&f->vq))) {
		size_t slot = (size_t)((char *)token - (char *)m->tokens) / sizeof(m->tokens[0]);

		require(t, slot < SIZE_MAX_HERE && m->tokens[slot].live);
		m->tokens[slot].live = false;
		m->live--;
	}
	expect_eq(t, m->live, 0);
	expect_eq(t, virtqueue_outstanding(&f->vq), 0);
}

static void random_run(struct ktest_run *t, uint16_t size, size_t align, uint64_t rounds)
{
	unsigned failures = t->failures;

	fake_open(&fake, size, align);
	memset(&model, 0, sizeof(model));
	for (; rounds && t->failures == failures; rounds--) {
		for (uint64_t n = ktest_random_below(t, size) + 1; n; n--)
			random_add(t, &fake, &model);
		virtqueue_publish(&fake.vq);
		fake.vq.used->flags = ktest_random_below(t, 2) ? VIRTQ_USED_F_NO_NOTIFY : 0;
		random_device(t, &fake);
		random_take(t, &fake, &model);
		expect_eq(t, virtqueue_outstanding(&fake.vq), model.live);
		expect(t, fake.lie == NULL);
	}
	recover_all(t, &fake, &model);
	fake_close(&fake);
}

KTEST(virtqueue_random_batches_come_back_once_each)
{
	uint64_t rounds = ktest_operations() / 500 + 1;

	for (uint16_t size = 1; size <= SIZE_MAX_HERE; size *= 2)
		random_run(t, size, size % 3 == 1 ? 4 : 4096, rounds / (size / 8 + 1));
	random_run(t, 8, 4096, rounds);
}

KTEST(virtqueue_layouts_are_those_of_the_specification)
{
	struct virtqueue_layout l;

	virtqueue_layout(&(struct virtqueue_shape){ 8, 8, 4096, 0 }, &l);
	expect_eq(t, l.avail, 128);
	expect_eq(t, l.used, 4096);
	expect_eq(t, l.total, 4096 + 6 + 64);
	virtqueue_layout(&(struct virtqueue_shape){ 8, 8, 4, 0 }, &l);
	expect_eq(t, l.used, 152);		/* 128 + 4 + 16 + 2, aligned */
	/* Here the event index (2.7.6) makes the difference. */
	virtqueue_layout(&(struct virtqueue_shape){ 1024, 1024, 4, 0 }, &l);
	expect_eq(t, l.used, 16384 + 4 + 2048 + 4);
	virtqueue_layout(&(struct virtqueue_shape){ 2, 2, 2, 0 }, &l);
	expect_eq(t, l.used, 32 + 4 + 4 + 2);
}

static const struct virtqueue_segment one_in = { arena, 64 };

static bool add_one(struct fake *f, void *token)
{
	return virtqueue_add(&f->vq, &one_in, 0, 1, token) == 0;
}

KTEST(virtqueue_counters_wrap_at_65536)
{
	static int old, young;
	uint32_t len;
	void *token;

	fake_open(&fake, 4, 16);
	/* One request stays in the device's hands for more than a wrap. */
	require(t, add_one(&fake, &old));
	virtqueue_publish(&fake.vq);
	for (unsigned i = 0; i < 70000; i++) {
		require(t, add_one(&fake, &young));
		virtqueue_publish(&fake.vq);
		device_use(&fake, 1, 7);
		require(t, virtqueue_take(&fake.vq, &token, &len) == 0);
		require(t, token == &young && len == 7);
	}
	device_use(&fake, 0, 64);
	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), 0);
	expect(t, token == &old && len == 64);
	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), -EAGAIN);
	fake_close(&fake);
}

KTEST(virtqueue_one_doorbell_for_a_batch)
{
	static int token;

	fake_open(&fake, 8, 16);
	for (unsigned i = 0; i < 8; i++)
		require(t, add_one(&fake, &token));
	expect_eq(t, fake.vq.avail->idx, 0);
	expect_eq(t, virtqueue_add(&fake.vq, &one_in, 0, 1, &token), -ENOSPC);
	virtqueue_publish(&fake.vq);
	expect_eq(t, fake.vq.avail->idx, 8);
	expect_eq(t, fake.bells, 1);
	virtqueue_publish(&fake.vq);
	expect_eq(t, fake.bells, 1);
	fake_close(&fake);
}

KTEST(virtqueue_refuses_bad_requests_and_keeps_its_descriptors)
{
	struct virtqueue_segment segs[9];
	static int token;

	fake_open(&fake, 8, 16);
	for (unsigned i = 0; i < 9; i++)
		segs[i] = (struct virtqueue_segment){ &arena[i], 1 };
	expect_eq(t, virtqueue_add(&fake.vq, segs, 0, 0, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&fake.vq, segs, 8, 1, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&fake.vq, segs, ~0u, 2, &token), -EINVAL);
	expect_eq(t, virtqueue_add(&fake.vq, segs, 1, 1, NULL), -EINVAL);
	segs[1].len = 0;
	expect_eq(t, virtqueue_add(&fake.vq, segs, 1, 1, &token), -EINVAL);
	segs[1].len = segs[2].len = 0x80000000;
	expect_eq(t, virtqueue_add(&fake.vq, segs, 1, 2, &token), -EINVAL);
	segs[1].len = segs[2].len = 1;
	host_memory_refuse = segs[2].data;
	expect_eq(t, virtqueue_add(&fake.vq, segs, 1, 2, &token), -EFAULT);
	host_memory_refuse = NULL;
	expect_eq(t, virtqueue_room(&fake.vq), 8);
	expect_eq(t, virtqueue_add(&fake.vq, segs, 4, 4, &token), 0);
	fake_close(&fake);
}

static int lie_tokens[4];

/* Three requests: 0 with 64 writable bytes, 1 with 64, 2 of two descriptors. */
static void lie_open(struct ktest_run *t, uint16_t size)
{
	const struct virtqueue_segment two[2] = { { arena, 16 }, { arena + 16, 16 } };

	fake_open(&fake, size, 16);
	require(t, add_one(&fake, &lie_tokens[0]));
	require(t, add_one(&fake, &lie_tokens[1]));
	require(t, virtqueue_add(&fake.vq, two, 1, 1, &lie_tokens[2]) == 0);
	virtqueue_publish(&fake.vq);
}

/* The lie is caught, nothing works any more, and all that is left comes back. */
static void lie_caught(struct ktest_run *t, unsigned left, const char *what, uint64_t value)
{
	unsigned recovered = 0, tokens = 0;
	uint32_t len;
	void *token;

	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), -EPROTO);
	expect_str(t, fake.lie, what);
	expect_eq(t, fake.lie_value, value);
	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), -EPROTO);
	expect_eq(t, virtqueue_add(&fake.vq, &one_in, 0, 1, &lie_tokens[0]), -EPROTO);
	while ((token = virtqueue_detach(&fake.vq))) {
		recovered++;
		tokens |= 1u << ((int *)token - lie_tokens);
	}
	expect_eq(t, recovered, left);
	expect_eq(t, __builtin_popcount(tokens), left);
	fake_close(&fake);
}

static const char id_lie[] = "used id is no outstanding request";
static const char len_lie[] = "used length beyond the writable bytes";
static const char index_lie[] = "used index ahead of what is outstanding";

KTEST(virtqueue_lie_used_id_out_of_range)
{
	static const uint32_t ids[] = { 8, 9, 255, 65536, 0x80000000, UINT32_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
		lie_open(t, 8);
		device_use(&fake, ids[i], 1);
		lie_caught(t, 3, id_lie, ids[i]);
	}
}

KTEST(virtqueue_lie_used_id_of_a_free_descriptor)
{
	lie_open(t, 8);
	device_use(&fake, 5, 1);
	lie_caught(t, 3, id_lie, 5);
}

KTEST(virtqueue_lie_used_id_inside_a_chain)
{
	lie_open(t, 8);
	device_use(&fake, 3, 1);	/* the second descriptor of request 2 */
	lie_caught(t, 3, id_lie, 3);
}

KTEST(virtqueue_lie_used_id_twice)
{
	uint32_t len;
	void *token;

	lie_open(t, 8);
	device_use(&fake, 1, 1);
	device_use(&fake, 1, 1);
	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), 0);
	expect(t, token == &lie_tokens[1]);
	lie_caught(t, 2, id_lie, 1);
}

KTEST(virtqueue_lie_used_id_not_published)
{
	lie_open(t, 8);
	require(t, add_one(&fake, &lie_tokens[3]));
	device_use(&fake, 4, 1);
	lie_caught(t, 4, id_lie, 4);
}

KTEST(virtqueue_lie_used_length)
{
	static const uint32_t lengths[] = { 65, 0x10000, UINT32_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		lie_open(t, 8);
		device_use(&fake, 0, lengths[i]);
		lie_caught(t, 3, len_lie, lengths[i]);
	}
	/* What the device only reads does not count. */
	lie_open(t, 8);
	device_use(&fake, 2, 17);
	lie_caught(t, 3, len_lie, 17);
}

KTEST(virtqueue_lie_used_index_jumps)
{
	static const uint16_t jumps[] = { 4, 5, 8, 9, 0x7fff, 0x8000, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
		lie_open(t, 8);
		fake.vq.used->idx = jumps[i];
		lie_caught(t, 3, index_lie, jumps[i]);
	}
}

KTEST(virtqueue_lie_used_index_moves_back)
{
	uint32_t len;
	void *token;

	lie_open(t, 8);
	device_use(&fake, 0, 1);
	expect_eq(t, virtqueue_take(&fake.vq, &token, &len), 0);
	fake.vq.used->idx = 0;
	lie_caught(t, 2, index_lie, 0);
}

KTEST(virtqueue_survives_rubbish_in_all_that_a_device_writes)
{
	for (uint64_t n = ktest_operations() / 100; n; n--) {
		unsigned got = 0;
		uint32_t len;
		void *token;

		lie_open(t, 8);
		for (unsigned i = 0; i < 8; i++)
			fake.vq.used->ring[i] = (struct virtq_used_elem){
				(uint32_t)ktest_random_below(t, 10),
				(uint32_t)ktest_random_below(t, 80),
			};
		fake.vq.used->idx = (uint16_t)ktest_random_below(t, 6);
		/* So can the rings that it should only read. */
		memset(fake.vq.desc, (int)ktest_random(t), 8 * sizeof(struct virtq_desc));
		while (virtqueue_take(&fake.vq, &token, &len) == 0)
			got++;
		virtqueue_stop(&fake.vq);
		while (virtqueue_detach(&fake.vq))
			got++;
		expect_eq(t, got, 3);
		fake_close(&fake);
	}
}
