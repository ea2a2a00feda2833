# SPDX-License-Identifier: MIT
"""What maptest.py makes of a console, and which maps it takes."""

import os
import tempfile
import unittest

import maptest
import memmaps
from memmaps import CLAIMED, MIB, USABLE, Region

WANT = [Region(0, MIB, CLAIMED, "low memory"), Region(MIB, 64 * MIB, USABLE, "RAM")]
LINES = "cairn> memmap\n%s\n%s\nusable: %d bytes\ncairn>" % (
    *map(memmaps.line, WANT), 63 * MIB)
REPORT = "memory  5 entries, 2 regions, 63 MiB usable, heap 64000 KiB\n"


class JudgeTest(unittest.TestCase):
    def test_what_the_model_says_passes(self):
        self.assertEqual(maptest.check_map(LINES, WANT), [])
        self.assertEqual(maptest.check_report(REPORT, WANT, 5), [])

    def test_any_difference_is_seen(self):
        head, low, ram, usable, tail = LINES.split("\n")
        for lines in ([head, ram, low, usable, tail], [head, low, usable, tail],
                      [head, low, ram, ram, usable, tail], [head, low, ram, tail],
                      [head, low.replace("claimed ", "reserved"), ram, usable, tail],
                      [head, low, ram.replace("ffff ", "efff "), usable, tail],
                      [head, low, ram, usable.replace("6", "7"), tail], []):
            self.assertEqual(len(maptest.check_map("\n".join(lines), WANT)), 1)

    def test_any_figure_of_the_report_counts(self):
        for old, new in (("5 entries", "6 entries"), ("2 regions", "3 regions"),
                         ("63 MiB", "62 MiB"), ("64000", "65000"), ("64000", "50000"),
                         ("memory", "memories")):
            self.assertEqual(len(maptest.check_report(REPORT.replace(old, new), WANT, 5)), 1)
        warned = REPORT + "warning: mm: memory map too long: 3 gaps\n"
        self.assertEqual(len(maptest.check_report(warned, WANT, 5)), 1)


class ChooseTest(unittest.TestCase):
    def test_sample_is_of_our_corpus(self):
        chosen = [memmaps.title(p) for p in maptest.choose(memmaps.FOLDER, "ci", "*")]
        self.assertEqual(sorted(chosen), sorted(maptest.SAMPLE))
        self.assertGreater(len(maptest.choose(memmaps.FOLDER, "all", "*")), 30)

    def test_another_corpus_is_taken_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(memmaps.MapError):
                maptest.choose(folder, "ci", "*")
            for name in ("a.map", "b.map", "c.txt"):
                with open(os.path.join(folder, name), "w", encoding="ascii"):
                    pass
            self.assertEqual(len(maptest.choose(folder, "ci", "*")), 2)
            self.assertEqual(len(maptest.choose(folder, "all", "b")), 1)
            with self.assertRaises(memmaps.MapError):
                maptest.choose(folder, "all", "nothing*")


if __name__ == "__main__":
    unittest.main()
