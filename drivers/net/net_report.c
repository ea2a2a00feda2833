/* SPDX-License-Identifier: MIT */
/*
 * What is said of network devices, in the boot report, by the shell and as JSON.
 */
#include "drivers/net/netdev.h"

#include "kernel/json.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

/* A text that is put together piece by piece. */
struct line {
	char text[NETDEV_TEXT_MAX];
	size_t len;
};

static void __printf(2, 3) line_add(struct line *l, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = format_va(l->text + l->len, sizeof(l->text) - l->len, fmt, args);
	va_end(args);
	l->len = min(l->len + (size_t)n, sizeof(l->text) - 1);
}

int net_mac_format(const uint8_t mac[NET_MAC_LEN], char *buf, size_t size)
{
	return format(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		      mac[4], mac[5]);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int net_mac_parse(const char *text, uint8_t mac[NET_MAC_LEN])
{
	if (strnlen(text, 3 * NET_MAC_LEN) != 3 * NET_MAC_LEN - 1)
		return -EINVAL;
	for (unsigned i = 0; i < NET_MAC_LEN; i++, text += 3) {
		int high = nibble(text[0]), low = nibble(text[1]);

		if (high < 0 || low < 0 || (i + 1 < NET_MAC_LEN && text[2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static void link_add(struct line *l, const struct netdev *dev)
{
	line_add(l, ", link %s", dev->link ? "up" : "down");
	if (dev->link && dev->speed)
		line_add(l, " %u Mbit/s", dev->speed);
	if (dev->link && dev->duplex_known)
		line_add(l, " %s duplex", dev->full_duplex ? "full" : "half");
}

int netdev_describe(const struct netdev *dev, char *buf, size_t size)
{
	struct line l = { .len = 0 };

	l.len = (size_t)net_mac_format(dev->mac, l.text, sizeof(l.text));
	line_add(&l, ", mtu %u", dev->mtu);
	link_add(&l, dev);
	if (dev->queue_pairs_max > 1)
		line_add(&l, ", %u of %u queue pairs", dev->queue_pairs, dev->queue_pairs_max);
	if (dev->can_checksum)
		line_add(&l, ", checksums");
	if (dev->can_gso)
		line_add(&l, ", segmentation");
	return format(buf, size, "%s", l.text);
}

void netdev_report(void)
{
	struct netdev *dev;
	char line[NETDEV_TEXT_MAX];

	for (unsigned i = 0; (dev = netdev_at(i)); i++) {
		netdev_describe(dev, line, sizeof(line));
		print("net%-4u %s\n", i, line);
	}
}

static void link_json(struct json *j, const struct netdev *dev)
{
	json_bool(j, "link", dev->link);
	if (dev->speed)
		json_number(j, "speed", dev->speed);
	else
		json_null(j, "speed");
	json_string(j, "duplex", !dev->duplex_known ? NULL : dev->full_duplex ? "full" : "half");
}

static void stats_json(struct json *j, const struct netdev_stats *s)
{
	json_number(j, "sent", s->sent);
	json_number(j, "sent_bytes", s->sent_bytes);
	json_number(j, "transmit_errors", s->transmit_errors);
	json_number(j, "received", s->received);
	json_number(j, "received_bytes", s->received_bytes);
	json_number(j, "merged", s->merged);
	json_number(j, "receive_dropped", s->receive_dropped);
	json_number(j, "doorbells", s->doorbells);
	json_number(j, "resets", s->resets);
	json_number(j, "link_changes", s->link_changes);
}

static void device_json(struct json *j, struct netdev *dev)
{
	char where[24], mac[3 * NET_MAC_LEN];

	dev->where(dev, where, sizeof(where));
	net_mac_format(dev->mac, mac, sizeof(mac));
	json_object(j, NULL);
	json_string(j, "driver", dev->driver);
	json_string(j, "where", where);
	json_string(j, "mac", mac);
	json_number(j, "mtu", dev->mtu);
	link_json(j, dev);
	json_number(j, "queue_pairs", dev->queue_pairs);
	json_number(j, "queue_pairs_max", dev->queue_pairs_max);
	json_bool(j, "promiscuous", dev->promiscuous);
	json_bool(j, "checksums", dev->can_checksum);
	json_bool(j, "segmentation", dev->can_gso != 0);
	stats_json(j, &dev->stats);
	json_end(j);
}

void netdev_report_json(struct json *j)
{
	struct netdev *dev;

	json_array(j, NULL);
	for (unsigned i = 0; (dev = netdev_at(i)); i++)
		device_json(j, dev);
	json_end(j);
}
