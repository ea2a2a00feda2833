/* SPDX-License-Identifier: MIT */
/*
 * What VIRTIO 1.2 demands of a driver of network devices (5.1): each demand
 * against a device that notes what it is given, with and without the features
 * that the demand is about.
 */
#include "drivers/net/virtio_net.h"

#include "drivers/virtio/fake_transport.h"
#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/loop.h"

enum {
	PIECES = 8,			/* descriptors of a chain */
	RECEIVE_MAX = 256,		/* buffers that the device has */
	COMMANDS = 32,
	FRAME = 256,			/* bytes of what is sent here */
	CSUM_START = 34, CSUM_OFFSET = 16, GSO_SIZE = 100, GSO_HEADER = 54,
	ETHERTYPE_AT = 12,
};

/* Features that this driver has nothing to do with. */
#define NEVER (BIT(2) | BIT(9) | BIT(10) | BIT(13) | BIT(14) | BIT(19) | BIT(20) | BIT(57) | \
	       BIT(60) | BIT(61) | BIT(62))
#define HOST_GSO (VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_USO)
#define CTRL (VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR | \
	      VIRTIO_NET_F_MQ | VIRTIO_NET_F_GUEST_ANNOUNCE)

struct piece {
	uint8_t *at;
	uint32_t len;
	bool write;
};

struct chain {
	uint16_t head;
	unsigned count;
	struct piece pieces[PIECES];
};

/* The device and what it saw. */
static struct fake_device fake;
static struct netdev *net;
static unsigned header_len;
static struct chain sent;			/* the packet sent last */
static struct virtio_net_header sent_header;
static unsigned sent_count, sent_queue;
static struct chain buffers[RECEIVE_MAX];	/* of the first receive queue */
static unsigned buffer_count;
static struct { uint8_t class, command; struct chain chain; } commands[COMMANDS];
static unsigned command_count;
static bool holds_commands;
static struct virtio_net_config config;

static struct chain chain_read(uint16_t head)
{
	const struct virtq_desc *table = (const void *)(uintptr_t)fake.rings[fake.queue].at.desc;
	const struct virtq_desc *d = &table[head];
	struct chain c = { .head = head };

	for (;; d = &table[d->next]) {
		c.pieces[c.count++] = (struct piece){
			(uint8_t *)(uintptr_t)d->addr, d->len, d->flags & VIRTQ_DESC_F_WRITE,
		};
		if (!(d->flags & VIRTQ_DESC_F_NEXT) || c.count == PIECES)
			return c;
	}
}

static void command_take(const struct chain *c)
{
	const struct piece *ack = &c->pieces[c->count - 1];

	if (command_count < COMMANDS) {
		commands[command_count].class = c->pieces[0].at[0];
		commands[command_count].command = c->pieces[0].at[1];
		commands[command_count++].chain = *c;
	}
	if (holds_commands)
		return;
	ack->at[ack->len - 1] = VIRTIO_NET_OK;
	fake_device_use(&fake, c->head, 1);
}

static void packet_take(const struct chain *c)
{
	sent = *c;
	sent_queue = fake.queue;
	sent_count++;
	memset(&sent_header, 0, sizeof(sent_header));
	memcpy(&sent_header, c->pieces[0].at, header_len);
	fake_device_use(&fake, c->head, 0);
}

static void answer(struct fake_device *f)
{
	unsigned ctrl = f->accepted & VIRTIO_NET_F_MQ ? 2u * config.max_virtqueue_pairs : 2;
	uint32_t writable;
	uint16_t head;
	uint8_t *data;

	while (fake_device_fetch(f, &head, &data, &writable) == 0) {
		struct chain c = chain_read(head);

		if (f->queue == ctrl)
			command_take(&c);
		else if (f->queue % 2)
			packet_take(&c);
		else if (f->queue == 0 && buffer_count < RECEIVE_MAX)
			buffers[buffer_count++] = c;
	}
}

static const struct virtio_driver *net_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_NET)
			return *driver;
	return NULL;
}

