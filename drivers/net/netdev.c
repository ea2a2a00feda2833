/* SPDX-License-Identifier: MIT */
/*
 * Network devices: what a packet must be before a driver sees it. That its data
 * are memory of ours is for the driver to find out, as its ring does so in any
 * case.
 */
#include "drivers/net/netdev.h"

#include "kernel/lib/errno.h"

#define LOG_SUBSYS net
#include "kernel/log.h"
LOG_DEFINE();

#define SETTLE_NS	(3 * NET_ANSWER_NS)	/* a device that is silent is stopped before */

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

static int gso_check(const struct netdev *dev, const struct net_packet *p)
{
	if (p->gso >= NET_GSO_COUNT || !p->checksum || p->gso_size == 0 ||
	    p->gso_header < NET_HEADER_LEN || p->gso_header > p->len)
		return -EINVAL;
	if (!(dev->can_gso & BIT(p->gso)))
		return -ENOTSUP;
	return p->len > NET_FRAME_MAX ? -EMSGSIZE : 0;
}

static int packet_check(const struct netdev *dev, const struct net_packet *p)
{
	if (p->len < NET_HEADER_LEN)
		return -EINVAL;
	if (p->checksum && (uint32_t)p->checksum_start + p->checksum_offset + 2 > p->len)
		return -EINVAL;
	if (p->checksum && !dev->can_checksum)
		return -ENOTSUP;
	if (p->gso != NET_GSO_NONE)
		return gso_check(dev, p);
	return p->len - NET_HEADER_LEN > dev->mtu ? -EMSGSIZE : 0;
}

static void limit_expired(struct request *request)
{
	struct net_packet *p = container_of(request, struct net_packet, request);

	p->device->withdraw(p->device, p, -ETIMEDOUT);
}

int netdev_begin(struct netdev *dev, struct net_packet *p)
{
	int rc = packet_check(dev, p);

	if (!rc)
		rc = request_begin(&p->request, limit_expired);
	if (!rc)
		netdev_begin_plain(dev, p);
	return rc;
}

int netdev_refuse(struct net_packet *p, int error)
{
	request_undo(&p->request);
	return error;
}

bool netdev_cancel(struct net_packet *p)
{
	if (!request_is_open(&p->request))
		return false;
	p->device->withdraw(p->device, p, -ECANCELED);
	return true;
}

static bool is_settled(void *context)
{
	return !((const struct netdev *)context)->asked;
}

int netdev_settle(struct netdev *dev)
{
	int rc = loop_until(is_settled, dev, SETTLE_NS);

	if (rc)
		return rc;
	rc = dev->refused;
	dev->refused = 0;
	return rc;
}
