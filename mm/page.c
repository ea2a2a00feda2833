// SPDX-License-Identifier: MIT
/*
 * Small blocks: pages of one unit; and the interface. page_internal.h says
 * what units, groups and nodes are.
 *
 * A request picks the first list that is not empty out of one word: the
 * zones come in the order in which they are to be used, and in each the
 * largest free block that a set offers, ascending, so that what is divided
 * already is used up first, then whole units, groups, and ranges that were
 * never used.
 */
#include "mm/page.h"
#include "mm/page_internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

void page_allocator_init(struct page_allocator *a, uintptr_t offset,
			 int (*reach)(paddr_t start, paddr_t end, paddr_t *usable))
{
	a->available = 0;
	a->total = a->free = a->metadata = 0;
	a->offset = offset;
	a->reach = reach;
	a->owner = NULL;
	a->spare = NULL;
	a->unsorted = NULL;
	a->unsorted_count = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(a->lists); i++) {
		struct page_links *links = &a->lists[i].links;

		a->lists[i] = (struct page_list){ .links = { links, links }, .bit = BIT(i) };
	}
	memset(a->nodes, 0, sizeof(a->nodes));
	for (unsigned i = 0; i < PAGE_NEAR; i++)
		a->near[i] = &page_group_none;
	ranges_init(a);
}

/*
 * Taking. One function for each sort of list; all have the same arguments,
 * and call others last, so that nothing need be saved: what is first in the
 * list `list` serves `order`; `info` describes the block, `mask` has a bit
 * for each of its pages.
 */

typedef int take_fn(struct page_allocator *a, uint64_t list, uint64_t order, unsigned info,
		    uint64_t mask, paddr_t *out);

static take_fn take_from_unit, take_from_group, take_from_node, take_from_range,
	       take_from_piece;

#define TAKERS(zone) \
	[(zone) * PAGE_ZONE_LISTS ... \
	 (zone) * PAGE_ZONE_LISTS + UNIT_ORDER - 1] = take_from_unit, \
	[(zone) * PAGE_ZONE_LISTS + UNIT_ORDER ... \
	 (zone) * PAGE_ZONE_LISTS + GROUP_ORDER - 1] = take_from_group, \
	[(zone) * PAGE_ZONE_LISTS + GROUP_ORDER] = \
		(zone) == ZONE_LOW ? take_from_group : take_from_node, \
	[(zone) * PAGE_ZONE_LISTS + LIST_RANGES] = take_from_range, \
	[(zone) * PAGE_ZONE_LISTS + LIST_PIECES] = take_from_piece

static take_fn *const takers[PAGE_ZONES * PAGE_ZONE_LISTS] = {
	TAKERS(ZONE_HIGH), TAKERS(ZONE_MIDDLE), TAKERS(ZONE_LOW),
};

static inline int take(struct page_allocator *a, uint64_t lists, uint64_t order,
		       unsigned info, uint64_t mask, paddr_t *out)
{
	uint64_t fit = a->available & lists, list;

	if (!fit)
		return -ENOMEM;
	list = bit_lowest(fit);
	return takers[list](a, list, order, info, mask, out);
}

static inline struct page_unit *first_unit(struct page_allocator *a, uint64_t list)
{
	return container_of(list_first(a, list), struct page_unit, set);
}

/* Notes a block of pages that begins at `bit`, taken out of the unit. */
static inline void unit_note(struct page_allocator *a, struct page_unit *u, uint64_t bit,
			     unsigned info, paddr_t *out)
{
	u->info[bit] = (uint16_t)info;
	u->owner[bit / OWNER_PAGES] = a->owner;
	a->free -= (info & INFO_LENGTH) + 1;
	*out = u->set.base + bit * PAGE_SIZE;
}

/* From a unit with a larger free block than is asked for. */
static __noinline int take_from_larger(struct page_allocator *a, uint64_t list, uint64_t order,
			    unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_unit *u = first_unit(a, list);
	uint64_t blocks = u->set.free, bit, first;

	if (order)
		blocks = set_fits(blocks, order);
	bit = bit_lowest(blocks);
	first = blocks & -blocks;
	u->set.start |= first;
	u->set.free ^= first * mask;
	unit_note(a, u, bit, info, out);
	u->set.top &= ~BIT(set_align(bit, u->set.class));
	return u->set.top ? 0 : set_halved(a, &u->set);
}

static int take_from_unit(struct page_allocator *a, uint64_t list, uint64_t order,
			  unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_unit *u = first_unit(a, list);
	uint64_t blocks, bit, first;

	if (u->set.class != order)
		return take_from_larger(a, list, order, info, mask, out);
	blocks = u->set.top;
	bit = bit_lowest(blocks);
	first = blocks & -blocks;
	u->set.start |= first;
	u->set.free ^= first * mask;
	unit_note(a, u, bit, info, out);
	u->set.top ^= first;
	return u->set.top ? 0 : set_used_up(a, &u->set);
}