static void offer(uint64_t features, bool modern)
{
	fake_device_init(&fake, VIRTIO_ID_NET);
	fake.answer = answer;
	fake.dev.modern = modern;
	fake.offered = features | (modern ? VIRTIO_F_VERSION_1 : 0);
	memcpy(fake.config, &config, sizeof(config));
	header_len = modern || features & VIRTIO_NET_F_MRG_RXBUF ? 12 : 10;
	sent_count = buffer_count = command_count = 0;
	holds_commands = false;
}

/* A device of these features that is driven. Such stay for ever, so few of them. */
static bool start(struct ktest_run *t, uint64_t features, bool modern)
{
	offer(features, modern);
	if (!expect_eq(t, virtio_device_start(&fake.dev, net_driver()), 0))
		return false;
	net = netdev_at(netdev_count() - 1);
	return true;
}

static void end(struct ktest_run *t)
{
	expect(t, fake.dev.fault == NULL);
	virtio_device_fail(&fake.dev, "the test is over", 0);
	virtio_queues_free(&fake.dev);
}

static void config_reset(void)
{
	config = (struct virtio_net_config){
		.mac = { 0x52, 0x54, 0, 1, 2, 3 }, .status = VIRTIO_NET_S_LINK_UP,
		.max_virtqueue_pairs = 2, .mtu = 1500, .speed = 1000, .duplex = 1,
	};
}

static void turns(void)
{
	for (unsigned i = 0; i < 8; i++)
		loop_turn();
}

static void nothing(struct request *r __unused)
{
}

static uint8_t frame[NET_HEADROOM + 10000];

/* Sends one and waits until it has come back. */
static int transmit(struct net_packet *p)
{
	int rc;

	p->request.done = nothing;
	p->data = frame + NET_HEADROOM;
	rc = netdev_transmit(net, p);
	turns();
	return rc;
}

/* 2.2.1, 5.1.3.1; where one of several will do, any is wanted. */
static const struct { unsigned feature; uint64_t needs; } dependencies[] = {
	{ 7, BIT(1) }, { 8, BIT(1) }, { 9, BIT(7) | BIT(8) }, { 10, BIT(1) }, { 11, BIT(0) },
	{ 12, BIT(0) }, { 13, BIT(11) | BIT(12) }, { 14, BIT(0) }, { 56, BIT(0) }, { 18, BIT(17) },
	{ 19, BIT(17) }, { 21, BIT(17) }, { 22, BIT(17) }, { 23, BIT(17) },
	{ 61, BIT(11) | BIT(12) }, { 60, BIT(17) },
};

KTEST(virtio_net_accepts_no_feature_without_what_it_needs)
{
	for (unsigned n = 0; n < 2000; n++) {
		uint64_t offered = ktest_random(t) | ktest_random(t);
		uint64_t fit = virtio_net_features(offered);

		expect_eq(t, fit & ~offered, 0);
		for (unsigned i = 0; i < ARRAY_SIZE(dependencies); i++)
			if (net_driver()->features & fit & BIT(dependencies[i].feature))
				expect(t, fit & dependencies[i].needs);
	}
	/* And the core asks for it. */
	config_reset();
	offer(~VIRTIO_NET_F_CTRL_VQ & ~VIRTIO_NET_F_CSUM, true);
	fake.refuses_features = true;
	expect(t, virtio_device_start(&fake.dev, net_driver()) != 0);
	virtio_queues_free(&fake.dev);
	expect_eq(t, fake.accepted & (CTRL | HOST_GSO), 0);
}

KTEST(virtio_net_accepts_none_of_the_features_it_does_not_know)
{
	config_reset();
	for (unsigned modern = 0; modern < 2; modern++) {
		offer(~0ull, modern);
		fake.queue_max = 0;
		expect(t, virtio_device_start(&fake.dev, net_driver()) != 0);
		virtio_queues_free(&fake.dev);
		expect_eq(t, fake.accepted & NEVER, 0);
	}
}

