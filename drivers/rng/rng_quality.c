/* SPDX-License-Identifier: MIT */
/*
 * Three tests with bounds far out, n = 4096 bytes of which each value is
 * expected 16 times:
 *
 * - Set bits: mean 16384, standard deviation 90.5. More than 7 deviations
 *   (634) off: 3e-12.
 * - Frequency of values, chi squared with 255 degrees of freedom: mean 255.
 *   Outside 120..450: below 1e-10 on either side. A counter is too even, a
 *   constant too uneven.
 * - Repetition: of 64 bytes, how many equal those `period` later. Random ones
 *   by 1/256 each; half of them for any of 4032 periods: below 1e-50. The
 *   same for the differences of neighbours, which catches any step.
 */
#include "drivers/rng/rng_quality.h"

enum {
	BITS_MEAN = RNG_QUALITY_LEN * 4,
	BITS_OFF = 634,
	VALUES = 256,
	EXPECTED = RNG_QUALITY_LEN / VALUES,
	CHI_LOW = 120,
	CHI_HIGH = 450,
	SAMPLE = 64,
	SAMPLE_EQUAL = SAMPLE / 2,
};

static unsigned bits_set(const uint8_t *bytes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RNG_QUALITY_LEN; i++)
		for (unsigned v = bytes[i]; v; v &= v - 1)
			n++;
	return n;
}

static unsigned chi_squared(const uint8_t *bytes)
{
	unsigned counts[VALUES] = { 0 };
	unsigned sum = 0;

	for (unsigned i = 0; i < RNG_QUALITY_LEN; i++)
		counts[bytes[i]]++;
	for (unsigned i = 0; i < VALUES; i++)
		sum += (counts[i] - EXPECTED) * (counts[i] - EXPECTED);
	return sum / EXPECTED;
}

static bool repeats(const uint8_t *bytes)
{
	for (unsigned period = 1; period + SAMPLE < RNG_QUALITY_LEN; period++) {
		unsigned equal = 0, same_step = 0;

		for (unsigned i = 0; i < SAMPLE; i++) {
			uint8_t here = bytes[i + 1] - bytes[i];
			uint8_t there = bytes[i + period + 1] - bytes[i + period];

			equal += bytes[i] == bytes[i + period];
			same_step += here == there;
		}
		if (equal >= SAMPLE_EQUAL || same_step >= SAMPLE_EQUAL)
			return true;
	}
	return false;
}

const char *rng_quality(const uint8_t *bytes)
{
	unsigned bits = bits_set(bytes);
	unsigned chi = chi_squared(bytes);

	if (bits < BITS_MEAN - BITS_OFF || bits > BITS_MEAN + BITS_OFF)
		return "too many or too few bits are set";
	if (chi > CHI_HIGH)
		return "some values are far too frequent";
	if (chi < CHI_LOW)
		return "all values are too equally frequent";
	if (repeats(bytes))
		return "bytes or their differences repeat";
	return NULL;
}
