// SPDX-License-Identifier: MIT
/*
 * Small blocks share spans, power-of-two runs of pages with one block size
 * each; which blocks are live is a bitmap in the span's head, so nothing is
 * kept in free memory and a block's state can be asked for. Larger blocks are
 * runs of pages of their own, without a head.
 *
 * What a pointer is, the page allocator says: it knows for each of its blocks
 * whether it is a span, a run or none of the heap's, and answers for any
 * number. Only then is a head read.
 *
 * A class keeps its spans in lists by whether blocks are free, takes from the
 * first, and keeps one empty span so that a lone block coming and going does
 * not make and unmake a span each time. Runs are rounded up to a power of two
 * of pages, at worst nearly twice what was asked for.
 */
#include "mm/heap.h"
#include "mm/heap_internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

/* Beyond this a size is an error somewhere; also keeps sums from overflowing. */
#define HEAP_SIZE_MAX	(PAGE_SIZE << PAGE_ORDER_MAX)

/* Size classes: 16, 32 ... 128, then 160, 192, 224, 256, 320 ... 2048. */

static unsigned class_of(size_t size)
{
	unsigned log;

	if (size <= 128)
		return (unsigned)((size + HEAP_ALIGN - 1) / HEAP_ALIGN - 1);
	log = 63 - (unsigned)__builtin_clzll(size - 1);
	return 8 + (log - 7) * 4 + ((unsigned)((size - 1) >> (log - 2)) & 3);
}

static unsigned class_size(unsigned class)
{
	if (class < 8)
		return (class + 1) * HEAP_ALIGN;
	return (5 + class % 4) << ((class - 8) / 4 + 5);
}

/* Pages of a span: enough that its head and tail waste at most one part in 15. */
static unsigned class_order(unsigned size)
{
	return size <= 256 ? 0 : size <= 512 ? 1 : size <= 1024 ? 2 : 3;
}

/* The smallest order of pages that holds `size`. */
static unsigned run_order(size_t size)
{
	return size <= PAGE_SIZE ? 0 :
		64 - (unsigned)__builtin_clzll((size - 1) >> PAGE_SHIFT);
}

/* Lists of spans. */

static void span_push(struct heap_span **list, struct heap_span *s)
{
	s->prev = NULL;
	s->next = *list;
	if (s->next)
		s->next->prev = s;
	*list = s;
}

static void span_unlink(struct heap_span **list, struct heap_span *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		*list = s->next;
}

/* Pages. */

static void *pages_take(struct heap *h, unsigned order, unsigned use)
{
	paddr_t block;

	if (page_alloc_from(h->pages, order, use, &block))
		return NULL;
	h->held += UINT64_C(1) << order;
	return (void *)(block + h->pages->offset);
}

static paddr_t pointer_address(const struct heap *h, const void *p)
{
	return (uintptr_t)p - h->pages->offset;
}

static void pages_give(struct heap *h, void *p, unsigned order)
{
	h->held -= UINT64_C(1) << order;
	/* Cannot fail: the page allocator itself has just said what lies there. */
	page_free_to(h->pages, pointer_address(h, p), order);
}

/* Spans. */

/* The bits of a word below `n`, which may lie on either side of the word. */
static uint64_t bits_below(int n)
{
	return n <= 0 ? 0 : n >= 64 ? UINT64_MAX : BIT(n) - 1;
}

static struct heap_span *span_make(struct heap *h, unsigned class)
{
	unsigned size = class_size(class);
	unsigned order = class_order(size);
	struct heap_span *s = pages_take(h, order, PAGE_USE_HEAP_SPAN);

	if (!s)
		return NULL;
	*s = (struct heap_span){
		.reciprocal = (uint32_t)(((UINT64_C(1) << 32) + size - 1) / size),
		.size = (uint16_t)size,
		.first = (uint16_t)((sizeof(*s) + size - 1) / size),
		.end = (uint16_t)((PAGE_SIZE << order) / size),
		.class = (uint8_t)class,
		.order = (uint8_t)order,
	};
	for (int i = 0; i < HEAP_SPAN_BLOCKS; i += 64)
		s->taken[i / 64] = bits_below(s->first - i) | ~bits_below(s->end - i);
	return s;
}

/* A span of the class with a free block; NULL if there is no memory. */
static struct heap_span *span_get(struct heap *h, unsigned class)
{
	struct heap_class *c = &h->classes[class];
	struct heap_span *s = c->partial;

	if (s)
		return s;
	s = c->spare;
	c->spare = NULL;
	if (!s)
		s = span_make(h, class);
	if (s)
		span_push(&c->partial, s);
	return s;
}

