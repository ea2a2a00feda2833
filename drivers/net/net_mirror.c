/* SPDX-License-Identifier: MIT */
/*
 * The command `netmirror`: frames to a mirror (scripts/tap.py), and back. First
 * short and long ones over all queues, with checksums that the device is to
 * fill in; then a stream in frames that the device is to cut into segments.
 * Each byte of what comes back is compared, and each checksum.
 *
 * The mirror's network may cut and join as it likes, so the stream is put
 * together by its sequence numbers.
 */
#include "drivers/net/netdev.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/shell.h"
#include "mm/kmalloc.h"

enum {
	FRAMES = 4000,
	STREAM = 4 << 20,		/* bytes */
	WINDOW = 16,			/* frames that have not come back */
	WINDOW_STREAM = 4,		/* bursts; the mirror's socket holds few */
	BUFFER_ORDER = 3,
	BURST = 20 * 1440,		/* bytes of the stream in one frame */
	SEGMENT = 1440,
	IP = NET_HEADER_LEN, IP_LEN = 20,
	L4 = IP + IP_LEN, UDP_LEN = 8, TCP_LEN = 20,
	PROTOCOL_UDP = 17, PROTOCOL_TCP = 6,
	QUEUES_MAX = 64,
};

#define PATIENCE	(5 * NS_PER_S)

static const uint8_t mirror_mac[NET_MAC_LEN] = { 2, 0, 0, 0, 0, 0x4d };

struct mirror {
	struct netdev *dev;
	struct net_packet packets[WINDOW];
	unsigned sent;			/* frames, or bursts of the stream */
	uint32_t back;			/* frames, or bytes of the stream */
	bool stream;
	uint64_t wrong, partial, joined;
	uint64_t queues;		/* a bit for each that a frame came by */
	uint8_t seen[FRAMES];
	uint8_t pieces[STREAM / SEGMENT + 1];	/* of the stream, that came back */
};

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void write16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t read32(const uint8_t *p)
{
	return (uint32_t)read16(p) << 16 | read16(p + 2);
}

