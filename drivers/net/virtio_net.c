/* SPDX-License-Identifier: MIT */
/*
 * The network device (VIRTIO 1.2, 5.1), from probe to the end.
 *
 * The watch is one timer for all packets and commands. It looks a few times
 * within NET_ANSWER_NS whether anything came back, as long as the device owes
 * something, and stops where it does not. A device that was silent for so long
 * is reset once and given its packets again; if it stays silent, it is
 * stopped, and they end with -ETIMEDOUT. Frames that do not arrive are no
 * silence: nobody may have sent any.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/mix.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

enum {
	WATCH_LOOKS = 4,		/* within NET_ANSWER_NS */
	PROOF_TYPE = 0x88b5,		/* IEEE 802: local experiments */
};

static bool owes(const struct virtio_net *v)
{
	return virtio_net_tx_outstanding(v) || v->ctrl.under_way;
}

/* One that answers commands and sends nothing is silent all the same, and the reverse. */
static bool is_silent(const struct virtio_net *v)
{
	return (virtio_net_tx_outstanding(v) && v->back.packets == v->seen.packets) ||
	       (v->ctrl.under_way && v->back.commands == v->seen.commands);
}

void virtio_net_watch(struct virtio_net *v)
{
	v->seen = v->back;
	v->silent = 0;
	timer_start(&v->watch, NET_ANSWER_NS / WATCH_LOOKS);
}

static int restart(struct netdev *net)
{
	return virtio_device_restart(virtio_net_of(net)->dev);
}

static void restart_run(struct work *w)
{
	(void)!restart(&container_of(w, struct virtio_net, restart)->net);
}

/* Silent for NET_ANSWER_NS, and owes something. */
static void silent_for_long(struct virtio_net *v)
{
	if (v->warned) {
		v->error = -ETIMEDOUT;
		virtio_device_fail(v->dev, "sends nothing, packets", virtio_net_tx_outstanding(v));
		return;
	}
	log_warn("%s: sends nothing for %llu s, it is reset", v->net.driver,
		 (unsigned long long)(NET_ANSWER_NS / NS_PER_S));
	v->warned = true;
	restart_run(&v->restart);
}

/* It may have answered, and nobody has looked yet. */
static void watch_expired(struct timer *t)
{
	struct virtio_net *v = container_of(t, struct virtio_net, watch);

	virtio_net_tx_drain_all(v);
	if (v->ctrl.vq && !v->dev->fault)
		virtio_net_ctrl_drain(v->ctrl.vq);
	if (v->dev->fault)
		return;
	if (!is_silent(v)) {
		v->silent = 0;
		v->warned = false;
	}
	v->seen = v->back;
	if (!owes(v))
		return;
	if (v->silent++ == WATCH_LOOKS) {
		v->silent = 0;
		silent_for_long(v);
	}
	if (!v->dev->fault)
		timer_start(&v->watch, NET_ANSWER_NS / WATCH_LOOKS);
}

/* A reset device uses one pair until it is asked again. */
static void halted(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	v->net.stats.resets++;
	v->net.queue_pairs = 1;
	for (unsigned i = 0; i < v->pairs; i++) {
		virtio_net_rx_take_back(&v->rx[i]);
		virtio_net_tx_take_back(v, &v->tx[i]);
	}
	virtio_net_ctrl_take_back(v);
}

static void restarted(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	for (unsigned i = 0; i < v->pairs && !dev->fault; i++)
		virtio_net_rx_give_back(v, &v->rx[i]);
	if (!dev->fault)
		virtio_net_ctrl_give_back(v);
	if (!dev->fault)
		virtio_net_tx_give_back(v);
}

static void queue_halted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_net *v = dev->driver_data;

	if (vq == v->ctrl.vq)
		virtio_net_ctrl_take_back(v);
	else if (vq->index % 2)
		virtio_net_tx_take_back(v, &v->tx[vq->index / 2]);
	else
		virtio_net_rx_take_back(&v->rx[vq->index / 2]);
}

static void queue_restarted(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_net *v = dev->driver_data;

	if (vq == v->ctrl.vq)
		virtio_net_ctrl_give_back(v);
	else if (vq->index % 2)
		virtio_net_tx_give_back(v);
	else
		virtio_net_rx_give_back(v, &v->rx[vq->index / 2]);
}

