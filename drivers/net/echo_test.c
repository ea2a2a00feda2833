/* SPDX-License-Identifier: MIT */
#include "drivers/net/echo.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static const struct echo_host we = {
	.mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 }, .address = 0x0a00020f,
};
static const struct echo_host peer = {
	.mac = { 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02 }, .address = 0x0a000202,
};
static uint8_t frame[ECHO_FRAME_MAX], answer[ECHO_FRAME_MAX];

KTEST(echo_reads_and_prints_addresses)
{
	static const char *const wrong[] = {
		"", "1.2.3", "1.2.3.4.", "1.2.3.256", "1..2.3", "a.b.c.d", "1.2.3.4 ", "0001.2.3.4",
	};
	char text[ECHO_ADDRESS_TEXT];
	uint32_t address = 7;

	expect_eq(t, echo_address_parse("10.0.2.15", &address), 0);
	expect_eq(t, address, we.address);
	echo_address_format(address, text, sizeof(text));
	expect_str(t, text, "10.0.2.15");
	expect_eq(t, echo_address_parse("255.255.255.255", &address), 0);
	expect_eq(t, echo_address_format(address, text, sizeof(text)), 15);
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		expect_eq(t, echo_address_parse(wrong[i], &address), -EINVAL);
	expect_eq(t, address, UINT32_MAX);
}

KTEST(echo_knows_who_has_an_address)
{
	struct echo_message m;
	uint32_t len = echo_make_arp(&we, peer.address, frame);

	expect_eq(t, len, NET_FRAME_MIN);
	echo_read(&we, frame, len, &m);
	expect_eq(t, m.kind, ECHO_NOTHING);
	echo_read(&peer, frame, len, &m);
	expect_eq(t, m.kind, ECHO_ARP_REQUEST);
	expect_eq(t, m.from.address, we.address);
	len = echo_make_reply(&peer, &m, answer);
	expect_eq(t, len, NET_FRAME_MIN);
	echo_read(&peer, answer, len, &m);
	expect_eq(t, m.kind, ECHO_NOTHING);
	echo_read(&we, answer, len, &m);
	expect_eq(t, m.kind, ECHO_ARP_REPLY);
	expect_eq(t, m.from.address, peer.address);
	expect(t, memcmp(m.from.mac, peer.mac, NET_MAC_LEN) == 0);
}

KTEST(echo_comes_back_as_it_went)
{
	static const uint32_t lengths[] = { 0, 1, 17, 18, 19, 56, 1000, ECHO_PAYLOAD_MAX };
	struct echo_message m;

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t n = lengths[i];
		uint32_t len = echo_make_ping(&we, &peer, 0x1234, (uint16_t)(i + 1), n, frame);

		expect_eq(t, len, max(n + ECHO_HEADERS, (uint32_t)NET_FRAME_MIN));
		echo_read(&peer, frame, len, &m);
		require(t, m.kind == ECHO_REQUEST);
		expect_eq(t, m.len, n);
		len = echo_make_reply(&peer, &m, answer);
		echo_read(&we, answer, len, &m);
		require(t, m.kind == ECHO_REPLY);
		expect_eq(t, m.id, 0x1234);
		expect_eq(t, m.sequence, i + 1);
		expect_eq(t, m.from.address, peer.address);
		expect_eq(t, m.len, n);
		expect(t, echo_payload_is_ours(&m));
		expect_eq(t, echo_make_reply(&we, &m, frame), 0);
	}
	expect_eq(t, echo_make_ping(&we, &peer, 1, 1, UINT32_MAX, frame), ECHO_FRAME_MAX);
}

/* No bit of it may be another, but for those that are not looked at. */
KTEST(echo_ignores_what_is_not_right)
{
	uint32_t len = echo_make_ping(&we, &peer, 1, 2, 30, frame);
	struct echo_message m;
	unsigned accepted = 0;

	for (uint32_t cut = 0; cut < len; cut++) {
		echo_read(&peer, frame, cut, &m);
		expect_eq(t, m.kind, ECHO_NOTHING);
	}
	for (uint32_t bit = 0; bit < 8 * len; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		echo_read(&peer, frame, len, &m);
		accepted += m.kind != ECHO_NOTHING;
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	expect_eq(t, accepted, 8 * NET_MAC_LEN);	/* the sender's address */
}

KTEST(echo_payload_that_changed_is_not_ours)
{
	uint32_t len = echo_make_ping(&we, &peer, 1, 2, 30, frame);
	struct echo_message m;

	echo_read(&peer, frame, len, &m);
	require(t, m.kind == ECHO_REQUEST);
	expect(t, echo_payload_is_ours(&m));
	frame[ECHO_HEADERS + 29] ^= 1;
	expect(t, !echo_payload_is_ours(&m));
}
