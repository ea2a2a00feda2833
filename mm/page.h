/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: naturally aligned blocks of 2^order pages, by the buddy
 * system, with free neighbours joined.
 *
 * The core takes its state as an argument and knows physical memory only
 * through `offset` (virtual address = physical + offset), so it runs on the
 * host. Metadata is made for a piece of memory when that piece is first used,
 * out of that memory; adding a range costs the same whatever its size.
 * Blocks do not join across 16 MiB.
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

	/* What the block is for: one of these, kept with it. */
	PAGE_USE_OTHER = 0 << 8,
	PAGE_USE_HEAP_SPAN = 1 << 8,	/* many blocks of the heap's */
	PAGE_USE_HEAP_RUN = 2 << 8,	/* one block of the heap's */
	PAGE_USE_METADATA = 3 << 8,	/* the page allocator's own */
	PAGE_USE_MASK = 3 << 8,
};

enum {
	/* Ranges of memory not used yet; two are kept for the splits at 16 MiB and 4 GiB. */
	PAGE_RANGES_MAX = 640,
	PAGE_ZONES = 3,			/* below 16 MiB, below 4 GiB, the rest */
	PAGE_ROOT_ENTRIES = 64,		/* each for 64 TiB */
};

/* Addresses end here: 52 bits is all that x86-64 has. */
#define PAGE_ADDRESS_END	(BIT(52) - MIB)

/* Memory given and never touched: [start, end). */
struct page_range {
	paddr_t start;
	paddr_t end;
	uint16_t next, prev;	/* in its zone's list, as it was added */
};

struct page_zone {
	uint32_t nonempty;	/* bit n: heads[n] is a list */
	uint32_t heads[PAGE_ORDER_MAX + 1]; /* chunks whose largest free block is 2^n pages */
	uint16_t first, last;	/* ranges */
};

/* Private to page.c and page_check.c, which explain it. May lie in memory that is not zero. */
struct page_allocator {
	uintptr_t offset;
	uint64_t total, free, metadata;		/* as in page_stats */
	char *metadata_low, *metadata_next;	/* metadata's memory not used yet */
	struct page_map *spare_maps;
	uint16_t range_spare;			/* list of unused entries */
	uint16_t range_count;			/* entries in use */
	uint16_t range_touched;			/* entries ever used */
	struct page_zone zones[PAGE_ZONES];
	struct page_directory *root[PAGE_ROOT_ENTRIES];
	struct page_range ranges[PAGE_RANGES_MAX];
};

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
 * Returns 0, -ENOSPC when the table of ranges is full, -EINVAL if the range
 * is empty, unaligned or ends above PAGE_ADDRESS_END (nothing is taken).
 */
int __must_check page_allocator_add(struct page_allocator *a, paddr_t start, paddr_t end);

/*
 * Allocates 2^order pages, aligned to their size; contents are undefined.
 * Memory below 4 GiB, and below 16 MiB before all, is kept for last where the
 * flags do not ask for it.
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

/* An allocated block. */
struct page_block {
	paddr_t start;
	unsigned order;
	unsigned use;		/* PAGE_USE_... */
};

/* The allocated block that holds `addr`, any number whatever; false if none does. */
bool page_block_find(const struct page_allocator *a, paddr_t addr, struct page_block *out);

void page_allocator_stats(const struct page_allocator *a, struct page_stats *out);

/*
 * Walks everything: free lists, metadata and counts agree, no free block
 * overlaps another, buddies that could be joined are. For tests.
 * Returns NULL, or a static text that says what is wrong.
 */
const char *page_allocator_check(const struct page_allocator *a);
