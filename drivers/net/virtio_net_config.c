/* SPDX-License-Identifier: MIT */
/* What a network device says of itself (VIRTIO 1.2, 5.1.4), checked. */
#include "drivers/net/virtio_net_config.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* struct virtio_net_config. */
enum {
	CONFIG_MAC = 0,
	CONFIG_STATUS = 6,		/* 16 bits */
	CONFIG_MTU = 10,		/* 16 bits */
	CONFIG_SPEED = 12,		/* 32 bits */
	CONFIG_DUPLEX = 16,		/* 8 bits */
};

enum {
	STATUS_LINK_UP = 1,
	DUPLEX_FULL = 1,
	SPEED_MAX = 0x7fffffff,		/* what is more is unknown (5.1.4.1) */
	MAC_GROUP = 1,			/* of its first byte: no address of one station */
	MAC_LOCAL = 2,
};

static bool has(const struct virtio_device *dev, uint64_t feature)
{
	return dev->features & feature;
}

static int mac_read(struct virtio_device *dev, struct virtio_net_config *out)
{
	/* 5.1.5: one that has none gets a local one, by where it is in the list. */
	static uint8_t next;
	int rc;

	if (!has(dev, VIRTIO_NET_F_MAC)) {
		memset(out->mac, 0, sizeof(out->mac));
		out->mac[0] = MAC_LOCAL;
		out->mac[NET_MAC_LEN - 1] = ++next;
		return 0;
	}
	rc = virtio_config_read(dev, CONFIG_MAC, 1, out->mac, sizeof(out->mac));
	if (rc)
		return rc;
	if (out->mac[0] & MAC_GROUP) {
		virtio_device_fail(dev, "its address is that of a group, first byte", out->mac[0]);
		return -EPROTO;
	}
	return 0;
}

static int mtu_read(struct virtio_device *dev, struct virtio_net_config *out)
{
	int rc;

	out->mtu = NET_MTU_DEFAULT;
	if (!has(dev, VIRTIO_NET_F_MTU))
		return 0;
	rc = virtio_config_read(dev, CONFIG_MTU, 2, &out->mtu, sizeof(out->mtu));
	if (rc)
		return rc;
	if (out->mtu < NET_MTU_MIN) {		/* 5.1.4.1 */
		virtio_device_fail(dev, "its MTU is less than 68", out->mtu);
		return -EPROTO;
	}
	return 0;
}

int virtio_net_link_read(struct virtio_device *dev, struct virtio_net_config *out)
{
	uint16_t status = STATUS_LINK_UP;
	uint8_t duplex = 0;
	int rc = 0;

	out->speed = 0;
	if (has(dev, VIRTIO_NET_F_STATUS))
		rc = virtio_config_read(dev, CONFIG_STATUS, 2, &status, sizeof(status));
	if (!rc && has(dev, VIRTIO_NET_F_SPEED_DUPLEX))
		rc = virtio_config_read(dev, CONFIG_SPEED, 4, &out->speed, sizeof(out->speed));
	if (!rc && has(dev, VIRTIO_NET_F_SPEED_DUPLEX))
		rc = virtio_config_read(dev, CONFIG_DUPLEX, 1, &duplex, sizeof(duplex));
	if (out->speed > SPEED_MAX)
		out->speed = 0;
	out->link = status & STATUS_LINK_UP;
	out->full_duplex = duplex == DUPLEX_FULL;
	return rc;
}

int virtio_net_config_read(struct virtio_device *dev, struct virtio_net_config *out)
{
	int rc = mac_read(dev, out);

	if (!rc)
		rc = mtu_read(dev, out);
	return rc ? rc : virtio_net_link_read(dev, out);
}
