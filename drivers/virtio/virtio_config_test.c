/* SPDX-License-Identifier: MIT */
/* Configuration space that is written, and that changes. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_device fake;
static struct virtio_driver driver;
static struct virtqueue *queue;
static unsigned changes, wanted;
static uint8_t byte;

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *token;

	while (virtqueue_take(vq, &token, &len) == 0)
		;
}

static int probe(struct virtio_device *dev)
{
	int rc = virtio_queue_setup(dev, 0, 8, drain, &queue);

	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static int prove(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	const struct virtqueue_segment seg = { &byte, 1 };
	int rc = virtqueue_add(vq, &seg, 0, 1, &byte);

	virtqueue_publish(vq);
	return rc;
}

static void answer(struct fake_device *f)
{
	uint32_t room;
	uint16_t head;
	uint8_t *data;

	if (fake_device_fetch(f, &head, &data, &room) == 0)
		fake_device_use(f, head, 1);
}

static void config_changed(struct virtio_device *dev __unused)
{
	changes++;
}

static void begin(unsigned sources, bool messages, bool modern)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.sources = sources;
	fake.messages = messages;
	fake.dev.modern = modern;
	driver = (struct virtio_driver){
		.name = "test", .id = VIRTIO_ID_RNG, .queues = 1,
		.probe = probe, .prove = prove, .config_changed = config_changed,
	};
	changes = 0;
	host_memory_live = 0;
}

static void end(struct ktest_run *t)
{
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, fake.irqs_open, 0);
	expect_eq(t, host_memory_live, 0);
	expect(t, !fake.dev.config_timer.running);
}

/* Turns of the loop until it was told, or a second has passed. */
static void turn_until_told(unsigned times)
{
	uint64_t until = time_now() + NS_PER_S;

	while (changes < times && !fake.dev.fault && time_now() < until)
		loop_turn();
}

static void try_changes(struct ktest_run *t, unsigned sources, bool messages, bool modern,
			unsigned room)
{
	begin(sources, messages, modern);
	fake.room = room;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	turn_until_told(1000);
	changes = 0;
	for (unsigned i = 1; i <= 3; i++) {
		fake_device_config_changes(&fake, false);
		turn_until_told(i);
		expect_eq(t, changes, i);
	}
	end(t);
}

KTEST(virtio_change_of_the_configuration_is_told_the_driver_once)
{
	for (unsigned modern = 0; modern < 2; modern++) {
		try_changes(t, 2, true, modern, FAKE_SOURCES);	/* a source for it alone */
		try_changes(t, 1, true, modern, FAKE_SOURCES);	/* a message that may be anything */
		try_changes(t, 1, false, modern, FAKE_SOURCES);	/* a line, and an ISR */
		try_changes(t, 0, false, modern, FAKE_SOURCES);	/* polled */
	}
	/* No room for a vector that tells of it: the generation does. */
	try_changes(t, 1, true, true, 0);
	/* A legacy device has none: the driver looks by itself. */
	try_changes(t, 1, true, false, 0);
}

/* What a legacy device says in its ISR alone must survive that its line is let go. */
KTEST(virtio_change_that_a_polled_legacy_device_tells_among_requests_is_not_lost)
{
	begin(0, false, false);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	turn_until_told(1000);
	changes = 0;
	fake_device_config_changes(&fake, false);
	require(t, prove(&fake.dev, queue) == 0);
	turn_until_told(1);
	expect_eq(t, changes, 1);
	end(t);
}

/* It becomes polled before the work of its interrupt has run. */
KTEST(virtio_change_is_not_lost_when_its_line_is)
{
	begin(1, false, false);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	changes = 0;
	fake.isr = VIRTIO_INTERRUPT_CONFIG;
	expect(t, fake.dev.sources[0].irq.handle(&fake.dev.sources[0].irq));
	fake.dev.sources[0].irq.stormed(&fake.dev.sources[0].irq);
	expect(t, fake.dev.polled);
	turn_until_told(1);
	expect_eq(t, changes, 1);
	end(t);
}

