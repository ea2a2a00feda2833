/* SPDX-License-Identifier: MIT */
/*
 * Random packets and frames against a device that gives back in random order,
 * with cancels, limits and resets: every packet ends once, for a reason that
 * there was; what ended well was seen by the device as it was given, and frames
 * arrive whole and in order.
 */
#include "drivers/net/fake_nic_test.h"

#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

enum { JOBS = 64, LEN_MAX = 200, FRAME_MAX = 9000 };

static struct fake_nic nic;
static struct netdev *dev;
static const char *wrong;

static struct job {
	struct net_packet p;
	uint8_t memory[NET_HEADROOM + LEN_MAX];
	unsigned submitted, done;
	bool canceled, seen;
} jobs[JOBS];

static uint8_t frame[FRAME_MAX];
static uint64_t frames_sent, frames_got;
static uint32_t lengths[1 << 16];		/* of frames, by their number */

static void job_done(struct request *r)
{
	struct job *j = container_of(r, struct job, p.request);

	j->done++;
	if (r->error == 0 && !j->seen)
		wrong = "sent, and the device never saw it";
	else if (r->error == -ECANCELED && !j->canceled)
		wrong = "ended as canceled, and was not";
	else if (r->error == -ETIMEDOUT && !r->limit)
		wrong = "ended in time that had no limit";
	else if (r->error && r->error != -ECANCELED && r->error != -ETIMEDOUT)
		wrong = "another error";
}

/* The number of a frame makes its length and its bytes. */
static uint8_t frame_byte(uint64_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + at * 7 + at / 256);
}

static void arrived(struct netdev *d __unused, const struct net_frame *f)
{
	uint64_t number = frames_got++;

	if (number >= frames_sent || f->len != lengths[number % ARRAY_SIZE(lengths)]) {
		wrong = "a frame of another length, or none that was sent";
		return;
	}
	for (uint32_t i = 0; i < f->len; i++)
		if (f->data[i] != frame_byte(number, i))
			wrong = "a frame with other bytes";
}

/* What the device has is as its owner made it. */
static void packets_look(void)
{
	fake_nic_fetch(&nic);
	for (unsigned i = 0; i < nic.count; i++) {
		const struct fake_packet *p = &nic.sent[i];
		struct job *j = &jobs[p->data[0] % JOBS];

		if (p->data != j->p.data || p->len != j->p.len) {
			wrong = "a packet that nobody sent like this";
			return;
		}
		j->seen = true;
		if (p->header.csum_start != (j->p.checksum ? j->p.checksum_start : 0))
			wrong = "a header of another packet";
	}
}

static void job_submit(struct ktest_run *t, struct job *j)
{
	uint32_t len = NET_HEADER_LEN + (uint32_t)ktest_random_below(t, LEN_MAX - NET_HEADER_LEN);

	j->p.request.done = job_done;
	j->p.request.limit = ktest_random_below(t, 50) ? 0 : NS_PER_MS;
	j->p.data = j->memory + NET_HEADROOM;
	j->p.len = len;
	j->p.headroom = ktest_random(t) & 1;
	j->p.checksum = ktest_random_below(t, 4) == 0;
	j->p.checksum_start = (uint16_t)ktest_random_below(t, len - 1);
	j->p.checksum_offset = 0;
	j->p.queue = (unsigned)ktest_random_below(t, 5);
	j->memory[NET_HEADROOM] = (uint8_t)(j - jobs);
	j->canceled = j->seen = false;
	if (!expect_eq(t, netdev_transmit(dev, &j->p), 0))
		wrong = "was not taken";
	j->submitted++;
}

static void frame_send(struct ktest_run *t)
{
	uint32_t len = NET_HEADER_LEN + (uint32_t)ktest_random_below(t, dev->mtu);

	for (uint32_t i = 0; i < len; i++)
		frame[i] = frame_byte(frames_sent, i);
	lengths[frames_sent % ARRAY_SIZE(lengths)] = len;
	fake_nic_fetch(&nic);
	if (fake_nic_deliver(&nic, 0, NULL, frame, len))
		frames_sent++;
}

/* What arrived and nobody has looked at is lost with a reset, as on a wire. */
static void restart(struct ktest_run *t)
{
	for (unsigned i = 0; i < 4; i++)
		loop_turn();
	expect_eq(t, dev->restart(dev), 0);
	frames_got = frames_sent;
}

static void pairs_change(struct ktest_run *t)
{
	int rc = dev->set_queue_pairs(dev, 1 + (unsigned)ktest_random_below(t, 2));

	if (rc && rc != -EBUSY && rc != -ENOTSUP && rc != -EINVAL)
		wrong = "queue pairs were refused for no reason";
}

static void step(struct ktest_run *t)
{
	struct job *j = &jobs[ktest_random_below(t, JOBS)];
	uint64_t what = ktest_random_below(t, 1000);

	if (what < 350) {
		if (!j->p.request.outstanding)
			job_submit(t, j);
	} else if (what < 380) {
		j->canceled |= netdev_cancel(&j->p);
	} else if (what < 600) {
		loop_turn();
	} else if (what < 850) {
		packets_look();
		if (nic.count)
			fake_nic_complete(&nic, (unsigned)ktest_random_below(t, nic.count));
	} else if (what < 990) {
		frame_send(t);
	} else if (what < 997) {
		pairs_change(t);
	} else {
		restart(t);
	}
}

static bool begin(struct ktest_run *t)
{
	fake_nic_init(&nic);
	host_clock_step = HOST_STEP_NS / 50;
	nic.device.sources = (unsigned)ktest_random_below(t, 7);
	nic.device.messages = nic.device.sources > 1 || ktest_random(t) & 1;
	nic.device.queue_max = 4u << ktest_random_below(t, 6);
	nic.device.offered |= VIRTIO_NET_F_MQ | VIRTIO_NET_F_MTU;
	nic.config.mtu = ktest_random(t) & 1 ? 1500 : 8000;
	if (ktest_random(t) & 1)
		nic.device.offered &= ~VIRTIO_NET_F_MRG_RXBUF;
	fake_nic_configure(&nic);
	memset(jobs, 0, sizeof(jobs));
	frames_sent = frames_got = 0;
	wrong = NULL;
	dev = fake_nic_start(&nic);
	if (!expect(t, dev))
		return false;
	dev->receive = arrived;
	loop_turn();
	nic.holds = true;
	return true;
}

static void end(struct ktest_run *t)
{
	for (unsigned i = 0; i < 200; i++) {
		packets_look();
		while (nic.count)
			fake_nic_complete(&nic, 0);
		loop_turn();
	}
	for (unsigned i = 0; i < JOBS; i++)
		expect_eq(t, jobs[i].done, jobs[i].submitted);
	expect_eq(t, frames_got, frames_sent);
	expect_eq(t, dev->stats.received, frames_sent);
	expect_str(t, wrong ?: "nothing", "nothing");
	expect_str(t, nic.mistake ?: "none", "none");
	expect_str(t, nic.device.dev.fault ?: "works", "works");
	fake_nic_end(&nic);
}

KTEST(virtio_net_random_packets_and_frames_end_as_they_should)
{
	for (unsigned round = 0; round < 6; round++) {
		uint64_t steps = ktest_operations() / 30;

		require(t, begin(t));
		for (uint64_t i = 0; i < steps && !wrong; i++)
			step(t);
		end(t);
	}
}
