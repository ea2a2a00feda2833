// SPDX-License-Identifier: MIT
/*
 * Blocks of up to 4 KiB share spans: naturally aligned runs of 8 to 64 KiB
 * with blocks of one size class (heap_classes.c), which blocks are free being
 * a bitmap in a descriptor of 64 bytes outside of the span. Nothing is kept in
 * the memory that is handed out, so neither an overrun nor a write after free
 * damages the heap, and a block's state can be asked for. Larger blocks are
 * runs of pages of their own.
 *
 * A class keeps the spans that have a free block in a list, takes from the
 * first until it is full, and appends one that was full when something of it
 * comes back: by the time it is first, more has come back. Spans of tiny blocks
 * (below 128 bytes, so more than 64 in a span) have a bitmap in two levels.
 *
 * What a pointer is, the map says: an entry for each 8 KiB, found by the low
 * bits of the number of those 8 KiB, holds the span that was last seen there.
 * It is a hint, checked against the span's extent; where it is wrong the page
 * allocator is asked, which knows the truth for any number. The map grows
 * with the heap, a few entries at a time.
 *
 * When a class has no free block, but the spans of all classes have many, a
 * block of a class little larger is lent instead of a new span being made.
 * That keeps the memory held to about 1.1 times what is live when sizes come
 * and go at random (heap_lend()).
 *
 * Invariants: a span is listed exactly if it has a free block; at most one
 * span of a class is empty (it was alone in the list when it became so, and is
 * kept lest a lone block that comes and goes make it each time); a few
 * descriptors are ready, and where they run short a block of a larger class is
 * borrowed while a page of them is taken, so that a request of up to 4 KiB
 * takes pages once, the very first ones excepted.
 *
 * Bound: no loop but over the 8 words of a tiny span when it is made, the
 * entries of a new map in pieces, a few classes when lending or borrowing, and
 * all classes when no pages are left.
 *
 * Shortcomings: within a class free blocks can be spread over many spans, none
 * of which can then be given back (live sizes that move from class to class
 * cost up to one span a class). A run is rounded up to pages. Pages of
 * descriptors go back only by heap_trim(). One heap is one lock's worth:
 * there is no caching by processor.
 */
#include "mm/heap.h"
#include "mm/heap_internal.h"
#include "kernel/lib/string.h"

/* Beyond this a size is an error somewhere; also keeps sums from overflowing. */
#define HEAP_SIZE_MAX	(PAGE_SIZE << PAGE_ORDER_MAX)

enum {
	MAP_GROWTH = 8,			/* times, each time */
	MAP_MAX = 1 << 18,		/* entries: 2 GiB of heap */
	MAP_PIECE = 32,			/* entries made ready at a time */
	GRANULE_PAGES = 2,
	LEND_CLASSES = 3,
	BORROW_CLASSES = 10,
	DESCRIPTORS_READY = 16,
};

static paddr_t pointer_address(const struct heap *h, const void *p)
{
	return (uintptr_t)p - h->pages->offset;
}

static void *address_pointer(const struct heap *h, paddr_t address)
{
	return (void *)(address + h->pages->offset);
}

static uint64_t order_pages(unsigned order)
{
	return UINT64_C(1) << order;
}

static void *own_pages(struct heap *h, unsigned order)
{
	paddr_t pa;

	if (page_alloc_from(h->pages, order, PAGE_USE_HEAP_META, &pa))
		return NULL;
	h->own_pages += order_pages(order);
	return address_pointer(h, pa);
}

static void own_pages_give(struct heap *h, void *p, unsigned order)
{
	h->own_pages -= order_pages(order);
	page_free_to(h->pages, pointer_address(h, p), order);
}

/* Whether a span may be relied on; if not, the alarm is raised. */
static bool sound(const struct heap *h, const struct heap_span *s)
{
	if (IS_ENABLED(CONFIG_HEAP_CHECK_NONE) || span_intact(h, s))
		return true;
	if (h->alarm)
		h->alarm(h, "the descriptor of a span is damaged");
	return false;
}

/* Lists. */

static struct heap_span **list_of(struct heap *h, unsigned class)
{
	return &h->head[list_index(class)];
}

