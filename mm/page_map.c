// SPDX-License-Identifier: MIT
/*
 * The map of a chunk: a buddy system over 256 pages, one bit for each block
 * of each order that is free. A search reads at most four words.
 */
#include "mm/page_internal.h"
#include "kernel/lib/string.h"

static void map_set(struct page_map *m, unsigned order, unsigned block)
{
	m->blocks[order][block / 64] |= BIT(block % 64);
	m->count[order]++;
	m->orders |= (uint8_t)BIT(order);
}

static void map_clear(struct page_map *m, unsigned order, unsigned block)
{
	m->blocks[order][block / 64] &= ~BIT(block % 64);
	if (--m->count[order] == 0)
		m->orders &= (uint8_t)~BIT(order);
}

void page_map_put(struct page_map *m, unsigned page, unsigned order)
{
	unsigned block = page >> order;

	m->free += (uint16_t)(1u << order);
	while (order < CHUNK_ORDER - 1 && map_block_free(m, order, block ^ 1)) {
		map_clear(m, order, block ^ 1);
		order++;
		block >>= 1;
	}
	map_set(m, order, block);
}

static unsigned map_first(const struct page_map *m, unsigned order)
{
	unsigned word = 0;

	while (!m->blocks[order][word])
		word++;
	return word * 64 + (unsigned)__builtin_ctzll(m->blocks[order][word]);
}

unsigned page_map_take(struct page_map *m, unsigned order)
{
	unsigned from = order + (unsigned)__builtin_ctz((unsigned)m->orders >> order);
	unsigned block = map_first(m, from);

	map_clear(m, from, block);
	for (; from > order; from--) {
		block <<= 1;
		map_set(m, from - 1, block + 1);
	}
	m->free -= (uint16_t)(1u << order);
	return block << order;
}

void page_map_put_pages(struct page_map *m, unsigned first, unsigned end)
{
	while (first < end) {
		unsigned order = CHUNK_ORDER - 1;

		while (!is_aligned(first, 1u << order) || first + (1u << order) > end)
			order--;
		page_map_put(m, first, order);
		first += 1u << order;
	}
}

void page_map_init(struct page_map *m, bool hosted)
{
	memset(m, 0, sizeof(*m));
	m->hosted = hosted;
	m->listed = MAP_UNLISTED;
}
