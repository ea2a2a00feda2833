/* SPDX-License-Identifier: MIT */
/* The layout of a block under full checking, shared by heap_debug.c and heap_debug_check.c. */
#pragma once

#include "mm/heap_debug.h"

enum {
	DEBUG_RED_MIN = 16,	/* bytes before and after a block, at least */
};

/*
 * What stands at the start of a block of the core's:
 *
 *	struct debug_block | red zone | the caller's bytes | red zone
 *
 * The second red zone begins right after the last byte that was asked for, and
 * ends at a multiple of 16.
 */
struct debug_block {
	uint64_t check;			/* over the rest, but for the links */
	const struct debug_heap *heap;
	const char *allocated_at;
	const char *freed_at;		/* NULL: it is live */
	size_t size;			/* as asked for */
	uint64_t number;		/* of the allocation */
	size_t lead;			/* from here to the caller's bytes */
	struct debug_block *next, *prev; /* younger, older: in one of its heap's lists */
};

enum debug_finding {
	DEBUG_NOTHING,		/* no memory of the core's */
	DEBUG_FREE,		/* a free block of the core's */
	DEBUG_BROKEN,		/* a live one, but this is no header */
	DEBUG_BLOCK,		/* live or in quarantine */
};

static inline uint8_t *debug_bytes(const struct debug_block *b)
{
	return (uint8_t *)b + b->lead;
}

/* From the header's start to the end of the second red zone. */
static inline size_t debug_extent(size_t lead, size_t size)
{
	return align_up(lead + size + DEBUG_RED_MIN, DEBUG_RED_MIN);
}

/* What stands at `address`; *out is the start of the core's block, if there is one. */
enum debug_finding debug_find(const struct debug_heap *d, uintptr_t address,
			      struct debug_block **out);

/*
 * Whether `b`, which a list of `d` names, is a block of that list, and agrees
 * with its neighbours; false with what is wrong in buf[size].
 */
bool debug_listed(const struct debug_heap *d, const struct debug_list *list,
		  const struct debug_block *b, char *buf, size_t size);

/*
 * Whether the red zones of `b`, a sound block, are untouched, and in quarantine
 * its bytes; false with what is wrong in buf[size].
 */
bool debug_intact(const struct debug_block *b, char *buf, size_t size);

/* "a 64-byte block allocated at X", and where it was freed. Returns buf. */
const char *debug_name(const struct debug_block *b, char *buf, size_t size);

/* "24 bytes inside a 64-byte block allocated at X". */
void debug_describe_place(const struct debug_block *b, uintptr_t address, char *buf, size_t size);

/*
 * What a pointer is that no block begins, as debug_find() has found: `b` is the
 * start of the core's block, if there is one.
 */
void debug_describe_stray(const struct debug_heap *d, uintptr_t address,
			  enum debug_finding finding, const struct debug_block *b, char *buf,
			  size_t size);
