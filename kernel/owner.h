/* SPDX-License-Identifier: MIT */
/*
 * Who owns an address, in words: for the report of a fault, for the command
 * `owner`. Those who hand out memory lie above this floor; each adds a source
 * of its own:
 *
 *	static bool heap_describe(uint64_t va, char *buf, size_t size) { ... }
 *	OWNER_SOURCE(heap, OWNER_BLOCK, heap_describe);
 */
#pragma once

#include "kernel/lib/table.h"

enum {
	OWNER_TEXT_MAX = 320,	/* bytes that hold what is usually said */
};

/* The most exact answers come first. */
enum owner_rank {
	OWNER_CALLER,	/* who asked for a block: "allocated at x.c:12" */
	OWNER_BLOCK,	/* a block of a heap */
	OWNER_PLACE,	/* a place in the address space, a range of memory */
	OWNER_RANKS,
};

struct owner_source {
	enum owner_rank rank;
	/*
	 * Says in one line, without its end, what is at virtual address `va`,
	 * any number whatever: true with a text in `buf`, cut to `size` bytes
	 * (at least 1, terminator included); false if it does not know. Called
	 * in a panic and at any time during boot, so: no allocation, no panic,
	 * a bounded number of steps, and it touches nothing that may not be
	 * mapped.
	 */
	bool (*describe)(uint64_t va, char *buf, size_t size);
};

TABLE_DECLARE(owner_sources, const struct owner_source);

#define OWNER_SOURCE(id, rank, describe) \
	static const struct owner_source owner_source_##id = { rank, describe }; \
	TABLE_ADD(owner_sources, owner_source_##id)

/*
 * Puts what all sources say of `va` into `buf` of `size` bytes (at least 1),
 * one after the other with "; " between them, cut to fit; "nobody knows" if
 * none does. Any context. Returns the length of the text.
 */
size_t owner_describe(uint64_t va, char *buf, size_t size);

/* The same of those sources alone that know more than the place; "" if none does. */
size_t owner_describe_block(uint64_t va, char *buf, size_t size);
