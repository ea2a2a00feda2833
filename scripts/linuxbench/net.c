/* SPDX-License-Identifier: MIT */
/*
 * Frames of 60 bytes by AF_PACKET sockets, 64 with each call: out of a device
 * that nobody hears, by a ring that is shared with the kernel, and from one
 * device to another. scripts/iobench.py gives these MAC addresses that end in
 * 1, 2 and 3. PACKET_QDISC_BYPASS was tried and is slower: a doorbell a frame.
 */
#include "scripts/linuxbench/linuxbench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FRAME_LEN = 60, BATCH = 64, TYPE = 0x88b5,
	FRAMES = 400 * BATCH, WARM_UP = 8 * BATCH,
	BUFFER_LEN = 4 << 20,
	RING_FRAMES = 256, RING_SLOT = 256, RING_BLOCK = 4096,
};

static uint8_t frames[BATCH][128];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

/* An interface: its index and address. */
struct wire_end {
	int index;
	uint8_t mac[ETH_ALEN];
};

/* Switches on the interface whose address ends in `number`. */
static int up(uint8_t number, struct wire_end *out)
{
	struct if_nameindex *all = if_nameindex();
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	int rc = -1;

	for (struct if_nameindex *i = all; rc && i && i->if_index; i++) {
		struct ifreq r = { 0 };

		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", i->if_name);
		if (ioctl(s, SIOCGIFHWADDR, &r) ||
		    (uint8_t)r.ifr_hwaddr.sa_data[ETH_ALEN - 1] != number)
			continue;
		memcpy(out->mac, r.ifr_hwaddr.sa_data, ETH_ALEN);
		out->index = (int)i->if_index;
		rc = ioctl(s, SIOCGIFFLAGS, &r);
		r.ifr_flags |= IFF_UP;
		rc = rc ? rc : ioctl(s, SIOCSIFFLAGS, &r);
	}
	if_freenameindex(all);
	close(s);
	return rc;
}

/* A socket that sees frames of this type; 0: none, it only sends. */
static int packet_socket(const struct wire_end *e, uint16_t type)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(type),
				  .sll_ifindex = e->index };
	int s = socket(AF_PACKET, SOCK_RAW, htons(type));
	int size = BUFFER_LEN;

	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return s;
}

static void frames_make(const uint8_t *from, const uint8_t *to)
{
	for (unsigned i = 0; i < BATCH; i++) {
		memset(frames[i], 0, sizeof(frames[i]));
		memcpy(frames[i], to, ETH_ALEN);
		memcpy(frames[i] + ETH_ALEN, from, ETH_ALEN);
		frames[i][12] = TYPE >> 8;
		frames[i][13] = TYPE & 0xff;
	}
}

static void messages_make(unsigned len)
{
	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ frames[i], len };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

/* With the queue full a call sends fewer, or none: then those left are sent again. */
static int send_batch(int s)
{
	unsigned done = 0;

	while (done < BATCH) {
		int n = sendmmsg(s, messages + done, BATCH - done, 0);

		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			return -1;
		done += n > 0 ? (unsigned)n : 0;
	}
	return 0;
}

static uint8_t *ring_map(int s)
{
	struct tpacket_req r = {
		.tp_block_size = RING_BLOCK, .tp_block_nr = RING_FRAMES * RING_SLOT / RING_BLOCK,
		.tp_frame_size = RING_SLOT, .tp_frame_nr = RING_FRAMES,
	};
	int version = TPACKET_V2;

	if (setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(s, SOL_PACKET, PACKET_TX_RING, &r, sizeof(r)))
		return MAP_FAILED;
	return mmap(NULL, RING_FRAMES * RING_SLOT, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, s, 0);
}

/* Sends what is in the ring; with `flags` 0 until all of it is gone. */
static int ring_flush(int s, int flags)
{
	return send(s, NULL, 0, flags) < 0 && errno != ENOBUFS && errno != EAGAIN ? -1 : 0;
}

static int send_all(int s, uint8_t *ring, unsigned count)
{
	static unsigned at;

	for (unsigned i = 0; i < count; i++, at++) {
		struct tpacket2_hdr *h = (void *)(ring + at % RING_FRAMES * RING_SLOT);

		while (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
			if (ring_flush(s, 0))
				return -1;
		memcpy((uint8_t *)h + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), frames[0],
		       FRAME_LEN);
		h->tp_len = FRAME_LEN;
		__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
		if (i % BATCH == BATCH - 1 && ring_flush(s, MSG_DONTWAIT))
			return -1;
	}
	return ring_flush(s, 0);
}

static int receive_batch(int s, unsigned want)
{
	static uint8_t in[BATCH][128];
	static struct iovec into[BATCH];
	static struct mmsghdr got[BATCH];
	unsigned done = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		into[i] = (struct iovec){ in[i], sizeof(in[i]) };
		got[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &into[i], .msg_iovlen = 1 } };
	}
	while (done < want) {
		int n = recvmmsg(s, got, want - done, MSG_WAITFORONE, NULL);

		if (n <= 0)
			return -1;
		done += (unsigned)n;
	}
	return 0;
}

/* Two batches under way, as with blocks. */
static int wire_all(int out, int in, unsigned count)
{
	messages_make(FRAME_LEN);
	if (send_batch(out))
		return -1;
	for (unsigned i = BATCH; i < count; i += BATCH)
		if (send_batch(out) || receive_batch(in, BATCH))
			return -1;
	return receive_batch(in, BATCH);
}

static int transmit(struct span *span)
{
	static const uint8_t everybody[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };
	struct wire_end e;
	uint8_t *ring;
	int s;

	if (up(1, &e) || (s = packet_socket(&e, 0)) < 0 || (ring = ring_map(s)) == MAP_FAILED)
		return give_up("net.transmit");
	frames_make(e.mac, everybody);
	if (send_all(s, ring, WARM_UP))
		return give_up("net.transmit");
	span_begin(span);
	if (send_all(s, ring, FRAMES))
		return give_up("net.transmit");
	span_end(span);
	span_print(span, "net.transmit_60", FRAMES, "frames");
	return 0;
}

static int receive(const struct span *sending)
{
	struct wire_end from, to;
	struct span span;
	int out, in;

	if (up(2, &from) || up(3, &to))
		return give_up("net.receive");
	out = packet_socket(&from, 0);
	in = packet_socket(&to, TYPE);
	frames_make(from.mac, to.mac);
	if (out < 0 || in < 0 || wire_all(out, in, WARM_UP))
		return give_up("net.receive");
	span_begin(&span);
	if (wire_all(out, in, FRAMES))
		return give_up("net.receive");
	span_end(&span);
	figure("net.wire_60", "total", span.ticks * 1000 / FRAMES, "ticks_per_1000");
	span.ticks -= sending->ticks < span.ticks ? sending->ticks : span.ticks;
	span_print(&span, "net.receive_60", FRAMES, "frames");
	return 0;
}

int net_measure(void)
{
	struct span sending;

	return transmit(&sending) || receive(&sending) ? -1 : 0;
}
