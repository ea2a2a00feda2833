/* SPDX-License-Identifier: MIT */
/*
 * Each lie that a device can tell through a ring, in turn, on each kind of ring: it
 * is caught and named, nothing works from then on, and all that was
 * outstanding comes back once.
 */
#include "drivers/virtio/fake_virtqueue.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static char arena[256];
static int tokens[4];
static struct fake_virtqueue dev;

static const struct virtqueue_segment one_in = { arena, 64 };

static const uint64_t split = 0;

/* The kinds that the configuration has. */
static const uint64_t kinds[] = { 0, VIRTIO_F_RING_PACKED };

static unsigned kind_count(void)
{
	return VIRTQUEUE_FEATURES & VIRTIO_F_RING_PACKED ? 2 : 1;
}

static bool add_one(void *token)
{
	return virtqueue_add(&dev.vq, &one_in, 0, 1, token) == 0;
}

/* Three requests: 0 with 64 writable bytes, 1 with 64, 2 of two descriptors, 16 writable. */
static void lie_open(struct ktest_run *t, uint64_t features)
{
	const struct virtqueue_segment two[2] = { { arena, 16 }, { arena + 16, 16 } };
	const struct virtqueue_shape shape = { 8, 8, 16, features };

	fake_virtqueue_open(&dev, &shape);
	require(t, add_one(&tokens[0]));
	require(t, add_one(&tokens[1]));
	require(t, virtqueue_add(&dev.vq, two, 1, 1, &tokens[2]) == 0);
	virtqueue_publish(&dev.vq);
	while (fake_virtqueue_fetch(&dev))
		;
}

/* The id of request `i`, which is not always i. */
static uint16_t id_of(unsigned i)
{
	return dev.chains[i].id;
}

/* The lie is caught, nothing works any more, and all that is left comes back. */
static void lie_caught(struct ktest_run *t, unsigned left, const char *what, uint64_t value)
{
	unsigned recovered = 0, seen = 0;
	uint32_t len;
	void *token;

	expect_eq(t, virtqueue_take(&dev.vq, &token, &len), -EPROTO);
	expect_str(t, dev.lie, what);
	expect_eq(t, dev.lie_value, value);
	expect_eq(t, virtqueue_take(&dev.vq, &token, &len), -EPROTO);
	expect_eq(t, virtqueue_add(&dev.vq, &one_in, 0, 1, &tokens[0]), -EPROTO);
	expect_eq(t, dev.lies, 1);
	while ((token = virtqueue_detach(&dev.vq))) {
		recovered++;
		seen |= 1u << ((int *)token - tokens);
	}
	expect_eq(t, recovered, left);
	expect_eq(t, __builtin_popcount(seen), left);
	fake_virtqueue_close(&dev);
}

static void took(struct ktest_run *t, void *want, uint32_t written)
{
	uint32_t len;
	void *token;

	require(t, virtqueue_take(&dev.vq, &token, &len) == 0);
	expect(t, token == want);
	expect_eq(t, len, written);
}

static const char id_lie[] = "used id is no outstanding request";
static const char len_lie[] = "used length beyond the writable bytes";
static const char index_lie[] = "used index ahead of what is outstanding";
static const char flags_lie[] = "flags of a descriptor are of another round";

KTEST(virtqueue_lie_used_id_out_of_range)
{
	static const uint32_t ids[] = { 8, 9, 255, 65535, 65536, 0x80000000, UINT32_MAX };

	for (unsigned k = 0; k < kind_count(); k++) {
		for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
			if (kinds[k] && ids[i] > UINT16_MAX)
				continue;
			lie_open(t, kinds[k]);
			fake_virtqueue_say(&dev, ids[i], 1, 0);
			lie_caught(t, 3, id_lie, ids[i]);
		}
	}
}

KTEST(virtqueue_lie_used_id_of_nobody)
{
	for (unsigned k = 0; k < kind_count(); k++) {
		lie_open(t, kinds[k]);
		fake_virtqueue_say(&dev, 5, 1, 0);
		lie_caught(t, 3, id_lie, 5);
	}
}

