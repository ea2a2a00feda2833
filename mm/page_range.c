// SPDX-License-Identifier: MIT
/*
 * Memory that was added and never used: ranges, and how a little of one is
 * put to use at a time.
 *
 * A zone's ranges are in lists by the largest block that can be had of the
 * first unit that each touches, so that a request is served by the first of a
 * list. A range is used from its low end upwards, which is also the order in
 * which `reach` is asked, a GiB at a time.
 *
 * Metadata comes from the low end of a range, where room for it is set aside
 * and put to use last of all, so that it lies together and what is around it
 * can join; else from what is free.
 */
#include "mm/page_internal.h"
#include "kernel/lib/errno.h"

enum {
	/* Of a range, what is set aside: 1/512; groups need 1/819, nodes little. */
	ASIDE_SHIFT = 9,
	ASIDE_MAX = 32 << 20,
	ASIDE_PAGES_MIN = NODE_PAGES + UNITS_PAGES,
	/* Pieces of a range that one large request may put to use in vain. */
	TRIES_MAX = 4,
};

/* Lists. */

static uint16_t range_number(const struct page_allocator *a, const struct page_range *r)
{
	return (uint16_t)(r - a->ranges);
}

/* Where the unit or the range ends in which the range begins. */
static paddr_t piece_end(const struct page_range *r)
{
	return min(r->end, align_down(r->start, UNIT_SIZE) + UNIT_SIZE);
}

/* The list that a range belongs to; it is not empty. */
static unsigned range_sort(const struct page_range *r)
{
	uint64_t pages;
	unsigned order = UNIT_ORDER - 1;

	if (r->start == r->end)
		return RANGES_ASIDE;
	if (align_up(r->start, UNIT_SIZE) + UNIT_SIZE <= r->end)
		return RANGES_WHOLE;
	pages = low_bits((unsigned)((piece_end(r) - r->start) / PAGE_SIZE)) <<
		page_index(r->start);
	while (!set_fits(pages, order))
		order--;
	return order;
}

static struct page_list *ranges_list(struct page_allocator *a, unsigned zone, unsigned list)
{
	return &a->lists[zone * PAGE_ZONE_LISTS +
			 (list == RANGES_WHOLE ? LIST_RANGES : LIST_PIECES)];
}

/* After the first range of a list has changed. */
static void list_update(struct page_allocator *a, unsigned zone, unsigned list)
{
	struct page_zone *z = &a->zones[zone];
	struct page_list *l = ranges_list(a, zone, list);
	uint8_t bit = (uint8_t)BIT(list), whole = BIT(RANGES_WHOLE);

	if (z->ranges[list].first == RANGE_NONE)
		z->nonempty &= (uint8_t)~bit;
	else
		z->nonempty |= bit;
	if (list == RANGES_WHOLE)
		l->range = &a->ranges[z->ranges[list].first];
	if (z->nonempty & (list == RANGES_WHOLE ? whole : (uint8_t)~whole))
		a->available |= l->bit;
	else
		a->available &= ~l->bit;
}

static void range_link(struct page_allocator *a, struct page_range *r, unsigned list)
{
	struct page_zone *z = &a->zones[r->zone];
	uint16_t i = range_number(a, r), last = z->ranges[list].last;

	r->list = (uint8_t)list;
	r->next = RANGE_NONE;
	r->prev = last;
	z->ranges[list].last = i;
	if (last != RANGE_NONE) {
		a->ranges[last].next = i;
		return;
	}
	z->ranges[list].first = i;
	list_update(a, r->zone, list);
}

static void range_unlink(struct page_allocator *a, struct page_range *r)
{
	struct page_zone *z = &a->zones[r->zone];

	if (r->next == RANGE_NONE)
		z->ranges[r->list].last = r->prev;
	else
		a->ranges[r->next].prev = r->prev;
	if (r->prev != RANGE_NONE) {
		a->ranges[r->prev].next = r->next;
		return;
	}
	z->ranges[r->list].first = r->next;
	list_update(a, r->zone, r->list);
}

int range_settle(struct page_allocator *a, struct page_range *r)
{
	struct page_zone *z = &a->zones[r->zone];
	unsigned list = range_sort(r);

	if (r->start < r->end || r->aside_pages) {
		if (list == r->list)
			return 0;
		range_unlink(a, r);
		range_link(a, r, list);
		return 0;
	}
	range_unlink(a, r);
	if (a->reserve == r)
		a->reserve = &a->ranges[RANGE_NONE];
	if (z->added == range_number(a, r))
		z->added = RANGE_NONE;
	r->next = a->range_spare;
	a->range_spare = range_number(a, r);
	a->range_count--;
	return 0;
}

/* Adding. */

void ranges_init(struct page_allocator *a)
{
	a->range_spare = RANGE_NONE;
	a->range_count = a->range_touched = 0;
	a->ranges[RANGE_NONE] = (struct page_range){ 0 };
	a->reserve = &a->ranges[RANGE_NONE];
	for (unsigned i = 0; i < PAGE_ZONES; i++) {
		struct page_zone *z = &a->zones[i];

		z->nonempty = 0;
		z->added = RANGE_NONE;
		for (unsigned list = 0; list < PAGE_RANGE_LISTS; list++)
			z->ranges[list].first = z->ranges[list].last = RANGE_NONE;
	}
}

