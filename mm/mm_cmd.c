// SPDX-License-Identifier: MIT
/* The commands `memmap` and `heap`. */
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/heap.h"
#include "mm/mm.h"
#include "mm/page.h"

static int memmap_run(int argc, char **argv __unused)
{
	const struct regions *map = mm_map();

	if (argc != 1)
		return -EINVAL;
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		print("0x%016llx-0x%016llx %10llu KiB  %-11s %s\n",
		      (unsigned long long)r->start, (unsigned long long)r->end - 1,
		      (unsigned long long)((r->end - r->start) / KIB),
		      region_kind_name(r->kind), r->name);
	}
	return 0;
}

static int heap_run(int argc, char **argv __unused)
{
	struct page_stats pages;
	struct heap_stats heap;

	if (argc != 1)
		return -EINVAL;
	page_allocator_stats(mm_pages(), &pages);
	heap_stats(mm_heap(), &heap);
	print("pages   %llu, free %llu, metadata %llu\n", (unsigned long long)pages.total,
	      (unsigned long long)pages.free, (unsigned long long)pages.metadata);
	print("heap    %llu blocks, %llu bytes, %llu pages\n", (unsigned long long)heap.blocks,
	      (unsigned long long)heap.bytes, (unsigned long long)heap.pages);
	return 0;
}

SHELL_COMMAND(memmap, "", "list physical memory and who owns it", memmap_run);
SHELL_COMMAND(heap, "", "pages and heap blocks in use", heap_run);