KTEST(virtqueue_lie_used_id_inside_a_chain)
{
	lie_open(t, split);
	fake_virtqueue_say(&dev, 3, 1, 0);	/* the second descriptor of request 2 */
	lie_caught(t, 3, id_lie, 3);
}

KTEST(virtqueue_lie_used_id_twice)
{
	for (unsigned k = 0; k < kind_count(); k++) {
		uint16_t id;

		lie_open(t, kinds[k]);
		id = id_of(1);
		fake_virtqueue_use(&dev, 1, 1);
		fake_virtqueue_say(&dev, id, 1, 0);
		took(t, &tokens[1], 1);
		lie_caught(t, 2, id_lie, id);
	}
}

KTEST(virtqueue_lie_used_id_not_published)
{
	for (unsigned k = 0; k < kind_count(); k++) {
		uint16_t id;

		lie_open(t, kinds[k]);
		require(t, add_one(&tokens[3]));
		for (id = 0; dev.slots[id].token != &tokens[3] ||
		     dev.slots[id].number == UINT64_MAX;)
			id++;
		fake_virtqueue_say(&dev, id, 1, 0);
		lie_caught(t, 4, id_lie, id);
	}
}

KTEST(virtqueue_lie_used_length)
{
	static const uint32_t lengths[] = { 65, 0x10000, UINT32_MAX };

	for (unsigned k = 0; k < kind_count(); k++) {
		for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
			lie_open(t, kinds[k]);
			fake_virtqueue_say(&dev, id_of(0), lengths[i], VIRTQ_DESC_F_WRITE);
			lie_caught(t, 3, len_lie, lengths[i]);
		}
		/* What the device only reads does not count. */
		lie_open(t, kinds[k]);
		fake_virtqueue_say(&dev, id_of(2), 17, VIRTQ_DESC_F_WRITE);
		lie_caught(t, 3, len_lie, 17);
	}
}

/* 2.8.4: in a descriptor without WRITE the length means nothing. */
KTEST(virtqueue_packed_length_without_write)
{
	if (kind_count() < 2)
		return;
	lie_open(t, VIRTIO_F_RING_PACKED);
	fake_virtqueue_use(&dev, 0, 0);
	dev.vq.packed[0].len = 4096;
	took(t, &tokens[0], 0);
	fake_virtqueue_close(&dev);
}

KTEST(virtqueue_lie_used_index_jumps)
{
	static const uint16_t jumps[] = { 4, 5, 8, 9, 0x7fff, 0x8000, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
		lie_open(t, split);
		dev.vq.used->idx = jumps[i];
		lie_caught(t, 3, index_lie, jumps[i]);
	}
}

KTEST(virtqueue_lie_used_index_moves_back)
{
	lie_open(t, split);
	fake_virtqueue_use(&dev, 0, 1);
	took(t, &tokens[0], 1);
	dev.vq.used->idx = 0;
	lie_caught(t, 2, index_lie, 0);
}

KTEST(virtqueue_lie_used_index_with_nothing_outstanding)
{
	lie_open(t, split);
	for (unsigned i = 0; i < 3; i++)
		fake_virtqueue_use(&dev, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t len;
		void *token;

		require(t, virtqueue_take(&dev.vq, &token, &len) == 0);
	}
	dev.vq.used->idx = 4;
	lie_caught(t, 0, index_lie, 4);
}

KTEST(virtqueue_lie_packed_flags_of_another_round)
{
	static const uint16_t lies[] = { 0, VIRTQ_DESC_F_USED, VIRTQ_DESC_F_WRITE };

	if (kind_count() < 2)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		lie_open(t, VIRTIO_F_RING_PACKED);
		dev.vq.packed[0].flags = lies[i];
		expect(t, !virtqueue_has_used(&dev.vq));
		lie_caught(t, 3, flags_lie, lies[i]);
	}
}

