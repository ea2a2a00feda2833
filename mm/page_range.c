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
 * Metadata comes from a range that was cut off another one's low end and is
 * put to use last of all, so that it lies together and what is around it can
 * join; else from what is free.
 */
#include "mm/page_internal.h"
#include "kernel/lib/errno.h"

/* Of a range, what is set aside for metadata: 1/512; groups need 1/819, nodes little. */
enum { ASIDE_SHIFT = 9, ASIDE_MAX = 64 << 20 };

/* Pieces of a range that one large request may put to use in vain. */
enum { TRIES_MAX = 4 };

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

	if (align_up(r->start, UNIT_SIZE) + UNIT_SIZE <= r->end)
		return RANGES_WHOLE;
	pages = low_bits((unsigned)((piece_end(r) - r->start) / PAGE_SIZE)) <<
		page_index(r->start);
	while (!set_fits(pages, order))
		order--;
	return order;
}

static uint64_t ranges_bit(unsigned zone, unsigned list)
{
	return BIT(zone * PAGE_ZONE_LISTS + (list == RANGES_WHOLE ? LIST_RANGES : LIST_PIECES));
}

static void range_link(struct page_allocator *a, struct page_range *r, unsigned list)
{
	struct page_zone *z = &a->zones[r->zone];
	uint16_t i = range_number(a, r), last = z->ranges[list].last;

	r->list = (uint8_t)list;
	r->next = RANGE_NONE;
	r->prev = last;
	if (last == RANGE_NONE)
		z->ranges[list].first = i;
	else
		a->ranges[last].next = i;
	z->ranges[list].last = i;
	z->nonempty |= (uint8_t)BIT(list);
	a->available |= ranges_bit(r->zone, list);
}

static void range_unlink(struct page_allocator *a, struct page_range *r)
{
	struct page_zone *z = &a->zones[r->zone];
	unsigned list = r->list;

	if (r->prev == RANGE_NONE)
		z->ranges[list].first = r->next;
	else
		a->ranges[r->prev].next = r->next;
	if (r->next == RANGE_NONE)
		z->ranges[list].last = r->prev;
	else
		a->ranges[r->next].prev = r->prev;
	if (z->ranges[list].first != RANGE_NONE)
		return;
	z->nonempty &= (uint8_t)~BIT(list);
	if (list == RANGES_WHOLE || !(z->nonempty & ~BIT(RANGES_WHOLE)))
		a->available &= ~ranges_bit(r->zone, list);
}

static bool range_table_is_full(const struct page_allocator *a)
{
	return a->range_spare == RANGE_NONE && a->range_touched == PAGE_RANGES_MAX;
}

/* An entry of the table, which is not full; in no list yet. */
static struct page_range *range_new(struct page_allocator *a, paddr_t start, paddr_t end)
{
	uint16_t i = a->range_spare;

	if (i == RANGE_NONE)
		i = a->range_touched++;
	else
		a->range_spare = a->ranges[i].next;
	a->range_count++;
	a->ranges[i] = (struct page_range){
		.start = start, .end = end, .reached = start,
		.zone = (uint8_t)address_zone(start),
	};
	return &a->ranges[i];
}

/* After a range in a list has changed: into the right list, or away if it is empty. */
static void range_settle(struct page_allocator *a, struct page_range *r)
{
	struct page_zone *z = &a->zones[r->zone];
	unsigned list;

	if (r->start < r->end) {
		list = range_sort(r);
		if (list == r->list)
			return;
		range_unlink(a, r);
		range_link(a, r, list);
		return;
	}
	range_unlink(a, r);
	if (a->reserve == r)
		a->reserve = &a->ranges[RANGE_NONE];
	if (z->added == range_number(a, r))
		z->added = RANGE_NONE;
	r->next = a->range_spare;
	a->range_spare = range_number(a, r);
	a->range_count--;
}

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

