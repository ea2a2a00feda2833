/* SPDX-License-Identifier: MIT */
/* Any bytes as a frame from the network. */
#include "drivers/net/echo.h"
#include "kernel/fuzz.h"
#include "kernel/lib/string.h"

static const struct echo_host self = {
	.mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 }, .address = 0x0a00020f,
};

FUZZ(net_echo)
{
	static uint8_t reply[ECHO_FRAME_MAX];
	struct echo_message m, back;
	uint32_t len;

	echo_read(&self, data, size, &m);
	if (m.kind == ECHO_NOTHING)
		return;
	if (m.payload) {
		fuzz_expect(m.payload >= data && m.payload + m.len <= data + size);
		(void)echo_payload_is_ours(&m);
	}
	len = echo_make_reply(&self, &m, reply);
	fuzz_expect(len <= sizeof(reply));
	fuzz_expect((len > 0) == (m.kind == ECHO_ARP_REQUEST || m.kind == ECHO_REQUEST));
	if (!len)
		return;
	/* Whoever asked understands the answer. */
	echo_read(&m.from, reply, len, &back);
	if (memcmp(m.from.mac, reply, NET_MAC_LEN) == 0)
		fuzz_expect(back.kind == (m.kind == ECHO_REQUEST ? ECHO_REPLY : ECHO_ARP_REPLY));
	fuzz_expect(back.len == m.len);
}
