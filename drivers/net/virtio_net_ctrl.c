/* SPDX-License-Identifier: MIT */
/*
 * Commands (VIRTIO 1.2, 5.1.6.5).
 *
 * What is asked for is remembered as it should be in the end; one bit for each
 * thing says that the device is yet to be asked. It is asked one thing at a
 * time, and an answer brings the next. So asking for the same thing often costs
 * one command, and after a reset the bits of all that a device forgets are set
 * again.
 *
 * The parts of a command have descriptors of their own, as legacy devices
 * want it (5.1.6.6).
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

static const struct {
	uint64_t feature;		/* without which the device must not be asked this */
	uint8_t command[2];
	const char *what;
} asks[VIRTIO_NET_ASKS] = {
	[VIRTIO_NET_ASK_PROMISC] = { VIRTIO_NET_F_CTRL_RX,
		{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC }, "promiscuous mode" },
	[VIRTIO_NET_ASK_ALLMULTI] = { VIRTIO_NET_F_CTRL_RX,
		{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI }, "all multicast frames" },
	[VIRTIO_NET_ASK_TABLE] = { VIRTIO_NET_F_CTRL_RX,
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET }, "a table of addresses" },
	[VIRTIO_NET_ASK_MAC] = { VIRTIO_NET_F_CTRL_MAC_ADDR,
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET }, "an address" },
	[VIRTIO_NET_ASK_ANNOUNCE] = { VIRTIO_NET_F_GUEST_ANNOUNCE,
		{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK }, "an announcement" },
	[VIRTIO_NET_ASK_PAIRS] = { VIRTIO_NET_F_MQ,
		{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET }, "queue pairs" },
};

static bool knows(const struct virtio_net *v, enum virtio_net_ask ask)
{
	return v->ctrl.vq && v->dev->features & asks[ask].feature;
}

void virtio_net_ctrl_init(struct virtio_net *v)
{
	v->ctrl.pairs = 1;
	memcpy(v->ctrl.mac, v->net.mac, NET_MAC_LEN);
	/* After a reset a device may show all frames, and QEMU's does. */
	v->net.promiscuous = true;
}

/* Bytes of a half of the table: its count and as many addresses. */
static uint32_t macs_len(const struct virtio_net_macs *m)
{
	return sizeof(m->entries) + m->entries * NET_MAC_LEN;
}

/* The data of a command; how many segments they are. */
static unsigned data_fill(struct virtio_net_ctrl *c, struct virtqueue_segment *segs)
{
	segs[0] = (struct virtqueue_segment){ &c->data, 1 };
	switch (c->ask) {
	case VIRTIO_NET_ASK_PROMISC:
		c->data.on = c->promiscuous;
		return 1;
	case VIRTIO_NET_ASK_ALLMULTI:
		c->data.on = c->all_multicast;
		return 1;
	case VIRTIO_NET_ASK_TABLE:
		segs[0] = (struct virtqueue_segment){ &c->unicast, macs_len(&c->unicast) };
		segs[1] = (struct virtqueue_segment){ &c->multicast, macs_len(&c->multicast) };
		return 2;
	case VIRTIO_NET_ASK_MAC:
		memcpy(c->data.mac, c->mac, NET_MAC_LEN);
		segs[0].len = NET_MAC_LEN;
		return 1;
	case VIRTIO_NET_ASK_PAIRS:
		c->data.pairs = (uint16_t)c->pairs;
		segs[0].len = sizeof(c->data.pairs);
		return 1;
	default:
		return 0;
	}
}

static void command_send(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;
	struct virtqueue_segment segs[4] = { { c->command, sizeof(c->command) } };
	unsigned n = 1;
	int rc;

	memcpy(c->command, asks[c->ask].command, sizeof(c->command));
	c->ack = VIRTIO_NET_NO_ACK;
	n += data_fill(c, &segs[1]);
	segs[n] = (struct virtqueue_segment){ &c->ack, sizeof(c->ack) };
	rc = virtqueue_add(c->vq, segs, n, 1, c);
	if (rc) {
		virtio_device_fail(v->dev, "cannot be given a command, error", (uint64_t)-rc);
		return;
	}
	c->wanted &= ~BIT(c->ask);
	c->under_way = true;
	/* 5.1.6.5.6.1: from here on no packet goes to a queue that is to be closed. */
	if (c->ask == VIRTIO_NET_ASK_PAIRS)
		v->net.queue_pairs = min(v->net.queue_pairs, c->pairs);
	virtio_net_show(v, c->vq);
	if (!v->watch.running)
		virtio_net_watch(v);
}

