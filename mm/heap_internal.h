/* SPDX-License-Identifier: MIT */
/* The heap's metadata, shared by heap.c and heap_check.c. */
#pragma once

#include "mm/heap.h"

enum {
	HEAP_ALIGN = 16,
	HEAP_SPAN_BLOCKS = 256,		/* at most */
};

/*
 * The head of a span. Blocks lie at the multiples of their size from the
 * span's start, so they are aligned as their size is; the first few numbers
 * are those of the head itself.
 */
struct heap_span {
	struct heap_span *next, *prev;	/* in a list of its class */
	uint32_t reciprocal;		/* 2^32 / size, rounded up */
	uint16_t size;			/* of a block */
	uint16_t first, end;		/* numbers of the blocks */
	uint16_t live;			/* blocks */
	uint8_t class;
	uint8_t order;			/* of the span, in pages */
	uint64_t taken[HEAP_SPAN_BLOCKS / 64]; /* bit n: n is live or no block */
};

static inline unsigned span_capacity(const struct heap_span *s)
{
	return s->end - s->first;
}

static inline bool span_taken(const struct heap_span *s, unsigned n)
{
	return s->taken[n / 64] & BIT(n % 64);
}
