// SPDX-License-Identifier: MIT
/*
 * A buddy system in two levels (page_internal.h): blocks of 1 MiB to 1 GiB by
 * one byte of state each, smaller ones by a map of their chunk.
 *
 * Memory that was added stays a mere range until the free lists cannot serve
 * a request; then what the request needs is carved off the range's low end
 * and released like a freed block, so that it joins with what is free beside
 * it. What alignment leaves over is released as well, hence ranges never
 * multiply. A request of more than a chunk that no range can serve alone
 * makes all ranges of the zone blocks: two of them may join.
 *
 * A list holds chunks, not blocks: a split chunk is in the list of its
 * largest free block. So every search is over a few words, whatever is free.
 *
 * Metadata is cut off the high end of a range. When no range is left, a map
 * is put into a page of the very chunk that it describes; that page returns
 * when the chunk is whole again. A node, then, exists for all memory.
 */
#include "mm/page.h"
#include "mm/page_internal.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"

static void *address_pointer(const struct page_allocator *a, paddr_t addr)
{
	return (void *)(addr + a->offset);
}

/* Lists of chunks, by the order of the largest free block. */

static struct page_links *chunk_links(struct page_allocator *a, uint32_t chunk)
{
	struct page_node *n = node_find(a, chunk);
	unsigned i = chunk_index(chunk);

	return n->state[i] == STATE_SPLIT ? &n->chunk[i].map->links : &n->chunk[i].links;
}

static void list_add(struct page_allocator *a, uint32_t chunk, unsigned order)
{
	struct page_zone *z = &a->zones[chunk_zone(chunk)];
	struct page_links *links = chunk_links(a, chunk);

	links->prev = CHUNK_NONE;
	links->next = CHUNK_NONE;
	if (z->nonempty & BIT(order)) {
		links->next = z->heads[order];
		chunk_links(a, links->next)->prev = chunk;
	}
	z->heads[order] = chunk;
	z->nonempty |= BIT(order);
}

static void list_remove(struct page_allocator *a, uint32_t chunk, unsigned order)
{
	struct page_zone *z = &a->zones[chunk_zone(chunk)];
	const struct page_links *links = chunk_links(a, chunk);

	if (links->next != CHUNK_NONE)
		chunk_links(a, links->next)->prev = links->prev;
	if (links->prev != CHUNK_NONE)
		chunk_links(a, links->prev)->next = links->next;
	else if (links->next != CHUNK_NONE)
		z->heads[order] = links->next;
	else
		z->nonempty &= ~(uint32_t)BIT(order);
}

/* The order of the smallest listed block of at least `order`; false if none. */
static bool list_find(const struct page_zone *z, unsigned order, unsigned *found)
{
	uint32_t fitting = z->nonempty >> order;

	if (!fitting)
		return false;
	*found = order + (unsigned)__builtin_ctz(fitting);
	return true;
}

/* Ranges. */

static unsigned address_zone(paddr_t addr)
{
	return chunk_zone(chunk_number(addr));
}

static void range_append(struct page_allocator *a, paddr_t start, paddr_t end)
{
	struct page_zone *z = &a->zones[address_zone(start)];
	uint16_t i = a->range_spare;
	struct page_range *r;

	if (z->last != RANGE_NONE && a->ranges[z->last].end == start) {
		a->ranges[z->last].end = end;
		return;
	}
	if (i == RANGE_NONE)
		i = a->range_touched++;
	else
		a->range_spare = a->ranges[i].next;
	a->range_count++;
	r = &a->ranges[i];
	*r = (struct page_range){ start, end, RANGE_NONE, z->last };
	if (z->last == RANGE_NONE)
		z->first = i;
	else
		a->ranges[z->last].next = i;
	z->last = i;
}

static void range_remove(struct page_allocator *a, struct page_zone *z, uint16_t i)
{
	struct page_range *r = &a->ranges[i];

	if (z->first == i)
		z->first = r->next;
	else
		a->ranges[r->prev].next = r->next;
	if (z->last == i)
		z->last = r->prev;
	else
		a->ranges[r->next].prev = r->prev;
	r->next = a->range_spare;
	a->range_spare = i;
	a->range_count--;
}

