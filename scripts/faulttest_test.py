# SPDX-License-Identifier: MIT
"""Planted bad sessions of fail=boot: each must be refused for its own reason."""

import unittest

import faulttest

COUNTED = """Cairn 0.1.0\r
ready\r
KTAP version 1\r
# seed=0x7, 3 allocations of boot\r
1..3\r
\r
"""
BOOTS = [
    "Cairn\r\nfail: allocation 1 refused: pages for page-table\r\nok 1 boot-without-1\r\n\r\n",
    "fail: allocation 2 refused: heap for drivers/rng/virtio_rng.c:97\r\nerror: virtio: stopped\r\n"
    "ok 2 boot-without-2\r\n",
    "\r\nfail: allocation 3 refused: heap for mm/a.c:9\r\npanic: no memory for the root\r\n"
    "ok 3 boot-without-3\r\n",
]
TOTALS = "# Totals: pass:3 fail:0 skip:0\r\n"
GOOD = COUNTED + "".join(BOOTS) + TOTALS


class FaultTest(unittest.TestCase):
    def bad(self, text, want, code=33):
        self.assertRegex(" | ".join(faulttest.judge(text, code)), want)

    def test_good_session_is_believed(self):
        self.assertEqual(faulttest.judge(GOOD, 33), [])
        self.assertEqual(faulttest.judge(GOOD.encode(), 33), [])

    def test_exit_code_alone_fails_it(self):
        for code in (0, 35, None):
            self.bad(GOOD, "QEMU left with", code)

    def test_silence(self):
        self.bad("", "0 boots that count")

    def test_memory_that_is_lost(self):
        self.bad(COUNTED * 3, "3 boots that count.*outlive")

    def test_each_verdict_missing(self):
        for number, boot in enumerate(BOOTS, 1):
            without = boot.replace("ok %d boot-without-%d\r\n" % (number, number), "")
            self.bad(GOOD.replace(boot, without), "never reported: %d" % number)

    def test_session_that_hangs(self):
        hung = COUNTED + BOOTS[0] + BOOTS[1].partition("ok")[0]
        self.bad(hung, "no verdict on boot-without-2", None)

    def test_verdict_twice(self):
        self.bad(GOOD.replace(BOOTS[1], BOOTS[1] * 2), "reported twice: 2")

    def test_bad_verdict(self):
        self.bad(GOOD.replace("ok 2", "not ok 2"), "not ok 2 boot-without-2")
        self.bad(GOOD.replace("ok 2", "not ok 2"), "totals say")

    def test_nothing_refused(self):
        self.bad(GOOD.replace("fail: allocation 2", "fail: allocation two"), "2: refused nothing")

    def test_the_wrong_one_refused(self):
        self.bad(GOOD.replace("fail: allocation 2", "fail: allocation 3"),
                 r"boot-without-2: refused \[3\]")
        twice = "fail: allocation 2 refused: heap for mm/a.c:1\n"
        self.bad(GOOD.replace("error: virtio", twice + "error: virtio"), r"refused \[2, 2\]")

    def test_panic(self):
        self.bad(GOOD.replace("error: virtio", "panic: page fault"), "2: panic: page fault")
        self.bad(GOOD.replace("panic: no memory for", "panic: no hope for"), "3: panic: no hope")
        orderly = "panic: no memory for the root\n"
        self.bad(GOOD.replace("panic: no", orderly + "panic: no"), r"3: panic: .* \| panic")

    def test_allocations_left_out(self):
        self.bad(GOOD.replace("3 allocations", "4 allocations"), "3 boots for 4")
        self.bad(GOOD.replace("3 allocations", "2 allocations"), "3 boots for 2")
        self.bad(GOOD.replace("without-3", "without-2").replace("allocation 3", "allocation 2"),
                 "do not rise")

    def test_sample_of_many(self):
        boots, lines = range(1, 501), []
        for number in boots:
            lines.append("fail: allocation %d refused: heap for a\nok %d boot-without-%d\n"
                         % (number * 3, number, number * 3))
        text = "KTAP version 1\n# seed=0x1, 1500 allocations of boot\n1..500\n" + "".join(lines)
        self.assertEqual(faulttest.judge(text + "# Totals: pass:500 fail:0 skip:0\n", 33), [])

    def test_results_of_something_else(self):
        self.bad(GOOD.replace("boot-without-2", "heap_frees"), "no boots: heap_frees")

    def test_what_asks_for_it(self):
        self.assertTrue(faulttest.asked("a fail=boot+:heap"))
        self.assertTrue(faulttest.asked("fail=boot"))
        self.assertFalse(faulttest.asked("fail=count test nofail=boot"))


if __name__ == "__main__":
    unittest.main()