KTEST(virtio_interrupt_that_may_be_a_change_is_none_while_the_generation_stands)
{
	begin(1, true, true);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned i = 0; i < 5; i++) {
		expect_eq(t, prove(&fake.dev, queue), 0);
		while (loop_turn())
			;
	}
	expect_eq(t, changes, 0);
	expect_eq(t, fake.dev.config_changes, 0);
	end(t);
}

KTEST(virtio_device_that_is_gone_is_stopped_whoever_notices)
{
	for (unsigned sources = 0; sources < 3; sources++) {
		begin(sources, true, true);
		fake.can_be_cut_off = true;
		require(t, virtio_device_start(&fake.dev, &driver) == 0);
		fake.gone = true;
		fake_device_config_changes(&fake, false);
		turn_until_told(1);
		expect_str(t, fake.dev.fault, "is gone, status");
		expect_eq(t, changes, 0);
		end(t);
	}
}

/* Gone between its reset and FEATURES_OK, which all ones include. */
static void features_set(struct virtio_device *dev __unused, uint64_t features)
{
	fake.accepted = features;
	fake.gone = true;
}

KTEST(virtio_device_that_vanishes_does_not_agree)
{
	begin(1, true, true);
	fake.can_be_cut_off = true;
	fake.ops.set_features = features_set;
	expect_eq(t, virtio_device_start(&fake.dev, &driver), -ENOTSUP);
	expect_str(t, fake.dev.fault, "is gone, status");
	expect_eq(t, host_memory_live, 0);
}

KTEST(virtio_configuration_is_written_in_the_width_of_its_fields)
{
	static const uint8_t bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	begin(1, true, true);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned width = 1; width <= 8; width *= 2) {
		memset(fake.config, 0, sizeof(fake.config));
		fake.config_writes = 0;
		expect_eq(t, virtio_config_write(&fake.dev, 8, width, bytes, 16), 0);
		expect_eq(t, fake.config_writes, 16 / min(width, 4u));
		expect(t, memcmp(fake.config + 8, bytes, 16) == 0);
		expect(t, fake.config[7] == 0 && fake.config[24] == 0);
	}
	end(t);
}

KTEST(virtio_configuration_is_written_inside_alone)
{
	uint8_t buf[32] = { 0 };

	begin(1, true, true);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, virtio_config_write(&fake.dev, FAKE_CONFIG_LEN, 1, buf, 1), -EPROTO);
	expect_eq(t, virtio_config_write(&fake.dev, FAKE_CONFIG_LEN - 8, 8, buf, 16), -EPROTO);
	expect_eq(t, virtio_config_write(&fake.dev, 0xfffffff8, 8, buf, 16), -EPROTO);
	expect_eq(t, virtio_config_write(&fake.dev, 1, 2, buf, 2), -EINVAL);
	expect_eq(t, virtio_config_write(&fake.dev, 0, 3, buf, 3), -EINVAL);
	virtio_device_fail(&fake.dev, "test", 0);
	expect_eq(t, virtio_config_write(&fake.dev, 0, 1, buf, 1), -EPROTO);
	expect_eq(t, fake.config_writes, 0);
	end(t);
}

static unsigned queues_wanted(struct virtio_device *dev)
{
	return dev->features & VIRTIO_F_VERSION_1 ? wanted : 0;
}

KTEST(virtio_driver_wants_as_many_queues_as_the_device_has)
{
	static const struct { unsigned wanted, sources; } cases[] = {
		{ 1, 2 }, { 3, 4 }, { 8, 9 }, { 9, 9 }, { 1000, 9 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(FAKE_SOURCES, true, true);
		driver.queues = 8;
		driver.queues_wanted = queues_wanted;
		wanted = cases[i].wanted;
		require(t, virtio_device_start(&fake.dev, &driver) == 0);
		expect_eq(t, fake.dev.source_count, cases[i].sources);
		end(t);
	}
}
