// SPDX-License-Identifier: MIT
/* Plans, what they refuse, and the numbers that fail=boot tries. */
#include "mm/fault.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

static struct fault_plan parsed(struct ktest_run *t, const char *text)
{
	struct fault_plan plan = { 0 };
	const char *problem;

	expect_eq(t, fault_plan_parse(text, &plan, &problem), 0);
	expect_str(t, problem, NULL);
	return plan;
}

KTEST(fault_plans_are_understood)
{
	static const struct {
		const char *text;
		enum fault_mode mode;
		uint64_t nth;
		unsigned kinds;
		bool onwards;
		const char *glob;
	} cases[] = {
		{ "1", FAULT_NTH, 1, FAULT_ANY, false, "*" },
		{ "0x10+", FAULT_NTH, 16, FAULT_ANY, true, "*" },
		{ "18446744073709551615", FAULT_NTH, UINT64_MAX, FAULT_ANY, false, "*" },
		{ "7:heap", FAULT_NTH, 7, FAULT_HEAP, false, "*" },
		{ "7:heap:", FAULT_NTH, 7, FAULT_HEAP, false, "*" },
		{ "7:", FAULT_NTH, 7, FAULT_ANY, false, "*" },
		{ "7+:pages:mm/*:12?", FAULT_NTH, 7, FAULT_PAGES, true, "mm/*:12?" },
		{ "7:drivers/*", FAULT_NTH, 7, FAULT_ANY, false, "drivers/*" },
		{ "7:heaps", FAULT_NTH, 7, FAULT_ANY, false, "heaps" },
		{ "7:heap+", FAULT_NTH, 7, FAULT_ANY, false, "heap+" },
		{ "count", FAULT_COUNT, 0, FAULT_ANY, false, "*" },
		{ "count:pages:page-table", FAULT_COUNT, 0, FAULT_PAGES, false, "page-table" },
		{ "boot", FAULT_BOOT, 0, FAULT_ANY, false, "*" },
		{ "boot+:heap", FAULT_BOOT, 0, FAULT_HEAP, true, "*" },
		{ "tests:mm/*", FAULT_TESTS, 0, FAULT_ANY, false, "mm/*" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault_plan plan = parsed(t, cases[i].text);

		expect_eq(t, plan.mode, cases[i].mode);
		expect_eq(t, plan.nth, cases[i].nth);
		expect_eq(t, plan.kinds, cases[i].kinds);
		expect_eq(t, plan.onwards, cases[i].onwards);
		expect_str(t, plan.glob, cases[i].glob);
	}
	expect_eq(t, parsed(t, "off").mode, FAULT_OFF);
}

KTEST(fault_plans_that_are_mistakes_are_told)
{
	static const struct { const char *text, *problem; } cases[] = {
		{ "", "off, count, boot, tests or a number is wanted first" },
		{ "x", "off, count, boot, tests or a number is wanted first" },
		{ "-1", "off, count, boot, tests or a number is wanted first" },
		{ "3x", "off, count, boot, tests or a number is wanted first" },
		{ "boots", "off, count, boot, tests or a number is wanted first" },
		{ ":heap", "off, count, boot, tests or a number is wanted first" },
		{ "+", "off, count, boot, tests or a number is wanted first" },
		{ "0", "allocations are counted from 1" },
		{ "0x0:heap", "allocations are counted from 1" },
		{ "18446744073709551616", "the number does not fit" },
		{ "1++", "a colon is wanted between the parts" },
		{ "boot+heap", "a colon is wanted between the parts" },
		{ "count+", "count refuses nothing, so no plus" },
		{ "off+", "nothing may follow off" },
		{ "off:heap", "nothing may follow off" },
	};
	char text[FAULT_GLOB_MAX + 8] = "1:heap:";
	struct fault_plan plan = { .nth = 77 };
	const char *problem;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		expect_eq(t, fault_plan_parse(cases[i].text, &plan, &problem), -EINVAL);
		expect_str(t, problem, cases[i].problem);
	}
	memset(text + 7, 'g', FAULT_GLOB_MAX);
	text[7 + FAULT_GLOB_MAX] = '\0';
	expect_eq(t, fault_plan_parse(text, &plan, &problem), -EINVAL);
	expect_str(t, problem, "the pattern for callers is too long");
	expect_eq(t, plan.nth, 77);
	text[7 + FAULT_GLOB_MAX - 1] = '\0';
	expect_eq(t, fault_plan_parse(text, &plan, &problem), 0);
	expect_str(t, plan.glob, text + 7);
}