/* Where the fields of a feature lie in the configuration (5.1.4). */
static const struct { uint64_t feature; uint32_t start, end; } fields[] = {
	{ VIRTIO_NET_F_MAC, 0, 6 }, { VIRTIO_NET_F_STATUS, 6, 8 }, { VIRTIO_NET_F_MQ, 8, 10 },
	{ VIRTIO_NET_F_MTU, 10, 12 }, { VIRTIO_NET_F_SPEED_DUPLEX, 12, 17 },
};

static const struct virtio_transport_ops *honest;
static unsigned not_offered;

static uint32_t watch_read(struct virtio_device *dev, uint32_t offset, unsigned width)
{
	bool may = false;

	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		may |= offset >= fields[i].start && offset + width <= fields[i].end &&
		       fake.offered & fields[i].feature;
	not_offered += !may;
	return honest->config_read(dev, offset, width);
}

KTEST(virtio_net_reads_only_fields_whose_feature_is_offered)
{
	static struct virtio_transport_ops watched;

	config_reset();
	not_offered = 0;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(fields); i++) {
		uint64_t feature = fields[i / 2].feature | VIRTIO_NET_F_CTRL_VQ;

		offer(i % 2 ? ~fields[i / 2].feature : feature, i & 1);
		honest = fake.dev.ops;
		watched = *honest;
		watched.config_read = watch_read;
		fake.dev.ops = &watched;
		fake.queue_max = 0;
		expect(t, virtio_device_start(&fake.dev, net_driver()) != 0);
		virtio_queues_free(&fake.dev);
	}
	expect_eq(t, not_offered, 0);
}

/* 5.1.6.2.1: what the header says, against what was asked and agreed upon. */
static void header_check(struct ktest_run *t, const struct net_packet *p)
{
	static const uint64_t needed[] = {
		[VIRTIO_NET_HDR_GSO_TCPV4] = VIRTIO_NET_F_HOST_TSO4,
		[VIRTIO_NET_HDR_GSO_TCPV6] = VIRTIO_NET_F_HOST_TSO6,
		[VIRTIO_NET_HDR_GSO_UDP_L4] = VIRTIO_NET_F_HOST_USO,
	};
	const struct virtio_net_header *h = &sent_header;

	expect_eq(t, h->num_buffers, 0);
	expect_eq(t, h->flags, p->checksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
	if (!(fake.accepted & VIRTIO_NET_F_CSUM))
		expect_eq(t, h->flags, 0);
	expect_eq(t, h->csum_start, p->checksum ? CSUM_START : 0);
	expect_eq(t, h->csum_offset, p->checksum ? CSUM_OFFSET : 0);
	expect_eq(t, h->gso_type != VIRTIO_NET_HDR_GSO_NONE, p->gso != NET_GSO_NONE);
	if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return;
	require(t, h->gso_type < ARRAY_SIZE(needed));
	expect(t, fake.accepted & needed[h->gso_type]);
	expect(t, h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	expect_eq(t, h->gso_size, GSO_SIZE);
	expect_eq(t, h->hdr_len, GSO_HEADER);
}

static void data_check(struct ktest_run *t)
{
	const struct piece *last = &sent.pieces[sent.count - 1];
	uint32_t skipped = sent.count == 1 ? header_len : 0;

	expect_eq(t, last->len - skipped, FRAME);
	for (unsigned i = 0; i < FRAME; i++)
		require(t, last->at[skipped + i] == (uint8_t)(i * 7));
}

/* Every kind of packet; what was not agreed upon must be refused. */
static void send_all_kinds(struct ktest_run *t)
{
	for (unsigned kind = 0; kind < 4 * NET_GSO_COUNT; kind++) {
		struct net_packet p = {
			.len = FRAME, .headroom = kind & 1, .checksum = kind & 2,
			.checksum_start = CSUM_START, .checksum_offset = CSUM_OFFSET,
			.gso = (enum net_gso)(kind / 4), .gso_size = GSO_SIZE,
			.gso_header = GSO_HEADER,
		};
		bool can = (!p.checksum || net->can_checksum) &&
			   (p.gso == NET_GSO_NONE || (p.checksum && net->can_gso & BIT(p.gso)));
		unsigned before = sent_count;

		memset(frame, 0xee, NET_HEADROOM);
		for (unsigned i = 0; i < FRAME; i++)
			frame[NET_HEADROOM + i] = (uint8_t)(i * 7);
		expect_eq(t, transmit(&p) == 0, can);
		expect_eq(t, sent_count - before, can);
		if (can) {
			header_check(t, &p);
			data_check(t);
		}
	}
}

KTEST(virtio_net_headers_of_what_is_sent_say_what_was_agreed_upon)
{
	static const uint64_t sets[] = {
		0, VIRTIO_NET_F_CSUM, HOST_GSO,		/* the last without CSUM is none */
		VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_USO,
		VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_GUEST_HDRLEN,
	};

	config_reset();
	for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
		if (!start(t, sets[i], true))
			return;
		send_all_kinds(t);
		end(t);
	}
	if (!start(t, VIRTIO_NET_F_CSUM | HOST_GSO, false))
		return;
	send_all_kinds(t);
	end(t);
}

/* Bytes of all buffers that the device was given, headers included, and the smallest. */
static uint32_t buffers_sum(uint32_t *least)
{
	uint32_t sum = 0;

	*least = UINT32_MAX;
	for (unsigned i = 0; i < buffer_count; i++) {
		uint32_t len = 0;

		for (unsigned k = 0; k < buffers[i].count; k++)
			len += buffers[i].pieces[k].len;
		*least = min(*least, len);
		sum += len;
	}
	return sum;
}

KTEST(virtio_net_keeps_to_the_mtu_and_has_buffers_for_it)
{
	static const uint64_t sets[] = { 0, VIRTIO_NET_F_MRG_RXBUF };
	enum { MTU = 9000 };

	config_reset();
	config.mtu = MTU;
	for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
		struct net_packet p = { .len = MTU + NET_HEADER_LEN, .headroom = true };
		uint32_t least, sum;

		if (!start(t, sets[i] | VIRTIO_NET_F_MTU, true))
			return;
		sum = buffers_sum(&least);
		expect(t, (i ? sum : least) >= MTU + NET_HEADER_LEN + header_len);
		expect(t, least >= header_len && (i || least >= 1526));
		expect_eq(t, transmit(&p), 0);
		p.len++;
		expect_eq(t, transmit(&p), -EMSGSIZE);
		expect_eq(t, sent_count, 1);
		end(t);
	}
}

