/* SPDX-License-Identifier: MIT */
/*
 * Memory as a whole: the kernel's map of it, and its bring-up.
 */
#pragma once

#include "kernel/lib/regions.h"

struct boot_info;

/*
 * Takes firmware's map and the loader's reservations from `info`, builds the
 * direct map, the page allocator and the heap. Panics if there is no memory.
 */
void mm_init(const struct boot_info *info);

/*
 * Every named range of physical memory: the firmware's with what the kernel
 * and the loader claim laid over it. An address that is not in it is nobody's.
 */
const struct regions *mm_map(void);

/* True once page allocator and heap can be asked; reports must not touch them before. */
bool mm_ready(void);

/* The kernel's instances, for reports and tests. */
struct page_allocator *mm_pages(void);
struct heap *mm_heap(void);

/* Prints the line of the boot report about memory. */
void mm_report(void);

/* Prints every region of mm_map(), and how much is usable. */
void mm_print_map(void);

struct json;
/* Writes the value of "memory" (Documentation/machine.md). */
void mm_report_json(struct json *j);
