/* SPDX-License-Identifier: MIT */
/* A number made of another one so that all its bits depend on all of the other's. */
#pragma once

#include "kernel/lib/types.h"

/* The finaliser of splitmix64: a bijection. */
static inline uint64_t mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}
