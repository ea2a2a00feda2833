# SPDX-License-Identifier: MIT
"""What becomes of measured numbers on their way into the table."""

import os
import tempfile
import unittest

import heapbench

CALLGRIND = """==12== Callgrind, a call-graph generating cache profiler
==12== Events    : Ir
==12== Collected : 3141592
==12==
==12== I   refs:      3,141,592
"""


class HeapbenchTest(unittest.TestCase):
    def test_callgrind_is_read(self):
        self.assertEqual(heapbench.collected(CALLGRIND), 3141592)

    def test_callgrind_that_says_nothing_is_no_zero(self):
        for text in ("", "==12== Collected : \n", CALLGRIND + CALLGRIND):
            with self.assertRaises(heapbench.Broken):
                heapbench.collected(text)

    def net(self, trace, driver, heap, start):
        """As of a heap of `heap` instructions a call under a driver of `driver`."""
        n = heapbench.COUNT_OPS
        none = driver + heapbench.NONE_COST[trace]
        return heapbench.net_count(trace, start + n * (driver + heap),
                                   start + 2 * n * (driver + heap),
                                   99 + n * none, 99 + 2 * n * none)

    def test_neither_start_nor_driver_is_counted(self):
        for trace in heapbench.TRACES:
            for driver, heap, start in ((0, 20, 0), (15, 20, 0), (15, 20, 12345678)):
                self.assertAlmostEqual(self.net(trace, driver, heap, start), 20)

    def test_the_heap_that_does_nothing_costs_what_it_executes(self):
        for trace, cost in heapbench.NONE_COST.items():
            self.assertAlmostEqual(self.net(trace, 15, cost, 77), cost)

    def test_the_runs_are_whole_cycles_of_the_stack(self):
        for n in (heapbench.COUNT_OPS, heapbench.TIME_OPS, heapbench.MEMORY_OPS):
            self.assertEqual(n % 20000, 0)

    def test_a_table_has_a_column_for_each_figure(self):
        figures = {("a", t): 1.25 for t in heapbench.TRACES}
        lines = list(heapbench.table(["a"], figures, figures, {("a", "l"): 1.0804}))
        self.assertEqual(len({line.index("|") for line in lines}), 1)
        self.assertEqual(len({line.rindex("|") for line in lines}), 1)
        self.assertEqual(lines[2].split(), ["a"] + ["1.2"] * 5 + ["|"] + ["1.2"] * 5 +
                         ["|", "1.080", "-", "-"])
        self.assertEqual(lines[-1].split()[2:7], ["20", "40", "28", "28", "150"])

    def test_missing_figures_are_dashes(self):
        line = list(heapbench.table(["a"], {}, {}, {}))[2]
        self.assertEqual(line.split(), ["a"] + ["-"] * 5 + ["|"] + ["-"] * 5 + ["|"] + ["-"] * 3)

    def test_a_library_is_found_where_it_lies(self):
        with tempfile.TemporaryDirectory() as scratch:
            self.assertEqual(heapbench.library("libx.so.*", (scratch,)), "")
            path = os.path.join(scratch, "libx.so.2")
            with open(path, "w", encoding="utf-8"):
                self.assertEqual(heapbench.library("libx.so.*", ("/nowhere", scratch)), path)

    def test_what_is_not_installed_is_said(self):
        said = []
        found, heapbench.library = heapbench.library, lambda pattern: ""
        try:
            heaps = list(heapbench.installed_heaps("driver", said.append))
        finally:
            heapbench.library = found
        self.assertEqual([h.name for h in heaps], ["C library"])
        self.assertEqual(said[0],
                         "SKIP tcmalloc: not installed (apt install libtcmalloc-minimal4)")
        self.assertEqual(len(said), len(heapbench.LIBRARIES))

    def test_levels_are_those_of_the_tree(self):
        with tempfile.TemporaryDirectory() as tree:
            os.mkdir(os.path.join(tree, "mm"))
            with open(os.path.join(tree, "mm", "Kconfig"), "w", encoding="utf-8") as file:
                file.write("config HEAP_CHECK_FULL\nconfig HEAP_CHECK_BASIC\n")
            self.assertEqual(heapbench.levels(tree), ["BASIC"])


if __name__ == "__main__":
    unittest.main()