/* Sets the range's low end aside, if it is long enough; no more than is below `limit`. */
static void range_set_aside(struct page_range *r, paddr_t limit)
{
	paddr_t want = min((r->end - r->start) >> ASIDE_SHIFT, (paddr_t)ASIDE_MAX);
	paddr_t end = r->start + max(want, ASIDE_PAGES_MIN * PAGE_SIZE);

	end = min(align_up(end, UNIT_SIZE), limit);
	if (end + UNIT_SIZE > r->end)
		return;
	r->aside = r->start;
	r->aside_pages = (uint16_t)((end - r->start) / PAGE_SIZE);
	r->start = end;
}

/* Adds what lies in one zone. */
static void range_add(struct page_allocator *a, paddr_t start, paddr_t end)
{
	struct page_zone *z = &a->zones[address_zone(start)];
	struct page_range *r = &a->ranges[z->added];
	uint16_t i = a->range_spare;

	if (z->added != RANGE_NONE && r->list != RANGES_ASIDE && r->end == start) {
		r->end = end;
		r->group = &page_group_none;	/* has pages that were not reached */
		range_settle(a, r);
		return;
	}
	if (i == RANGE_NONE)
		i = a->range_touched++;
	else
		a->range_spare = a->ranges[i].next;
	a->range_count++;
	z->added = i;
	r = &a->ranges[i];
	*r = (struct page_range){
		.start = start, .end = end, .reached = start, .group = &page_group_none,
		.zone = (uint8_t)address_zone(start),
	};
	range_set_aside(r, align_down(start, NODE_SIZE) + NODE_SIZE);
	range_link(a, r, range_sort(r));
}

int page_allocator_add(struct page_allocator *a, paddr_t start, paddr_t end)
{
	static const paddr_t borders[] = { PAGE_ADDRESS_END, 4 * GIB, 16 * MIB };

	if (start >= end || end > PAGE_ADDRESS_END || !is_aligned(start | end, PAGE_SIZE))
		return -EINVAL;
	if (a->range_count + PAGE_ZONES > PAGE_RANGES_MAX)
		return -ENOSPC;
	a->total += (end - start) / PAGE_SIZE;
	a->free += (end - start) / PAGE_SIZE;
	while (start < end) {
		paddr_t next = min(end, borders[address_zone(start)]);

		range_add(a, start, next);
		start = next;
	}
	return 0;
}

/* Reaching. */

/* Pages up to `usable` were kept, or cannot be reached: they are no longer the range's. */
static void range_lose(struct page_allocator *a, struct page_range *r, paddr_t usable)
{
	paddr_t aside_end = r->aside + r->aside_pages * PAGE_SIZE;

	a->free -= (usable - r->reached) / PAGE_SIZE;
	/* What is set aside is of the first piece. */
	if (r->aside >= r->reached && r->aside_pages) {
		r->aside = min(usable, aside_end);
		r->aside_pages = (uint16_t)((aside_end - r->aside) / PAGE_SIZE);
	}
	r->start = max(r->start, usable);
}

bool range_reach(struct page_allocator *a, struct page_range *r)
{
	while (r->start >= r->reached && r->start < r->end) {
		paddr_t start = r->reached;
		paddr_t end = min(align_down(start, NODE_SIZE) + NODE_SIZE, r->end);
		paddr_t usable = start;

		if (a->reach && a->reach(start, end, &usable)) {
			a->total -= (end - start) / PAGE_SIZE;
			usable = end;
		} else {
			a->metadata += (usable - start) / PAGE_SIZE;
		}
		if (usable != start)
			range_lose(a, r, usable);
		r->reached = end;
	}
	return r->start < r->end;
}

/* Metadata. */

/* For the range, whose start is reached and may be moved; NULL if there is no memory. */
static void *range_metadata(struct page_allocator *a, struct page_range *r, unsigned pages)
{
	void *p = metadata_take(a, r, pages);

	if (p)
		return p;
	/* The few pages that are left of what was set aside are given up. */
	a->free -= r->aside_pages;
	a->metadata += r->aside_pages;
	r->aside_pages = 0;
	range_set_aside(r, r->reached);
	p = metadata_take(a, r, pages);
	if (p)
		return p;
	if (r->reached - r->start < pages * PAGE_SIZE)
		return metadata_from_free(a, pages);
	p = address_pointer(a, r->start);
	r->start += pages * PAGE_SIZE;
	a->free -= pages;
	a->metadata += pages;
	return p;
}

/* Opening. Each of these may move the range's start, having made something. */

static struct page_node *range_node(struct page_allocator *a, struct page_range *r, paddr_t addr)
{
	struct page_node *n = node_find(a, addr);
	void *memory;

	if (n)
		return n;
	memory = range_metadata(a, r, NODE_PAGES);
	return memory ? node_make(a, addr, memory) : NULL;
}