/* Adds what lies in one zone. */
static void range_add(struct page_allocator *a, paddr_t start, paddr_t end)
{
	struct page_zone *z = &a->zones[address_zone(start)];
	struct page_range *r = &a->ranges[z->added];

	if (z->added != RANGE_NONE && r->end == start) {
		r->end = end;
		range_settle(a, r);
		return;
	}
	r = range_new(a, start, end);
	range_link(a, r, range_sort(r));
	z->added = range_number(a, r);
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

/* Makes the memory at the range's start writable; false if nothing is left. */
static bool range_reach(struct page_allocator *a, struct page_range *r)
{
	while (r->start < r->end) {
		paddr_t end = min(align_down(r->start, NODE_SIZE) + NODE_SIZE, r->end);
		paddr_t usable = r->start;

		if (a->reach && a->reach(r->start, end, &usable)) {
			a->total -= (end - r->start) / PAGE_SIZE;
			usable = end;
		} else {
			a->metadata += (usable - r->start) / PAGE_SIZE;
		}
		a->free -= (usable - r->start) / PAGE_SIZE;
		r->start = usable;
		r->reached = end;
		if (usable < end)
			return true;
	}
	return false;
}

static bool range_is_reached(struct page_allocator *a, struct page_range *r)
{
	return r->start < r->reached || range_reach(a, r);
}

/* Metadata. */

static void *metadata_cut(struct page_allocator *a, struct page_range *r, unsigned pages)
{
	paddr_t start = r->start;

	if (r->reached - start < pages * PAGE_SIZE)
		return NULL;
	r->start += pages * PAGE_SIZE;
	a->free -= pages;
	a->metadata += pages;
	return address_pointer(a, start);
}

void *metadata_take(struct page_allocator *a, unsigned pages)
{
	return metadata_cut(a, a->reserve, pages);
}

/* Sets part of the range aside for metadata, if it is long enough. */
static void range_set_aside(struct page_allocator *a, struct page_range *r, unsigned pages)
{
	paddr_t want = min((r->end - r->start) >> ASIDE_SHIFT, (paddr_t)ASIDE_MAX);
	paddr_t end = align_up(r->start + max(want, pages * PAGE_SIZE), UNIT_SIZE);
	struct page_range *old = a->reserve;

	if (end + UNIT_SIZE > r->reached || range_table_is_full(a))
		return;
	a->reserve = range_new(a, r->start, end);
	a->reserve->reached = end;
	range_link(a, a->reserve, RANGES_ASIDE);
	r->start = end;
	if (old != &a->ranges[RANGE_NONE])
		range_settle(a, old);
}

/* Metadata for the range, whose start is reached; may move its start. NULL if there is none. */
static void *range_metadata(struct page_allocator *a, struct page_range *r, unsigned pages)
{
	void *p = metadata_take(a, pages);

	if (p)
		return p;
	range_set_aside(a, r, pages);
	p = metadata_take(a, pages);
	if (!p)
		p = metadata_cut(a, r, pages);
	return p ? p : metadata_from_free(a, pages);
}

struct page_unit *units_take(struct page_allocator *a)
{
	struct page_unit *u = a->spare;

	if (!u)
		return metadata_take(a, UNITS_PAGES);
	a->spare = (struct page_unit *)u->set.parent;
	return u;
}

/* Carving. Each of these may move the range's start, having made something. */

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
	if (!g->units)
		g->units = units_take(a);
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

/* The first range that may serve `order`; NULL if there is none. */
static struct page_range *range_first(struct page_allocator *a, unsigned zone, unsigned list,
				      unsigned order)
{
	struct page_zone *z = &a->zones[zone];
	unsigned lists = z->nonempty & BIT(RANGES_WHOLE);

	if (list == LIST_PIECES)
		lists = z->nonempty & ~(unsigned)BIT(RANGES_WHOLE) & ~0u << order;
	if (!lists)
		return NULL;
	return &a->ranges[z->ranges[low_bit(lists)].first];
}

bool range_carve(struct page_allocator *a, unsigned zone, unsigned list, unsigned order)
{
	struct page_range *r = range_first(a, zone, list, order);
	bool done;

	if (!r)
		return false;
	if (r->list == RANGES_ASIDE) {
		a->reserve = &a->ranges[RANGE_NONE];
		range_settle(a, r);
		return true;
	}
	done = !range_is_reached(a, r) || range_free(a, r, min(r->reached, piece_end(r)));
	range_settle(a, r);
	return done;
}

/* Takes a block of `order` off a range. */
static bool range_take_from(struct page_allocator *a, struct page_range *r, unsigned order,
			    paddr_t *out)
{
	paddr_t size = PAGE_SIZE << order;

	/* What `reach` keeps may spoil block after block: not all of the range for one request. */
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		paddr_t block = align_up(r->start, size);

		if (block + size > r->end || !range_is_reached(a, r))
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

bool range_take(struct page_allocator *a, unsigned zone, unsigned order, paddr_t *out)
{
	struct page_range *r = &a->ranges[a->zones[zone].ranges[RANGES_WHOLE].first];

	while (r != &a->ranges[RANGE_NONE]) {
		struct page_range *next = &a->ranges[r->next];
		bool taken = range_take_from(a, r, order, out);

		range_settle(a, r);
		if (taken)
			return true;
		r = next;
	}
	return false;
}

static void ranges_free(struct page_allocator *a, unsigned zone, unsigned list)
{
	uint16_t i = a->zones[zone].ranges[list].first;

	while (i != RANGE_NONE) {
		struct page_range *r = &a->ranges[i];

		i = r->next;
		for (unsigned tries = 0; tries < TRIES_MAX && range_is_reached(a, r); tries++)
			if (!range_free(a, r, r->reached))
				break;
		range_settle(a, r);
	}
}

void range_carve_all(struct page_allocator *a, unsigned zone)
{
	for (unsigned list = RANGES_WHOLE + 1; list-- > 0;)
		ranges_free(a, zone, list);
	if (a->zones[zone].nonempty & BIT(RANGES_ASIDE)) {
		a->reserve = &a->ranges[RANGE_NONE];
		ranges_free(a, zone, RANGES_ASIDE);
	}
}
