// SPDX-License-Identifier: MIT
#include "kernel/report.h"

#include "kernel/ktest.h"
#include "kernel/lib/errno.h"

KTEST(report_words_are_understood)
{
	unsigned parts = 0;

	expect_eq(t, report_parse("none", &parts), 0);
	expect_eq(t, parts, 0);
	expect_eq(t, report_parse("short", &parts), 0);
	expect_eq(t, parts, REPORT_SHORT);
	expect_eq(t, report_parse("full", &parts), 0);
	expect_eq(t, parts, REPORT_SHORT | REPORT_FULL);
	expect_eq(t, report_parse("json", &parts), 0);
	expect_eq(t, parts, REPORT_SHORT | REPORT_JSON);
	expect_eq(t, report_parse("full,json", &parts), 0);
	expect_eq(t, parts, REPORT_SHORT | REPORT_FULL | REPORT_JSON);
}

KTEST(report_words_that_nobody_knows_change_nothing)
{
	static const char *const bad[] = {
		"", ",", "json,", ",json", "none,json", "jso", "jsonn", "full json", "all",
	};
	unsigned parts = 77;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_eq(t, report_parse(bad[i], &parts), -EINVAL);
	expect_eq(t, parts, 77);
}
