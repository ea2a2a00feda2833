/* SPDX-License-Identifier: MIT */
/* Mappings of device memory. */
#pragma once

#include "kernel/lib/types.h"

struct mmio;

enum ioremap_cache {
	IOREMAP_UNCACHED,
	IOREMAP_WRITE_COMBINING,
};

/*
 * Maps `len` bytes of device memory at `pa` (any alignment), readable and
 * writable, never executable, with an unmapped page on either side.
 * Refuses (NULL, with a log line) an empty or wrapping range, one that
 * touches memory the map calls usable or that the kernel claimed (VGA's, at
 * 0xa0000 to 0xbffff, excepted), and one for which there is no room.
 */
struct mmio *ioremap(paddr_t pa, size_t len, enum ioremap_cache cache);

/* Ends a mapping; `base` as returned. */
void iounmap(struct mmio *base);

/* The address space of a mapping, page-aligned; a large one may begin after its `start`. */
struct ioremap_range {
	uintptr_t start;
	uintptr_t end;		/* one past the last byte */
};

/*
 * The mapping that holds `va`, any number whatever, or else the last one that
 * begins before it; false if none does. For reports: any context.
 */
bool ioremap_find(uintptr_t va, struct ioremap_range *out);
