// SPDX-License-Identifier: MIT
/* Ticks to nanoseconds: exact where it can be known, and never back. */
#include "kernel/timeline.h"

#include "kernel/ktest.h"
#include "kernel/lib/scale.h"
#include "kernel/time.h"

KTEST(scale_multiplies_by_a_fraction)
{
	expect_eq(t, scale(12345, scale_make(1, 1)), 12345);
	expect_eq(t, scale(10, scale_make(3, 2)), 15);
	expect_eq(t, scale(3000000000u, scale_make(NS_PER_S, 3000000000u)), 999999999);
	expect_eq(t, scale(UINT64_MAX, scale_make(1, 2)), INT64_MAX);
	expect_eq(t, scale(0, scale_make(65535, 1)), 0);
	expect(t, scale(UINT64_MAX, scale_make(2, 1)) == UINT64_MAX);
	expect_eq(t, scale_make(1, BIT(48)), 1);
	expect(t, scale_make(65535 * BIT(47) + (BIT(47) - 1), BIT(47)) ==
		  65535 * BIT(48) + (BIT(48) - 2));
}

/* The factor is short by less than 2^-48, the product by less than 1. */
KTEST(scale_is_as_near_as_its_bits_allow)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 10000; i++) {
		unsigned bits = 1 + (unsigned)ktest_random_below(t, 30);
		uint64_t denominator = ktest_random_below(t, BIT(bits)) + 1;
		uint64_t numerator = ktest_random_below(t, BIT(12) * denominator);
		uint64_t value = ktest_random_below(t, BIT(20));
		uint64_t exact = value * numerator / denominator;
		uint64_t got = scale(value, scale_make(numerator, denominator));

		wrong += got > exact || got + 1 < exact;
	}
	expect_eq(t, wrong, 0);
}

KTEST(timeline_counts_by_its_frequency)
{
	struct timeline tl = { 0 };

	timeline_begin(&tl, 0, 1000, 2000000000);
	expect_eq(t, timeline_at(&tl, 1000), 0);
	expect_eq(t, timeline_at(&tl, 3000), 1000);
	expect_eq(t, timeline_at(&tl, 2000), 1000);
	expect_eq(t, timeline_at(&tl, 0), 1000);
	timeline_continue(&tl, 5000, 77, 1000000);
	expect_eq(t, timeline_at(&tl, 77), 2000);
	expect_eq(t, timeline_at(&tl, 79), 4000);
}

/* 3 GHz taken for 1 GHz: time was fast, and waits until it is right. */
KTEST(timeline_corrects_the_past_without_going_back)
{
	struct timeline tl = { 0 };

	timeline_begin(&tl, 0, 0, 1000000000);
	expect_eq(t, timeline_at(&tl, 3000000), 3000000);
	timeline_correct(&tl, 0, 3000000000u);
	expect_eq(t, timeline_at(&tl, 3000003), 3000000);
	expect_eq(t, timeline_at(&tl, 9000000), 3000000);
	expect_eq(t, timeline_at(&tl, 12000000), 3999999);
}

/* What happens to a timeline, at random. */
static void change(struct ktest_run *t, struct timeline *tl, uint64_t *ticks)
{
	uint64_t hz = TIMELINE_HZ_MIN + ktest_random_below(t, BIT(10 + ktest_random_below(t, 26)));

	switch (ktest_random_below(t, 16)) {
	case 0:
		timeline_continue(tl, *ticks, *ticks, hz);
		break;
	case 1: {
		uint64_t other = ktest_random(t) >> ktest_random_below(t, 64);

		timeline_continue(tl, *ticks, other, hz);
		*ticks = other;
		break;
	}
	case 2:
		timeline_correct(tl, *ticks - ktest_random_below(t, *ticks + 1), hz);
		break;
	case 3:
		*ticks -= ktest_random_below(t, 1000000);	/* it jumps back */
		break;
	default:
		*ticks += ktest_random_below(t, BIT(ktest_random_below(t, 36)));
	}
}

KTEST(timeline_never_goes_back_whatever_changes)
{
	uint64_t operations = min(ktest_operations(), (uint64_t)200000);
	struct timeline tl = { 0 };
	uint64_t ticks = 0, last = 0, back = 0;

	timeline_begin(&tl, 0, 0, 1000000000);
	for (uint64_t i = 0; i < operations; i++) {
		uint64_t now;

		change(t, &tl, &ticks);
		now = timeline_at(&tl, ticks);
		back += now < last;
		last = now;
	}
	expect_eq(t, back, 0);
	expect(t, last > 0);
}

/* A step is what a change of pace must not make: no ns is added by it. */
KTEST(timeline_changes_its_pace_without_a_step)
{
	struct timeline tl = { 0 };
	unsigned steps = 0;
	uint64_t ticks = 0;

	timeline_begin(&tl, 0, 0, 1000000000);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t hz = TIMELINE_HZ_MIN + ktest_random_below(t, BIT(36));
		uint64_t before;

		ticks += ktest_random_below(t, 1000000);
		before = timeline_at(&tl, ticks);
		timeline_continue(&tl, ticks, ticks, hz);
		steps += timeline_at(&tl, ticks) != before;
	}
	expect_eq(t, steps, 0);
}

KTEST(timeline_extends_a_counter_that_wraps)
{
	static const unsigned widths[] = { 16, 24, 32, 64 };
	unsigned wrong = 0;

	for (unsigned i = 0; i < 10000; i++) {
		unsigned bits = widths[i % ARRAY_SIZE(widths)];
		uint64_t mask = GENMASK(bits - 1, 0);
		uint64_t before = ktest_random(t) >> 8;
		uint64_t passed = ktest_random(t) & mask & (UINT64_MAX >> 8);
		uint64_t raw = (before + passed) & mask;

		wrong += timeline_extend(before, raw, bits) != before + passed;
	}
	expect_eq(t, wrong, 0);
	expect_eq(t, timeline_extend(0xffffff, 0, 24), 0x1000000);
	expect_eq(t, timeline_extend(0x1000005, 5, 24), 0x1000005);
}
