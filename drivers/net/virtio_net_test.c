/* SPDX-License-Identifier: MIT */
/* The driver against network devices that behave well and badly, on the host. */
#include "drivers/net/virtio_net.h"

#include "drivers/net/virtio_net_config.h"
#include "drivers/virtio/fake_transport.h"
#include "drivers/virtio/host_memory.h"
#include "kernel/host_loop.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/fault.h"

enum { RX, TX, HELD = 64, PACKETS = 24, LEN = 100, ROOM = 2048 };

static struct {
	struct fake_device device;
	bool holds;			/* sends nothing until it is told to */
	uint16_t held[HELD];
	unsigned count;			/* of these */
	unsigned sent;
	uint8_t frames[HELD][ROOM];	/* as they went out, headers included */
	uint32_t lengths[HELD];
	unsigned pieces[HELD];		/* descriptors of each */
} nic;

static struct net_packet packets[PACKETS];
static uint8_t memory[PACKETS][NET_HEADROOM + LEN];
static unsigned ended[PACKETS], ends;
static uint8_t arrived[ROOM];
static unsigned arrivals, arrived_len, link_changes;

/* What a chain of the transmit queue holds. */
static void frame_note(struct fake_device *f, uint16_t head)
{
	const struct virtq_desc *desc = (const void *)(uintptr_t)f->rings[TX].at.desc;
	unsigned n = nic.sent++ % HELD;

	nic.lengths[n] = 0;
	nic.pieces[n] = 0;
	for (const struct virtq_desc *d = &desc[head];; d = &desc[d->next]) {
		memcpy(nic.frames[n] + nic.lengths[n], (const void *)(uintptr_t)d->addr, d->len);
		nic.lengths[n] += d->len;
		nic.pieces[n]++;
		if (!(d->flags & VIRTQ_DESC_F_NEXT))
			return;
	}
}

static void answer(struct fake_device *f)
{
	uint32_t writable;
	uint16_t head;
	uint8_t *data;

	if (f->queue != TX)
		return;
	while (fake_device_fetch(f, &head, &data, &writable) == 0) {
		frame_note(f, head);
		if (nic.holds)
			nic.held[nic.count++] = head;
		else
			fake_device_use(f, head, 0);
	}
}

/* Gives back what it holds, the last first. */
static void release(void)
{
	nic.device.queue = TX;
	while (nic.count)
		fake_device_use(&nic.device, nic.held[--nic.count], 0);
}

static void forget(struct fake_device *f __unused)
{
	nic.count = 0;
}

/* A frame arrives; `written` is what the device says. */
static int deliver(const void *frame, uint32_t len, uint32_t written)
{
	uint32_t writable;
	uint16_t head;
	uint8_t *data;
	int rc;

	nic.device.queue = RX;
	rc = fake_device_fetch(&nic.device, &head, &data, &writable);
	if (rc)
		return rc;
	memset(data, 0, VIRTIO_NET_HEADER);
	memcpy(data + VIRTIO_NET_HEADER, frame, len);
	fake_device_use(&nic.device, head, written);
	return 0;
}

static const struct virtio_driver *net_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_NET && str_has_prefix((*driver)->name, "virtio"))
			return *driver;
	return NULL;
}

static void receive(struct netdev *dev __unused, const struct net_frame *frame)
{
	arrivals++;
	arrived_len = frame->len;
	memcpy(arrived, frame->data, min(frame->len, (uint32_t)sizeof(arrived)));
}

static void link_changed(struct netdev *dev __unused)
{
	link_changes++;
}

static void init(void)
{
	static const uint8_t config[] = { 2, 1, 2, 3, 4, 5, 1, 0, 0, 0, 0xdc, 5 };

	memset(&nic, 0, sizeof(nic));
	fake_device_init(&nic.device, VIRTIO_ID_NET);
	nic.device.answer = answer;
	nic.device.forget = forget;
	nic.device.sources = 1;
	nic.device.offered |= VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU;
	memcpy(nic.device.config, config, sizeof(config));
	ends = arrivals = link_changes = 0;
}

static struct netdev *start(void)
{
	struct netdev *dev;

	if (virtio_device_start(&nic.device.dev, net_driver()))
		return NULL;
	dev = netdev_at(netdev_count() - 1);
	dev->receive = receive;
	dev->link_changed = link_changed;
	nic.sent = 0;
	return dev;
}

static void end(void)
{
	virtio_device_fail(&nic.device.dev, "the test is over", 0);
	virtio_queues_free(&nic.device.dev);
	requests_tell();
}

