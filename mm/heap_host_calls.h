/* SPDX-License-Identifier: MIT */
/*
 * Cairn's heap as the host's benchmark calls it: as C's malloc(), with an
 * instance of its own. Compiled with the kernel's flags.
 */
#pragma once

#include "mm/page.h"

/* A heap over [base, base + size), usable at +offset. False if it is refused. */
bool heap_host_open(paddr_t base, uint64_t size, uintptr_t offset);

void *heap_host_alloc(size_t size);
void heap_host_free(void *block);
void *heap_host_resize(void *block, size_t size);

/* Bytes that the heap and both allocators' metadata occupy now. */
uint64_t heap_host_footprint(void);
