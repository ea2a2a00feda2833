/* SPDX-License-Identifier: MIT */
/*
 * A virtio network device for the host's tests, over the fake transport: honest
 * unless a test sets one of its vices, and watchful of what the driver must not
 * do.
 */
#pragma once

#include "drivers/net/virtio_net.h"
#include "drivers/virtio/fake_transport.h"

enum {
	FAKE_NIC_PAIRS = VIRTIO_NET_PAIRS_MAX,
	FAKE_NIC_HELD = 2 * VIRTIO_NET_RING,	/* chains of one queue that it has, at most */
	FAKE_NIC_SENT = 4096,		/* packets that it has, at most */
	FAKE_NIC_COMMANDS = 64,		/* that it remembers */
};

/* A packet that was given to the device, and has not come back. */
struct fake_packet {
	uint16_t queue, head;
	struct virtio_net_header header;
	const uint8_t *data;
	uint32_t len;
};

/* A receive buffer that it has. */
struct fake_buffer {
	uint16_t head;
	unsigned segments;
	struct {
		uint8_t *at;
		uint32_t len;
	} segment[2];
};

struct fake_nic {
	struct fake_device device;
	struct virtio_net_config config;	/* a test changes it, then fake_nic_configure() */
	uint8_t burnt_mac[NET_MAC_LEN];	/* that it has after a reset */

	/* Vices, and how it is. */
	bool holds;			/* gives back only the packets that the test has it give */
	bool holds_commands;
	bool mute;			/* does not even look at its queues */
	int ack_lie;			/* ack that it writes; -1: the true one */
	unsigned refuses;		/* BIT(class) of commands that it refuses */

	/* What it saw. */
	const char *mistake;		/* of the driver: what 5.1.6 forbids, the first */
	struct fake_packet sent[FAKE_NIC_SENT];
	unsigned count;			/* of these */
	unsigned completed;		/* that it gave back */
	struct fake_rx {
		struct fake_buffer held[FAKE_NIC_HELD];
		unsigned count;
	} rx[FAKE_NIC_PAIRS];
	uint8_t commands[FAKE_NIC_COMMANDS][2];
	unsigned command_count;

	/* What it was told. */
	unsigned pairs;
	bool promiscuous, all_multicast;
	unsigned unicast, multicast;	/* addresses of its table */
	uint8_t table[2][NETDEV_FILTER_MAX][NET_MAC_LEN];
};

/* A device with every feature but MQ and GUEST_TSO, that gives packets back at once. */
void fake_nic_init(struct fake_nic *n);

/* Shows the driver what config says. */
void fake_nic_configure(struct fake_nic *n);

/* Takes what was published in any queue; commands are answered, unless held. */
void fake_nic_fetch(struct fake_nic *n);

/* Gives back sent[index], in no order that is kept. And all, the first first. */
void fake_nic_complete(struct fake_nic *n, unsigned index);
void fake_nic_complete_all(struct fake_nic *n);

/*
 * A frame arrives: in as many buffers as it takes, if it may. `header` has what
 * the device says of it but num_buffers; NULL: nothing. False if the buffers
 * that the device has do not do.
 */
bool fake_nic_deliver(struct fake_nic *n, unsigned queue, const struct virtio_net_header *header,
		      const void *frame, uint32_t len);

/* The same as a lie: one buffer, whose header says `buffers`, of which `written` bytes were. */
void fake_nic_deliver_lie(struct fake_nic *n, unsigned queue, uint16_t buffers, uint32_t written);

/*
 * Has the driver drive it; NULL if it does not. Devices stay for ever, so few
 * of these.
 */
struct netdev *fake_nic_start(struct fake_nic *n);

/* The fake is used again: what hangs on it goes. */
void fake_nic_end(struct fake_nic *n);