/* Metadata. */

static void metadata_take(struct page_allocator *a, paddr_t start, paddr_t end)
{
	char *low = address_pointer(a, start), *high = address_pointer(a, end);

	if (high != a->metadata_low)
		a->metadata_next = high;
	a->metadata_low = low;
	a->free -= (end - start) / PAGE_SIZE;
	a->metadata += (end - start) / PAGE_SIZE;
}

/* Cuts a batch off the first range of the zone that is long enough; may leave it empty. */
static bool metadata_refill_from(struct page_allocator *a, struct page_zone *z)
{
	for (uint16_t i = z->first; i != RANGE_NONE; i = a->ranges[i].next) {
		struct page_range *r = &a->ranges[i];

		if (r->end - r->start < METADATA_BATCH * PAGE_SIZE)
			continue;
		r->end -= METADATA_BATCH * PAGE_SIZE;
		metadata_take(a, r->end, r->end + METADATA_BATCH * PAGE_SIZE);
		return true;
	}
	return false;
}

static bool metadata_refill(struct page_allocator *a)
{
	return metadata_refill_from(a, &a->zones[1]) ||
	       metadata_refill_from(a, &a->zones[2]) ||
	       metadata_refill_from(a, &a->zones[0]);
}

/* Memory for metadata that is never given back, not cleared; NULL if no range is left. */
static void *metadata_new(struct page_allocator *a, size_t size)
{
	if (size > (size_t)(a->metadata_next - a->metadata_low) && !metadata_refill(a))
		return NULL;
	if (size > (size_t)(a->metadata_next - a->metadata_low))
		return NULL;
	a->metadata_next -= size;
	return a->metadata_next;
}

/* A map without memory of the chunk's own, or NULL. */
static struct page_map *map_new(struct page_allocator *a)
{
	struct page_map *m = a->spare_maps;

	if (m)
		a->spare_maps = m->spare;
	else
		m = metadata_new(a, align_up(sizeof(*m), 8));
	return m;
}

/* Splits a chunk of which pages [first, end) become ours and free. */
static struct page_map *chunk_split(struct page_allocator *a, uint32_t chunk,
				    unsigned first, unsigned end)
{
	struct page_node *n = node_find(a, chunk);
	struct page_map *m = map_new(a);
	bool hosted = !m;

	if (hosted) {
		end--;
		m = address_pointer(a, chunk_address(chunk) + end * PAGE_SIZE);
		a->free--;
		a->metadata++;
	}
	page_map_init(m, hosted);
	n->state[chunk_index(chunk)] = STATE_SPLIT;
	n->chunk[chunk_index(chunk)].map = m;
	page_map_put_pages(m, first, end);
	return m;
}

/* Moves a split chunk to the list of its largest free block. */
static void chunk_relist(struct page_allocator *a, uint32_t chunk, struct page_map *m)
{
	uint8_t list = MAP_UNLISTED;

	if (m->orders)
		list = (uint8_t)(31 - __builtin_clz(m->orders));
	if (list == m->listed)
		return;
	if (m->listed != MAP_UNLISTED)
		list_remove(a, chunk, m->listed);
	if (list != MAP_UNLISTED)
		list_add(a, chunk, list);
	m->listed = list;
}

/* Blocks of a chunk and more. */

/* Makes a block free, joined with its buddies. */
static void block_put(struct page_allocator *a, uint32_t chunk, unsigned order)
{
	struct page_node *n = node_find(a, chunk);

	n->state[chunk_index(chunk)] = STATE_NONE;
	for (;;) {
		uint32_t buddy = chunk ^ order_chunks(order);

		if (!may_join(chunk & buddy, order) ||
		    n->state[chunk_index(buddy)] != (STATE_FREE | order))
			break;
		list_remove(a, buddy, order);
		n->state[chunk_index(buddy)] = STATE_NONE;
		chunk &= buddy;
		order++;
	}
	n->state[chunk_index(chunk)] = (uint8_t)(STATE_FREE | order);
	list_add(a, chunk, order);
}