/* Takes the first pages of a unit that is wholly free, and makes its set. */
static inline void take_from_whole(struct page_allocator *a, struct page_group *g, uint64_t index,
				   unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_unit *u = &g->units[index];

	g->split |= BIT(index);
	u->set.free = ~mask;
	u->set.start = 1;
	u->set.top = UINT64_C(1) << UNIT_PAGES / 2;
	u->set.base = g->set.base + index * UNIT_SIZE;
	u->set.parent = &g->set;
	u->set.kind = g->unit_kind + (index << KIND_INDEX_SHIFT);
	list_push(a, g->unit_list, &u->set.links);
	unit_note(a, u, 0, info, out);
}

/* Takes one unit, or group. */
static inline uint64_t set_take_one(struct page_set *set)
{
	uint64_t first = set->free & -set->free, bit = bit_lowest(set->free);

	set->free ^= first;
	set->top &= ~BIT(set_align(bit, set->class));
	return bit;
}

static inline int set_taken(struct page_allocator *a, struct page_set *set)
{
	if (set->top)
		return 0;
	return set->class ? set_halved(a, set) : set_used_up(a, set);
}

static int take_from_group(struct page_allocator *a, uint64_t list, uint64_t order __unused,
			   unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_group *g = set_group(list_first(a, list));

	take_from_whole(a, g, set_take_one(&g->set), info, mask, out);
	return set_taken(a, &g->set);
}

/* Makes a group of which nothing is used, and takes the first pages of its first unit. */
static inline void take_from_new(struct page_allocator *a, struct page_group *g,
				 struct page_unit *units, unsigned info, uint64_t mask,
				 paddr_t *out)
{
	g->units = units;
	g->set.free = ~UINT64_C(1);
	g->set.top = UINT64_C(1) << SET_SIZE / 2;
	g->set.class = SET_ORDER - 1;
	list_push(a, g->unit_list + UNIT_ORDER, &g->set.links);
	take_from_whole(a, g, 0, info, mask, out);
}

/* Where a group has to be made for the first time, or holds its own units. */
static __noinline int take_from_node_hosted(struct page_allocator *a, uint64_t list,
					    uint64_t order, unsigned info, uint64_t mask,
					    paddr_t *out)
{
	struct page_node *n = container_of(list_first(a, list), struct page_node, set);
	struct page_group *g = group_split(a, n, bit_lowest(n->set.free));

	if (!g->hosted) {
		take_from_new(a, g, g->units, info, mask, out);
		return 0;
	}
	set_settle(a, &g->set);
	return take_from_unit(a, g->units->set.lists + g->units->set.class, order, info, mask,
			      out);
}

static int take_from_node(struct page_allocator *a, uint64_t list, uint64_t order,
			  unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_node *n = container_of(list_first(a, list), struct page_node, set);
	uint64_t free = n->set.free, index = bit_lowest(free);
	struct page_unit *units = a->spare;

	if (!units || !(n->made & BIT(index)))
		return take_from_node_hosted(a, list, order, info, mask, out);
	n->set.free = free & (free - 1);
	a->spare = container_of(units->set.parent, struct page_unit, set);
	take_from_new(a, &n->group[index], units, info, mask, out);
	return node_taken(a, n);
}

static __noinline int take_from_range_slowly(struct page_allocator *a, uint64_t list,
					     uint64_t order, unsigned info, uint64_t mask,
					     paddr_t *out)
{
	unsigned zone = list_zone((unsigned)list);
	uint64_t below = BIT(zone * PAGE_ZONE_LISTS);

	if (!ranges_carve(a, zone))
		below = BIT(list + 1);
	return take(a, LISTS_FROM(order) & ~(below - 1), order, info, mask, out);
}

/* The first unit of a group. */
static __noinline int take_from_range_new(struct page_allocator *a, uint64_t list, uint64_t order,
					  unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_range *r = a->lists[list].range;
	struct page_node *n;
	struct page_group *g;
	paddr_t start;
	void *memory;

	if (!range_reach(a, r))
		goto slowly;
	/* What could not be reached is lost: less than a unit may be left. */
	start = r->start;
	if (!is_aligned(start, UNIT_SIZE) || r->end - start < UNIT_SIZE)
		goto slowly;
	n = node_find(a, start);
	if (!n) {
		memory = metadata_take(a, r, NODE_PAGES);
		if (!memory)
			goto slowly;
		n = node_make(a, start, memory);
	}
	g = group_make(a, n, start);
	if (!g->units) {
		g->units = units_take(a, r);
		if (!g->units)
			goto slowly;
	}
	r->group = g;
	r->start = start + UNIT_SIZE;
	take_from_whole(a, g, unit_index(start), info, mask, out);
	return r->end - start >= 2 * UNIT_SIZE ? 0 : range_settle(a, r);
slowly:
	return take_from_range_slowly(a, list, order, info, mask, out);
}