static void list_remove(struct heap *h, struct heap_span *s)
{
	unsigned index = list_index(s->class);

	if (h->head[index] == s) {
		h->head[index] = s->next;	/* an empty list has no tail to mend */
		return;
	}
	s->prev->next = s->next;
	s->next->prev = s->prev;	/* perhaps of `none` */
	if (h->tail[index] == s)
		h->tail[index] = s->prev;
}

/* Descriptors. */

static uint32_t pool_descriptors(const struct heap_descriptors *d)
{
	return HEAP_POOL_UNITS / d->units;
}

static bool descriptors_refill(struct heap *h, struct heap_descriptors *d)
{
	struct heap_pool *pool = own_pages(h, 0);

	if (!pool)
		return false;
	pool->next = d->pools;
	pool->used = 0;
	d->pools = pool;
	d->ready += pool_descriptors(d);
	if (!d->current || d->current->used == pool_descriptors(d))
		d->current = pool;
	return true;
}

static struct heap_span *descriptor_take(struct heap *h, struct heap_descriptors *d)
{
	struct heap_span *s = d->spare;

	if (d->ready == 0 && !descriptors_refill(h, d))
		return NULL;
	d->ready--;
	if (s) {
		d->spare = s->next;
		return s;
	}
	/* A pool is made while the one before has a few left, so at most one is untouched. */
	if (d->current->used == pool_descriptors(d))
		d->current = d->pools;
	return d->current->first + d->current->used++ * d->units;
}

static void descriptor_give(struct heap_descriptors *d, struct heap_span *s)
{
	s->bytes = 0;
	s->count = 0;
	s->next = d->spare;
	d->spare = s;
	d->ready++;
}

static struct heap_descriptors *descriptors_for(struct heap *h, unsigned class)
{
	return class < HEAP_TINY_CLASSES ? &h->tiny_descriptors : &h->descriptors;
}

/* The map. */

static void map_set(const struct heap *h, struct heap_span *s)
{
	struct heap_span **entry = map_entry(h, s->start);
	unsigned entries = s->pages / GRANULE_PAGES;

	/* A span is aligned to its size, 1 to 8 granules, so its entries lie side by side. */
	entry[0] = s;
	if (entries >= 2)
		entry[1] = s;
	if (entries >= 4)
		entry[2] = entry[3] = s;
	if (entries >= 8)
		entry[4] = entry[5] = entry[6] = entry[7] = s;
}

static unsigned map_order(uint64_t entries)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < entries * sizeof(struct heap_span *))
		order++;
	return order;
}

static void map_free(struct heap *h, struct heap_span **map, uint64_t mask)
{
	if (map != h->first_map)
		own_pages_give(h, map, map_order(mask + 1));
}

/* Makes a piece of a larger map ready, and changes over to it when all of it is. */
static void map_grow(struct heap *h)
{
	struct heap_span **map = h->next_map;

	map += h->next_ready;
	for (unsigned i = 0; i < MAP_PIECE; i += 4)
		map[i] = map[i + 1] = map[i + 2] = map[i + 3] = &h->none;
	h->next_ready += MAP_PIECE;
	if (h->next_ready <= h->next_mask)
		return;
	map = h->next_map;
	map_free(h, h->map, h->map_mask);
	h->map = map;
	h->map_mask = h->next_mask;
	h->next_map = NULL;
}

/* The map may have been wrong: a larger one, if it has fewer entries than there are granules. */
static void map_missed(struct heap *h)
{
	uint64_t entries = (h->map_mask + 1) * MAP_GROWTH;

	if (h->next_map)
		return map_grow(h);
	if (h->span_pages / GRANULE_PAGES <= h->map_mask || entries > MAP_MAX)
		return;
	h->next_map = own_pages(h, map_order(entries));
	h->next_mask = entries - 1;
	h->next_ready = 0;
}

/* Spans. */

static void words_init(struct heap_span *s)
{
	unsigned words = (s->count + 63u) / 64;

	for (unsigned i = 0; i < words; i++)
		span_words(s)[i] = UINT64_MAX;
	span_words(s)[words - 1] >>= words * 64 - s->count;
}

