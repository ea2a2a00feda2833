/* SPDX-License-Identifier: MIT */
#include "drivers/net/netdev.h"

#include "kernel/lib/errno.h"
#include "kernel/lib/format.h"
#include "mm/dma.h"

#define LOG_SUBSYS net
#include "kernel/log.h"
LOG_DEFINE();

static struct netdev *devices[NETDEV_MAX];
static unsigned device_count;

int netdev_register(struct netdev *dev)
{
	if (device_count == NETDEV_MAX)
		return -ENOSPC;
	devices[device_count++] = dev;
	return 0;
}

unsigned netdev_count(void)
{
	return device_count;
}

struct netdev *netdev_at(unsigned index)
{
	return index < device_count ? devices[index] : NULL;
}

static void limit_expired(struct request *r)
{
	struct net_packet *p = container_of(r, struct net_packet, request);

	p->device->withdraw(p->device, p, -ETIMEDOUT);
}

static int packet_check(const struct netdev *dev, const struct net_packet *p)
{
	paddr_t ignored;

	if (unlikely(p->len < NET_HEADER_LEN))
		return -EINVAL;
	if (unlikely(p->len > NET_HEADER_LEN + (uint32_t)dev->mtu))
		return -EMSGSIZE;
	return dma_addr(p->data, p->len, &ignored);
}

int netdev_transmit(struct netdev *dev, struct net_packet *p)
{
	int rc = packet_check(dev, p);

	if (!rc)
		rc = request_begin(&p->request, limit_expired);
	if (unlikely(rc))
		return rc;
	p->device = dev;
	p->error = 0;
	p->waiting = false;
	rc = dev->transmit(dev, p);
	if (unlikely(rc))
		request_undo(&p->request);
	return rc;
}

bool netdev_cancel(struct net_packet *p)
{
	if (!request_is_open(&p->request))
		return false;
	p->device->withdraw(p->device, p, -ECANCELED);
	return true;
}

int netdev_mac_format(const uint8_t mac[NET_MAC_LEN], char *buf, size_t size)
{
	return format(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		      mac[4], mac[5]);
}

void netdev_report(void)
{
	for (unsigned i = 0; i < device_count; i++) {
		const struct netdev *dev = devices[i];
		char mac[24];

		netdev_mac_format(dev->mac, mac, sizeof(mac));
		print("net%u    %s, mtu %u, link %s", i, mac, dev->mtu, dev->link ? "up" : "down");
		if (dev->speed)
			print(", %u Mbit/s", dev->speed);
		print("\n");
	}
}
