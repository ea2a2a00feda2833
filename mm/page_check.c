// SPDX-License-Identifier: MIT
/*
 * The page allocator's checker: walks every node, group, unit, list and range
 * by ascending address, and compares what it finds with what the counts say.
 */
#include "mm/page.h"
#include "mm/page_internal.h"

/* What the walk has seen so far. */
struct walk {
	const struct page_allocator *a;
	uint64_t free;		/* pages in free blocks */
	uint64_t used;		/* pages in allocated blocks, metadata's apart */
	uint64_t metadata;	/* pages that nodes and units take */
	uint64_t listed;	/* sets that must be in a list, twice if in two */
	uint64_t unsorted;	/* nodes */
	paddr_t busy;		/* end of the last allocated block */
};

/* The class of a set and its top, the slow way. */
static unsigned classify(uint64_t free, uint64_t *top)
{
	for (unsigned class = SET_ORDER; ; class--) {
		*top = 0;
		for (unsigned bit = 0; bit < SET_SIZE; bit += 1u << class)
			if (!(~(free >> bit) & low_bits(1u << class)))
				*top |= BIT(bit);
		if (*top)
			return class;
	}
}

static const char *check_place(const struct page_set *set, paddr_t base,
			       const struct page_set *parent, unsigned index)
{
	if (set->base != base || set->parent != parent || (parent && set->index != index))
		return "a set is out of place";
	return set->free & set->start ? "a block is free and allocated" : NULL;
}

static const char *check_set(struct walk *w, const struct page_set *set, paddr_t base,
			     const struct page_set *parent, unsigned index)
{
	const char *wrong = check_place(set, base, parent, index);
	uint64_t top;

	if (wrong)
		return wrong;
	if (!set->free)
		return set->class == CLASS_NONE ? NULL : "a set without free blocks is listed";
	if (set->class != classify(set->free, &top))
		return "a set's class is wrong";
	if (set->top != top)
		return "a set's top is wrong";
	w->listed++;
	return NULL;
}

static const char *check_node_set(struct walk *w, const struct page_node *n, paddr_t base)
{
	uint64_t top;

	w->listed += !!n->set.free + !!n->sort;
	w->unsorted += n->is_unsorted;
	if (!n->is_unsorted && n->sort != (n->set.free ? classify(n->set.free, &top) : 0))
		return "a node is in a wrong list of large blocks";
	return check_place(&n->set, base, NULL, 0);
}

static const char *see_free(struct walk *w, paddr_t start, uint64_t pages)
{
	if (start < w->busy)
		return "a free block overlaps an allocated one";
	w->free += pages;
	return NULL;
}

static const char *see_used(struct walk *w, paddr_t start, uint64_t pages, paddr_t limit)
{
	if (start < w->busy)
		return "an allocated block overlaps another";
	w->busy = start + pages * PAGE_SIZE;
	w->used += pages;
	return w->busy <= limit ? NULL : "an allocated block is too long";
}

static const char *check_unit(struct walk *w, const struct page_group *g, unsigned index)
{
	const struct page_unit *u = &g->units[index];
	paddr_t base = g->set.base + index * UNIT_SIZE;
	const char *wrong = check_set(w, &u->set, base, &g->set, index);

	if (!wrong && u->set.free == UINT64_MAX)
		wrong = "a unit that is wholly free is split";
	for (unsigned i = 0; i < UNIT_PAGES && !wrong; i++) {
		unsigned pages = (u->info[i] & INFO_LENGTH) + 1;

		if (u->set.free & BIT(i))
			wrong = see_free(w, base + i * PAGE_SIZE, 1);
		if (!(u->set.start & BIT(i)))
			continue;
		wrong = see_used(w, base + i * PAGE_SIZE, pages, base + UNIT_SIZE);
		if ((u->info[i] & (INFO_ORDER | INFO_USE)) == (INFO_RUN | PAGE_USE_METADATA))
			w->used -= pages;
		else if ((u->info[i] & INFO_ORDER) != INFO_RUN &&
			 pages != 1u << (u->info[i] >> INFO_ORDER_SHIFT))
			wrong = "a block's length is not its order's";
	}
	return wrong;
}