static void stopped(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	timer_cancel(&v->watch);
	work_cancel(&v->publish);
	work_cancel(&v->fill);
	work_cancel(&v->restart);
	v->net.link = false;
	for (unsigned i = 0; i < v->pairs; i++)
		virtio_net_rx_take_back(&v->rx[i]);
	virtio_net_tx_end_all(v);
	virtio_net_ctrl_end(v);
}

/* 5.1.6.5.4.1: peers are told by whoever has something to say; the device hears of it anyway. */
static void announce(struct virtio_net *v)
{
	if (v->net.announce)
		v->net.announce(&v->net);
	virtio_net_ask(v, VIRTIO_NET_ASK_ANNOUNCE);
}

static void config_changed(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;
	struct netdev *net = &v->net;
	struct virtio_net_config c;
	bool was = net->link;

	if (virtio_net_config_read(dev, &c)) {
		virtio_device_fail(dev, "configuration cannot be read", 0);
		return;
	}
	virtio_net_link_info(&c, dev->features, net);
	if (net->link != was) {
		net->stats.link_changes++;
		log_info("%s: link %s", net->driver, net->link ? "up" : "down");
		if (net->link_changed)
			net->link_changed(net);
	}
	if (dev->features & VIRTIO_NET_F_GUEST_ANNOUNCE && c.status & VIRTIO_NET_S_ANNOUNCE)
		announce(v);
}

static void proof_done(struct request *r __unused)
{
}

/* A frame from itself to itself, of a type that is nobody's. */
static int prove_transmit(struct virtio_net *v)
{
	uint8_t *frame = v->proof_frame + NET_HEADROOM;
	struct net_packet *p = &v->proof;
	int rc;

	memcpy(frame, v->net.mac, NET_MAC_LEN);
	memcpy(frame + NET_MAC_LEN, v->net.mac, NET_MAC_LEN);
	frame[12] = PROOF_TYPE >> 8;
	frame[13] = PROOF_TYPE & 0xff;
	p->request.done = proof_done;
	p->data = frame;
	p->len = NET_FRAME_MIN;
	p->headroom = true;
	requests_tell();		/* one that came back in silence is over before the next */
	rc = netdev_transmit(&v->net, p);
	if (!rc)
		virtio_net_show(v, v->tx[0].vq);
	return rc;
}

/* Nothing makes a frame arrive, nor may a queue be used that was not asked for. */
static int prove(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_net *v = dev->driver_data;

	if (vq == v->tx[0].vq)
		return prove_transmit(v);
	if (vq != v->ctrl.vq)
		return -ENOENT;
	if (v->ctrl.under_way)
		return -EBUSY;
	return virtio_net_ask(v, VIRTIO_NET_ASK_PROMISC) ||
	       virtio_net_ask(v, VIRTIO_NET_ASK_PAIRS) ||
	       virtio_net_ask(v, VIRTIO_NET_ASK_ANNOUNCE) ? 0 : -ENOENT;
}

static int describe(struct netdev *dev, char *buf, size_t size)
{
	return virtio_device_describe(virtio_net_of(dev)->dev, buf, size);
}

static int where(struct netdev *dev, char *buf, size_t size)
{
	return virtio_device_where(virtio_net_of(dev)->dev, buf, size);
}

/* One of ours, locally administered, where the device has none that can be one (5.1.4.2). */
static void mac_settle(struct virtio_net *v)
{
	static const uint8_t none[NET_MAC_LEN];
	uint8_t *mac = v->net.mac;
	uint64_t number;

	v->own_mac_valid = memcmp(mac, none, NET_MAC_LEN) != 0 && !(mac[0] & 1);
	memcpy(v->own_mac, mac, NET_MAC_LEN);
	if (v->own_mac_valid)
		return;
	if (v->dev->features & VIRTIO_NET_F_MAC)
		log_warn("%s: its address cannot be one, another is used", v->net.driver);
	number = mix64(time_now() + netdev_count());
	memcpy(mac, &number, NET_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 2);
}

