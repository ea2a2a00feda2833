/* SPDX-License-Identifier: MIT */
/*
 * The direct map: every page that the map calls usable, at DIRECT_BASE + its
 * physical address, writable and never executable; nothing else.
 */
#pragma once

#include "kernel/lib/regions.h"

/*
 * Maps all usable ranges of `map` and hands each to `add` once it can be
 * written; `table` provides pages for page tables out of what was added.
 * `map` must last, and have a usable range; all of them lie within the
 * processor's reach and DIRECT_SIZE. Memory that cannot be mapped or added is
 * left out with a warning.
 */
void direct_map_init(const struct regions *map, int (*add)(paddr_t start, paddr_t end),
		     int (*table)(paddr_t *out));

/* True if [pa, pa+len) lies in the direct map, wholly. */
bool direct_map_has(paddr_t pa, size_t len);
