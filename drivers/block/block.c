/* SPDX-License-Identifier: MIT */
#include "drivers/block/block.h"

#include "kernel/lib/errno.h"

#define LOG_SUBSYS block
#include "kernel/log.h"
LOG_DEFINE();

static struct block_device *devices[BLOCK_MAX];
static unsigned device_count;

int block_register(struct block_device *b)
{
	if (device_count == BLOCK_MAX)
		return -ENOSPC;
	devices[device_count++] = b;
	return 0;
}

unsigned block_count(void)
{
	return device_count;
}

struct block_device *block_at(unsigned index)
{
	return index < device_count ? devices[index] : NULL;
}

void block_report(void)
{
}

int block_submit(struct block_device *b __unused, struct block_request *r __unused)
{
	return -ENODEV;
}

bool block_cancel(struct block_request *r __unused)
{
	return false;
}
