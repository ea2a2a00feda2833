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
 * kernel/request.h says whose a packet is when; its data are the device's for as
 * long. Packets of one turn of the loop reach the device together, with one
 * doorbell; those that it has no room for wait. Those of one queue are sent in
 * the order submitted. A device that was reset gets what it had once more.
 *
 * A frame that arrives is shown to the device's user and is the driver's again
 * when receive() returns. It may transmit and cancel, and must not wait. A
 * device that lies may change the frame meanwhile: copy first, then look.
 *
 * Context: the event loop.
 */
#pragma once

#include "kernel/request.h"

/* Devices stay for ever, and the host's tests make many. */
#ifdef CAIRN_HOSTED
enum { NETDEV_MAX = 4096 };
#else
enum { NETDEV_MAX = 64 };
#endif

enum {
	NET_MAC_LEN = 6,
	NET_HEADER_LEN = 14,		/* of Ethernet: destination, source, type */
	NET_HEADROOM = 16,		/* before data, see net_packet.headroom */
	NET_FRAME_MIN = 60,		/* on a wire, without FCS */
	NET_FRAME_MAX = 65550,		/* with segmentation offload */
	NET_MTU_MIN = 68,		/* that a device may have (5.1.4.1) */
	NET_MTU_DEFAULT = 1500,
	NETDEV_FILTER_MAX = 64,		/* addresses of a filter */
	NETDEV_TEXT_MAX = 128,
};

/* How long a device may take to send before it is reset. */
#define NET_ANSWER_NS	(10 * NS_PER_S)

/* Segmentation that the device is to do (VIRTIO 1.2, 5.1.6). */
enum net_gso { NET_GSO_NONE, NET_GSO_TCPV4, NET_GSO_TCPV6, NET_GSO_UDP_L4, NET_GSO_COUNT };

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
	unsigned queue;			/* that sends it, modulo queue_pairs: frames in different
					 * queues may overtake each other */

	/* The class's. */
	struct netdev *device;

	/* The driver's. */
	struct net_packet *next;
	uint64_t number;		/* in the order given to its queue */
	/* These are 0 once it has begun. */
	int error;			/* that it will end with, once it has come back */
	uint8_t header;			/* that does not lie in the headroom, from 1 on */
	bool waits;			/* for room: the device does not have it */
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
	bool can_checksum;		/* transmit offloads */
	unsigned can_gso;		/* BIT(enum net_gso) of those that it has */
	unsigned queue_pairs, queue_pairs_max;	/* in use; that could be */
	bool promiscuous;		/* it shows us all frames, as far as it says */
	struct netdev_stats stats;
	/*
	 * netdev_transmit(): begins the packet by netdev_begin() or, where
	 * netdev_is_plain(), by netdev_begin_plain(); then it ends by
	 * request_end(). Returns 0, an error of netdev_begin(), or
	 * netdev_refuse() of an error of netdev_transmit().
	 */
	int (*transmit)(struct netdev *dev, struct net_packet *p);
	/* Ends it with `error` as soon as the device has it no more; -ETIMEDOUT resets it. */
	void (*withdraw)(struct netdev *dev, struct net_packet *p, int error);

	/*
	 * What is asked of the device beside frames. They return 0: it will be
	 * asked, which netdev_settle() waits for; -ENOTSUP (it cannot), -EINVAL,
	 * -ENOSPC (more than NETDEV_FILTER_MAX), -EBUSY (a queue that is to be
	 * closed has packets), -ENODEV (it was stopped). What was asked for
	 * holds through resets.
	 */
	int (*set_filter)(struct netdev *dev, const struct netdev_filter *filter);
	int (*set_mac)(struct netdev *dev, const uint8_t mac[NET_MAC_LEN]);
	int (*set_queue_pairs)(struct netdev *dev, unsigned pairs);
	bool asked;			/* it has not answered all of these */
	int refused;			/* what netdev_settle() is to say */

	/* Resets the device and gives it what it had again. 0, -ENODEV, -EPROTO. */
	int (*restart)(struct netdev *dev);
	/* Who drives it, and where; as format(). */
	int (*describe)(struct netdev *dev, char *buf, size_t size);
	/* The address alone: "0xfeb02e00", "0000:00:02.0"; as format(). */
	int (*where)(struct netdev *dev, char *buf, size_t size);

	/* The user's. */
	void (*receive)(struct netdev *dev, const struct net_frame *frame);	/* NULL: dropped */
	void (*link_changed)(struct netdev *dev);	/* may be NULL */
	/* The device wants its peers told where it is now (5.1.6.5.4); may be NULL. */
	void (*announce)(struct netdev *dev);
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
static inline int __must_check netdev_transmit(struct netdev *dev, struct net_packet *p)
{
	return dev->transmit(dev, p);
}

/*
 * Ends a packet with -ECANCELED: at once if the device does not have it yet,
 * else as soon as it gives it back: its data are the device's until done() is
 * called. False if it is not outstanding or about to end. A limit that passes
 * ends it the same way with -ETIMEDOUT, but then a device that still has it is
 * reset, and is given what else it had again.
 */
bool netdev_cancel(struct net_packet *p);

/* For drivers: checks a packet, which is outstanding then. Errors as netdev_transmit(). */
int __must_check netdev_begin(struct netdev *dev, struct net_packet *p);

/*
 * For drivers: a frame that fits, with no offload and no limit, of which
 * netdev_begin() returns 0; and all that is to be done to begin that one.
 */
static inline bool netdev_is_plain(const struct netdev *dev, const struct net_packet *p)
{
	return request_is_plain(&p->request) && !p->checksum && p->gso == NET_GSO_NONE &&
	       p->len - NET_HEADER_LEN <= dev->mtu;
}

static inline void netdev_begin_plain(struct netdev *dev, struct net_packet *p)
{
	request_begin_plain(&p->request);
	p->device = dev;
	p->error = 0;
	p->header = 0;
	p->waits = false;
}

/* For drivers: the packet was not taken, for this reason, which it returns. */
int netdev_refuse(struct net_packet *p, int error);

/*
 * Runs the loop until the device has answered all that was asked of it. Returns
 * 0; -EIO (it refused something since this was last called), -ENODEV (it was
 * stopped), -ETIMEDOUT, -EBUSY (too many such calls within each other).
 */
int __must_check netdev_settle(struct netdev *dev);

/* One line: address, MTU, link, queues, what it can do; as format(). */
int netdev_describe(const struct netdev *dev, char *buf, size_t size);

/* "52:54:00:12:34:56"; as format(). And back: 0, -EINVAL. */
int net_mac_format(const uint8_t mac[NET_MAC_LEN], char *buf, size_t size);
int __must_check net_mac_parse(const char *text, uint8_t mac[NET_MAC_LEN]);

/* Prints the lines of the boot report about network devices. */
void netdev_report(void);

struct json;
/* Writes the value of "net" (Documentation/machine.md). */
void netdev_report_json(struct json *j);
