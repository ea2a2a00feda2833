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
	a->spare = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(a->lists); i++)
		a->lists[i] = (struct page_links){ &a->lists[i], &a->lists[i] };
	memset(a->nodes, 0, sizeof(a->nodes));
	for (unsigned i = 0; i < PAGE_NEAR; i++)
		a->near[i] = &page_group_none;
	ranges_init(a);
}

/* Takes pages out of a unit whose class is `order` or more: those of `mask`, shifted. */
static inline int unit_take(struct page_allocator *a, struct page_unit *u, unsigned order,
			    unsigned info, uint64_t mask, paddr_t *out)
{
	unsigned class = u->set.class;
	unsigned bit = low_bit(class == order ? u->set.top : set_fits(u->set.free, order));
	uint64_t top = u->set.top & ~BIT(set_align(bit, class));

	u->set.free ^= mask << bit;
	u->set.top = top;
	u->set.start |= BIT(bit);
	u->info[bit] = (uint16_t)info;
	u->owner[bit / OWNER_PAGES] = NULL;
	a->free -= (info & INFO_LENGTH) + 1;
	*out = u->set.base + bit * PAGE_SIZE;
	return top ? 0 : set_shrunk(a, &u->set, order);
}

static inline struct page_unit *list_unit(const struct page_allocator *a, unsigned list)
{
	return (struct page_unit *)links_set(a->lists[list].next);
}

/* As unit_take(), where no unit of `lists` is split. */
static int unit_alloc(struct page_allocator *a, uint64_t lists, unsigned order,
		      unsigned info, uint64_t mask, paddr_t *out)
{
	for (;;) {
		uint64_t fit = a->available & lists;
		unsigned list, sort, index;
		struct page_set *set;
		struct page_unit *u;

		if (!fit)
			return -ENOMEM;
		list = low_bit(fit);
		sort = list % PAGE_ZONE_LISTS;
		if (sort < UNIT_ORDER)
			return unit_take(a, list_unit(a, list), order, info, mask, out);
		if (sort >= LIST_RANGES) {
			if (!range_carve(a, list_zone(list), sort, order))
				lists &= ~BIT(list);
			continue;
		}
		set = links_set(a->lists[list].next);
		if (set->level == LEVEL_NODE)
			set = &group_split(a, (struct page_node *)set, low_bit(set->free))->set;
		index = low_bit(set->free);
		set->free &= ~BIT(index);
		set_settle(a, set);
		u = unit_split(set_group(set), index);
		u->set.free = UINT64_MAX;
		set_settle(a, &u->set);
		return unit_take(a, u, order, info, mask, out);
	}
}

static inline int small_alloc(struct page_allocator *a, uint64_t lists, unsigned order,
			      unsigned info, uint64_t mask, paddr_t *out)
{
	uint64_t fit = a->available & lists;
	unsigned list;

	if (!fit)
		return -ENOMEM;
	list = low_bit(fit);
	if (!(IN_ZONES(low_bits(UNIT_ORDER)) & BIT(list)))
		return unit_alloc(a, lists, order, info, mask, out);
	return unit_take(a, list_unit(a, list), order, info, mask, out);
}

#define FROM(order)	LISTS_FROM(order)
static const uint64_t lists_from[UNIT_ORDER] = {
	FROM(0), FROM(1), FROM(2), FROM(3), FROM(4), FROM(5),
};

#define INFO(order)	((order) << INFO_ORDER_SHIFT | ((1 << (order)) - 1))
static const uint16_t info_of[UNIT_ORDER] = {
	INFO(0), INFO(1), INFO(2), INFO(3), INFO(4), INFO(5),
};

int page_alloc_from(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out)
{
	if (order >= UNIT_ORDER)
		return order > PAGE_ORDER_MAX ? -EINVAL :
		       large_alloc(a, UINT64_C(1) << order, flags, out);
	return small_alloc(a, lists_from[order] & zone_lists(flags), order,
			   info_of[order] | (flags & PAGE_USE_MASK), set_ones[order], out);
}