static int take_from_range(struct page_allocator *a, uint64_t list, uint64_t order,
			   unsigned info, uint64_t mask, paddr_t *out)
{
	struct page_range *r = a->lists[list].range;
	struct page_group *g = r->group;
	paddr_t start = r->start;

	if (start - g->set.base >= GROUP_SIZE || !is_aligned(start, UNIT_SIZE))
		return take_from_range_new(a, list, order, info, mask, out);
	r->start = start + UNIT_SIZE;
	take_from_whole(a, g, unit_index(start), info, mask, out);
	return r->end - start >= 2 * UNIT_SIZE ? 0 : range_settle(a, r);
}

static int take_from_piece(struct page_allocator *a, uint64_t list, uint64_t order,
			   unsigned info, uint64_t mask, paddr_t *out)
{
	unsigned zone = list_zone((unsigned)list);
	uint64_t below = BIT(zone * PAGE_ZONE_LISTS);

	if (!pieces_carve(a, zone, (unsigned)order))
		below = BIT(list + 1);
	return take(a, LISTS_FROM(order) & ~(below - 1), order, info, mask, out);
}

#define FROM(order)	LISTS_FROM(order)
static const uint64_t lists_from[UNIT_ORDER] = {
	FROM(0), FROM(1), FROM(2), FROM(3), FROM(4), FROM(5),
};

static const uint32_t pages_of[UNIT_ORDER] = { 1, 2, 4, 8, 16, 32 };

#define INFO(order)	((order) << INFO_ORDER_SHIFT | ((1 << (order)) - 1))
static const uint16_t info_of[UNIT_ORDER] = {
	INFO(0), INFO(1), INFO(2), INFO(3), INFO(4), INFO(5),
};

int page_alloc_from(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out)
{
	uint64_t k = order;

	if (k >= UNIT_ORDER)
		return large_alloc_block(a, order, flags, out);
	return take(a, lists_from[k] & zone_lists(flags), k,
			   info_of[k] | (flags & PAGE_USE_MASK), set_ones[k], out);
}

int page_alloc_run(struct page_allocator *a, uint64_t pages, unsigned flags, paddr_t *out)
{
	unsigned order;

	if (pages < 1 || pages > UINT64_C(1) << PAGE_ORDER_MAX)
		return -EINVAL;
	if (is_pow2(pages))
		return page_alloc_from(a, (unsigned)bit_lowest(pages), flags, out);
	order = (unsigned)bit_highest(pages) + 1;
	if (order >= UNIT_ORDER)
		return large_alloc(a, pages, flags, out);
	return take(a, lists_from[order] & zone_lists(flags), order,
			   INFO_RUN | (flags & PAGE_USE_MASK) | (unsigned)(pages - 1),
			   low_bits((unsigned)pages), out);
}

void *metadata_from_free(struct page_allocator *a, unsigned pages)
{
	unsigned order = (unsigned)bit_highest(pages - 1) + 1;
	uint64_t fit = a->available & lists_from[order] & IN_ZONES(low_bits(UNIT_ORDER));
	paddr_t block;

	if (!fit)
		return NULL;
	take_from_unit(a, bit_lowest(fit), order, INFO_RUN | PAGE_USE_METADATA | (pages - 1),
		       low_bits(pages), &block);
	a->metadata += pages;
	return address_pointer(a, block);
}

/*
 * What is beyond PAGE_NEAR takes a call to find: functions of their own, so
 * that what is near need not save registers.
 */

static bool is_near(paddr_t addr)
{
	return addr / GROUP_SIZE < PAGE_NEAR;
}

static inline struct page_group *group_near(const struct page_allocator *a, paddr_t addr)
{
	return a->near[addr / GROUP_SIZE];
}

static inline int group_free(struct page_allocator *a, const struct page_group *g,
			     paddr_t block, uint64_t order)
{
	uint64_t index = unit_index(block), bit = page_index(block), start;
	struct page_unit *u;

	if (!(g->split & BIT(index)) || !is_aligned(block, PAGE_SIZE))
		return -EINVAL;
	u = &g->units[index];
	start = u->set.start;
	if (!(start & BIT(bit)) || (uint64_t)u->info[bit] >> INFO_ORDER_SHIFT != order)
		return -EINVAL;
	u->set.start = start & ~BIT(bit);
	a->free += pages_of[order];
	u->set.free |= set_ones[order] << bit;
	return set_is_full(&u->set) ? unit_filled(a, &u->set, bit) :
				      set_changed(a, &u->set, bit);
}

