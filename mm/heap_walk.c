// SPDX-License-Identifier: MIT
/* The heap's spans, one after the other, and the statistics made of them. */
#include "mm/heap.h"
#include "mm/heap_internal.h"

static unsigned bits_set(uint64_t word)
{
	unsigned count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

unsigned span_free_blocks(const struct heap_span *s)
{
	unsigned count = 0;

	if (!span_tiny(s))
		return bits_set(s->free);
	for (unsigned i = 0; i < (s->count + 63u) / 64; i++)
		count += bits_set(span_words(s)[i]);
	return count;
}

static const char *walk_pools(const struct heap_descriptors *d,
			      const char *(*visit)(void *context, const struct heap_span *s),
			      void *context)
{
	const char *wrong = NULL;

	for (const struct heap_pool *p = d->pools; p && !wrong; p = p->next) {
		for (unsigned i = 0; i < p->used && !wrong; i++) {
			const struct heap_span *s = p->first + i * d->units;

			if (s->count)
				wrong = visit(context, s);
		}
	}
	return wrong;
}

const char *heap_walk(const struct heap *h,
		      const char *(*visit)(void *context, const struct heap_span *s),
		      void *context)
{
	const char *wrong = walk_pools(&h->descriptors, visit, context);

	return wrong ? wrong : walk_pools(&h->tiny_descriptors, visit, context);
}

static const char *count_span(void *context, const struct heap_span *s)
{
	struct heap_stats *stats = context;
	unsigned live = s->count - span_free_blocks(s);

	stats->blocks += live;
	stats->bytes += (uint64_t)live * s->size;
	return NULL;
}

void heap_stats(const struct heap *h, struct heap_stats *out)
{
	*out = (struct heap_stats){
		h->runs, h->run_pages * PAGE_SIZE,
		h->span_pages + h->run_pages + h->own_pages,
	};
	heap_walk(h, count_span, out);
}