int page_alloc_run(struct page_allocator *a, uint64_t pages, unsigned flags, paddr_t *out)
{
	unsigned order;

	if (pages < 1 || pages > UINT64_C(1) << PAGE_ORDER_MAX)
		return -EINVAL;
	if (is_pow2(pages))
		return page_alloc_from(a, low_bit(pages), flags, out);
	order = high_bit(pages) + 1;
	if (order >= UNIT_ORDER)
		return large_alloc(a, pages, flags, out);
	return small_alloc(a, lists_from[order] & zone_lists(flags), order,
			   INFO_RUN | (flags & PAGE_USE_MASK) | (unsigned)(pages - 1),
			   low_bits((unsigned)pages), out);
}

void *metadata_from_free(struct page_allocator *a, unsigned pages)
{
	unsigned order = high_bit(pages - 1) + 1;
	uint64_t fit = a->available & lists_from[order] & IN_ZONES(low_bits(UNIT_ORDER));
	paddr_t block;

	if (!fit)
		return NULL;
	unit_take(a, list_unit(a, low_bit(fit)), order,
		  INFO_RUN | PAGE_USE_METADATA | (pages - 1), low_bits(pages), &block);
	a->metadata += pages;
	return address_pointer(a, block);
}

/* The unit that holds `addr` if that is split, else NULL. */
static inline struct page_unit *unit_find(const struct page_allocator *a, paddr_t addr)
{
	struct page_group *g = group_find(a, addr);

	return g->split & BIT(unit_index(addr)) ? &g->units[unit_index(addr)] : NULL;
}

int page_free_to(struct page_allocator *a, paddr_t block, unsigned order)
{
	struct page_unit *u;
	unsigned bit = page_index(block);

	if (order >= UNIT_ORDER)
		return large_free(a, block, order);
	u = unit_find(a, block);
	if (!u || !is_aligned(block, PAGE_SIZE) || !(u->set.start & BIT(bit)) ||
	    u->info[bit] >> INFO_ORDER_SHIFT != order)
		return -EINVAL;
	u->set.start &= ~BIT(bit);
	a->free += UINT64_C(1) << order;
	return set_put(a, &u->set, set_ones[order] << bit, bit);
}

int page_free_run(struct page_allocator *a, paddr_t run)
{
	struct page_unit *u = unit_find(a, run);
	unsigned bit = page_index(run), info, pages;

	if (!u)
		return large_free_run(a, run);
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

bool page_block_find(const struct page_allocator *a, paddr_t addr, struct page_block *out)
{
	const struct page_unit *u = unit_find(a, addr);
	unsigned bit = page_index(addr), back, info;
	uint64_t starts;

	if (!u)
		return large_find(a, addr, out);
	starts = u->set.start << (SET_SIZE - 1 - bit);
	if (!starts)
		return large_find(a, addr, out);
	back = (unsigned)__builtin_clzll(starts);
	info = u->info[bit - back];
	if (back > (info & INFO_LENGTH))
		return false;
	out->start = align_down(addr, PAGE_SIZE) - back * PAGE_SIZE;
	out->pages = (info & INFO_LENGTH) + 1;
	out->use = info & INFO_USE;
	out->owner = u->owner[(bit - back) / OWNER_PAGES];
	return true;
}

int page_alloc_owned(struct page_allocator *a, unsigned order, unsigned flags, void *owner,
		     paddr_t *out)
{
	int err = page_alloc_from(a, order, flags, out);

	return err ? err : page_set_owner(a, *out, owner);
}

int page_set_owner(struct page_allocator *a, paddr_t block, void *owner)
{
	struct page_unit *u = unit_find(a, block);
	unsigned bit = page_index(block);

	if (!u)
		return large_set_owner(a, block, owner);
	if (!is_aligned(block, PAGE_SIZE) || !(u->set.start & BIT(bit)) ||
	    (u->info[bit] & INFO_LENGTH) < OWNER_PAGES - 1)
		return -EINVAL;
	u->owner[bit / OWNER_PAGES] = owner;
	return 0;
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