static const char *check_hosted(const struct walk *w, const struct page_group *g)
{
	const struct page_unit *u = &g->units[0];

	if ((paddr_t)(uintptr_t)u != g->set.base + w->a->offset || !(g->split & 1) ||
	    !(u->set.start & 1) || (u->info[0] & INFO_LENGTH) != UNITS_PAGES - 1)
		return "a group that holds its own units does not say so";
	if (g->set.free == ~UINT64_C(1) && u->set.free == ~(uint64_t)UNITS_MASK)
		return "a group is open for its own sake";
	return NULL;
}

static const char *check_group(struct walk *w, const struct page_group *g, paddr_t base,
			       const struct page_set *parent, unsigned index)
{
	const char *wrong = check_set(w, &g->set, base, parent, index);

	w->metadata += UNITS_PAGES;
	if (!wrong && g->hosted)
		wrong = check_hosted(w, g);
	if (!wrong && g->split & (g->set.free | g->set.start))
		wrong = "a unit is split, and is not";
	if (!wrong && parent && g->set.free == UINT64_MAX)
		wrong = "a group that is wholly free is open";
	for (unsigned i = 0; i < SET_SIZE && !wrong; i++) {
		paddr_t start = base + i * UNIT_SIZE;

		if (g->set.free & BIT(i))
			wrong = see_free(w, start, UNIT_PAGES);
		else if (g->set.start & BIT(i))
			wrong = see_used(w, start, g->units[i].set.pages, base + GROUP_SIZE);
		else if (g->split & BIT(i))
			wrong = check_unit(w, g, i);
	}
	return wrong;
}

static const char *check_node(struct walk *w, const struct page_node *n)
{
	paddr_t base = align_down(n->set.base, NODE_SIZE);
	const char *wrong = check_node_set(w, n, base);

	if (node_find(w->a, base) != n)
		wrong = "a node cannot be found";
	w->metadata += NODE_PAGES;
	for (unsigned i = 0; i < SET_SIZE && !wrong; i++) {
		const struct page_group *g = n->made & BIT(i) ? &n->group[i] : NULL;
		paddr_t start = base + i * GROUP_SIZE;

		if (g && group_find(w->a, start) != g)
			wrong = "a group cannot be found";
		else if (g && g->units && (n->set.free | n->set.start) & BIT(i))
			wrong = "a group is open that is free or used as a whole";
		else if (g && !g->units && (g->set.start | g->split))
			wrong = "a group is closed and has something in it";
		else if (g && g->units)
			wrong = check_group(w, g, start, start ? &n->set : NULL, i);
		else if (n->set.free & BIT(i))
			wrong = see_free(w, start, GROUP_PAGES);
		else if (n->set.start & BIT(i))
			wrong = g ? see_used(w, start, g->pages, base + NODE_SIZE) :
				    "a block begins in a group that was never made";
	}
	return wrong;
}

static const char *check_nodes(struct walk *w, const struct page_node *n)
{
	const char *wrong;

	if (!n)
		return NULL;
	w->busy = 0;
	wrong = check_node(w, n);
	for (unsigned i = 0; i < PAGE_NODES && !wrong; i++)
		if (n->below & BIT(i))
			wrong = check_nodes(w, n->child[i]);
	return wrong;
}

/* Whether what `l` is of belongs into the list. */
static bool is_listed_rightly(const struct page_links *l, unsigned list)
{
	const struct page_set *set = container_of(l, const struct page_set, links);
	const struct page_node *n = container_of(l, const struct page_node, sorted);
	unsigned order = list % PAGE_ZONE_LISTS;

	if (order > GROUP_ORDER)
		return n->set.lists + n->sort == (int)list;
	if (order == GROUP_ORDER && list_zone(list) != ZONE_LOW)
		return set->level == LEVEL_NODE && set->lists == list;
	return set->level == order / SET_ORDER - (order == GROUP_ORDER) &&
	       set->lists + set->class == (int)list;
}

static const char *check_list(struct walk *w, unsigned list)
{
	const struct page_links *head = &w->a->lists[list].links, *l = head;

	if ((l->next != head) != !!(w->a->available & BIT(list)))
		return "it is not known that a list has something";
	for (; l->next != head; l = l->next) {
		if (l->next->prev != l)
			return "a list's links disagree";
		if (!is_listed_rightly(l->next, list))
			return "a list holds what does not belong there";
		if (w->listed-- == 0)
			return "a list holds a set twice";
	}
	return NULL;
}