static int queues_setup(struct virtio_net *v, unsigned pairs_of_device)
{
	struct virtio_device *dev = v->dev;
	int rc = 0;

	for (unsigned i = 0; i < v->net.queue_pairs_max && !rc; i++) {
		rc = virtio_queue_setup(dev, (uint16_t)(2 * i), VIRTIO_NET_RING,
					virtio_net_rx_drain, &v->rx[i].vq);
		if (!rc)
			rc = virtio_queue_setup(dev, (uint16_t)(2 * i + 1), VIRTIO_NET_RING,
						virtio_net_tx_drain, &v->tx[i].vq);
		v->pairs += !rc;
	}
	if (!rc && dev->features & VIRTIO_NET_F_CTRL_VQ)
		rc = virtio_queue_setup(dev, (uint16_t)(2 * pairs_of_device), VIRTIO_NET_CTRL_RING,
					virtio_net_ctrl_drain, &v->ctrl.vq);
	return rc;
}

static int info_read(struct virtio_net *v)
{
	struct virtio_net_config c;
	struct virtio_net_lie lie;
	int rc = virtio_net_config_read(v->dev, &c);

	if (rc)
		return rc;
	rc = virtio_net_info(&c, v->dev->features, &v->net, &lie);
	if (rc) {
		virtio_device_fail(v->dev, lie.what, lie.value);
		return rc;
	}
	mac_settle(v);
	virtio_net_ctrl_init(v);
	return queues_setup(v, v->dev->features & VIRTIO_NET_F_MQ ? c.max_virtqueue_pairs : 1);
}

static void virtio_net_init(struct virtio_net *v, struct virtio_device *dev)
{
	bool whole = dev->modern || dev->features & VIRTIO_NET_F_MRG_RXBUF;

	v->dev = dev;
	v->net.driver = "virtio-net";
	v->net.transmit = virtio_net_transmit;
	v->net.withdraw = virtio_net_withdraw;
	v->net.set_filter = virtio_net_set_filter;
	v->net.set_mac = virtio_net_set_mac;
	v->net.set_queue_pairs = virtio_net_set_queue_pairs;
	v->net.restart = restart;
	v->net.describe = describe;
	v->net.where = where;
	v->header_len = whole ? sizeof(struct virtio_net_header) : VIRTIO_NET_LEGACY_HEADER;
	v->header_alone = !dev->modern && !(dev->features & VIRTIO_F_ANY_LAYOUT);
	v->watch.expired = watch_expired;
	v->restart.run = restart_run;
	v->error = -EPROTO;
	virtio_net_tx_init(v);
}

static int probe(struct virtio_device *dev)
{
	struct virtio_net *v = kzalloc(sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	virtio_net_init(v, dev);
	dev->driver_data = v;
	rc = info_read(v);
	if (rc)
		goto free_v;
	rc = virtio_net_rx_alloc(v);
	if (rc)
		goto free_rx;
	rc = netdev_register(&v->net);
	if (rc)
		goto free_rx;
	virtio_device_ready(dev);
	virtio_net_show(v, v->rx[0].vq);
	if (!v->own_mac_valid)
		virtio_net_ask(v, VIRTIO_NET_ASK_MAC);
	return 0;

free_rx:
	virtio_net_rx_free(v);
free_v:
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_net_driver = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.features = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU |
		    VIRTIO_NET_F_MAC | VIRTIO_NET_F_GUEST_TSO | VIRTIO_NET_F_HOST_TSO4 |
		    VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS |
		    VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_GUEST_ANNOUNCE |
		    VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_HOST_USO |
		    VIRTIO_NET_F_GUEST_HDRLEN | VIRTIO_NET_F_SPEED_DUPLEX,
	.features_fit = virtio_net_features,
	.queues = 2 * VIRTIO_NET_PAIRS_MAX + 1,
	.queues_wanted = virtio_net_queues_wanted,
	.probe = probe,
	.prove = prove,
	.stopped = stopped,
	.config_changed = config_changed,
	.halted = halted,
	.restarted = restarted,
	.queue_halted = queue_halted,
	.queue_restarted = queue_restarted,
};
TABLE_ADD(virtio_drivers, virtio_net_driver);
