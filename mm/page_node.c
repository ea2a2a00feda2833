// SPDX-License-Identifier: MIT
/*
 * Nodes, groups and units: finding, making, splitting.
 *
 * A node is made when memory of its GiB is first put to use, and stays. The
 * units of a group are made when the group is first divided, and go when it
 * is wholly free again; where there is no other memory for them, the group's
 * own first pages hold them.
 */
#include "mm/page_internal.h"

struct page_group page_group_none = { .set = { .base = BIT(63) } };

struct page_node *node_find(const struct page_allocator *a, paddr_t addr)
{
	uint64_t number = addr / NODE_SIZE, rest = number / PAGE_NODES;
	struct page_node *n = a->nodes[number % PAGE_NODES];

	for (; n && n->set.base / NODE_SIZE != number; rest /= PAGE_NODES) {
		uint64_t i = rest % PAGE_NODES;

		n = n->below & BIT(i) ? n->child[i] : NULL;
	}
	return n;
}

struct page_group *group_find_far(const struct page_allocator *a, paddr_t addr)
{
	struct page_node *n = addr < PAGE_ADDRESS_END ? node_find(a, addr) : NULL;
	uint64_t i = group_index(addr);

	return n && n->made & BIT(i) ? &n->group[i] : &page_group_none;
}

/* Lists of nodes. */

static void node_sort(struct page_allocator *a, struct page_node *n)
{
	uint64_t top, sort = n->set.free ? set_classify(n->set.free, &top) : 0;

	n->is_unsorted = false;
	a->unsorted_count--;
	if (sort == n->sort)
		return;
	if (n->sort)
		list_remove(a, &n->sorted);
	n->sort = (uint8_t)sort;
	if (sort)
		list_push(a, &a->lists[n->set.lists + sort], &n->sorted);
}

void nodes_sort(struct page_allocator *a)
{
	for (; a->unsorted; a->unsorted = a->unsorted->unsorted)
		node_sort(a, a->unsorted);
}

static inline int node_unsorted(struct page_allocator *a, struct page_node *n)
{
	struct page_node *last = a->unsorted;

	if (n->is_unsorted)
		return 0;
	n->is_unsorted = true;
	a->unsorted = n;
	n->unsorted = last;
	if (++a->unsorted_count > UNSORTED_MAX) {
		n->unsorted = last->unsorted;
		node_sort(a, last);
	}
	return 0;
}

int node_taken(struct page_allocator *a, struct page_node *n)
{
	if (!n->set.free)
		list_remove(a, &n->set.links);
	return node_unsorted(a, n);
}

int node_freed(struct page_allocator *a, struct page_node *n, uint64_t was)
{
	if (!was)
		list_push(a, &a->lists[n->set.lists], &n->set.links);
	return node_unsorted(a, n);
}

static void node_insert(struct page_allocator *a, struct page_node *n)
{
	uint64_t number = n->set.base / NODE_SIZE, rest = number / PAGE_NODES;
	struct page_node **slot = &a->nodes[number % PAGE_NODES], *above;

	if (*slot) {
		for (above = *slot; above->below & BIT(rest % PAGE_NODES); rest /= PAGE_NODES)
			above = above->child[rest % PAGE_NODES];
		above->below |= BIT(rest % PAGE_NODES);
		slot = &above->child[rest % PAGE_NODES];
	}
	*slot = n;
}

struct page_node *node_make(struct page_allocator *a, paddr_t addr, void *memory)
{
	struct page_node *n = memory;

	n->made = 0;
	n->below = 0;
	n->sort = 0;
	n->is_unsorted = false;
	n->set = (struct page_set){
		.base = align_down(addr, NODE_SIZE),
		.class = CLASS_NONE,
		.level = LEVEL_NODE,
		/* That of 4 GiB and less has its first group elsewhere, see below. */
		.lists = (uint8_t)((addr < 4 * GIB ? ZONE_MIDDLE : ZONE_HIGH) * PAGE_ZONE_LISTS +
				   GROUP_ORDER),
		.full = -1,
	};
	node_insert(a, n);
	return n;
}

struct page_group *group_make(struct page_allocator *a, struct page_node *n, paddr_t addr)
{
	uint64_t i = group_index(addr);
	struct page_group *g = &n->group[i];
	unsigned lists;

	if (n->made & BIT(i))
		return g;
	n->made |= BIT(i);
	lists = address_zone(addr) * PAGE_ZONE_LISTS;
	g->set.free = 0;
	g->set.start = 0;
	g->set.base = n->set.base + i * GROUP_SIZE;
	g->set.parent = addr < GROUP_SIZE ? NULL : &n->set;
	g->set.class = CLASS_NONE;
	g->set.level = LEVEL_GROUP;
	g->set.lists = (uint8_t)(lists + UNIT_ORDER);
	g->set.index = (uint8_t)i;
	g->set.full = -1;
	g->unit_kind = (struct page_set){
		.class = SET_ORDER - 1, .lists = (uint8_t)lists, .full = -1,
	}.kind;
	g->unit_list = &a->lists[lists + SET_ORDER - 1];
	g->split = 0;
	g->units = NULL;
	g->hosted = false;
	if (addr / GROUP_SIZE < PAGE_NEAR)
		a->near[addr / GROUP_SIZE] = g;
	return g;
}

