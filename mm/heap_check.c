// SPDX-License-Identifier: MIT
/* The heap's checker: walks every span and compares it with the counts. */
#include "mm/heap.h"
#include "mm/heap_internal.h"

struct walk {
	const struct heap *h;
	uint64_t blocks, bytes, pages;
};

static const char *check_span(struct walk *w, const struct heap_span *s, unsigned class)
{
	paddr_t address = (uintptr_t)s - w->h->pages->offset;
	struct page_block pages;
	unsigned live = 0;

	if (!page_block_find(w->h->pages, address, &pages) || pages.start != address ||
	    pages.use != PAGE_USE_HEAP_SPAN)
		return "a list of spans holds what is no span";
	if (UINT64_C(1) << s->order != pages.pages || s->class != class ||
	    s->end > HEAP_SPAN_BLOCKS ||
	    s->end * s->size > (int)(PAGE_SIZE << s->order) ||
	    s->first * s->size < (int)sizeof(*s))
		return "a span's head is broken";
	for (unsigned i = 0; i < HEAP_SPAN_BLOCKS; i++) {
		bool block = i >= s->first && i < s->end;

		if (!block && !span_taken(s, i))
			return "a span offers what is no block";
		live += block && span_taken(s, i);
	}
	if (live != s->live)
		return "a span's count of live blocks is wrong";
	w->blocks += live;
	w->bytes += (uint64_t)live * s->size;
	w->pages += UINT64_C(1) << s->order;
	return NULL;
}

/* A list of spans of which every block is live, or some are. */
static const char *check_list(struct walk *w, const struct heap_span *s, unsigned class, bool full)
{
	const struct heap_span *prev = NULL;
	const char *wrong;

	for (; s; prev = s, s = s->next) {
		wrong = check_span(w, s, class);
		if (wrong)
			return wrong;
		if (s->prev != prev || w->pages > w->h->held)
			return "a list of spans is broken";
		if (!s->live || (s->live == span_capacity(s)) != full)
			return "a span is in the wrong list";
	}
	return NULL;
}

const char *heap_check(const struct heap *h)
{
	struct walk w = { .h = h };
	const char *wrong = NULL;

	for (unsigned i = 0; i < HEAP_CLASSES && !wrong; i++) {
		const struct heap_class *c = &h->classes[i];

		wrong = check_list(&w, c->partial, i, false);
		if (!wrong)
			wrong = check_list(&w, c->full, i, true);
		if (!wrong && c->spare)
			wrong = c->spare->live ? "a spare span has live blocks" :
				check_span(&w, c->spare, i);
	}
	if (wrong)
		return wrong;
	if (w.blocks + h->runs != h->blocks)
		return "the count of blocks is wrong";
	if (w.pages + h->run_pages != h->held)
		return "the count of pages is wrong";
	if (w.bytes + h->run_pages * PAGE_SIZE != h->bytes)
		return "the count of bytes is wrong";
	return NULL;
}
