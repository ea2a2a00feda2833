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
#include "mm/fault.h"
#include "mm/kmalloc.h"

const void *host_memory_refuse;
unsigned host_memory_live;
uintptr_t host_memory_bias;

/* Tests that may fail do so here without being asked. */
static void __attribute__((constructor)) refuse_to_tests(void)
{
	fault_set(&(struct fault_plan){ .mode = FAULT_TESTS, .kinds = FAULT_ANY, .glob = "*" });
}

static void *allocate(enum fault_kind kind, size_t align, size_t size, const char *caller)
{
	if (fault_refuses(kind, caller))
		return NULL;
	fault_note(kind, 1);
	host_memory_live++;
	return aligned_alloc(align, align_up(size, align));
}

static void release(enum fault_kind kind, void *block)
{
	if (!block)
		return;
	fault_note(kind, -1);
	host_memory_live--;
	free(block);
}

__weak void *(kmalloc)(size_t size CALLER_PARAMETER)
{
	return allocate(FAULT_HEAP, 16, size, CALLER);
}

__weak void *(kzalloc)(size_t size CALLER_PARAMETER)
{
	void *block = allocate(FAULT_HEAP, 16, size, CALLER);

	for (size_t i = 0; block && i < size; i++)
		((char *)block)[i] = 0;
	return block;
}

__weak void (kfree)(void *block CALLER_PARAMETER)
{
	release(FAULT_HEAP, block);
}

__weak void *(page_alloc)(unsigned order, unsigned flags __unused CALLER_PARAMETER)
{
	return allocate(FAULT_PAGES, PAGE_SIZE, PAGE_SIZE << order, CALLER);
}

__weak void (page_free)(void *block, unsigned order __unused CALLER_PARAMETER)
{
	release(FAULT_PAGES, block);
}

__weak uint64_t kmalloc_mark(void)
{
	return 0;
}

__weak int kmalloc_diff(uint64_t mark __unused,
			void (*report)(void *context, const char *caller, uint64_t blocks,
				       uint64_t bytes) __unused, void *context __unused)
{
	return -ENOTSUP;
}

__weak void fault_attempt_failed(const struct fault_attempt *before __unused,
				 const char *who __unused)
{
}

/* No window: every address is asked for. */
__weak struct dma_window dma_window;

void (*virtqueue_read_hook)(void);

__weak int dma_addr_find(const void *ptr, size_t len, paddr_t *out)
{
	*out = 0;
	if (len == 0)
		return -EINVAL;
	if (!ptr || ptr == host_memory_refuse)
		return -EFAULT;
	*out = (uintptr_t)ptr - host_memory_bias;
	return 0;
}

__weak void wait_begin(struct wait *w, uint64_t ticks __unused)
{
	w->turns = 1000;
}

__weak void wait_begin_ns(struct wait *w, uint64_t ns __unused)
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
