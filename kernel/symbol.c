// SPDX-License-Identifier: MIT
#include "kernel/symbol.h"

static bool is_whole(const struct symbol_table *table, size_t size)
{
	return size >= sizeof(*table) && table->count &&
	       table->count <= (size - sizeof(*table)) / sizeof(struct symbol) &&
	       table->names_size &&
	       table->names_size <= size - sizeof(*table) - table->count * sizeof(struct symbol);
}

/* The number of entries that begin at or below `offset`. */
static uint32_t count_up_to(const struct symbol_table *table, uint64_t offset)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->list[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool symbol_find(const struct symbol_table *table, size_t size, uint64_t offset,
		 struct symbol_place *out)
{
	const char *names;
	uint32_t below;

	if (!is_whole(table, size))
		return false;
	names = (const char *)&table->list[table->count];
	below = count_up_to(table, offset);
	if (!below || table->list[below - 1].name >= table->names_size ||
	    names[table->names_size - 1])
		return false;
	out->name = names + table->list[below - 1].name;
	out->offset = offset - table->list[below - 1].start;
	return true;
}