static struct net_frame shown;
static unsigned shown_count;

static void receive(struct netdev *dev __unused, const struct net_frame *f)
{
	shown = *f;
	shown_count++;
}

/* A frame arrives with this header. */
static void arrive(struct virtio_net_header header)
{
	struct chain c = buffers[--buffer_count];

	header.num_buffers = 1;
	memcpy(c.pieces[0].at, &header, header_len);
	memset(c.pieces[0].at + header_len, 0x11, FRAME);
	fake.queue = 0;
	fake_device_use(&fake, c.head, header_len + FRAME);
	turns();
}

KTEST(virtio_net_headers_of_what_arrives_are_read_as_far_as_they_say_something)
{
	config_reset();
	if (!start(t, VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MRG_RXBUF, true))
		return;
	net->receive = receive;
	shown_count = 0;
	/* Flags of the future, and a length of headers that is rubbish. */
	arrive((struct virtio_net_header){ .flags = 0xf8, .hdr_len = 0xffff });
	expect_eq(t, shown_count, 1);
	expect_eq(t, shown.len, FRAME);
	expect(t, !shown.checksum_good && !shown.checksum_partial && shown.gso == NET_GSO_NONE);
	/* Without NEEDS_CSUM its place is nothing. */
	arrive((struct virtio_net_header){ .csum_start = 0xffff, .csum_offset = 0xffff });
	expect_eq(t, shown_count, 2);
	expect(t, !shown.checksum_partial && shown.checksum_start == 0);
	arrive((struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_DATA_VALID,
					   .csum_start = 0xffff });
	expect_eq(t, shown_count, 3);
	expect(t, shown.checksum_good && !shown.checksum_partial);
	arrive((struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .csum_start = CSUM_START, .csum_offset = CSUM_OFFSET });
	expect_eq(t, shown_count, 4);
	expect(t, shown.checksum_partial && !shown.checksum_good);
	expect_eq(t, shown.checksum_start, CSUM_START);
	expect_eq(t, shown.checksum_offset, CSUM_OFFSET);
	net->receive = NULL;
	end(t);
}