/* As the class has it, but with a span of fewer pages; never of a tiny class. */
static __noinline void span_shorten(struct heap_span *s, unsigned order)
{
	s->pages = (uint8_t)order_pages(order);
	s->count = (uint16_t)(s->pages * (unsigned)PAGE_SIZE / s->size);
	s->bytes = span_extent(s);
	s->free = s->all = all_blocks(s);
}

static void span_init(struct heap_span *s, const struct heap_span *class)
{
	enum { FROM = offsetof(struct heap_span, free), TO = offsetof(struct heap_span, next) };

	__builtin_memcpy((char *)s + FROM, (const char *)class + FROM, TO - FROM);
	if (span_tiny(s))
		words_init(s);
}

/* A new span, listed. A class's first is small, so that a small heap stays small. */
static __inlined struct heap_span *span_make(struct heap *h, unsigned class)
{
	struct heap_descriptors *d = descriptors_for(h, class);
	struct heap_span *s = descriptor_take(h, d);
	unsigned order = (unsigned)__builtin_ctz(heap_classes[class].pages), wanted = order;
	paddr_t pa;

	if (unlikely(!s))
		return NULL;
	if (unlikely(!h->spans[class]))
		order = min(order, (unsigned)HEAP_FIRST_ORDER);
	if (unlikely(page_alloc_owned(h->pages, order, PAGE_USE_HEAP_SPAN, s, &pa))) {
		descriptor_give(d, s);
		return NULL;
	}
	s->start = (uintptr_t)address_pointer(h, pa);
	span_init(s, &heap_classes[class]);
	if (unlikely(order != wanted))
		span_shorten(s, order);
	s->check = span_check(h, s);
	h->spans[class]++;
	h->span_pages += s->pages;
	map_set(h, s);
	list_append(h, list_index(class), s);
	return s;
}

static void span_release(struct heap *h, struct heap_span *s)
{
	list_remove(h, s);
	if (!sound(h, s))
		return;		/* lost, for nobody knows which pages these are */
	h->spans[s->class]--;
	h->span_pages -= s->pages;
	page_free_to(h->pages, s->start - h->pages->offset, (unsigned)__builtin_ctz(s->pages));
	descriptor_give(descriptors_for(h, s->class), s);
}

static bool span_empty(const struct heap_span *s)
{
	return span_tiny(s) ? s->all == s->count : s->free == all_blocks(s);
}

/* Gives the empty span of some class back; false if there is none. */
static bool release_one(struct heap *h)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		struct heap_span *s = h->empty[i];

		/* It may have been used, and released, and made for another class since. */
		if (s->count && s->class == i && span_empty(s)) {
			h->empty[i] = &h->none;
			span_release(h, s);
			return true;
		}
	}
	return false;
}

/*
 * A span that lends a block to `class`: of a class a little larger that has
 * more than one span with free blocks. So no class grows while another has
 * shrunk, and a class with one span to fill keeps it for itself.
 */
static struct heap_span *lend(struct heap *h, unsigned class)
{
	struct heap_span **end = h->head + min(class + LEND_CLASSES, HEAP_CLASSES - 1u);

	for (struct heap_span **list = h->head + class + 1; list <= end; list++) {
		struct heap_span *first = *list, *second = first->next;

		if (second == &h->none)
			continue;
		if (first->free)
			return first;
		*list = second;
		if (second->next != &h->none)
			return second;
	}
	return &h->none;
}

/* A span with a free block of `class` or larger; `none` if there is none. */
static struct heap_span *any_larger(struct heap *h, unsigned class)
{
	for (unsigned i = class; i < HEAP_CLASSES; i++)
		if (list_settle(list_of(h, i)) != &h->none)
			return *list_of(h, i);
	return &h->none;
}

void heap_span_emptied(struct heap *h, struct heap_span *s)
{
	if (*list_of(h, s->class) != s || s->next != &h->none)
		return span_release(h, s);
	if (!span_tiny(s))
		s->all = 0;	/* pin: while it is alone, emptiness is of no interest */
	h->empty[s->class] = s;
}

/* Taking blocks. */

static void *tiny_take(struct heap_span *s)
{
	uint64_t word = first_bit(s->free);
	uint64_t number = word * 64 + first_bit(span_words(s)[word]);

	s->all--;
	span_words(s)[word] &= span_words(s)[word] - 1;
	if (!span_words(s)[word])
		s->free &= s->free - 1;
	return (void *)(s->start + number * s->size);
}

