// SPDX-License-Identifier: MIT
/*
 * Sets of 64 (page_internal.h): keeping `class`, `top` and the lists in step
 * with `free`.
 *
 * Taking clears a bit of `top`; only when that was the last one does the
 * class change. If a smaller block was taken out of the last largest one, its
 * other half is left, so the new class is the one below. Freeing changes the
 * class only if the aligned block of 2^class around it is now free; how large
 * the free block has become, its nearest used neighbours say.
 */
#include "mm/page_internal.h"

const uint64_t set_ones[9] = {
	UINT64_C(0x1), UINT64_C(0x3), UINT64_C(0xf), UINT64_C(0xff), UINT64_C(0xffff),
	UINT64_C(0xffffffff), UINT64_C(0xffffffffffffffff), 0, 0,
};

const uint8_t set_first[9] = { 63, 62, 60, 56, 48, 32, 0, 0, 0 };

const uint64_t set_aligned[8] = {
	UINT64_C(0xffffffffffffffff), UINT64_C(0x5555555555555555),
	UINT64_C(0x1111111111111111), UINT64_C(0x0101010101010101),
	UINT64_C(0x0001000100010001), UINT64_C(0x0000000100000001), 1, 0,
};

/* The class of a set with something free, and its top. Unrolled: shifts by constants are cheap. */
static inline uint64_t classify(uint64_t free, uint64_t *top)
{
	uint64_t twice = free & free >> 1 & set_aligned[1];

	*top = free;
	if (!twice)
		return 0;
	*top = twice;
	twice &= twice >> 2 & set_aligned[2];
	if (!twice)
		return 1;
	*top = twice;
	twice &= twice >> 4 & set_aligned[3];
	if (!twice)
		return 2;
	*top = twice;
	twice &= twice >> 8 & set_aligned[4];
	if (!twice)
		return 3;
	*top = twice;
	twice &= twice >> 16 & set_aligned[5];
	if (!twice)
		return 4;
	*top = twice;
	twice &= twice >> 32 & set_aligned[6];
	if (!twice)
		return 5;
	*top = twice;
	return 6;
}

uint64_t set_classify(uint64_t free, uint64_t *top)
{
	return classify(free, top);
}

/* The order of the largest free block that holds `bit`. */
static uint64_t set_joined(uint64_t free, uint64_t bit)
{
	uint64_t below = ~free & (BIT(bit) - 1);
	uint64_t above = ~free & -BIT(bit);
	/* A block holds `bit` and a neighbour if they differ in low bits only. */
	uint64_t down = below ? bit_highest(below) ^ bit : SET_SIZE;
	uint64_t up = above ? bit_lowest(above) ^ bit : SET_SIZE;

	return bit_highest(min(down, up));
}

int set_halved(struct page_allocator *a, struct page_set *set)
{
	uint64_t class = set->class;

	class--;
	set_unlist(a, set);
	set->top = set_fits(set->free, class);
	set_list(a, set, class);
	return 0;
}

int set_used_up(struct page_allocator *a, struct page_set *set)
{
	set_unlist(a, set);
	set->class = CLASS_NONE;
	if (set->free)
		set_list(a, set, classify(set->free, &set->top));
	return 0;
}

static inline int set_move(struct page_allocator *a, struct page_set *set, uint64_t bit,
			   uint64_t order)
{
	if (set->class != CLASS_NONE)
		set_unlist(a, set);
	set->top = BIT(set_align(bit, order));
	set_list(a, set, order);
	return 0;
}

int set_grown(struct page_allocator *a, struct page_set *set, uint64_t bit)
{
	return set_move(a, set, bit, set_joined(set->free, bit));
}

/* As set_changed(), at the same cost whatever comes of it. */
static inline int set_raised(struct page_allocator *a, struct page_set *set, uint64_t bit)
{
	uint64_t order = set_joined(set->free, bit), class = set->class;

	if (class != CLASS_NONE) {
		if (order < class)
			return 0;
		if (order == class) {
			set->top |= BIT(set_align(bit, order));
			return 0;
		}
	}
	return set_move(a, set, bit, order);
}

/* Makes a group that is closed a bit of its node. */
static inline int group_join(struct page_allocator *a, struct page_group *g)
{
	struct page_node *n = container_of(g->set.parent, struct page_node, set);
	uint64_t was = n->set.free;

	n->set.free = was | BIT(g->set.index);
	return node_freed(a, n, was);
}

/*
 * After something of a hosted group was freed that leaves of it nothing in use
 * but the pages of its own units, or of `set` nothing.
 */
static __noinline int hosted_filled(struct page_allocator *a, struct page_group *g,
				    struct page_set *set, uint64_t bit)
{
	struct page_unit *u = g->units;

	if (g->set.free != ~UINT64_C(1) || u->set.free != ~(uint64_t)UNITS_MASK)
		return set_raised(a, set, bit);
	set_unlist(a, &u->set);
	set_unlist(a, &g->set);
	g->units = NULL;
	g->hosted = false;
	g->split = 0;
	g->set.full = -1;
	a->metadata -= UNITS_PAGES;
	a->free += UNITS_PAGES;
	return group_join(a, g);
}

/* A wholly free group leaves its lists and becomes a bit of its node. */
static inline int group_filled(struct page_allocator *a, struct page_group *g, uint64_t bit)
{
	struct page_unit *units = g->units;

	if (!g->set.parent)
		return set_raised(a, &g->set, bit);
	if (g->set.full != -1)
		return hosted_filled(a, g, &g->set, bit);
	if (g->set.class != CLASS_NONE)
		set_unlist(a, &g->set);
	units->set.parent = (struct page_set *)a->spare;
	a->spare = units;
	g->units = NULL;
	return group_join(a, g);
}

int unit_filled(struct page_allocator *a, struct page_set *set, uint64_t bit)
{
	struct page_group *g = set_group(set->parent);
	uint64_t index = set->index;

	if (set->full != -1)
		return hosted_filled(a, g, set, bit);
	if (set->class != CLASS_NONE)
		set_unlist(a, set);
	g->split ^= BIT(index);
	g->set.free |= BIT(index);
	return set_is_full(&g->set) ? group_filled(a, g, index) : set_raised(a, &g->set, index);
}

int set_filled(struct page_allocator *a, struct page_set *set, uint64_t bit)
{
	return set->level == LEVEL_UNIT ? unit_filled(a, set, bit) :
					  group_filled(a, set_group(set), bit);
}

void set_settle(struct page_allocator *a, struct page_set *set)
{
	if (set->class != CLASS_NONE)
		set_unlist(a, set);
	set->class = CLASS_NONE;
	if (set->free)
		set_list(a, set, classify(set->free, &set->top));
}
