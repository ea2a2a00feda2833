/* SPDX-License-Identifier: MIT */
/* The driver against devices that are well and ill behaved, on the host. */
#include "drivers/net/fake_nic_test.h"

#include "drivers/virtio/host_memory.h"
#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/fault.h"

enum { PACKETS = 600, FRAME_LEN = 2000 };

static struct fake_nic nic;
static struct netdev *dev;

static struct job {
	struct net_packet p;
	unsigned done, order;
	uint8_t memory[NET_HEADROOM + FRAME_LEN];
} jobs[PACKETS];
static unsigned jobs_done;

static uint8_t got[NET_FRAME_MAX];
static struct net_frame got_frame;
static unsigned got_count;

static void arrived(struct netdev *d __unused, const struct net_frame *frame)
{
	got_count++;
	got_frame = *frame;
	memcpy(got, frame->data, frame->len);
}

static void job_done(struct request *r)
{
	struct job *j = container_of(r, struct job, p.request);

	j->done++;
	j->order = jobs_done++;
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

/* The device as it was prepared is driven, and somebody listens. */
static bool start(struct ktest_run *t)
{
	memset(jobs, 0, sizeof(jobs));
	jobs_done = got_count = 0;
	dev = fake_nic_start(&nic);
	if (!expect(t, dev))
		return false;
	dev->receive = arrived;
	turns(4);
	return true;
}

static bool begin(struct ktest_run *t)
{
	fake_nic_init(&nic);
	nic.device.sources = 4;
	nic.device.messages = true;
	return start(t);
}

/* What the driver did was allowed, and the device goes. */
static void end(struct ktest_run *t)
{
	expect_str(t, nic.mistake ?: "none", "none");
	fake_nic_end(&nic);
}

static struct job *job_prepare(unsigned i, uint32_t len)
{
	struct job *j = &jobs[i];

	j->p.request.done = job_done;
	j->p.data = j->memory + NET_HEADROOM;
	j->p.len = len;
	j->p.headroom = i % 3 != 0;
	for (uint32_t k = 0; k < min(len, (uint32_t)FRAME_LEN); k++)
		j->memory[NET_HEADROOM + k] = (uint8_t)(k * 3 + i);
	return j;
}

static int job_send(unsigned i, uint32_t len)
{
	return netdev_transmit(dev, &job_prepare(i, len)->p);
}

static void expect_ended(struct ktest_run *t, unsigned i, int error)
{
	expect_eq(t, jobs[i].done, 1);
	expect_eq(t, jobs[i].p.request.error, error);
}

KTEST_MAY_FAIL(virtio_net_drives_its_device_or_leaves_nothing_behind)
{
	fake_nic_init(&nic);
	nic.device.offered |= VIRTIO_NET_F_MQ | VIRTIO_NET_F_GUEST_TSO4;
	dev = fake_nic_start(&nic);
	if (!expect_memory(t, dev)) {
		expect_str(t, nic.device.dev.fault, "driver gave up, error");
		expect(t, !nic.device.dev.queues && !nic.device.opened);
		return;
	}
	end(t);
	/* The device, its buffers and what they are merged in stay for ever. */
	fault_note(FAULT_HEAP, -4);
	fault_note(FAULT_PAGES, -5);
}

KTEST(virtio_net_says_what_its_device_says)
{
	char line[NETDEV_TEXT_MAX];

	require(t, begin(t));
	expect_eq(t, nic.device.dev.proof, IRQ_SEEN);
	netdev_describe(dev, line, sizeof(line));
	expect_str(t, line, "52:54:00:12:34:56, mtu 1500, link up 1000 Mbit/s full duplex, "
		   "checksums, segmentation");
	expect(t, !dev->promiscuous && !nic.promiscuous);
	end(t);

	/* One that says nothing. */
	fake_nic_init(&nic);
	nic.device.offered = VIRTIO_F_VERSION_1;
	require(t, start(t));
	expect(t, dev->link && !dev->speed && !dev->duplex_known && !dev->can_checksum);
	expect_eq(t, dev->mtu, NET_MTU_DEFAULT);
	expect_eq(t, dev->mac[0] & 3, 2);	/* one of ours */
	expect_eq(t, dev->set_filter(dev, &(struct netdev_filter){ 0 }), -ENOTSUP);
	expect_eq(t, dev->set_queue_pairs(dev, 1), 0);
	expect_eq(t, dev->set_mac(dev, nic.burnt_mac), -ENOTSUP);
	end(t);
}

KTEST(virtio_net_unknown_speed_is_unknown)
{
	static const struct {
		uint32_t speed;
		uint8_t duplex;
		uint32_t shown;
		bool known, full;
	} cases[] = {
		{ 0x7fffffff, 0, 0x7fffffff, true, false }, { 0x80000000, 2, 0, false, false },
		{ UINT32_MAX, 0xff, 0, false, false }, { 0, 1, 0, true, true },
	};
	struct netdev d = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_net_config c = { .speed = cases[i].speed, .duplex = cases[i].duplex };

		virtio_net_link_info(&c, VIRTIO_NET_F_SPEED_DUPLEX, &d);
		expect_eq(t, d.speed, cases[i].shown);
		expect_eq(t, d.duplex_known, cases[i].known);
		expect_eq(t, d.full_duplex, cases[i].full);
		virtio_net_link_info(&c, 0, &d);
		expect(t, !d.speed && !d.duplex_known && d.link);
	}
}

