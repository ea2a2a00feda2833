/* SPDX-License-Identifier: MIT */
/*
 * The real devices. Which of them share a wire is found out by a frame from
 * each; what is said about a wire that somebody answers on is held where
 * somebody does (QEMU's -netdev user), the rest between two devices of ours.
 */
#include "drivers/net/station.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	PACKETS = 128,
	SLOT = 2048,			/* bytes of a packet's memory */
	MEMORY_ORDER = 6,
	TYPE = 0x88b5,			/* IEEE 802: local experiments */
	FRAME_MAX = NET_HEADER_LEN + NET_MTU_DEFAULT,
};

static_assert(PACKETS * SLOT == PAGE_SIZE << MEMORY_ORDER, "no more, no less");

#define HEAR_NS		(50 * NS_PER_MS)
#define WAIT_NS		(3 * NET_ANSWER_NS)

static struct net_packet packets[PACKETS];
static unsigned ended[PACKETS];			/* calls of done() */
static unsigned ended_count, failed_count;
static uint8_t *memory;

static void packet_done(struct request *r)
{
	struct net_packet *p = container_of(r, struct net_packet, request);

	ended[p - packets]++;
	ended_count++;
	failed_count += r->error != 0;
}

static uint8_t *data_of(unsigned i)
{
	return memory + (size_t)i * SLOT + NET_HEADROOM;
}

/* Memory for packets; what a device still has would be kept by test_end(). */
static bool test_begin(struct ktest_run *t)
{
	if (netdev_count() == 0) {
		ktest_skip(t, "no network device");
		return false;
	}
	memory = page_alloc(MEMORY_ORDER, PAGE_ANY | PAGE_USE_DMA);
	memset(packets, 0, sizeof(packets));
	memset(ended, 0, sizeof(ended));
	ended_count = failed_count = 0;
	return expect(t, memory);
}

static bool none_outstanding(void *context __unused)
{
	for (unsigned i = 0; i < PACKETS; i++)
		if (packets[i].request.outstanding)
			return false;
	return true;
}

static void test_end(struct ktest_run *t)
{
	if (expect_eq(t, loop_until(none_outstanding, NULL, WAIT_NS), 0))
		page_free(memory, MEMORY_ORDER);
}

static uint8_t byte_of(uint32_t at, uint32_t len)
{
	return (uint8_t)(at * 7 + at / 256 + len * 13);
}

/* A frame of `len` bytes, all of which tell of their place and the length. */
static void frame_make(uint8_t *frame, const struct netdev *from, const uint8_t *to, uint32_t len)
{
	memcpy(frame, to, NET_MAC_LEN);
	memcpy(frame + NET_MAC_LEN, from->mac, NET_MAC_LEN);
	frame[12] = TYPE >> 8;
	frame[13] = TYPE & 0xff;
	for (uint32_t i = NET_HEADER_LEN; i < len; i++)
		frame[i] = byte_of(i, len);
}

static int packet_send(struct netdev *from, const uint8_t *to, unsigned i, uint32_t len)
{
	struct net_packet *p = &packets[i];

	frame_make(data_of(i), from, to, len);
	p->request.done = packet_done;
	p->data = data_of(i);
	p->len = len;
	p->headroom = i % 2;
	return netdev_transmit(from, p);
}

/* What was heard. */

static struct {
	struct netdev *by;
	unsigned count, wrong;
	uint32_t last_len;
} heard;

static void hear(struct netdev *dev, const struct net_frame *f)
{
	if (f->len < NET_FRAME_MIN || f->data[12] != TYPE >> 8 || f->data[13] != (TYPE & 0xff))
		return;
	heard.by = dev;
	heard.count++;
	heard.last_len = f->len;
	for (uint32_t i = NET_HEADER_LEN; i < f->len; i++) {
		if (f->data[i] != byte_of(i, f->len)) {
			heard.wrong++;
			return;
		}
	}
}

