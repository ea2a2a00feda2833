/* SPDX-License-Identifier: MIT */
/* What a network device says of itself. Private to drivers/net. */
#pragma once

#include "drivers/net/netdev.h"
#include "drivers/virtio/virtio.h"

/* Feature bits (VIRTIO 1.2, 5.1.3), those that the driver can use. */
#define VIRTIO_NET_F_MTU		BIT(3)
#define VIRTIO_NET_F_MAC		BIT(5)
#define VIRTIO_NET_F_STATUS		BIT(16)
#define VIRTIO_NET_F_SPEED_DUPLEX	BIT(63)

struct virtio_net_config {
	uint8_t mac[NET_MAC_LEN];
	uint16_t mtu;
	bool link, full_duplex;
	uint32_t speed;			/* Mbit/s; 0: unknown */
};

/* Reads all. Returns 0, or an error of virtio_config_read(); -EPROTO: it lied and is stopped. */
int __must_check virtio_net_config_read(struct virtio_device *dev, struct virtio_net_config *out);

/* Reads link, speed and duplex only. */
int __must_check virtio_net_link_read(struct virtio_device *dev, struct virtio_net_config *out);
