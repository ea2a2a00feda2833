/* SPDX-License-Identifier: MIT */
#include "drivers/net/fake_nic_test.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static struct fake_nic *of(struct fake_device *f)
{
	return container_of(f, struct fake_nic, device);
}

static void mistake(struct fake_nic *n, const char *what)
{
	if (!n->mistake)
		n->mistake = what;
}

static bool has(const struct fake_nic *n, uint64_t feature)
{
	return n->device.accepted & feature;
}

static unsigned header_len(const struct fake_nic *n)
{
	return n->device.dev.modern || has(n, VIRTIO_NET_F_MRG_RXBUF) ?
	       sizeof(struct virtio_net_header) : VIRTIO_NET_LEGACY_HEADER;
}

static uint16_t ctrl_index(const struct fake_nic *n)
{
	return has(n, VIRTIO_NET_F_MQ) ? (uint16_t)(2 * n->config.max_virtqueue_pairs) : 2;
}

/* 5.1.6.6 */
static bool header_must_be_alone(const struct fake_nic *n)
{
	return !n->device.dev.modern && !has(n, VIRTIO_F_ANY_LAYOUT);
}

static const struct virtq_desc *descs(const struct fake_nic *n, uint16_t queue)
{
	return (const void *)(uintptr_t)n->device.rings[queue].at.desc;
}

static uint8_t *at(const struct virtq_desc *d)
{
	return (uint8_t *)(uintptr_t)d->addr;
}

