/* SPDX-License-Identifier: MIT */
/*
 * Names of the image's functions, for backtraces. scripts/symbols.py makes the
 * table from a first link of the image; the second puts it behind all code, so
 * that no address in it moves.
 */
#pragma once

#include "kernel/lib/types.h"

/* The section .symbols, as scripts/symbols.py writes it. */
struct symbol_table {
	uint32_t count;			/* of the list */
	uint32_t names_size;		/* of the strings behind the list */
	struct symbol {
		uint32_t start;		/* offset from the image's start; they rise */
		uint32_t name;		/* offset among the strings */
	} list[];
};
static_assert(sizeof(struct symbol) == 8, "scripts/symbols.py");

struct symbol_place {
	const char *name;
	uint64_t offset;		/* from the function's first byte */
};

/*
 * The function that `offset`, counted from the image's start, lies in, in a
 * table of `size` bytes. False if there is none below it, or if the table is
 * not whole. Any context.
 */
bool symbol_find(const struct symbol_table *table, size_t size, uint64_t offset,
		 struct symbol_place *out);
