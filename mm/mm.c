// SPDX-License-Identifier: MIT
/*
 * Bring-up of memory: map -> reservations -> direct map -> page allocator ->
 * heap; and the kernel's instance of the page allocator.
 */
#include "mm/mm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/lib/errno.h"
#include "kernel/panic.h"
#include "mm/direct.h"
#include "mm/fault.h"
#include "mm/kmalloc.h"
#include "mm/map.h"
#include "mm/page.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

LOG_DEFINE();

static __noload struct region map_regions[MAP_REGIONS_MAX];
static struct regions map;
static __noload struct page_allocator pages;
static bool ready;

const struct regions *mm_map(void)
{
	return &map;
}

/* RAM that the processor cannot address or the direct map cannot hold is nobody's. */
static void build_map(const struct boot_info *info)
{
	const struct boot_range image = { image_physical_start(), image_physical_end() };
	const paddr_t reach = min(BIT(cpu_physical_bits()), (paddr_t)DIRECT_SIZE);
	uint64_t lost = map_build(&map, map_regions, info, image, reach);

	if (lost)
		log_warn("RAM above %#llx lies beyond the processor's addresses or the direct map: "
			 "%llu MiB not used", (unsigned long long)reach,
			 (unsigned long long)(lost / MIB));
}

static void warn_about_map(const struct boot_info *info)
{
	if (info->map.merged || map.merged)
		log_warn("memory map too long: %u gaps between reserved ranges count as reserved",
			 info->map.merged + map.merged);
	if (info->map.lost_ranges || map.lost_ranges)
		log_warn("memory map too long: %llu KiB of RAM in %u ranges not used",
			 (unsigned long long)(info->map.lost_bytes + map.lost_bytes) / KIB,
			 info->map.lost_ranges + map.lost_ranges);
	if (info->map.dropped)
		log_info("memory map: %u empty or wrapping entries ignored", info->map.dropped);
	if (info->modules_empty)
		log_warn("%u modules of no length ignored", info->modules_empty);
	if (info->modules_lost)
		log_warn("%u modules beyond the first %d are reserved but not listed",
			 info->modules_lost, BOOT_MODULES_MAX);
}

/* A page for a page table. */
static int table_page(paddr_t *out)
{
	if (fault_refuses(FAULT_PAGES, "page-table"))
		return -ENOMEM;
	return page_alloc_from(&pages, 0, PAGE_ANY | PAGE_USE_TABLE, out);
}

static void add_usable(void)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < map.count; i++) {
		const struct region *r = &map.list[i];

		if (r->kind == REGION_USABLE && page_allocator_add(&pages, r->start, r->end))
			lost += r->end - r->start;
	}
	if (lost)
		log_warn("%llu MiB of RAM do not fit the page allocator's table",
			 (unsigned long long)(lost / MIB));
}

void mm_init(const struct boot_info *info)
{
	struct page_stats stats;

	build_map(info);
	warn_about_map(info);
	if (regions_total(&map, REGION_USABLE) == 0)
		panic("mm: the memory map has no usable RAM above 1 MiB within reach");
	direct_map_init(&map);
	page_allocator_init(&pages, DIRECT_BASE, direct_reach);
	add_usable();
	paging_set_allocator(table_page);
	kmalloc_init(&pages);
	ready = true;
	page_allocator_stats(&pages, &stats);
	log_info("%llu MiB usable, %llu KiB used by tables",
		 (unsigned long long)(stats.total * PAGE_SIZE / MIB),
		 (unsigned long long)((stats.total - stats.free) * PAGE_SIZE / KIB));
}

bool mm_ready(void)
{
	return ready;
}

struct page_allocator *mm_pages(void)
{
	return &pages;
}
