/* SPDX-License-Identifier: MIT */
#include "drivers/net/station.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"

enum {
	MEMORY_ORDER = 2,
	ID = 0x6361,			/* of our echoes */
	FIND_TRIES = 3,
};

#define ANSWER_NS	NS_PER_S

static_assert(STATION_PACKETS * STATION_PACKET_LEN == PAGE_SIZE << MEMORY_ORDER,
	      "no more, no less");
static_assert(STATION_PACKET_LEN >= ECHO_FRAME_MAX + NET_HEADROOM, "a frame finds room");

static void sent(struct request *r __unused)
{
}

/* A packet that nobody has; NULL if all are under way. */
static struct net_packet *packet_free(struct station *s)
{
	for (unsigned i = 0; i < STATION_PACKETS; i++)
		if (!s->packets[i].request.outstanding)
			return &s->packets[i];
	return NULL;
}

static int send(struct station *s, struct net_packet *p, uint32_t len)
{
	p->len = len;
	return netdev_transmit(s->device, p);
}

/* What is asked of us is answered; where no packet is free whoever asked will ask again. */
static void answer(struct station *s, const struct echo_message *m)
{
	struct net_packet *p = packet_free(s);
	uint32_t len = p ? echo_make_reply(&s->self, m, p->data) : 0;

	if (len && send(s, p, len) == 0)
		s->answered++;
}

/* A copy is read: the device could change the frame meanwhile. */
static void arrived(struct netdev *dev, const struct net_frame *frame)
{
	static uint8_t copy[ECHO_FRAME_MAX];
	struct station *s = dev->context;
	struct echo_message m;

	if (frame->len > sizeof(copy))
		return;
	memcpy(copy, frame->data, frame->len);
	echo_read(&s->self, copy, frame->len, &m);
	if (m.kind == ECHO_ARP_REPLY && m.from.address == s->found.address) {
		s->found = m.from;
		s->was_found = true;
	} else if (m.kind == ECHO_REPLY && m.id == ID && m.sequence == s->sequence &&
		   echo_payload_is_ours(&m)) {
		s->was_answered = true;
	} else {
		answer(s, &m);
	}
}

int station_open(struct station *s, struct netdev *dev, uint32_t address)
{
	memset(s, 0, sizeof(*s));
	s->memory = page_alloc(MEMORY_ORDER, PAGE_ANY | PAGE_USE_DMA);
	if (!s->memory)
		return -ENOMEM;
	for (unsigned i = 0; i < STATION_PACKETS; i++) {
		s->packets[i].request.done = sent;
		s->packets[i].data = s->memory + (size_t)i * STATION_PACKET_LEN + NET_HEADROOM;
		s->packets[i].headroom = true;
	}
	s->device = dev;
	s->self.address = address;
	memcpy(s->self.mac, dev->mac, NET_MAC_LEN);
	s->receive_before = dev->receive;
	s->context_before = dev->context;
	dev->context = s;
	dev->receive = arrived;
	return 0;
}

static bool is_idle(void *context)
{
	const struct station *s = context;

	for (unsigned i = 0; i < STATION_PACKETS; i++)
		if (s->packets[i].request.outstanding)
			return false;
	return true;
}

bool station_close(struct station *s)
{
	s->device->receive = s->receive_before;
	s->device->context = s->context_before;
	for (unsigned i = 0; i < STATION_PACKETS; i++)
		(void)netdev_cancel(&s->packets[i]);
	if (loop_until(is_idle, s, 3 * NET_ANSWER_NS))
		return false;
	page_free(s->memory, MEMORY_ORDER);
	return true;
}

static bool was_found(void *context)
{
	return ((const struct station *)context)->was_found;
}

int station_find(struct station *s, uint32_t address, struct echo_host *out)
{
	int rc = -ETIMEDOUT;

	s->found = (struct echo_host){ .address = address };
	s->was_found = false;
	for (unsigned i = 0; i < FIND_TRIES && rc == -ETIMEDOUT; i++) {
		struct net_packet *p = packet_free(s);

		rc = p ? send(s, p, echo_make_arp(&s->self, address, p->data)) : -EBUSY;
		if (!rc)
			rc = loop_until(was_found, s, ANSWER_NS);
	}
	if (!rc)
		*out = s->found;
	return rc;
}

static bool was_answered(void *context)
{
	return ((const struct station *)context)->was_answered;
}

int station_ping(struct station *s, const struct echo_host *to, uint16_t sequence, uint32_t len,
		 uint64_t *ns)
{
	struct net_packet *p = packet_free(s);
	uint64_t began = time_now();
	int rc;

	if (!p)
		return -EBUSY;
	s->sequence = sequence;
	s->was_answered = false;
	rc = send(s, p, echo_make_ping(&s->self, to, ID, sequence, len, p->data));
	if (!rc)
		rc = loop_until(was_answered, s, ANSWER_NS);
	*ns = time_now() - began;
	return rc;
}