KTEST(virtio_net_leaves_out_features_that_make_no_sense_alone)
{
	uint64_t ctrl = VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_MAC_ADDR |
			VIRTIO_NET_F_GUEST_ANNOUNCE;
	uint64_t out = VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_USO;

	expect_eq(t, virtio_net_features(ctrl), 0);
	expect_eq(t, virtio_net_features(ctrl | VIRTIO_NET_F_CTRL_VQ), ctrl | VIRTIO_NET_F_CTRL_VQ);
	expect_eq(t, virtio_net_features(VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_CTRL_VQ),
		  VIRTIO_NET_F_CTRL_VQ);
	expect_eq(t, virtio_net_features(out), 0);
	expect_eq(t, virtio_net_features(out | VIRTIO_NET_F_CSUM), out | VIRTIO_NET_F_CSUM);
	expect_eq(t, virtio_net_features(VIRTIO_NET_F_GUEST_TSO | VIRTIO_NET_F_MRG_RXBUF),
		  VIRTIO_NET_F_MRG_RXBUF);
	expect_eq(t, virtio_net_features(VIRTIO_NET_F_GUEST_TSO | VIRTIO_NET_F_GUEST_CSUM),
		  VIRTIO_NET_F_GUEST_CSUM);

	fake_nic_init(&nic);
	nic.device.offered &= ~(VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CSUM);
	nic.device.offered |= VIRTIO_NET_F_MQ;
	require(t, start(t));
	expect_eq(t, nic.device.accepted & (ctrl | out), 0);
	end(t);
}

KTEST(virtio_net_frames_of_every_length_go_out)
{
	require(t, begin(t));
	nic.holds = true;
	for (uint32_t len = NET_HEADER_LEN; len <= (uint32_t)NET_HEADER_LEN + dev->mtu; len += 37) {
		unsigned i = len % PACKETS;
		const struct fake_packet *p = &nic.sent[0];

		jobs[i].done = 0;
		require(t, job_send(i, len) == 0);
		turns(2);
		require(t, nic.count == 1);
		expect_eq(t, p->len, len);
		expect_eq(t, p->header.flags | p->header.gso_type | p->header.hdr_len, 0);
		expect(t, memcmp(p->data, jobs[i].p.data, len) == 0);
		expect_eq(t, jobs[i].done, 0);
		fake_nic_complete(&nic, 0);
		turns(3);
		expect_ended(t, i, 0);
	}
	expect_eq(t, dev->stats.transmit_errors, 0);
	end(t);
}

