/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's metadata, shared by page*.c.
 *
 * Memory is seen three times as 64 things of one size: a unit is 64 pages, a
 * group 64 units (16 MiB), a node 64 groups (1 GiB). All three keep the same
 * `struct page_set`, a bit for each of the 64. What is free is a bit, so
 * neighbours that are free are joined already; a block of 2^n of the 64 is
 * found by shifting and masking one word.
 *
 *	order 0-5	2^n pages of a unit that is split
 *	order 6-11	2^n units of a group that is open
 *	order 12-18	2^n groups of a node
 *
 * A set with something free is in the list of its largest free block, so no
 * search ever visits a set in vain. A unit (group) that is wholly free leaves
 * its lists and becomes one bit of its group (node).
 *
 * An allocated block is a bit of `start`, with its length and use beside it.
 */
#pragma once

#include <asm/bits.h>

#include "mm/page.h"

enum {
	SET_ORDER = 6,
	SET_SIZE = 64,
	UNIT_ORDER = 6,
	GROUP_ORDER = 12,
	NODE_ORDER = 18,
	UNIT_PAGES = 1 << UNIT_ORDER,
	GROUP_PAGES = 1 << GROUP_ORDER,
	OWNER_PAGES = 2,
};

#define UNIT_SIZE	(PAGE_SIZE << UNIT_ORDER)
#define GROUP_SIZE	(PAGE_SIZE << GROUP_ORDER)
#define NODE_SIZE	(PAGE_SIZE << NODE_ORDER)

enum { LEVEL_UNIT, LEVEL_GROUP, LEVEL_NODE };

/* Nothing is free, so the set is in no list. */
#define CLASS_NONE	7

struct page_set {
	struct page_links links;	/* first: what a list holds is the set, then */
	uint64_t free;		/* bit n: the n'th is free */
	union {
		uint64_t top;	/* bit n: a free block of 2^class begins there */
		uint64_t pages;	/* a unit that begins a block: the block's length */
	};
	uint64_t start;		/* bit n: an allocated block begins there */
	paddr_t base;
	struct page_set *parent;	/* that this joins when wholly free, or NULL */
	union {
		struct {
			uint8_t class;	/* the largest free block has 2^class of the 64 */
			uint8_t level;
			uint8_t lists;	/* number of the list for class 0 */
			uint8_t index;	/* in what is above */
			/* `free` when nothing is used but what the set lies in */
			int32_t full;
		};
		uint64_t kind;		/* all of these */
	};
};

/* A unit's index in `kind`. */
enum { KIND_INDEX_SHIFT = 24 };

/* What is known of a block, where it begins. */
enum {
	INFO_LENGTH = 0x00ff,	/* pages less one, within a unit */
	INFO_USE = PAGE_USE_MASK,
	INFO_ORDER = 0xf000,	/* of the 64 */
	INFO_RUN = 0xf000,	/* not to be freed by order */
	INFO_ORDER_SHIFT = 12,
};

struct page_unit {
	struct page_set set;
	uint16_t info[UNIT_PAGES];
	void *owner[UNIT_PAGES / OWNER_PAGES];
};

/* Memory for the units of a group, where it is split, is made and goes as one. */
enum { UNITS_PAGES = 7, UNITS_MASK = (1 << UNITS_PAGES) - 1 };

struct page_group {
	struct page_set set;	/* of units */
	uint64_t unit_kind;	/* `kind` of its first unit, after a first block was taken */
	struct page_list *unit_list;	/* that such a unit belongs into */
	uint64_t split;		/* bit n: the n'th unit has free pages and used ones */
	struct page_unit *units;	/* 64; NULL: wholly free, or used as a whole */
	void *owner;		/* of a block that begins here and is as long as this, or longer */
	uint32_t pages;		/* its length */
	uint16_t info;		/* about it */
	bool hosted;		/* the units lie in the group's own first pages */
};

/* Nodes are found by their number: 6 bits from the root, 6 more for each step below. */
struct page_node {
	struct page_set set;	/* of groups; `top` is not kept */
	struct page_links sorted;	/* in the list of class `sort`, if that is not 0 */
	uint8_t sort;
	bool is_unsorted;	/* `sort` may be wrong */
	struct page_node *unsorted;	/* next of those */
	uint64_t made;		/* bit n: group[n] holds something */
	uint64_t below;		/* bit n: child[n] is a node */
	struct page_node *child[PAGE_NODES];
	struct page_group group[SET_SIZE];
};

