/* SPDX-License-Identifier: MIT */
/* Bus addresses for devices. */
#pragma once

#include "kernel/lib/types.h"

/*
 * A piece of the direct map that is memory throughout: the one that was asked
 * for last. Only dma_addr_find() sets it.
 */
struct dma_window {
	uintptr_t start;
	size_t size;	/* 0: none yet */
	paddr_t bus;	/* of start */
};

extern struct dma_window dma_window;

/* dma_addr() where the window does not say. */
int __must_check dma_addr_find(const void *ptr, size_t len, paddr_t *out);

/*
 * The only way to a bus address. Accepts memory of the direct map and of the
 * kernel's data and bss, wholly; refuses everything else (stacks, ioremap,
 * text, rodata, null, what wraps). Any context.
 * Returns 0, -EINVAL (len is 0), -EFAULT.
 */
static inline int __must_check dma_addr(const void *ptr, size_t len, paddr_t *out)
{
	uintptr_t first = (uintptr_t)ptr - dma_window.start;
	uintptr_t last = first + len - 1;
	paddr_t found;
	int rc;

	/* Where len is 0, and where the range wraps, last < first. */
	if (likely(first <= last && last < dma_window.size)) {
		*out = dma_window.bus + first;
		return 0;
	}
	rc = dma_addr_find(ptr, len, &found);
	*out = found;
	return rc;
}