/* Asks ten times in a fixed order; the answers, the first in the highest of ten bits. */
static unsigned answers(struct ktest_run *t, const char *text)
{
	static const struct { enum fault_kind kind; const char *caller; } requests[] = {
		{ FAULT_HEAP, "mm/a.c:1" }, { FAULT_PAGES, "mm/a.c:2" },
		{ FAULT_HEAP, "drivers/b.c:1" }, { FAULT_HEAP, "drivers/b.c:2" },
		{ FAULT_PAGES, "page-table" }, { FAULT_HEAP, "mm/a.c:1" },
		{ FAULT_HEAP, "mm/a.c:1" }, { FAULT_PAGES, "mm/a.c:2" },
		{ FAULT_HEAP, "drivers/b.c:3" }, { FAULT_HEAP, "mm/c.c:9" },
	};
	struct fault_plan plan = parsed(t, text);
	unsigned bits = 0;

	fault_set(&plan);
	for (unsigned i = 0; i < ARRAY_SIZE(requests); i++)
		bits = bits << 1 | fault_refuses(requests[i].kind, requests[i].caller);
	return bits;
}

KTEST(fault_refuses_what_the_plan_says_and_nothing_else)
{
	const struct fault_plan before = *fault_get();

	print("# the refusals below are meant\n");
	expect_eq(t, answers(t, "1"), 1 << 9);
	expect_eq(t, answers(t, "10"), 1);
	expect_eq(t, answers(t, "11"), 0);
	expect_eq(t, fault_seen()->seen, 10);
	expect_eq(t, fault_seen()->kind, 0);
	expect_eq(t, answers(t, "8+"), 7);
	expect_eq(t, fault_seen()->seen, 10);
	expect_eq(t, answers(t, "2:heap"), 1 << 7);
	expect_eq(t, answers(t, "2:pages"), 1 << 5);
	expect_str(t, fault_seen()->caller, "page-table");
	expect_eq(t, fault_seen()->kind, FAULT_PAGES);
	expect_eq(t, answers(t, "3:drivers/*"), 1 << 1);
	expect_eq(t, fault_seen()->seen, 3);
	expect_eq(t, answers(t, "1+:heap:mm/a.c:*"), 1 << 9 | 1 << 4 | 1 << 3);
	expect_str(t, fault_seen()->caller, "mm/a.c:1");
	expect_eq(t, answers(t, "count:heap:mm/*"), 0);
	expect_eq(t, fault_seen()->seen, 4);
	expect_eq(t, answers(t, "off"), 0);
	expect_eq(t, fault_seen()->seen, 0);
	fault_set(&before);
}

KTEST(fault_boot_tries_every_allocation_or_a_sample)
{
	static const uint64_t totals[] = { 1, 2, 499, 500, 501, 999, 12345, 1000000007 };

	for (unsigned i = 0; i < ARRAY_SIZE(totals); i++) {
		uint64_t tries = min(totals[i], UINT64_C(500)), last = 0, same = 0;

		for (uint64_t index = 0; index < tries; index++) {
			uint64_t nth = fault_boot_nth(totals[i], tries, index, 7);

			expect(t, nth > last && nth <= totals[i]);
			expect(t, nth > index * totals[i] / tries);
			expect(t, nth <= (index + 1) * totals[i] / tries);
			same += nth == fault_boot_nth(totals[i], tries, index, 8);
			last = nth;
		}
		/* Another seed, another sample; of each, there is only one. */
		if (tries == totals[i])
			expect_eq(t, same, tries);
		else if (totals[i] >= 12345)
			expect(t, same < tries / 2);
	}
}