enum { NODE_PAGES = 2 };

/*
 * Nodes of which something is free are all in the list of order 12; those of
 * larger orders, which are seldom wanted, are put in order when one is. No
 * more than so many wait for that.
 */
enum { UNSORTED_MAX = 64 };

static_assert(sizeof(struct page_set) == 64, "units fill UNITS_PAGES");
static_assert(sizeof(struct page_unit) * SET_SIZE <= UNITS_PAGES * PAGE_SIZE, "UNITS_PAGES");
static_assert(sizeof(struct page_node) <= NODE_PAGES * PAGE_SIZE, "NODE_PAGES");

/* Lists, for each zone. */
enum {
	ZONE_HIGH,		/* from 4 GiB on */
	ZONE_MIDDLE,
	ZONE_LOW,		/* below 16 MiB; its one group joins no node */

	LIST_RANGES = 19,	/* ranges with a whole unit */
	LIST_PIECES = 20,	/* ranges without, and those set aside for metadata */
};

#define ZONE_BITS	(BIT(PAGE_ZONE_LISTS) - 1)
/* The same bits for every zone. */
#define IN_ZONES(bits)	((bits) * (1 | BIT(PAGE_ZONE_LISTS) | BIT(2 * PAGE_ZONE_LISTS)))
/* Lists for blocks of an order, up to GROUP_ORDER, and for more. */
#define LARGE_BITS		GENMASK(NODE_ORDER, GROUP_ORDER + 1)
#define LISTS_FROM(order)	IN_ZONES(ZONE_BITS & ~LARGE_BITS & ~(BIT(order) - 1))
#define LARGE_LISTS_FROM(order)	IN_ZONES(ZONE_BITS & ~(BIT(order) - 1))

/* Lists of ranges: by the order of the largest block, where there is no whole unit. */
enum {
	RANGES_WHOLE = 6,
	RANGES_ASIDE = 7,
	RANGE_NONE = PAGE_RANGES_MAX,
};

extern const uint64_t set_ones[9];	/* 2^n bits; none for CLASS_NONE and more */
extern const uint8_t set_first[9];	/* mask: of a bit's number, to that of its block of 2^n */
extern const uint64_t set_aligned[8];	/* bits at multiples of 2^n */
extern struct page_group page_group_none;	/* stands for none; holds no address */

/* Bits 0 to `count` - 1; `count` is 1 to 64. */
static inline uint64_t low_bits(unsigned count)
{
	return UINT64_MAX >> (SET_SIZE - count);
}

static inline uint64_t unit_index(paddr_t addr)
{
	return addr / UNIT_SIZE % SET_SIZE;
}

static inline uint64_t page_index(paddr_t addr)
{
	return addr / PAGE_SIZE % SET_SIZE;
}

static inline uint64_t group_index(paddr_t addr)
{
	return addr / GROUP_SIZE % SET_SIZE;
}

static inline unsigned address_zone(paddr_t addr)
{
	return addr >= 4 * GIB ? ZONE_HIGH : addr >= 16 * MIB ? ZONE_MIDDLE : ZONE_LOW;
}

/* The lists of a request's zones. */
static inline uint64_t zone_lists(unsigned flags)
{
	static const uint64_t lists[] = {
		[PAGE_ANY] = IN_ZONES(ZONE_BITS),
		[PAGE_BELOW_4G] = IN_ZONES(ZONE_BITS) & ~ZONE_BITS,
		[PAGE_BELOW_16M] = ZONE_BITS << 2 * PAGE_ZONE_LISTS,
		[PAGE_BELOW_16M | PAGE_BELOW_4G] = ZONE_BITS << 2 * PAGE_ZONE_LISTS,
	};

	return lists[flags & PAGE_ZONE_MASK];
}

static inline unsigned list_zone(unsigned list)
{
	return list / PAGE_ZONE_LISTS;
}

