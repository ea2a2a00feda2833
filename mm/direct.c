// SPDX-License-Identifier: MIT
/*
 * Page tables for the direct map come from the page allocator, and the page
 * allocator's memory must be mapped before it is used. So a first piece of
 * the largest range, small enough for the spare tables in the image, is
 * mapped and given to the allocator; everything else follows.
 */
#include "mm/direct.h"

#include "arch/x86/layout.h"
#include "arch/x86/paging.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

enum { FIRST_PIECE = 16 << 20 };

static const struct regions *direct;
static int (*add_range)(paddr_t start, paddr_t end);

static bool is_usable(const struct region *r)
{
	return r->kind == REGION_USABLE;
}

static void map_range(paddr_t start, paddr_t end)
{
	if (start == end)
		return;
	if (paging_map(DIRECT_BASE + start, start, end - start, PAGING_WRITE) ||
	    add_range(start, end))
		log_warn("RAM at %#llx-%#llx cannot be mapped and is not used",
			 (unsigned long long)start, (unsigned long long)end - 1);
}

/* The largest usable range. */
static const struct region *largest(void)
{
	const struct region *best = NULL;

	for (size_t i = 0; i < direct->count; i++) {
		const struct region *r = &direct->list[i];

		if (is_usable(r) && (!best || r->end - r->start > best->end - best->start))
			best = r;
	}
	return best;
}

void direct_map_init(const struct regions *map, int (*add)(paddr_t start, paddr_t end),
		     int (*table)(paddr_t *out))
{
	const struct region *first;
	paddr_t seam;

	direct = map;
	add_range = add;
	first = largest();
	/* The seam on a large-page boundary, so that both sides can use them. */
	seam = min(align_up(first->start + 1, (paddr_t)FIRST_PIECE), first->end);
	map_range(first->start, seam);
	paging_set_allocator(table);
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		if (is_usable(r))
			map_range(r == first ? seam : r->start, r->end);
	}
}

bool direct_map_has(paddr_t pa, size_t len)
{
	return regions_usable(direct, pa, len);
}
