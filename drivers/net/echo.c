/* SPDX-License-Identifier: MIT */
#include "drivers/net/echo.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,

	ARP_LEN = 28,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,

	IP_LEN = 20,			/* without options */
	IP_FRAGMENT = 0x3fff,		/* more fragments, offset */
	IP_TTL = 64,
	IP_ICMP = 1,

	ICMP_LEN = 8,
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
};

static_assert((int)ECHO_HEADERS == NET_HEADER_LEN + IP_LEN + ICMP_LEN, "of an echo");
static_assert((int)ECHO_HEADERS == NET_HEADER_LEN + ARP_LEN, "of ARP");

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, (uint16_t)(v >> 16));
	put16(at + 2, (uint16_t)v);
}

/* RFC 1071; 0 over what includes its own checksum. */
static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(data + i);
	if (len % 2)
		sum += (uint32_t)data[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void arp_read(const struct echo_host *self, const uint8_t *arp, size_t len,
		     struct echo_message *out)
{
	static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, NET_MAC_LEN, 4 };
	uint16_t operation;

	if (len < ARP_LEN || memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 ||
	    get32(arp + 24) != self->address)
		return;
	operation = get16(arp + 6);
	if (operation == ARP_REQUEST)
		out->kind = ECHO_ARP_REQUEST;
	else if (operation == ARP_REPLY)
		out->kind = ECHO_ARP_REPLY;
	memcpy(out->from.mac, arp + 8, NET_MAC_LEN);
	out->from.address = get32(arp + 14);
}

static void icmp_read(const uint8_t *icmp, size_t len, struct echo_message *out)
{
	if (len < ICMP_LEN || checksum(icmp, len) != 0 || icmp[1] != 0)
		return;
	if (icmp[0] == ICMP_ECHO_REQUEST)
		out->kind = ECHO_REQUEST;
	else if (icmp[0] == ICMP_ECHO_REPLY)
		out->kind = ECHO_REPLY;
	out->id = get16(icmp + 4);
	out->sequence = get16(icmp + 6);
	out->payload = icmp + ICMP_LEN;
	out->len = (uint32_t)(len - ICMP_LEN);
}

/* What lies behind the packet only fills the frame up. */
static void ip_read(const struct echo_host *self, const uint8_t *ip, size_t len,
		    struct echo_message *out)
{
	uint16_t total;

	if (len < IP_LEN || ip[0] != 0x45 || checksum(ip, IP_LEN) != 0)
		return;
	total = get16(ip + 2);
	if (total < IP_LEN || total > len || get16(ip + 6) & IP_FRAGMENT || ip[9] != IP_ICMP ||
	    get32(ip + 16) != self->address)
		return;
	out->from.address = get32(ip + 12);
	icmp_read(ip + IP_LEN, total - IP_LEN, out);
}

void echo_read(const struct echo_host *self, const uint8_t *frame, size_t len,
	       struct echo_message *out)
{
	static const uint8_t everybody[NET_MAC_LEN] = { 255, 255, 255, 255, 255, 255 };
	bool to_us, to_all;

	memset(out, 0, sizeof(*out));
	if (len < NET_HEADER_LEN || len > ECHO_FRAME_MAX)
		return;
	to_us = memcmp(frame, self->mac, NET_MAC_LEN) == 0;
	to_all = memcmp(frame, everybody, NET_MAC_LEN) == 0;
	memcpy(out->from.mac, frame + NET_MAC_LEN, NET_MAC_LEN);
	if (get16(frame + 12) == TYPE_ARP && (to_us || to_all))
		arp_read(self, frame + NET_HEADER_LEN, len - NET_HEADER_LEN, out);
	else if (get16(frame + 12) == TYPE_IPV4 && to_us)
		ip_read(self, frame + NET_HEADER_LEN, len - NET_HEADER_LEN, out);
}

/* Fills a frame up to what a wire wants; returns its length. */
static uint32_t pad(uint8_t *buf, uint32_t len)
{
	if (len >= NET_FRAME_MIN)
		return len;
	memset(buf + len, 0, NET_FRAME_MIN - len);
	return NET_FRAME_MIN;
}