static inline void *address_pointer(const struct page_allocator *a, paddr_t addr)
{
	return (void *)(addr + a->offset);
}

static inline struct page_set *list_first(const struct page_allocator *a, uint64_t list)
{
	return container_of(a->lists[list].links.next, struct page_set, links);
}

/* The group of a set of units. */
static inline struct page_group *set_group(struct page_set *set)
{
	return container_of(set, struct page_group, set);
}

/* Where blocks of 2^order begin that are free. */
static inline uint64_t set_fits(uint64_t free, uint64_t order)
{
	switch (order) {
	case 6:
		free &= free >> 32;
		__attribute__((fallthrough));
	case 5:
		free &= free >> 16;
		__attribute__((fallthrough));
	case 4:
		free &= free >> 8;
		__attribute__((fallthrough));
	case 3:
		free &= free >> 4;
		__attribute__((fallthrough));
	case 2:
		free &= free >> 2;
		__attribute__((fallthrough));
	case 1:
		free &= free >> 1;
		__attribute__((fallthrough));
	case 0:
		return free & set_aligned[order];
	default:
		__builtin_unreachable();
	}
}

/* The first bit of the aligned block of 2^order that holds `bit`. */
static inline uint64_t set_align(uint64_t bit, uint64_t order)
{
	return bit & set_first[order];
}

static inline void list_push(struct page_allocator *a, struct page_list *list,
			     struct page_links *links)
{
	struct page_links *next = list->links.next;

	links->next = next;
	links->prev = &list->links;
	list->links.next = links;
	next->prev = links;
	a->available |= list->bit;
}

static inline void list_remove(struct page_allocator *a, struct page_links *links)
{
	struct page_links *next = links->next, *prev = links->prev;

	next->prev = prev;
	prev->next = next;
	/* Both are the list, then. */
	if (next == prev)
		a->available &= ~container_of(next, struct page_list, links)->bit;
}

static inline void set_list(struct page_allocator *a, struct page_set *set, uint64_t class)
{
	set->class = (uint8_t)class;
	list_push(a, &a->lists[set->lists + class], &set->links);
}

static inline void set_unlist(struct page_allocator *a, struct page_set *set)
{
	list_remove(a, &set->links);
}

/* page_set.c, of units and groups: each returns 0, so that it may be a caller's last call. */

/* After less than 2^class was taken, and `top` became empty. */
int set_halved(struct page_allocator *a, struct page_set *set);
/* After 2^class was taken, and `top` became empty. */
int set_used_up(struct page_allocator *a, struct page_set *set);
/* After `bit` was freed within a free block of more than 2^class. */
int set_grown(struct page_allocator *a, struct page_set *set, uint64_t bit);
/* After `free` became `full` by freeing `bit`, a unit's and anything's. */
int unit_filled(struct page_allocator *a, struct page_set *set, uint64_t bit);
int set_filled(struct page_allocator *a, struct page_set *set, uint64_t bit);
/* The class of a set with something free, and its top. */
uint64_t set_classify(uint64_t free, uint64_t *top);
/* Puts a set into the right list, if any, whatever was done to `free`. */
void set_settle(struct page_allocator *a, struct page_set *set);

/* Whether the aligned block of 2^order that holds `bit` is free; so for CLASS_NONE and more. */
static inline bool set_block_is_free(uint64_t free, uint64_t bit, uint64_t order)
{
	return !(~free & set_ones[order] << set_align(bit, order));
}

/* After `bit` was freed. */
static inline int set_changed(struct page_allocator *a, struct page_set *set, uint64_t bit)
{
	uint64_t class = set->class;

	if (!set_block_is_free(set->free, bit, class))
		return 0;
	if (set_block_is_free(set->free, bit, class + 1))
		return set_grown(a, set, bit);
	set->top |= BIT(set_align(bit, class));
	return 0;
}

static inline bool set_is_full(const struct page_set *set)
{
	return set->free == (uint64_t)(int64_t)set->full;
}

/* page_node.c */