KTEST(virtio_net_packets_that_cannot_be_are_refused)
{
	struct job *j;

	require(t, begin(t));
	nic.holds = true;
	expect_eq(t, job_send(0, NET_HEADER_LEN - 1), -EINVAL);
	expect_eq(t, job_send(0, 0), -EINVAL);
	expect_eq(t, job_send(0, NET_HEADER_LEN + dev->mtu + 1u), -EMSGSIZE);
	expect_eq(t, job_send(0, UINT32_MAX), -EMSGSIZE);
	j = job_prepare(0, 100);
	j->p.request.done = NULL;
	expect_eq(t, netdev_transmit(dev, &j->p), -EINVAL);
	for (unsigned i = 1; i < 7; i++) {
		j = job_prepare(i, 100);
		host_memory_refuse = j->memory + (j->p.headroom ? 4 : NET_HEADROOM);
		expect_eq(t, netdev_transmit(dev, &j->p), -EFAULT);
		expect(t, !j->p.request.outstanding);
	}
	host_memory_refuse = NULL;
	expect_eq(t, job_send(0, 100), 0);
	expect_eq(t, netdev_transmit(dev, &jobs[0].p), -EBUSY);
	fake_nic_fetch(&nic);
	turns(2);
	expect_eq(t, nic.count, 1);
	fake_nic_complete_all(&nic);
	turns(3);
	expect_ended(t, 0, 0);
	virtio_device_fail(&nic.device.dev, "the test stops it", 0);
	expect_eq(t, job_send(1, 100), -ENODEV);
	expect_eq(t, job_send(3, 100), -ENODEV);
	end(t);
}

