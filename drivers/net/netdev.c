/* SPDX-License-Identifier: MIT */
#include "drivers/net/netdev.h"

#include "kernel/lib/errno.h"

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

void netdev_report(void)
{
}

int netdev_transmit(struct netdev *dev __unused, struct net_packet *p __unused)
{
	return -ENODEV;
}

bool netdev_cancel(struct net_packet *p __unused)
{
	return false;
}
