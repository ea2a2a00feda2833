// SPDX-License-Identifier: MIT
#include "mm/memtest.h"

#include "kernel/lib/mix.h"

uint64_t memtest_word(unsigned pattern, uint64_t seed, uint64_t address)
{
	uint64_t flip = pattern & 1 ? ~UINT64_C(0) : 0;

	switch (pattern / 2) {
	case 0:
		return address ^ flip;
	case 1:
		return mix64(seed ^ address) ^ flip;
	default:
		return BIT(address / 8 % 64) ^ flip;	/* a bit that walks */
	}
}

void memtest_fill(const struct memtest *m, unsigned pattern)
{
	for (uint64_t i = 0; i < m->count; i++)
		m->words[i] = memtest_word(pattern, m->seed, m->address + 8 * i);
}

uint64_t memtest_verify(const struct memtest *m, unsigned pattern)
{
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < m->count; i++) {
		uint64_t want = memtest_word(pattern, m->seed, m->address + 8 * i);
		uint64_t is = m->words[i];

		if (is == want)
			continue;
		wrong++;
		m->bad(m->address + 8 * i, want, is);
	}
	return wrong;
}
