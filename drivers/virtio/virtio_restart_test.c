/* SPDX-License-Identifier: MIT */
/* Devices and queues that are reset and come back, or do not, or as others. */
#include "drivers/virtio/virtio.h"

#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum {
	QUEUES = 2,
	REQUESTS = 3,			/* of each queue */
	SOME_FEATURE = 1 << 3,
	UP = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
	     VIRTIO_STATUS_DRIVER_OK,
};

static struct fake_device fake;
static struct virtio_driver driver;
static struct virtqueue *queues[QUEUES];
static uint8_t bytes[QUEUES][REQUESTS];
static bool kept[QUEUES][REQUESTS];	/* were outstanding when it was halted */
static unsigned halts, restarts, stops, changes, queue_halts, queue_restarts, taken;
static uint8_t status_halted, status_restarted;
static bool holds;			/* the device keeps what it gets */

static void answer(struct fake_device *f)
{
	uint32_t room;
	uint16_t head;
	uint8_t *data;

	while (!holds && fake_device_fetch(f, &head, &data, &room) == 0)
		fake_device_use(f, head, 1);
}

static void drain(struct virtqueue *vq)
{
	uint32_t len;
	void *token;

	while (virtqueue_take(vq, &token, &len) == 0)
		taken++;
}

static int give(struct virtqueue *vq, unsigned n)
{
	uint8_t *token = &bytes[vq->index][n];
	const struct virtqueue_segment seg = { token, 1 };

	return virtqueue_add(vq, &seg, 0, 1, token);
}

static int probe(struct virtio_device *dev)
{
	int rc = 0;

	for (uint16_t i = 0; i < QUEUES && !rc; i++)
		rc = virtio_queue_setup(dev, i, 8, drain, &queues[i]);
	if (!rc)
		virtio_device_ready(dev);
	return rc;
}

static int prove(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	int rc = give(vq, 0);

	virtqueue_publish(vq);
	return rc;
}

static void keep(struct virtqueue *vq)
{
	uint8_t *token;

	while ((token = virtqueue_detach(vq)))
		kept[vq->index][token - bytes[vq->index]] = true;
}

static void give_again(struct virtqueue *vq)
{
	for (unsigned n = 0; n < REQUESTS; n++) {
		if (kept[vq->index][n])
			(void)!give(vq, n);
		kept[vq->index][n] = false;
	}
	virtqueue_publish(vq);
}

static void halted(struct virtio_device *dev __unused)
{
	halts++;
	status_halted = fake.status;
	for (unsigned i = 0; i < QUEUES; i++)
		keep(queues[i]);
}

static void restarted(struct virtio_device *dev __unused)
{
	restarts++;
	status_restarted = fake.status;
	for (unsigned i = 0; i < QUEUES; i++)
		give_again(queues[i]);
}

static void queue_halted(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	queue_halts++;
	keep(vq);
}

static void queue_restarted(struct virtio_device *dev __unused, struct virtqueue *vq)
{
	queue_restarts++;
	give_again(vq);
}

static void stopped(struct virtio_device *dev __unused)
{
	stops++;
	for (unsigned i = 0; i < QUEUES; i++)
		keep(queues[i]);
}

static void config_changed(struct virtio_device *dev __unused)
{
	changes++;
}

static void begin(unsigned sources)
{
	fake_device_init(&fake, VIRTIO_ID_RNG);
	fake.answer = answer;
	fake.sources = sources;
	fake.messages = sources > 1;
	fake.offered |= SOME_FEATURE | VIRTIO_F_RING_RESET;
	driver = (struct virtio_driver){
		.name = "test", .id = VIRTIO_ID_RNG, .features = SOME_FEATURE, .queues = QUEUES,
		.probe = probe, .prove = prove, .stopped = stopped,
		.config_changed = config_changed, .halted = halted, .restarted = restarted,
		.queue_halted = queue_halted, .queue_restarted = queue_restarted,
	};
	halts = restarts = stops = changes = queue_halts = queue_restarts = taken = 0;
	memset(kept, 0, sizeof(kept));
	holds = false;
	host_memory_live = 0;
}

