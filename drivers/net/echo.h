/* SPDX-License-Identifier: MIT */
/*
 * ARP (RFC 826) over Ethernet and the echo of ICMP (RFC 792) over IPv4 (RFC 791),
 * as much as it takes to see that a network carries frames: frames are read and
 * made, nothing is remembered. A TCP/IP stack is a library's affair.
 *
 * Frames are a stranger's: any bytes of any length may be read. They are
 * ignored where they are not right, fragments and IPv4 options included.
 *
 * Knows no device, so it runs on the host.
 */
#pragma once

#include "drivers/net/netdev.h"

enum {
	ECHO_HEADERS = 42,		/* bytes of Ethernet, IPv4 and ICMP headers; and of ARP */
	ECHO_FRAME_MAX = NET_HEADER_LEN + NET_MTU_DEFAULT,
	ECHO_PAYLOAD_MAX = ECHO_FRAME_MAX - ECHO_HEADERS,
	ECHO_ADDRESS_TEXT = 16,		/* "255.255.255.255" */
};

/* Who we are, or somebody else is. */
struct echo_host {
	uint8_t mac[NET_MAC_LEN];
	uint32_t address;		/* 10.0.2.15 is 0x0a00020f */
};

enum echo_kind {
	ECHO_NOTHING,			/* that is for us */
	ECHO_ARP_REQUEST,		/* who has our address? */
	ECHO_ARP_REPLY,			/* from has its address */
	ECHO_REQUEST,
	ECHO_REPLY,
};

struct echo_message {
	enum echo_kind kind;
	struct echo_host from;
	uint16_t id, sequence;		/* of an echo */
	const uint8_t *payload;		/* within the frame */
	uint32_t len;
};

/* What a frame of `len` bytes says to `self`. */
void echo_read(const struct echo_host *self, const uint8_t *frame, size_t len,
	       struct echo_message *out);

/*
 * These make a frame in buf[ECHO_FRAME_MAX], as long as the wire wants, and
 * return its length.
 */

/* To everybody: who has `address`? With our own: that we have it. */
uint32_t echo_make_arp(const struct echo_host *self, uint32_t address, uint8_t *buf);

/* An echo request; `len` bytes of payload, up to ECHO_PAYLOAD_MAX, that tell of their place. */
uint32_t echo_make_ping(const struct echo_host *self, const struct echo_host *to, uint16_t id,
			uint16_t sequence, uint32_t len, uint8_t *buf);

/* The answer to a request of either kind; 0 if it is none. */
uint32_t echo_make_reply(const struct echo_host *self, const struct echo_message *m, uint8_t *buf);

/* Whether `m` has the payload of echo_make_ping(). */
bool echo_payload_is_ours(const struct echo_message *m);

/* "10.0.2.15"; as format(). And back: 0, -EINVAL. */
int echo_address_format(uint32_t address, char *buf, size_t size);
int __must_check echo_address_parse(const char *text, uint32_t *address);