static void listen(bool on)
{
	struct netdev *dev;

	memset(&heard, 0, sizeof(heard));
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		dev->receive = on ? hear : NULL;
}

static bool heard_enough(void *context)
{
	return heard.count >= *(unsigned *)context;
}

static const uint8_t everybody[NET_MAC_LEN] = { 255, 255, 255, 255, 255, 255 };

/* Two devices of which the second hears the first. */
static bool wire_find(struct ktest_run *t, struct netdev **from, struct netdev **to)
{
	unsigned one = 1;

	for (unsigned i = 0; (*from = netdev_at(i)); i++) {
		memset(&heard, 0, sizeof(heard));
		if (!expect_eq(t, packet_send(*from, everybody, 0, NET_FRAME_MIN), 0))
			return false;
		(void)!loop_until(heard_enough, &one, HEAR_NS);
		expect_eq(t, loop_until(none_outstanding, NULL, WAIT_NS), 0);
		*to = heard.by;
		if (*to)
			return true;
	}
	ktest_skip(t, "no two network devices on one wire");
	return false;
}

static bool wire_begin(struct ktest_run *t, struct netdev **from, struct netdev **to)
{
	if (!test_begin(t))
		return false;
	listen(true);
	if (wire_find(t, from, to)) {
		memset(&heard, 0, sizeof(heard));
		return true;
	}
	listen(false);
	test_end(t);
	return false;
}

static void wire_end(struct ktest_run *t)
{
	listen(false);
	test_end(t);
}

KTEST(net_devices_say_what_can_be)
{
	struct netdev *dev;
	char line[NETDEV_TEXT_MAX];
	uint8_t mac[NET_MAC_LEN];

	if (netdev_count() == 0)
		return ktest_skip(t, "no network device");
	for (unsigned i = 0; (dev = netdev_at(i)); i++) {
		expect_eq(t, dev->mac[0] & 1, 0);
		expect(t, dev->mtu >= NET_MTU_MIN);
		expect(t, dev->queue_pairs >= 1 && dev->queue_pairs <= dev->queue_pairs_max);
		netdev_describe(dev, line, sizeof(line));
		line[3 * NET_MAC_LEN - 1] = '\0';
		require(t, net_mac_parse(line, mac) == 0);
		expect(t, memcmp(mac, dev->mac, NET_MAC_LEN) == 0);
	}
	expect(t, !netdev_at(netdev_count()));
}

KTEST(net_addresses_are_read_as_they_are_printed)
{
	static const char *const wrong[] = {
		"", "52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:567",
		"52-54-00-12-34-56", "52:54:00:12:34:5g", "52:54:00:12:34:56:",
	};
	uint8_t mac[NET_MAC_LEN];
	char text[3 * NET_MAC_LEN];

	require(t, net_mac_parse("52:54:00:aB:Cd:eF", mac) == 0);
	expect_eq(t, net_mac_format(mac, text, sizeof(text)), 17);
	expect_str(t, text, "52:54:00:ab:cd:ef");
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		expect_eq(t, net_mac_parse(wrong[i], mac), -EINVAL);
}

/* Finds the router, and gets every echo back as it went. */
static bool converse(struct ktest_run *t, struct station *s)
{
	static const uint32_t lengths[] = { 0, 1, 56, 999, ECHO_PAYLOAD_MAX };
	struct echo_host router;
	uint64_t ns;

	if (station_find(s, STATION_ROUTER, &router))
		return false;
	for (uint16_t i = 0; i < ARRAY_SIZE(lengths); i++)
		if (lengths[i] + ECHO_HEADERS <= (uint32_t)NET_HEADER_LEN + s->device->mtu)
			expect_eq(t, station_ping(s, &router, i, lengths[i], &ns), 0);
	return true;
}

