// SPDX-License-Identifier: MIT
/* The heap's checker: walks every span and list and compares them with the counts. */
#include "mm/heap.h"
#include "mm/heap_internal.h"

struct walk {
	const struct heap *h;
	uint64_t pages;
	uint32_t spans[HEAP_CLASSES];
	uint32_t listed[HEAP_CLASSES];	/* spans that have a free block */
};

static const char *check_bits(const struct heap_span *s)
{
	unsigned free = span_free_blocks(s);

	if (!span_tiny(s))
		return s->free & ~all_blocks(s) || s->bytes != span_extent(s) ||
		       (s->all && s->all != all_blocks(s)) ?
		       "a span's bitmap is wrong" : NULL;
	for (unsigned i = 0; i < 64; i++) {
		bool word = i < (s->count + 63u) / 64;

		if ((s->free >> i & 1) != (word && span_words(s)[i]))
			return "a tiny span's summary is wrong";
	}
	if (s->count % 64 && span_words(s)[s->count / 64] >> s->count % 64)
		return "a tiny span offers what is no block";
	return s->all != free || s->bytes ? "a tiny span's count is wrong" : NULL;
}

static const char *check_span(void *context, const struct heap_span *s)
{
	struct walk *w = context;
	const struct heap_span *c;
	struct page_block pages;

	if (s->class >= HEAP_CLASSES)
		return "a span's descriptor is damaged";
	c = &heap_classes[s->class];
	if (s->size != c->size || !span_intact(w->h, s) ||
	    s->count != s->pages * PAGE_SIZE / s->size ||
	    (s->pages != c->pages && s->pages != 1 << HEAP_FIRST_ORDER))
		return "a span's descriptor is damaged";
	if (!page_block_find(w->h->pages, s->start - w->h->pages->offset, &pages) ||
	    pages.use != PAGE_USE_HEAP_SPAN || pages.owner != s ||
	    pages.start + w->h->pages->offset != s->start || pages.pages != s->pages)
		return "a span is not its pages' owner";
	w->pages += s->pages;
	w->spans[s->class]++;
	w->listed[s->class] += !!s->free;
	return check_bits(s);
}

/* A list holds the spans of its class that have a free block; its first may be full. */
static const char *check_list(struct walk *w, const struct heap_span *first, unsigned class)
{
	const struct heap *h = w->h;
	const struct heap_span *prev = NULL;
	uint32_t count = 0, empty = 0;

	for (const struct heap_span *s = first; s != &h->none; prev = s, s = s->next) {
		if (count > w->listed[class] || s->class != class || (!s->free && s != first))
			return "a list holds what does not belong there";
		if ((prev && s->prev != prev) ||
		    (s->next == &h->none && h->tail[list_index(class)] != s))
			return "a list's links disagree";
		if (span_free_blocks(s) == s->count && (empty++ || h->empty[class] != s))
			return "an empty span is not the one kept";
		count += !!s->free;
	}
	return count == w->listed[class] ? NULL : "a span with free blocks is in no list";
}

static uint64_t map_pages(const struct heap *h)
{
	uint64_t bytes = h->next_map ? (h->next_mask + 1) * sizeof(*h->map) : 0;

	if (h->map != h->first_map)
		bytes += (h->map_mask + 1) * sizeof(*h->map);
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

static uint64_t pool_pages(const struct heap_descriptors *d)
{
	uint64_t pages = 0;

	for (const struct heap_pool *p = d->pools; p; p = p->next)
		pages++;
	return pages;
}

const char *heap_check(const struct heap *h)
{
	struct walk w = { .h = h };
	const char *wrong = heap_walk(h, check_span, &w);

	for (unsigned i = 0; i < HEAP_CLASSES && !wrong; i++) {
		wrong = check_list(&w, h->head[list_index(i)], i);
		if (!wrong && i < HEAP_TINY_CLASSES && h->head[i] != &h->none)
			wrong = "a tiny class has a list among the others";
		if (!wrong && w.spans[i] != h->spans[i])
			wrong = "the count of a class's spans is wrong";
	}
	if (wrong)
		return wrong;
	if (h->none.free || h->none.bytes || h->none.count)
		return "the end of the lists is damaged";
	if (w.pages != h->span_pages)
		return "the count of pages is wrong";
	return pool_pages(&h->descriptors) + pool_pages(&h->tiny_descriptors) + map_pages(h) ==
	       h->own_pages ? NULL : "the count of the heap's own pages is wrong";
}
