/* SPDX-License-Identifier: MIT */
/*
 * The parts of the driver of virtio network devices (VIRTIO 1.2, 5.1), for each
 * other. Private to drivers/net.
 */
#pragma once

#include "drivers/net/netdev.h"
#include "drivers/virtio/virtio.h"

enum {
	VIRTIO_NET_HEADER = 12,		/* 5.1.6.1 */
	VIRTIO_NET_HEADER_LEGACY = 10,	/* without MRG_RXBUF */
	VIRTIO_NET_RING = 256,
	VIRTIO_NET_FIRST = 16,		/* buffers that wait for frames from the beginning */
};

struct virtio_net_buffer {
	uint8_t *data;			/* header, then frame */
	bool given;			/* the device has it */
};

struct virtio_net {
	struct netdev net;
	struct virtio_device *dev;
	struct virtqueue *rx, *tx;
	uint32_t header;		/* bytes */
	bool one_piece;			/* header and frame may share a descriptor */
	uint8_t *zeros;			/* a header that asks for nothing, in DMA memory */
	int error;			/* that ends what is outstanding, if stopped */
	bool halted;

	/* Receiving. */
	uint32_t buffer_size;		/* bytes */
	unsigned buffer_count;
	struct virtio_net_buffer buffers[VIRTIO_NET_RING];
	struct work grow;
	struct timer guard;		/* looks, until an interrupt of rx was seen */

	/* Sending. */
	struct net_packet *first, **end;	/* that wait for room */
	uint64_t submitted, back;
	struct work publish;
	struct timer watch;
	uint64_t seen;			/* `back` when it looked last */
	unsigned silent;
	bool warned;
};

static inline struct virtio_net *virtio_net_of(struct netdev *dev)
{
	return container_of(dev, struct virtio_net, net);
}

/* virtio_net_rx.c */

/* Has buffers up to `count`, as far as there is memory; gives them to the device. 0 or -ENOMEM. */
int __must_check virtio_net_rx_fill(struct virtio_net *v, unsigned count);
void virtio_net_rx_drain(struct virtqueue *vq);
/* The device was reset: has none of them. */
void virtio_net_rx_take_back(struct virtio_net *v);
/* Gives it all of them again. */
int __must_check virtio_net_rx_give(struct virtio_net *v);
/* Frees them: of a device that never came up. */
void virtio_net_rx_free(struct virtio_net *v);

/* virtio_net_tx.c */

void virtio_net_tx_init(struct virtio_net *v);
int virtio_net_transmit(struct netdev *dev, struct net_packet *p);
void virtio_net_withdraw(struct netdev *dev, struct net_packet *p, int error);
void virtio_net_tx_drain(struct virtqueue *vq);
/* The device was reset: what it had waits again, in its order. */
void virtio_net_tx_take_back(struct virtio_net *v);
/* Gives it what waits, as far as there is room. */
void virtio_net_tx_go_on(struct virtio_net *v);
/* Ends all with v->error. */
void virtio_net_tx_end(struct virtio_net *v);