/* Up, and each queue of a device that keeps them has all its requests. */
static bool start(struct ktest_run *t, unsigned sources)
{
	int rc = 0;

	begin(sources);
	if (!expect_eq(t, virtio_device_start(&fake.dev, &driver), 0))
		return false;
	while (loop_turn())
		;
	holds = true;
	taken = changes = 0;
	for (unsigned i = 0; i < QUEUES; i++) {
		for (unsigned n = 0; n < REQUESTS; n++)
			rc |= give(queues[i], n);
		virtqueue_publish(queues[i]);
	}
	return expect_eq(t, rc, 0);
}

static void end(struct ktest_run *t)
{
	virtio_device_fail(&fake.dev, "the test is over", 0);
	expect_eq(t, stops, 1);
	expect_eq(t, fake.irqs_open, 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, host_memory_live, 0);
}

/* The device answers all that it has; everything comes back. */
static void expect_works(struct ktest_run *t)
{
	taken = 0;
	holds = false;
	for (uint16_t i = 0; i < QUEUES; i++) {
		fake.queue = i;
		answer(&fake);
	}
	while (loop_turn())
		;
	expect_eq(t, taken, QUEUES * REQUESTS);
	for (unsigned i = 0; i < QUEUES; i++)
		expect_eq(t, virtqueue_outstanding(queues[i]), 0);
}

static void try_restart(struct ktest_run *t, unsigned sources)
{
	if (!start(t, sources))
		return;
	expect_eq(t, virtio_device_restart(&fake.dev), 0);
	expect(t, halts == 1 && restarts == 1 && stops == 0);
	expect_eq(t, status_halted, 0);
	expect_eq(t, status_restarted, UP);
	expect_eq(t, fake.accepted, SOME_FEATURE | VIRTIO_F_VERSION_1 | VIRTIO_F_RING_RESET);
	expect_eq(t, changes, 1);
	expect_eq(t, fake.dev.restarts, 1);
	expect_works(t);
	end(t);
}

KTEST(virtio_restarted_device_gets_its_requests_again)
{
	for (unsigned sources = 0; sources <= QUEUES + 1; sources++)
		try_restart(t, sources);
}

KTEST(virtio_restarted_device_is_told_its_sources_again)
{
	if (!start(t, QUEUES + 1))
		return;
	memset(fake.queue_source, 0, sizeof(fake.queue_source));
	expect_eq(t, virtio_device_restart(&fake.dev), 0);
	expect_eq(t, fake.queue_source[0], 1);
	expect_eq(t, fake.queue_source[1], 2);
	expect_works(t);
	end(t);
}

KTEST(virtio_restarted_legacy_device_gets_its_requests_again)
{
	begin(1);
	fake.dev.modern = false;
	fake.ops.queue_size_fixed = true;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	holds = true;
	for (unsigned n = 0; n < REQUESTS; n++) {
		expect_eq(t, give(queues[0], n), 0);
		expect_eq(t, give(queues[1], n), 0);
	}
	expect_eq(t, virtio_device_restart(&fake.dev), 0);
	expect_eq(t, fake.accepted, SOME_FEATURE);
	expect_works(t);
	fake.size_after_restart = 128;
	expect_eq(t, virtio_device_restart(&fake.dev), -EPROTO);
	expect_str(t, fake.dev.fault, "comes back with a queue of another size");
	end(t);
}

KTEST(virtio_device_whose_driver_cannot_is_not_restarted)
{
	begin(1);
	driver.restarted = NULL;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, virtio_device_restart(&fake.dev), -ENOTSUP);
	expect(t, fake.dev.fault == NULL);
	virtio_device_fail(&fake.dev, "test", 0);
	expect_eq(t, virtio_device_restart(&fake.dev), -ENODEV);
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), -ENODEV);
	expect_eq(t, halts, 0);
	end(t);
}

