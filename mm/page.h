/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: naturally aligned blocks of 2^order pages, by the buddy
 * system, with free neighbours joined.
 *
 * The core takes its state as an argument and knows physical memory only
 * through `offset` (virtual address = physical + offset), so it runs on the
 * host. Metadata is made for a piece of memory when that piece is first used,
 * out of that memory; adding a range costs the same whatever its size.
 *
 * Context: the event loop, never an interrupt handler.
 */
#pragma once

#include "kernel/lib/types.h"

#define PAGE_ORDER_MAX	18	/* 1 GiB */

enum {
	/* Request flags. */
	PAGE_ANY = 0,
	PAGE_BELOW_4G = 1 << 0,		/* wholly below 4 GiB */
	PAGE_BELOW_16M = 1 << 1,	/* wholly below 16 MiB */
};

struct page_allocator;	/* defined below by the implementation's needs */

struct page_stats {
	uint64_t total;		/* pages ever added */
	uint64_t free;		/* pages free now, untouched ones included */
	uint64_t metadata;	/* pages taken for metadata */
};

/* Makes `a` empty. `offset`: what to add to a physical address to use it. */
void page_allocator_init(struct page_allocator *a, uintptr_t offset);

/*
 * Gives `a` the memory [start, end), page-aligned, writable at +offset and
 * never given before. Ranges may come in any order and may adjoin.
 * Returns 0, or -ENOSPC when the table of ranges is full (nothing is taken).
 */
int __must_check page_allocator_add(struct page_allocator *a, paddr_t start, paddr_t end);

/*
 * Allocates 2^order pages, aligned to their size; contents are undefined.
 * Returns 0 with the physical address in *out, -EINVAL (order too large),
 * -ENOMEM.
 */
int __must_check page_alloc_from(struct page_allocator *a, unsigned order,
				 unsigned flags, paddr_t *out);

/*
 * Gives back a block exactly as it was allocated.
 * Returns 0, or -EINVAL (nothing done) if no such block is allocated there.
 */
int page_free_to(struct page_allocator *a, paddr_t block, unsigned order);

void page_allocator_stats(const struct page_allocator *a, struct page_stats *out);

/*
 * Walks everything: free lists, metadata and counts agree, no free block
 * overlaps another, buddies that could be joined are. For tests.
 * Returns NULL, or a static text that says what is wrong.
 */
const char *page_allocator_check(const struct page_allocator *a);

/* The kernel's instance (mm/mm.c). page_alloc() returns a usable pointer, or NULL. */
void *page_alloc(unsigned order, unsigned flags);
void page_free(void *block, unsigned order);