/* 5.1.6.2.1 */
static void header_check(struct fake_nic *n, const struct fake_packet *p)
{
	const struct virtio_net_header *h = &p->header;
	bool partial = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (h->num_buffers)
		mistake(n, "num_buffers of a packet is not 0");
	if (h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
		mistake(n, "a flag that no driver may set");
	if (partial && !has(n, VIRTIO_NET_F_CSUM))
		mistake(n, "a checksum to be filled in, and no CSUM");
	if (partial && h->csum_start + h->csum_offset + 2u > p->len)
		mistake(n, "a checksum outside the packet");
	if (h->gso_type && (!partial || !h->gso_size))
		mistake(n, "segmentation without a checksum or a size");
	if ((h->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && !has(n, VIRTIO_NET_F_HOST_TSO4)) ||
	    (h->gso_type == VIRTIO_NET_HDR_GSO_TCPV6 && !has(n, VIRTIO_NET_F_HOST_TSO6)) ||
	    (h->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 && !has(n, VIRTIO_NET_F_HOST_USO)))
		mistake(n, "segmentation that was not agreed upon");
	if (!h->gso_type && has(n, VIRTIO_NET_F_MTU) &&
	    p->len > (uint32_t)n->config.mtu + NET_HEADER_LEN)
		mistake(n, "a packet beyond the MTU");
}

static void packet_take(struct fake_nic *n, uint16_t queue, uint16_t head)
{
	const struct virtq_desc *d = &descs(n, queue)[head];
	struct fake_packet *p = &n->sent[n->count];
	uint32_t len = header_len(n);

	if (n->count == FAKE_NIC_SENT) {
		mistake(n, "more packets than the fake can hold");
		return;
	}
	*p = (struct fake_packet){ .queue = queue, .head = head };
	memcpy(&p->header, at(d), len);
	if (d->len == len) {
		d = &descs(n, queue)[d->next];
		p->data = at(d);
		p->len = d->len;
	} else {
		if (header_must_be_alone(n))
			mistake(n, "the header of a packet is no descriptor of its own");
		p->data = at(d) + len;
		p->len = d->len - len;
	}
	if (queue / 2 >= n->pairs)
		mistake(n, "a packet in a queue that is not in use");
	header_check(n, p);
	n->count++;
}

static void buffer_take(struct fake_nic *n, uint16_t queue, uint16_t head)
{
	struct fake_rx *rx = &n->rx[queue / 2];
	struct fake_buffer *b = &rx->held[rx->count];
	const struct virtq_desc *d = &descs(n, queue)[head];
	uint32_t total = 0;

	*b = (struct fake_buffer){ .head = head };
	for (;; d = &descs(n, queue)[d->next]) {
		if (!(d->flags & VIRTQ_DESC_F_WRITE) || b->segments == 2) {
			mistake(n, "a receive buffer of no such kind");
			return;
		}
		b->segment[b->segments].at = at(d);
		b->segment[b->segments++].len = d->len;
		total += d->len;
		if (!(d->flags & VIRTQ_DESC_F_NEXT))
			break;
	}
	if (header_must_be_alone(n) && b->segment[0].len != header_len(n))
		mistake(n, "the header of a buffer is no descriptor of its own");
	if (total < (has(n, VIRTIO_NET_F_MRG_RXBUF) ? header_len(n) : 1526))
		mistake(n, "a receive buffer that is too short");
	rx->count++;
}

static void filter_set(struct fake_nic *n, uint8_t command, const uint8_t *data, uint32_t len)
{
	if (len != 1 || data[0] > 1) {
		mistake(n, "a mode that is neither on nor off");
		return;
	}
	if (command == VIRTIO_NET_CTRL_RX_PROMISC)
		n->promiscuous = data[0];
	else if (command == VIRTIO_NET_CTRL_RX_ALLMULTI)
		n->all_multicast = data[0];
	else
		mistake(n, "a mode of CTRL_RX_EXTRA");
}

/* 5.1.6.5.2.2: a number, as many addresses, and the same once more. */
static void table_set(struct fake_nic *n, const struct virtq_desc *d, unsigned half)
{
	uint32_t entries;

	memcpy(&entries, at(d), sizeof(entries));
	if (entries > NETDEV_FILTER_MAX || d->len != sizeof(entries) + entries * NET_MAC_LEN) {
		mistake(n, "a table of another length");
		return;
	}
	memcpy(n->table[half], at(d) + sizeof(entries), (size_t)entries * NET_MAC_LEN);
	for (uint32_t i = 0; i < entries; i++)
		if ((n->table[half][i][0] & 1) != half)
			mistake(n, "an address in the wrong half of the table");
	if (half)
		n->multicast = entries;
	else
		n->unicast = entries;
}

static void pairs_set(struct fake_nic *n, const uint8_t *data, uint32_t len)
{
	uint16_t pairs = 0;

	if (len == sizeof(pairs))
		memcpy(&pairs, data, sizeof(pairs));
	if (pairs == 0 || pairs > n->config.max_virtqueue_pairs)
		mistake(n, "no such number of queue pairs");
	else
		n->pairs = pairs;
}

/* What a command's class needs (5.1.6.5). */
static bool may_command(const struct fake_nic *n, const uint8_t *command)
{
	switch (command[0]) {
	case VIRTIO_NET_CTRL_RX:
		return has(n, VIRTIO_NET_F_CTRL_RX);
	case VIRTIO_NET_CTRL_MAC:
		return has(n, VIRTIO_NET_F_CTRL_RX) &&
		       (command[1] == VIRTIO_NET_CTRL_MAC_TABLE_SET ||
			has(n, VIRTIO_NET_F_CTRL_MAC_ADDR));
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return has(n, VIRTIO_NET_F_GUEST_ANNOUNCE);
	case VIRTIO_NET_CTRL_MQ:
		return has(n, VIRTIO_NET_F_MQ);
	default:
		return false;
	}
}

static void command_execute(struct fake_nic *n, const uint8_t *command, const struct virtq_desc *d,
			    const struct virtq_desc *all)
{
	switch (command[0]) {
	case VIRTIO_NET_CTRL_RX:
		filter_set(n, command[1], at(d), d->len);
		break;
	case VIRTIO_NET_CTRL_MAC:
		if (command[1] == VIRTIO_NET_CTRL_MAC_TABLE_SET) {
			table_set(n, d, 0);
			table_set(n, &all[d->next], 1);
		} else {
			memcpy(n->config.mac, at(d), NET_MAC_LEN);
			fake_nic_configure(n);
		}
		break;
	case VIRTIO_NET_CTRL_ANNOUNCE:
		n->config.status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
		fake_nic_configure(n);
		break;
	case VIRTIO_NET_CTRL_MQ:
		pairs_set(n, at(d), d->len);
		break;
	default:
		break;
	}
}

static void command_take(struct fake_nic *n, uint16_t queue, uint16_t head)
{
	const struct virtq_desc *all = descs(n, queue), *first = &all[head], *last = first;
	uint8_t command[2] = { 0 };
	bool refused;

	while (last->flags & VIRTQ_DESC_F_NEXT)
		last = &all[last->next];
	if (first->len != sizeof(command) || last->len != 1 || !(last->flags & VIRTQ_DESC_F_WRITE))
		mistake(n, "a command of another frame");
	memcpy(command, at(first), sizeof(command));
	if (!may_command(n, command))
		mistake(n, "a command that was not agreed upon");
	if (n->command_count < FAKE_NIC_COMMANDS)
		memcpy(n->commands[n->command_count++], command, sizeof(command));
	refused = n->refuses & BIT(command[0]);
	if (!refused)
		command_execute(n, command, &all[first->next], all);
	*at(last) = refused ? VIRTIO_NET_ERR : VIRTIO_NET_OK;
	if (n->ack_lie >= 0)
		*at(last) = (uint8_t)n->ack_lie;
	fake_device_use(&n->device, head, 1);
}

static void queue_fetch(struct fake_nic *n, uint16_t queue)
{
	uint32_t writable;
	uint16_t head;
	uint8_t *data;

	n->device.queue = queue;
	while (fake_device_fetch(&n->device, &head, &data, &writable) == 0) {
		if (has(n, VIRTIO_NET_F_CTRL_VQ) && queue == ctrl_index(n))
			command_take(n, queue, head);
		else if (queue % 2)
			packet_take(n, queue, head);
		else
			buffer_take(n, queue, head);
	}
}

void fake_nic_fetch(struct fake_nic *n)
{
	if (n->mute)
		return;
	for (uint16_t i = 0; i < 2 * FAKE_NIC_PAIRS; i++)
		if (i != ctrl_index(n) || !has(n, VIRTIO_NET_F_CTRL_VQ))
			queue_fetch(n, i);
	if (has(n, VIRTIO_NET_F_CTRL_VQ) && !n->holds_commands)
		queue_fetch(n, ctrl_index(n));
}

void fake_nic_complete(struct fake_nic *n, unsigned index)
{
	struct fake_packet p = n->sent[index];

	memmove(&n->sent[index], &n->sent[index + 1],
		(--n->count - index) * sizeof(n->sent[0]));
	n->completed++;
	n->device.queue = p.queue;
	fake_device_use(&n->device, p.head, 0);
}

void fake_nic_complete_all(struct fake_nic *n)
{
	fake_nic_fetch(n);
	while (n->count)
		fake_nic_complete(n, 0);
}

/* Writes into a buffer from byte `skip` on; how much of `len` found room. */
static uint32_t buffer_write(const struct fake_buffer *b, uint32_t skip, const uint8_t *data,
			     uint32_t len)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < b->segments; i++) {
		uint32_t room = b->segment[i].len, piece;

		if (skip >= room) {
			skip -= room;
			continue;
		}
		piece = min(len - done, room - skip);
		memcpy(b->segment[i].at + skip, data + done, piece);
		done += piece;
		skip = 0;
	}
	return done;
}

