/* SPDX-License-Identifier: MIT */
/*
 * What VIRTIO 1.2 demands of every driver, whatever its device (2.1, 2.2, 3.1):
 * each driver of the program is brought up against a fake device whose table
 * is looked over the shoulder.
 */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Reserved bits that no driver and no ring of ours knows (6). */
enum {
	F_NOTIFY_ON_EMPTY = 24,
	F_IN_ORDER = 35,
	F_SR_IOV = 37,
	F_NOTIFICATION_DATA = 38,
	F_NOTIF_CONFIG_DATA = 39,
};

/* What the core may accept by itself. */
#define CORE_MODERN	(VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | \
			 VIRTIO_F_ORDER_PLATFORM | VIRTIO_F_RING_RESET)
#define RING		(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED)

static struct fake_device fake;
static const struct virtio_transport_ops *honest;
static struct virtio_transport_ops watched;

/* What was seen of one bringing up and its end. */
static struct {
	unsigned resets;
	unsigned bits_taken_back;	/* from the status, without a reset */
	unsigned starts_unreset;	/* ACKNOWLEDGE after FAILED without a reset between */
	unsigned late_features;		/* written after FEATURES_OK */
	unsigned early_bells;		/* rung before DRIVER_OK */
	unsigned early_writes;		/* of the configuration, before FEATURES_OK */
	uint8_t status;
} seen;

static void watch_status(struct virtio_device *dev, uint8_t status)
{
	seen.resets += status == 0;
	seen.bits_taken_back += status != 0 && (seen.status & ~status) != 0;
	seen.starts_unreset += status == VIRTIO_STATUS_ACKNOWLEDGE && seen.status != 0;
	seen.status = status;
	honest->set_status(dev, status);
}

static void watch_features(struct virtio_device *dev, uint64_t features)
{
	seen.late_features += (seen.status & VIRTIO_STATUS_FEATURES_OK) != 0;
	honest->set_features(dev, features);
}

static void watch_notify(struct virtqueue *vq)
{
	seen.early_bells += !(seen.status & VIRTIO_STATUS_DRIVER_OK);
	honest->notify(vq);
}

static void watch_config(struct virtio_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	seen.early_writes += dev->modern && !(seen.status & VIRTIO_STATUS_FEATURES_OK);
	honest->config_write(dev, offset, width, value);
}

static void begin(uint32_t id, bool modern)
{
	fake_device_init(&fake, id);
	honest = fake.dev.ops;
	watched = *honest;
	watched.set_status = watch_status;
	watched.set_features = watch_features;
	watched.notify = watch_notify;
	watched.config_write = watch_config;
	fake.dev.ops = &watched;
	fake.dev.modern = modern;
	if (!modern)
		fake.offered = 0;
	memset(&seen, 0, sizeof(seen));
}

static void end(void)
{
	if (fake.dev.driver)
		virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
}

/* The n-th driver of a device that is real, not of another test's; NULL past the last. */
static const struct virtio_driver *driver_at(unsigned n)
{
	const struct virtio_driver *const *d;

	table_for_each(virtio_drivers, d) {
		uint32_t id = (*d)->id;

		if (id != VIRTIO_ID_NET && id != VIRTIO_ID_BLOCK && id != VIRTIO_ID_RNG &&
		    id != VIRTIO_ID_CONSOLE)
			continue;
		if (n-- == 0)
			return *d;
	}
	return NULL;
}

static void expect_in_order(struct ktest_run *t)
{
	expect_eq(t, seen.bits_taken_back, 0);
	expect_eq(t, seen.starts_unreset, 0);
	expect_eq(t, seen.late_features, 0);
	expect_eq(t, seen.early_bells, 0);
	expect_eq(t, seen.early_writes, 0);
}

KTEST(virtio_drivers_come_up_in_order_and_ring_no_bell_before_driver_ok)
{
	const struct virtio_driver *d;
	unsigned started = 0;

	for (unsigned n = 0; (d = driver_at(n)); n++) {
		for (unsigned modern = 0; modern < 2; modern++) {
			begin(d->id, modern);
			started += virtio_device_start(&fake.dev, d) == 0;
			expect(t, seen.status & VIRTIO_STATUS_DRIVER_OK);
			end();
			expect_in_order(t);
			expect_eq(t, seen.resets, 2);
		}
	}
	expect(t, started > 0 && started % 2 == 0);
}

/* Each fails before the driver makes itself known, which it does for ever. */
static void fail_somewhere(unsigned vice)
{
	fake.refuses_features = vice == 0 && fake.dev.modern;
	fake.never_resets = vice == 1;
	fake.queue_max = vice == 2 || (vice == 0 && !fake.dev.modern) ? 0 : 64;
	fake.enable_error = vice == 3 ? -EBUSY : 0;
	if (fake.never_resets)
		fake.status = VIRTIO_STATUS_DRIVER_OK;
}

KTEST(virtio_status_is_only_added_to_whatever_a_device_does)
{
	const struct virtio_driver *d;

	for (unsigned n = 0; (d = driver_at(n)); n++) {
		for (unsigned i = 0; i < 8; i++) {
			begin(d->id, i & 1);
			fail_somewhere(i / 2);
			expect(t, virtio_device_start(&fake.dev, d) != 0);
			end();
			expect_in_order(t);
			expect(t, seen.resets >= 2 && seen.status == 0);
		}
	}
}

static uint64_t allowed(const struct virtio_driver *driver, bool modern)
{
	if (modern)
		return driver->features | CORE_MODERN | RING;
	return (driver->features | VIRTIO_F_ANY_LAYOUT | RING) & UINT32_MAX;
}

KTEST(virtio_features_nobody_asked_for_are_not_accepted)
{
	static const uint8_t never[] = { F_NOTIFY_ON_EMPTY, F_IN_ORDER, F_SR_IOV,
					 F_NOTIFICATION_DATA, F_NOTIF_CONFIG_DATA };
	const struct virtio_driver *d;

	for (unsigned n = 0; (d = driver_at(n)); n++) {
		for (unsigned modern = 0; modern < 2; modern++) {
			begin(d->id, modern);
			fake.offered = ~0ull;
			fail_somewhere(0);
			(void)!virtio_device_start(&fake.dev, d);
			end();
			expect_eq(t, fake.accepted & ~allowed(d, modern), 0);
			for (unsigned i = 0; i < ARRAY_SIZE(never); i++)
				expect(t, !(fake.accepted & BIT(never[i])));
		}
	}
}

KTEST(virtio_features_that_were_not_offered_are_not_accepted)
{
	const struct virtio_driver *d;

	for (unsigned n = 0; (d = driver_at(n)); n++) {
		for (unsigned i = 0; i < 16; i++) {
			begin(d->id, i & 1);
			fail_somewhere(0);
			fake.offered = ktest_random(t);
			if (fake.dev.modern)
				fake.offered |= VIRTIO_F_VERSION_1;
			(void)!virtio_device_start(&fake.dev, d);
			end();
			expect_eq(t, fake.accepted & ~fake.offered, 0);
			expect_in_order(t);
		}
	}
}

KTEST(virtio_legacy_device_is_accepted_any_layout)
{
	const struct virtio_driver *d;

	for (unsigned n = 0; (d = driver_at(n)); n++) {
		begin(d->id, false);
		fake.offered = VIRTIO_F_ANY_LAYOUT;
		fail_somewhere(0);
		expect(t, virtio_device_start(&fake.dev, d) != 0);
		end();
		expect(t, fake.accepted & VIRTIO_F_ANY_LAYOUT);
	}
}
