/* SPDX-License-Identifier: MIT */
/*
 * The network device (VIRTIO 1.2, 5.1): one queue of frames in, one of frames
 * out, and no offloads: a frame is what is in the packet.
 */
#include "drivers/net/virtio_net.h"

#include "drivers/net/virtio_net_config.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS net
#include "kernel/log.h"

enum {
	QUEUE_RX = 0,			/* 5.1.2 */
	QUEUE_TX = 1,
	PROOF_LEN = 60,
	PROOF_TYPE = 0x88b5,		/* IEEE 802: local experiments */
	GUARD_MS = 100,
};

static void link_set(struct virtio_net *v, const struct virtio_net_config *c)
{
	bool changed = v->net.link != c->link;

	v->net.link = c->link;
	v->net.speed = c->speed;
	v->net.full_duplex = c->full_duplex;
	if (!changed)
		return;
	v->net.stats.link_changes++;
	log_info("link %s", c->link ? "up" : "down");
	if (v->net.link_changed)
		v->net.link_changed(&v->net);
}

static void config_changed(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;
	struct virtio_net_config c;

	if (virtio_net_link_read(dev, &c) == 0)
		link_set(v, &c);
}

static void grow_run(struct work *w)
{
	struct virtio_net *v = container_of(w, struct virtio_net, grow);

	w->run = NULL;			/* once */
	if (v->dev->fault || v->halted)
		return;
	if (virtio_net_rx_fill(v, VIRTIO_NET_RING))
		log_warn("only %u buffers for frames", v->buffer_count);
	virtqueue_publish(v->rx);
}

static void guard_expired(struct timer *t)
{
	struct virtio_net *v = container_of(t, struct virtio_net, guard);

	if (virtio_queue_interrupt_seen(v->rx))
		return;
	if (!v->halted)
		virtio_net_rx_drain(v->rx);
	if (!v->dev->fault)
		timer_start(t, GUARD_MS * NS_PER_MS);
}

static void halted(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	v->halted = true;
	v->net.stats.resets++;
	virtio_net_rx_take_back(v);
	virtio_net_tx_take_back(v);
}

static void restarted(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	v->halted = false;
	if (virtio_net_rx_give(v)) {
		virtio_device_fail(dev, "cannot be given its buffers again", v->buffer_count);
		return;
	}
	virtqueue_publish(v->rx);
	virtio_net_tx_go_on(v);
}

static void stopped(struct virtio_device *dev)
{
	struct virtio_net *v = dev->driver_data;

	timer_cancel(&v->guard);
	work_cancel(&v->grow);
	virtio_net_rx_take_back(v);
	virtio_net_tx_end(v);
}

static int restart(struct netdev *net)
{
	return virtio_device_restart(virtio_net_of(net)->dev);
}

/*
 * A frame to ourselves, of a type that nobody takes: it harms nobody, wherever it
 * goes. It is the driver's own, so it has no owner to be told.
 */
static int prove(struct virtio_device *dev, struct virtqueue *vq)
{
	struct virtio_net *v = dev->driver_data;
	uint8_t *frame = v->zeros + v->header;
	const struct virtqueue_segment segs[] = {
		{ v->zeros, v->header },
		{ frame, PROOF_LEN },
	};
	int rc;

	if (vq == v->rx)
		return -ENOENT;
	memcpy(frame, v->net.mac, NET_MAC_LEN);
	memcpy(frame + NET_MAC_LEN, v->net.mac, NET_MAC_LEN);
	frame[12] = PROOF_TYPE >> 8;
	frame[13] = PROOF_TYPE & 0xff;
	rc = virtqueue_add(vq, segs, 2, 0, v);
	if (!rc)
		virtqueue_publish(vq);
	return rc;
}

static int queues_setup(struct virtio_net *v)
{
	int rc = virtio_queue_setup(v->dev, QUEUE_RX, VIRTIO_NET_RING, virtio_net_rx_drain, &v->rx);

	if (!rc)
		rc = virtio_queue_setup(v->dev, QUEUE_TX, VIRTIO_NET_RING, virtio_net_tx_drain,
					&v->tx);
	return rc ? rc : virtio_net_rx_fill(v, VIRTIO_NET_FIRST);
}

static void net_init(struct virtio_net *v, struct virtio_device *dev,
		     const struct virtio_net_config *c)
{
	v->dev = dev;
	v->net.driver = "virtio-net";
	v->net.mtu = c->mtu;
	v->net.transmit = virtio_net_transmit;
	v->net.withdraw = virtio_net_withdraw;
	v->net.restart = restart;
	memcpy(v->net.mac, c->mac, sizeof(v->net.mac));
	v->net.link = c->link;
	v->net.speed = c->speed;
	v->net.full_duplex = c->full_duplex;
	v->header = dev->modern ? VIRTIO_NET_HEADER : VIRTIO_NET_HEADER_LEGACY;
	v->one_piece = dev->modern || dev->features & VIRTIO_F_ANY_LAYOUT;
	v->buffer_size = v->header + NET_HEADER_LEN + max(c->mtu, (uint16_t)NET_MTU_DEFAULT);
	v->grow.run = grow_run;
	v->guard.expired = guard_expired;
	virtio_net_tx_init(v);
	dev->driver_data = v;
}

static int bring_up(struct virtio_net *v)
{
	int rc = queues_setup(v);

	if (!rc)
		rc = netdev_register(&v->net);
	if (rc)
		return rc;
	virtio_device_ready(v->dev);
	virtqueue_publish(v->rx);
	timer_start(&v->guard, GUARD_MS * NS_PER_MS);
	return 0;
}

static int virtio_net_probe(struct virtio_device *dev)
{
	struct virtio_net_config c;
	struct virtio_net *v;
	int rc = virtio_net_config_read(dev, &c);

	if (rc)
		return rc;
	v = kzalloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	rc = -ENOMEM;
	v->zeros = kzalloc(VIRTIO_NET_HEADER + PROOF_LEN);
	if (!v->zeros)
		goto free_v;
	net_init(v, dev, &c);
	rc = bring_up(v);
	if (!rc)
		return 0;
	/* The core fails the device after this: until then it may have the buffers. */
	virtio_device_fail(dev, "cannot be set up, error", (uint64_t)-rc);
	if (dev->unsafe)
		return rc;
	virtio_net_rx_free(v);
	kfree(v->zeros);
free_v:
	kfree(v);
	return rc;
}

static const struct virtio_driver virtio_net_driver = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU |
		    VIRTIO_NET_F_SPEED_DUPLEX,
	.queues = 2,
	.probe = virtio_net_probe,
	.prove = prove,
	.stopped = stopped,
	.config_changed = config_changed,
	.halted = halted,
	.restarted = restarted,
};
TABLE_ADD(virtio_drivers, virtio_net_driver);
