/* SPDX-License-Identifier: MIT */
/* Interrupts of a device that has few, has none, or does not raise them. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/irq_chip.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_device fake;
static struct virtio_driver driver;
static struct virtqueue *queues[FAKE_QUEUES];
static unsigned proofs, stops, drains, taken, late;
static bool was_wanted;			/* an interrupt, while a queue was drained */
static uint8_t bytes[16];

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *back;

	drains++;
	was_wanted |= vq->avail->flags == 0;
	while (virtqueue_take(vq, &back, &len) == 0)
		taken++;
	/* What comes just now, while no interrupt is wanted. */
	if (late && virtqueue_outstanding(vq)) {
		late--;
		fake.answer(&fake);
	}
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

static int ask(struct virtqueue *vq)
{
	const struct virtqueue_segment seg = { bytes, sizeof(bytes) };
	int rc = virtqueue_add(vq, &seg, 0, 1, bytes);

	virtqueue_publish(vq);
	return rc;
}

static int prove(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	proofs++;
	return ask(vq);
}

static void stopped(struct virtio_device *dev __unused)
{
	stops++;
}

static void answer(struct fake_device *f)
{
	uint32_t room;
	uint16_t head;
	uint8_t *data;

	if (fake_device_fetch(f, &head, &data, &room) == 0)
		fake_device_use(f, head, 1);
}

static void begin(unsigned count, unsigned sources)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.sources = sources;
	driver = (struct virtio_driver){
		.name = "test", .id = VIRTIO_ID_RNG, .queues = count,
		.probe = probe, .prove = prove, .stopped = stopped,
	};
	proofs = stops = drains = taken = late = 0;
	was_wanted = false;
	host_memory_live = 0;
}

static void end(struct ktest_run *t)
{
	const struct loop_stats before = loop_stats();

	if (fake.dev.driver && !fake.dev.fault) {
		virtio_device_fail(&fake.dev, "the test is over", 0);
		expect_eq(t, stops, 1);
	}
	expect_eq(t, fake.irqs_open, 0);
	for (unsigned i = 0; i < fake.sources && fake.dev.sources; i++)
		expect_eq(t, fake.dev.sources[i].irq.vector, 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, host_memory_live, 0);
	/* Nothing of it is called any more. */
	loop_turn();
	expect_eq(t, loop_stats().polls, before.polls);
	expect_eq(t, loop_stats().works, before.works);
}

static void expect_said(struct ktest_run *t, const char *text)
{
	char said[VIRTIO_LINE_MAX];

	virtio_irqs_describe(&fake.dev, said, sizeof(said));
	expect_str(t, said, text);
}

KTEST(virtio_each_queue_has_a_source_where_there_are_enough)
{
	begin(2, 3);
	fake.messages = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, fake.queue_source[0], 1);
	expect_eq(t, fake.queue_source[1], 2);
	expect(t, fake.dev.config_alone);
	expect_eq(t, proofs, 2);
	expect(t, fake.dev.sources[1].irq.proof == IRQ_SEEN);
	expect(t, fake.dev.sources[2].irq.proof == IRQ_SEEN);
	expect(t, fake.dev.sources[0].irq.proof == IRQ_UNPROVED);
	expect_eq(t, fake.dev.config_changes, 0);
	expect_said(t, "MSI-X 3 vectors seen");
	end(t);
}

KTEST(virtio_queues_share_sources_where_there_are_few)
{
	begin(2, 2);
	fake.messages = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, fake.queue_source[0], 0);
	expect_eq(t, fake.queue_source[1], 1);
	expect_eq(t, proofs, 2);
	end(t);

	begin(2, 1);
	fake.messages = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, fake.queue_source[0], 0);
	expect_eq(t, fake.queue_source[1], 0);
	expect_eq(t, proofs, 1);
	expect_said(t, "MSI-X 1 vector seen");
	end(t);
}

KTEST(virtio_queue_that_is_refused_its_source_shares_the_first)
{
	begin(2, 3);
	fake.room = 2;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, fake.queue_source[0], 1);
	expect_eq(t, fake.queue_source[1], 0);
	expect(t, !fake.dev.polled && fake.dev.proof == IRQ_SEEN);
	end(t);

	begin(1, 2);
	fake.room = 0;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, fake.dev.polled);
	end(t);
}

KTEST(virtio_line_that_stays_silent_is_tried_in_each_other_way)
{
	for (unsigned ways = 0; ways < 3; ways++) {
		begin(1, 1);
		fake.ways = ways;
		fake.mute = 1;
		require(t, virtio_device_start(&fake.dev, &driver) == 0);
		expect_eq(t, fake.dev.polled, ways == 0);
		expect_eq(t, proofs, ways ? 2 : 1);
		expect_eq(t, taken, proofs);
		expect_eq(t, fake.isr, 0);
		end(t);
	}
}

