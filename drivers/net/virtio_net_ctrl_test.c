/* SPDX-License-Identifier: MIT */
/* Commands, the link, resets and lies, on the host. */
#include "drivers/net/fake_nic_test.h"

#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_nic nic;
static struct netdev *dev;

static struct net_packet packets[16];
static uint8_t memory[16][NET_HEADROOM + 128];
static unsigned done_count, frames;

static void sent(struct request *r __unused)
{
	done_count++;
}

static void arrived(struct netdev *d __unused, const struct net_frame *f __unused)
{
	frames++;
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

static bool start(struct ktest_run *t)
{
	memset(packets, 0, sizeof(packets));
	done_count = frames = 0;
	nic.device.sources = 8;
	nic.device.messages = true;
	dev = fake_nic_start(&nic);
	if (!expect(t, dev))
		return false;
	dev->receive = arrived;
	turns(4);
	return true;
}

static bool begin(struct ktest_run *t, uint64_t features)
{
	fake_nic_init(&nic);
	nic.device.offered |= features;
	return start(t);
}

static void end(struct ktest_run *t)
{
	expect_str(t, nic.mistake ?: "none", "none");
	fake_nic_end(&nic);
}

static int send(unsigned i, unsigned queue)
{
	packets[i] = (struct net_packet){
		.request.done = sent, .data = memory[i] + NET_HEADROOM, .len = 60 + i,
		.headroom = true, .queue = queue,
	};
	return netdev_transmit(dev, &packets[i]);
}

static const uint8_t macs[][NET_MAC_LEN] = {
	{ 0x02, 1, 1, 1, 1, 1 }, { 0x01, 0, 0x5e, 0, 0, 1 }, { 0x02, 2, 2, 2, 2, 2 },
};

KTEST(virtio_net_filter_reaches_the_device)
{
	struct netdev_filter filter = {
		.promiscuous = true, .all_multicast = true, .macs = macs, .count = 3,
	};

	require(t, begin(t, 0));
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, nic.promiscuous && nic.all_multicast && dev->promiscuous);
	expect_eq(t, nic.unicast, 2);
	expect_eq(t, nic.multicast, 1);
	expect(t, memcmp(nic.table[0][1], macs[2], NET_MAC_LEN) == 0);
	expect(t, memcmp(nic.table[1][0], macs[1], NET_MAC_LEN) == 0);
	/* It holds through a reset. */
	expect_eq(t, dev->restart(dev), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, nic.promiscuous && nic.all_multicast && dev->promiscuous);
	expect_eq(t, nic.unicast + nic.multicast, 3);
	filter = (struct netdev_filter){ 0 };
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, !nic.promiscuous && !nic.all_multicast && !dev->promiscuous);
	expect_eq(t, nic.unicast + nic.multicast, 0);
	expect_eq(t, dev->restart(dev), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, !nic.promiscuous);
	filter.count = NETDEV_FILTER_MAX + 1;
	expect_eq(t, dev->set_filter(dev, &filter), -ENOSPC);
	end(t);
}

KTEST(virtio_net_address_can_be_set_and_holds)
{
	uint8_t multicast[NET_MAC_LEN] = { 1 }, none[NET_MAC_LEN] = { 0 };

	require(t, begin(t, 0));
	expect_eq(t, dev->set_mac(dev, multicast), -EINVAL);
	expect_eq(t, dev->set_mac(dev, none), -EINVAL);
	expect_eq(t, dev->set_mac(dev, macs[0]), 0);
	expect(t, memcmp(dev->mac, nic.burnt_mac, NET_MAC_LEN) == 0);	/* not yet */
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, memcmp(dev->mac, macs[0], NET_MAC_LEN) == 0);
	expect(t, memcmp(nic.config.mac, macs[0], NET_MAC_LEN) == 0);
	expect_eq(t, dev->restart(dev), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, memcmp(nic.config.mac, macs[0], NET_MAC_LEN) == 0);
	/* One that says no keeps its address, and ours. */
	nic.refuses = BIT(VIRTIO_NET_CTRL_MAC);
	expect_eq(t, dev->set_mac(dev, macs[2]), 0);
	expect_eq(t, netdev_settle(dev), -EIO);
	expect_eq(t, netdev_settle(dev), 0);
	expect(t, memcmp(dev->mac, macs[0], NET_MAC_LEN) == 0);
	virtio_device_fail(&nic.device.dev, "the test stops it", 0);
	expect_eq(t, dev->set_mac(dev, macs[2]), -ENODEV);
	end(t);

	/* A legacy device has it in its configuration. */
	fake_nic_init(&nic);
	nic.device.dev.modern = false;
	nic.device.offered &= UINT32_MAX & ~VIRTIO_NET_F_CTRL_VQ;
	require(t, start(t));
	expect_eq(t, dev->set_mac(dev, macs[2]), 0);
	expect(t, memcmp(nic.device.config, macs[2], NET_MAC_LEN) == 0);
	expect_eq(t, dev->restart(dev), 0);
	expect(t, memcmp(nic.device.config, macs[2], NET_MAC_LEN) == 0);
	end(t);
}