static const uint8_t macs[][NET_MAC_LEN] = {
	{ 2, 1, 1, 1, 1, 1 }, { 1, 0, 0x5e, 0, 0, 1 }, { 2, 2, 2, 2, 2, 2 },
	{ 0x33, 0x33, 0, 0, 0, 1 }, { 2, 3, 3, 3, 3, 3 },
};

/* All that a device can be asked. */
static void ask_all(void)
{
	const struct netdev_filter filter = {
		.all_multicast = true, .macs = macs, .count = ARRAY_SIZE(macs),
	};

	(void)!net->set_filter(net, &filter);
	turns();
	(void)!net->set_mac(net, macs[0]);
	turns();
	(void)!net->set_queue_pairs(net, 2);
	turns();
	memcpy(&config, fake.config, sizeof(config));
	config.status |= VIRTIO_NET_S_ANNOUNCE;
	memcpy(fake.config, &config, sizeof(config));
	net_driver()->config_changed(&fake.dev);
	turns();
}

/* 5.1.6.5: which feature each command needs. */
static bool command_allowed(unsigned class, unsigned command)
{
	switch (class) {
	case VIRTIO_NET_CTRL_RX:
		return command <= 1 && fake.accepted & VIRTIO_NET_F_CTRL_RX;
	case VIRTIO_NET_CTRL_MAC:
		return fake.accepted & VIRTIO_NET_F_CTRL_RX &&
		       (command == 0 || fake.accepted & VIRTIO_NET_F_CTRL_MAC_ADDR);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return command == 0 && fake.accepted & VIRTIO_NET_F_GUEST_ANNOUNCE;
	case VIRTIO_NET_CTRL_MQ:
		return command == 0 && fake.accepted & VIRTIO_NET_F_MQ;
	default:
		return false;
	}
}

/* Two counted tables, of the addresses that were asked for (5.1.6.5.2.2). */
static void table_check(struct ktest_run *t, const struct chain *c)
{
	uint8_t table[512], *at = table;
	uint32_t counts[2] = { 3, 2 };

	for (unsigned i = 1; i + 1 < c->count; i++) {
		require(t, at + c->pieces[i].len <= table + sizeof(table));
		memcpy(at, c->pieces[i].at, c->pieces[i].len);
		at += c->pieces[i].len;
	}
	expect_eq(t, at - table, 2 * 4 + ARRAY_SIZE(macs) * NET_MAC_LEN);
	at = table;
	for (unsigned group = 0; group < 2; group++) {
		uint32_t n;

		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		require(t, n == counts[group]);
		for (; n; n--, at += NET_MAC_LEN)
			expect_eq(t, at[0] & 1, group);
	}
}

static void commands_check(struct ktest_run *t)
{
	for (unsigned i = 0; i < command_count; i++) {
		expect(t, command_allowed(commands[i].class, commands[i].command));
		if (commands[i].class == VIRTIO_NET_CTRL_MAC && commands[i].command == 0)
			table_check(t, &commands[i].chain);
	}
}

static bool was_asked(unsigned class, unsigned command)
{
	for (unsigned i = 0; i < command_count; i++)
		if (commands[i].class == class && commands[i].command == command)
			return true;
	return false;
}

KTEST(virtio_net_commands_are_only_those_of_features_agreed_upon)
{
	static const uint64_t sets[] = {
		0, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_MAC_ADDR,
		VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_GUEST_ANNOUNCE, CTRL,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
		config_reset();
		if (!start(t, sets[i] | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS, true))
			return;
		expect(t, memcmp(net->mac, config.mac, NET_MAC_LEN) == 0);
		ask_all();
		commands_check(t);
		expect(t, i >= 3 || command_count == 0);
		end(t);
	}
	expect(t, was_asked(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI));
	expect(t, was_asked(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET));
	expect(t, was_asked(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET));
	expect(t, was_asked(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET));
	expect(t, was_asked(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK));
}

