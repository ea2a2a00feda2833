// SPDX-License-Identifier: MIT
/* The command `memmap`. */
#include "kernel/lib/errno.h"
#include "kernel/log.h"
#include "kernel/shell.h"
#include "mm/mm.h"

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

SHELL_COMMAND(memmap, "", "list physical memory and who owns it", memmap_run);