/* Takes a block of `order` out of the list `from`; its state is the caller's to set. */
static uint32_t block_take(struct page_allocator *a, struct page_zone *z,
			   unsigned from, unsigned order)
{
	uint32_t chunk = z->heads[from];
	struct page_node *n = node_find(a, chunk);

	list_remove(a, chunk, from);
	while (from > order) {
		uint32_t upper = chunk + order_chunks(--from);

		n->state[chunk_index(upper)] = (uint8_t)(STATE_FREE | from);
		list_add(a, upper, from);
	}
	return chunk;
}

/* Lists a split chunk, or makes it one free block if nothing of it is in use. */
static void chunk_settle(struct page_allocator *a, uint32_t chunk, struct page_map *m)
{
	if (m->free + m->hosted < CHUNK_PAGES) {
		chunk_relist(a, chunk, m);
		return;
	}
	if (m->listed != MAP_UNLISTED)
		list_remove(a, chunk, m->listed);
	if (m->hosted) {
		a->free++;
		a->metadata--;
	} else {
		m->spare = a->spare_maps;
		a->spare_maps = m;
	}
	block_put(a, chunk, CHUNK_ORDER);
}

/* Takes a block off the zone's lists; false if none is large enough. */
static bool take(struct page_allocator *a, struct page_zone *z, unsigned order,
		 uint8_t use, paddr_t *out)
{
	struct page_map *m;
	uint32_t chunk;
	unsigned found, page;

	if (!list_find(z, order, &found))
		return false;
	if (order >= CHUNK_ORDER) {
		chunk = block_take(a, z, found, order);
		node_find(a, chunk)->state[chunk_index(chunk)] = STATE_USED | use | (uint8_t)order;
		*out = chunk_address(chunk);
		return true;
	}
	if (found >= CHUNK_ORDER) {
		chunk = block_take(a, z, found, CHUNK_ORDER);
		m = chunk_split(a, chunk, 0, CHUNK_PAGES);
	} else {
		chunk = z->heads[found];
		m = node_find(a, chunk)->chunk[chunk_index(chunk)].map;
	}
	page = page_map_take(m, order);
	m->state[page] = STATE_USED | use | (uint8_t)order;
	chunk_relist(a, chunk, m);
	*out = chunk_address(chunk) + page * PAGE_SIZE;
	return true;
}

/* Nodes. */

/* Metadata for a node: from a range, else from what is free. Zeroed; NULL if there is none. */
static void *node_memory(struct page_allocator *a, size_t size)
{
	void *p = metadata_new(a, size);
	paddr_t block;

	for (unsigned z = PAGE_ZONES; !p && z-- > 0;) {
		if (!take(a, &a->zones[z], METADATA_ORDER, PAGE_USE_METADATA >> 3, &block))
			continue;
		metadata_take(a, block, block + (PAGE_SIZE << METADATA_ORDER));
		p = metadata_new(a, size);
	}
	return p;
}

static struct page_directory *directory_make(struct page_allocator *a,
					     struct page_directory **slot)
{
	if (!*slot) {
		*slot = node_memory(a, sizeof(**slot));
		if (*slot)
			memset(*slot, 0, sizeof(**slot));
	}
	return *slot;
}

static bool node_make(struct page_allocator *a, uint32_t chunk)
{
	unsigned gib = chunk / NODE_CHUNKS;
	struct page_directory *d;
	struct page_node **slot;

	d = directory_make(a, &a->root[gib >> 2 * DIRECTORY_BITS]);
	if (d)
		d = directory_make(a, &d->entry[gib >> DIRECTORY_BITS &
						(DIRECTORY_ENTRIES - 1)].directory);
	if (!d)
		return false;
	slot = &d->entry[gib & (DIRECTORY_ENTRIES - 1)].node;
	if (!*slot) {
		*slot = node_memory(a, sizeof(**slot));
		if (*slot)
			memset((*slot)->state, STATE_NONE, sizeof((*slot)->state));
	}
	return *slot;
}

