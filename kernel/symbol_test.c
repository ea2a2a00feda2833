// SPDX-License-Identifier: MIT
#include "kernel/symbol.h"

#include "kernel/ktest.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

enum { FUNCTIONS = 64, NAME_SIZE = 8, ROUNDS = 2000 };

/* As scripts/symbols.py would lay it out. */
static struct {
	uint32_t count, names_size;
	struct symbol list[FUNCTIONS];
	char names[FUNCTIONS * NAME_SIZE];
} made;

static const struct symbol_table *const table = (const struct symbol_table *)&made;

/* Functions of random length, the first behind a random gap. */
static void make(struct ktest_run *t)
{
	uint32_t at = (uint32_t)ktest_random_below(t, 100);

	made.count = FUNCTIONS;
	made.names_size = sizeof(made.names);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		made.list[i] = (struct symbol){ at, i * NAME_SIZE };
		format(&made.names[i * NAME_SIZE], NAME_SIZE, "f%u", i);
		at += 1 + (uint32_t)ktest_random_below(t, 300);
	}
}

/* From end to end. */
static const struct symbol *model_find(uint64_t offset)
{
	const struct symbol *found = NULL;

	for (unsigned i = 0; i < FUNCTIONS; i++) {
		if (made.list[i].start <= offset)
			found = &made.list[i];
	}
	return found;
}

KTEST(symbol_find_agrees_with_a_search_from_end_to_end)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t offset;
		const struct symbol *want;
		struct symbol_place place;
		bool found;

		if (round % 100 == 0)
			make(t);
		offset = ktest_random_below(t, made.list[FUNCTIONS - 1].start + 400);
		want = model_find(offset);
		found = symbol_find(table, sizeof(made), offset, &place);
		require(t, found == (want != NULL));
		if (!want)
			continue;
		require(t, place.offset == offset - want->start);
		require(t, strcmp(place.name, &made.names[want->name]) == 0);
	}
}

KTEST(symbol_find_takes_first_and_last_byte_of_a_function)
{
	struct symbol_place place;

	make(t);
	expect(t, symbol_find(table, sizeof(made), made.list[3].start, &place));
	expect_str(t, place.name, "f3");
	expect_eq(t, place.offset, 0);
	expect(t, symbol_find(table, sizeof(made), made.list[3].start - 1, &place));
	expect_str(t, place.name, "f2");
	expect(t, !made.list[0].start ||
	       !symbol_find(table, sizeof(made), made.list[0].start - 1, &place));
}

KTEST(symbol_find_refuses_a_table_that_is_not_whole)
{
	struct symbol_place place;
	uint64_t offset;

	make(t);
	offset = made.list[FUNCTIONS - 1].start;
	for (size_t size = 0; size < sizeof(made); size++)
		require(t, !symbol_find(table, size, offset, &place));
	made.list[FUNCTIONS - 1].name = made.names_size;
	expect(t, !symbol_find(table, sizeof(made), offset, &place));
	make(t);
	made.names[sizeof(made.names) - 1] = 'x';
	expect(t, !symbol_find(table, sizeof(made), offset, &place));
	make(t);
	made.count = UINT32_MAX;
	expect(t, !symbol_find(table, sizeof(made), offset, &place));
	made.count = 0;
	expect(t, !symbol_find(table, sizeof(made), offset, &place));
	made.names[sizeof(made.names) - 1] = '\0';
}
