# SPDX-License-Identifier: MIT
"""Planted bad captures: each must be refused for its own reason."""

import unittest

import ktap

GOOD = """\x1b[2J\x1b[01;01H  Booting `Cairn'\r\n\r
KTAP version 1\r
# seed=0x1\r
1..3\r
ok 1 heap_frees\r
[mm] warning: 3 regions overlap\r
ok 2 ring_wraps\r
# ring_test.c:12: a note\r
ok 3 tsc_deadline # SKIP no TSC deadline\r
# Totals: pass:2 fail:0 skip:1\r
"""
NAMES = ["heap_frees", "ring_wraps", "tsc_deadline"]


def judge(text, code=33, names=NAMES, skips=("no TSC*",)):
    return " | ".join(ktap.judge(text, code, names, skips))


class KtapTest(unittest.TestCase):
    def bad(self, text, want, **options):
        self.assertRegex(judge(text, **options), want)

    def test_good_run_is_believed(self):
        self.assertEqual(judge(GOOD), "")
        self.assertEqual(judge(GOOD.encode()), "")

    def test_exit_code_alone_fails_a_run(self):
        for code in (0, 35, 1, None, -9):
            self.bad(GOOD, "QEMU left with", code=code)

    def test_silence_is_a_failure(self):
        self.bad("", "0 plans")
        self.bad("ready\n", "0 lines of totals")

    def test_plan_missing(self):
        self.bad(GOOD.replace("1..3\r\n", ""), "0 plans")

    def test_plan_twice(self):
        self.bad(GOOD.replace("1..3\r\n", "1..3\n1..3\n"), "2 plans")

    def test_plan_late(self):
        late = GOOD.replace("1..3\r\n", "").replace("ok 2", "1..3\nok 2")
        self.bad(late, "plan comes after")

    def test_plan_of_nothing(self):
        text = "KTAP version 1\n1..0\n# Totals: pass:0 fail:0 skip:0\n"
        self.bad(text, "no tests", names=[])

    def test_early_exit_after_plan(self):
        self.bad(GOOD[:GOOD.index("ok 1")], "never reported: 1, 2, 3")

    def test_result_missing(self):
        self.bad(GOOD.replace("ok 2 ring_wraps\r\n", ""), "never reported: 2")

    def test_result_twice(self):
        self.bad(GOOD.replace("ok 2", "ok 1"), "reported twice: 1")

    def test_result_outside_plan(self):
        self.bad(GOOD.replace("ok 3", "ok 4"), "not in the plan: 4")

    def test_not_ok(self):
        self.bad(GOOD.replace("ok 2", "not ok 2"), "not ok 2 ring_wraps")

    def test_totals_missing(self):
        self.bad(GOOD[:GOOD.index("# Totals")], "0 lines of totals")

    def test_totals_disagree(self):
        self.bad(GOOD.replace("pass:2", "pass:3"), "totals say")

    def test_result_after_totals(self):
        self.bad(GOOD + "ok 4 more\n", "after the totals")

    def test_panic(self):
        self.bad(GOOD + "panic: out of luck\n", "^panic: out of luck")
        self.bad("Loading panic: early\n" + GOOD, "panic: early")

    def test_skip_reason_not_allowed(self):
        self.bad(GOOD, "not allowed: no TSC", skips=())
        self.bad(GOOD.replace("SKIP no TSC deadline", "SKIP"), "\\(none\\)")

    def test_tests_of_the_image(self):
        self.bad(GOOD, "not run: lost", names=NAMES + ["lost"])
        self.bad(GOOD, "not in the image: ring_wraps",
                 names=["heap_frees", "tsc_deadline"])

    def test_two_reports(self):
        self.bad(GOOD + GOOD, "2 plans")

    def test_garbled_result(self):
        self.bad(GOOD.replace("ok 2 ring_wraps", "ok two ring_wraps"), "cannot be read")

    def test_globs_choose(self):
        self.assertEqual(ktap.selected(NAMES, "loglevel=debug test"), NAMES)
        self.assertEqual(ktap.selected(NAMES, "test=ring_*"), ["ring_wraps"])

    def test_tests_on_demand_are_asked_for_by_name(self):
        names = NAMES + ["selftest_fails"]
        self.assertEqual(ktap.selected(names, "test"), NAMES)
        self.assertEqual(ktap.selected(names, "test=s*"), [])
        self.assertEqual(ktap.selected(names, "test=selftest_*"), ["selftest_fails"])


if __name__ == "__main__":
    unittest.main()
