/* SPDX-License-Identifier: MIT */
/*
 * The heap. Blocks are aligned to 16 bytes; a request of up to HEAP_SMALL_MAX
 * bytes comes from a size class within a span of pages, a larger one is a run
 * of pages of its own.
 *
 * The core takes its state as an argument and gets memory from a page
 * allocator, so it runs on the host. The kernel's instance: mm/kmalloc.h.
 *
 * Context: the event loop, never an interrupt handler (so there is no lock).
 */
#pragma once

#include "mm/page.h"

enum {
	HEAP_SMALL_MAX = 2048,
	HEAP_CLASSES = 24,	/* steps of 16 to 128, then four a doubling */
};

/* Spans of one block size. */
struct heap_class {
	struct heap_span *partial;	/* some blocks live, some free */
	struct heap_span *full;		/* every block live */
	struct heap_span *spare;	/* no block live; at most one is kept */
};

/* Private to heap.c and heap_check.c. */
struct heap {
	struct page_allocator *pages;
	uint64_t blocks, bytes, held;	/* as in heap_stats */
	uint64_t runs, run_pages;	/* of these: blocks with pages of their own */
	struct heap_class classes[HEAP_CLASSES];
};

struct heap_stats {
	uint64_t blocks;	/* live */
	uint64_t bytes;		/* of live blocks, as rounded up */
	uint64_t pages;		/* held from the page allocator */
};

/* Makes `h` an empty heap, the only one that uses `pages`. */
void heap_init(struct heap *h, struct page_allocator *pages);

/*
 * Allocates `size` bytes (0 counts as 1) aligned to `align` (a power of two
 * up to PAGE_SIZE; less than 16 counts as 16). Returns NULL if there is no
 * memory or size/align is out of range.
 */
void *heap_alloc(struct heap *h, size_t size, size_t align);

/*
 * Gives a block back; NULL does nothing.
 * Returns 0; -EINVAL if `block`, any number whatever, is no live block of this
 * heap (nothing done).
 */
int heap_free(struct heap *h, void *block);

/*
 * As C's realloc: on failure, which includes that `block` is no live block,
 * returns NULL and the block stays as it was; NULL allocates; size 0 counts
 * as 1. Alignment above 16 is not kept.
 */
void *heap_realloc(struct heap *h, void *block, size_t size);

/* Bytes usable at `block`, 0 if it is no live block of this heap. */
size_t heap_usable_size(const struct heap *h, const void *block);

/* Gives the spare spans back to the page allocator. */
void heap_trim(struct heap *h);

void heap_stats(const struct heap *h, struct heap_stats *out);

/* As page_allocator_check(). */
const char *heap_check(const struct heap *h);

/* A block's place, live or free. */
struct heap_block {
	uintptr_t start;
	size_t size;
	bool live;
};

/* The block that holds `p`, any number whatever; false if none of this heap's does. */
bool heap_block_find(const struct heap *h, const void *p, struct heap_block *out);