KTEST(virtio_net_address_that_cannot_be_one_is_replaced)
{
	fake_nic_init(&nic);
	nic.burnt_mac[0] = 0xff;
	memcpy(nic.config.mac, nic.burnt_mac, NET_MAC_LEN);
	fake_nic_configure(&nic);
	require(t, start(t));
	expect_eq(t, netdev_settle(dev), 0);
	expect_eq(t, dev->mac[0] & 3, 2);
	expect(t, memcmp(nic.config.mac, dev->mac, NET_MAC_LEN) == 0);
	end(t);
}

KTEST(virtio_net_queue_pairs_are_used_when_the_device_says_so)
{
	require(t, begin(t, VIRTIO_NET_F_MQ));
	expect_eq(t, dev->queue_pairs, 1);
	expect_eq(t, dev->queue_pairs_max, 2);
	nic.holds = true;
	expect_eq(t, send(0, 1), 0);			/* of one queue, that one */
	turns(2);
	require(t, nic.count == 1);
	expect_eq(t, nic.sent[0].queue, 1);
	fake_nic_complete_all(&nic);
	turns(2);
	expect_eq(t, dev->set_queue_pairs(dev, 0), -EINVAL);
	expect_eq(t, dev->set_queue_pairs(dev, 3), -EINVAL);
	expect_eq(t, dev->set_queue_pairs(dev, 2), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect_eq(t, dev->queue_pairs, 2);
	expect_eq(t, nic.pairs, 2);
	for (unsigned i = 0; i < 8; i++)
		expect_eq(t, send(i, i), 0);
	turns(2);
	require(t, nic.count == 8);
	for (unsigned i = 0; i < 8; i++)
		expect_eq(t, nic.sent[i].queue, i < 4 ? 1 : 3);
	expect_eq(t, dev->set_queue_pairs(dev, 1), -EBUSY);

	/* A reset device has one, until it was asked again. */
	nic.holds_commands = true;
	expect_eq(t, dev->restart(dev), 0);
	turns(2);
	require(t, nic.count == 8);
	for (unsigned i = 0; i < 8; i++)
		expect_eq(t, nic.sent[i].queue, 1);
	nic.holds_commands = false;
	fake_nic_complete_all(&nic);
	expect_eq(t, netdev_settle(dev), 0);
	expect_eq(t, nic.pairs, 2);
	expect_eq(t, dev->queue_pairs, 2);
	turns(4);
	expect_eq(t, done_count, 9);

	fake_nic_fetch(&nic);
	require(t, fake_nic_deliver(&nic, 1, NULL, memory[0], 60));
	turns(4);
	expect_eq(t, frames, 1);
	expect_eq(t, dev->set_queue_pairs(dev, 1), 0);
	expect_eq(t, netdev_settle(dev), 0);
	expect_eq(t, nic.pairs, 1);
	end(t);
}

KTEST(virtio_net_device_that_refuses_more_queues_keeps_one)
{
	require(t, begin(t, VIRTIO_NET_F_MQ));
	nic.refuses = BIT(VIRTIO_NET_CTRL_MQ);
	expect_eq(t, dev->set_queue_pairs(dev, 2), 0);
	expect_eq(t, netdev_settle(dev), -EIO);
	expect_eq(t, dev->queue_pairs, 1);
	expect_eq(t, send(0, 1), 0);
	turns(4);
	expect_eq(t, done_count, 1);
	end(t);
}

KTEST(virtio_net_what_was_refused_is_not_asked_again)
{
	struct netdev_filter filter = {
		.promiscuous = true, .all_multicast = true, .macs = macs, .count = 3,
	};

	require(t, begin(t, 0));
	nic.refuses = BIT(VIRTIO_NET_CTRL_RX) | BIT(VIRTIO_NET_CTRL_MAC);
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, netdev_settle(dev), -EIO);
	nic.refuses = 0;
	nic.command_count = 0;
	expect_eq(t, dev->restart(dev), 0);
	turns(4);
	expect_eq(t, netdev_settle(dev), 0);
	/* But for what it does by itself after a reset: it shows all frames. */
	expect_eq(t, nic.command_count, 1);
	expect(t, !nic.promiscuous && !nic.all_multicast);
	expect_eq(t, nic.unicast + nic.multicast, 0);
	end(t);
}

