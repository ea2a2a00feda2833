/* SPDX-License-Identifier: MIT */
/*
 * The heap. Blocks are aligned to 16 bytes; a request of up to HEAP_SMALL_MAX
 * bytes comes from a size class within a span of pages, a larger one is a run
 * of pages of its own.
 *
 * The core takes its state as an argument and gets memory from a page
 * allocator, so it runs on the host. mm/kmalloc.h has the kernel's instance.
 *
 * Context: the event loop, never an interrupt handler (so there is no lock).
 */
#pragma once

#include "mm/page.h"

enum {
	HEAP_SMALL_MAX = 4096,
	HEAP_CLASSES = 42,
	HEAP_TINY_CLASSES = 7,		/* of these, below 128 bytes */
	HEAP_FIRST_MAP = 64,		/* entries */
};

/*
 * A span of blocks of one size, described outside of it. Private to heap.c and
 * heap_check.c, as is struct heap. What the shortest paths read comes first.
 */
struct heap_span {
	uintptr_t start;
	uint64_t free;		/* bit n: block n is; tiny: word n of span_words() has a bit set */
	uint64_t all;		/* `free` of an empty span; 0: pinned; tiny: blocks that are free */
	uint64_t bytes;		/* of the blocks; 0 if tiny or unused */
	uint32_t reciprocal;	/* 2^32 / size, rounded up */
	uint32_t size;		/* of a block */
	uint32_t check;		/* over what does not change */
	uint16_t count;		/* blocks; 0: the descriptor is unused */
	uint8_t pages;
	uint8_t class;
	struct heap_span *next, *prev;
};

struct heap_pool;

/* Descriptors of one length, cut from pages. */
struct heap_descriptors {
	struct heap_pool *pools;	/* the newest first */
	struct heap_pool *current;	/* new descriptors are cut from */
	struct heap_span *spare;	/* chained by `next` */
	uint32_t ready;			/* to be had without a page */
	uint32_t units;			/* length, in 64 bytes */
};

struct heap {
	struct heap_span **map;		/* granule -> span, by the low bits of its number */
	uint64_t map_mask;
	struct page_allocator *pages;
	/* Lists of spans with a free block; those of the tiny classes come last. */
	struct heap_span *head[HEAP_CLASSES + HEAP_TINY_CLASSES];
	struct heap_span *tail[HEAP_CLASSES + HEAP_TINY_CLASSES];
	struct heap_span *empty[HEAP_CLASSES];	/* kept when it became so; may be in use again */
	struct heap_span none;		/* ends every list; has no free block */
	struct heap_descriptors descriptors, tiny_descriptors;
	uint32_t spans[HEAP_CLASSES];
	uint64_t span_pages, run_pages, own_pages;
	uint64_t runs;
	struct heap_span **next_map;	/* being made ready */
	uint64_t next_mask, next_ready;
	void (*alarm)(const struct heap *h, const char *what);
	struct heap_span *first_map[HEAP_FIRST_MAP];
};

struct heap_stats {
	uint64_t blocks;	/* live */
	uint64_t bytes;		/* of live blocks, as rounded up */
	uint64_t pages;		/* held from the page allocator, descriptors included */
};

/* Makes `h` an empty heap; several may share `pages`. */
void heap_init(struct heap *h, struct page_allocator *pages);

/*
 * `alarm` is called when the heap finds its own metadata damaged where it has
 * no other way to say so; what is damaged is not used again if it returns.
 */
void heap_set_alarm(struct heap *h, void (*alarm)(const struct heap *h, const char *what));

/*
 * Allocates `size` bytes (0 counts as 1), aligned to 16. Returns NULL if there
 * is no memory or `size` is beyond 1 GiB.
 */
void *heap_malloc(struct heap *h, size_t size);

/*
 * As heap_malloc(), aligned to `align`: a power of two up to PAGE_SIZE, else
 * NULL is returned.
 */
void *heap_alloc(struct heap *h, size_t size, size_t align);

/*
 * Gives a block back; NULL does nothing.
 * Returns 0; -EINVAL if `block`, any number whatever, is no live block of this
 * heap (nothing done). With CONFIG_HEAP_CHECK_NONE the
 * caller is trusted: what is not a live block is undefined.
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

struct heap_block {
	uintptr_t start;
	size_t size;	/* usable */
	bool live;
};

/* The block, live or free, that holds the address `p`, any number; false: none of this heap's. */
bool heap_block_find(const struct heap *h, const void *p, struct heap_block *out);

/* Gives back all pages that hold no live block; walks the classes. */
void heap_trim(struct heap *h);

/* Counts by walking every span. */
void heap_stats(const struct heap *h, struct heap_stats *out);

/* As page_allocator_check(). */
const char *heap_check(const struct heap *h);
