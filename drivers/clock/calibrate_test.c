// SPDX-License-Identifier: MIT
/* Measuring one counter by another: right results, wraps, and clocks that lie. */
#include "drivers/clock/calibrate.h"

#include "kernel/ktest.h"
#include "kernel/lib/string.h"

static const struct clock_reference hpet = { 100000000, 32 };
static const struct clock_reference pm = { 3579545, 24 };
static const struct clock_reference pit = { 1193182, 16 };

static struct clock_sample at(uint64_t tsc, uint64_t count)
{
	return (struct clock_sample){ tsc, count, 100 };
}

KTEST(calibrate_measures_over_a_millisecond)
{
	struct clock_sample first = at(1000, 500), last = at(1000 + 3000000, 500 + 100000);
	struct calibration c;

	expect(t, !calibrate(&first, &last, hpet, 0, &c));
	expect_eq(t, c.hz, 3000000000u);
	expect(t, c.error_ppm >= 66 && c.error_ppm <= 80);
}

KTEST(calibrate_sees_through_a_wrap)
{
	struct clock_sample first = at(0, 0xfffff0), last = at(3000000, 3579 - 16);
	struct calibration c;

	expect(t, !calibrate(&first, &last, pm, 0, &c));
	expect(t, deviation_ppm(c.hz, 3000000000u) < 200);
	expect(t, deviation_ppm(c.hz, 3000000000u) > -200);
}

KTEST(calibrate_refuses_what_cannot_be)
{
	struct clock_sample first = at(1000, 500), last = at(1000, 600);
	struct calibration c;

	expect_str(t, calibrate(&first, &last, hpet, 0, &c),
		   "the time-stamp counter did not go on");
	last = at(10, 600);
	expect_str(t, calibrate(&first, &last, hpet, 0, &c),
		   "the time-stamp counter did not go on");
	last = at(1000000, 500);
	expect_str(t, calibrate(&first, &last, hpet, 0, &c), "it does not count");
	last = at(1000000000000, 600);
	expect_str(t, calibrate(&first, &last, hpet, 0, &c),
		   "by it the time-stamp counter is above 100 GHz");
	last = at(2000, 50000500);
	expect_str(t, calibrate(&first, &last, hpet, 0, &c),
		   "by it the time-stamp counter is below 1 MHz");
}

/* Whatever the samples are: an answer within bounds, or none. */
KTEST(calibrate_takes_any_samples)
{
	struct clock_reference by[] = { hpet, pm, pit, { 10000000000, 64 }, { 1000000, 1 } };
	unsigned wrong = 0, answers = 0;

	for (unsigned i = 0; i < 20000; i++) {
		struct clock_sample first = at(ktest_random(t), ktest_random(t)), last;
		struct calibration c = { 0 };
		uint64_t hint = ktest_random_below(t, 2) ? 1000000 + ktest_random_below(t, BIT(36))
							 : 0;

		last = at(first.tsc + (ktest_random(t) >> ktest_random_below(t, 64)),
			  first.count + (ktest_random(t) >> ktest_random_below(t, 64)));
		first.spread = ktest_random(t) >> ktest_random_below(t, 64);
		if (calibrate(&first, &last, by[i % ARRAY_SIZE(by)], hint, &c))
			continue;
		answers++;
		wrong += c.hz < 1000000 || c.hz > 101000000000;
	}
	expect_eq(t, wrong, 0);
	expect(t, answers > 100);
}

/* A PIT wraps each 55 ms; looked at after seconds, with a pace known to 200 ppm. */
KTEST(calibrate_counts_the_wraps_by_a_hint)
{
	unsigned wrong = 0, refused = 0;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t hz = 500000000 + ktest_random_below(t, 5000000000);
		uint64_t ms = 1 + ktest_random_below(t, 60000);
		uint64_t ppm = ktest_random_below(t, 400);
		struct calibration believed = { hz - hz * 200 / 1000000 + hz * ppm / 1000000, 200 };
		uint64_t start = ktest_random(t);
		struct clock_sample first = at(ktest_random(t) >> 1, start & 0xffff), last;
		struct calibration c;

		last = at(first.tsc + hz / 1000 * ms, (start + 1193182 * ms / 1000) & 0xffff);
		if (!calibration_spans(&first, last.tsc, pit, &believed)) {
			refused++;
			continue;
		}
		if (calibrate(&first, &last, pit, believed.hz, &c))
			wrong++;
		else
			wrong += !calibrations_agree(&c, &(struct calibration){ hz, 0 });
	}
	expect_eq(t, wrong, 0);
	expect(t, refused > 1000 && refused < 9900);
}

KTEST(deviation_has_a_sign)
{
	expect_eq(t, deviation_ppm(1000100, 1000000), 100);
	expect_eq(t, deviation_ppm(999900, 1000000), -100);
	expect_eq(t, deviation_ppm(3000000000u, 3000000000u), 0);
	expect_eq(t, deviation_ppm(3000000, 1000000), 2000000);
	expect(t, deviation_ppm(UINT64_MAX, 1000000) > 0);
}

KTEST(calibration_pick_takes_the_first_that_is_not_alone)
{
	struct calibration said[] = {
		{ 3000000000u, 50 }, { 2000000000, 300 }, { 2000100000, 900 },
	};

	expect_eq(t, calibration_pick(said, 1), 0);
	expect_eq(t, calibration_pick(said, 2), 0);
	expect_eq(t, calibration_pick(said, 3), 1);
	said[0].hz = 2000000500;
	expect_eq(t, calibration_pick(said, 3), 0);
}
