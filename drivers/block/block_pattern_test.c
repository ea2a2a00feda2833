/* SPDX-License-Identifier: MIT */
#include "drivers/block/block_pattern.h"

#include "kernel/ktest.h"

static uint64_t words[BLOCK_PATTERN_WORDS], others[BLOCK_PATTERN_WORDS];

KTEST(block_pattern_is_that_of_the_host)
{
	block_pattern_fill(words, 1, 2, 3);
	/* scripts/blkcheck_test.py expects the same. */
	expect_eq(t, words[0], UINT64_C(0xf678e0dd3a933ebb));
	expect_eq(t, words[BLOCK_PATTERN_WORDS - 1], UINT64_C(0x951341a4b796d3b3));
}

KTEST(block_pattern_tells_each_change_of_a_bit)
{
	uint64_t bit = ktest_random(t) % (64 * BLOCK_PATTERN_WORDS);

	block_pattern_fill(words, 5, 6, 7);
	expect(t, block_pattern_matches(words, 5, 6, 7));
	words[bit / 64] ^= UINT64_C(1) << bit % 64;
	expect(t, !block_pattern_matches(words, 5, 6, 7));
}

KTEST(block_pattern_differs_in_every_word_between_neighbours)
{
	uint64_t seed = ktest_random(t), sector = ktest_random(t), same = 0;

	block_pattern_fill(words, seed, 1, sector);
	for (unsigned what = 0; what < 3; what++) {
		block_pattern_fill(others, seed + (what == 0), 1 + (what == 1),
				   sector + (what == 2));
		for (unsigned i = 0; i < BLOCK_PATTERN_WORDS; i++)
			same += words[i] == others[i];
	}
	expect_eq(t, same, 0);
}