static void *plain_take(struct heap_span *s)
{
	uint64_t number = first_bit(s->free);

	s->free &= s->free - 1;
	return (void *)(s->start + number * s->size);
}

static void *span_take(struct heap_span *s)
{
	return span_tiny(s) ? tiny_take(s) : plain_take(s);
}

static void *new_malloc(struct heap *h, unsigned class);

/* There are no pages for a span: from wherever there is a block, else give up an empty one. */
static __noinline void *scarce_malloc(struct heap *h, unsigned class)
{
	struct heap_span *s = any_larger(h, class);

	if (s != &h->none)
		return span_take(s);
	return release_one(h) ? new_malloc(h, class) : NULL;
}

/*
 * Descriptors run short: a page of them instead of a span, and the block from
 * where there is one, so that no call takes pages twice. NULL if there is none near.
 */
static __noinline void *borrow(struct heap *h, unsigned class)
{
	unsigned end = min(class + BORROW_CLASSES, (unsigned)HEAP_CLASSES);

	for (unsigned i = class + 1; i < end; i++) {
		struct heap_span *s = list_settle(list_of(h, i));

		if (s == &h->none)
			continue;
		descriptors_refill(h, descriptors_for(h, class));
		return span_take(s);
	}
	return NULL;
}

static __noinline void *new_malloc(struct heap *h, unsigned class)
{
	struct heap_span *s;
	void *block;

	if (unlikely(descriptors_for(h, class)->ready < DESCRIPTORS_READY)) {
		block = borrow(h, class);
		if (block)
			return block;
	}
	s = span_make(h, class);
	return likely(s) ? span_take(s) : scarce_malloc(h, class);
}

static __noinline void *run_malloc(struct heap *h, size_t size)
{
	uint64_t pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	struct page_block run;
	paddr_t pa;

	if (size > HEAP_SIZE_MAX)
		return NULL;
	while (page_alloc_run(h->pages, pages, PAGE_USE_HEAP_RUN, &pa)) {
		if (!release_one(h))
			return NULL;
	}
	page_set_owner(h->pages, pa, h);
	page_block_find(h->pages, pa, &run);	/* it may be longer */
	h->runs++;
	h->run_pages += run.pages;
	return address_pointer(h, pa);
}

void *heap_malloc_slow(struct heap *h, size_t size)
{
	struct heap_span *s;
	unsigned class;

	if (unlikely(size > HEAP_SMALL_MAX))
		return run_malloc(h, size);
	class = heap_class_of[(size + HEAP_ALIGN - 1) / HEAP_ALIGN];
	if (class < HEAP_TINY_CLASSES) {
		s = list_settle(&h->head[HEAP_CLASSES + class]);
		return likely(s->free) ? tiny_take(s) : new_malloc(h, class);
	}
	s = lend(h, class);
	if (unlikely(s == &h->none || !sound(h, s)))
		return new_malloc(h, class);
	return plain_take(s);
}

void *heap_malloc(struct heap *h, size_t size)
{
	return heap_malloc_inline(h, size);
}

/* From this class alone: a larger block would lie otherwise. */
static void *class_malloc(struct heap *h, unsigned class)
{
	struct heap_span *s = list_settle(list_of(h, class));

	do {
		if (s == &h->none)
			s = span_make(h, class);
		if (s)
			return span_take(s);
		s = &h->none;
	} while (release_one(h));
	return NULL;
}

void *heap_alloc(struct heap *h, size_t size, size_t align)
{
	unsigned class;

	if (!is_pow2(align) || align > PAGE_SIZE || size > HEAP_SIZE_MAX)
		return NULL;
	if (align <= HEAP_ALIGN || size > HEAP_SMALL_MAX)
		return heap_malloc_inline(h, size);
	size = align_up(max(size, (size_t)1), align);
	/* Blocks lie at multiples of their size; a power of two is not far. */
	class = heap_class_of[size / HEAP_ALIGN];
	while (!is_aligned(heap_classes[class].size, align))
		class++;
	return class_malloc(h, class);
}

/* Finding and giving blocks. */

/* The same, asked of the pages: this heap's span with a block at `address`, any number; or NULL. */
static struct heap_span *span_ask(const struct heap *h, uintptr_t address)
{
	struct page_block pages;
	struct heap_span *s;

