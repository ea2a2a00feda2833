// SPDX-License-Identifier: MIT
#include "mm/dma.h"

#include "arch/x86/image.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"
#include "mm/direct.h"

static bool in_range(uintptr_t at, size_t len, const void *start, const void *end)
{
	return at >= (uintptr_t)start && at < (uintptr_t)end && len <= (uintptr_t)end - at;
}

/* The image's data and bss, up to the page tables and stacks behind them. */
static bool in_image_data(uintptr_t at, size_t len)
{
	return in_range(at, len, ro_after_init_end, boot_tables);
}

struct dma_window dma_window;

/* The map never changes, so a window stays right for ever. */
static bool in_direct_map(uintptr_t at, size_t len)
{
	paddr_t start, end;

	if (at < DIRECT_BASE || !direct_map_has(at - DIRECT_BASE, len))
		return false;
	direct_map_around(at - DIRECT_BASE, &start, &end);
	dma_window = (struct dma_window){ DIRECT_BASE + start, end - start, start };
	return true;
}

int dma_addr_find(const void *ptr, size_t len, paddr_t *out)
{
	uintptr_t at = (uintptr_t)ptr;

	*out = 0;
	if (len == 0)
		return -EINVAL;
	if (in_image_data(at, len)) {
		*out = image_to_physical(ptr);
		return 0;
	}
	if (in_direct_map(at, len)) {
		*out = at - DIRECT_BASE;
		return 0;
	}
	return -EFAULT;
}
