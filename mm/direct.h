/* SPDX-License-Identifier: MIT */
/*
 * The direct map: pages that the map calls usable, at DIRECT_BASE + their
 * physical address, writable and never executable; nothing else. A piece of
 * memory is mapped when it is first used, so getting ready does not grow with
 * memory; its page tables are made of its own first pages.
 */
#pragma once

#include "kernel/lib/regions.h"

/*
 * Remembers what memory there is. `map` must last; its usable ranges lie
 * within the processor's reach and DIRECT_SIZE.
 */
void direct_map_init(const struct regions *map);

/*
 * Maps [start, end), usable memory that was not mapped before, without
 * allocating anything. The first of it may be kept for page tables: *usable
 * is where the rest begins, start <= *usable < end. One piece never reaches
 * over a multiple of 1 GiB, save where the processor has pages of that size.
 * Returns 0; or a negative errno, with a line in the log, if the piece cannot
 * hold its own page tables and a page more: it must then not be used.
 */
int __must_check direct_reach(paddr_t start, paddr_t end, paddr_t *usable);

/* True if all of [pa, pa+len) is memory of the direct map, mapped yet or not. */
bool direct_map_has(paddr_t pa, size_t len);

/* The piece of that memory, without a hole, that `pa` is in; there must be one. */
void direct_map_around(paddr_t pa, paddr_t *start, paddr_t *end);
