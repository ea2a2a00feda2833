/* SPDX-License-Identifier: MIT */
/*
 * A whole device played byte by byte, under the core and the driver of random
 * bytes. The bytes say what is asked of the driver, and each time that the
 * device is read, be it a register or its rings, whether it tells the truth, a
 * lie or something close to the truth; before a ring is read they may change
 * it. Where they end, the device is honest, so each run has an end of its own.
 *
 * Whatever it does: bringing it up ends, what was asked for ends once, nothing
 * of the memory is lost, and none that is not the device's is touched.
 */
#include "kernel/fuzz.h"

#include "drivers/rng/rng.h"
#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "drivers/virtio/virtqueue_ring.h"
#include "kernel/host_loop.h"
#include "kernel/irq.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS virtio
#include "kernel/log.h"

enum {
	REQUESTS = 4,
	REQUEST_BYTES = 300,
	TURNS_MAX = 5000,
	READS_MAX = 20000,		/* of rings, that may be lied to in a run */
	STEP_NS = 10 * 1000 * 1000,

	/* The first byte. */
	IS_LEGACY = 1 << 0,
	IS_FIXED = 1 << 1,		/* queue sizes, as of legacy PCI */
	IS_CUT_OFF = 1 << 2,		/* where it does not reset */
	HAS_MESSAGES = 1 << 3,
	SOURCES = 4,			/* shift; two bits */

	/* A byte of what is told. */
	LIES = 0xe0,			/* from here on: the next bytes are told */
	BENDS = 0xf0,			/* from here on: one bit is wrong */
};

static struct fake_device fake;
static struct virtio_transport_ops honest;
static struct {
	const uint8_t *data;
	size_t size;
	unsigned reads;
	void *ring;			/* of the queue, while the device knows it */
	size_t ring_size;
	unsigned order;
} play;

static struct {
	struct rng_request r;
	uint8_t buf[REQUEST_BYTES];
	unsigned asked, done;
} requests[REQUESTS];

static uint8_t next(void)
{
	if (!play.size)
		return 0;
	play.size--;
	return *play.data++;
}

static uint64_t number(unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | next();
	return value;
}

static uint64_t told(uint64_t truth, unsigned bytes)
{
	uint8_t how = next();

	if (how < LIES)
		return truth;
	return how < BENDS ? number(bytes) : truth ^ BIT(next() % (8 * bytes));
}

static uint8_t status(struct virtio_device *dev)
{
	return (uint8_t)told(honest.status(dev), 1);
}

static uint64_t features(struct virtio_device *dev)
{
	return told(honest.features(dev), 8);
}

static uint32_t config_generation(struct virtio_device *dev)
{
	return (uint32_t)told(honest.config_generation(dev), 1);
}

static uint32_t config_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	return (uint32_t)told(honest.config_read(dev, offset, width), width);
}

static uint32_t queue_size_max(struct virtio_device *dev, uint16_t index)
{
	return (uint32_t)told(honest.queue_size_max(dev, index), 4);
}

static int queue_enable(struct virtio_device *dev, struct virtqueue *vq,
			const struct virtqueue_addresses *addresses)
{
	static const int errors[] = { 0, -EBUSY, -EPROTO, -EOVERFLOW };
	int rc = errors[told(0, 1) % ARRAY_SIZE(errors)];

	play.ring = vq->memory;
	play.order = vq->order;
	play.ring_size = PAGE_SIZE << vq->order;
	return rc ? rc : honest.queue_enable(dev, vq, addresses);
}

static int queue_reset(struct virtio_device *dev, uint16_t index)
{
	return told(0, 1) ? -ENOTSUP : honest.queue_reset(dev, index);
}

static bool queue_is_reset(struct virtio_device *dev __unused, uint16_t index __unused)
{
	return told(1, 1) & 1;
}

static int queue_source(struct virtio_device *dev, uint16_t queue, unsigned index)
{
	return told(0, 1) ? -EBUSY : honest.queue_source(dev, queue, index);
}

static int config_source(struct virtio_device *dev, unsigned index)
{
	return told(0, 1) ? -EBUSY : honest.config_source(dev, index);
}

static unsigned acknowledge(struct virtio_device *dev)
{
	return (unsigned)told(honest.acknowledge(dev), 1) &
	       (VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG | VIRTIO_INTERRUPT_ANY |
		VIRTIO_INTERRUPT_AGAIN);
}

/* The device writes into memory that it was given, a few bytes at a time. */
static void scribble(void)
{
	size_t at = number(2) % play.ring_size;

	for (unsigned n = next() % 8 + 1; n && at < play.ring_size; n--)
		((uint8_t *)play.ring)[at++] = next();
}

/* Before each read of a ring. */
static void ring_is_read(void)
{
	if (!play.size || !play.ring || play.reads++ > READS_MAX)
		return;
	if (next() >= BENDS)
		scribble();
}