	if (!page_block_find(h->pages, address - h->pages->offset, &pages) ||
	    pages.use != PAGE_USE_HEAP_SPAN || !pages.owner)
		return NULL;
	s = pages.owner;
	if (!span_intact(h, s) || !span_holds(s, address))
		return NULL;	/* damaged, another heap's, or the span's tail */
	*map_entry(h, address) = s;
	return s;
}

static struct heap_span *span_find(const struct heap *h, uintptr_t address)
{
	struct heap_span *s = *map_entry(h, address);

	return span_holds(s, address) ? s : span_ask(h, address);
}

static bool number_free(const struct heap_span *s, unsigned number)
{
	return (span_tiny(s) ? span_words(s)[number / 64] >> number % 64 : s->free >> number) & 1;
}

/* The number of the live block that begins at `block`, within `s`; false if none does. */
static bool number_live(const struct heap_span *s, const void *block, unsigned *number)
{
	uint64_t quotient = span_divide(s, (uintptr_t)block - s->start);

	*number = (unsigned)(quotient >> 32);
	return IS_ENABLED(CONFIG_HEAP_CHECK_NONE) ||
	       (divides(quotient) && !number_free(s, *number));
}

/* Makes block `number`, which is live, free. */
static void block_free(struct heap *h, struct heap_span *s, void *block, unsigned number)
{
	if (span_tiny(s))
		heap_free_tiny(h, block);
	else
		span_free(h, s, number);
}

/* The run of this heap's that begins at `block`; false if none does. */
static bool run_find(const struct heap *h, const void *block, struct page_block *out)
{
	paddr_t address = pointer_address(h, block);

	return page_block_find(h->pages, address, out) && out->start == address &&
	       out->use == PAGE_USE_HEAP_RUN && out->owner == h;
}

static __noinline int run_free(struct heap *h, void *block)
{
	struct page_block run;

	if (!run_find(h, block, &run))
		return -EINVAL;
	h->runs--;
	h->run_pages -= run.pages;
	return page_free_run(h->pages, run.start);
}

/* What the shortest paths have left: what the map does not know, and errors. */
int heap_free_rest(struct heap *h, void *block)
{
	struct heap_span *s;
	unsigned number;

	if (!block)
		return 0;
	s = *map_entry(h, (uintptr_t)block);
	if (!span_holds(s, (uintptr_t)block)) {
		s = span_ask(h, (uintptr_t)block);
		if (!s)
			return run_free(h, block);
		map_missed(h);
		s = span_find(h, (uintptr_t)block);	/* into the new map, if that is due */
	}
	if (!number_live(s, block, &number))
		return -EINVAL;
	block_free(h, s, block, number);
	return 0;
}

int heap_free(struct heap *h, void *block)
{
	return heap_free_tiny(h, block) ? 0 : heap_free_rest(h, block);
}

bool heap_block_find(const struct heap *h, const void *p, struct heap_block *out)
{
	const struct heap_span *s = span_find(h, (uintptr_t)p);
	struct page_block run;

	if (s) {
		uintptr_t offset = (uintptr_t)p - s->start;

		*out = (struct heap_block){ s->start + offset / s->size * s->size, s->size,
					    !number_free(s, (unsigned)offset / s->size) };
		return true;
	}
	if (!page_block_find(h->pages, pointer_address(h, p), &run) ||
	    run.use != PAGE_USE_HEAP_RUN || run.owner != h)
		return false;
	*out = (struct heap_block){ (uintptr_t)address_pointer(h, run.start),
				    run.pages * PAGE_SIZE, true };
	return true;
}

size_t heap_usable_size(const struct heap *h, const void *block)
{
	struct heap_block b;

	return block && heap_block_find(h, block, &b) && b.live && b.start == (uintptr_t)block ?
	       b.size : 0;
}

static void *run_realloc(struct heap *h, void *block, size_t size)
{
	struct page_block run;
	size_t have;
	void *p;

	if (!run_find(h, block, &run))
		return NULL;
	have = run.pages * PAGE_SIZE;
	if (size_fits(have, size))
		return block;
	p = heap_malloc_inline(h, size);
	if (!p)
		return size <= have ? block : NULL;
	memcpy(p, block, min(have, size));
	run_free(h, block);
	return p;
}

