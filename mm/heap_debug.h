/* SPDX-License-Identifier: MIT */
/*
 * Full checking: a layer over the heap that finds misuse and names the callers
 * concerned. What it finds it tells in words, through `found`.
 *
 * State is passed in and the memory is the core's, so it runs on the host.
 * Callers are static texts, "drivers/block/blk.c:120"; NULL is "?".
 *
 * Context: as of the core's functions, the event loop.
 */
#pragma once

#include "mm/heap.h"

enum {
	DEBUG_HEAP_TEXT = 256,	/* longer than any finding */
	DEBUG_HEAP_SIZE_MAX = 1 << 30,	/* of a block */
	DEBUG_HEAP_QUARANTINE_BLOCKS = 1024,
};

/* What a block's bytes are where nobody has written. */
enum {
	DEBUG_HEAP_ALLOCATED = 0xa5,
	DEBUG_HEAP_FREED = 0xdd,
	DEBUG_HEAP_RED_ZONE = 0xbd,
};

/* For the kernel's instance. */
#ifdef CONFIG_HEAP_CHECK_FULL
enum { DEBUG_HEAP_QUARANTINE = CONFIG_HEAP_QUARANTINE_KB * 1024 };
#else
enum { DEBUG_HEAP_QUARANTINE = 0 };
#endif

struct debug_list {
	struct debug_block *first, *last;	/* oldest, youngest */
	uint64_t blocks;
	uint64_t bytes;
};

/* Private to heap_debug.c and heap_debug_check.c. */
struct debug_heap {
	struct heap *core;
	const char *name;
	void (*found)(const char *what);
	size_t quarantine_max;		/* bytes */
	uint64_t next_number;		/* of an allocation */
	struct debug_list live;		/* bytes: as asked for */
	struct debug_list quarantine;	/* bytes: as taken from the core */
};

/*
 * Makes `d` a layer over `core`, which others may use beside it. `name`: for
 * findings about its blocks. Up to `quarantine` bytes of freed blocks, and
 * DEBUG_HEAP_QUARANTINE_BLOCKS of them, are kept from being used again; not
 * such as take more than a quarter of that.
 *
 * `found` gets each finding, one sentence without an end. Where it returns, the
 * call that found it does nothing else, and damaged memory is never reused.
 */
void debug_heap_init(struct debug_heap *d, struct heap *core, const char *name,
		     size_t quarantine, void (*found)(const char *what));

/*
 * As heap_alloc(); the block is filled with DEBUG_HEAP_ALLOCATED. When there
 * is no memory, what is in quarantine is given up for it.
 */
void *debug_heap_alloc(struct debug_heap *d, size_t size, size_t align, const char *caller);

/* As heap_free(); -EINVAL after a finding about `block`. */
int debug_heap_free(struct debug_heap *d, void *block, const char *caller);

/* As heap_realloc(), but that the block always moves, unless it shrinks and there is no memory. */
void *debug_heap_realloc(struct debug_heap *d, void *block, size_t size, const char *caller);

/* The size that was asked for, 1 for 0; 0 if `block` is no live block of this heap. */
size_t debug_heap_usable_size(const struct debug_heap *d, const void *block);

/* Live blocks, with the sizes that were asked for; the core's pages. */
void debug_heap_stats(const struct debug_heap *d, struct heap_stats *out);

/* Gives all that is in quarantine back to the core. */
void debug_heap_drain(struct debug_heap *d);

/*
 * Walks every block, live and in quarantine. Returns true if all is sound, else
 * false with what is wrong first in buf[size].
 */
bool debug_heap_check(const struct debug_heap *d, char *buf, size_t size);

/*
 * Says what lies at `address`, any number whatever: "8 bytes past a 64-byte
 * block allocated at drivers/block/blk.c:120". Returns false with buf[size]
 * empty if the core has no block there.
 */
bool debug_heap_describe(const struct debug_heap *d, uintptr_t address, char *buf, size_t size);

/* A point in time: blocks allocated from now on have this number or a higher one. */
uint64_t debug_heap_mark(const struct debug_heap *d);

/* Blocks with one caller. */
struct debug_group {
	const char *caller;
	uint64_t blocks;
	uint64_t bytes;		/* as asked for */
};

/*
 * Groups the live blocks allocated since `mark` by caller into groups[max],
 * max >= 1; those that find no room are all in the last one, whose caller is
 * then NULL. Returns the number of groups. Costs (blocks since) x (groups).
 */
size_t debug_heap_diff(const struct debug_heap *d, uint64_t mark, struct debug_group *groups,
		       size_t max);