struct page_node *node_find(const struct page_allocator *a, paddr_t addr);
/* After some of `free` was cleared, or set, that was `was`. They return 0. */
int node_taken(struct page_allocator *a, struct page_node *n);
int node_freed(struct page_allocator *a, struct page_node *n, uint64_t was);
/* Puts all nodes into the right lists of large blocks. */
void nodes_sort(struct page_allocator *a);
/* The group that holds `addr`, beyond PAGE_NEAR; page_group_none if there is none. */
struct page_group *group_find_far(const struct page_allocator *a, paddr_t addr);
/* Makes the node of `addr` in NODE_PAGES pages at `memory`. */
struct page_node *node_make(struct page_allocator *a, paddr_t addr, void *memory);
/* The group of `addr`, made if need be. */
struct page_group *group_make(struct page_allocator *a, struct page_node *n, paddr_t addr);
/* Splits a group that is wholly free, out of its node, in memory of its own if need be. */
struct page_group *group_split(struct page_allocator *a, struct page_node *n, uint64_t index);
/* Makes the unit's set, of which nothing is free. */
struct page_unit *unit_split(struct page_group *g, uint64_t index);
/*
 * Frees pages [first, end) by address, all of one node. Groups that this does
 * not free as a whole must be open.
 */
void pages_put(struct page_allocator *a, paddr_t first, paddr_t end);

/* The group that holds `addr`, any number whatever; page_group_none if there is none. */
static inline struct page_group *group_find(const struct page_allocator *a, paddr_t addr)
{
	uint64_t number = addr / GROUP_SIZE;

	return number < PAGE_NEAR ? a->near[number] : group_find_far(a, addr);
}

/* page.c */

/* Metadata out of what is free in pages of units; NULL if there is none. */
void *metadata_from_free(struct page_allocator *a, unsigned pages);

/* page_large.c: blocks of whole units and more, and what is not quite a unit. */

int large_alloc(struct page_allocator *a, uint64_t pages, unsigned flags, paddr_t *out);
/* As page_alloc_from(), for UNIT_ORDER and more. */
int large_alloc_block(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out);
int large_free(struct page_allocator *a, paddr_t block, unsigned order);
int large_free_run(struct page_allocator *a, paddr_t run);
bool large_find(const struct page_allocator *a, paddr_t addr, struct page_block *out);
int large_set_owner(struct page_allocator *a, paddr_t block, void *owner);

/* page_range.c */

void ranges_init(struct page_allocator *a);
/*
 * Makes the memory at the range's start writable, and what is set aside of
 * it; false if nothing is left.
 */
bool range_reach(struct page_allocator *a, struct page_range *r);
/* After a range has changed: puts it into the right list, or away. Returns 0. */
int range_settle(struct page_allocator *a, struct page_range *r);
/*
 * Frees what a range of the zone has in one unit, for a request of `order`,
 * less than UNIT_ORDER, that nothing free can serve: of ranges with a whole
 * unit, and of others. False if that is not possible.
 */
bool ranges_carve(struct page_allocator *a, unsigned zone);
bool pieces_carve(struct page_allocator *a, unsigned zone, unsigned order);
/* Takes a block of `order`, UNIT_ORDER and more, off the zone's ranges. */
bool ranges_take(struct page_allocator *a, unsigned zone, unsigned order, paddr_t *out);
/* Frees the zone's ranges; for when none has a block of the order wanted. */
void ranges_carve_all(struct page_allocator *a, unsigned zone);

/* Metadata out of what was set aside, at last in `r`; NULL if that is used up. */
static inline void *metadata_take(struct page_allocator *a, struct page_range *r, unsigned pages)
{
	struct page_range *from = a->reserve;
	paddr_t start;

	if (from->aside_pages < pages) {
		if (r->aside_pages < pages)
			return NULL;
		a->reserve = from = r;
	}
	start = from->aside;
	from->aside += pages * PAGE_SIZE;
	from->aside_pages -= (uint16_t)pages;
	a->free -= pages;
	a->metadata += pages;
	return address_pointer(a, start);
}

/* Memory for the units of a group; NULL if there is none. */
static inline struct page_unit *units_take(struct page_allocator *a, struct page_range *r)
{
	struct page_unit *u = a->spare;

	if (!u)
		return metadata_take(a, r, UNITS_PAGES);
	a->spare = (struct page_unit *)u->set.parent;
	return u;
}