/* Asks the next thing, if nothing is under way. */
static void next(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;

	if (!c->under_way && c->wanted) {
		c->ask = (enum virtio_net_ask)__builtin_ctz(c->wanted);
		command_send(v);
	}
	v->net.asked = c->under_way || c->wanted;
}

bool virtio_net_ask(struct virtio_net *v, enum virtio_net_ask ask)
{
	if (!knows(v, ask))
		return false;
	v->ctrl.wanted |= BIT(ask);
	next(v);
	return true;
}

/* The device has done what it was asked. */
static void done(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;

	switch (c->ask) {
	case VIRTIO_NET_ASK_PROMISC:
		v->net.promiscuous = c->data.on;
		break;
	case VIRTIO_NET_ASK_MAC:
		memcpy(v->net.mac, c->data.mac, NET_MAC_LEN);
		break;
	case VIRTIO_NET_ASK_PAIRS:
		v->net.queue_pairs = min((unsigned)c->data.pairs, c->pairs);
		virtio_net_rx_fill(v);
		break;
	default:
		break;
	}
}

/* Given up, so that a reset does not ask it again; but for what was asked for since. */
static void refused(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;

	log_warn("%s: refuses %s", v->net.driver, asks[c->ask].what);
	v->net.refused = -EIO;
	if (c->wanted & BIT(c->ask))
		return;
	if (c->ask == VIRTIO_NET_ASK_MAC)
		memcpy(c->mac, v->net.mac, NET_MAC_LEN);
	else if (c->ask == VIRTIO_NET_ASK_PAIRS)
		c->pairs = v->net.queue_pairs;
	else if (c->ask == VIRTIO_NET_ASK_PROMISC)
		c->promiscuous = v->net.promiscuous;
	else if (c->ask == VIRTIO_NET_ASK_ALLMULTI)
		c->all_multicast = false;
	else if (c->ask == VIRTIO_NET_ASK_TABLE)
		c->unicast.entries = c->multicast.entries = 0;
}

void virtio_net_ctrl_drain(struct virtqueue *vq)
{
	struct virtio_net *v = ((struct virtio_device *)vq->owner)->driver_data;
	struct virtio_net_ctrl *c = &v->ctrl;
	uint32_t written;
	void *token;

	while (virtqueue_take(vq, &token, &written) == 0) {
		uint8_t ack = READ_ONCE(c->ack);

		c->under_way = false;
		v->back.commands++;
		if (ack == VIRTIO_NET_OK) {
			done(v);
		} else if (ack == VIRTIO_NET_ERR) {
			refused(v);
		} else {
			virtio_device_fail(v->dev, "answers a command with no such ack", ack);
			return;
		}
		next(v);
	}
}

static bool is_multicast(const uint8_t *mac)
{
	return mac[0] & 1;
}

int virtio_net_set_filter(struct netdev *dev, const struct netdev_filter *filter)
{
	struct virtio_net *v = virtio_net_of(dev);
	struct virtio_net_ctrl *c = &v->ctrl;

	if (v->dev->fault)
		return -ENODEV;
	if (!knows(v, VIRTIO_NET_ASK_PROMISC))
		return -ENOTSUP;
	if (filter->count > NETDEV_FILTER_MAX)
		return -ENOSPC;
	/* The table is the device's while it reads it. */
	if (c->under_way && c->ask == VIRTIO_NET_ASK_TABLE)
		return -EBUSY;
	c->promiscuous = filter->promiscuous;
	c->all_multicast = filter->all_multicast;
	c->unicast.entries = c->multicast.entries = 0;
	for (unsigned i = 0; i < filter->count; i++) {
		struct virtio_net_macs *m = is_multicast(filter->macs[i]) ? &c->multicast
									  : &c->unicast;

		memcpy(m->macs[m->entries++], filter->macs[i], NET_MAC_LEN);
	}
	c->wanted |= BIT(VIRTIO_NET_ASK_PROMISC) | BIT(VIRTIO_NET_ASK_ALLMULTI) |
		     BIT(VIRTIO_NET_ASK_TABLE);
	next(v);
	return 0;
}