static bool range_open_group(struct page_allocator *a, struct page_range *r, paddr_t addr)
{
	struct page_node *n = range_node(a, r, addr);
	struct page_group *g;

	if (!n)
		return false;
	g = group_make(a, n, addr);
	if (g->units)
		return true;
	g->set.free = 0;
	g->set.class = CLASS_NONE;
	g->units = units_take(a, r);
	if (!g->units)
		g->units = range_metadata(a, r, UNITS_PAGES);
	return g->units;
}

/*
 * Makes what is needed to free the range up to `end`, within what is reached.
 * False if there is no memory for that.
 */
static bool range_open(struct page_allocator *a, struct page_range *r, paddr_t end)
{
	paddr_t start;

	do {
		start = r->start;
		if (start >= end)
			return true;
		if (!range_node(a, r, start))
			return false;
		if ((!is_aligned(start, GROUP_SIZE) || end - start < GROUP_SIZE || start == 0) &&
		    !range_open_group(a, r, start))
			return false;
		if (!is_aligned(end, GROUP_SIZE) && !range_open_group(a, r, end))
			return false;
	} while (r->start != start);
	return true;
}

/* Frees the range up to `end`, within what is reached. */
static bool range_free(struct page_allocator *a, struct page_range *r, paddr_t end)
{
	paddr_t start;

	if (!range_open(a, r, end))
		return false;
	start = r->start;
	if (start < end) {
		r->start = end;
		pages_put(a, start, end);
	}
	return true;
}

/* Small requests. */

/* Frees what the range has in the unit in which it begins. */
static bool range_carve(struct page_allocator *a, struct page_range *r)
{
	bool done = true;

	if (range_reach(a, r)) {
		done = range_free(a, r, min(r->reached, piece_end(r)));
		r->group = group_find(a, r->start);
		if (!r->group->units || r->start >= r->reached)
			r->group = &page_group_none;
	}
	range_settle(a, r);
	return done;
}

bool ranges_carve(struct page_allocator *a, unsigned zone)
{
	return range_carve(a, ranges_list(a, zone, RANGES_WHOLE)->range);
}

bool pieces_carve(struct page_allocator *a, unsigned zone, unsigned order)
{
	struct page_zone *z = &a->zones[zone];
	unsigned lists = z->nonempty & ~(unsigned)BIT(RANGES_WHOLE) & ~0u << order;
	struct page_range *r;

	if (!lists)
		return false;
	r = &a->ranges[z->ranges[bit_lowest(lists)].first];
	if (r->list != RANGES_ASIDE)
		return range_carve(a, r);
	if (a->reserve == r)
		a->reserve = &a->ranges[RANGE_NONE];
	r->start = r->aside;
	r->end = r->reached = r->aside + r->aside_pages * PAGE_SIZE;
	r->aside_pages = 0;
	range_settle(a, r);
	return true;
}

/* Large requests. */

/* Takes a block of `order` off a range. */
static bool range_take(struct page_allocator *a, struct page_range *r, unsigned order,
		       paddr_t *out)
{
	paddr_t size = PAGE_SIZE << order;

	/* What `reach` keeps may spoil block after block: not all of the range for one request. */
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		paddr_t block = align_up(r->start, size);

		if (block + size > r->end || !range_reach(a, r))
			return false;
		block = align_up(r->start, size);
		if (block + size > r->reached) {
			if (!range_free(a, r, r->reached))
				return false;
			continue;
		}
		if (!range_node(a, r, block) ||
		    ((order < GROUP_ORDER || block == 0) && !range_open_group(a, r, block)) ||
		    !range_open(a, r, block))
			return false;
		if (align_up(r->start, size) != block)
			continue;
		range_free(a, r, block);
		r->start = block + size;
		*out = block;
		return true;
	}
	return false;
}

bool ranges_take(struct page_allocator *a, unsigned zone, unsigned order, paddr_t *out)
{
	uint16_t i = a->zones[zone].ranges[RANGES_WHOLE].first;

	while (i != RANGE_NONE) {
		struct page_range *r = &a->ranges[i];
		bool taken = range_take(a, r, order, out);

		i = r->next;
		range_settle(a, r);
		if (taken)
			return true;
	}
	return false;
}

/* Takes back what was set aside of a range that was never used. */
static void range_fold(struct page_allocator *a, struct page_range *r)
{
	if (r == a->reserve || a->reserve->aside_pages < ASIDE_PAGES_MIN || !r->aside_pages ||
	    r->aside + r->aside_pages * PAGE_SIZE != r->start)
		return;
	r->start = r->aside;
	r->aside_pages = 0;
}

void ranges_carve_all(struct page_allocator *a, unsigned zone)
{
	for (unsigned list = RANGES_WHOLE + 1; list-- > 0;) {
		uint16_t i = a->zones[zone].ranges[list].first;

		while (i != RANGE_NONE) {
			struct page_range *r = &a->ranges[i];

			i = r->next;
			range_fold(a, r);
			for (unsigned n = 0; n < TRIES_MAX && range_reach(a, r); n++)
				if (!range_free(a, r, r->reached))
					break;
			range_settle(a, r);
		}
	}
}