/* A command is under way when the next wish comes, and only then refused. */
KTEST(virtio_net_refusal_does_not_touch_what_was_asked_for_since)
{
	require(t, begin(t, 0));
	nic.holds_commands = true;
	nic.refuses = BIT(VIRTIO_NET_CTRL_MAC);
	expect_eq(t, dev->set_mac(dev, macs[0]), 0);
	expect_eq(t, dev->set_mac(dev, macs[2]), 0);
	nic.holds_commands = false;
	fake_nic_fetch(&nic);
	nic.refuses = 0;
	expect_eq(t, netdev_settle(dev), -EIO);
	expect(t, memcmp(dev->mac, macs[2], NET_MAC_LEN) == 0);
	expect(t, memcmp(nic.config.mac, macs[2], NET_MAC_LEN) == 0);
	end(t);
}

/* 5.1.6.5.6.1: not even a packet that waits for room while another command comes first. */
KTEST(virtio_net_queue_that_is_to_be_closed_gets_nothing_more)
{
	struct netdev_filter filter = { 0 };

	require(t, begin(t, VIRTIO_NET_F_MQ));
	expect_eq(t, dev->set_queue_pairs(dev, 2), 0);
	expect_eq(t, netdev_settle(dev), 0);
	nic.holds = true;
	nic.holds_commands = true;
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, dev->set_queue_pairs(dev, 1), 0);
	expect_eq(t, send(0, 1), 0);
	turns(2);
	require(t, nic.count == 1);
	expect_eq(t, nic.sent[0].queue, 1);
	nic.holds_commands = false;
	fake_nic_fetch(&nic);
	expect_eq(t, netdev_settle(dev), 0);
	expect_eq(t, nic.pairs, 1);
	fake_nic_complete_all(&nic);
	turns(4);
	expect_eq(t, done_count, 1);
	end(t);
}

static unsigned links, announcements;

static void link_changed(struct netdev *d __unused)
{
	links++;
}

static void announce(struct netdev *d __unused)
{
	announcements++;
}

KTEST(virtio_net_link_goes_and_comes)
{
	require(t, begin(t, 0));
	dev->link_changed = link_changed;
	links = 0;
	for (unsigned i = 1; i <= 4; i++) {
		nic.config.status ^= VIRTIO_NET_S_LINK_UP;
		nic.config.speed = i;
		fake_nic_configure(&nic);
		fake_device_config_changes(&nic.device, false);
		turns(4);
		expect_eq(t, dev->link, i % 2 == 0);
		expect_eq(t, dev->speed, i);
		expect_eq(t, links, i);
		expect_eq(t, dev->stats.link_changes, i);
	}
	fake_device_config_changes(&nic.device, false);
	turns(4);
	expect_eq(t, links, 4);
	end(t);
}

KTEST(virtio_net_announces_when_the_device_asks)
{
	require(t, begin(t, 0));
	announcements = 0;
	for (unsigned i = 0; i < 2; i++) {
		nic.config.status |= VIRTIO_NET_S_ANNOUNCE;
		fake_nic_configure(&nic);
		fake_device_config_changes(&nic.device, false);
		turns(4);
		expect_eq(t, netdev_settle(dev), 0);
		expect_eq(t, nic.config.status & VIRTIO_NET_S_ANNOUNCE, 0);
		expect_eq(t, announcements, i);
		dev->announce = announce;
	}
	end(t);

	/* Without the feature the bit says nothing (5.1.4). */
	fake_nic_init(&nic);
	nic.device.offered &= ~VIRTIO_NET_F_GUEST_ANNOUNCE;
	require(t, start(t));
	dev->announce = announce;
	announcements = 0;
	nic.config.status |= VIRTIO_NET_S_ANNOUNCE;
	fake_nic_configure(&nic);
	fake_device_config_changes(&nic.device, false);
	turns(4);
	expect_eq(t, announcements, 0);
	end(t);
}