void *heap_realloc(struct heap *h, void *block, size_t size)
{
	struct heap_span *s;
	unsigned number;

	if (!block)
		return heap_malloc_inline(h, size);
	s = *map_entry(h, (uintptr_t)block);
	if (!span_holds(s, (uintptr_t)block)) {
		s = span_ask(h, (uintptr_t)block);
		if (!s)
			return run_realloc(h, block, size);
		map_missed(h);
	}
	if (!number_live(s, block, &number))
		return NULL;
	if (size_fits(s->size, size) || (size <= s->size && s->size <= 4 * HEAP_ALIGN))
		return block;
	return heap_move(h, s, block, size);
}

/* The whole. */

static void descriptors_init(struct heap_descriptors *d, uint32_t units)
{
	*d = (struct heap_descriptors){ .units = units };
}

static void first_state(struct heap *h)
{
	h->map = h->first_map;
	h->map_mask = HEAP_FIRST_MAP - 1;
	for (unsigned i = 0; i < HEAP_FIRST_MAP; i++)
		h->first_map[i] = &h->none;
	descriptors_init(&h->descriptors, 1);
	descriptors_init(&h->tiny_descriptors, HEAP_TINY_UNITS);
}

void heap_init(struct heap *h, struct page_allocator *pages)
{
	memset(h, 0, offsetof(struct heap, first_map));
	h->pages = pages;
	h->none.next = &h->none;
	for (unsigned i = 0; i < ARRAY_SIZE(h->head); i++)
		h->head[i] = &h->none;
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		h->empty[i] = &h->none;
	first_state(h);
}

void heap_set_alarm(struct heap *h, void (*alarm)(const struct heap *h, const char *what))
{
	h->alarm = alarm;
}

static void pools_give(struct heap *h, struct heap_descriptors *d)
{
	while (d->pools) {
		struct heap_pool *pool = d->pools;

		d->pools = pool->next;
		own_pages_give(h, pool, 0);
	}
}

static struct heap_pool *pool_of(struct heap_span *s)
{
	return (struct heap_pool *)align_down((uintptr_t)s, PAGE_SIZE);
}

/* What the map still says of descriptors in a page that goes. */
static void forget(struct heap *h, const struct heap_pool *pool)
{
	for (uint64_t i = 0; i <= h->map_mask; i++)
		if (pool_of(h->map[i]) == pool)
			h->map[i] = &h->none;
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		if (pool_of(h->empty[i]) == pool)
			h->empty[i] = &h->none;
}

static bool pool_unused(const struct heap_descriptors *d, const struct heap_pool *pool)
{
	for (unsigned i = 0; i < pool->used; i++)
		if (pool->first[i * d->units].count)
			return false;
	return true;
}

/* Gives back the pools that describe nothing, but for the one that is being filled. */
static void pools_trim(struct heap *h, struct heap_descriptors *d)
{
	struct heap_span **spare = &d->spare;
	struct heap_pool **list = &d->pools;

	for (struct heap_pool *p = d->pools; p; p = p->next)
		p->unused = p != d->current && p->used == pool_descriptors(d) && pool_unused(d, p);
	while (*spare) {
		if (pool_of(*spare)->unused)
			*spare = (*spare)->next;
		else
			spare = &(*spare)->next;
	}
	while (*list) {
		struct heap_pool *pool = *list;

		if (!pool->unused) {
			list = &pool->next;
			continue;
		}
		*list = pool->next;
		d->ready -= pool_descriptors(d);
		forget(h, pool);
		own_pages_give(h, pool, 0);
	}
}

void heap_trim(struct heap *h)
{
	while (release_one(h))
		;
	pools_trim(h, &h->descriptors);
	pools_trim(h, &h->tiny_descriptors);
	if (h->span_pages)
		return;
	/* No span, so no descriptor in use and nothing for the map to say. */
	pools_give(h, &h->descriptors);
	pools_give(h, &h->tiny_descriptors);
	map_free(h, h->map, h->map_mask);
	if (h->next_map)
		map_free(h, h->next_map, h->next_mask);
	h->next_map = NULL;
	first_state(h);
}