static void turns(unsigned n)
{
	while (n--)
		loop_turn();
}

static void done(struct request *r)
{
	ended[ends++] = (unsigned)(container_of(r, struct net_packet, request) - packets);
}

static int send(struct netdev *dev, unsigned i, bool headroom, uint64_t limit)
{
	memset(memory[i], 0xee, NET_HEADROOM);
	memset(memory[i] + NET_HEADROOM, (int)i + 1, LEN);
	packets[i] = (struct net_packet){
		.request.done = done, .request.limit = limit, .data = memory[i] + NET_HEADROOM,
		.len = LEN, .headroom = headroom,
	};
	return netdev_transmit(dev, &packets[i]);
}

static bool is_frame(unsigned n, unsigned i, uint32_t header)
{
	uint8_t want[VIRTIO_NET_HEADER + LEN] = { 0 };

	memset(want + header, (int)i + 1, LEN);
	return nic.lengths[n] == header + LEN &&
	       memcmp(nic.frames[n], want, header + LEN) == 0;
}

KTEST_MAY_FAIL(virtio_net_drives_its_device_or_leaves_nothing_behind)
{
	struct netdev *dev;

	init();
	dev = start();
	if (!expect_memory(t, dev)) {
		expect(t, nic.device.dev.fault && !nic.device.dev.queues && !nic.device.opened);
		return;
	}
	end();
	/* The device and what it sends and receives with stay for ever. */
	fault_note(FAULT_HEAP, -2 - VIRTIO_NET_FIRST);
}

KTEST(virtio_net_accepts_no_feature_that_it_cannot_use)
{
	const uint64_t core = VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM |
			      VIRTIO_F_ORDER_PLATFORM | VIRTIO_F_EVENT_IDX;

	init();
	/* A packed ring is nothing that this test's device can answer in. */
	nic.device.offered = ~(VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC);
	require(t, start());
	expect_eq(t, nic.device.accepted,
		  core | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU |
		  VIRTIO_NET_F_SPEED_DUPLEX);
	end();
}

KTEST(virtio_net_speed_that_is_none_is_unknown)
{
	struct netdev *dev;

	init();
	nic.device.offered |= VIRTIO_NET_F_SPEED_DUPLEX;
	memcpy(&nic.device.config[12], "\xff\xff\xff\xff\xff", 5);
	dev = start();
	require(t, dev);
	expect_eq(t, dev->speed, 0);
	expect(t, !dev->full_duplex);
	end();
	init();
	nic.device.offered |= VIRTIO_NET_F_SPEED_DUPLEX;
	memcpy(&nic.device.config[12], "\xe8\3\0\0\1", 5);
	dev = start();
	require(t, dev);
	expect_eq(t, dev->speed, 1000);
	expect(t, dev->full_duplex);
	end();
}

/* Whatever the header of what arrives says: no offload was agreed upon. */
KTEST(virtio_net_headers_of_frames_mean_nothing)
{
	struct virtio_net *v;
	struct netdev *dev;
	uint8_t frame[60];

	init();
	dev = start();
	require(t, dev);
	v = virtio_net_of(dev);
	memset(frame, 7, sizeof(frame));
	for (unsigned i = 0; i < 200; i++) {
		uint8_t *header = v->buffers[i % VIRTIO_NET_FIRST].data;

		require(t, deliver(frame, 60, VIRTIO_NET_HEADER + 60) == 0);
		for (unsigned k = 0; k < VIRTIO_NET_HEADER; k++)
			header[k] = (uint8_t)ktest_random(t);
		turns(3);
		require(t, arrived_len == 60 && memcmp(arrived, frame, 60) == 0);
	}
	expect_eq(t, arrivals, 200);
	expect(t, !nic.device.dev.fault);
	end();
}

KTEST(virtio_net_buffers_hold_a_frame_of_the_mtu_and_nothing_longer_is_sent)
{
	struct netdev *dev;

	init();
	nic.device.config[10] = 0;
	nic.device.config[11] = 0x20;		/* 8192 */
	dev = start();
	require(t, dev);
	expect_eq(t, dev->mtu, 8192);
	expect(t, virtio_net_of(dev)->buffer_size >= VIRTIO_NET_HEADER + NET_HEADER_LEN + 8192);
	packets[0] = (struct net_packet){
		.request.done = done, .data = memory[0], .len = NET_HEADER_LEN + 8193,
	};
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EMSGSIZE);
	end();
}