KTEST(virtio_net_asks_for_checksums_and_segments_where_it_can)
{
	struct job *j;

	require(t, begin(t));
	nic.holds = true;
	for (unsigned i = 0; i < 3; i++) {
		const struct virtio_net_header *h = &nic.sent[0].header;

		j = job_prepare(i, 1200);
		j->p.checksum = true;
		j->p.checksum_start = 34;
		j->p.checksum_offset = 16;
		j->p.gso = i == 2 ? NET_GSO_TCPV6 : NET_GSO_NONE;
		j->p.gso_size = 500;
		j->p.gso_header = 74;
		require(t, netdev_transmit(dev, &j->p) == 0);
		turns(2);
		require(t, nic.count == 1);
		expect_eq(t, h->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		expect_eq(t, h->csum_start, 34);
		expect_eq(t, h->csum_offset, 16);
		expect_eq(t, h->gso_type, i == 2 ? VIRTIO_NET_HDR_GSO_TCPV6 : 0);
		expect_eq(t, h->gso_size, i == 2 ? 500 : 0);
		expect_eq(t, h->hdr_len, i == 2 ? 74 : 0);
		fake_nic_complete_all(&nic);
		turns(3);
		expect_ended(t, i, 0);
	}
	j = job_prepare(5, 1200);
	j->p.checksum = true;
	j->p.checksum_start = 1190;
	j->p.checksum_offset = 9;
	expect_eq(t, netdev_transmit(dev, &j->p), -EINVAL);
	j->p.checksum_offset = 8;
	j->p.gso = NET_GSO_UDP_L4;
	j->p.gso_size = 1;
	j->p.gso_header = 42;
	expect_eq(t, netdev_transmit(dev, &j->p), -ENOTSUP);
	j->p.gso = NET_GSO_TCPV4;
	j->p.gso_size = 0;
	expect_eq(t, netdev_transmit(dev, &j->p), -EINVAL);
	j->p.gso = NET_GSO_COUNT;
	expect_eq(t, netdev_transmit(dev, &j->p), -EINVAL);
	end(t);

	fake_nic_init(&nic);
	nic.device.offered &= ~VIRTIO_NET_F_CSUM;
	require(t, start(t));
	j = job_prepare(0, 1200);
	j->p.checksum = true;
	expect_eq(t, netdev_transmit(dev, &j->p), -ENOTSUP);
	end(t);
}

KTEST(virtio_net_packets_with_offloads_wait_for_a_header)
{
	require(t, begin(t));
	nic.holds = true;
	for (unsigned i = 0; i < 2 * VIRTIO_NET_SPARES; i++) {
		struct job *j = job_prepare(3 * i, 100);	/* none has headroom */

		j->p.checksum = true;
		j->p.checksum_start = (uint16_t)i;
		require(t, netdev_transmit(dev, &j->p) == 0);
	}
	turns(2);
	expect_eq(t, nic.count, VIRTIO_NET_SPARES);
	for (unsigned i = 0; i < 2 * VIRTIO_NET_SPARES; i++) {
		require(t, nic.count > 0);
		expect_eq(t, nic.sent[0].header.csum_start, i);
		fake_nic_complete(&nic, 0);
		turns(4);
		expect_ended(t, 3 * i, 0);
	}
	end(t);
}

KTEST(virtio_net_one_turn_of_the_loop_is_one_doorbell_and_one_interrupt)
{
	uint64_t bells, interrupts;

	require(t, begin(t));
	turns(4);
	bells = dev->stats.doorbells;
	interrupts = virtio_irqs_count(&nic.device.dev);
	for (unsigned i = 0; i < 64; i++)
		require(t, job_send(i, 60) == 0);
	expect_eq(t, nic.completed, 1);		/* the proof */
	turns(4);
	for (unsigned i = 0; i < 64; i++) {
		expect_ended(t, i, 0);
		expect_eq(t, jobs[i].order, i);
	}
	expect_eq(t, dev->stats.doorbells - bells, 1);
	expect(t, virtio_irqs_count(&nic.device.dev) - interrupts <= 1);
	expect_eq(t, dev->stats.sent, 65);
	expect_eq(t, dev->stats.sent_bytes, 65 * 60);
	end(t);
}

KTEST(virtio_net_packets_beyond_the_ring_wait_in_order)
{
	for (unsigned polled = 0; polled < 2; polled++) {
		fake_nic_init(&nic);
		nic.device.sources = polled ? 0 : 1;
		nic.device.queue_max = 16;
		require(t, start(t));
		expect_eq(t, nic.device.dev.polled, polled);
		nic.holds = true;
		for (unsigned i = 0; i < PACKETS; i++)
			require(t, job_send(i, 60 + i) == 0);
		for (unsigned i = 0; i < PACKETS; i++) {
			turns(3);
			require(t, nic.count > 0 && nic.count <= 16);
			expect_eq(t, nic.sent[0].len, 60 + i);
			fake_nic_complete(&nic, 0);
		}
		turns(4);
		for (unsigned i = 0; i < PACKETS; i++) {
			expect_ended(t, i, 0);
			expect_eq(t, jobs[i].order, i);
		}
		end(t);
	}
}

KTEST(virtio_net_cancelled_packets_end_once)
{
	fake_nic_init(&nic);
	nic.device.sources = 4;
	nic.device.queue_max = 4;
	require(t, start(t));
	nic.holds = true;
	expect(t, !netdev_cancel(&jobs[0].p));
	for (unsigned i = 0; i < 8; i++)
		require(t, job_send(3 * i + 1, 60) == 0);	/* 4 in the ring, 4 that wait */
	turns(2);
	expect_eq(t, nic.count, 4);
	expect(t, netdev_cancel(&jobs[3 * 1 + 1].p));
	expect(t, netdev_cancel(&jobs[3 * 4 + 1].p));
	expect(t, netdev_cancel(&jobs[3 * 7 + 1].p));
	expect(t, !netdev_cancel(&jobs[3 * 7 + 1].p));
	expect_eq(t, jobs_done, 0);
	turns(2);
	expect_ended(t, 3 * 4 + 1, -ECANCELED);
	expect_ended(t, 3 * 7 + 1, -ECANCELED);
	expect_eq(t, jobs[4].done, 0);			/* the device has it */
	fake_nic_complete_all(&nic);
	nic.holds = false;
	turns(6);
	for (unsigned i = 0; i < 8; i++)
		expect_ended(t, 3 * i + 1, i == 1 || i == 4 || i == 7 ? -ECANCELED : 0);
	expect_eq(t, dev->stats.transmit_errors, 3);
	end(t);
}

KTEST(virtio_net_limit_takes_a_packet_from_the_device_by_a_reset)
{
	unsigned resets;

	require(t, begin(t));
	nic.holds = true;
	resets = nic.device.resets;
	require(t, job_send(0, 60) == 0);
	job_prepare(1, 61)->p.request.limit = NS_PER_MS;
	require(t, netdev_transmit(dev, &jobs[1].p) == 0);
	require(t, job_send(2, 62) == 0);
	require(t, request_wait(&jobs[1].p.request, NS_PER_S) == 0);
	expect_ended(t, 1, -ETIMEDOUT);
	expect_eq(t, nic.device.resets, resets + 1);
	expect_eq(t, jobs_done, 1);
	turns(3);
	require(t, nic.count == 2);
	expect_eq(t, nic.sent[0].len, 60);
	expect_eq(t, nic.sent[1].len, 62);
	fake_nic_complete_all(&nic);
	turns(4);
	expect_ended(t, 0, 0);
	expect_ended(t, 2, 0);
	end(t);
}

/* Frames in. */

static uint8_t frame[NET_FRAME_MAX + 64];

static void frame_fill(uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 5 + i / 256 + seed);
}

