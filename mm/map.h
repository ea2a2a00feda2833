/* SPDX-License-Identifier: MIT */
/*
 * The kernel's map of physical memory: the firmware's, with what the kernel
 * and the loader claim laid over it. Pure: it runs on the host too.
 */
#pragma once

#include "kernel/boot_info.h"

enum {
	/*
	 * Room for what a full boot_info holds: every claim has two ends, and
	 * an end adds at most one range. So nothing is lost here, in whatever
	 * order ranges come. The four: low memory, image, RSDP, reach.
	 */
	MAP_REGIONS_MAX = BOOT_REGIONS_MAX + 2 * (BOOT_MODULES_MAX + BOOT_RANGES_MAX + 4),
	MAP_LOW_MEMORY = 1 << 20,	/* interrupt vectors, BIOS data, EBDA, ROMs */
};

/*
 * Makes `map`, over list[MAP_REGIONS_MAX], from what the loader told. The
 * kernel lies at `image`; RAM from `reach` on, page-aligned, is withheld, as
 * the processor or the direct map has no address for it.
 * Returns how many bytes of RAM lie beyond reach.
 */
uint64_t map_build(struct regions *map, struct region *list, const struct boot_info *info,
		   struct boot_range image, paddr_t reach);