KTEST(virtio_net_sends_frames_behind_a_header_of_zeros)
{
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	expect_eq(t, dev->mac[5], 5);
	expect_eq(t, dev->mtu, 1500);
	expect_eq(t, send(dev, 0, false, 0), 0);
	expect_eq(t, send(dev, 1, true, 0), 0);
	expect_eq(t, nic.sent, 0);
	turns(5);
	expect_eq(t, ends, 2);
	expect(t, is_frame(0, 0, VIRTIO_NET_HEADER) && is_frame(1, 1, VIRTIO_NET_HEADER));
	expect_eq(t, nic.pieces[0], 2);
	expect_eq(t, nic.pieces[1], 1);
	expect_eq(t, dev->stats.sent, 2);
	expect_eq(t, dev->stats.sent_bytes, 2 * LEN);
	end();
}

KTEST(virtio_net_legacy_device_gets_its_header_in_a_piece_of_its_own)
{
	struct netdev *dev;

	init();
	nic.device.dev.modern = false;
	nic.device.offered &= UINT32_MAX;
	dev = start();
	require(t, dev);
	expect_eq(t, send(dev, 0, true, 0), 0);
	turns(5);
	expect_eq(t, ends, 1);
	expect(t, is_frame(0, 0, VIRTIO_NET_HEADER_LEGACY));
	expect_eq(t, nic.pieces[0], 2);
	end();
}

KTEST(netdev_refuses_what_is_no_frame)
{
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	expect_eq(t, send(dev, 0, false, 0), 0);
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EBUSY);
	turns(5);
	packets[0].len = NET_HEADER_LEN - 1;
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EINVAL);
	packets[0].len = NET_HEADER_LEN + 1501;
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EMSGSIZE);
	packets[0].len = LEN;
	packets[0].request.done = NULL;
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EINVAL);
	packets[0].request.done = done;
	packets[0].data = NULL;
	expect_eq(t, netdev_transmit(dev, &packets[0]), -EFAULT);
	expect(t, !packets[0].request.outstanding);
	end();
	packets[0].data = memory[0];
	expect_eq(t, netdev_transmit(dev, &packets[0]), -ENODEV);
}

KTEST(virtio_net_packets_wait_for_room_and_keep_their_order)
{
	struct netdev *dev;

	init();
	nic.device.queue_max = 4;
	dev = start();
	require(t, dev);
	nic.holds = true;
	for (unsigned i = 0; i < PACKETS; i++)
		expect_eq(t, send(dev, i, i % 2, 0), 0);
	for (unsigned i = 0; i < 200 && ends < PACKETS; i++) {
		turns(2);
		release();
	}
	expect_eq(t, ends, PACKETS);
	expect_eq(t, nic.sent, PACKETS);
	for (unsigned i = 0; i < PACKETS; i++)
		expect(t, is_frame(i, i, VIRTIO_NET_HEADER));
	end();
}

KTEST(netdev_cancel_ends_what_waits_at_once_and_the_rest_when_it_is_back)
{
	struct netdev *dev;

	init();
	nic.device.queue_max = 4;
	dev = start();
	require(t, dev);
	nic.holds = true;
	for (unsigned i = 0; i < 4; i++)
		expect_eq(t, send(dev, i, false, 0), 0);
	turns(5);
	expect(t, packets[3].waiting && !packets[0].waiting);
	expect(t, netdev_cancel(&packets[3]));
	expect(t, !netdev_cancel(&packets[3]));
	expect(t, netdev_cancel(&packets[0]));
	turns(5);
	expect_eq(t, ends, 1);
	expect_eq(t, packets[3].request.error, -ECANCELED);
	for (unsigned i = 0; i < 4; i++) {
		release();
		turns(5);
	}
	expect_eq(t, ends, 4);
	expect_eq(t, packets[0].request.error, -ECANCELED);
	expect_eq(t, packets[1].request.error, 0);
	expect_eq(t, dev->stats.transmit_errors, 2);
	end();
}

KTEST(virtio_net_limit_ends_a_packet_as_a_cancellation_does)
{
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	nic.holds = true;
	expect_eq(t, send(dev, 0, false, NS_PER_MS), 0);
	turns(100);
	expect_eq(t, ends, 0);
	release();
	turns(5);
	expect_eq(t, ends, 1);
	expect_eq(t, packets[0].request.error, -ETIMEDOUT);
	end();
}

