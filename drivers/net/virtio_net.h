/* SPDX-License-Identifier: MIT */
/*
 * The virtio network device (VIRTIO 1.2, 5.1): what its files share. Private
 * to virtio_net*.c and their tests.
 *
 *	virtio_net_config.c	features, and what its configuration space says
 *	virtio_net_tx.c		packets out
 *	virtio_net_rx.c		frames in, and the buffers for them
 *	virtio_net_ctrl.c	commands: filters, addresses, queue pairs
 *	virtio_net.c		from probe to the end: resets, the watch, the link
 */
#pragma once

#include "drivers/net/netdev.h"
#include "drivers/virtio/virtio.h"

/* Feature bits (5.1.3). */
#define VIRTIO_NET_F_CSUM		BIT(0)
#define VIRTIO_NET_F_GUEST_CSUM		BIT(1)
#define VIRTIO_NET_F_MTU		BIT(3)
#define VIRTIO_NET_F_MAC		BIT(5)
#define VIRTIO_NET_F_GUEST_TSO4		BIT(7)
#define VIRTIO_NET_F_GUEST_TSO6		BIT(8)
#define VIRTIO_NET_F_HOST_TSO4		BIT(11)
#define VIRTIO_NET_F_HOST_TSO6		BIT(12)
#define VIRTIO_NET_F_MRG_RXBUF		BIT(15)
#define VIRTIO_NET_F_STATUS		BIT(16)
#define VIRTIO_NET_F_CTRL_VQ		BIT(17)
#define VIRTIO_NET_F_CTRL_RX		BIT(18)
#define VIRTIO_NET_F_GUEST_ANNOUNCE	BIT(21)
#define VIRTIO_NET_F_MQ			BIT(22)
#define VIRTIO_NET_F_CTRL_MAC_ADDR	BIT(23)
#define VIRTIO_NET_F_HOST_USO		BIT(56)
#define VIRTIO_NET_F_GUEST_HDRLEN	BIT(59)
#define VIRTIO_NET_F_SPEED_DUPLEX	BIT(63)

#define VIRTIO_NET_F_GUEST_TSO		(VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6)

/* Configuration space (5.1.4); little-endian, as we are. */
struct virtio_net_config {
	uint8_t mac[NET_MAC_LEN];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
	uint32_t speed;			/* Mbit/s */
	uint8_t duplex;
} __packed;
static_assert(offsetof(struct virtio_net_config, mtu) == 10, "5.1.4");
static_assert(offsetof(struct virtio_net_config, duplex) == 16, "5.1.4");

enum virtio_net_status {
	VIRTIO_NET_S_LINK_UP = 1,
	VIRTIO_NET_S_ANNOUNCE = 2,
};

/* Before each frame (5.1.6). */
struct virtio_net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;		/* not of a legacy device without MRG_RXBUF */
} __packed;
static_assert(sizeof(struct virtio_net_header) == 12, "5.1.6");

enum virtio_net_header_flag {
	VIRTIO_NET_HDR_F_NEEDS_CSUM = 1,
	VIRTIO_NET_HDR_F_DATA_VALID = 2,
};

enum virtio_net_gso {
	VIRTIO_NET_HDR_GSO_NONE = 0,
	VIRTIO_NET_HDR_GSO_TCPV4 = 1,
	VIRTIO_NET_HDR_GSO_TCPV6 = 4,
	VIRTIO_NET_HDR_GSO_UDP_L4 = 5,
};

/* Commands (5.1.6.5). */
enum virtio_net_ctrl_class {
	VIRTIO_NET_CTRL_RX = 0,
	VIRTIO_NET_CTRL_MAC = 1,
	VIRTIO_NET_CTRL_ANNOUNCE = 3,
	VIRTIO_NET_CTRL_MQ = 4,
};

enum virtio_net_ctrl_command {
	VIRTIO_NET_CTRL_RX_PROMISC = 0,
	VIRTIO_NET_CTRL_RX_ALLMULTI = 1,
	VIRTIO_NET_CTRL_MAC_TABLE_SET = 0,
	VIRTIO_NET_CTRL_MAC_ADDR_SET = 1,
	VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0,
	VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0,
};

enum virtio_net_ack {
	VIRTIO_NET_OK = 0,
	VIRTIO_NET_ERR = 1,
	VIRTIO_NET_NO_ACK = 0xff,	/* ours: the device has written none */
};

