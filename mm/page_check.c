// SPDX-License-Identifier: MIT
/*
 * The page allocator's checker: walks every node, map, list and range, and
 * compares what it finds with what the counts say.
 */
#include "mm/page.h"
#include "mm/page_internal.h"
#include "kernel/lib/string.h"

/* What the walk has seen so far. */
struct walk {
	const struct page_allocator *a;
	uint64_t free;		/* pages in free blocks */
	uint64_t used;		/* pages in allocated blocks, metadata's apart */
	uint64_t hosted;	/* pages that hold their own chunk's map */
	uint64_t listed;	/* chunks that must be in a list */
};

/* Marks pages [page, page + 2^order) of a chunk; false if one was marked before. */
static bool cover(uint8_t *covered, unsigned page, unsigned order)
{
	for (unsigned i = page; i < page + (1u << order); i++)
		if (covered[i]++)
			return false;
	return true;
}

static const char *check_map_free(const struct page_map *m, uint8_t *covered)
{
	unsigned pages = 0;

	for (unsigned order = 0; order < CHUNK_ORDER; order++) {
		unsigned count = 0;

		for (unsigned i = 0; i < (unsigned)CHUNK_PAGES >> order; i++) {
			if (!map_block_free(m, order, i))
				continue;
			if (!cover(covered, i << order, order))
				return "free blocks of a chunk overlap";
			if (order < CHUNK_ORDER - 1 && map_block_free(m, order, i ^ 1))
				return "free buddies in a chunk are not joined";
			count++;
		}
		if (count != m->count[order] || !!count != !!(m->orders & BIT(order)))
			return "a chunk's count of free blocks is wrong";
		pages += count << order;
	}
	return pages == m->free ? NULL : "a chunk's count of free pages is wrong";
}

static const char *check_map_used(struct walk *w, const struct page_map *m, uint8_t *covered)
{
	for (unsigned i = 0; i < CHUNK_PAGES; i++) {
		unsigned order = m->state[i] & STATE_ORDER;

		if (m->state[i] == STATE_NONE)
			continue;
		if (!(m->state[i] & STATE_USED) || order >= CHUNK_ORDER ||
		    !is_aligned(i, 1u << order))
			return "a page has an impossible state";
		if (!cover(covered, i, order))
			return "an allocated block overlaps another block";
		if (state_use(m->state[i]) != PAGE_USE_METADATA)
			w->used += UINT64_C(1) << order;
	}
	return NULL;
}

static const char *check_map(struct walk *w, uint32_t chunk, const struct page_map *m)
{
	uint8_t covered[CHUNK_PAGES] = { 0 };
	uint8_t list = m->orders ? (uint8_t)(31 - __builtin_clz(m->orders)) : MAP_UNLISTED;
	uintptr_t offset_in = (uintptr_t)m - w->a->offset - chunk_address(chunk);
	const char *wrong;

	wrong = check_map_free(m, covered);
	if (!wrong)
		wrong = check_map_used(w, m, covered);
	if (wrong)
		return wrong;
	if (m->listed != list)
		return "a split chunk is in the wrong list";
	if (m->free + m->hosted >= CHUNK_PAGES)
		return "a wholly free chunk is still split";
	if (m->hosted && (offset_in >= CHUNK_SIZE || covered[offset_in / PAGE_SIZE]++))
		return "a hosted map lies in a block";
	w->free += m->free;
	w->hosted += m->hosted;
	w->listed += list != MAP_UNLISTED;
	return NULL;
}

static const char *check_block(struct walk *w, const struct page_node *n, unsigned i)
{
	uint8_t state = n->state[i];
	unsigned order = state & STATE_ORDER;
	uint32_t chunks;

	if (order < CHUNK_ORDER || order > PAGE_ORDER_MAX)
		return "a chunk has an impossible state";
	chunks = order_chunks(order);
	if (!is_aligned(i, chunks))
		return "a block is not aligned to its size";
	for (unsigned j = i + 1; j < i + chunks; j++)
		if (n->state[j] != STATE_NONE)
			return "something begins within a block";
	if (state & STATE_USED) {
		w->used += UINT64_C(1) << order;
		return NULL;
	}
	if (state != (STATE_FREE | order))
		return "a chunk has an impossible state";
	w->free += UINT64_C(1) << order;
	w->listed++;
	return NULL;
}