KTEST(virtio_net_reset_under_traffic_loses_nothing)
{
	require(t, begin(t, 0));
	nic.holds = true;
	for (unsigned i = 0; i < 16; i++)
		require(t, send(i, 0) == 0);
	turns(2);
	fake_nic_complete(&nic, 3);		/* in any order */
	fake_nic_complete(&nic, 0);
	for (unsigned round = 0; round < 3; round++) {
		expect_eq(t, dev->restart(dev), 0);
		turns(2);
	}
	require(t, nic.count >= 14);
	for (unsigned i = 1; i < nic.count; i++)
		expect(t, nic.sent[i].len > nic.sent[i - 1].len);
	require(t, nic.count && fake_nic_deliver(&nic, 0, NULL, memory[0], 60));
	nic.holds = false;
	fake_nic_complete_all(&nic);
	turns(4);
	expect_eq(t, done_count, 16);
	for (unsigned i = 0; i < 16; i++)
		expect_eq(t, packets[i].request.error, 0);
	expect_eq(t, frames, 1);
	expect_eq(t, dev->stats.resets, 3);
	end(t);
}

KTEST(virtio_net_device_that_asks_for_a_reset_gets_one)
{
	require(t, begin(t, 0));
	nic.holds = true;
	require(t, send(0, 0) == 0);
	turns(2);
	fake_device_config_changes(&nic.device, true);
	turns(4);
	expect_eq(t, dev->stats.resets, 1);
	expect_eq(t, nic.count, 1);
	fake_nic_complete_all(&nic);
	turns(4);
	expect_eq(t, done_count, 1);
	end(t);
}

KTEST(virtio_net_queues_can_be_reset_alone)
{
	require(t, begin(t, VIRTIO_F_RING_RESET));
	require(t, nic.device.accepted & VIRTIO_F_RING_RESET);
	nic.holds = true;
	for (unsigned i = 0; i < 4; i++)
		require(t, send(i, 0) == 0);
	turns(2);
	nic.count = 0;
	nic.rx[0].count = 0;
	for (struct virtqueue *vq = nic.device.dev.queues; vq; vq = vq->next)
		expect_eq(t, virtio_queue_reset(&nic.device.dev, vq), 0);
	turns(2);
	fake_nic_fetch(&nic);
	expect_eq(t, nic.count, 4);
	require(t, fake_nic_deliver(&nic, 0, NULL, memory[0], 60));
	fake_nic_complete_all(&nic);
	turns(4);
	expect_eq(t, done_count, 4);
	expect_eq(t, frames, 1);
	expect_eq(t, netdev_settle(dev), 0);
	end(t);
}

static bool all_done(void *context)
{
	return done_count >= *(unsigned *)context;
}

KTEST(virtio_net_silent_device_is_reset_once_and_then_stopped)
{
	unsigned all = 5, resets;

	require(t, begin(t, 0));
	nic.holds = true;
	resets = nic.device.resets;
	for (unsigned i = 0; i < 5; i++)
		require(t, send(i, 0) == 0);
	expect_eq(t, loop_until(all_done, &all, NET_ANSWER_NS + NET_ANSWER_NS / 2), -ETIMEDOUT);
	expect_eq(t, nic.device.resets, resets + 1);
	expect_eq(t, done_count, 0);
	expect_eq(t, loop_until(all_done, &all, 2 * NET_ANSWER_NS), 0);
	for (unsigned i = 0; i < 5; i++)
		expect_eq(t, packets[i].request.error, -ETIMEDOUT);
	expect_str(t, nic.device.dev.fault, "sends nothing, packets");
	expect_eq(t, send(6, 0), -ENODEV);
	end(t);
}

KTEST(virtio_net_device_that_was_silent_once_works_on)
{
	unsigned all = 1;

	require(t, begin(t, 0));
	for (unsigned i = 1; i <= 3; i++) {
		nic.holds = true;
		require(t, send(0, 0) == 0);
		all = i;
		expect_eq(t, loop_until(all_done, &all, NET_ANSWER_NS + NET_ANSWER_NS / 2),
			  -ETIMEDOUT);
		expect_eq(t, dev->stats.resets, i);
		fake_nic_complete_all(&nic);
		expect_eq(t, loop_until(all_done, &all, NS_PER_S), 0);
		/* The watch forgets when it sees a device that is not silent. */
		nic.holds = false;
		for (unsigned k = 0; k < 6; k++) {
			all = done_count + 1;
			require(t, send(1, 0) == 0);
			expect_eq(t, loop_until(all_done, &all, NS_PER_S), 0);
			all++;
			(void)!loop_until(all_done, &all, NET_ANSWER_NS / 2);
		}
		done_count = i;
	}
	expect_str(t, nic.device.dev.fault ?: "works", "works");
	end(t);
}

