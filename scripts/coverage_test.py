# SPDX-License-Identifier: MIT
"""What counts as reached, and what is not measured."""

import unittest

import coverage

FOLDERS = ["drivers/a", "drivers/b"]


def report(path, **lines):
    return {"files": [{"file": path, "lines": [
        {"line_number": int(n[1:]), "count": times} for n, times in lines.items()]}]}


class MergeTest(unittest.TestCase):
    def test_a_line_of_a_header_is_reached_if_any_object_reaches_it(self):
        counts = coverage.merge([report("drivers/a/x.h", l1=0, l2=3),
                                 report("drivers/a/x.h", l1=2, l3=0)], FOLDERS)
        self.assertEqual(counts, {"drivers/a/x.h": {1: 2, 2: 3, 3: 0}})

    def test_tests_and_other_directories_are_not_measured(self):
        for path in ("drivers/a/x_test.c", "drivers/a/x_fuzz.c", "drivers/a/x_bench.c",
                     "drivers/a/fake_device.c", "drivers/a/host_memory.h", "kernel/log.c",
                     "drivers/a/below/x.c"):
            self.assertEqual(coverage.merge([report(path, l1=1)], FOLDERS), {}, path)


class TableTest(unittest.TestCase):
    def test_lines_that_nobody_reached_are_named(self):
        lines = {3: 0, 4: 0, 6: 1, 9: 0}
        text, shares = coverage.table({"drivers/a/x.c": lines}, FOLDERS)
        self.assertRegex(text, r"drivers/a/x\.c +1 of +4 lines +25\.0 %  not reached: 3-4, 9\n")
        self.assertEqual(shares, {"drivers/a": 25.0, "drivers/b": 100.0})

    def test_lines_without_code_do_not_part_a_range(self):
        self.assertEqual(coverage.ranges({3, 7, 8, 12}, {3, 7, 8, 10, 12}), "3-8, 12")
        self.assertEqual(coverage.ranges(set(), {1, 2}), "")

    def test_a_file_that_the_program_has_not_counts(self):
        counts = coverage.merge([report("drivers/a/x.c", l1=1, l2=1),
                                 report("drivers/a/y.c", l1=0, l2=0)], FOLDERS)
        self.assertEqual(coverage.table(counts, FOLDERS)[1]["drivers/a"], 50.0)

    def test_a_source_that_was_not_counted_at_all_is_a_problem(self):
        counts = {"drivers/a/x.c": {1: 1}}
        sources = ["drivers/a/x.c", "drivers/a/x_test.c", "drivers/b/y.c"]
        self.assertEqual(coverage.complain(counts, FOLDERS, sources),
                         ["drivers/b/y.c: gcov knows nothing of it"])


if __name__ == "__main__":
    unittest.main()