KTEST(net_router_answers_before_and_after_a_reset)
{
	static struct station s;
	struct netdev *dev;
	unsigned answered = 0;

	if (netdev_count() == 0)
		return ktest_skip(t, "no network device");
	for (unsigned i = 0; (dev = netdev_at(i)); i++) {
		require(t, station_open(&s, dev, STATION_ADDRESS) == 0);
		if (converse(t, &s)) {
			answered++;
			expect_eq(t, dev->restart(dev), 0);
			expect(t, converse(t, &s));
		}
		expect(t, station_close(&s));
	}
	if (!answered)
		ktest_skip(t, "nobody answers on the network");
}

KTEST(net_thousand_packets_are_sent_in_batches)
{
	enum { BATCH = 64, ROUNDS = 16 };
	struct netdev *dev;

	if (!test_begin(t))
		return;
	for (unsigned i = 0; (dev = netdev_at(i)); i++) {
		uint64_t sent = dev->stats.sent, bells = dev->stats.doorbells;

		for (unsigned round = 0; round < ROUNDS; round++) {
			for (unsigned k = 0; k < BATCH; k++)
				require(t, packet_send(dev, dev->mac, k, 60 + round) == 0);
			require(t, loop_until(none_outstanding, NULL, WAIT_NS) == 0);
		}
		expect_eq(t, dev->stats.sent - sent, BATCH * ROUNDS);
		expect(t, dev->stats.doorbells - bells <= ROUNDS + 4);
	}
	expect_eq(t, failed_count, 0);
	test_end(t);
}

KTEST(net_packets_that_cannot_be_are_refused)
{
	static const uint8_t constant[64];
	uint8_t stack[64] = { 0 };
	struct netdev *dev = netdev_at(0);
	struct net_packet *p = &packets[1];

	if (!test_begin(t))
		return;
	expect_eq(t, packet_send(dev, dev->mac, 1, NET_HEADER_LEN - 1), -EINVAL);
	for (unsigned headroom = 0; headroom < 2; headroom++) {
		p->len = 40;
		p->headroom = headroom;
		p->data = stack + NET_HEADROOM;
		expect_eq(t, netdev_transmit(dev, p), -EFAULT);
		p->data = (void *)(constant + NET_HEADROOM);
		expect_eq(t, netdev_transmit(dev, p), -EFAULT);
	}
	p->data = data_of(1);
	p->len = NET_HEADER_LEN + dev->mtu + 1u;
	expect_eq(t, netdev_transmit(dev, p), -EMSGSIZE);
	expect_eq(t, packet_send(dev, dev->mac, 1, 60), 0);
	expect_eq(t, netdev_transmit(dev, p), -EBUSY);
	test_end(t);
	expect_eq(t, ended[1], 1);
}

KTEST(net_cancelled_packets_end_once)
{
	struct netdev *dev;

	if (!test_begin(t))
		return;
	for (unsigned n = 0; (dev = netdev_at(n)); n++) {
		memset(ended, 0, sizeof(ended));
		for (unsigned i = 0; i < PACKETS; i++)
			require(t, packet_send(dev, dev->mac, i, 60 + i) == 0);
		for (unsigned i = 0; i < PACKETS; i += 2)
			expect(t, netdev_cancel(&packets[i]));
		for (unsigned i = 0; i < PACKETS; i++)
			expect_eq(t, ended[i], 0);
		require(t, loop_until(none_outstanding, NULL, WAIT_NS) == 0);
		for (unsigned i = 0; i < PACKETS; i++) {
			expect_eq(t, ended[i], 1);
			expect_eq(t, packets[i].request.error, i % 2 ? 0 : -ECANCELED);
		}
	}
	test_end(t);
}

