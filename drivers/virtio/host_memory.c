/* SPDX-License-Identifier: MIT */
/*
 * What the core needs of mm/ and of the clock, for the host's tests: memory
 * from the C library, whose addresses are bus addresses too, except for what
 * host_memory_refuse names. Compiled for the host only.
 */
#include "drivers/virtio/host_memory.h"

#include <stdlib.h>

#include "kernel/lib/errno.h"
#include "kernel/wait.h"
#include "mm/dma.h"
#include "mm/kmalloc.h"

const void *host_memory_refuse;
unsigned host_memory_fail_after = ~0u;
unsigned host_memory_live;

static void *allocate(size_t align, size_t size)
{
	if (host_memory_fail_after == 0)
		return NULL;
	if (host_memory_fail_after != ~0u)
		host_memory_fail_after--;
	host_memory_live++;
	return aligned_alloc(align, align_up(size, align));
}

static void release(void *block)
{
	host_memory_live -= block != NULL;
	free(block);
}

__weak void *(kmalloc)(size_t size CALLER_PARAMETER)
{
	return allocate(16, size);
}

__weak void *(kzalloc)(size_t size CALLER_PARAMETER)
{
	void *block = allocate(16, size);

	for (size_t i = 0; block && i < size; i++)
		((char *)block)[i] = 0;
	return block;
}

__weak void (kfree)(void *block CALLER_PARAMETER)
{
	release(block);
}

__weak void *(page_alloc)(unsigned order, unsigned flags __unused CALLER_PARAMETER)
{
	return allocate(PAGE_SIZE, PAGE_SIZE << order);
}

__weak void (page_free)(void *block, unsigned order __unused CALLER_PARAMETER)
{
	release(block);
}

__weak int dma_addr(const void *ptr, size_t len, paddr_t *out)
{
	if (len == 0)
		return -EINVAL;
	if (!ptr || ptr == host_memory_refuse)
		return -EFAULT;
	*out = (uintptr_t)ptr;
	return 0;
}

__weak void wait_begin(struct wait *w, uint64_t ticks __unused)
{
	w->turns = 1000;
}

__weak bool wait_turn(struct wait *w)
{
	return --w->turns > 0;
}

__weak void wait_end(struct wait *w __unused)
{
}
