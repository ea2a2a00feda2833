/* SPDX-License-Identifier: MIT */
/* Many queues, few vectors, and interrupts without end. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { MANY = 64, TURNS = 20000 };

static struct fake_device fake;
static struct virtio_driver driver;
static struct virtqueue *queues[MANY];
static unsigned taken[MANY];
static uint8_t bytes[MANY];

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *token;

	while (virtqueue_take(vq, &token, &len) == 0)
		taken[vq->index]++;
}

static int probe(struct virtio_device *dev)
{
	int rc = 0;

	for (uint16_t i = 0; i < driver.queues && !rc; i++)
		rc = virtio_queue_setup(dev, i, 8, drain, &queues[i]);
	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static int prove(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	const struct virtqueue_segment seg = { &bytes[vq->index], 1 };
	int rc = virtqueue_add(vq, &seg, 0, 1, &bytes[vq->index]);

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

static bool start(struct ktest_run *t, unsigned count, unsigned sources, unsigned vectors)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.sources = sources;
	fake.vectors = vectors;
	fake.messages = true;
	driver = (struct virtio_driver){
		.name = "test", .id = VIRTIO_ID_RNG, .queues = count,
		.probe = probe, .prove = prove,
	};
	memset(taken, 0, sizeof(taken));
	host_memory_live = 0;
	return expect_eq(t, virtio_device_start(&fake.dev, &driver), 0);
}

static void end(struct ktest_run *t)
{
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, fake.irqs_open, 0);
	expect_eq(t, host_memory_live, 0);
}

static void expect_served(struct ktest_run *t)
{
	for (unsigned i = 0; i < driver.queues; i++) {
		unsigned before = taken[i];

		expect_eq(t, prove(&fake.dev, queues[i]), 0);
		for (unsigned turns = 0; turns < 100 && taken[i] == before; turns++)
			loop_turn();
		expect_eq(t, taken[i], before + 1);
	}
}

KTEST(virtio_sixty_four_queues_have_a_source_each)
{
	if (!start(t, MANY, FAKE_SOURCES, 0))
		return;
	expect_eq(t, fake.dev.source_count, MANY + 1);
	for (unsigned i = 0; i < MANY; i++)
		expect_eq(t, fake.queue_source[i], i + 1);
	expect(t, fake.dev.proof == IRQ_SEEN);
	expect_served(t);
	end(t);
}

KTEST(virtio_sixty_four_queues_share_three_sources)
{
	if (!start(t, MANY, 3, 0))
		return;
	for (unsigned i = 0; i < MANY; i++)
		expect_eq(t, fake.queue_source[i], i % 3);
	expect(t, fake.dev.proof == IRQ_SEEN);
	expect_served(t);
	end(t);
}

KTEST(virtio_sources_that_get_no_vector_are_done_without)
{
	char said[VIRTIO_LINE_MAX];

	for (unsigned vectors = 1; vectors < 5; vectors++) {
		if (!start(t, 4, 5, vectors))
			return;
		expect_eq(t, fake.dev.source_count, vectors);
		expect(t, !fake.dev.config_alone && !fake.dev.polled);
		virtio_irqs_describe(&fake.dev, said, sizeof(said));
		expect(t, str_has_prefix(said, "MSI-X ") && said[6] == (char)('0' + vectors));
		if (vectors > 1)
			expect_str(t, fake.dev.sources[0].name, "virtio-rng fake queue 0");
		expect_served(t);
		end(t);
	}
}

/* Somebody else's work, each turn. */
static unsigned ticks;

static void tick(struct timer *timer)
{
	ticks++;
	timer_start(timer, NS_PER_US);
}

KTEST(virtio_device_that_interrupts_without_end_is_polled_and_others_run_on)
{
	struct timer other = { .expired = tick };
	char said[VIRTIO_LINE_MAX];
	unsigned turns = 0;

	if (!start(t, 2, 1, 0))
		return;
	fake.messages = false;
	fake.storms = true;
	host_clock_step = NS_PER_US / 10;
	ticks = 0;
	timer_start(&other, 0);
	expect_eq(t, prove(&fake.dev, queues[0]), 0);
	while (!fake.dev.polled && turns < TURNS) {
		loop_turn();
		turns++;
	}
	timer_cancel(&other);
	host_clock_step = HOST_STEP_NS;
	expect(t, fake.dev.polled && !fake.dev.fault);
	virtio_irqs_describe(&fake.dev, said, sizeof(said));
	expect_str(t, said, "polled, it interrupts without end, for nothing");
	expect(t, ticks > 100);
	expect_served(t);
	end(t);
}

/* One ends the halt and one comes when the loop opens: two before the work runs. */
KTEST(virtio_storm_whose_interrupts_come_in_pairs_is_one_too)
{
	struct irq *irq;

	if (!start(t, 1, 1, 0))
		return;
	while (loop_turn() || time_now() < 3 * NS_PER_S)
		;
	host_clock_step = NS_PER_US / 10;
	irq = &fake.dev.sources[0].irq;
	for (unsigned i = 0; i < 550 && !fake.dev.polled; i++) {
		irq->handle(irq);
		irq->handle(irq);
		loop_turn();
	}
	host_clock_step = HOST_STEP_NS;
	expect(t, fake.dev.polled);
	end(t);
}

KTEST(virtio_device_that_interrupts_for_something_is_let)
{
	if (!start(t, 1, 1, 0))
		return;
	fake.messages = false;
	for (unsigned i = 0; i < 3000; i++) {
		expect_eq(t, prove(&fake.dev, queues[0]), 0);
		while (loop_turn())
			;
	}
	expect(t, !fake.dev.polled);
	expect(t, taken[0] > 3000);
	end(t);
}

KTEST(virtio_device_that_storms_in_its_proof_ends_up_polled)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.sources = 1;
	fake.storms = true;
	driver = (struct virtio_driver){
		.name = "test", .id = VIRTIO_ID_RNG, .queues = 1, .probe = probe, .prove = prove,
	};
	host_memory_live = 0;
	host_clock_step = NS_PER_US / 10;
	fake.isr = VIRTIO_INTERRUPT_QUEUE;
	fake.pending[0] = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned turns = 0; turns < TURNS && !fake.dev.polled; turns++)
		loop_turn();
	host_clock_step = HOST_STEP_NS;
	expect(t, fake.dev.polled);
	end(t);
}
