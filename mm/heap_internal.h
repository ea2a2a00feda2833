/* SPDX-License-Identifier: MIT */
/*
 * The heap's shortest paths, inline so that a wrapper around them costs
 * nothing, and what heap.c and heap_check.c share.
 */
#pragma once

#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "mm/heap.h"

enum {
	HEAP_ALIGN = 16,
	HEAP_GRANULE_SHIFT = 13,	/* of the map; the smallest span */
	HEAP_UNIT = 64,			/* of descriptors */
	HEAP_TINY_UNITS = 2,
	HEAP_FIRST_ORDER = 2,		/* of a class's first span, at most */
	HEAP_POOL_UNITS = 63,		/* in a page, after its head */
};

/* Descriptors of one length in a page. */
struct heap_pool {
	struct heap_pool *next;
	uint32_t used;		/* descriptors ever taken, in order */
	uint32_t unused;	/* while it is being found out */
	uint32_t pad[12];
	struct heap_span first[];
};

static_assert(sizeof(struct heap_span) == HEAP_UNIT, "descriptors fill their unit");
static_assert(sizeof(struct heap_pool) == HEAP_UNIT, "so does the head of their page");

/* What an empty span of each class is like, `start`, `check` and the links excepted. */
extern const struct heap_span heap_classes[HEAP_CLASSES];
/* By size / HEAP_ALIGN, rounded up. */
extern const uint8_t heap_class_of[HEAP_SMALL_MAX / HEAP_ALIGN + 1];

void *heap_malloc_slow(struct heap *h, size_t size);
int heap_free_rest(struct heap *h, void *block);
void heap_span_emptied(struct heap *h, struct heap_span *s);

/* In heap_walk.c: calls `visit` for each span until it returns a text, and returns that. */
const char *heap_walk(const struct heap *h,
		      const char *(*visit)(void *context, const struct heap_span *s),
		      void *context);
unsigned span_free_blocks(const struct heap_span *s);

static inline bool span_tiny(const struct heap_span *s)
{
	return s->class < HEAP_TINY_CLASSES;
}

/* Of a tiny span: bit n of word w: block 64w + n is free. They follow the descriptor. */
static inline uint64_t *span_words(const struct heap_span *s)
{
	return (uint64_t *)(s + 1);
}

static inline uint32_t span_extent(const struct heap_span *s)
{
	return s->count * s->size;
}

static inline uint32_t span_check(const struct heap *h, const struct heap_span *s)
{
	uint64_t sum = s->start ^ (uintptr_t)h;
	uint32_t shape = (uint32_t)s->count << 16 ^ (uint32_t)s->pages << 8 ^ s->class;

	return (uint32_t)(sum ^ sum >> 32) ^ s->reciprocal ^ s->size * 0x9e3779b1 ^ shape * 5;
}

/* Whether what never changes about a span is as it was made, by this heap. */
static inline bool span_intact(const struct heap *h, const struct heap_span *s)
{
	return s->check == span_check(h, s);
}

static inline struct heap_span **map_entry(const struct heap *h, uintptr_t address)
{
	return &h->map[address >> HEAP_GRANULE_SHIFT & h->map_mask];
}

/*
 * The number of the block that holds `offset`, in the upper half; what is in
 * the lower half is small if a block begins there: at most the number of blocks times
 * the error of `reciprocal`, less than 2^16; else at least `reciprocal`, 2^20 or more.
 */
static inline uint64_t span_divide(const struct heap_span *s, uintptr_t offset)
{
	return offset * s->reciprocal;
}

static inline bool divides(uint64_t quotient)
{
	return (uint32_t)quotient < 1 << 20;
}

/* Whether `s`, which the map says, holds `address`, any number. */
static inline bool span_holds(const struct heap_span *s, uintptr_t address)
{
	return address - s->start < span_extent(s);
}

/* The number of the lowest bit set; `word` is not 0. */
static inline uint64_t first_bit(uint64_t word)
{
	return (uint64_t)__builtin_ctzll(word);
}

static inline uint64_t all_blocks(const struct heap_span *s)
{
	return UINT64_MAX >> (64 - s->count);
}

/* The place of a class's list: what the shortest path finds for a tiny class is an empty one. */
static inline unsigned list_index(unsigned class)
{
	return class < HEAP_TINY_CLASSES ? HEAP_CLASSES + class : class;
}

/*
 * The first of a list without the full span that may be there; `none` follows
 * itself. Without a branch: whether a span has become full is a toss of a coin.
 */
static inline struct heap_span *list_first(struct heap_span *first)
{
	__asm__("cmpq $0, %1\n\tcmove %2, %0"
		: "+r"(first) : "m"(first->free), "m"(first->next) : "cc");
	return first;
}

/* Takes a full span off the front. Returns the first. */
static inline struct heap_span *list_settle(struct heap_span **list)
{
	return *list = list_first(*list);
}

/* Puts a span that is in no list last in list `index`. */
static inline void list_append(struct heap *h, size_t index, struct heap_span *s)
{
	s->next = &h->none;
	if (unlikely(h->head[index] == &h->none)) {
		h->head[index] = s;
	} else {
		s->prev = h->tail[index];
		s->prev->next = s;
	}
	h->tail[index] = s;
}