KTEST(virtio_net_shows_frames_and_gives_their_buffers_again)
{
	struct netdev *dev;
	uint8_t frame[200];

	init();
	dev = start();
	require(t, dev);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t len = NET_HEADER_LEN + i % 100;

		memset(frame, (int)i, sizeof(frame));
		require(t, deliver(frame, len, VIRTIO_NET_HEADER + len) == 0);
		turns(3);
		require(t, arrivals == i + 1 && arrived_len == len);
		require(t, memcmp(arrived, frame, len) == 0);
	}
	expect_eq(t, dev->stats.received, 3000);
	end();
}

KTEST(virtio_net_drops_what_nobody_wants_or_is_no_frame)
{
	static const uint8_t frame[60];
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	expect_eq(t, deliver(frame, 13, VIRTIO_NET_HEADER + 13), 0);
	turns(3);
	dev->receive = NULL;
	expect_eq(t, deliver(frame, 60, VIRTIO_NET_HEADER + 60), 0);
	turns(3);
	expect_eq(t, arrivals, 0);
	expect_eq(t, dev->stats.receive_dropped, 2);
	expect(t, !nic.device.dev.fault);
	end();
}

KTEST(virtio_net_device_that_receives_less_than_a_header_is_stopped)
{
	static const uint8_t frame[60];
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	nic.holds = true;
	expect_eq(t, send(dev, 0, false, 0), 0);
	turns(3);
	expect_eq(t, deliver(frame, 60, VIRTIO_NET_HEADER - 1), 0);
	turns(5);
	expect_str(t, nic.device.dev.fault, "received less than a header");
	expect_eq(t, ends, 1);
	expect_eq(t, packets[0].request.error, -EPROTO);
	end();
}

KTEST(virtio_net_device_that_is_reset_gets_its_packets_again_in_their_order)
{
	static const uint8_t frame[60];
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	nic.holds = true;
	for (unsigned i = 0; i < 8; i++)
		expect_eq(t, send(dev, i, false, 0), 0);
	turns(3);
	expect(t, netdev_cancel(&packets[2]));
	nic.sent = 0;
	expect_eq(t, dev->restart(dev), 0);
	turns(3);
	expect_eq(t, nic.sent, 7);
	for (unsigned i = 0; i < 7; i++)
		expect(t, is_frame(i, i < 2 ? i : i + 1, VIRTIO_NET_HEADER));
	expect_eq(t, packets[2].request.error, -ECANCELED);
	release();
	turns(5);
	expect_eq(t, ends, 8);
	expect_eq(t, deliver(frame, 60, VIRTIO_NET_HEADER + 60), 0);
	turns(3);
	expect_eq(t, arrivals, 1);
	expect_eq(t, dev->stats.resets, 1);
	end();
}

KTEST(virtio_net_device_that_sends_nothing_is_reset_once_then_stopped)
{
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev);
	nic.holds = true;
	host_clock_step = NS_PER_S;
	expect_eq(t, send(dev, 0, false, 0), 0);
	turns(100);
	expect_str(t, nic.device.dev.fault, "no answer in time, packets");
	expect_eq(t, dev->stats.resets, 1);
	expect_eq(t, ends, 1);
	expect_eq(t, packets[0].request.error, -ETIMEDOUT);
	end();
}

KTEST(virtio_net_configuration_that_lies_is_refused)
{
	init();
	nic.device.config[10] = 67;
	nic.device.config[11] = 0;
	expect(t, !start());
	expect_str(t, nic.device.dev.fault, "its MTU is less than 68");
	virtio_queues_free(&nic.device.dev);
	init();
	nic.device.config[0] = 1;
	expect(t, !start());
	expect_str(t, nic.device.dev.fault, "its address is that of a group, first byte");
	virtio_queues_free(&nic.device.dev);
}

KTEST(virtio_net_device_that_says_nothing_gets_defaults)
{
	struct netdev *dev;

	init();
	nic.device.offered &= ~(VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU);
	memset(nic.device.config, 0xff, 12);
	dev = start();
	require(t, dev);
	expect_eq(t, dev->mac[0], 2);
	expect_eq(t, dev->mtu, NET_MTU_DEFAULT);
	expect(t, dev->link);
	end();
}

KTEST(virtio_net_link_is_told_when_it_changes)
{
	struct netdev *dev;

	init();
	dev = start();
	require(t, dev && dev->link);
	nic.device.config[6] = 0;
	fake_device_config_changes(&nic.device, false);
	turns(5);
	expect(t, !dev->link);
	fake_device_config_changes(&nic.device, false);
	turns(5);
	expect_eq(t, link_changes, 1);
	expect_eq(t, dev->stats.link_changes, 1);
	end();
}
