/* SPDX-License-Identifier: MIT */
/* The driver against devices that answer badly, on the host. */
#include "drivers/rng/rng.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/fault.h"

static struct fake_device fake;
static uint8_t counter;
static uint32_t piece;		/* the device delivers at most this much at once */
static uint32_t claim_extra;	/* and says that it was so much more */

static void answer(struct fake_device *f)
{
	uint32_t room, n;
	uint16_t head;
	uint8_t *data;

	if (fake_device_fetch(f, &head, &data, &room))
		return;
	n = min(room, piece);
	for (uint32_t i = 0; i < n; i++)
		data[i] = ++counter;
	fake_device_use(f, head, n + claim_extra);
}

static const struct virtio_driver *rng_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_RNG && str_has_prefix((*driver)->name, "virtio"))
			return *driver;
	return NULL;
}

/* A new device; its source is the last. Sources stay for ever, so few of these. */
static bool begin(struct ktest_run *t, unsigned *index)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	counter = 0;
	piece = 1000;
	claim_extra = 0;
	if (!expect_eq(t, virtio_device_start(&fake.dev, rng_driver()), 0))
		return false;
	*index = rng_count() - 1;
	return true;
}

/* The fake is used again: what hung on it goes. */
static void end(void)
{
	virtio_queues_free(&fake.dev);
}

KTEST_MAY_FAIL(virtio_rng_drives_its_device_or_leaves_nothing_behind)
{
	uint8_t byte;
	int rc;

	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	piece = 1;
	claim_extra = 0;
	rc = virtio_device_start(&fake.dev, rng_driver());
	if (!expect_done(t, rc)) {
		expect_str(t, fake.dev.fault, "driver gave up, error");
		expect(t, !fake.dev.queues && !fake.opened);
		return;
	}
	expect_eq(t, rng_read(rng_count() - 1, &byte, 1), 0);
	end();
	fault_note(FAULT_HEAP, -1);	/* the source stays for ever */
}

KTEST(virtio_rng_puts_pieces_together)
{
	uint8_t buf[1200];
	unsigned index;

	require(t, begin(t, &index));
	for (piece = 1; piece < 700; piece = piece * 3 + 1) {
		counter = 0;
		memset(buf, 0, sizeof(buf));
		expect_eq(t, rng_read(index, buf, sizeof(buf) - 1), 0);
		for (unsigned i = 0; i < sizeof(buf) - 1; i++)
			expect_eq(t, buf[i], (uint8_t)(i + 1));
		expect_eq(t, buf[sizeof(buf) - 1], 0);
	}
	end();
}

KTEST(virtio_rng_bytes_claimed_and_not_written_are_zero)
{
	static const uint8_t zero[32];
	uint8_t buf[32];
	unsigned index;

	require(t, begin(t, &index));
	expect_eq(t, rng_read(index, buf, sizeof(buf)), 0);
	expect(t, memcmp(buf, zero, sizeof(buf)) != 0);
	piece = 0;
	claim_extra = sizeof(buf);
	expect_eq(t, rng_read(index, buf, sizeof(buf)), 0);
	expect(t, memcmp(buf, zero, sizeof(buf)) == 0);
	end();
}

KTEST(virtio_rng_answer_without_a_byte_stops_the_device)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	piece = 0;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -EPROTO);
	expect_str(t, fake.dev.fault, "answers a request without a byte");
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}

KTEST(virtio_rng_answer_of_too_many_bytes_stops_the_device)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	claim_extra = 1;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -EPROTO);
	expect_str(t, fake.dev.fault, "used length beyond the writable bytes");
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}

KTEST(virtio_rng_silence_ends_in_time)
{
	uint8_t buf[8];
	unsigned index;

	require(t, begin(t, &index));
	fake.answer = NULL;
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ETIMEDOUT);
	expect_str(t, fake.dev.fault, "no answer in time, queue");
	expect_eq(t, fake.status, 0);
	expect_eq(t, virtqueue_outstanding(fake.dev.queues), 0);
	expect_eq(t, rng_read(index, buf, sizeof(buf)), -ENODEV);
	end();
}
