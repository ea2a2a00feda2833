// SPDX-License-Identifier: MIT
#include "mm/map.h"

static void claim(struct regions *map, paddr_t start, paddr_t end, const char *name)
{
	regions_add(map, start, end - start, REGION_CLAIMED, name);
}

static uint64_t withhold_beyond(struct regions *map, const struct boot_info *info, paddr_t reach)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < info->map.count; i++) {
		const struct region *r = &info->map.list[i];
		paddr_t start = max(r->start, reach);

		if (r->kind != REGION_USABLE || r->end <= reach)
			continue;
		regions_add(map, start, r->end - start, REGION_RESERVED, "RAM beyond reach");
		lost += r->end - start;
	}
	return lost;
}

uint64_t map_build(struct regions *map, struct region *list, const struct boot_info *info,
		   struct boot_range image, paddr_t reach)
{
	regions_init(map, list, MAP_REGIONS_MAX);
	for (size_t i = 0; i < info->map.count; i++) {
		const struct region *r = &info->map.list[i];

		regions_add(map, r->start, r->end - r->start, r->kind, r->name);
	}
	claim(map, 0, MAP_LOW_MEMORY, "low memory");
	claim(map, image.start, image.end, "kernel");
	for (uint32_t i = 0; i < info->range_count; i++)
		claim(map, info->ranges[i].start, info->ranges[i].end, "boot information");
	for (uint32_t i = 0; i < info->module_count; i++)
		claim(map, info->modules[i].start, info->modules[i].end, "module");
	if (info->rsdp)
		claim(map, info->rsdp, info->rsdp + sizeof(info->rsdp_copy), "ACPI RSDP");
	return withhold_beyond(map, info, reach);
}
