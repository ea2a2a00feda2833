/* SPDX-License-Identifier: MIT */
/*
 * Page tables: the image's own rights, the early window, and the one loop
 * that maps everything else. Four levels (Intel SDM vol. 3A, 4.5). Nothing
 * here is for interrupt handlers.
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

/* Neighbouring pages of one size, with the same rights, physically adjacent too. */
struct paging_mapping {
	uintptr_t va;
	paddr_t pa;
	uint64_t len;		/* bytes */
	uint64_t page_size;
	unsigned flags;		/* enum paging_flags */
};

/* Who is told by paging_walk(). */
struct paging_visitor {
	void (*mapping)(void *context, const struct paging_mapping *m);
	void (*table)(void *context, paddr_t pa);	/* each page table; may be NULL */
};

/*
 * Takes the write and execute rights that each part of the image should not
 * have, unmaps the guard pages and the identity mapping. Once, early.
 */
void paging_protect_image(void);

/* Makes the read-only-after-init data read-only, at the end of init. */
void paging_protect_after_init(void);

/*
 * Puts the physical address of a page in the direct map into *out, and
 * returns 0; or -ENOMEM. May call paging_map_hosted(), nothing else of here.
 */
typedef int paging_alloc_fn(paddr_t *out);

/*
 * Where page tables come from; NULL, as in the beginning: nowhere. Returns
 * what was set before. Before paging_protect_after_init() only.
 */
paging_alloc_fn *paging_set_allocator(paging_alloc_fn *alloc);

/*
 * All of these take page-aligned addresses and lengths, and ranges that end
 * below the last page of the address space. Tables that they made stay after
 * an error, and for the next.
 */

/*
 * Maps [va, va+len) to [pa, pa+len), with the largest pages that alignment,
 * the processor, and tables that are there already allow.
 * Returns 0; or, with nothing mapped, -ENOMEM (no page table to be had),
 * -EEXIST (something is mapped there), -EINVAL (to be written and executed).
 */
int __must_check paging_map(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags);

/*
 * The same for memory that nothing uses yet and that becomes writable at the
 * addresses by which page tables are found (the direct map): page tables are
 * made of its own first pages, and nothing is allocated. *kept is how many
 * bytes of it that took.
 * Returns 0; -ENOSPC (tables would take all of it), -EOVERFLOW (they would
 * take more than SLOT_COUNT pages), -EEXIST, -EINVAL. After an error the
 * memory must not be used; after -EEXIST part of it may be mapped.
 */
int __must_check paging_map_hosted(uintptr_t va, paddr_t pa, uint64_t len, unsigned flags,
				   uint64_t *kept);

/*
 * Gives all of [va, va+len) the rights and the cache type of `flags`. A page
 * that reaches over either end is split.
 * Returns 0; or, with no right changed, -ENOENT (some of it is not mapped),
 * -ENOMEM (no page table for a split), -EINVAL (as paging_map()).
 */
int __must_check paging_protect(uintptr_t va, uint64_t len, unsigned flags);

/*
 * Unmaps what is mapped of [va, va+len). A page that reaches over either end
 * is split. Returns 0; or, with nothing unmapped, -ENOMEM (no page table for
 * a split, so never where whole mappings end).
 */
int __must_check paging_unmap(uintptr_t va, uint64_t len);

/* The mapping of `va`. Returns 0, or -ENOENT if there is none. */
int paging_lookup(uintptr_t va, struct paging_entry *out);

/*
 * Tells the visitor of every mapping, by ascending address, and of every page
 * table, before what lies in it. The visitor must not change mappings.
 */
void paging_walk(const struct paging_visitor *visitor, void *context);

/*
 * Maps physical memory for reading, through a window of WINDOW_SIZE bytes that
 * holds one range at a time. Returns a pointer to `pa`, or NULL if `len` is 0, does not
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
