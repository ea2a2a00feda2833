/* SPDX-License-Identifier: MIT */
/*
 * A station: a network device with an address, for as long as somebody tries
 * its network. It finds others, sends echo requests and answers those that are
 * for it.
 *
 *	rc = station_open(&s, netdev_at(0), STATION_ADDRESS);
 *	rc = station_find(&s, STATION_ROUTER, &router);
 *	rc = station_ping(&s, &router, 1, 56);
 *	station_close(&s);
 *
 * Context: the event loop.
 */
#pragma once

#include "drivers/net/echo.h"

/* What QEMU's own network gives and expects (-netdev user). */
#define STATION_ADDRESS	UINT32_C(0x0a00020f)	/* 10.0.2.15 */
#define STATION_ROUTER	UINT32_C(0x0a000202)	/* 10.0.2.2 */

enum { STATION_PACKETS = 8, STATION_PACKET_LEN = 2048 };

struct station {
	struct netdev *device;
	struct echo_host self;
	struct net_packet packets[STATION_PACKETS];
	uint8_t *memory;			/* of the packets; DMA memory */
	void (*receive_before)(struct netdev *dev, const struct net_frame *frame);
	void *context_before;

	/* What was heard last, and what is waited for. */
	struct echo_host found;
	bool was_found;
	uint16_t sequence;
	bool was_answered;
	unsigned answered;			/* requests of others that it replied to */
};

/* The device is the station's until it is closed. Returns 0, -ENOMEM. */
int __must_check station_open(struct station *s, struct netdev *dev, uint32_t address);

/* False if the device still has a packet, and the station's memory with it: it is kept. */
bool station_close(struct station *s);

/*
 * Asks who has an address, three times at most. Returns 0, -ETIMEDOUT
 * (nobody), or what netdev_transmit() does.
 */
int __must_check station_find(struct station *s, uint32_t address, struct echo_host *out);

/* One echo request; *ns is how long the answer took. Returns as station_find(). */
int __must_check station_ping(struct station *s, const struct echo_host *to, uint16_t sequence,
			      uint32_t len, uint64_t *ns);
