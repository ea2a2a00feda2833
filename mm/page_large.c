// SPDX-License-Identifier: MIT
/*
 * Blocks of whole units and more, and runs that end within a unit. A run is a
 * block of the next power of two whose rest is freed at once: the rest of a
 * unit, of a group, of a node, each a few bits of one set.
 */
#include "mm/page_internal.h"
#include "kernel/lib/errno.h"

/* What is known of a block, and where. */
struct large {
	struct page_set *set;
	uint64_t bit;		/* in set->start */
	paddr_t start;
	uint64_t pages;
	unsigned info;
	void **owner;
};

/* The order of what a bit of the set stands for. */
static unsigned set_order(const struct page_set *set)
{
	return set->level * SET_ORDER;
}

static paddr_t set_address(const struct page_set *set, uint64_t bit)
{
	return set->base + bit * (PAGE_SIZE << set_order(set));
}

/* Taking. */

static paddr_t set_take(struct page_allocator *a, struct page_set *set, unsigned order)
{
	uint64_t bit;

	order -= set_order(set);
	bit = bit_lowest(set_fits(set->free, order));
	set->free &= ~(set_ones[order] << bit);
	if (set->level == LEVEL_NODE)
		node_taken(a, container_of(set, struct page_node, set));
	else
		set_settle(a, set);
	return set_address(set, bit);
}

/* The first set in a list; those of more than a group are of nodes by size. */
static struct page_set *large_first(const struct page_allocator *a, unsigned list)
{
	if (list % PAGE_ZONE_LISTS <= GROUP_ORDER)
		return list_first(a, list);
	return &container_of(a->lists[list].links.next, struct page_node, sorted)->set;
}

/* Takes 2^order pages, UNIT_ORDER and more, without marking them. */
static int large_take(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out)
{
	uint64_t lists = LISTS_FROM(order) & zone_lists(flags), fit;

	if (order > GROUP_ORDER) {
		nodes_sort(a);
		lists = LARGE_LISTS_FROM(order) & zone_lists(flags);
	}
	while ((fit = a->available & lists) != 0) {
		unsigned list = (unsigned)bit_lowest(fit), zone = list_zone(list);
		struct page_set *set;

		if (list % PAGE_ZONE_LISTS >= LIST_RANGES) {
			if (ranges_take(a, zone, order, out))
				return 0;
			ranges_carve_all(a, zone);
			nodes_sort(a);
			lists &= ~((BIT(LIST_RANGES) | BIT(LIST_PIECES)) <<
				   zone * PAGE_ZONE_LISTS);
			continue;
		}
		set = large_first(a, list);
		if (set->level == LEVEL_NODE && order < GROUP_ORDER)
			set = &group_split(a, (struct page_node *)set,
					   bit_lowest(set->free))->set;
		*out = set_take(a, set, order);
		return 0;
	}
	return -ENOMEM;
}

/* Marks a block that begins with a whole unit, or group, of `set`. */
static void large_mark(struct page_allocator *a, struct page_set *set, uint64_t bit,
		       uint64_t pages, unsigned info)
{
	set->start |= BIT(bit);
	if (set->level == LEVEL_GROUP) {
		struct page_unit *u = &set_group(set)->units[bit];

		u->set.pages = pages;
		u->info[0] = (uint16_t)info;
		u->owner[0] = NULL;
	} else {
		struct page_group *g = group_make(a, (struct page_node *)set,
						  set_address(set, bit));

		g->pages = (uint32_t)pages;
		g->info = (uint16_t)info;
		g->owner = NULL;
	}
}

/* Opens the group, of which nothing is free; false if there is no memory for that. */
static bool group_open(struct page_allocator *a, paddr_t addr)
{
	struct page_group *g = group_make(a, node_find(a, addr), addr);

	if (!g->units) {
		g->units = units_take(a, a->reserve);
		g->set.free = 0;
		g->set.class = CLASS_NONE;
	}
	return g->units;
}