KTEST(net_reset_under_traffic_loses_no_packet)
{
	struct netdev *dev;

	if (!test_begin(t))
		return;
	for (unsigned n = 0; (dev = netdev_at(n)); n++) {
		uint64_t resets = dev->stats.resets;

		memset(ended, 0, sizeof(ended));
		for (unsigned i = 0; i < PACKETS; i++) {
			require(t, packet_send(dev, dev->mac, i, 60 + i) == 0);
			if (i % 32 == 20)
				expect_eq(t, dev->restart(dev), 0);
			if (i % 16 == 7)
				loop_turn();
		}
		require(t, loop_until(none_outstanding, NULL, WAIT_NS) == 0);
		for (unsigned i = 0; i < PACKETS; i++) {
			expect_eq(t, ended[i], 1);
			expect_eq(t, packets[i].request.error, 0);
		}
		expect_eq(t, dev->stats.resets - resets, PACKETS / 32);
		expect_eq(t, netdev_settle(dev), 0);
	}
	test_end(t);
}

KTEST(net_frames_of_every_length_cross_a_wire)
{
	struct netdev *from, *to;
	unsigned sent = 0;
	uint32_t longest;

	if (!wire_begin(t, &from, &to))
		return;
	longest = min(from->mtu, to->mtu);
	longest = NET_HEADER_LEN + min(longest, (uint32_t)NET_MTU_DEFAULT);
	for (uint32_t len = NET_FRAME_MIN; len <= longest; len++) {
		if (!expect_eq(t, packet_send(from, to->mac, len % 32, len), 0))
			break;
		sent++;
		/* One at a time, then many: whoever listens has room for those. */
		if (len % 2 && len % 32 < 31)
			continue;
		if (!expect_eq(t, loop_until(heard_enough, &sent, WAIT_NS), 0) ||
		    !expect_eq(t, loop_until(none_outstanding, NULL, WAIT_NS), 0))
			break;
		expect_eq(t, heard.last_len, len);
	}
	expect_eq(t, heard.count, longest - NET_FRAME_MIN + 1);
	expect_eq(t, heard.wrong, 0);
	expect_eq(t, failed_count, 0);
	wire_end(t);
}

KTEST(net_stations_on_a_wire_find_each_other)
{
	static struct station one, other;
	struct netdev *from, *to;
	struct echo_host host;
	uint64_t ns;

	if (!wire_begin(t, &from, &to))
		return;
	wire_end(t);
	require(t, station_open(&one, from, STATION_ADDRESS) == 0);
	require(t, station_open(&other, to, STATION_ADDRESS + 1) == 0);
	if (expect_eq(t, station_find(&one, STATION_ADDRESS + 1, &host), 0)) {
		expect(t, memcmp(host.mac, to->mac, NET_MAC_LEN) == 0);
		for (uint16_t i = 0; i < 20; i++)
			expect_eq(t, station_ping(&one, &host, i, 70u * i, &ns), 0);
		expect_eq(t, other.answered, 21);
	}
	expect_eq(t, station_find(&other, STATION_ADDRESS, &host), 0);
	expect(t, station_close(&one));
	expect(t, station_close(&other));
}

/* Whether `to` shows a frame to `mac`: one to itself, sent behind it, comes in any case. */
static bool shows(struct ktest_run *t, struct netdev *from, struct netdev *to, const uint8_t *mac)
{
	unsigned before = heard.count, more = before + 1;

	expect_eq(t, packet_send(from, mac, 0, 61), 0);
	expect_eq(t, packet_send(from, to->mac, 1, 62), 0);
	do {
		if (!expect_eq(t, loop_until(heard_enough, &more, WAIT_NS), 0))
			return false;
		more = heard.count + 1;
	} while (heard.last_len != 62);
	expect_eq(t, loop_until(none_outstanding, NULL, WAIT_NS), 0);
	return heard.count == before + 2;
}

