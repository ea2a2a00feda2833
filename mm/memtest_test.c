// SPDX-License-Identifier: MIT
/* The test of memory on memory that has faults of each known kind. */
#include <stdlib.h>

#include "kernel/ktest.h"
#include "mm/memtest.h"

enum { WORDS = 1024 };

static uint64_t words[WORDS];
static uint64_t last_bad, bad_count;

static void note_bad(uint64_t address, uint64_t want, uint64_t is)
{
	bad_count += want != is;
	last_bad = address;
}

/* What a fault does to the memory between writing and reading. */
struct fault {
	enum { SOUND, STUCK_LOW, STUCK_HIGH, ALIASED, COUPLED } kind;
	unsigned word, other, bit;
};

static void spoil(const struct fault *f)
{
	uint64_t mask = BIT(f->bit);

	switch (f->kind) {
	case SOUND:
		break;
	case STUCK_LOW:
		words[f->word] &= ~mask;
		break;
	case STUCK_HIGH:
		words[f->word] |= mask;
		break;
	case ALIASED:	/* the other's address line is dead: what was written last is in both */
		words[f->word] = words[f->other];
		break;
	case COUPLED:
		words[f->word] ^= words[f->other] & mask;
		break;
	}
}

static uint64_t test_all(const struct fault *f, uint64_t seed)
{
	struct memtest m = {
		.words = words, .count = WORDS, .address = 0x12345000, .seed = seed,
		.bad = note_bad,
	};
	uint64_t wrong = 0;

	bad_count = 0;
	for (unsigned pattern = 0; pattern < MEMTEST_PATTERNS; pattern++) {
		memtest_fill(&m, pattern);
		spoil(f);
		wrong += memtest_verify(&m, pattern);
	}
	return wrong;
}

KTEST(memtest_finds_nothing_in_sound_memory)
{
	struct fault f = { SOUND, 0, 0, 0 };

	expect_eq(t, test_all(&f, 1), 0);
	expect_eq(t, bad_count, 0);
}

KTEST(memtest_names_the_word_of_every_fault)
{
	for (unsigned i = 0; i < 2000; i++) {
		struct fault f = {
			.kind = 1 + (unsigned)ktest_random_below(t, COUPLED),
			.word = (unsigned)ktest_random_below(t, WORDS),
			.bit = (unsigned)ktest_random_below(t, 64),
		};

		f.other = (f.word + 1 + (unsigned)ktest_random_below(t, WORDS - 1)) % WORDS;
		if (!expect(t, test_all(&f, ktest_random(t)) > 0) ||
		    !expect_eq(t, last_bad, 0x12345000 + 8 * f.word))
			return;
	}
}

KTEST(memtest_shows_each_bit_both_ways)
{
	for (unsigned pattern = 0; pattern < MEMTEST_PATTERNS; pattern += 2) {
		uint64_t address = 8 * ktest_random_below(t, 1 << 20), seed = ktest_random(t);

		expect_eq(t, memtest_word(pattern, seed, address) ^
			  memtest_word(pattern + 1, seed, address), -1);
	}
}