static const char *check_node(struct walk *w, const struct page_node *n, uint32_t base)
{
	const char *wrong = NULL;

	for (unsigned i = 0; i < NODE_CHUNKS && !wrong; i++) {
		uint8_t state = n->state[i];
		unsigned order = state & STATE_ORDER;

		if (state == STATE_NONE)
			continue;
		if (state == STATE_SPLIT) {
			wrong = check_map(w, base + i, n->chunk[i].map);
			continue;
		}
		wrong = check_block(w, n, i);
		if (!wrong && !(state & STATE_USED) &&
		    may_join((base + i) & ~order_chunks(order), order) &&
		    n->state[i ^ order_chunks(order)] == state)
			wrong = "free buddies are not joined";
	}
	return wrong;
}

static const char *check_nodes(struct walk *w)
{
	const char *wrong = NULL;

	for (uint32_t i = 0; i < PAGE_ROOT_ENTRIES; i++) {
		const struct page_directory *upper = w->a->root[i];

		for (uint32_t j = 0; upper && j < DIRECTORY_ENTRIES; j++) {
			const struct page_directory *lower = upper->entry[j].directory;

			for (uint32_t k = 0; lower && k < DIRECTORY_ENTRIES && !wrong; k++)
				if (lower->entry[k].node)
					wrong = check_node(w, lower->entry[k].node,
							   ((i << 8 | j) << 8 | k) * NODE_CHUNKS);
		}
	}
	return wrong;
}

/* The list that a chunk belongs in; false if in none. */
static bool chunk_list(const struct page_node *n, unsigned i, unsigned *order,
		       const struct page_links **links)
{
	if (n->state[i] == STATE_SPLIT) {
		*order = n->chunk[i].map->listed;
		*links = &n->chunk[i].map->links;
		return *order != MAP_UNLISTED;
	}
	*order = n->state[i] & STATE_ORDER;
	*links = &n->chunk[i].links;
	return n->state[i] & STATE_FREE && !(n->state[i] & STATE_USED);
}

static const char *check_list(struct walk *w, unsigned zone, unsigned order)
{
	uint32_t chunk = w->a->zones[zone].heads[order], prev = CHUNK_NONE;
	const struct page_links *links;
	unsigned found;

	while (chunk != CHUNK_NONE) {
		const struct page_node *n = node_find(w->a, chunk);

		if (!n || !chunk_list(n, chunk_index(chunk), &found, &links) ||
		    found != order || chunk_zone(chunk) != zone)
			return "a list holds what does not belong there";
		if (links->prev != prev)
			return "a list's links disagree";
		if (w->listed-- == 0)
			return "a list holds a chunk twice";
		prev = chunk;
		chunk = links->next;
	}
	return NULL;
}

static const char *check_lists(struct walk *w)
{
	const char *wrong = NULL;

	for (unsigned zone = 0; zone < PAGE_ZONES; zone++)
		for (unsigned order = 0; order <= PAGE_ORDER_MAX && !wrong; order++)
			if (w->a->zones[zone].nonempty & BIT(order))
				wrong = check_list(w, zone, order);
	if (!wrong && w->listed)
		wrong = "a free block is in no list";
	return wrong;
}

static const char *check_ranges(struct walk *w)
{
	struct page_block block;
	unsigned count = 0;

	for (unsigned zone = 0; zone < PAGE_ZONES; zone++) {
		uint16_t i = w->a->zones[zone].first, prev = RANGE_NONE;

		for (; i != RANGE_NONE; prev = i, i = w->a->ranges[i].next) {
			const struct page_range *r = &w->a->ranges[i];

			if (++count > w->a->range_count || r->prev != prev || r->start > r->end)
				return "a list of ranges is broken";
			if (r->start == r->end)
				continue;
			if (page_block_find(w->a, r->start, &block) ||
			    page_block_find(w->a, r->end - 1, &block))
				return "a block lies in memory that was never used";
			w->free += (r->end - r->start) / PAGE_SIZE;
		}
		if (w->a->zones[zone].last != prev)
			return "a list of ranges is broken";
	}
	return count == w->a->range_count ? NULL : "a range is in no list";
}

const char *page_allocator_check(const struct page_allocator *a)
{
	struct walk w = { .a = a };
	const char *wrong;

	wrong = check_nodes(&w);
	if (!wrong)
		wrong = check_lists(&w);
	if (!wrong)
		wrong = check_ranges(&w);
	if (wrong)
		return wrong;
	if (w.free != a->free)
		return "the count of free pages is wrong";
	if (w.free + w.used + a->metadata != a->total)
		return "pages are lost";
	return w.hosted <= a->metadata ? NULL : "the count of metadata is wrong";
}
