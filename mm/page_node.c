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

struct page_group page_group_none;

struct page_node *node_find(const struct page_allocator *a, paddr_t addr)
{
	uint64_t number = addr / NODE_SIZE, rest = number / PAGE_NODES;
	struct page_node *n = a->nodes[number % PAGE_NODES];

	for (; n && n->set.base / NODE_SIZE != number; rest /= PAGE_NODES) {
		unsigned i = rest % PAGE_NODES;

		n = n->below & BIT(i) ? n->child[i] : NULL;
	}
	return n;
}

struct page_group *group_find_far(const struct page_allocator *a, paddr_t addr)
{
	struct page_node *n = addr < PAGE_ADDRESS_END ? node_find(a, addr) : NULL;
	unsigned i = group_index(addr);

	return n && n->made & BIT(i) ? &n->group[i] : &page_group_none;
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
	unsigned i = group_index(addr);
	struct page_group *g = &n->group[i];

	if (n->made & BIT(i))
		return g;
	n->made |= BIT(i);
	*g = (struct page_group){
		.set = {
			.base = n->set.base + i * GROUP_SIZE,
			.parent = addr < GROUP_SIZE ? NULL : &n->set,
			.class = CLASS_NONE,
			.level = LEVEL_GROUP,
			.lists = (uint8_t)(address_zone(addr) * PAGE_ZONE_LISTS + UNIT_ORDER),
			.index = (uint8_t)i,
			.full = -1,
		},
	};
	if (addr / GROUP_SIZE < PAGE_NEAR)
		a->near[addr / GROUP_SIZE] = g;
	return g;
}

struct page_unit *unit_split(struct page_group *g, unsigned index)
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

struct page_group *group_split(struct page_allocator *a, struct page_node *n, unsigned index)
{
	struct page_group *g = group_make(a, n, n->set.base + index * GROUP_SIZE);

	n->set.free &= ~BIT(index);
	set_settle(a, &n->set);
	g->set.free = UINT64_MAX;
	g->units = units_take(a);
	if (!g->units)
		group_host(a, g);
	return g;
}

static void set_put_many(struct page_allocator *a, struct page_set *set, unsigned first,
			 unsigned count)
{
	set->free |= low_bits(count) << first;
	if (set->free == (uint64_t)(int64_t)set->full)
		set_filled(a, set, first);
	else
		set_settle(a, set);
}

/* Frees [first, end) as far as that is units or pages of one group; returns where it ended. */
static paddr_t units_put(struct page_allocator *a, paddr_t first, paddr_t end)
{
	struct page_group *g = group_find(a, first);
	unsigned i = unit_index(first);

	end = min(end, align_down(first, GROUP_SIZE) + GROUP_SIZE);
	if (is_aligned(first, UNIT_SIZE) && end - first >= UNIT_SIZE) {
		end = align_down(end, UNIT_SIZE);
		set_put_many(a, &g->set, i, (unsigned)((end - first) / UNIT_SIZE));
		return end;
	}
	end = min(end, align_down(first, UNIT_SIZE) + UNIT_SIZE);
	set_put_many(a, g->split & BIT(i) ? &g->units[i].set : &unit_split(g, i)->set,
		     page_index(first), (unsigned)((end - first) / PAGE_SIZE));
	return end;
}

void pages_put(struct page_allocator *a, paddr_t first, paddr_t end)
{
	while (first < end) {
		paddr_t groups = align_down(end, GROUP_SIZE);

		if (is_aligned(first, GROUP_SIZE) && first < groups && first > 0) {
			set_put_many(a, &node_find(a, first)->set, group_index(first),
				     (unsigned)((groups - first) / GROUP_SIZE));
			first = groups;
		} else {
			first = units_put(a, first, end);
		}
	}
}