/* Of a legacy device the configuration can be written (5.1.4.3). */
static int mac_write(struct virtio_net *v, const uint8_t mac[NET_MAC_LEN])
{
	int rc;

	if (v->dev->modern || !(v->dev->features & VIRTIO_NET_F_MAC))
		return -ENOTSUP;
	rc = virtio_config_write(v->dev, offsetof(struct virtio_net_config, mac), 1, mac,
				 NET_MAC_LEN);
	if (rc)
		return rc;
	memcpy(v->net.mac, mac, NET_MAC_LEN);
	memcpy(v->ctrl.mac, mac, NET_MAC_LEN);
	return 0;
}

int virtio_net_set_mac(struct netdev *dev, const uint8_t mac[NET_MAC_LEN])
{
	static const uint8_t none[NET_MAC_LEN];
	struct virtio_net *v = virtio_net_of(dev);

	if (v->dev->fault)
		return -ENODEV;
	if (is_multicast(mac) || memcmp(mac, none, NET_MAC_LEN) == 0)
		return -EINVAL;
	if (!knows(v, VIRTIO_NET_ASK_MAC))
		return mac_write(v, mac);
	memcpy(v->ctrl.mac, mac, NET_MAC_LEN);
	virtio_net_ask(v, VIRTIO_NET_ASK_MAC);
	return 0;
}

int virtio_net_set_queue_pairs(struct netdev *dev, unsigned pairs)
{
	struct virtio_net *v = virtio_net_of(dev);

	if (v->dev->fault)
		return -ENODEV;
	if (pairs == 0 || pairs > v->pairs)
		return -EINVAL;
	if (!knows(v, VIRTIO_NET_ASK_PAIRS))
		return pairs == 1 ? 0 : -ENOTSUP;
	for (unsigned i = pairs; i < v->pairs; i++)
		if (v->tx[i].first || virtqueue_outstanding(v->tx[i].vq))
			return -EBUSY;
	v->ctrl.pairs = pairs;
	/* Nothing goes there while other commands come first. */
	v->net.queue_pairs = min(v->net.queue_pairs, pairs);
	virtio_net_ask(v, VIRTIO_NET_ASK_PAIRS);
	return 0;
}

/* The command that was under way is asked again, if its bit says so. */
void virtio_net_ctrl_take_back(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;

	if (!c->vq)
		return;
	while (virtqueue_detach(c->vq))
		;
	if (c->under_way)
		c->wanted |= BIT(c->ask);
	c->under_way = false;
}

void virtio_net_ctrl_give_back(struct virtio_net *v)
{
	struct virtio_net_ctrl *c = &v->ctrl;
	bool known = v->own_mac_valid;

	if (knows(v, VIRTIO_NET_ASK_PROMISC) && !v->net.promiscuous)
		c->wanted |= BIT(VIRTIO_NET_ASK_PROMISC);
	if (c->all_multicast)
		c->wanted |= BIT(VIRTIO_NET_ASK_ALLMULTI);
	if (c->unicast.entries + c->multicast.entries)
		c->wanted |= BIT(VIRTIO_NET_ASK_TABLE);
	if (!known || memcmp(c->mac, v->own_mac, NET_MAC_LEN) != 0) {
		if (knows(v, VIRTIO_NET_ASK_MAC))
			c->wanted |= BIT(VIRTIO_NET_ASK_MAC);
		else
			(void)!mac_write(v, c->mac);
	}
	if (c->pairs > 1)
		c->wanted |= BIT(VIRTIO_NET_ASK_PAIRS);
	if (c->vq)
		next(v);
}

void virtio_net_ctrl_end(struct virtio_net *v)
{
	virtio_net_ctrl_take_back(v);
	v->ctrl.wanted = 0;
	if (v->net.asked)
		v->net.refused = -ENODEV;
	v->net.asked = false;
}
