/* SPDX-License-Identifier: MIT */
/*
 * Page tables: the image's own rights, the early window, and the one loop
 * that maps everything else. Four levels (Intel SDM vol. 3A, 4.5).
 */
#pragma once

#include "kernel/lib/types.h"

enum paging_flags {
	PAGING_READ = 0,
	PAGING_WRITE = BIT(0),
	PAGING_EXECUTE = BIT(1),
	PAGING_UNCACHED = BIT(2),
	PAGING_WRITE_COMBINING = BIT(3),
};

/* What a walk finds at an address. */
struct paging_entry {
	paddr_t pa;		/* of the address asked for */
	uint64_t size;		/* of the page: 4 KiB, 2 MiB, 1 GiB */
	unsigned flags;		/* enum paging_flags */
};

/*
 * Takes the write and execute rights that each part of the image should not
 * have, unmaps the guard pages and the identity mapping. Once, early.
 */
void paging_protect_image(void);

/* Makes the read-only-after-init data read-only. Once, at the end of init. */
void paging_protect_after_init(void);

/*
 * Where page tables come from: a function that returns 0 and the physical
 * address of a page in the direct map, or -ENOMEM. Before it is set, and
 * whenever it fails, tables come from a few spare pages in the image.
 */
void paging_set_allocator(int (*alloc)(paddr_t *out));

/*
 * Maps [va, va+len) to [pa, pa+len), all page-aligned, with the largest pages
 * that alignment and the processor allow. Nothing may be mapped there yet.
 * Returns 0; -ENOMEM (no page table to be had; what was mapped stays);
 * -EEXIST.
 */
int __must_check paging_map(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags);

/* Unmaps [va, va+len), which paging_map() mapped with 4 KiB pages or whole larger ones. */
void paging_unmap(uintptr_t va, uint64_t len);

/* The mapping of `va`. Returns 0, or -ENOENT if there is none. */
int paging_lookup(uintptr_t va, struct paging_entry *out);

/* For a `va` that is not mapped: bytes from `va` to the end of the hole's table entry. */
uint64_t paging_hole(uintptr_t va);

/*
 * Maps physical memory for reading, through a window of 2 MiB that holds one
 * range at a time. Returns a pointer to `pa`, or NULL if `len` is 0, does not
 * fit, wraps, or the window is in use.
 */
const void *early_map(paddr_t pa, size_t len);
void early_unmap(void);

/* Physical address of an address in the image. */
paddr_t image_to_physical(const void *ptr);

/* The image's extent, physical: [start, end), page-aligned. */
paddr_t image_physical_start(void);
paddr_t image_physical_end(void);

/* Address space of the processor: physical addresses are below 1 << this. */
unsigned cpu_physical_bits(void);