KTEST(net_filters_let_in_what_they_should)
{
	static const uint8_t macs[2][NET_MAC_LEN] = {
		{ 0x01, 0x00, 0x5e, 0, 0, 0x42 }, { 0x02, 7, 7, 7, 7, 7 },
	};
	struct netdev_filter filter = { .macs = macs, .count = 0 };
	struct netdev *from, *to;

	if (!wire_begin(t, &from, &to))
		return;
	if (to->set_filter(to, &filter) == -ENOTSUP) {
		wire_end(t);
		return ktest_skip(t, "a device without filters");
	}
	for (unsigned i = 0; i < 3; i++) {
		filter = (struct netdev_filter){ .macs = macs, .count = i };
		expect_eq(t, to->set_filter(to, &filter), 0);
		expect_eq(t, netdev_settle(to), 0);
		expect_eq(t, shows(t, from, to, macs[0]), i > 0);
		expect_eq(t, shows(t, from, to, macs[1]), i > 1);
	}
	filter = (struct netdev_filter){ .promiscuous = true };
	expect_eq(t, to->set_filter(to, &filter), 0);
	expect_eq(t, netdev_settle(to), 0);
	expect(t, shows(t, from, to, macs[0]) && shows(t, from, to, macs[1]));
	expect_eq(t, to->restart(to), 0);
	expect_eq(t, netdev_settle(to), 0);
	expect(t, shows(t, from, to, macs[1]));
	filter = (struct netdev_filter){ .all_multicast = true };
	expect_eq(t, to->set_filter(to, &filter), 0);
	expect_eq(t, netdev_settle(to), 0);
	expect(t, shows(t, from, to, macs[0]) && !shows(t, from, to, macs[1]));
	expect_eq(t, to->set_filter(to, &(struct netdev_filter){ 0 }), 0);
	expect_eq(t, netdev_settle(to), 0);
	wire_end(t);
}

KTEST(net_address_can_be_another)
{
	static const uint8_t other[NET_MAC_LEN] = { 0x02, 9, 9, 9, 9, 9 };
	struct netdev *from, *to;
	uint8_t own[NET_MAC_LEN];
	int rc;

	if (!wire_begin(t, &from, &to))
		return;
	memcpy(own, to->mac, NET_MAC_LEN);
	rc = to->set_mac(to, other);
	if (rc == -ENOTSUP) {
		wire_end(t);
		return ktest_skip(t, "a device that keeps its address");
	}
	expect_eq(t, rc ? rc : netdev_settle(to), 0);
	expect(t, memcmp(to->mac, other, NET_MAC_LEN) == 0);
	expect(t, shows(t, from, to, everybody));
	expect_eq(t, to->restart(to), 0);
	expect_eq(t, netdev_settle(to), 0);
	expect(t, shows(t, from, to, everybody));
	expect_eq(t, to->set_mac(to, own), 0);
	expect_eq(t, netdev_settle(to), 0);
	expect(t, memcmp(to->mac, own, NET_MAC_LEN) == 0);
	wire_end(t);
}

KTEST(net_queue_pairs_can_all_be_used)
{
	struct netdev *dev;
	unsigned tried = 0;

	if (!test_begin(t))
		return;
	for (unsigned n = 0; (dev = netdev_at(n)); n++) {
		if (dev->queue_pairs_max == 1)
			continue;
		tried++;
		expect_eq(t, dev->set_queue_pairs(dev, dev->queue_pairs_max), 0);
		expect_eq(t, netdev_settle(dev), 0);
		expect_eq(t, dev->queue_pairs, dev->queue_pairs_max);
		for (unsigned i = 0; i < PACKETS; i++) {
			packets[i].queue = i;
			require(t, packet_send(dev, dev->mac, i, 60 + i) == 0);
			if (i == 77)
				expect_eq(t, dev->restart(dev), 0);
		}
		require(t, loop_until(none_outstanding, NULL, WAIT_NS) == 0);
		expect_eq(t, netdev_settle(dev), 0);
		expect_eq(t, dev->queue_pairs, dev->queue_pairs_max);
		expect_eq(t, dev->set_queue_pairs(dev, 1), 0);
		expect_eq(t, netdev_settle(dev), 0);
	}
	expect_eq(t, failed_count, 0);
	test_end(t);
	if (!tried)
		ktest_skip(t, "no network device with several queue pairs");
}
