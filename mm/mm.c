// SPDX-License-Identifier: MIT
/*
 * Bring-up of memory: map -> reservations -> direct map -> page allocator ->
 * heap; and the kernel's instance of the page allocator.
 */
#include "mm/mm.h"

#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_info.h"
#include "kernel/lib/errno.h"
#include "kernel/panic.h"
#include "mm/direct.h"
#include "mm/fault.h"
#include "mm/kmalloc.h"

#define LOG_SUBSYS mm
#include "kernel/log.h"

LOG_DEFINE();

enum {
	MAP_MAX = BOOT_REGIONS_MAX + 2 * BOOT_MODULES_MAX + 64,
	LOW_MEMORY = 1 << 20,	/* interrupt vectors, BIOS data, EBDA, ROMs */
};

static __noload struct region map_regions[MAP_MAX];
static struct regions map;
static __noload struct page_allocator pages;

const struct regions *mm_map(void)
{
	return &map;
}

static void claim(paddr_t start, paddr_t end, const char *name)
{
	regions_add(&map, start, end - start, REGION_CLAIMED, name);
}

/* MAP_MAX has room for every range and claim, so their order does not matter. */
static void build_map(const struct boot_info *info)
{
	regions_init(&map, map_regions, MAP_MAX);
	for (size_t i = 0; i < info->map.count; i++) {
		const struct region *r = &info->map.list[i];

		regions_add(&map, r->start, r->end - r->start, r->kind, r->name);
	}
	claim(0, LOW_MEMORY, "low memory");
	claim(image_physical_start(), image_physical_end(), "kernel");
	for (uint32_t i = 0; i < info->range_count; i++)
		claim(info->ranges[i].start, info->ranges[i].end, "boot information");
	for (uint32_t i = 0; i < info->module_count; i++)
		claim(info->modules[i].start, info->modules[i].end, "module");
	if (info->rsdp)
		claim(info->rsdp, info->rsdp + sizeof(info->rsdp_copy), "ACPI RSDP");
}

/* RAM that the processor cannot address or the direct map cannot hold is nobody's. */
static void withhold_unreachable(const struct boot_info *info)
{
	paddr_t limit = min(BIT(cpu_physical_bits()), (paddr_t)DIRECT_SIZE);
	uint64_t lost = 0;

	for (size_t i = 0; i < info->map.count; i++) {
		const struct region *r = &info->map.list[i];
		paddr_t start = max(r->start, limit);

		if (r->kind != REGION_USABLE || r->end <= limit)
			continue;
		regions_add(&map, start, r->end - start, REGION_RESERVED, "RAM beyond reach");
		lost += r->end - start;
	}
	if (lost)
		log_warn("RAM above %#llx lies beyond the processor's addresses or the direct map: "
			 "%llu MiB not used", (unsigned long long)limit,
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
	return page_alloc_from(&pages, 0, PAGE_ANY, out);
}

static int add_pages(paddr_t start, paddr_t end)
{
	return page_allocator_add(&pages, start, end);
}

void mm_init(const struct boot_info *info)
{
	struct page_stats stats;

	build_map(info);
	withhold_unreachable(info);
	warn_about_map(info);
	if (regions_total(&map, REGION_USABLE) == 0)
		panic("mm: the memory map has no usable RAM above 1 MiB within reach");
	page_allocator_init(&pages, DIRECT_BASE);
	direct_map_init(&map, add_pages, table_page);
	kmalloc_init(&pages);
	page_allocator_stats(&pages, &stats);
	log_info("%llu MiB usable, %llu KiB used by tables",
		 (unsigned long long)(stats.total * PAGE_SIZE / MIB),
		 (unsigned long long)((stats.total - stats.free) * PAGE_SIZE / KIB));
}

struct page_allocator *mm_pages(void)
{
	return &pages;
}

void mm_report(void)
{
	struct page_stats stats;

	page_allocator_stats(&pages, &stats);
	print("memory  %u entries, %zu regions, %llu MiB usable, heap %llu KiB\n",
	      boot_info.map_entries, map.count,
	      (unsigned long long)(regions_total(&map, REGION_USABLE) / MIB),
	      (unsigned long long)(stats.free * PAGE_SIZE / KIB));
}
