/* SPDX-License-Identifier: MIT */
/*
 * Patterns for a test of memory: each word is a function of pattern, seed and
 * address, so that nothing has to be remembered, and a word that another
 * address reaches too is found. A pattern and its complement follow each other, so every bit
 * is seen as 0 and as 1. Pure; runs on the host.
 *
 * All is filled before any is verified. What the processor's caches still hold
 * is not read from memory: a piece larger than they are is tested best.
 */
#pragma once

#include "kernel/lib/types.h"

enum { MEMTEST_PATTERNS = 6 };

/* The word that belongs to `address` (of its first byte). pattern < MEMTEST_PATTERNS. */
uint64_t memtest_word(unsigned pattern, uint64_t seed, uint64_t address);

/* A piece of memory; `address` is what to call its first byte. */
struct memtest {
	volatile uint64_t *words;
	uint64_t count;
	uint64_t address;
	uint64_t seed;
	/* Told of each wrong word. */
	void (*bad)(uint64_t address, uint64_t want, uint64_t is);
};

void memtest_fill(const struct memtest *m, unsigned pattern);
/* Returns the number of wrong words. */
uint64_t memtest_verify(const struct memtest *m, unsigned pattern);