KTEST(virtqueue_lie_packed_wrap_counter_too_early)
{
	if (kind_count() < 2)
		return;
	lie_open(t, VIRTIO_F_RING_PACKED);
	fake_virtqueue_use(&dev, 0, 1);
	took(t, &tokens[0], 1);
	dev.used_wrap = false;
	fake_virtqueue_say(&dev, 1, 1, 0);
	lie_caught(t, 2, flags_lie, 0);
}

KTEST(virtqueue_lie_packed_used_with_nothing_outstanding)
{
	if (kind_count() < 2)
		return;
	lie_open(t, VIRTIO_F_RING_PACKED);
	for (unsigned i = 0; i < 3; i++)
		fake_virtqueue_use(&dev, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t len;
		void *token;

		require(t, virtqueue_take(&dev.vq, &token, &len) == 0);
	}
	fake_virtqueue_say(&dev, 1, 1, 0);
	lie_caught(t, 0, id_lie, 1);
}

/* What a device wants to be told is a hint: it costs a doorbell, or a wait of its own. */
KTEST(virtqueue_any_wish_for_doorbells_is_harmless)
{
	for (unsigned k = 0; k < kind_count(); k++) {
		lie_open(t, kinds[k] | VIRTIO_F_EVENT_IDX);
		for (uint64_t n = ktest_operations() / 100; n; n--) {
			unsigned bells = dev.bells;

			if (kinds[k])
				dev.vq.device_event->word = (uint32_t)ktest_random(t);
			else
				*(uint16_t *)&dev.vq.used->ring[8] = (uint16_t)ktest_random(t);
			require(t, add_one(&tokens[3]));
			virtqueue_publish(&dev.vq);
			expect(t, dev.bells - bells <= 1);
			require(t, fake_virtqueue_fetch(&dev));
			fake_virtqueue_use(&dev, dev.held - 1, 1);
			took(t, &tokens[3], 1);
		}
		expect(t, !dev.lie);
		fake_virtqueue_close(&dev);
	}
	if (kind_count() < 2)
		return;
	/* The reserved value is taken for yes. */
	lie_open(t, VIRTIO_F_RING_PACKED);
	dev.vq.device_event->word = 3u << 16;
	require(t, add_one(&tokens[3]));
	virtqueue_publish(&dev.vq);
	expect_eq(t, dev.bells, 2);
	fake_virtqueue_close(&dev);
}

static void rubbish(struct ktest_run *t, uint64_t features)
{
	uint8_t *memory;
	unsigned got = 0;
	uint32_t len;
	void *token;

	lie_open(t, features);
	memory = dev.memory;
	for (uint64_t n = ktest_random_below(t, 40); n; n--) {
		/* Mostly where the device is to write, but it writes elsewhere too. */
		if (features & VIRTIO_F_RING_PACKED)
			dev.vq.packed[ktest_random_below(t, 8)] = (struct pvirtq_desc){
				ktest_random(t), (uint32_t)ktest_random_below(t, 80),
				(uint16_t)ktest_random_below(t, 10), (uint16_t)ktest_random(t),
			};
		else
			dev.vq.used->ring[ktest_random_below(t, 8)] = (struct virtq_used_elem){
				(uint32_t)ktest_random_below(t, 10),
				(uint32_t)ktest_random_below(t, 80),
			};
		memory[ktest_random_below(t, dev.layout.total)] = (uint8_t)ktest_random(t);
	}
	if (!(features & VIRTIO_F_RING_PACKED))
		dev.vq.used->idx = (uint16_t)ktest_random_below(t, 6);
	while (virtqueue_take(&dev.vq, &token, &len) == 0)
		got++;
	virtqueue_stop(&dev.vq);
	while (virtqueue_detach(&dev.vq))
		got++;
	expect_eq(t, got, 3);
	fake_virtqueue_close(&dev);
}

KTEST(virtqueue_survives_rubbish_in_all_that_a_device_writes)
{
	for (unsigned k = 0; k < kind_count(); k++)
		for (uint64_t n = ktest_operations() / 100; n; n--)
			rubbish(t, kinds[k]);
}
