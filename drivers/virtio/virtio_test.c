/* SPDX-License-Identifier: MIT */
/* The core against a device that fails on demand. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	DRIVER_FEATURE = 1 << 3,
	OTHER_FEATURE = 1 << 5,
	BEGUN = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER,
};

static struct fake_device fake;
static struct virtqueue *queue;
static int probe_error;
static uint16_t wish;
static unsigned drained, taken;

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *token;

	drained++;
	while (virtqueue_take(vq, &token, &len) == 0)
		taken++;
}

static int test_probe(struct virtio_device *dev)
{
	int rc = virtio_queue_setup(dev, 0, wish, drain, &queue);

	if (rc)
		return rc;
	if (probe_error)
		return probe_error;
	virtio_device_ready(dev);
	return 0;
}

static const struct virtio_driver test_driver = {
	.name = "test",
	.id = VIRTIO_ID_RNG,
	.features = DRIVER_FEATURE,
	.probe = test_probe,
};

static void begin(void)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	probe_error = 0;
	wish = 8;
	queue = NULL;
	host_memory_live = 0;
}

static void end(struct ktest_run *t)
{
	if (fake.dev.driver)
		virtio_device_fail(&fake.dev, "the test is over", 0);
	expect_eq(t, fake.irqs_open, 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, host_memory_live, fake.dev.unsafe && queue ? 1 : 0);
}

/* The device was left FAILED and reset, its memory freed, its driver not bound. */
static void expect_failed(struct ktest_run *t, int rc, int expected, const char *fault)
{
	expect_eq(t, rc, expected);
	expect_str(t, fake.dev.fault, fault);
	expect(t, fake.dev.driver == NULL);
	expect(t, fake.dev.queues == NULL);
	expect_eq(t, fake.opened, 0);
	expect(t, fake.writes >= 2);
	expect_eq(t, fake.history[fake.writes - 1], 0);
	expect(t, fake.history[fake.writes - 2] & VIRTIO_STATUS_FAILED);
	end(t);
}

KTEST(virtio_modern_device_comes_up_in_the_order_of_the_specification)
{
	static const uint8_t order[] = {
		0, VIRTIO_STATUS_ACKNOWLEDGE, BEGUN, BEGUN | VIRTIO_STATUS_FEATURES_OK,
		BEGUN | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK,
	};

	begin();
	fake.offered |= DRIVER_FEATURE | OTHER_FEATURE | VIRTIO_F_ACCESS_PLATFORM | BIT(63);
	expect_eq(t, virtio_device_start(&fake.dev, &test_driver), 0);
	expect_eq(t, fake.writes, sizeof(order));
	expect(t, memcmp(fake.history, order, sizeof(order)) == 0);
	expect_eq(t, fake.accepted,
		  DRIVER_FEATURE | VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM);
	expect_eq(t, fake.dev.features, fake.accepted);
	expect(t, fake.dev.driver == &test_driver && fake.dev.fault == NULL);
	expect_eq(t, fake.opened, 1);
	expect_eq(t, queue->size, 8);
	expect(t, is_aligned(fake.rings[0].at.desc, 16) && is_aligned(fake.rings[0].at.used, 4));
	end(t);
}

KTEST(virtio_legacy_device_gets_32_features_and_its_own_layout)
{
	begin();
	fake.dev.modern = false;
	fake.offered = DRIVER_FEATURE | OTHER_FEATURE | VIRTIO_F_VERSION_1;
	expect_eq(t, virtio_device_start(&fake.dev, &test_driver), 0);
	expect_eq(t, fake.accepted, DRIVER_FEATURE);
	expect_eq(t, fake.status, BEGUN | VIRTIO_STATUS_DRIVER_OK);
	expect_eq(t, fake.rings[0].at.used - fake.rings[0].at.desc, 4096);
	expect_eq(t, fake.rings[0].at.avail - fake.rings[0].at.desc, 8 * 16);
	expect(t, is_aligned(fake.rings[0].at.desc, 4096));
	end(t);
}

KTEST(virtio_device_that_refuses_features_is_failed)
{
	begin();
	fake.refuses_features = true;
	expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -ENOTSUP,
		      "refuses the features");
}

KTEST(virtio_modern_device_without_version_1_is_failed)
{
	begin();
	fake.offered = DRIVER_FEATURE;
	expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -EPROTO,
		      "modern without VERSION_1, features");
}

KTEST(virtio_device_that_never_resets_is_given_up)
{
	begin();
	fake.never_resets = true;
	fake.status = VIRTIO_STATUS_DRIVER_OK;
	expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -ETIMEDOUT,
		      "does not reset, status");
	expect(t, fake.dev.unsafe);
}

KTEST(virtio_device_that_stops_resetting_keeps_its_ring)
{
	void *ring;

	begin();
	require(t, virtio_device_start(&fake.dev, &test_driver) == 0);
	ring = queue->memory;
	fake.never_resets = true;
	virtio_device_fail(&fake.dev, "test", 0);
	expect(t, fake.dev.unsafe);
	end(t);		/* one block is not given back: */
	page_free(ring, 0);
}

KTEST(virtio_queue_sizes_that_are_lies)
{
	static const uint32_t sizes[] = { 0, 3, 7, 48, 65, 32769, 65536, 0x80000000, ~0u };

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		fake.queue_max = sizes[i];
		expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -EPROTO,
			      "queue size is no power of two up to 32768");
		expect_eq(t, fake.dev.fault_value, sizes[i]);
	}
}

