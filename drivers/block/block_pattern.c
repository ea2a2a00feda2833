/* SPDX-License-Identifier: MIT */
#include "drivers/block/block_pattern.h"

#define SEED_STEP	UINT64_C(0x9e3779b97f4a7c15)
#define GENERATION_STEP	UINT64_C(0xd1342543de82ef95)
#define SECTOR_STEP	UINT64_C(0xaef17502108ef2d9)
#define FACTOR_SEED	UINT64_C(0x436169726e)		/* any; blkcheck.py has the same */

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators": the finalizer. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t block_pattern_random(uint64_t seed, uint64_t n)
{
	return mix(mix(seed) + n * SEED_STEP);
}

/* The words of the constant; each is odd, so that no key is lost in any. */
static const uint64_t *factors(void)
{
	static uint64_t words[BLOCK_PATTERN_WORDS];

	if (!words[0])
		for (unsigned i = 0; i < BLOCK_PATTERN_WORDS; i++)
			words[i] = mix(FACTOR_SEED + i * SEED_STEP) | 1;
	return words;
}

/* Odd too: 0 would make a sector of zeros. */
static uint64_t key_of(uint64_t seed, uint64_t generation, uint64_t sector)
{
	return mix(seed * SEED_STEP + generation * GENERATION_STEP + sector * SECTOR_STEP) | 1;
}

void block_pattern_fill(uint64_t words[BLOCK_PATTERN_WORDS], uint64_t seed,
			uint64_t generation, uint64_t sector)
{
	const uint64_t *factor = factors();
	uint64_t key = key_of(seed, generation, sector), carry = 0;

	for (unsigned i = 0; i < BLOCK_PATTERN_WORDS; i++) {
		unsigned __int128 product = (unsigned __int128)key * factor[i] + carry;

		words[i] = (uint64_t)product;
		carry = (uint64_t)(product >> 64);
	}
}

bool block_pattern_matches(const uint64_t words[BLOCK_PATTERN_WORDS], uint64_t seed,
			   uint64_t generation, uint64_t sector)
{
	uint64_t wanted[BLOCK_PATTERN_WORDS], wrong = 0;

	block_pattern_fill(wanted, seed, generation, sector);
	for (unsigned i = 0; i < BLOCK_PATTERN_WORDS; i++)
		wrong |= words[i] ^ wanted[i];
	return !wrong;
}
