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
	char *mapping;	/* as the host gave it */
};

/* Virtual addresses are aligned as physical ones are, up to this, as in the kernel. */
#define ARENA_ALIGN	(2 * MIB)

/* False if the host refuses. */
static inline bool arena_open(struct arena *r, paddr_t base, uint64_t size)
{
	char *p = mmap(NULL, size + ARENA_ALIGN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t skip = (base - (uintptr_t)p) % ARENA_ALIGN;

	*r = (struct arena){ p + skip, base, size, p };
	return p != MAP_FAILED;
}

static inline void arena_close(struct arena *r)
{
	munmap(r->mapping, r->size + ARENA_ALIGN);
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
