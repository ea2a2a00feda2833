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

int dma_addr(const void *ptr, size_t len, paddr_t *out)
{
	uintptr_t at = (uintptr_t)ptr;

	if (len == 0)
		return -EINVAL;
	if (at >= DIRECT_BASE && direct_map_has(at - DIRECT_BASE, len)) {
		*out = at - DIRECT_BASE;
		return 0;
	}
	if (in_image_data(at, len)) {
		*out = image_to_physical(ptr);
		return 0;
	}
	return -EFAULT;
}