/* Which transmit queue a packet that asks for the second takes. */
static unsigned queue_used(struct ktest_run *t)
{
	struct net_packet p = { .len = FRAME, .headroom = true, .queue = 1 };
	unsigned before = sent_count;

	expect_eq(t, transmit(&p), 0);
	expect_eq(t, sent_count - before, 1);
	return sent_queue;
}

KTEST(virtio_net_uses_the_queue_pairs_that_it_asked_for)
{
	const struct chain *c;
	uint16_t pairs;

	config_reset();
	if (!start(t, VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ, true))
		return;
	expect_eq(t, queue_used(t), 1);
	expect_eq(t, net->set_queue_pairs(net, 0), -EINVAL);
	expect_eq(t, net->set_queue_pairs(net, config.max_virtqueue_pairs + 1u), -EINVAL);
	expect_eq(t, command_count, 0);
	/* Both pairs were set up before the command. */
	expect(t, fake.rings[2].size && fake.rings[3].size);
	holds_commands = true;
	expect_eq(t, net->set_queue_pairs(net, 2), 0);
	turns();
	require(t, command_count == 1);
	c = &commands[0].chain;
	memcpy(&pairs, c->pieces[1].at, sizeof(pairs));
	expect_eq(t, pairs, 2);
	expect_eq(t, queue_used(t), 1);
	c->pieces[c->count - 1].at[0] = VIRTIO_NET_OK;
	fake.queue = 2u * config.max_virtqueue_pairs;
	fake_device_use(&fake, c->head, 1);
	turns();
	expect_eq(t, queue_used(t), 3);
	/* From the command on, answered or not, the second is not used any more. */
	expect_eq(t, net->set_queue_pairs(net, 1), 0);
	expect_eq(t, queue_used(t), 1);
	expect_eq(t, command_count, 2);
	end(t);
}

/* 5.1.6.6 */
KTEST(virtio_net_frames_for_a_legacy_device_as_it_was_used_to)
{
	struct net_packet p = { .len = FRAME, .headroom = true };

	config_reset();
	if (!start(t, CTRL, false))
		return;
	expect_eq(t, transmit(&p), 0);
	expect_eq(t, sent.count, 2);
	expect_eq(t, sent.pieces[0].len, header_len);
	expect_eq(t, sent.pieces[1].len, FRAME);
	require(t, buffer_count > 0);
	for (unsigned i = 0; i < buffer_count; i++)
		expect(t, buffers[i].count == 2 && buffers[i].pieces[0].len == header_len);
	ask_all();
	require(t, command_count >= 4);
	for (unsigned i = 0; i < command_count; i++) {
		const struct chain *c = &commands[i].chain;
		bool table = commands[i].class == VIRTIO_NET_CTRL_MAC && commands[i].command == 0;

		expect_eq(t, c->pieces[0].len, 2);
		expect(t, c->pieces[c->count - 1].len == 1 && c->pieces[c->count - 1].write);
		expect(t, !table || c->count == 4);
	}
	end(t);
}

KTEST(virtio_net_speed_and_duplex_that_cannot_be_are_unknown)
{
	static const struct { uint32_t speed; uint8_t duplex; bool speed_known, duplex_known; }
	cases[] = {
		{ 1000, 1, true, true }, { 0x7fffffff, 0, true, true },
		{ 0x80000000, 2, false, false }, { UINT32_MAX, 0xff, false, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_net_config c = { .speed = cases[i].speed, .duplex = cases[i].duplex };
		struct netdev dev = { 0 };

		virtio_net_link_info(&c, VIRTIO_NET_F_SPEED_DUPLEX, &dev);
		expect_eq(t, dev.speed, cases[i].speed_known ? cases[i].speed : 0);
		expect_eq(t, dev.duplex_known, cases[i].duplex_known);
		expect_eq(t, dev.full_duplex, cases[i].duplex_known && cases[i].duplex);
	}
}
