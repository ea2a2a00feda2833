# SPDX-License-Identifier: MIT
"""A part's count is believed only together with its exit code."""

import unittest

from test import count_of


class CountTest(unittest.TestCase):
    def test_counts(self):
        self.assertEqual(count_of("x\n3 passed, 0 failed\n", 0), (3, 0))
        self.assertEqual(count_of("# Totals: pass:7 fail:1 skip:0\n", 1), (7, 1))

    def test_exit_code_speaks_too(self):
        self.assertEqual(count_of("3 passed, 0 failed\n", 2), (3, 1))
        self.assertEqual(count_of("Segmentation fault\n", 139), (0, 1))

    def test_silence_with_success_is_one_pass(self):
        self.assertEqual(count_of("", 0), (1, 0))

    def test_last_count_wins(self):
        self.assertEqual(count_of("9 passed, 9 failed\n2 passed, 0 failed, 1 skipped\n", 0),
                         (2, 0))


if __name__ == "__main__":
    unittest.main()