/* Makes the nodes for [start, end), which is not empty. */
static bool nodes_make(struct page_allocator *a, paddr_t start, paddr_t end)
{
	uint32_t last = chunk_number(end - 1) / NODE_CHUNKS;

	for (uint32_t gib = chunk_number(start) / NODE_CHUNKS; gib <= last; gib++)
		if (!node_make(a, gib * NODE_CHUNKS))
			return false;
	return true;
}

/* From ranges to blocks. */

/* Makes pages of one chunk free, not all of it. */
static void release_pages(struct page_allocator *a, paddr_t start, paddr_t end)
{
	uint32_t chunk = chunk_number(start);
	const struct page_node *n = node_find(a, chunk);
	unsigned first = (unsigned)(start % CHUNK_SIZE / PAGE_SIZE);
	unsigned last = first + (unsigned)((end - start) / PAGE_SIZE);
	struct page_map *m;

	if (n->state[chunk_index(chunk)] == STATE_SPLIT) {
		m = n->chunk[chunk_index(chunk)].map;
		page_map_put_pages(m, first, last);
	} else {
		m = chunk_split(a, chunk, first, last);
	}
	chunk_settle(a, chunk, m);
}

/* Makes [start, end) free, in the largest blocks that it contains. */
static void release(struct page_allocator *a, paddr_t start, paddr_t end)
{
	while (start < end) {
		paddr_t next = align_down(start, CHUNK_SIZE) + CHUNK_SIZE;
		unsigned order = PAGE_ORDER_MAX;

		if (!is_aligned(start, CHUNK_SIZE) || end < next) {
			next = min(next, end);
			release_pages(a, start, next);
			start = next;
			continue;
		}
		while (!is_aligned(start, PAGE_SIZE << order) ||
		       start + (PAGE_SIZE << order) > end)
			order--;
		block_put(a, chunk_number(start), order);
		start += PAGE_SIZE << order;
	}
}

/* Where carving for `order` would end; above the range's end if it cannot serve. */
static paddr_t carve_end(const struct page_range *r, unsigned order)
{
	if (order >= CHUNK_ORDER)
		return align_up(r->start, PAGE_SIZE << order) + (PAGE_SIZE << order);
	return min(r->end, align_down(r->start, CHUNK_SIZE) + CHUNK_SIZE);
}

/*
 * Makes blocks of the range up to `end`. False if that lies beyond it or
 * there is no memory for a node, which may also have cut the range's end.
 */
static bool carve_range(struct page_allocator *a, struct page_zone *z, uint16_t i, paddr_t end)
{
	struct page_range *r = &a->ranges[i];
	paddr_t start = r->start;

	if (start == r->end) {
		range_remove(a, z, i);
		return false;
	}
	if (end > r->end || !nodes_make(a, start, end))
		return false;
	end = min(end, r->end);
	r->start = end;
	if (start == end)
		return false;
	release(a, start, end);
	return true;
}

/* Carves for `order` from the first range that can serve. */
static bool carve(struct page_allocator *a, struct page_zone *z, unsigned order)
{
	uint16_t next;

	for (uint16_t i = z->first; i != RANGE_NONE; i = next) {
		next = a->ranges[i].next;
		if (carve_range(a, z, i, carve_end(&a->ranges[i], order)))
			return true;
	}
	return false;
}

/* Makes blocks of all ranges; for when none has a block of the order wanted. */
static void carve_all(struct page_allocator *a, struct page_zone *z)
{
	uint16_t next;

	for (uint16_t i = z->first; i != RANGE_NONE; i = next) {
		next = a->ranges[i].next;
		carve_range(a, z, i, a->ranges[i].end);
	}
}

static bool zone_take(struct page_allocator *a, struct page_zone *z, unsigned order,
		      uint8_t use, paddr_t *out)
{
	do {
		if (take(a, z, order, use, out))
			return true;
	} while (carve(a, z, order));
	carve_all(a, z);
	return take(a, z, order, use, out);
}

