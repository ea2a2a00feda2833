/* SPDX-License-Identifier: MIT */
/* What IA32_TSC_DEADLINE is given (Intel SDM vol. 3A, 10.5.4.1). */
#pragma once

#include "kernel/lib/scale.h"

/*
 * The counter `ns` after it stood at `now`, at `factor` ticks a nanosecond,
 * rounded up. Never 0, which would disarm; the highest value where it would wrap.
 */
static inline uint64_t deadline_after(uint64_t now, uint64_t ns, uint64_t factor)
{
	uint64_t ticks = scale(ns, factor);

	return ticks < UINT64_MAX - now ? now + ticks + 1 : UINT64_MAX;
}