KTEST(virtio_net_command_that_is_not_answered_ends_too)
{
	struct netdev_filter filter = { .promiscuous = true };

	require(t, begin(t, 0));
	nic.holds_commands = true;
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, netdev_settle(dev), -ENODEV);
	expect_str(t, nic.device.dev.fault, "sends nothing, packets");
	expect_eq(t, dev->set_filter(dev, &filter), -ENODEV);
	end(t);
}

/* What only the driver can know to be a lie. */

static void expect_stopped(struct ktest_run *t, const char *why)
{
	turns(4);
	expect_str(t, nic.device.dev.fault ?: "works", why);
	expect_eq(t, nic.device.status, 0);
	expect_eq(t, frames, 0);
	expect_eq(t, done_count, 1);
	expect_eq(t, packets[0].request.error, -EPROTO);
	end(t);
}

/* A device that has a packet and all buffers, and is about to lie. */
static bool prepare(struct ktest_run *t)
{
	if (!begin(t, VIRTIO_NET_F_GUEST_TSO4))
		return false;
	nic.holds = true;
	if (!expect_eq(t, send(0, 0), 0))
		return false;
	turns(2);
	fake_nic_fetch(&nic);
	return expect_eq(t, nic.count, 1);
}

KTEST(virtio_net_frame_shorter_than_its_header_stops_the_device)
{
	for (uint32_t written = 0; written < 12; written += 11) {
		require(t, prepare(t));
		fake_nic_deliver_lie(&nic, 0, 1, written);
		expect_stopped(t, "a frame shorter than its header");
	}
}

KTEST(virtio_net_frame_in_no_buffers_stops_the_device)
{
	static const uint16_t counts[] = { 0, 1000, 65535 };

	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		require(t, prepare(t));
		fake_nic_deliver_lie(&nic, 0, counts[i], 100);
		expect_stopped(t, "a frame in no such number of buffers");
	}
}

KTEST(virtio_net_frame_whose_buffers_do_not_come_stops_the_device)
{
	require(t, prepare(t));
	fake_nic_deliver_lie(&nic, 0, 3, 2048);
	fake_nic_deliver_lie(&nic, 0, 0, 2048);
	expect_stopped(t, "a frame whose buffers did not all come, lacks");
}

KTEST(virtio_net_ack_that_there_is_not_stops_the_device)
{
	struct netdev_filter filter = { 0 };

	require(t, prepare(t));
	nic.ack_lie = 7;
	expect_eq(t, dev->set_filter(dev, &filter), 0);
	expect_eq(t, netdev_settle(dev), -ENODEV);
	expect_stopped(t, "answers a command with no such ack");
}

KTEST(virtio_net_frame_longer_than_its_buffer_stops_the_device)
{
	require(t, prepare(t));
	fake_nic_deliver_lie(&nic, 0, 1, 2049);
	expect_stopped(t, "used length beyond the writable bytes");
}

KTEST(virtio_net_packet_that_comes_back_twice_stops_the_device)
{
	struct fake_packet p;

	require(t, prepare(t));
	p = nic.sent[0];
	fake_device_use(&nic.device, (uint32_t)p.head + 1, 0);
	nic.device.queue = p.queue;
	fake_device_use(&nic.device, (uint32_t)p.head + 1, 0);
	turns(4);
	expect(t, nic.device.dev.fault);
	expect_eq(t, done_count, 1);
	expect_eq(t, packets[0].request.error, -EPROTO);
	end(t);
}

KTEST(virtio_net_configuration_that_cannot_be_is_refused)
{
	static const struct {
		uint16_t mtu, pairs;
		const char *why;
	} cases[] = {
		{ 0, 1, "MTU below 68" }, { 67, 1, "MTU below 68" },
		{ 68, 0, "no such number of queue pairs" },
		{ 68, 0x8001, "no such number of queue pairs" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_nic_init(&nic);
		nic.device.offered |= VIRTIO_NET_F_MTU | VIRTIO_NET_F_MQ;
		nic.config.mtu = cases[i].mtu;
		nic.config.max_virtqueue_pairs = cases[i].pairs;
		fake_nic_configure(&nic);
		expect(t, !fake_nic_start(&nic));
		expect_str(t, nic.device.dev.fault, cases[i].why);
	}
	fake_nic_init(&nic);
	nic.device.dev.config_len = 8;
	nic.device.offered |= VIRTIO_NET_F_MTU;
	expect(t, !fake_nic_start(&nic));
	fake_nic_init(&nic);
	nic.device.config_never_settles = true;
	expect(t, !fake_nic_start(&nic));
}
