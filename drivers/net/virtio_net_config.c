/* SPDX-License-Identifier: MIT */
/*
 * What the device offers and says of itself, within bounds. What is merely odd
 * is left out; what cannot be used is a lie.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* A feature, and one that it makes no sense without (5.1.3.1). */
static const struct {
	uint64_t feature, needs;
} dependencies[] = {
	{ VIRTIO_NET_F_GUEST_TSO, VIRTIO_NET_F_GUEST_CSUM },
	/* Else each buffer would have to be as long as any frame. */
	{ VIRTIO_NET_F_GUEST_TSO, VIRTIO_NET_F_MRG_RXBUF },
	{ VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_USO,
	  VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_GUEST_ANNOUNCE | VIRTIO_NET_F_MQ |
	  VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ },
	/* Commands about addresses (5.1.6.5.2.2). */
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_RX },
};

uint64_t virtio_net_features(uint64_t features)
{
	for (unsigned i = 0; i < ARRAY_SIZE(dependencies); i++)
		if (!(features & dependencies[i].needs))
			features &= ~dependencies[i].feature;
	return features;
}

unsigned virtio_net_queues_wanted(struct virtio_device *dev)
{
	struct virtio_net_config c;
	unsigned pairs = 1;

	/* What cannot be is found out by probe(). */
	if (dev->features & VIRTIO_NET_F_MQ && virtio_net_config_read(dev, &c) == 0)
		pairs = min((unsigned)c.max_virtqueue_pairs, (unsigned)VIRTIO_NET_PAIRS_MAX);
	pairs = max(pairs, 1u);
	return 2 * pairs + !!(dev->features & VIRTIO_NET_F_CTRL_VQ);
}

#define FIELD_READ(dev, c, field, width) \
	virtio_config_read((dev), offsetof(struct virtio_net_config, field), (width), \
			   &(c)->field, sizeof((c)->field))

int virtio_net_config_read(struct virtio_device *dev, struct virtio_net_config *c)
{
	uint64_t has = dev->features;
	int rc = 0;

	memset(c, 0, sizeof(*c));
	if (has & VIRTIO_NET_F_MAC)
		rc = FIELD_READ(dev, c, mac, 1);
	if (!rc && has & VIRTIO_NET_F_STATUS)
		rc = FIELD_READ(dev, c, status, 2);
	if (!rc && has & VIRTIO_NET_F_MQ)
		rc = FIELD_READ(dev, c, max_virtqueue_pairs, 2);
	if (!rc && has & VIRTIO_NET_F_MTU)
		rc = FIELD_READ(dev, c, mtu, 2);
	if (!rc && has & VIRTIO_NET_F_SPEED_DUPLEX)
		rc = FIELD_READ(dev, c, speed, 4);
	if (!rc && has & VIRTIO_NET_F_SPEED_DUPLEX)
		rc = FIELD_READ(dev, c, duplex, 1);
	return rc;
}

/* 5.1.4.2: whatever is none of these is unknown. */
void virtio_net_link_info(const struct virtio_net_config *c, uint64_t features,
			  struct netdev *net)
{
	bool says = features & VIRTIO_NET_F_SPEED_DUPLEX;

	net->link = !(features & VIRTIO_NET_F_STATUS) || c->status & VIRTIO_NET_S_LINK_UP;
	net->speed = says && c->speed <= INT32_MAX ? c->speed : 0;
	net->duplex_known = says && c->duplex <= 1;
	net->full_duplex = net->duplex_known && c->duplex == 1;
}

static void offloads_info(uint64_t features, struct netdev *net)
{
	net->can_checksum = features & VIRTIO_NET_F_CSUM;
	net->can_gso = 0;
	if (features & VIRTIO_NET_F_HOST_TSO4)
		net->can_gso |= BIT(NET_GSO_TCPV4);
	if (features & VIRTIO_NET_F_HOST_TSO6)
		net->can_gso |= BIT(NET_GSO_TCPV6);
	if (features & VIRTIO_NET_F_HOST_USO)
		net->can_gso |= BIT(NET_GSO_UDP_L4);
}

int virtio_net_info(const struct virtio_net_config *c, uint64_t features, struct netdev *net,
		    struct virtio_net_lie *lie)
{
	unsigned pairs = features & VIRTIO_NET_F_MQ ? c->max_virtqueue_pairs : 1;

	if (features & VIRTIO_NET_F_MTU && c->mtu < NET_MTU_MIN) {
		*lie = (struct virtio_net_lie){ "MTU below 68", c->mtu };
		return -EPROTO;
	}
	if (pairs == 0 || pairs > VIRTIO_NET_PAIRS_LIMIT) {
		*lie = (struct virtio_net_lie){ "no such number of queue pairs", pairs };
		return -EPROTO;
	}
	memcpy(net->mac, c->mac, NET_MAC_LEN);
	net->mtu = features & VIRTIO_NET_F_MTU ? c->mtu : NET_MTU_DEFAULT;
	net->queue_pairs = 1;
	net->queue_pairs_max = min(pairs, (unsigned)VIRTIO_NET_PAIRS_MAX);
	virtio_net_link_info(c, features, net);
	offloads_info(features, net);
	return 0;
}
