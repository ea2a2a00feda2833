/* SPDX-License-Identifier: MIT */
#include "drivers/rng/rng_quality.h"

#include "kernel/ktest.h"

static uint8_t bytes[RNG_QUALITY_LEN];

KTEST(rng_quality_accepts_random_bytes)
{
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(ktest_random(t) >> 32);
		expect(t, rng_quality(bytes) == NULL);
	}
}

KTEST(rng_quality_refuses_a_constant)
{
	for (unsigned value = 0; value < 256; value += 15) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)value;
		expect(t, rng_quality(bytes) != NULL);
	}
}

KTEST(rng_quality_refuses_a_counter)
{
	for (unsigned step = 1; step < 256; step += 2) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * step + 7);
		expect(t, rng_quality(bytes) != NULL);
	}
}

KTEST(rng_quality_refuses_a_repeated_pattern)
{
	for (unsigned period = 1; period <= 2048; period = period * 3 / 2 + 1) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = i < period ? (uint8_t)(ktest_random(t) >> 32)
					      : bytes[i - period];
		expect(t, rng_quality(bytes) != NULL);
	}
}

KTEST(rng_quality_refuses_a_stuck_bit)
{
	for (unsigned bit = 0; bit < 8; bit++) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(ktest_random(t) >> 32) | (uint8_t)(1 << bit);
		expect(t, rng_quality(bytes) != NULL);
	}
}