/* Block `number` of a full span that is not tiny becomes free. */
static inline void span_free_first(struct heap *h, struct heap_span *s, uint64_t number)
{
	size_t index = s->class;
	uint64_t free = 0;

	if (h->head[index] != s)
		list_append(h, index, s);
	if (unlikely(!s->all))
		s->all = all_blocks(s);
	__asm__("bts %1, %0" : "+r"(free) : "r"(number) : "cc");
	s->free = free;
}

/*
 * Frees a live tiny block; false for anything else. `number` may be that of no block.
 */
static inline bool heap_free_tiny(struct heap *h, void *block)
{
	struct heap_span *s = *map_entry(h, (uintptr_t)block);
	uint64_t quotient = span_divide(s, (uintptr_t)block - s->start);
	unsigned number = (unsigned)(quotient >> 32);
	size_t index = HEAP_CLASSES + s->class;
	uint64_t *word;

	if (unlikely(!span_holds(s, (uintptr_t)block) || !span_tiny(s)))
		return false;
	word = &span_words(s)[number / 64];
	if (!IS_ENABLED(CONFIG_HEAP_CHECK_NONE) &&
	    unlikely(!divides(quotient) || *word >> number % 64 & 1))
		return false;
	if (unlikely(!s->free) && h->head[index] != s)
		list_append(h, index, s);
	*word |= BIT(number % 64);
	s->free |= BIT(number / 64);
	if (unlikely(++s->all == s->count))
		heap_span_emptied(h, s);
	return true;
}

/* Sets *number to that of a free block; false if there is none. One instruction does both. */
static inline bool span_has_free(const struct heap_span *s, uint64_t *number)
{
	bool none;

	__asm__("bsf %2, %0" : "=d"(*number), "=@ccz"(none) : "rm"(s->free));
	return !none;
}

static inline void *heap_malloc_inline(struct heap *h, size_t size)
{
	struct heap_span **list, *s;
	uint64_t number;
	void *block;

	if (unlikely(size > HEAP_SMALL_MAX))
		return heap_malloc_slow(h, size);
	list = &h->head[heap_class_of[(size + HEAP_ALIGN - 1) / HEAP_ALIGN]];
	s = list_settle(list);
	if (unlikely(!span_has_free(s, &number)))
		return heap_malloc_slow(h, size);
	block = (void *)(s->start + number * s->size);
	s->free &= s->free - 1;
	return block;
}

/* Makes block `number` of a span that is not tiny free, which is not. */
static inline void span_free(struct heap *h, struct heap_span *s, uint64_t number)
{
	uint64_t free = s->free;

	if (!free)
		return span_free_first(h, s, number);
	free |= BIT(number);
	s->free = free;
	if (unlikely(free == s->all))
		return heap_span_emptied(h, s);
}

/*
 * Calls `slow` for what is not so short: NULL, a tiny block, a run, what is
 * not ours, and what the map has forgotten. All its calls are in tail position.
 */
static inline void heap_free_inline(struct heap *h, void *block, void (*slow)(void *block))
{
	struct heap_span *s = *map_entry(h, (uintptr_t)block);
	uintptr_t offset = (uintptr_t)block - s->start;
	uint64_t quotient, free;
	bool was_free;

	if (unlikely(offset >= s->bytes))
		return slow(block);
	quotient = span_divide(s, offset);
	if (IS_ENABLED(CONFIG_HEAP_CHECK_NONE))
		return span_free(h, s, quotient >> 32);
	if (unlikely(!divides(quotient)))
		return slow(block);
	free = s->free;
	if (!free)
		return span_free_first(h, s, quotient >> 32);
	__asm__("bts %2, %0" : "+r"(free), "=@ccc"(was_free) : "r"(quotient >> 32));
	if (unlikely(was_free))
		return slow(block);
	s->free = free;
	if (unlikely(free == s->all))
		return heap_span_emptied(h, s);
}

/* Whether a block of `have` bytes should stay where it is for `want`: it uses more than half. */
static inline bool size_fits(size_t have, size_t want)
{
	return want <= have && want * 16 >= have * 9;
}

/* Moves a live block to one of another size. */
static __noinline void *heap_move(struct heap *h, struct heap_span *s, void *block, size_t size)
{
	void *p = heap_malloc_inline(h, size);

	if (unlikely(!p))
		return size <= s->size ? block : NULL;
	memcpy(p, block, min((size_t)s->size, size));
	if (likely(s->bytes))
		span_free(h, s, span_divide(s, (uintptr_t)block - s->start) >> 32);
	else
		heap_free(h, block);
	return p;
}

/* Calls `slow` for what heap_free_inline() does, and for errors. */
static inline void *heap_realloc_inline(struct heap *h, void *block, size_t size,
					void *(*slow)(void *block, size_t size))
{
	struct heap_span *s = *map_entry(h, (uintptr_t)block);
	uintptr_t offset = (uintptr_t)block - s->start;
	uint64_t quotient;

	if (unlikely(offset >= s->bytes))
		return slow(block, size);
	quotient = span_divide(s, offset);
	if (!IS_ENABLED(CONFIG_HEAP_CHECK_NONE) &&
	    unlikely(!divides(quotient) || s->free >> (quotient >> 32) & 1))
		return slow(block, size);
	return size_fits(s->size, size) ? block : heap_move(h, s, block, size);
}
