// SPDX-License-Identifier: MIT
/*
 * The framework tries itself. What it must call a failure is a test that
 * fails, run on demand by scripts/tests.cfg and scripts/test.py, which know
 * what it has to print.
 */
#include "kernel/ktest.h"

#include "kernel/log.h"

KTEST(selftest_passes)
{
	expect(t, true);
	expect_eq(t, 1, 1);
	expect_str(t, "a", "a");
	require(t, true);
}

KTEST(selftest_skips)
{
	ktest_skip(t, "to try it");
}

KTEST(selftest_fails_expect)
{
	expect(t, 1 > 2);
}

KTEST(selftest_fails_expect_eq)
{
	expect_eq(t, 1, 2);
}

KTEST(selftest_fails_expect_str)
{
	expect_str(t, "a", "b");
}

KTEST(selftest_fails_require)
{
	require(t, 1 > 2);
	print("# went on after require()\n");
}

KTEST(selftest_fails_though_skipped)
{
	expect(t, 1 > 2);
	ktest_skip(t, "to try it");
}

/* What follows shows `meant` on the console, in lines that fail nothing. */
static const char meant[] = "a failure that is meant";

KTEST(ktest_expect_counts_each_failure)
{
	struct ktest_run own = { .name = "own" };

	expect(t, ktest_expect(&own, true, "own", 1, meant));
	expect_eq(t, own.failures, 0);
	expect(t, !ktest_expect(&own, false, "own", 2, meant));
	expect_eq(t, own.failures, 1);
	expect(t, !ktest_expect(&own, false, "own", 3, meant));
	expect_eq(t, own.failures, 2);
	expect(t, ktest_expect(&own, true, "own", 4, meant));
	expect_eq(t, own.failures, 2);
}

KTEST(ktest_expect_eq_compares_all_64_bits)
{
	struct ktest_run own = { .name = "own" };

	expect(t, ktest_expect_eq(&own, -1, -1, "own", 1, meant));
	expect(t, ktest_expect_eq(&own, 1ll << 62, 1ll << 62, "own", 2, meant));
	expect_eq(t, own.failures, 0);
	expect(t, !ktest_expect_eq(&own, 0, 1ll << 32, "own", 3, meant));
	expect(t, !ktest_expect_eq(&own, 0, 1, "own", 4, meant));
	expect(t, !ktest_expect_eq(&own, 1, -1, "own", 5, meant));
	expect_eq(t, own.failures, 3);
}

KTEST(ktest_expect_str_compares_texts_and_null)
{
	struct ktest_run own = { .name = "own" };
	const char one[] = "same", other[] = "same";

	expect(t, ktest_expect_str(&own, one, other, "own", 1, meant));
	expect(t, ktest_expect_str(&own, NULL, NULL, "own", 2, meant));
	expect_eq(t, own.failures, 0);
	expect(t, !ktest_expect_str(&own, "same", "some", "own", 3, meant));
	expect(t, !ktest_expect_str(&own, "same", "same ", "own", 4, meant));
	expect(t, !ktest_expect_str(&own, NULL, "", "own", 5, meant));
	expect(t, !ktest_expect_str(&own, "", NULL, "own", 6, meant));
	expect_eq(t, own.failures, 4);
}

static void require_and_note(struct ktest_run *t, bool meant_to_hold, bool *went_on)
{
	require(t, meant_to_hold);
	*went_on = true;
}

KTEST(ktest_require_ends_the_test)
{
	struct ktest_run own = { .name = "own" };
	bool went_on = false;

	require_and_note(&own, false, &went_on);
	expect(t, !went_on);
	expect_eq(t, own.failures, 1);
	require_and_note(&own, true, &went_on);
	expect(t, went_on);
	expect_eq(t, own.failures, 1);
}

KTEST(ktest_random_repeats_and_stays_below)
{
	struct ktest_run a = { .random = 7 }, b = { .random = 7 }, c = { .random = 8 };
	unsigned same = 0;

	for (unsigned i = 0; i < 100; i++) {
		uint64_t n = ktest_random(&a);

		expect_eq(t, n, ktest_random(&b));
		same += n == ktest_random(&c);
		expect(t, ktest_random_below(&a, 3) < 3);
		ktest_random(&b);
	}
	expect_eq(t, same, 0);
}
