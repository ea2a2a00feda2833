/* SPDX-License-Identifier: MIT */
/*
 * The same frames every time: what `make test-twins` has traced on each
 * transport. The network answers as QEMU's own does (`-netdev user`): a router
 * at 10.0.2.2 for a host at 10.0.2.15.
 */
#include "drivers/net/netdev.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"

enum {
	FRAME_MIN = 60,
	FRAME_LEN = NET_HEADER_LEN + NET_MTU_DEFAULT,
	BATCH = 8,
	IP_AT = NET_HEADER_LEN,
	IP_LEN = 20,
	ICMP_AT = IP_AT + IP_LEN,
	ICMP_LEN = 8,
	TYPE_EXPERIMENT = 0x88b5,	/* nobody answers to it */
};

#define ANSWER_WAIT	(2 * NS_PER_S)

static const uint8_t router[] = { 10, 0, 2, 2 }, host[] = { 10, 0, 2, 15 };
static uint8_t frames[BATCH][NET_HEADROOM + FRAME_LEN + 2] __aligned(16);
static struct net_packet packets[BATCH];
static uint8_t answer[FRAME_LEN];
static uint32_t answer_len;
static unsigned answers;

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Of the Internet protocols (RFC 1071). */
static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)data[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint8_t *frame_begin(const struct netdev *dev, unsigned index, const uint8_t *to,
			    uint16_t type)
{
	uint8_t *frame = frames[index] + NET_HEADROOM;

	memset(frames[index], 0, sizeof(frames[index]));
	memcpy(frame, to, NET_MAC_LEN);
	memcpy(frame + NET_MAC_LEN, dev->mac, NET_MAC_LEN);
	put16(frame + 2 * NET_MAC_LEN, type);
	return frame;
}

/* RFC 826. */
static void make_arp(const struct netdev *dev)
{
	static const uint8_t all[NET_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t request[] = { 0, 1, 8, 0, NET_MAC_LEN, 4, 0, 1 };
	uint8_t *arp = frame_begin(dev, 0, all, 0x0806) + NET_HEADER_LEN;

	memcpy(arp, request, sizeof(request));
	memcpy(arp + 8, dev->mac, NET_MAC_LEN);
	memcpy(arp + 14, host, 4);
	memcpy(arp + 24, router, 4);
}

/* RFC 791, 792; `len` bytes of payload. Returns the frame's length. */
static uint32_t make_echo(const struct netdev *dev, const uint8_t *to, uint16_t number, size_t len)
{
	uint8_t *frame = frame_begin(dev, 0, to, 0x0800);
	uint8_t *ip = frame + IP_AT, *icmp = frame + ICMP_AT;

	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(IP_LEN + ICMP_LEN + len));
	put16(ip + 4, number);
	ip[8] = 64;
	ip[9] = 1;
	memcpy(ip + 12, host, 4);
	memcpy(ip + 16, router, 4);
	put16(ip + 10, checksum(ip, IP_LEN));
	icmp[0] = 8;
	put16(icmp + 4, 0x7477);
	put16(icmp + 6, number);
	for (size_t i = 0; i < len; i++)
		icmp[ICMP_LEN + i] = (uint8_t)(i * 5 + number);
	put16(icmp + 2, checksum(icmp, ICMP_LEN + len));
	return (uint32_t)max((size_t)FRAME_MIN, ICMP_AT + ICMP_LEN + len);
}

static void arrived(struct netdev *dev, const struct net_frame *frame)
{
	/* What is not for us is not counted. */
	if (memcmp(frame->data, dev->mac, NET_MAC_LEN) != 0)
		return;
	answer_len = min(frame->len, (uint32_t)sizeof(answer));
	memcpy(answer, frame->data, answer_len);
	answers++;
}

static void sent(struct request *r __unused)
{
}

static int send(struct netdev *dev, unsigned index, uint32_t len, bool headroom)
{
	packets[index] = (struct net_packet){
		.request.done = sent, .data = frames[index] + NET_HEADROOM, .len = len,
		.headroom = headroom,
	};
	return netdev_transmit(dev, &packets[index]);
}

static bool has_answer(void *context)
{
	return answers > *(unsigned *)context;
}

/* Sends frame 0 and waits for what comes back. */
static bool ask(struct ktest_run *t, struct netdev *dev, uint32_t len, bool headroom)
{
	unsigned before = answers;

	if (!expect_eq(t, send(dev, 0, len, headroom), 0))
		return false;
	expect_eq(t, request_wait(&packets[0].request, NET_ANSWER_NS), 0);
	return loop_until(has_answer, &before, ANSWER_WAIT) == 0;
}

/* Frames that nobody answers, in one turn of the loop. */
static void send_batch(struct ktest_run *t, struct netdev *dev, const uint8_t *to)
{
	for (unsigned i = 0; i < BATCH; i++) {
		frame_begin(dev, i, to, TYPE_EXPERIMENT)[NET_HEADER_LEN] = (uint8_t)i;
		expect_eq(t, send(dev, i, FRAME_MIN + 100 * i, i % 2), 0);
	}
	for (unsigned i = 0; i < BATCH; i++) {
		expect_eq(t, request_wait(&packets[i].request, NET_ANSWER_NS), 0);
		expect_eq(t, packets[i].request.error, 0);
	}
}

static void converse(struct ktest_run *t, struct netdev *dev)
{
	static const uint16_t payloads[] = { 0, 56, 1472, 1000 };
	uint8_t mac[NET_MAC_LEN];

	make_arp(dev);
	if (!ask(t, dev, FRAME_MIN, false))
		return ktest_skip(t, "nobody answers on the network");
	expect(t, answer[NET_HEADER_LEN + 7] == 2 &&
		  memcmp(answer + NET_HEADER_LEN + 14, router, 4) == 0);
	memcpy(mac, answer + NET_HEADER_LEN + 8, NET_MAC_LEN);
	for (unsigned i = 0; i < ARRAY_SIZE(payloads); i++) {
		uint32_t len = make_echo(dev, mac, (uint16_t)(i + 1), payloads[i]);

		require(t, ask(t, dev, len, i % 2));
		/* QEMU's network does not fill short frames up. */
		expect(t, answer_len >= (uint32_t)ICMP_AT + ICMP_LEN + payloads[i]);
		expect_eq(t, answer[ICMP_AT], 0);
		expect(t, memcmp(answer + ICMP_AT + 4, frames[0] + NET_HEADROOM + ICMP_AT + 4,
				 ICMP_LEN - 4u + payloads[i]) == 0);
	}
	send_batch(t, dev, mac);
}

KTEST(net_twin_workload)
{
	struct netdev *dev = netdev_at(0);
	void (*before)(struct netdev *dev, const struct net_frame *frame);

	if (!dev)
		return ktest_skip(t, "no network device");
	before = dev->receive;
	dev->receive = arrived;
	converse(t, dev);
	dev->receive = before;
}
