#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A console that was kept is believed only whole and good."""

import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

import verdict

GOOD = ("KTAP version 1\n1..2\nok 1 a\nok 2 b # SKIP no clock\n"
        "# Totals: pass:1 fail:0 skip:1\n")


class Verdict(unittest.TestCase):
    def judge(self, text, *more):
        """(exit code, what it said)"""
        with tempfile.TemporaryDirectory() as folder:
            console = os.path.join(folder, "console")
            with open(console, "w", encoding="utf-8") as f:
                f.write(text)
            with mock.patch("sys.argv", ["verdict", "kernel", console, *more]), \
                    mock.patch("elf.Elf.load"), \
                    mock.patch("elf.test_names", return_value=["a", "b"]), \
                    contextlib.redirect_stdout(io.StringIO()) as said:
                return verdict.main(), said.getvalue()

    def test_what_is_whole_passes_and_skips_are_told(self):
        self.assertEqual(self.judge(GOOD), (0, "skipped: b # SKIP no clock\n2 tests, passed\n"))
        self.assertEqual(self.judge(GOOD.replace("\n", "\r\n"))[0], 0)

    def test_what_lacks_something_fails(self):
        for text in ("", GOOD.replace("ok 1", "not ok 1"), GOOD.replace("ok 1 a\n", ""),
                     GOOD.replace(" b", " c"), GOOD.replace("# Totals", "# T")):
            self.assertEqual(self.judge(text)[0], 1, text)
        self.assertEqual(self.judge(GOOD, "--strict")[0], 1)


if __name__ == "__main__":
    unittest.main()
