/* SPDX-License-Identifier: MIT */
/*
 * What a test writes to a disk: 512 bytes for each sector that depend on a
 * seed, the sector and a generation, so that one sector tells alone whether it
 * is lost, misplaced, torn or old. scripts/blkcheck.py computes the same.
 *
 * A key of 64 bits times a constant of 4096, modulo 2^4096: every word of the
 * product depends on the key, and differs where keys do.
 */
#pragma once

#include "kernel/lib/types.h"

enum { BLOCK_PATTERN_WORDS = 64 };	/* of a sector */

/* Fills one sector. */
void block_pattern_fill(uint64_t words[BLOCK_PATTERN_WORDS], uint64_t seed,
			uint64_t generation, uint64_t sector);

/* Whether it holds what block_pattern_fill() wrote. */
bool block_pattern_matches(const uint64_t words[BLOCK_PATTERN_WORDS], uint64_t seed,
			   uint64_t generation, uint64_t sector);

/* The n-th of the random numbers of a seed, all apart from those above. */
uint64_t block_pattern_random(uint64_t seed, uint64_t n);
