/* SPDX-License-Identifier: MIT */
/*
 * Network devices, whatever drives them: frames out, frames in.
 *
 *	p->request.done = sent;
 *	p->data = frame;
 *	p->len = 60;
 *	rc = netdev_transmit(netdev_at(0), p);
 *
 *	dev->receive = frame_arrived;
 *
 * kernel/request.h says whose a packet is when. Packets of one turn of the loop
 * reach the device together, with one doorbell; those that it has no room for
 * wait. A frame that arrives is shown to the device's user and is the
 * driver's again when receive() returns.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/request.h"

enum {
	NETDEV_MAX = 64,
	NET_MAC_LEN = 6,
	NET_HEADER_LEN = 14,		/* of Ethernet: destination, source, type */
	NET_HEADROOM = 16,		/* before data, see net_packet.headroom */
	NET_MTU_DEFAULT = 1500,
	NET_MTU_MIN = 68,		/* VIRTIO 1.2, 5.1.4.1 */
	NET_MTU_MAX = 65535,
};

/* How long a device may take to send before it is reset. */
#define NET_ANSWER_NS	(10 * NS_PER_S)

/* A frame to be sent; len bytes from its Ethernet header on, without FCS. */
struct net_packet {
	struct request request;		/* ends with 0 when the device has sent it */
	/* The owner sets these. */
	void *data;			/* must satisfy dma_addr() */
	uint32_t len;
	bool headroom;			/* the NET_HEADROOM bytes before data are the driver's too:
					 * one descriptor instead of two */

	/* The class's and the driver's. */
	struct netdev *device;
	struct net_packet *next;
	uint64_t number;		/* in the order of submission */
	bool waiting;			/* for room: the device has not been given it */
	int error;			/* that it ends with once the device gives it back */
};

/* A frame that arrived, valid during receive(). */
struct net_frame {
	const uint8_t *data;		/* from the Ethernet header on */
	uint32_t len;
};

struct netdev_stats {
	uint64_t sent, sent_bytes;
	uint64_t received, received_bytes;
	uint64_t transmit_errors;	/* packets that ended otherwise */
	uint64_t receive_dropped;	/* nobody wanted them, or they were no frames */
	uint64_t doorbells;
	uint64_t resets;
	uint64_t link_changes;
};

struct netdev {
	/* The driver sets these; they last for ever. */
	const char *driver;		/* a static text */
	uint8_t mac[NET_MAC_LEN];
	uint16_t mtu;			/* bytes of payload */
	bool link;			/* up; taken for up where it does not say */
	uint32_t speed;			/* Mbit/s; 0: unknown */
	bool full_duplex;
	struct netdev_stats stats;
	/* Takes a checked packet; it ends by request_end(). 0, or an error of netdev_transmit(). */
	int (*transmit)(struct netdev *dev, struct net_packet *p);
	/* Nobody wants it any more: it ends with `error`, once the device has it no more. */
	void (*withdraw)(struct netdev *dev, struct net_packet *p, int error);
	/* Resets the device and gives it what it had again. 0, -ENOTSUP, -ENODEV, -EPROTO. */
	int (*restart)(struct netdev *dev);

	/* The user's. */
	void (*receive)(struct netdev *dev, const struct net_frame *frame);	/* NULL: dropped */
	void (*link_changed)(struct netdev *dev);	/* may be NULL */
	void *context;
};

/* Adds a device for good. Returns 0, -ENOSPC. */
int __must_check netdev_register(struct netdev *dev);

unsigned netdev_count(void);
/* In the order found; NULL past the last. */
struct netdev *netdev_at(unsigned index);

/*
 * Returns 0: done() will be called. Else it will not: -EINVAL (no done(), shorter
 * than NET_HEADER_LEN), -EMSGSIZE (longer than the MTU allows), -EFAULT (no DMA
 * memory), -EBUSY (the packet is outstanding), -ENODEV (the device was stopped).
 */
int __must_check netdev_transmit(struct netdev *dev, struct net_packet *p);

/*
 * Ends a packet with -ECANCELED: at once if the device has not been given it,
 * else as soon as the device gives it back; its memory is the device's until
 * done() is called. False if it is not outstanding, or about to end. A limit that
 * passes ends it the same way with -ETIMEDOUT.
 */
bool netdev_cancel(struct net_packet *p);

/* Prints the lines of the boot report about network devices. */
void netdev_report(void);

/* "52:54:00:12:34:56", as format(). */
int netdev_mac_format(const uint8_t mac[NET_MAC_LEN], char *buf, size_t size);