KTEST(virtio_device_whose_interrupt_is_not_seen_is_polled)
{
	begin(1, 1);
	fake.mute = 2;
	fake.ways = 1;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, interrupt not seen");
	expect(t, fake.dev.proof == IRQ_NOT_SEEN && fake.dev.source_count == 0);
	expect_eq(t, taken, 2);
	expect_eq(t, queues[0]->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
	require(t, ask(queues[0]) == 0);
	expect(t, loop_turn());
	expect_eq(t, taken, 3);
	drains = 0;
	loop_turn();
	expect_eq(t, drains, 0);
	end(t);
}

KTEST(virtio_device_that_does_not_answer_proves_nothing)
{
	begin(1, 1);
	fake.answer = NULL;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, interrupt not seen: no answer that could prove it");
	expect_eq(t, proofs, 1);
	answer(&fake);
	loop_turn();
	expect_eq(t, taken, 1);
	end(t);
}

KTEST(virtio_device_without_a_usable_interrupt_says_why)
{
	begin(1, 0);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, a fake without interrupts");
	end(t);

	begin(1, 1);
	driver.prove = NULL;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, nothing can make it interrupt");
	end(t);

	begin(1, 1);
	fake.connect_error = -ENODEV;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, no controller has its line");
	end(t);

	begin(1, 1);
	fake.irqs_error = -ENOMEM;
	expect_eq(t, virtio_device_start(&fake.dev, &driver), -ENOMEM);
	end(t);
}

KTEST(virtio_line_that_cannot_be_connected_is_tried_in_another_way)
{
	begin(1, 1);
	fake.connect_error = -EBUSY;
	fake.ways = 1;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, !fake.dev.polled && fake.dev.proof == IRQ_SEEN);
	expect_eq(t, fake.tried, 1);
	end(t);
}

KTEST(virtio_interrupts_are_off_while_a_queue_is_drained)
{
	begin(1, 2);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	for (unsigned i = 0; i < 3; i++) {
		expect_eq(t, queues[0]->avail->flags, 0);
		require(t, ask(queues[0]) == 0);
		loop_turn();
		expect_eq(t, taken, i + 2);
	}
	expect_eq(t, virtio_irqs_count(&fake.dev), 4);
	expect(t, !was_wanted);
	end(t);
}

KTEST(virtio_what_comes_while_no_interrupt_is_wanted_is_not_lost)
{
	begin(1, 2);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	require(t, ask(queues[0]) == 0);
	fake.answer = NULL;
	for (unsigned i = 0; i < 5; i++)
		require(t, ask(queues[0]) == 0);
	fake.answer = answer;
	late = 5;
	for (unsigned i = 0; i < 20; i++)
		loop_turn();
	expect_eq(t, taken, 7);
	expect_eq(t, virtio_irqs_count(&fake.dev), 2);	/* the proof, the first */
	expect_eq(t, queues[0]->avail->flags, 0);
	end(t);
}

KTEST(virtio_changes_of_the_configuration_are_counted)
{
	begin(1, 1);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, fake.dev.config_changes, 0);
	drains = 0;
	for (unsigned i = 1; i < 4; i++) {
		fake_device_config_changes(&fake, false);
		loop_turn();
		expect_eq(t, fake.dev.config_changes, i);
	}
	expect(t, !fake.dev.fault);
	end(t);
}

KTEST(virtio_device_that_asks_to_be_reset_is_stopped)
{
	begin(1, 2);
	fake.messages = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake_device_config_changes(&fake, true);
	loop_turn();
	expect_str(t, fake.dev.fault, "asks to be reset, status");
	expect_eq(t, stops, 1);
	expect_eq(t, fake.status, 0);
	expect_eq(t, fake.dev.source_count, 0);
	end(t);
}

KTEST(virtio_interrupt_of_another_device_is_not_taken)
{
	struct irq *irq;

	begin(1, 1);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	irq = &fake.dev.sources[0].irq;
	drains = 0;
	expect(t, !irq->handle(irq));
	loop_turn();
	expect_eq(t, drains, 0);
	fake.isr = VIRTIO_INTERRUPT_QUEUE;
	expect(t, irq->handle(irq));
	expect_eq(t, fake.isr, 0);
	loop_turn();
	expect_eq(t, drains, 1);
	end(t);
}

KTEST(virtio_lie_after_an_interrupt_stops_the_device)
{
	begin(1, 2);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake.answer = NULL;
	require(t, ask(queues[0]) == 0);
	fake_device_use(&fake, 99, 1);
	loop_turn();
	expect_str(t, fake.dev.fault, "used id is no outstanding request");
	expect_eq(t, stops, 1);
	expect(t, virtqueue_detach(queues[0]) == bytes);
	end(t);
}

static void lie(struct fake_device *f)
{
	fake_device_use(f, 99, 1);
}

KTEST(virtio_device_that_lies_in_its_proof_is_stopped)
{
	for (unsigned mute = 0; mute < 2; mute++) {
		begin(1, 1);
		fake.mute = mute;
		fake.ways = 1;
		fake.answer = lie;
		require(t, virtio_device_start(&fake.dev, &driver) == 0);
		expect_str(t, fake.dev.fault, "used id is no outstanding request");
		expect(t, !fake.dev.polled);
		expect_eq(t, proofs, 1);
		expect_eq(t, stops, 1);
		expect_eq(t, fake.acknowledged_failed, 0);
		end(t);
	}
}