/* What is published of a split ring is given back, the way an honest device does. */
static void answer(struct fake_device *f)
{
	struct fake_ring *r = &f->rings[0];
	const struct virtq_avail *avail = (const void *)(uintptr_t)r->at.avail;

	if (!r->size || f->dev.features & VIRTIO_F_RING_PACKED)
		return;
	for (unsigned i = 0; i < r->size && r->seen != avail->idx; i++) {
		uint16_t head = avail->ring[r->seen++ % r->size];

		if (told(1, 1))
			fake_device_use(f, (uint32_t)told(head, 4), (uint32_t)told(1, 4));
	}
}

static void answered(struct request *request)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (request == &requests[i].r.request)
			requests[i].done++;
}

static void ask(unsigned i)
{
	struct rng_request *r = &requests[i].r;

	if (r->request.outstanding)
		return;
	memset(r, 0, sizeof(*r));
	r->request.done = answered;
	r->request.limit = next() & 1 ? number(3) * NS_PER_US : 0;
	r->buf = requests[i].buf;
	r->len = number(1) + 1;
	requests[i].asked += rng_submit(rng_count() - 1, r) == 0;
}

static void turn(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		loop_turn();
}

static void touch_configuration(void)
{
	uint8_t buf[16] = { 0 };
	uint32_t offset = (uint32_t)number(1), len = next() % sizeof(buf);
	unsigned width = 1u << next() % 4;

	(void)!virtio_config_read(&fake.dev, offset, width, buf, len);
	(void)!virtio_config_write(&fake.dev, offset, width, buf, len);
}

static void step(void)
{
	switch (next() % 8) {
	case 0:
	case 1: ask(next() % REQUESTS); break;
	case 2: rng_cancel(&requests[next() % REQUESTS].r); break;
	case 3: turn(next()); break;
	case 4: fake_device_config_changes(&fake, next() & 1); break;
	case 5: (void)!virtio_device_restart(&fake.dev); break;
	case 6:
		if (fake.dev.queues)
			(void)!virtio_queue_reset(&fake.dev, fake.dev.queues);
		break;
	case 7: touch_configuration(); break;
	}
}

static void device_make(void)
{
	uint8_t how = next();

	fake_device_init(&fake, VIRTIO_ID_RNG);
	honest = fake.ops;
	fake.answer = answer;
	fake.dev.modern = !(how & IS_LEGACY);
	fake.ops.queue_size_fixed = how & IS_FIXED;
	fake.can_be_cut_off = how & IS_CUT_OFF;
	fake.messages = how & HAS_MESSAGES;
	fake.sources = how >> SOURCES & 3;
	fake.offered |= number(8);
	fake.ops.status = status;
	fake.ops.features = features;
	fake.ops.config_generation = config_generation;
	fake.ops.config_read = config_read;
	fake.ops.queue_size_max = queue_size_max;
	fake.ops.queue_enable = queue_enable;
	fake.ops.queue_reset = queue_reset;
	fake.ops.queue_is_reset = queue_is_reset;
	fake.ops.queue_source = queue_source;
	fake.ops.config_source = config_source;
	fake.ops.acknowledge = acknowledge;
	host_clock_step = STEP_NS;
	virtqueue_read_hook = ring_is_read;
}

static const struct virtio_driver *rng_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_RNG && str_has_prefix((*driver)->name, "virtio"))
			return *driver;
	return NULL;
}

/* All that was asked for ended, once; nothing of the device is called any more. */
static void expect_ended(void)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		fuzz_expect(!requests[i].r.request.outstanding);
		fuzz_expect(requests[i].done == requests[i].asked);
	}
	fuzz_expect(fake.irqs_open == 0);
	fuzz_expect(!loop_turn());
}

static void device_end(bool started)
{
	virtqueue_read_hook = NULL;
	play.size = 0;
	turn(10);
	if (started) {
		virtio_device_fail(&fake.dev, "the bytes are over", 0);
		turn(10);
		expect_ended();
		kfree(fake.dev.driver_data);
		rng_forget();
		virtio_queues_free(&fake.dev);
	}
	/* Which a device that did not reset may write to for ever. */
	if (fake.dev.unsafe && play.ring)
		page_free(play.ring, play.order);
}

FUZZ(virtio_device)
{
	unsigned before = host_memory_live;
	uint8_t level = log_level_virtio;
	bool started;

	log_level_virtio = 0;		/* each run ends with a device that is stopped */
	play.data = data;
	play.size = size;
	play.reads = 0;
	play.ring = NULL;
	memset(requests, 0, sizeof(requests));
	fuzz_expect(rng_count() < RNG_MAX);
	device_make();
	started = virtio_device_start(&fake.dev, rng_driver()) == 0;
	for (unsigned i = 0; started && play.size && i < TURNS_MAX; i++)
		step();
	device_end(started);
	host_clock_step = HOST_STEP_NS;
	log_level_virtio = level;
	fuzz_expect(host_memory_live == before);
}