/* The interface. */

void page_allocator_init(struct page_allocator *a, uintptr_t offset)
{
	memset(a, 0, offsetof(struct page_allocator, ranges));
	a->offset = offset;
	a->range_spare = RANGE_NONE;
	for (unsigned i = 0; i < PAGE_ZONES; i++)
		a->zones[i].first = a->zones[i].last = RANGE_NONE;
}

int page_allocator_add(struct page_allocator *a, paddr_t start, paddr_t end)
{
	static const paddr_t borders[] = { 16 * MIB, 4 * GIB, PAGE_ADDRESS_END };

	if (start >= end || end > PAGE_ADDRESS_END || !is_aligned(start | end, PAGE_SIZE))
		return -EINVAL;
	if (a->range_count + PAGE_ZONES > PAGE_RANGES_MAX)
		return -ENOSPC;
	a->total += (end - start) / PAGE_SIZE;
	a->free += (end - start) / PAGE_SIZE;
	while (start < end) {
		paddr_t next = min(end, borders[address_zone(start)]);

		range_append(a, start, next);
		start = next;
	}
	return 0;
}

int page_alloc_from(struct page_allocator *a, unsigned order, unsigned flags, paddr_t *out)
{
	uint8_t use = (uint8_t)((flags & PAGE_USE_MASK) >> 3);
	unsigned zone = PAGE_ZONES;

	if (order > PAGE_ORDER_MAX)
		return -EINVAL;
	if (flags & PAGE_BELOW_16M)
		zone = 1;
	else if (flags & PAGE_BELOW_4G)
		zone = 2;
	while (zone-- > 0) {
		if (zone_take(a, &a->zones[zone], order, use, out)) {
			a->free -= UINT64_C(1) << order;
			return 0;
		}
	}
	return -ENOMEM;
}

static bool state_allocated(uint8_t state, unsigned order)
{
	return (state & ~STATE_USE) == (STATE_USED | order);
}

bool page_block_find(const struct page_allocator *a, paddr_t addr, struct page_block *out)
{
	const struct page_node *n;
	const uint8_t *states;
	unsigned i, order, end;
	uint32_t chunk;

	if (addr >= PAGE_ADDRESS_END)
		return false;
	chunk = chunk_number(addr);
	n = node_find(a, chunk);
	if (!n)
		return false;
	if (n->state[chunk_index(chunk)] == STATE_SPLIT) {
		states = n->chunk[chunk_index(chunk)].map->state;
		i = (unsigned)(addr % CHUNK_SIZE / PAGE_SIZE);
		order = 0;
		end = CHUNK_ORDER;
	} else {
		states = n->state;
		i = chunk_index(chunk);
		order = CHUNK_ORDER;
		end = PAGE_ORDER_MAX + 1;
	}
	for (unsigned shift = 0; order < end; shift++, order++) {
		uint8_t state = states[i >> shift << shift];

		if (!state_allocated(state, order))
			continue;
		*out = (struct page_block){
			align_down(addr, PAGE_SIZE << order), order, state_use(state),
		};
		return true;
	}
	return false;
}

int page_free_to(struct page_allocator *a, paddr_t block, unsigned order)
{
	uint32_t chunk = chunk_number(block);
	struct page_block found;
	struct page_map *m;
	unsigned page;

	if (!page_block_find(a, block, &found) || found.start != block ||
	    found.order != order || found.use == PAGE_USE_METADATA)
		return -EINVAL;
	a->free += UINT64_C(1) << order;
	if (order >= CHUNK_ORDER) {
		block_put(a, chunk, order);
		return 0;
	}
	m = node_find(a, chunk)->chunk[chunk_index(chunk)].map;
	page = (unsigned)(block % CHUNK_SIZE / PAGE_SIZE);
	m->state[page] = STATE_NONE;
	page_map_put(m, page, order);
	chunk_settle(a, chunk, m);
	return 0;
}

void page_allocator_stats(const struct page_allocator *a, struct page_stats *out)
{
	*out = (struct page_stats){ a->total, a->free, a->metadata };
}