KTEST(virtio_net_frames_of_every_length_come_in)
{
	for (unsigned how = 0; how < 4; how++) {
		fake_nic_init(&nic);
		if (how == 1)
			nic.device.offered &= ~VIRTIO_NET_F_MRG_RXBUF;
		if (how >= 2) {
			nic.device.dev.modern = false;
			nic.device.offered &= UINT32_MAX;
		}
		if (how == 3)
			nic.device.offered |= VIRTIO_F_ANY_LAYOUT;
		nic.device.sources = how;
		require(t, start(t));
		fake_nic_fetch(&nic);
		for (uint32_t len = NET_HEADER_LEN; len <= 1514; len += len < 80 ? 1 : 53) {
			unsigned before = got_count;

			frame_fill(len, how + len);
			require(t, fake_nic_deliver(&nic, 0, NULL, frame, len));
			turns(3);
			require(t, got_count == before + 1);
			expect_eq(t, got_frame.len, len);
			expect(t, memcmp(got, frame, len) == 0);
			expect(t, !got_frame.checksum_good && !got_frame.checksum_partial);
			expect_eq(t, got_frame.gso, NET_GSO_NONE);
			fake_nic_fetch(&nic);
		}
		expect_eq(t, dev->stats.received, got_count);
		expect_eq(t, dev->stats.receive_dropped, 0);
		end(t);
	}
}

KTEST(virtio_net_has_few_buffers_until_somebody_listens)
{
	require(t, begin(t));
	dev->receive = NULL;
	fake_nic_fetch(&nic);
	expect(t, nic.rx[0].count >= 8 && nic.rx[0].count <= 16);
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 60));
	turns(3);
	fake_nic_fetch(&nic);
	expect(t, nic.rx[0].count <= 16);
	expect_eq(t, dev->stats.receive_dropped, 1);
	dev->receive = arrived;
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 60));
	turns(3);
	fake_nic_fetch(&nic);
	expect_eq(t, nic.rx[0].count, 256);
	end(t);
}

KTEST(virtio_net_drops_runts_and_giants)
{
	require(t, begin(t));
	fake_nic_fetch(&nic);
	for (uint32_t len = 1; len < NET_HEADER_LEN; len++)
		require(t, fake_nic_deliver(&nic, 0, NULL, frame, len) || len > 8);
	turns(3);
	fake_nic_fetch(&nic);
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 1514 + VIRTIO_NET_VLAN));
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 1514 + VIRTIO_NET_VLAN + 1));
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 5000));
	turns(3);
	expect_eq(t, got_count, 1);
	expect_eq(t, got_frame.len, 1514 + VIRTIO_NET_VLAN);
	expect(t, dev->stats.receive_dropped >= 10);
	expect_str(t, nic.device.dev.fault ?: "works", "works");
	end(t);
}

KTEST(virtio_net_puts_frames_of_several_buffers_together)
{
	static const uint32_t lengths[] = {
		2036, 2037, 4084, 4085, 9014, 30000, NET_FRAME_MAX - 1, NET_FRAME_MAX,
	};
	struct virtio_net_header h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1460, .hdr_len = 0xffff,
	};

	fake_nic_init(&nic);
	nic.device.sources = 4;
	nic.device.offered |= VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6;
	require(t, start(t));
	fake_nic_fetch(&nic);
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		frame_fill(lengths[i], i);
		require(t, fake_nic_deliver(&nic, 0, &h, frame, lengths[i]));
		turns(3);
		require(t, got_count == i + 1);
		expect_eq(t, got_frame.len, lengths[i]);
		expect_eq(t, got_frame.gso, NET_GSO_TCPV4);
		expect_eq(t, got_frame.gso_size, 1460);
		expect(t, got_frame.checksum_partial);
		expect_eq(t, got_frame.checksum_start, 34);
		expect(t, memcmp(got, frame, lengths[i]) == 0);
		fake_nic_fetch(&nic);
	}
	expect_eq(t, dev->stats.merged, ARRAY_SIZE(lengths) - 1);
	/* Longer than any frame. */
	require(t, fake_nic_deliver(&nic, 0, &h, frame, NET_FRAME_MAX + 1));
	turns(3);
	expect_eq(t, got_count, ARRAY_SIZE(lengths));
	expect_eq(t, dev->stats.receive_dropped, 1);
	expect_str(t, nic.device.dev.fault ?: "works", "works");
	end(t);
}