/* The sum of RFC 1071, folded, not complemented. */
static uint16_t sum(const uint8_t *p, size_t len, uint32_t start)
{
	uint64_t total = start;

	for (size_t i = 0; i + 1 < len; i += 2)
		total += read16(p + i);
	if (len % 2)
		total += (uint32_t)p[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

/* Of the pseudo-header: both addresses, the protocol, the length behind IPv4. */
static uint16_t sum_pseudo(const uint8_t *frame, size_t len)
{
	return sum(frame + IP + 12, 8, frame[IP + 9] + (uint32_t)len);
}

static unsigned checksum_offset(uint8_t protocol)
{
	return protocol == PROTOCOL_UDP ? 6 : 16;
}

static uint8_t byte_at(uint32_t place)
{
	return (uint8_t)(place ^ place >> 8 ^ place >> 16);
}

/* Ethernet and IPv4 before `len` bytes. Ports tell flows apart: one for each queue. */
static void headers_make(struct mirror *m, uint8_t *f, uint8_t protocol, uint32_t len,
			 unsigned flow)
{
	static const uint8_t addresses[8] = { 10, 0, 2, 15, 10, 0, 2, 77 };

	memset(f, 0, L4 + TCP_LEN);
	memcpy(f, mirror_mac, NET_MAC_LEN);
	memcpy(f + NET_MAC_LEN, m->dev->mac, NET_MAC_LEN);
	write16(f + 12, 0x0800);
	f[IP] = 0x45;
	write16(f + IP + 2, IP_LEN + len);
	f[IP + 8] = 64;
	f[IP + 9] = protocol;
	memcpy(f + IP + 12, addresses, sizeof(addresses));
	write16(f + IP + 10, ~sum(f + IP, IP_LEN, 0) & 0xffff);
	write16(f + L4, 4000 + flow);
	write16(f + L4 + 2, 4000);
}

/* The device fills it in, or we. */
static void checksum_make(struct net_packet *p, bool ours)
{
	uint8_t *f = p->data;
	unsigned at = checksum_offset(f[IP + 9]);
	uint32_t len = p->len - L4;

	write16(f + L4 + at, sum_pseudo(f, len));
	p->checksum = !ours;
	p->checksum_start = L4;
	p->checksum_offset = (uint16_t)at;
	if (ours)
		write16(f + L4 + at, (uint16_t)~sum(f + L4, len, 0) ?: 0xffff);
}

/* Frame `number`: its number, then bytes, of every length that there is. */
static void frame_make(struct mirror *m, struct net_packet *p, unsigned number)
{
	uint32_t len = UDP_LEN + 4 + number * 7 % (NET_MTU_DEFAULT - IP_LEN - UDP_LEN - 3);
	uint8_t *f = p->data;

	p->queue = number % m->dev->queue_pairs;
	headers_make(m, f, PROTOCOL_UDP, len, p->queue);
	write16(f + L4 + 4, len);
	write16(f + L4 + UDP_LEN + 2, number);
	for (uint32_t i = UDP_LEN + 4; i < len; i++)
		f[L4 + i] = byte_at(number + i);
	p->len = L4 + len;
	p->gso = NET_GSO_NONE;
	checksum_make(p, !m->dev->can_checksum || number % 4 == 0);
}

static uint32_t burst_len(unsigned number)
{
	return min((uint32_t)BURST, STREAM - (uint32_t)number * BURST);
}

static void burst_make(struct mirror *m, struct net_packet *p, unsigned number)
{
	uint32_t at = number * BURST, len = burst_len(number);
	uint8_t *f = p->data;

	p->queue = 0;
	headers_make(m, f, PROTOCOL_TCP, TCP_LEN + len, 0);
	write16(f + L4 + 4, at >> 16);
	write16(f + L4 + 6, at);
	f[L4 + 12] = TCP_LEN / 4 << 4;
	f[L4 + 13] = 0x10;		/* ACK */
	write16(f + L4 + 14, 0xffff);
	for (uint32_t i = 0; i < len; i++)
		f[L4 + TCP_LEN + i] = byte_at(at + i);
	p->len = L4 + TCP_LEN + len;
	p->gso = NET_GSO_TCPV4;
	p->gso_size = SEGMENT;
	p->gso_header = L4 + TCP_LEN;
	checksum_make(p, false);
}

/* Whether the checksum is right, or is said to be left to us. */
static bool checksum_is_right(struct mirror *m, const struct net_frame *frame, uint32_t len)
{
	const uint8_t *f = frame->data;

	if (frame->checksum_partial) {
		m->partial++;
		return frame->checksum_start == L4 &&
		       frame->checksum_offset == checksum_offset(f[IP + 9]);
	}
	return frame->checksum_good || sum(f + L4, len, sum_pseudo(f, len)) == 0xffff;
}

static bool bytes_are_right(const uint8_t *p, uint32_t len, uint32_t place)
{
	for (uint32_t i = 0; i < len; i++)
		if (p[i] != byte_at(place + i))
			return false;
	return true;
}

static bool frame_is_right(struct mirror *m, const uint8_t *f, uint32_t len)
{
	unsigned number = read16(f + L4 + UDP_LEN + 2);

	if (m->stream || len < UDP_LEN + 4 || number >= FRAMES || m->seen[number])
		return false;
	m->seen[number] = 1;
	m->back++;
	return bytes_are_right(f + L4 + UDP_LEN + 4, len - UDP_LEN - 4, number + UDP_LEN + 4);
}

/* A part of the stream: whole segments, or its end. */
static bool part_is_right(struct mirror *m, const uint8_t *f, uint32_t len)
{
	uint32_t at = read32(f + L4 + 4), size = len - TCP_LEN;

	if (!m->stream || len <= TCP_LEN || at % SEGMENT || at > STREAM || size > STREAM - at)
		return false;
	for (uint32_t piece = at / SEGMENT; piece < (at + size + SEGMENT - 1) / SEGMENT; piece++)
		if (m->pieces[piece]++)
			return false;
	m->joined += size > SEGMENT;
	m->back += size;
	return bytes_are_right(f + L4 + TCP_LEN, size, at);
}

static void arrived(struct netdev *dev, const struct net_frame *frame)
{
	struct mirror *m = dev->context;
	const uint8_t *f = frame->data;
	uint32_t len;

	if (frame->len < L4 + UDP_LEN || memcmp(f + NET_MAC_LEN, mirror_mac, NET_MAC_LEN))
		return;
	len = (uint32_t)read16(f + IP + 2) - IP_LEN;
	if (len > frame->len - L4 || !checksum_is_right(m, frame, len) ||
	    !(f[IP + 9] == PROTOCOL_UDP ? frame_is_right(m, f, len) : part_is_right(m, f, len)))
		m->wrong++;
	m->queues |= BIT(frame->queue % QUEUES_MAX);
}

static void sent(struct request *r __unused)
{
}

static struct net_packet *packet_free(struct mirror *m)
{
	for (unsigned i = 0; i < WINDOW; i++)
		if (!m->packets[i].request.outstanding)
			return &m->packets[i];
	return NULL;
}

/* Frames of ours that have come back, in units of m->sent. */
static unsigned returned(const struct mirror *m)
{
	return m->stream ? m->back / BURST : m->back;
}

static bool may_send(void *context)
{
	struct mirror *m = context;

	return packet_free(m) &&
	       m->sent - returned(m) < (unsigned)(m->stream ? WINDOW_STREAM : WINDOW);
}

static bool is_complete(void *context)
{
	const struct mirror *m = context;

	return m->back == (m->stream ? STREAM : FRAMES);
}

/* Sends so many, and waits until all are back. Returns 0 or an error. */
static int exchange(struct mirror *m, unsigned count,
		    void (*make)(struct mirror *m, struct net_packet *p, unsigned number))
{
	int rc = 0;

	m->sent = 0;
	m->back = 0;
	while (!rc && m->sent < count) {
		rc = loop_until(may_send, m, PATIENCE);
		while (!rc && m->sent < count && may_send(m)) {
			struct net_packet *p = packet_free(m);

			make(m, p, m->sent++);
			rc = netdev_transmit(m->dev, p);
		}
	}
	return rc ?: loop_until(is_complete, m, PATIENCE);
}

static int frames_run(struct mirror *m)
{
	int rc = exchange(m, FRAMES, frame_make);
	unsigned queues = 0;

	for (uint64_t left = m->queues; left; left &= left - 1)
		queues++;
	print("netmirror: %u of %u frames came back, by %u queues, %llu with a checksum left open, "
	      "%llu wrong\n", m->back, m->sent, queues, (unsigned long long)m->partial,
	      (unsigned long long)m->wrong);
	return rc;
}

static int stream_run(struct mirror *m)
{
	int rc;

	if (!(m->dev->can_gso & BIT(NET_GSO_TCPV4))) {
		print("netmirror: the device cuts no segments\n");
		return 0;
	}
	m->stream = true;
	rc = exchange(m, (STREAM + BURST - 1) / BURST, burst_make);
	print("netmirror: %u of %u bytes came back, %llu times several segments at once, "
	      "%llu wrong\n", m->back, STREAM, (unsigned long long)m->joined,
	      (unsigned long long)m->wrong);
	return rc;
}

static int mirror_open(struct mirror *m, struct netdev *dev)
{
	m->dev = dev;
	for (unsigned i = 0; i < WINDOW; i++) {
		uint8_t *memory = page_alloc(BUFFER_ORDER, PAGE_ANY | PAGE_USE_DMA);

		if (!memory)
			return -ENOMEM;
		m->packets[i].data = memory + NET_HEADROOM;
		m->packets[i].headroom = true;
		m->packets[i].request.done = sent;
	}
	dev->context = m;
	dev->receive = arrived;
	return 0;
}

static bool is_idle(void *context)
{
	struct mirror *m = context;

	for (unsigned i = 0; i < WINDOW; i++)
		if (m->packets[i].request.outstanding)
			return false;
	return true;
}

/* What the device still has at the end is never given back. */
static void mirror_close(struct mirror *m)
{
	if (loop_until(is_idle, m, 3 * NET_ANSWER_NS))
		return;
	for (unsigned i = 0; i < WINDOW; i++)
		if (m->packets[i].data)
			page_free((uint8_t *)m->packets[i].data - NET_HEADROOM, BUFFER_ORDER);
	kfree(m);
}

static int mirror_run(struct netdev *dev)
{
	void (*receive)(struct netdev *dev, const struct net_frame *frame) = dev->receive;
	void *context = dev->context;
	struct mirror *m = kzalloc(sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	rc = mirror_open(m, dev);
	rc = rc ?: frames_run(m);
	rc = rc ?: stream_run(m);
	rc = rc ?: m->wrong ? -EIO : 0;
	dev->receive = receive;
	dev->context = context;
	mirror_close(m);
	return rc;
}

static int netmirror_run(int argc, char **argv)
{
	struct netdev *dev;
	const char *end;
	uint64_t index;
	int rc;

	if (argc != 2 || parse_u64(argv[1], &end, &index) || *end)
		return -EINVAL;
	dev = index < netdev_count() ? netdev_at((unsigned)index) : NULL;
	if (!dev) {
		print("netmirror: no such network device\n");
		return -ENODEV;
	}
	rc = mirror_run(dev);
	print("netmirror: %s\n", rc ? errno_name(rc) : "all is right");
	return rc == -EINVAL ? -EIO : rc;
}
SHELL_COMMAND(netmirror, "N", "exchange frames with the mirror of scripts/tap.py",
	      netmirror_run);
