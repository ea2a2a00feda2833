/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: naturally aligned blocks of 2^order pages, and runs of
 * any number of pages; free neighbours are joined at once and without search.
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
	PAGE_ZONE_MASK = 3,

	/* What the block is for: one of these, kept with it. */
	PAGE_USE_OTHER = 0 << 8,
	PAGE_USE_METADATA = 1 << 8,	/* the page allocator's own */
	PAGE_USE_HEAP_SPAN = 2 << 8,	/* many blocks of the heap's; owner: its descriptor */
	PAGE_USE_HEAP_RUN = 3 << 8,	/* one block of the heap's */
	PAGE_USE_HEAP_META = 4 << 8,	/* the heap's descriptors */
	PAGE_USE_TABLE = 5 << 8,	/* page tables */
	PAGE_USE_DMA = 6 << 8,		/* rings and buffers of devices */
	PAGE_USE_MASK = 15 << 8,
};

enum {
	/* Ranges of memory not used yet; a few are kept for splitting them. */
	PAGE_RANGES_MAX = 640,
	PAGE_ZONES = 3,			/* from 4 GiB on, below it, below 16 MiB */
	PAGE_ZONE_LISTS = 21,		/* one for each order, and two sorts of ranges */
	PAGE_RANGE_LISTS = 8,
	PAGE_NODES = 64,
	PAGE_NEAR = 1024,		/* groups of 16 MiB: 16 GiB */
};

/* Addresses end here: 52 bits is all that x86-64 has. */
#define PAGE_ADDRESS_END	(BIT(52) - MIB)

/* Memory given and never used: [start, end), and what is set aside for metadata. */
struct page_range {
	paddr_t start;
	paddr_t end;
	paddr_t reached;		/* below it `reach` has been asked */
	paddr_t aside;			/* begins there */
	struct page_group *group;	/* a guess: that of `start` */
	uint16_t aside_pages;
	uint16_t next, prev;		/* in a list of its zone */
	uint8_t list;
	uint8_t zone;
};

struct page_links {
	struct page_links *next, *prev;
};

struct page_list {
	union {
		struct page_links links;
		struct page_range *range;	/* the first, where it is of ranges */
	};
	uint64_t bit;				/* its own in `available` */
};

struct page_zone {
	struct {
		uint16_t first, last;
	} ranges[PAGE_RANGE_LISTS];
	uint8_t nonempty;	/* bit n: ranges[n] is a list */
	uint16_t added;		/* the range added last */
};

/* Private to page*.c; page_internal.h explains it. May lie in memory that is not zero. */
struct page_allocator {
	uint64_t available;			/* bit n: lists[n] or such ranges are not empty */
	uint64_t total, free, metadata;		/* as in page_stats */
	uintptr_t offset;
	int (*reach)(paddr_t start, paddr_t end, paddr_t *usable);
	void *owner;				/* of the block that is being allocated */
	struct page_unit *spare;		/* arrays of units */
	struct page_node *unsorted;		/* nodes perhaps in a wrong list of large blocks */
	uint64_t unsorted_count;
	struct page_range *reserve;		/* what it has set aside is used first */
	uint16_t range_spare;			/* list of unused entries */
	uint16_t range_count;			/* entries in use */
	uint16_t range_touched;			/* entries ever used */
	struct page_list lists[PAGE_ZONES * PAGE_ZONE_LISTS];
	struct page_zone zones[PAGE_ZONES];
	struct page_node *nodes[PAGE_NODES];
	struct page_group *near[PAGE_NEAR];
	struct page_range ranges[PAGE_RANGES_MAX + 1];	/* the last stands for none */
};

struct page_stats {
	uint64_t total;		/* pages ever added, less those that could not be reached */
	uint64_t free;		/* pages free now, untouched ones included */
	uint64_t metadata;	/* pages taken for metadata, and by `reach` */
};

/*
 * Makes `a` empty. `offset`: what to add to a physical address to use it.
 *
 * `reach` is called before memory in [start, end) is touched for the first
 * time, in ascending order within a range and never across 1 GiB, and makes
 * it writable at +offset. It may keep pages at the start for itself; they
 * count as metadata. It must not call the allocator. Returns 0 with the first
 * address left in *usable (page-aligned, start <= *usable <= end), or a
 * negative errno: that piece then leaves `total` and is never used.
 * NULL: all memory is writable as it is.
 */
void page_allocator_init(struct page_allocator *a, uintptr_t offset,
			 int (*reach)(paddr_t start, paddr_t end, paddr_t *usable));

/*
 * Gives `a` the memory [start, end), page-aligned and never given before.
 * Ranges may come in any order and may adjoin.
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

/* The same for a block of 2 pages or more, with its owner: see page_set_owner(). */
int __must_check page_alloc_owned(struct page_allocator *a, unsigned order, unsigned flags,
				  void *owner, paddr_t *out);

/*
 * Gives back a block exactly as it was allocated.
 * Returns 0, or -EINVAL (nothing done) if no such block is allocated there.
 */
int page_free_to(struct page_allocator *a, paddr_t block, unsigned order);

/*
 * Allocates `pages` pages, 1 to 2^PAGE_ORDER_MAX, in one piece, aligned to the
 * power of two that is not less. A run of more than 8 MiB may become longer,
 * up to a multiple of that, where there is no memory for metadata.
 * Returns as page_alloc_from().
 */
int __must_check page_alloc_run(struct page_allocator *a, uint64_t pages,
				unsigned flags, paddr_t *out);

/* As page_free_to(), for a block or a run of any length. */
int page_free_run(struct page_allocator *a, paddr_t run);

/* An allocated block or run. */
struct page_block {
	paddr_t start;
	uint64_t pages;
	unsigned use;		/* PAGE_USE_... */
	void *owner;		/* see page_set_owner() */
};

/* The allocated block that holds `addr`, any number whatever; false if none does. */
bool page_block_find(const struct page_allocator *a, paddr_t addr, struct page_block *out);

/*
 * Whether the page at `addr`, any number, is free: given to the allocator, and
 * neither in a block nor metadata. Walks the ranges of memory never used.
 */
bool page_is_free(const struct page_allocator *a, paddr_t addr);

/*
 * Keeps a pointer with a block or run of 2 pages or more, whose owner is NULL
 * at first. Returns 0, or -EINVAL if none such begins at `block`.
 */
int page_set_owner(struct page_allocator *a, paddr_t block, void *owner);

/* A static text for a PAGE_USE_..., other bits ignored. */
const char *page_use_name(unsigned use);

void page_allocator_stats(const struct page_allocator *a, struct page_stats *out);

/*
 * Walks everything: lists, metadata and counts agree, no free block overlaps
 * another, what could be joined is. For tests.
 * Returns NULL, or a static text that says what is wrong.
 */
const char *page_allocator_check(const struct page_allocator *a);