/* It comes back with this vice. */
static void try_other(struct ktest_run *t, void (*vice)(void), const char *fault)
{
	if (!start(t, QUEUES + 1))
		return;
	vice();
	expect_eq(t, virtio_device_restart(&fake.dev), -EPROTO);
	expect_str(t, fake.dev.fault, fault);
	expect_eq(t, restarts, 0);
	expect_eq(t, virtio_device_restart(&fake.dev), -ENODEV);
	end(t);
}

static void loses_features(void)
{
	fake.lost_after_restart = SOME_FEATURE;
}

static void has_small_queues(void)
{
	fake.size_after_restart = 4;
}

static void refuses(void)
{
	fake.refuses_features = true;
}

static void is_gone(void)
{
	fake.gone = true;
	fake.can_be_cut_off = true;
}

static void takes_no_queue(void)
{
	fake.enable_error = -EBUSY;
}

static void has_no_room(void)
{
	fake.room = 1;
}

KTEST(virtio_device_that_comes_back_as_another_is_stopped)
{
	try_other(t, loses_features, "comes back without features that it had, offers");
	try_other(t, has_small_queues, "comes back with a queue of another size");
	try_other(t, refuses, "refuses the features");
	try_other(t, is_gone, "does not reset, status");
	try_other(t, takes_no_queue, "queue cannot be given to it again");
	try_other(t, has_no_room, "queue cannot be given to it again");
}

/* Stopped while its driver gives it what it had. */
static void restarted_badly(struct virtio_device *dev)
{
	virtio_device_fail(dev, "cannot be given its requests", 0);
}

KTEST(virtio_device_that_cannot_be_given_its_requests_is_stopped)
{
	if (!start(t, 1))
		return;
	driver.restarted = restarted_badly;
	expect_eq(t, virtio_device_restart(&fake.dev), -EPROTO);
	end(t);
}

KTEST(virtio_device_that_asks_for_a_reset_gets_it_a_few_times)
{
	for (unsigned sources = 0; sources <= QUEUES + 1; sources++) {
		if (!start(t, sources))
			return;
		for (unsigned i = 1; i <= VIRTIO_PLEAS_MAX; i++) {
			fake_device_config_changes(&fake, true);
			for (unsigned turns = 0; turns < 10000 && restarts < i; turns++)
				loop_turn();
			expect_eq(t, restarts, i);
			expect_eq(t, fake.dev.pleas, i);
		}
		expect(t, !fake.dev.fault);
		expect_works(t);
		fake_device_config_changes(&fake, true);
		for (unsigned turns = 0; turns < 10000 && !fake.dev.fault; turns++)
			loop_turn();
		expect_str(t, fake.dev.fault, "asks to be reset, status");
		end(t);
	}
}

KTEST(virtio_device_that_asks_for_a_reset_in_vain_is_stopped)
{
	if (!start(t, 1))
		return;
	driver.halted = NULL;
	fake_device_config_changes(&fake, true);
	while (loop_turn())
		;
	expect_str(t, fake.dev.fault, "asks to be reset, status");
	end(t);
}

/* Instead of an answer to the proof. */
static void answer_dying(struct fake_device *f)
{
	f->answer = NULL;
	fake_device_config_changes(f, true);
}

KTEST(virtio_device_that_asks_for_a_reset_in_its_proof_is_stopped)
{
	begin(QUEUES + 1);
	fake.answer = answer_dying;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_str(t, fake.dev.fault, "asks to be reset, status");
	expect(t, !fake.dev.polled && restarts == 0);
	end(t);
}

static int probe_dying(struct virtio_device *dev)
{
	int rc = probe(dev);

	fake_device_config_changes(&fake, true);
	while (loop_turn())
		;
	return rc ? rc : dev->fault ? -EPROTO : 0;
}