static void *small_alloc(struct heap *h, size_t size)
{
	struct heap_span *s = span_get(h, class_of(size));
	struct heap_class *c;
	unsigned word = 0, bit;

	if (!s)
		return NULL;
	while (!~s->taken[word])
		word++;
	bit = (unsigned)__builtin_ctzll(~s->taken[word]);
	s->taken[word] |= BIT(bit);
	if (++s->live == span_capacity(s)) {
		c = &h->classes[s->class];
		span_unlink(&c->partial, s);
		span_push(&c->full, s);
	}
	h->blocks++;
	h->bytes += s->size;
	return (char *)s + (word * 64 + bit) * s->size;
}

static void small_free(struct heap *h, struct heap_span *s, unsigned number)
{
	struct heap_class *c = &h->classes[s->class];
	bool was_full = s->live == span_capacity(s);

	s->taken[number / 64] &= ~BIT(number % 64);
	s->live--;
	h->blocks--;
	h->bytes -= s->size;
	if (was_full || !s->live)
		span_unlink(was_full ? &c->full : &c->partial, s);
	if (s->live) {
		if (was_full)
			span_push(&c->partial, s);
	} else if (!c->spare) {
		c->spare = s;
	} else {
		pages_give(h, s, s->order);
	}
}

/* Blocks, small or large. */

struct heap_block {
	struct heap_span *span;	/* NULL: a run */
	unsigned number;	/* in its span */
	unsigned order;		/* of a run */
	size_t size;
};

/* Finds out what `p` is; false if it is no live block. */
static bool block_find(const struct heap *h, const void *p, struct heap_block *out)
{
	paddr_t address = pointer_address(h, p);
	struct page_block pages;
	struct heap_span *s;
	uint32_t offset;

	if (!page_block_find(h->pages, address, &pages))
		return false;
	*out = (struct heap_block){
		.order = (unsigned)__builtin_ctzll(pages.pages),
		.size = pages.pages * PAGE_SIZE,
	};
	if (pages.use == PAGE_USE_HEAP_RUN)
		return pages.start == address;
	if (pages.use != PAGE_USE_HEAP_SPAN)
		return false;
	s = (void *)(pages.start + h->pages->offset);
	offset = (uint32_t)(address - pages.start);
	out->span = s;
	out->size = s->size;
	out->number = (unsigned)((uint64_t)offset * s->reciprocal >> 32);
	return out->number * s->size == offset && out->number >= s->first &&
	       out->number < s->end && span_taken(s, out->number);
}

static void *run_alloc(struct heap *h, size_t size)
{
	unsigned order = run_order(size);
	void *p = pages_take(h, order, PAGE_USE_HEAP_RUN);

	if (!p)
		return NULL;
	h->blocks++;
	h->runs++;
	h->bytes += PAGE_SIZE << order;
	h->run_pages += UINT64_C(1) << order;
	return p;
}

static void run_free(struct heap *h, void *p, unsigned order)
{
	h->blocks--;
	h->runs--;
	h->bytes -= PAGE_SIZE << order;
	h->run_pages -= UINT64_C(1) << order;
	pages_give(h, p, order);
}

void heap_init(struct heap *h, struct page_allocator *pages)
{
	*h = (struct heap){ .pages = pages };
}

void *heap_alloc(struct heap *h, size_t size, size_t align)
{
	if (!is_pow2(align) || align > PAGE_SIZE || size > HEAP_SIZE_MAX)
		return NULL;
	/* A class that holds a multiple of `align` has a size that is one. */
	size = align_up(max(size, (size_t)1), max(align, (size_t)HEAP_ALIGN));
	return size <= HEAP_SMALL_MAX ? small_alloc(h, size) : run_alloc(h, size);
}

int heap_free(struct heap *h, void *block)
{
	struct heap_block b;

	if (!block)
		return 0;
	if (!block_find(h, block, &b))
		return -EINVAL;
	if (b.span)
		small_free(h, b.span, b.number);
	else
		run_free(h, block, b.order);
	return 0;
}

/* Whether a block of `have` bytes should stay where it is for `want`. */
static bool size_fits(size_t have, size_t want)
{
	return want <= have && (have <= 4 * HEAP_ALIGN || want > have / 2);
}

void *heap_realloc(struct heap *h, void *block, size_t size)
{
	struct heap_block b;
	void *p;

	if (!block)
		return heap_alloc(h, size, HEAP_ALIGN);
	if (!block_find(h, block, &b))
		return NULL;
	if (size_fits(b.size, size))
		return block;
	p = heap_alloc(h, size, HEAP_ALIGN);
	if (!p)
		return size <= b.size ? block : NULL;
	memcpy(p, block, min(b.size, size));
	heap_free(h, block);
	return p;
}

size_t heap_usable_size(const struct heap *h, const void *block)
{
	struct heap_block b;

	return block && block_find(h, block, &b) ? b.size : 0;
}

void heap_trim(struct heap *h)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		struct heap_span *s = h->classes[i].spare;

		h->classes[i].spare = NULL;
		if (s)
			pages_give(h, s, s->order);
	}
}

void heap_stats(const struct heap *h, struct heap_stats *out)
{
	*out = (struct heap_stats){ h->blocks, h->bytes, h->held };
}