static uint32_t buffer_len(const struct fake_buffer *b)
{
	return b->segment[0].len + (b->segments > 1 ? b->segment[1].len : 0);
}

/* How many of the buffers a frame takes; 0: more than there are. */
static unsigned buffers_needed(const struct fake_nic *n, const struct fake_rx *rx, uint32_t len)
{
	uint32_t total = 0;

	for (unsigned i = 0; i < rx->count; i++) {
		total += buffer_len(&rx->held[i]);
		if (total >= len)
			return i + 1;
		if (!has(n, VIRTIO_NET_F_MRG_RXBUF))
			break;
	}
	return 0;
}

static void buffers_forget(struct fake_rx *rx, unsigned used)
{
	rx->count -= used;
	memmove(rx->held, rx->held + used, rx->count * sizeof(rx->held[0]));
}

bool fake_nic_deliver(struct fake_nic *n, unsigned queue, const struct virtio_net_header *header,
		      const void *frame, uint32_t len)
{
	struct fake_rx *rx = &n->rx[queue];
	struct virtio_net_header h = { 0 };
	uint32_t head_len = header_len(n), done = 0;
	unsigned used = buffers_needed(n, rx, len + head_len);

	if (!used)
		return false;
	if (header)
		h = *header;
	h.num_buffers = (uint16_t)used;
	n->device.queue = (uint16_t)(2 * queue);
	buffer_write(&rx->held[0], 0, (const uint8_t *)&h, head_len);
	for (unsigned i = 0; i < used; i++) {
		uint32_t skip = i ? 0 : head_len;
		uint32_t piece = buffer_write(&rx->held[i], skip, (const uint8_t *)frame + done,
					      len - done);

		done += piece;
		fake_device_use(&n->device, rx->held[i].head, piece + skip);
	}
	buffers_forget(rx, used);
	return true;
}

