// SPDX-License-Identifier: MIT
/* What is known about memory: boot report, JSON, the list of regions. */
#include "mm/mm.h"

#include "kernel/boot_info.h"
#include "kernel/json.h"
#include "kernel/log.h"
#include "mm/page.h"

void mm_report(void)
{
	const struct regions *map = mm_map();
	struct page_stats stats;

	page_allocator_stats(mm_pages(), &stats);
	print("memory  %u entries, %zu regions, %llu MiB usable, heap %llu KiB\n",
	      boot_info.map_entries, map->count,
	      (unsigned long long)(regions_total(map, REGION_USABLE) / MIB),
	      (unsigned long long)(stats.free * PAGE_SIZE / KIB));
}

void mm_print_map(void)
{
	const struct regions *map = mm_map();

	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		print("0x%016llx-0x%016llx %10llu KiB  %-11s %s\n",
		      (unsigned long long)r->start, (unsigned long long)r->end - 1,
		      (unsigned long long)((r->end - r->start) / KIB),
		      region_kind_name(r->kind), r->name);
	}
	print("usable: %llu bytes\n",
	      (unsigned long long)regions_total(map, REGION_USABLE));
}

void mm_report_json(struct json *j)
{
	const struct regions *map = mm_map();

	json_object(j, NULL);
	json_number(j, "entries", boot_info.map_entries);
	json_number(j, "usable", regions_total(map, REGION_USABLE));
	json_array(j, "regions");
	for (size_t i = 0; i < map->count; i++) {
		const struct region *r = &map->list[i];

		json_object(j, NULL);
		json_hex(j, "start", r->start);
		json_hex(j, "end", r->end);
		json_string(j, "kind", region_kind_name(r->kind));
		json_string(j, "name", r->name);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}
