// SPDX-License-Identifier: MIT
/*
 * Device mappings lie in a window of the address space, one after another
 * with a page unmapped between them. A small table remembers them; freed
 * address space is used again, first fit.
 */
#include "mm/ioremap.h"

#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/lib/errno.h"
#include "kernel/panic.h"
#include "mm/fault.h"
#include "mm/mm.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

enum {
	MAPPINGS_MAX = 256,
	VGA_START = 0xa0000, VGA_END = 0xc0000,
};

struct mapping {
	uintptr_t va;		/* page-aligned */
	uint64_t len;		/* bytes, page-aligned */
};

/* Sorted by address. */
static struct mapping mappings[MAPPINGS_MAX];
static unsigned count;

/* Room for `len` bytes with a guard page on either side, before mapping `i`. */
static uintptr_t gap_before(unsigned i, uint64_t len, uint64_t align)
{
	uintptr_t start = i ? mappings[i - 1].va + mappings[i - 1].len : DEVICE_BASE;
	uintptr_t end = i < count ? mappings[i].va : DEVICE_BASE + DEVICE_SIZE;
	uintptr_t va = align_up(start + PAGE_SIZE, align);

	return va + len + PAGE_SIZE <= end ? va : 0;
}

static int take(uint64_t len, uint64_t align, uintptr_t *va)
{
	unsigned i = 0;

	if (count == MAPPINGS_MAX || len > DEVICE_SIZE / 2)
		return -ENOSPC;
	while (i <= count && (*va = gap_before(i, len, align)) == 0)
		i++;
	if (i > count)
		return -ENOSPC;
	for (unsigned j = count++; j > i; j--)
		mappings[j] = mappings[j - 1];
	mappings[i] = (struct mapping){ *va, len };
	fault_note(FAULT_MAPPING, 1);
	return 0;
}

static void give_back(unsigned i)
{
	count--;
	fault_note(FAULT_MAPPING, -1);
	for (; i < count; i++)
		mappings[i] = mappings[i + 1];
}

static const struct mapping *find(uintptr_t va)
{
	for (unsigned i = 0; i < count; i++) {
		if (va - mappings[i].va < mappings[i].len)
			return &mappings[i];
	}
	return NULL;
}

bool ioremap_find(uintptr_t va, struct ioremap_range *out)
{
	const struct mapping *best = NULL;

	for (unsigned i = 0; i < count && mappings[i].va <= va; i++)
		best = &mappings[i];
	if (best)
		*out = (struct ioremap_range){ best->va, best->va + best->len };
	return best != NULL;
}

/* The first region that no device can lie in, or NULL. */
static const struct region *in_the_way(paddr_t pa, uint64_t len)
{
	const struct regions *map = mm_map();

	/* Claimed with the rest of the first MiB, of which we use nothing (map.c). */
	if (pa >= VGA_START && pa + len <= VGA_END)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (r->start < pa + len && pa < r->end && r->kind != REGION_RESERVED)
			return r;
	}
	return NULL;
}

struct mmio *ioremap(paddr_t pa, size_t len, enum ioremap_cache cache)
{
	paddr_t start = align_down(pa, PAGE_SIZE);
	uint64_t pages_len = align_up(pa - start + len, PAGE_SIZE);
	uint64_t align = pages_len >= 2 * MIB ? 2 * MIB : PAGE_SIZE;
	const struct region *owner;
	uintptr_t va;

	if (len == 0 || len > DEVICE_SIZE || pa + len < pa ||
	    (pa + len - 1) >> cpu_physical_bits() != 0) {
		log_err("ioremap: %#llx+%#zx is empty or not an address range of this processor",
			(unsigned long long)pa, len);
		return NULL;
	}
	owner = in_the_way(start, pages_len);
	if (owner) {
		log_err("ioremap: %#llx+%#zx refused: '%s' is at %#llx-%#llx",
			(unsigned long long)pa, len, owner->name,
			(unsigned long long)owner->start, (unsigned long long)owner->end - 1);
		return NULL;
	}
	/* The same offset within 2 MiB on both sides lets large pages fit. */
	if (take(pages_len + (start & (align - 1)), align, &va)) {
		log_err("ioremap: no room for %#llx+%#zx", (unsigned long long)pa, len);
		return NULL;
	}
	if (paging_map(va + (start & (align - 1)), start, pages_len, PAGING_WRITE |
		       (cache == IOREMAP_UNCACHED ? PAGING_UNCACHED : PAGING_WRITE_COMBINING))) {
		iounmap((struct mmio *)va);
		log_err("ioremap: no memory to map %#llx+%#zx", (unsigned long long)pa, len);
		return NULL;
	}
	return (struct mmio *)(va + (start & (align - 1)) + (pa - start));
}

void iounmap(struct mmio *base)
{
	const struct mapping *m = find((uintptr_t)base);

	if (!m)
		panic("mm: iounmap(%p): nothing is mapped there", (void *)base);
	/* Whole pages: no table is needed, and nothing can fail. */
	if (paging_unmap(m->va, m->len))
		panic("mm: iounmap(%p): the page tables are not as they were left", (void *)base);
	give_back(m - mappings);
}
