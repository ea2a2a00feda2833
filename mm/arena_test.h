/* SPDX-License-Identifier: MIT */
/*
 * Memory for the host's tests of the allocators: sparse, so it may be larger
 * than the host's own, and at any physical address.
 */
#pragma once

#include <sys/mman.h>

#include "kernel/lib/types.h"

struct arena {
	char *memory;
	paddr_t base;	/* physical */
	uint64_t size;
};

/* False if the host refuses. */
static inline bool arena_open(struct arena *r, paddr_t base, uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*r = (struct arena){ p, base, size };
	return p != MAP_FAILED;
}

static inline void arena_close(struct arena *r)
{
	munmap(r->memory, r->size);
}

/* What to add to a physical address. */
static inline uintptr_t arena_offset(const struct arena *r)
{
	return (uintptr_t)r->memory - r->base;
}

static inline void *arena_pointer(const struct arena *r, paddr_t address)
{
	return r->memory + (address - r->base);
}