static __noinline int far_free(struct page_allocator *a, paddr_t block, uint64_t order)
{
	return group_free(a, group_find_far(a, block), block, order);
}

int page_free_to(struct page_allocator *a, paddr_t block, unsigned order)
{
	uint64_t k = order;

	if (k >= UNIT_ORDER)
		return large_free(a, block, order);
	return is_near(block) ? group_free(a, group_near(a, block), block, k) :
				far_free(a, block, k);
}

int page_free_run(struct page_allocator *a, paddr_t run)
{
	struct page_group *g = group_find(a, run);
	uint64_t bit = page_index(run);
	struct page_unit *u;
	unsigned info, pages;

	if (!(g->split & BIT(unit_index(run))))
		return large_free_run(a, run);
	u = &g->units[unit_index(run)];
	info = u->info[bit];
	if (!is_aligned(run, PAGE_SIZE) || !(u->set.start & BIT(bit)) ||
	    (info & (INFO_ORDER | INFO_USE)) == (INFO_RUN | PAGE_USE_METADATA))
		return -EINVAL;
	if ((info & INFO_ORDER) != INFO_RUN)
		return page_free_to(a, run, info >> INFO_ORDER_SHIFT);
	pages = (info & INFO_LENGTH) + 1;
	u->set.start &= ~BIT(bit);
	a->free += pages;
	pages_put(a, run, run + pages * PAGE_SIZE);
	return 0;
}

static inline bool group_block_find(const struct page_allocator *a, const struct page_group *g,
				    paddr_t addr, struct page_block *out)
{
	uint64_t index = unit_index(addr), bit = page_index(addr), starts, back;
	const struct page_unit *u;
	unsigned info;

	if (!(g->split & BIT(index)))
		return large_find(a, addr, out);
	u = &g->units[index];
	starts = u->set.start << (SET_SIZE - 1 - bit);
	if (!starts)
		return large_find(a, addr, out);
	back = bit_highest(starts) ^ (SET_SIZE - 1);
	bit -= back;
	info = u->info[bit];
	if (back > (info & INFO_LENGTH))
		return false;
	out->start = u->set.base + bit * PAGE_SIZE;
	out->pages = (info & INFO_LENGTH) + 1;
	out->use = info & INFO_USE;
	out->owner = u->owner[bit / OWNER_PAGES];
	return true;
}

static __noinline bool far_block_find(const struct page_allocator *a, paddr_t addr,
				      struct page_block *out)
{
	return group_block_find(a, group_find_far(a, addr), addr, out);
}

bool page_block_find(const struct page_allocator *a, paddr_t addr, struct page_block *out)
{
	return is_near(addr) ? group_block_find(a, group_near(a, addr), addr, out) :
			       far_block_find(a, addr, out);
}

static inline int group_set_owner(struct page_allocator *a, const struct page_group *g,
				  paddr_t block, void *owner)
{
	uint64_t index = unit_index(block), bit = page_index(block);
	struct page_unit *u;

	if (!(g->split & BIT(index)))
		return large_set_owner(a, block, owner);
	u = &g->units[index];
	if (!is_aligned(block, PAGE_SIZE) || !(u->set.start & BIT(bit)) ||
	    (u->info[bit] & INFO_LENGTH) < OWNER_PAGES - 1)
		return -EINVAL;
	u->owner[bit / OWNER_PAGES] = owner;
	return 0;
}

static __noinline int far_set_owner(struct page_allocator *a, paddr_t block, void *owner)
{
	return group_set_owner(a, group_find_far(a, block), block, owner);
}

int page_set_owner(struct page_allocator *a, paddr_t block, void *owner)
{
	return is_near(block) ? group_set_owner(a, group_near(a, block), block, owner) :
				far_set_owner(a, block, owner);
}

int page_alloc_owned(struct page_allocator *a, unsigned order, unsigned flags, void *owner,
		     paddr_t *out)
{
	int err;

	a->owner = owner;
	err = page_alloc_from(a, order, flags, out);
	a->owner = NULL;
	return err || order < UNIT_ORDER ? err : page_set_owner(a, *out, owner);
}

const char *page_use_name(unsigned use)
{
	static const char *const names[] = {
		"allocated pages", "page allocator's metadata", "heap span",
		"heap block of whole pages", "heap's own tables", "page table",
		"buffers of a device",
	};
	unsigned n = FIELD_GET(PAGE_USE_MASK, use);

	return n < ARRAY_SIZE(names) ? names[n] : "unknown";
}

void page_allocator_stats(const struct page_allocator *a, struct page_stats *out)
{
	*out = (struct page_stats){ a->total, a->free, a->metadata };
}