enum {
	VIRTIO_NET_LEGACY_HEADER = 10,	/* without num_buffers (5.1.6.1) */
	VIRTIO_NET_PAIRS_MAX = 4,	/* that we use */
	VIRTIO_NET_PAIRS_LIMIT = 0x7fff,	/* with a control queue, whose number has 16 bits */
	VIRTIO_NET_RING = 256,		/* descriptors of a queue, at most */
	VIRTIO_NET_CTRL_RING = 8,
	VIRTIO_NET_SPARES = 32,		/* headers of packets that have offloads and no headroom */
	VIRTIO_NET_BUFFER = 2048,	/* bytes of a receive buffer, where they can be merged */
	VIRTIO_NET_VLAN = 4,		/* bytes of a tag, which counts as payload to some */
	VIRTIO_NET_BATCH = 64,		/* buffers that go back with one doorbell */
};

/* What the device said of itself that cannot be: a static text, and the number. */
struct virtio_net_lie {
	const char *what;
	uint64_t value;
};

/* A header that does not lie before its frame. */
struct virtio_net_spare {
	struct virtio_net_header header;	/* the device reads */
	struct virtio_net_spare *next;		/* free */
};

struct virtio_net_tx {
	struct virtqueue *vq;
	struct net_packet *first, **end;	/* those that wait for room */
};

struct virtio_net_rx {
	struct virtqueue *vq;
	void **buffers;			/* all that there are, posted or just taken */
	unsigned count, most;		/* of these; that there may be */
};

/* What can be asked by a command; in the order in which it is. */
enum virtio_net_ask {
	VIRTIO_NET_ASK_PROMISC,
	VIRTIO_NET_ASK_ALLMULTI,
	VIRTIO_NET_ASK_TABLE,
	VIRTIO_NET_ASK_MAC,
	VIRTIO_NET_ASK_ANNOUNCE,
	VIRTIO_NET_ASK_PAIRS,
	VIRTIO_NET_ASKS,
};

/* Half of a table of addresses: those of one kind. */
struct virtio_net_macs {
	uint32_t entries;
	uint8_t macs[NETDEV_FILTER_MAX][NET_MAC_LEN];
} __packed;

/* One command under way at most; the device reads it but for `ack`. */
struct virtio_net_ctrl {
	struct virtqueue *vq;		/* NULL: there is none */
	unsigned wanted;		/* BIT(enum virtio_net_ask) that are to be asked */
	bool under_way;
	enum virtio_net_ask ask;	/* that one */

	/* What is asked for, in the end. */
	bool promiscuous, all_multicast;
	uint8_t mac[NET_MAC_LEN];
	unsigned pairs;

	uint8_t command[2];		/* class, command */
	uint8_t ack;			/* the device writes */
	union {
		uint8_t on;
		uint8_t mac[NET_MAC_LEN];
		uint16_t pairs;
	} data;
	struct virtio_net_macs unicast, multicast;
};

struct virtio_net {
	struct netdev net;
	struct virtio_device *dev;
	unsigned header_len;
	bool header_alone;		/* in a descriptor of its own (5.1.6.6) */
	unsigned pairs;			/* that were set up */
	uint8_t own_mac[NET_MAC_LEN];	/* the device's after a reset */
	bool own_mac_valid;

	/* virtio_net_tx.c's */
	struct work publish;
	uint64_t given;			/* packets */
	struct virtio_net_header plain;	/* zero; the device reads */
	struct virtio_net_spare spare[VIRTIO_NET_SPARES], *spares;	/* and the free ones */
	struct virtio_net_tx tx[VIRTIO_NET_PAIRS_MAX];

	/* virtio_net_rx.c's */
	uint32_t buffer_len;
	uint32_t frame_max;		/* bytes of a frame that is no segment's origin */
	uint8_t *merge;			/* a frame of several buffers; NULL: none is that long */
	uint32_t merge_len;
	bool filling;			/* `fill` is to run, or has */
	struct work fill;
	struct net_frame frame;		/* all but data and len is 0 between frames */
	struct virtio_net_rx rx[VIRTIO_NET_PAIRS_MAX];

	struct virtio_net_ctrl ctrl;