struct page_unit *unit_split(struct page_group *g, uint64_t index)
{
	struct page_unit *u = &g->units[index];

	g->split |= BIT(index);
	u->set = (struct page_set){
		.base = g->set.base + index * UNIT_SIZE,
		.parent = &g->set,
		.class = CLASS_NONE,
		.level = LEVEL_UNIT,
		.lists = (uint8_t)(g->set.lists - UNIT_ORDER),
		.index = (uint8_t)index,
		.full = -1,
	};
	return u;
}

/* Puts the units into the group's own first pages, which are free. */
static void group_host(struct page_allocator *a, struct page_group *g)
{
	struct page_unit *u;

	g->units = address_pointer(a, g->set.base);
	g->hosted = true;
	u = unit_split(g, 0);
	u->set.free = ~(uint64_t)UNITS_MASK;
	u->set.full = (int32_t)u->set.free;
	u->set.start = 1;
	u->info[0] = INFO_RUN | PAGE_USE_METADATA | (UNITS_PAGES - 1);
	u->owner[0] = NULL;
	set_settle(a, &u->set);
	g->set.free &= ~UINT64_C(1);
	g->set.full = (int32_t)g->set.free;
	a->free -= UNITS_PAGES;
	a->metadata += UNITS_PAGES;
}

struct page_group *group_split(struct page_allocator *a, struct page_node *n, uint64_t index)
{
	struct page_group *g = group_make(a, n, n->set.base + index * GROUP_SIZE);

	n->set.free &= ~BIT(index);
	node_taken(a, n);
	g->set.free = UINT64_MAX;
	g->set.class = CLASS_NONE;
	g->units = units_take(a, a->reserve);
	if (!g->units)
		group_host(a, g);
	return g;
}

static void node_put_many(struct page_allocator *a, struct page_node *n, uint64_t first,
			  uint64_t count)
{
	uint64_t was = n->set.free;

	n->set.free |= low_bits((unsigned)count) << first;
	node_freed(a, n, was);
}

static void set_put_many(struct page_allocator *a, struct page_set *set, uint64_t first,
			 uint64_t count)
{
	set->free |= low_bits((unsigned)count) << first;
	if (set_is_full(set))
		set_filled(a, set, first);
	else
		set_settle(a, set);
}

/* Frees [first, end) as far as that is units or pages of one group; returns where it ended. */
static paddr_t units_put(struct page_allocator *a, paddr_t first, paddr_t end)
{
	struct page_group *g = group_find(a, first);
	uint64_t i = unit_index(first);

	end = min(end, align_down(first, GROUP_SIZE) + GROUP_SIZE);
	if (is_aligned(first, UNIT_SIZE) && end - first >= UNIT_SIZE) {
		end = align_down(end, UNIT_SIZE);
		set_put_many(a, &g->set, i, (end - first) / UNIT_SIZE);
		return end;
	}
	end = min(end, align_down(first, UNIT_SIZE) + UNIT_SIZE);
	set_put_many(a, g->split & BIT(i) ? &g->units[i].set : &unit_split(g, i)->set,
		     page_index(first), (end - first) / PAGE_SIZE);
	return end;
}

void pages_put(struct page_allocator *a, paddr_t first, paddr_t end)
{
	while (first < end) {
		paddr_t groups = align_down(end, GROUP_SIZE);

		if (is_aligned(first, GROUP_SIZE) && first < groups && first > 0) {
			node_put_many(a, node_find(a, first), group_index(first),
				      (groups - first) / GROUP_SIZE);
			first = groups;
		} else {
			first = units_put(a, first, end);
		}
	}
}

static bool never_used(const struct page_allocator *a, paddr_t addr)
{
	for (unsigned i = 0; i < a->range_touched; i++) {
		const struct page_range *r = &a->ranges[i];

		if (r->start < r->end && addr >= r->start && addr < r->end)
			return true;
	}
	return false;
}

bool page_is_free(const struct page_allocator *a, paddr_t addr)
{
	const struct page_group *g = group_find(a, addr);
	const struct page_node *n = addr < PAGE_ADDRESS_END ? node_find(a, addr) : NULL;

	if (n && n->set.free & BIT(group_index(addr)))
		return true;
	if (g && g->set.free & BIT(unit_index(addr)))
		return true;
	if (g && g->split & BIT(unit_index(addr)) &&
	    g->units[unit_index(addr)].set.free & BIT(page_index(addr)))
		return true;
	return never_used(a, addr);
}
