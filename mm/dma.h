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

/* Whether the window has all of [ptr, ptr+len), and its bus address; false is not yet a no. */
static inline bool dma_window_addr(const void *ptr, size_t len, paddr_t *out)
{
	uintptr_t first = (uintptr_t)ptr - dma_window.start;
	uintptr_t last;

	/* It wraps; or len is 0: that adds the highest number. */
	if (unlikely(__builtin_add_overflow(first, len - 1, &last)))
		return false;
	*out = dma_window.bus + first;
	return last < dma_window.size;
}

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
	return likely(dma_window_addr(ptr, len, out)) ? 0 : dma_addr_find(ptr, len, out);
}