KTEST(virtio_device_that_asks_for_a_reset_in_its_probe_is_stopped)
{
	begin(QUEUES + 1);
	driver.probe = probe_dying;
	expect_eq(t, virtio_device_start(&fake.dev, &driver), -EPROTO);
	expect_str(t, fake.dev.fault, "asks to be reset, status");
	expect_eq(t, fake.opened, 0);
	expect_eq(t, host_memory_live, 0);
}

/* Asks while its queue is drained. */
static void drain_dying(struct virtqueue *vq)
{
	fake_device_config_changes(&fake, true);
	drain(vq);
}

KTEST(virtio_device_that_asks_for_a_reset_in_a_drain_gets_it_after)
{
	if (!start(t, QUEUES + 1))
		return;
	queues[0]->callback = drain_dying;
	holds = false;
	fake.queue = 0;
	answer(&fake);
	while (loop_turn())
		queues[0]->callback = drain;
	expect_eq(t, restarts, 1);
	expect_eq(t, taken, QUEUES * REQUESTS);
	end(t);
}

KTEST(virtio_device_that_does_not_reset_is_cut_off_from_memory)
{
	if (!start(t, 1))
		return;
	fake.never_resets = fake.can_be_cut_off = true;
	virtio_device_fail(&fake.dev, "test", 0);
	expect(t, fake.cut && !fake.dev.unsafe);
	end(t);		/* and so nothing of it is kept */

	begin(1);
	fake.never_resets = fake.can_be_cut_off = true;
	fake.status = VIRTIO_STATUS_DRIVER_OK;
	expect_eq(t, virtio_device_start(&fake.dev, &driver), -ETIMEDOUT);
	expect(t, fake.cut && !fake.dev.unsafe);
}

/* Queues. */

KTEST(virtio_queue_that_is_reset_gets_its_requests_again)
{
	for (unsigned sources = 0; sources <= QUEUES + 1; sources++) {
		if (!start(t, sources))
			return;
		expect_eq(t, virtio_queue_reset(&fake.dev, queues[1]), 0);
		expect(t, queue_halts == 1 && queue_restarts == 1 && halts == 0);
		expect_eq(t, fake.queue_resets, 1);
		expect_eq(t, fake.resets, 1);
		expect_works(t);
		end(t);
	}
}

KTEST(virtio_queue_reset_is_only_of_who_agreed_to_it)
{
	begin(1);
	fake.offered &= ~VIRTIO_F_RING_RESET;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), -ENOTSUP);
	end(t);

	begin(1);
	driver.queue_halted = NULL;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, !(fake.accepted & VIRTIO_F_RING_RESET));
	end(t);

	begin(1);
	fake.ops.queue_reset = NULL;
	require(t, virtio_device_start(&fake.dev, &driver) == 0);
	expect(t, !(fake.accepted & VIRTIO_F_RING_RESET));
	end(t);
}

KTEST(virtio_queue_that_does_not_reset_stops_the_device)
{
	if (!start(t, 1))
		return;
	fake.queue_never_resets = true;
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), -EPROTO);
	expect_str(t, fake.dev.fault, "a queue does not reset");
	expect_eq(t, queue_halts, 0);
	end(t);

	if (!start(t, 1))
		return;
	fake.enable_error = -EPROTO;
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), -EPROTO);
	expect_eq(t, queue_restarts, 0);
	end(t);
}

KTEST(virtio_device_that_ignores_the_reset_of_a_queue_is_restarted)
{
	if (!start(t, 1))
		return;
	fake.queue_resets_ignored = true;
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), 0);
	expect(t, restarts == 1 && queue_restarts == 0);
	expect(t, !(fake.accepted & VIRTIO_F_RING_RESET));
	expect_works(t);
	expect_eq(t, virtio_queue_reset(&fake.dev, queues[0]), -ENOTSUP);
	end(t);
}
