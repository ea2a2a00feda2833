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

const uint64_t set_ones[8] = {
	UINT64_C(0x1), UINT64_C(0x3), UINT64_C(0xf), UINT64_C(0xff), UINT64_C(0xffff),
	UINT64_C(0xffffffff), UINT64_C(0xffffffffffffffff), 0,
};

const uint64_t set_aligned[8] = {
	UINT64_C(0xffffffffffffffff), UINT64_C(0x5555555555555555),
	UINT64_C(0x1111111111111111), UINT64_C(0x0101010101010101),
	UINT64_C(0x0001000100010001), UINT64_C(0x0000000100000001), 1, 0,
};

/* The class of a set with something free, and its top. */
static unsigned set_classify(uint64_t free, uint64_t *top)
{
	unsigned class = 0;

	*top = free;
	while (class < SET_ORDER) {
		uint64_t twice = *top & *top >> (1u << class) & set_aligned[class + 1];

		if (!twice)
			break;
		*top = twice;
		class++;
	}
	return class;
}

/* The order of the largest free block that holds `bit`. */
static unsigned set_joined(uint64_t free, unsigned bit)
{
	uint64_t below = ~free & (BIT(bit) - 1);
	uint64_t above = ~free & -BIT(bit);
	/* A block holds `bit` and a neighbour if they differ in low bits only. */
	unsigned down = below ? high_bit(below) ^ bit : SET_SIZE;
	unsigned up = above ? low_bit(above) ^ bit : SET_SIZE;

	return high_bit(min(down, up));
}

int set_shrunk(struct page_allocator *a, struct page_set *set, unsigned order)
{
	unsigned class = set->class;
	uint64_t free = set->free;

	list_remove(a, set);
	if (!free) {
		set->class = CLASS_NONE;
		return 0;
	}
	if (order < class)
		set->top = set_fits(free, --class);
	else
		class = set_classify(free, &set->top);
	list_add(a, set, class);
	return 0;
}

int set_grown(struct page_allocator *a, struct page_set *set, unsigned bit)
{
	unsigned order = set_joined(set->free, bit), class = set->class;
	uint64_t block = BIT(set_align(bit, order));

	if (order == class) {
		set->top |= block;
		return 0;
	}
	if (class != CLASS_NONE)
		list_remove(a, set);
	set->top = block;
	list_add(a, set, order);
	return 0;
}

/* Whether nothing of a hosted group is used but for what it lies in. */
static bool group_is_idle(const struct page_group *g)
{
	return g->set.free == ~UINT64_C(1) && g->units[0].set.free == ~(uint64_t)UNITS_MASK;
}

static void group_close(struct page_allocator *a, struct page_group *g)
{
	if (g->hosted) {
		a->metadata -= UNITS_PAGES;
		a->free += UNITS_PAGES;
		list_remove(a, &g->units[0].set);
		g->hosted = false;
		g->set.free |= 1;
		g->set.full = -1;
	} else {
		g->units->set.parent = a->spare ? &a->spare->set : NULL;
		a->spare = g->units;
	}
	g->set.free = 0;
	g->split = 0;
	g->units = NULL;
}

/* Takes a set that is wholly free out of its lists, into what is above. */
static struct page_set *set_join(struct page_allocator *a, struct page_set *set)
{
	struct page_set *parent = set->parent;

	if (set->class != CLASS_NONE)
		list_remove(a, set);
	set->class = CLASS_NONE;
	if (set->level == LEVEL_UNIT)
		set_group(parent)->split &= ~BIT(set->index);
	else
		group_close(a, set_group(set));
	parent->free |= BIT(set->index);
	return parent;
}

int set_filled(struct page_allocator *a, struct page_set *set, unsigned bit)
{
	do {
		if (!set->parent)
			break;
		if (set->full != -1) {
			/* The group goes as a whole, or not at all. */
			if (set->level == LEVEL_GROUP ? !group_is_idle(set_group(set)) :
			    !group_is_idle(set_group(set->parent)))
				break;
			if (set->level == LEVEL_UNIT)
				set = set->parent;
		}
		bit = set->index;
		set = set_join(a, set);
	} while (set->free == (uint64_t)(int64_t)set->full);
	return set_changed(a, set, bit);
}

void set_settle(struct page_allocator *a, struct page_set *set)
{
	if (set->class != CLASS_NONE)
		list_remove(a, set);
	set->class = CLASS_NONE;
	if (set->free)
		list_add(a, set, set_classify(set->free, &set->top));
}