KTEST(virtio_polled_device_that_lies_is_stopped)
{
	begin(1, 0);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake.answer = lie;
	require(t, ask(queues[0]) == 0);
	loop_turn();
	expect_str(t, fake.dev.fault, "used id is no outstanding request");
	expect(t, !fake.dev.polled);
	expect_eq(t, stops, 1);
	end(t);
}

KTEST(virtio_device_whose_line_was_masked_is_polled)
{
	struct irq *irq;

	begin(1, 1);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	irq = &fake.dev.sources[0].irq;
	irq->stormed(irq);
	expect_eq(t, irq->vector, 0);
	expect_said(t, "polled, its line was masked, as nobody lets go of it");
	require(t, ask(queues[0]) == 0);
	loop_turn();
	expect_eq(t, taken, 2);
	end(t);
}

static int prove_in_a_storm(struct virtio_device *dev, struct virtqueue *vq)
{
	struct irq *irq = &dev->sources[0].irq;

	irq->stormed(irq);
	irq->stormed(irq);
	return prove(dev, vq);
}

KTEST(virtio_line_that_was_masked_during_a_proof_is_connected_again)
{
	begin(1, 1);
	driver.prove = prove_in_a_storm;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, !fake.dev.polled && fake.dev.sources[0].irq.vector);
	expect(t, fake.dev.sources[0].irq.proof == IRQ_SEEN);
	require(t, ask(queues[0]) == 0);
	loop_turn();
	expect_eq(t, taken, 2);
	end(t);

	/* It is polled in the end, or goes altogether: no more to be connected. */
	begin(1, 1);
	driver.prove = prove_in_a_storm;
	fake.mute = 1;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, fake.dev.polled);
	end(t);

	begin(1, 1);
	driver.prove = prove_in_a_storm;
	fake.answer = lie;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, fake.dev.fault && !fake.dev.polled);
	end(t);
}

/* The errors of kernel/irq.h, in words. */
/* One that is seen; and one whose edge comes while its line is masked. */
static int prove_one_of_two(struct virtio_device *dev, struct virtqueue *vq)
{
	if (vq->index == 1)
		return prove(dev, vq);
	vq->source->irq.stormed(&vq->source->irq);
	if (ask(vq))
		return -EIO;
	memset(fake.pending, 0, sizeof(fake.pending));
	return -ENOENT;
}

KTEST(virtio_edge_that_came_while_its_line_was_masked_is_not_lost)
{
	begin(2, 3);
	driver.prove = prove_one_of_two;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, !fake.dev.polled);
	expect_eq(t, taken, 1);		/* the proof */
	loop_turn();
	expect_eq(t, taken, 2);
	end(t);
}

/* What comes while the line stands raises no edge. */
KTEST(virtio_line_that_stands_after_its_acknowledgement_is_acknowledged_again)
{
	begin(1, 1);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	loop_turn();
	fake.stands = 3;
	require(t, ask(queues[0]) == 0);
	loop_turn();
	loop_turn();
	expect_eq(t, fake.stands, 0);
	expect_eq(t, fake.isr, 0);
	require(t, ask(queues[0]) == 0);
	loop_turn();
	expect_eq(t, taken, 3);
	end(t);
}

KTEST(virtio_line_that_cannot_be_connected_says_why)
{
	static const struct {
		int error;
		const char *said;
	} cases[] = {
		{ -ENODEV, "polled, no controller has its line" },
		{ -EBUSY, "polled, its line is in use in another way" },
		{ -ENOSPC, "polled, no interrupt vector left" },
		{ -EIO, "polled, it cannot be connected" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(1, 1);
		fake.connect_error = cases[i].error;
		require(t, virtio_device_start(&fake.dev, &driver) == 0);
		expect_said(t, cases[i].said);
		end(t);
	}
}

KTEST(virtio_device_without_an_interrupt_controller_is_polled)
{
	const struct irq_local *local = irq_local();

	begin(1, 1);
	irq_local_register(NULL);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_said(t, "polled, no interrupt controller");
	end(t);
	irq_local_register(local);
}

KTEST(virtio_line_is_told_by_its_number)
{
	begin(1, 1);
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	fake.dev.sources[0].irq.kind = IRQ_KIND_LINE;
	fake.dev.sources[0].irq.gsi = 46;
	expect_said(t, "line gsi 46 seen");
	fake.dev.sources[0].irq.kind = IRQ_KIND_MESSAGE;
	end(t);
}

KTEST_MAY_FAIL(virtio_device_without_memory_for_its_sources_leaves_nothing)
{
	begin(2, 3);
	if (expect_done(t, virtio_device_start(&fake.dev, &driver)))
		virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, fake.irqs_open, 0);
	expect_eq(t, host_memory_live, 0);
}
