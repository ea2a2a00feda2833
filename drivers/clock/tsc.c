// SPDX-License-Identifier: MIT
/* The time-stamp counter (Intel SDM vol. 3B, 18.17). */
#include <asm/cpu.h>

#include "drivers/clock/clocks.h"
#include "drivers/clock/tsc_cpuid.h"

enum { RATING_INVARIANT = 300, RATING = 250 };

static uint64_t tsc_read(struct clock_source *c __unused)
{
	return cycles();
}

static struct clock_source tsc = {
	.name = "TSC",
	.id = "tsc",
	.read = tsc_read,
	.bits = 64,
	.rating = RATING_INVARIANT,
};

static bool told_exactly;

static struct cpuid tsc_cpuid(struct cpuid_reader *r __unused, uint32_t leaf)
{
	return cpuid(leaf, 0);
}

struct clock_source *tsc_init(void)
{
	struct cpuid_reader reader = { tsc_cpuid };
	struct tsc_claim claim = tsc_cpuid_claim(&reader);

	tsc.hz = claim.hz;
	tsc.from = claim.from;
	told_exactly = claim.exact;
	if (!tsc_cpuid_invariant(&reader)) {
		tsc.rating = RATING;
		tsc.note = "not invariant";
	}
	clock_source_register(&tsc);
	clock_source_is_tsc(&tsc);
	return &tsc;
}

bool tsc_is_told_exactly(void)
{
	return told_exactly;
}