static uint8_t *header_make(const struct echo_host *self, const uint8_t *to, uint16_t type,
			    uint8_t *buf)
{
	memcpy(buf, to, NET_MAC_LEN);
	memcpy(buf + NET_MAC_LEN, self->mac, NET_MAC_LEN);
	put16(buf + 12, type);
	return buf + NET_HEADER_LEN;
}

/* `target` is whom an answer is for; of a request, the one that is looked for. */
static uint32_t arp_make(const struct echo_host *self, const uint8_t *to, uint16_t operation,
			 const struct echo_host *target, uint8_t *buf)
{
	static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, NET_MAC_LEN, 4 };
	uint8_t *arp = header_make(self, to, TYPE_ARP, buf);

	memcpy(arp, ethernet_ipv4, sizeof(ethernet_ipv4));
	put16(arp + 6, operation);
	memcpy(arp + 8, self->mac, NET_MAC_LEN);
	put32(arp + 14, self->address);
	memcpy(arp + 18, target->mac, NET_MAC_LEN);
	put32(arp + 24, target->address);
	return pad(buf, NET_HEADER_LEN + ARP_LEN);
}

uint32_t echo_make_arp(const struct echo_host *self, uint32_t address, uint8_t *buf)
{
	static const uint8_t everybody[NET_MAC_LEN] = { 255, 255, 255, 255, 255, 255 };
	const struct echo_host unknown = { .address = address };

	return arp_make(self, everybody, ARP_REQUEST, &unknown, buf);
}

/* The headers of an echo whose payload is there already. */
static uint32_t echo_make(const struct echo_host *self, const struct echo_host *to, uint8_t type,
			  uint16_t id, uint16_t sequence, uint32_t len, uint8_t *buf)
{
	uint8_t *ip = header_make(self, to->mac, TYPE_IPV4, buf);
	uint8_t *icmp = ip + IP_LEN;

	memset(ip, 0, IP_LEN + ICMP_LEN);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(IP_LEN + ICMP_LEN + len));
	put16(ip + 4, sequence);
	ip[8] = IP_TTL;
	ip[9] = IP_ICMP;
	put32(ip + 12, self->address);
	put32(ip + 16, to->address);
	put16(ip + 10, checksum(ip, IP_LEN));
	icmp[0] = type;
	put16(icmp + 4, id);
	put16(icmp + 6, sequence);
	put16(icmp + 2, checksum(icmp, ICMP_LEN + len));
	return pad(buf, ECHO_HEADERS + len);
}

static uint8_t payload_byte(uint32_t at, uint16_t sequence)
{
	return (uint8_t)(at * 7 + at / 251 + sequence);
}

uint32_t echo_make_ping(const struct echo_host *self, const struct echo_host *to, uint16_t id,
			uint16_t sequence, uint32_t len, uint8_t *buf)
{
	len = min(len, (uint32_t)ECHO_PAYLOAD_MAX);
	for (uint32_t i = 0; i < len; i++)
		buf[ECHO_HEADERS + i] = payload_byte(i, sequence);
	return echo_make(self, to, ICMP_ECHO_REQUEST, id, sequence, len, buf);
}

uint32_t echo_make_reply(const struct echo_host *self, const struct echo_message *m, uint8_t *buf)
{
	if (m->kind == ECHO_ARP_REQUEST)
		return arp_make(self, m->from.mac, ARP_REPLY, &m->from, buf);
	if (m->kind != ECHO_REQUEST)
		return 0;
	memcpy(buf + ECHO_HEADERS, m->payload, m->len);
	return echo_make(self, &m->from, ICMP_ECHO_REPLY, m->id, m->sequence, m->len, buf);
}

bool echo_payload_is_ours(const struct echo_message *m)
{
	for (uint32_t i = 0; i < m->len; i++)
		if (m->payload[i] != payload_byte(i, m->sequence))
			return false;
	return true;
}

int echo_address_format(uint32_t address, char *buf, size_t size)
{
	return format(buf, size, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
		      address >> 8 & 0xff, address & 0xff);
}

int echo_address_parse(const char *text, uint32_t *address)
{
	uint32_t result = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
			value = value * 10 + (unsigned)(*text - '0');
		if (digits == 0 || value > 255 || *text != (i < 3 ? '.' : '\0'))
			return -EINVAL;
		text += i < 3;
		result = result << 8 | value;
	}
	*address = result;
	return 0;
}