/* Makes a run of the block at `start`, which is longer; returns the run's length. */
static uint64_t large_trim(struct page_allocator *a, paddr_t start, uint64_t block,
			   uint64_t pages, unsigned use)
{
	paddr_t end = start + pages * PAGE_SIZE;
	struct page_unit *u;

	if (!is_aligned(end, GROUP_SIZE) && !group_open(a, end)) {
		pages = align_up(pages, GROUP_PAGES);
		end = align_up(end, GROUP_SIZE);
	}
	if (pages < UNIT_PAGES) {
		u = unit_split(group_find(a, start), unit_index(start));
		u->set.start = 1;
		u->info[0] = (uint16_t)(INFO_RUN | use | (unsigned)(pages - 1));
		u->owner[0] = NULL;
	} else if (pages < GROUP_PAGES) {
		large_mark(a, &group_find(a, start)->set, unit_index(start), pages,
			   INFO_RUN | use);
	} else {
		large_mark(a, &node_find(a, start)->set, group_index(start), pages,
			   INFO_RUN | use);
	}
	pages_put(a, end, start + block * PAGE_SIZE);
	return pages;
}

int large_alloc(struct page_allocator *a, uint64_t pages, unsigned flags, paddr_t *out)
{
	unsigned order = (unsigned)bit_highest(pages - 1) + 1, use = flags & PAGE_USE_MASK;
	struct page_set *set;
	int rc = large_take(a, order, flags, out);

	if (rc)
		return rc;
	if (!is_pow2(pages)) {
		a->free -= large_trim(a, *out, UINT64_C(1) << order, pages, use);
		return 0;
	}
	/* The lowest group is of no node. */
	set = order < GROUP_ORDER || *out < GROUP_SIZE ? &group_find(a, *out)->set :
							 &node_find(a, *out)->set;
	large_mark(a, set, (*out - set->base) >> (PAGE_SHIFT + set_order(set)), pages,
		   (order - set_order(set)) << INFO_ORDER_SHIFT | use);
	a->free -= pages;
	return 0;
}

int large_alloc_block(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out)
{
	if (order > PAGE_ORDER_MAX)
		return -EINVAL;
	return large_alloc(a, UINT64_C(1) << order, flags, out);
}

/* Finding. */

static bool large_in_set(struct page_set *set, uint64_t bit, struct large *out)
{
	uint64_t starts = set->start << (SET_SIZE - 1 - bit);

	if (!starts)
		return false;
	bit -= (uint64_t)__builtin_clzll(starts);
	*out = (struct large){ .set = set, .bit = bit, .start = set_address(set, bit) };
	if (set->level == LEVEL_GROUP) {
		struct page_unit *u = &set_group(set)->units[bit];

		out->pages = u->set.pages;
		out->info = u->info[0];
		out->owner = &u->owner[0];
	} else {
		struct page_group *g = &((struct page_node *)set)->group[bit];

		out->pages = g->pages;
		out->info = g->info;
		out->owner = &g->owner;
	}
	return true;
}

/* The block that holds `addr`, any number whatever; false if none does. */
static bool large_locate(const struct page_allocator *a, paddr_t addr, struct large *out)
{
	struct page_node *n = addr < PAGE_ADDRESS_END ? node_find(a, addr) : NULL;
	uint64_t i = group_index(addr);

	if (!n)
		return false;
	if (!(n->made & BIT(i)) || !large_in_set(&n->group[i].set, unit_index(addr), out))
		if (!large_in_set(&n->set, i, out))
			return false;
	return addr - out->start < out->pages * PAGE_SIZE;
}

bool large_find(const struct page_allocator *a, paddr_t addr, struct page_block *out)
{
	struct large l;

	if (!large_locate(a, addr, &l))
		return false;
	*out = (struct page_block){ l.start, l.pages, l.info & INFO_USE, *l.owner };
	return true;
}

/* The block that begins at `block`, any number whatever; false if none does. */
static bool large_exact(const struct page_allocator *a, paddr_t block, struct large *out)
{
	return large_locate(a, block, out) && out->start == block;
}

int large_set_owner(struct page_allocator *a, paddr_t block, void *owner)
{
	struct large l;

	if (!large_exact(a, block, &l))
		return -EINVAL;
	*l.owner = owner;
	return 0;
}

/* Freeing. */

static int large_release(struct page_allocator *a, const struct large *l)
{
	l->set->start &= ~BIT(l->bit);
	a->free += l->pages;
	pages_put(a, l->start, l->start + l->pages * PAGE_SIZE);
	return 0;
}

int large_free(struct page_allocator *a, paddr_t block, unsigned order)
{
	struct large l;

	if (order > PAGE_ORDER_MAX || !large_exact(a, block, &l) ||
	    (l.info >> INFO_ORDER_SHIFT) + set_order(l.set) != order)
		return -EINVAL;
	return large_release(a, &l);
}

int large_free_run(struct page_allocator *a, paddr_t run)
{
	struct large l;

	return large_exact(a, run, &l) ? large_release(a, &l) : -EINVAL;
}
