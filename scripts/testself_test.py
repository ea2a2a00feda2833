# SPDX-License-Identifier: MIT
"""The judge of the framework's own failures notices each lack."""

import unittest

import testself

GOOD = ("KTAP version 1\n1..1\n# kernel/ktest_test.c:9: 1 > 2\nnot ok 1 %s\n"
        "# Totals: pass:0 fail:1 skip:0\n")


class SelfTest(unittest.TestCase):
    def setUp(self):
        self.name, self.code, self.there, self.absent = next(testself.cases())
        self.good = GOOD % self.name

    def problems(self, output, code=1):
        return len(testself.judge(output, code, self.code, self.there, self.absent))

    def test_there_are_tests_that_fail(self):
        self.assertGreaterEqual(len(testself.failing_tests()), testself.FAILS_MIN)

    def test_each_lack_is_seen(self):
        self.assertEqual(self.problems(self.good), 0)
        self.assertEqual(self.problems(self.good, 0), 1)
        self.assertEqual(self.problems(self.good.replace("not ok", "ok")), 2)
        self.assertEqual(self.problems(self.good.replace("fail:1", "fail:0")), 1)
        self.assertEqual(self.problems(self.good + "# went on after require()\n"), 1)
        self.assertEqual(self.problems(self.good.replace("# kernel", "# colonel")), 1)


if __name__ == "__main__":
    unittest.main()