static const char *check_lists(struct walk *w)
{
	const char *wrong = NULL;

	for (unsigned i = 0; i < PAGE_ZONES * PAGE_ZONE_LISTS && !wrong; i++)
		if (i % PAGE_ZONE_LISTS < LIST_RANGES)
			wrong = check_list(w, i);
	if (!wrong && w->listed)
		wrong = "a set with free blocks is in no list";
	for (const struct page_node *n = w->a->unsorted; n && !wrong; n = n->unsorted)
		if (!n->is_unsorted || w->unsorted-- == 0)
			wrong = "a list of unsorted nodes is broken";
	if (!wrong && w->unsorted)
		wrong = "a node is not known to be unsorted";
	return wrong;
}

static const char *check_range(struct walk *w, const struct page_range *r, unsigned list)
{
	struct page_block block;

	if (r->start > r->end || r->reached > r->end || r->list != list)
		return "a range is impossible";
	w->free += (r->end - r->start) / PAGE_SIZE + r->aside_pages;
	if (r->start == r->end)
		return list == RANGES_ASIDE ? NULL : "an empty range is kept";
	if (page_block_find(w->a, r->start, &block) ||
	    page_block_find(w->a, r->end - 1, &block) ||
	    (r->aside_pages && page_block_find(w->a, r->aside, &block)))
		return "a block lies in memory that was never used";
	return NULL;
}

static const char *check_ranges(struct walk *w)
{
	const struct page_allocator *a = w->a;
	const char *wrong = NULL;
	unsigned count = 0;

	for (unsigned n = 0; n < PAGE_ZONES * PAGE_RANGE_LISTS; n++) {
		const struct page_zone *z = &a->zones[n / PAGE_RANGE_LISTS];
		unsigned list = n % PAGE_RANGE_LISTS;
		uint16_t i = z->ranges[list].first, prev = RANGE_NONE;

		if ((i != RANGE_NONE) != !!(z->nonempty & BIT(list)))
			return "it is not known that a list has ranges";
		for (; i != RANGE_NONE; prev = i, i = a->ranges[i].next) {
			if (++count > a->range_count || a->ranges[i].prev != prev)
				return "a list of ranges is broken";
			wrong = check_range(w, &a->ranges[i], list);
			if (wrong)
				return wrong;
		}
		if (z->ranges[list].last != prev)
			return "a list of ranges is broken";
	}
	for (unsigned zone = 0; zone < PAGE_ZONES; zone++) {
		unsigned pieces = a->zones[zone].nonempty & ~(unsigned)BIT(RANGES_WHOLE);
		uint64_t bits = a->available >> zone * PAGE_ZONE_LISTS;

		if (!(bits & BIT(LIST_PIECES)) != !pieces ||
		    !(bits & BIT(LIST_RANGES)) != !(a->zones[zone].nonempty & BIT(RANGES_WHOLE)))
			return "it is not known that a zone has ranges";
	}
	return count == a->range_count ? NULL : "a range is in no list";
}

static const char *check_counts(const struct walk *w)
{
	uint64_t metadata = w->metadata;

	for (const struct page_unit *u = w->a->spare; u;
	     u = (const struct page_unit *)u->set.parent)
		metadata += UNITS_PAGES;
	if (w->free != w->a->free)
		return "the count of free pages is wrong";
	if (w->free + w->used + w->a->metadata != w->a->total)
		return "pages are lost";
	return metadata <= w->a->metadata ? NULL : "the count of metadata is wrong";
}

const char *page_allocator_check(const struct page_allocator *a)
{
	struct walk w = { .a = a };
	const char *wrong = NULL;

	for (unsigned i = 0; i < PAGE_NODES && !wrong; i++)
		wrong = check_nodes(&w, a->nodes[i]);
	if (!wrong)
		wrong = check_lists(&w);
	if (!wrong)
		wrong = check_ranges(&w);
	return wrong ? wrong : check_counts(&w);
}