/* The word of whoever sent the frame, which must not stop the device. */
KTEST(virtio_net_drops_frames_whose_offloads_cannot_be)
{
	static const struct virtio_net_header cases[] = {
		{ .flags = 1, .csum_start = 90, .csum_offset = 9 },
		{ .flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 10 },
		{ .flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0 },
		{ .flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 10 },
		{ .flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4, .gso_size = 10 },
		{ .flags = 1, .gso_type = 0xff, .gso_size = 10 },
	};
	struct virtio_net_header good = { .flags = 0xfe };

	fake_nic_init(&nic);
	nic.device.offered |= VIRTIO_NET_F_GUEST_TSO4;
	require(t, start(t));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_nic_fetch(&nic);
		require(t, fake_nic_deliver(&nic, 0, &cases[i], frame, 100));
		turns(3);
		expect_eq(t, got_count, 0);
		expect_eq(t, dev->stats.receive_dropped, i + 1);
	}
	/* Flags that nobody knows are ignored (5.1.6.4.2). */
	require(t, fake_nic_deliver(&nic, 0, &good, frame, 100));
	turns(3);
	expect_eq(t, got_count, 1);
	expect(t, got_frame.checksum_good && !got_frame.checksum_partial);
	require(t, fake_nic_deliver(&nic, 0, NULL, frame, 100));
	turns(3);
	expect(t, !got_frame.checksum_good);
	expect_str(t, nic.device.dev.fault ?: "works", "works");
	end(t);
}

KTEST(virtio_net_mtu_of_the_device_bounds_both_ways)
{
	static const uint16_t mtus[] = { 68, 1280, 9000, 65535 };

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(mtus); i++) {
		uint32_t longest = mtus[i / 2] + NET_HEADER_LEN;
		struct job *j;

		fake_nic_init(&nic);
		nic.device.offered |= VIRTIO_NET_F_MTU;
		if (i % 2)
			nic.device.offered &= ~VIRTIO_NET_F_MRG_RXBUF;
		nic.config.mtu = mtus[i / 2];
		fake_nic_configure(&nic);
		require(t, start(t));
		expect_eq(t, dev->mtu, mtus[i / 2]);
		j = job_prepare(1, longest);
		j->p.data = frame + NET_HEADROOM;
		j->p.headroom = false;
		expect_eq(t, netdev_transmit(dev, &j->p), 0);
		j = job_prepare(2, longest + 1);
		expect_eq(t, netdev_transmit(dev, &j->p), -EMSGSIZE);
		turns(4);
		expect_ended(t, 1, 0);
		/* 5.1.4.2: at least one such frame finds room. */
		fake_nic_fetch(&nic);
		frame_fill(longest, i);
		require(t, fake_nic_deliver(&nic, 0, NULL, frame, longest));
		turns(3);
		expect_eq(t, got_frame.len, longest);
		expect(t, memcmp(got, frame, longest) == 0);
		end(t);
	}
}

static void answer_with_a_frame(struct netdev *d, const struct net_frame *f)
{
	arrived(d, f);
	if (jobs[0].p.request.outstanding)
		return;
	jobs[0].done = 0;
	(void)!job_send(0, 60);
}

KTEST(virtio_net_receiver_may_transmit)
{
	require(t, begin(t));
	dev->receive = answer_with_a_frame;
	for (unsigned i = 0; i < 20; i++) {
		fake_nic_fetch(&nic);
		require(t, fake_nic_deliver(&nic, 0, NULL, frame, 60));
		turns(6);
		expect_ended(t, 0, 0);
	}
	expect_eq(t, got_count, 20);
	end(t);
}