void fake_nic_deliver_lie(struct fake_nic *n, unsigned queue, uint16_t buffers, uint32_t written)
{
	struct fake_rx *rx = &n->rx[queue];
	struct virtio_net_header h = { .num_buffers = buffers };

	n->device.queue = (uint16_t)(2 * queue);
	buffer_write(&rx->held[0], 0, (const uint8_t *)&h, header_len(n));
	fake_device_use(&n->device, rx->held[0].head, written);
	buffers_forget(rx, 1);
}

static void rung(struct fake_device *f)
{
	struct fake_nic *n = of(f);

	if (n->holds)
		fake_nic_fetch(n);
	else
		fake_nic_complete_all(n);
}

static void forget(struct fake_device *f)
{
	struct fake_nic *n = of(f);

	n->count = 0;
	for (unsigned i = 0; i < FAKE_NIC_PAIRS; i++)
		n->rx[i].count = 0;
	n->pairs = 1;
	n->promiscuous = true;		/* as QEMU's is */
	n->all_multicast = false;
	n->unicast = n->multicast = 0;
	memcpy(n->config.mac, n->burnt_mac, NET_MAC_LEN);
	fake_nic_configure(n);
}

void fake_nic_configure(struct fake_nic *n)
{
	memcpy(n->device.config, &n->config, sizeof(n->config));
}

void fake_nic_init(struct fake_nic *n)
{
	static const uint8_t mac[NET_MAC_LEN] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

	memset(n, 0, sizeof(*n));
	fake_device_init(&n->device, VIRTIO_ID_NET);
	n->device.answer = rung;
	n->device.forget = forget;
	n->device.queue_max = 256;
	n->device.offered |= VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MAC |
			     VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 |
			     VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ |
			     VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_GUEST_ANNOUNCE |
			     VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_SPEED_DUPLEX;
	n->ack_lie = -1;
	n->config = (struct virtio_net_config){
		.status = VIRTIO_NET_S_LINK_UP, .max_virtqueue_pairs = 2, .mtu = NET_MTU_DEFAULT,
		.speed = 1000, .duplex = 1,
	};
	memcpy(n->burnt_mac, mac, NET_MAC_LEN);
	forget(&n->device);
}

static const struct virtio_driver *net_driver(void)
{
	const struct virtio_driver *const *driver;

	table_for_each(virtio_drivers, driver)
		if ((*driver)->id == VIRTIO_ID_NET)
			return *driver;
	return NULL;
}

/* The list of devices may not be built for the host. */
__weak int virtio_device_describe(const struct virtio_device *dev, char *text, size_t size)
{
	return dev->ops->describe(dev, text, size);
}

__weak int virtio_device_where(const struct virtio_device *dev, char *text, size_t size)
{
	return dev->ops->where(dev, text, size);
}

struct netdev *fake_nic_start(struct fake_nic *n)
{
	unsigned before = netdev_count();

	if (virtio_device_start(&n->device.dev, net_driver()) || netdev_count() == before)
		return NULL;
	return netdev_at(before);
}

void fake_nic_end(struct fake_nic *n)
{
	virtio_device_fail(&n->device.dev, "the test is over", 0);
	virtio_queues_free(&n->device.dev);
	requests_tell();
}
