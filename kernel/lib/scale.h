/* SPDX-License-Identifier: MIT */
/*
 * Multiplication by a fraction that is known beforehand, without a division
 * and without overflow: ticks to nanoseconds and back. A factor has 16 bits
 * before the point and 48 behind it; the product is taken with 128 bits.
 */
#pragma once

#include "kernel/lib/types.h"

enum { SCALE_SHIFT = 48 };

__extension__ typedef unsigned __int128 scale_product;

/*
 * The factor numerator / denominator, rounded down. The quotient is below
 * 2^16 and the denominator from 1 to 2^48.
 */
static inline uint64_t scale_make(uint64_t numerator, uint64_t denominator)
{
	uint64_t factor = numerator / denominator;
	uint64_t rest = numerator % denominator;

	for (unsigned i = 0; i < SCALE_SHIFT / 16; i++) {
		rest <<= 16;
		factor = factor << 16 | rest / denominator;
		rest %= denominator;
	}
	return factor;
}

/* value * factor, rounded down; UINT64_MAX if it has more bits. */
static inline uint64_t scale(uint64_t value, uint64_t factor)
{
	scale_product product = ((scale_product)value * factor) >> SCALE_SHIFT;

	return unlikely(product >> 64 != 0) ? UINT64_MAX : (uint64_t)product;
}
