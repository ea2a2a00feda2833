/* SPDX-License-Identifier: MIT */
/* The boot processor: its tables, its protections, what it can do. */
#pragma once

#include "kernel/lib/types.h"

/*
 * Loads GDT, TSS (stacks for double fault, NMI and machine check) and IDT,
 * and turns on what protection the processor has: NX, write protection,
 * SMEP, SMAP, UMIP. First thing in kmain().
 */
void cpu_init(void);

bool cpu_has_nx(void);
bool cpu_has_1gib_pages(void);
bool cpu_has_pat(void);