	/* virtio_net.c's */
	int error;			/* that ends what is outstanding, if stopped */
	struct timer watch;
	struct virtio_net_seen {
		uint64_t packets, commands;	/* that came back */
	} back, seen;			/* by now; when the watch looked last */
	unsigned silent;		/* times in a row that either was the same, and owed */
	bool warned;			/* it was reset for silence, and silent since */
	struct work restart;
	struct net_packet proof;	/* of its interrupt */
	uint8_t proof_frame[NET_HEADROOM + NET_FRAME_MIN];
};

static inline struct virtio_net *virtio_net_of(struct netdev *dev)
{
	return container_of(dev, struct virtio_net, net);
}

/* virtio_net_config.c */

/* Of the features that both sides have, those that make sense together (5.1.3.1). */
uint64_t virtio_net_features(uint64_t features);

/* virtio_driver.queues_wanted */
unsigned virtio_net_queues_wanted(struct virtio_device *dev);

/* The fields that the features say there are; the others are 0. As virtio_config_read(). */
int __must_check virtio_net_config_read(struct virtio_device *dev, struct virtio_net_config *c);

/*
 * Fills in what the configuration says of `net`, within bounds.
 * Returns 0, -EPROTO (*lie).
 */
int __must_check virtio_net_info(const struct virtio_net_config *c, uint64_t features,
				 struct netdev *net, struct virtio_net_lie *lie);

/* Link, speed and duplex alone, which change. */
void virtio_net_link_info(const struct virtio_net_config *c, uint64_t features,
			  struct netdev *net);

/* virtio_net_tx.c */

void virtio_net_tx_init(struct virtio_net *v);

/* netdev.transmit, netdev.withdraw */
int virtio_net_transmit(struct netdev *dev, struct net_packet *p);
void virtio_net_withdraw(struct netdev *dev, struct net_packet *p, int error);

/* The queues' callback, and the same of all. */
void virtio_net_tx_drain(struct virtqueue *vq);
void virtio_net_tx_drain_all(struct virtio_net *v);

/* Packets that the device has. */
unsigned virtio_net_tx_outstanding(const struct virtio_net *v);

/* The queue was reset: what it had waits in front of its line, in order. */
void virtio_net_tx_take_back(struct virtio_net *v, struct virtio_net_tx *q);
/* Gives the device what waits; those of queues that are not in use go to the first. */
void virtio_net_tx_give_back(struct virtio_net *v);
/* The device was stopped: all ends with v->error. */
void virtio_net_tx_end_all(struct virtio_net *v);

/* virtio_net_rx.c */

/* The first buffers, in the ring but not published. Returns 0, -ENOMEM, -EFAULT. */
int __must_check virtio_net_rx_alloc(struct virtio_net *v);
/* After a probe that failed. */
void virtio_net_rx_free(struct virtio_net *v);
/* All queues in use get what they are to have, as far as there is memory. */
void virtio_net_rx_fill(struct virtio_net *v);

/* The queues' callback. */
void virtio_net_rx_drain(struct virtqueue *vq);

/* The queue was reset: its buffers are ours. And the device gets them again. */
void virtio_net_rx_take_back(struct virtio_net_rx *q);
void virtio_net_rx_give_back(struct virtio_net *v, struct virtio_net_rx *q);

/* virtio_net_ctrl.c */

/* After features, addresses and queues. */
void virtio_net_ctrl_init(struct virtio_net *v);

/* netdev.set_filter, set_mac, set_queue_pairs */
int virtio_net_set_filter(struct netdev *dev, const struct netdev_filter *filter);
int virtio_net_set_mac(struct netdev *dev, const uint8_t mac[NET_MAC_LEN]);
int virtio_net_set_queue_pairs(struct netdev *dev, unsigned pairs);

/* The device is to be asked this too, as soon as it can be; false if it knows no such command. */
bool virtio_net_ask(struct virtio_net *v, enum virtio_net_ask ask);

/* The queue's callback. */
void virtio_net_ctrl_drain(struct virtqueue *vq);
/* The queue was reset; and is to be asked all again that a reset device has forgotten. */
void virtio_net_ctrl_take_back(struct virtio_net *v);
void virtio_net_ctrl_give_back(struct virtio_net *v);
void virtio_net_ctrl_end(struct virtio_net *v);

/* virtio_net.c */

/* Starts the watch: the device owes something. */
void virtio_net_watch(struct virtio_net *v);

/* Shows the device what a queue was given. */
static inline void virtio_net_show(struct virtio_net *v, struct virtqueue *vq)
{
	virtqueue_publish(vq);
	v->net.stats.doorbells = v->dev->doorbells;
}