KTEST(virtio_queue_is_the_smaller_of_offer_and_wish)
{
	static const struct { uint32_t offer; uint16_t wish, size; } cases[] = {
		{ 64, 8, 8 }, { 4, 8, 4 }, { 1, 8, 1 }, { 32768, 1024, 1024 }, { 8, 8, 8 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		fake.queue_max = cases[i].offer;
		wish = cases[i].wish;
		require(t, virtio_device_start(&fake.dev, &test_driver) == 0);
		expect_eq(t, queue->size, cases[i].size);
		expect_eq(t, fake.rings[0].size, cases[i].size);
		end(t);
	}
}

KTEST(virtio_queue_wishes_that_are_mistakes)
{
	static const uint16_t wishes[] = { 0, 3, 2048, 0x8000, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(wishes); i++) {
		begin();
		wish = wishes[i];
		expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -EINVAL,
			      "driver gave up, error");
	}
}

KTEST(virtio_failures_on_the_way_up_leave_nothing_behind)
{
	begin();
	fake.open_error = -ENOMEM;
	expect_eq(t, virtio_device_start(&fake.dev, &test_driver), -ENOMEM);
	expect_eq(t, fake.writes, 0);

	begin();
	fake.enable_error = -EBUSY;
	expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -EBUSY,
		      "queue cannot be given to it");

	begin();
	probe_error = -ENOSPC;
	expect_failed(t, virtio_device_start(&fake.dev, &test_driver), -ENOSPC,
		      "driver gave up, error");
}

KTEST_MAY_FAIL(virtio_device_starts_or_is_failed_for_want_of_memory)
{
	int rc;

	for (unsigned legacy = 0; legacy < 2; legacy++) {
		begin();
		fake.dev.modern = !legacy;
		rc = virtio_device_start(&fake.dev, &test_driver);
		if (expect_done(t, rc))
			end(t);
		else
			expect_failed(t, rc, -ENOMEM, "driver gave up, error");
	}
}

KTEST(virtio_lie_in_the_ring_stops_the_device)
{
	static uint8_t buffer[16];
	const struct virtqueue_segment seg = { buffer, sizeof(buffer) };
	static int token;
	uint32_t len;
	void *back;

	begin();
	require(t, virtio_device_start(&fake.dev, &test_driver) == 0);
	require(t, virtqueue_add(queue, &seg, 0, 1, &token) == 0);
	virtqueue_publish(queue);
	expect_eq(t, fake.bells, 1);
	fake_device_use(&fake, 0, sizeof(buffer) + 1);
	expect_eq(t, virtqueue_take(queue, &back, &len), -EPROTO);
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	expect_eq(t, fake.dev.fault_value, sizeof(buffer) + 1);
	expect_eq(t, fake.status, 0);
	expect(t, fake.history[fake.writes - 2] & VIRTIO_STATUS_FAILED);
	expect_eq(t, virtqueue_add(queue, &seg, 0, 1, &token), -EPROTO);
	expect(t, virtqueue_detach(queue) == &token);
	expect(t, virtqueue_detach(queue) == NULL);
	end(t);
}

KTEST(virtio_config_is_read_in_one_piece)
{
	uint8_t buf[FAKE_CONFIG_LEN] = { 0 };

	for (unsigned legacy = 0; legacy < 2; legacy++) {
		begin();
		fake.dev.modern = !legacy;
		for (unsigned i = 0; i < FAKE_CONFIG_LEN; i++)
			fake.config[i] = (uint8_t)(i + 1);
		fake.config_changes = 5;
		expect_eq(t, virtio_config_read(&fake.dev, 0, 8, buf, 16), 0);
		expect(t, memcmp(buf, fake.config, 16) == 0);
		expect_eq(t, fake.config_changes, 0);
		expect_eq(t, virtio_config_read(&fake.dev, 15, 1, buf, 1), 0);
		expect_eq(t, buf[0], 16);
		fake.config_never_settles = true;
		expect_eq(t, virtio_config_read(&fake.dev, 0, 2, buf, 6), -EPROTO);
	}
}

KTEST(virtio_config_reads_stay_inside)
{
	uint8_t buf[32];

	begin();
	expect_eq(t, virtio_config_read(&fake.dev, FAKE_CONFIG_LEN, 1, buf, 1), -EPROTO);
	expect_eq(t, virtio_config_read(&fake.dev, FAKE_CONFIG_LEN - 8, 8, buf, 16), -EPROTO);
	expect_eq(t, virtio_config_read(&fake.dev, 8, 8, buf, 0xfffffff8), -EPROTO);
	expect_eq(t, virtio_config_read(&fake.dev, 0xfffffff8, 8, buf, 16), -EPROTO);
	expect_eq(t, virtio_config_read(&fake.dev, 1, 2, buf, 2), -EINVAL);
	expect_eq(t, virtio_config_read(&fake.dev, 0, 4, buf, 6), -EINVAL);
	expect_eq(t, virtio_config_read(&fake.dev, 0, 3, buf, 3), -EINVAL);
	expect_eq(t, virtio_config_read(&fake.dev, 0, 0, buf, 4), -EINVAL);
	fake.dev.config_len = 0;
	expect_eq(t, virtio_config_read(&fake.dev, 0, 1, buf, 1), -EPROTO);
}
