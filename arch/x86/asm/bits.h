/* SPDX-License-Identifier: MIT */
/*
 * The lowest and the highest bit that is set, in `bits` that are not 0. As
 * the compiler's own, but the result is as wide as what it is used with,
 * which saves converting it: where instructions are counted.
 */
#pragma once

#include "kernel/lib/types.h"

static inline uint64_t bit_lowest(uint64_t bits)
{
	uint64_t n;
	__asm__("bsf %1, %0" : "=r"(n) : "rm"(bits) : "cc");
	return n;
}

static inline uint64_t bit_highest(uint64_t bits)
{
	uint64_t n;
	__asm__("bsr %1, %0" : "=r"(n) : "rm"(bits) : "cc");
	return n;
}
