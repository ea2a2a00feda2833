/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's metadata, shared by page.c and page_check.c.
 *
 * Memory is seen as chunks of 1 MiB, numbered from address 0. A chunk has one
 * byte of state and one word in the node of its GiB; that is all that blocks
 * of a chunk and larger need, and no block is larger than a node. A chunk that
 * is divided into smaller blocks, or that is ours only in part, has a map.
 * Nodes are found through a directory of two levels below the root.
 */
#pragma once

#include "mm/page.h"

#define CHUNK_SIZE	MIB

enum {
	CHUNK_ORDER = 8,
	CHUNK_PAGES = 1 << CHUNK_ORDER,
	NODE_CHUNKS = 1024,
	DIRECTORY_ENTRIES = 256,
	DIRECTORY_BITS = 8,
	LOW_ORDER_MAX = 12,	/* the largest block below 16 MiB */
	METADATA_BATCH = 4,	/* pages taken for metadata at a time */
	METADATA_ORDER = 2,
};

#define CHUNK_NONE	UINT32_MAX
#define RANGE_NONE	UINT16_MAX

/* State of the chunk or page at which something begins; 0: nothing does. */
enum {
	STATE_NONE = 0,
	STATE_SPLIT = 0x20,	/* chunk: has a map */
	STATE_FREE = 0x40,	/* chunk: free block; order in STATE_ORDER */
	STATE_USED = 0x80,	/* allocated block; order in STATE_ORDER */
	STATE_USE = 0x60,	/* with STATE_USED: PAGE_USE_... */
	STATE_ORDER = 0x1f,
};

struct page_links {
	uint32_t next, prev;	/* chunk numbers, or CHUNK_NONE */
};

struct page_map {
	struct page_links links;	/* of a chunk that is split */
	struct page_map *spare;		/* next in spare_maps */
	uint16_t free;			/* free pages */
	uint8_t hosted;			/* 1: lies in the chunk's own memory */
	uint8_t listed;			/* list that the chunk is in, or MAP_UNLISTED */
	uint8_t orders;			/* bit n: some block of order n is free */
	uint8_t count[CHUNK_ORDER];	/* free blocks of each order */
	uint64_t blocks[CHUNK_ORDER][CHUNK_PAGES / 64]; /* bit n: n'th block is free */
	uint8_t state[CHUNK_PAGES];
};

enum { MAP_UNLISTED = 0xff };

struct page_node {
	uint8_t state[NODE_CHUNKS];
	union {
		struct page_links links;	/* STATE_FREE */
		struct page_map *map;		/* STATE_SPLIT */
	} chunk[NODE_CHUNKS];
};

struct page_directory {
	union {
		struct page_directory *directory;	/* upper level */
		struct page_node *node;			/* lower level */
	} entry[DIRECTORY_ENTRIES];
};

static inline uint32_t chunk_number(paddr_t addr)
{
	return (uint32_t)(addr / CHUNK_SIZE);
}

static inline paddr_t chunk_address(uint32_t chunk)
{
	return chunk * CHUNK_SIZE;
}

static inline unsigned chunk_index(uint32_t chunk)
{
	return chunk % NODE_CHUNKS;
}

/* Chunks in a block. */
static inline uint32_t order_chunks(unsigned order)
{
	return UINT32_C(1) << (order - CHUNK_ORDER);
}

static inline unsigned chunk_zone(uint32_t chunk)
{
	return chunk < 16 ? 0 : chunk < 4096 ? 1 : 2;
}

/* Whether blocks of `order`, the lower of which is at `chunk`, may become one. */
static inline bool may_join(uint32_t chunk, unsigned order)
{
	return order < PAGE_ORDER_MAX && (chunk != 0 || order < LOW_ORDER_MAX);
}

static inline unsigned state_use(uint8_t state)
{
	return (unsigned)(state & STATE_USE) << 3;	/* bits 5, 6 to 8, 9 */
}

static inline bool map_block_free(const struct page_map *m, unsigned order, unsigned block)
{
	return m->blocks[order][block / 64] & BIT(block % 64);
}

/* The node that holds `chunk`, NULL if no memory there was ever used. */
static inline struct page_node *node_find(const struct page_allocator *a, uint32_t chunk)
{
	unsigned gib = chunk / NODE_CHUNKS;
	const struct page_directory *d = a->root[gib >> 2 * DIRECTORY_BITS];

	if (d)
		d = d->entry[gib >> DIRECTORY_BITS & (DIRECTORY_ENTRIES - 1)].directory;
	return d ? d->entry[gib & (DIRECTORY_ENTRIES - 1)].node : NULL;
}

/* Makes a map with nothing free in it; `hosted`: in the chunk's own memory. */
void page_map_init(struct page_map *m, bool hosted);
/* Makes a block free, joined with its buddies. */
void page_map_put(struct page_map *m, unsigned page, unsigned order);
/* Makes pages [first, end) free. */
void page_map_put_pages(struct page_map *m, unsigned first, unsigned end);
/* Takes a block; one of at least `order` must be free. Returns its first page. */
unsigned page_map_take(struct page_map *m, unsigned order);
