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
	NET_FRAME_MAX = 65550,		/* with segmentation offload */
	NET_MTU_DEFAULT = 1500,
};

/* How long a device may take to send before it is reset. */
#define NET_ANSWER_NS	(10 * NS_PER_S)

/* Segmentation that the device is to do (VIRTIO 1.2, 5.1.6). */
enum net_gso { NET_GSO_NONE, NET_GSO_TCPV4, NET_GSO_TCPV6, NET_GSO_UDP_L4 };

/* A frame to be sent; len bytes from its Ethernet header on, without FCS. */
struct net_packet {
	struct request request;		/* ends with 0 when the device has sent it */
	/* The owner sets these. */
	void *data;			/* must satisfy dma_addr() */
	uint32_t len;
	bool headroom;			/* the NET_HEADROOM bytes before data are the driver's too:
					 * one descriptor instead of two */
	bool checksum;			/* the device fills in a checksum: from byte checksum_start
					 * on, at checksum_start + checksum_offset */
	uint16_t checksum_start, checksum_offset;
	enum net_gso gso;		/* needs checksum */
	uint16_t gso_size;		/* payload of a segment */
	uint16_t gso_header;		/* bytes of headers of each */

	/* The class's and the driver's. */
	struct netdev *device;
	struct net_packet *next;
	bool canceled;
	unsigned queue;
};

/* A frame that arrived, valid during receive(). */
struct net_frame {
	const uint8_t *data;
	uint32_t len;
	bool checksum_good;		/* the device has verified it */
	bool checksum_partial;		/* none was filled in: it came from this host (5.1.6.4.1) */
	uint16_t checksum_start, checksum_offset;	/* with checksum_partial */
	enum net_gso gso;
	uint16_t gso_size;
	unsigned queue;
};

struct netdev_stats {
	uint64_t sent, sent_bytes;
	uint64_t received, received_bytes;
	uint64_t merged;		/* frames that took several buffers */
	uint64_t transmit_errors;	/* packets that ended otherwise */
	uint64_t receive_dropped;	/* nobody wanted them, or they did not fit */
	uint64_t doorbells;
	uint64_t resets;
	uint64_t link_changes;
};

/* What a device takes, a MAC address each (5.1.6.5.1, 5.1.6.5.2). */
struct netdev_filter {
	bool promiscuous, all_multicast;
	const uint8_t (*macs)[NET_MAC_LEN];	/* unicast and multicast beside its own */
	unsigned count;
};

struct netdev {
	/* The driver sets these; they last for ever. */
	const char *driver;		/* a static text */
	uint8_t mac[NET_MAC_LEN];
	uint16_t mtu;			/* bytes of payload */
	bool link;			/* up; taken for up where it does not say */
	uint32_t speed;			/* Mbit/s; 0: unknown */
	bool full_duplex, duplex_known;
	bool can_checksum, can_gso;	/* transmit offloads */
	unsigned queue_pairs, queue_pairs_max;	/* in use; of the device */
	struct netdev_stats stats;
	int (*transmit)(struct netdev *dev, struct net_packet *p);
	void (*withdraw)(struct netdev *dev, struct net_packet *p, int error);
	int (*set_filter)(struct netdev *dev, const struct netdev_filter *filter);
	int (*set_mac)(struct netdev *dev, const uint8_t mac[NET_MAC_LEN]);
	int (*set_queue_pairs)(struct netdev *dev, unsigned pairs);
	/* Acknowledges the device's wish that we announce ourselves (5.1.6.5.4). */
	int (*announce)(struct netdev *dev);
	int (*restart)(struct netdev *dev);
	void (*give_up)(struct netdev *dev);
	int (*describe)(struct netdev *dev, char *buf, size_t size);

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
 * than NET_HEADER_LEN, checksum outside the frame), -EMSGSIZE (longer than the
 * MTU allows, without gso), -EFAULT (no DMA memory), -ENOTSUP (an offload that the
 * device has not), -EBUSY (the packet is outstanding), -ENODEV (the device was
 * stopped).
 */
int __must_check netdev_transmit(struct netdev *dev, struct net_packet *p);

/* As block_cancel(). */
bool netdev_cancel(struct net_packet *p);

/* Prints the lines of the boot report about network devices. */
void netdev_report(void);
