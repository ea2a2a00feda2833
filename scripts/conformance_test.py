# SPDX-License-Identifier: MIT
"""Plants each fault of the page that conformance.py must hear of."""

import os
import tempfile
import unittest

import conformance
from conformance import Known, Ran, Row

HEAD = "| section | requirement | met by | shown by |\n| --- | --- | --- | --- |\n"
TEXTS = {
    "drivers/virtio/ring.c": "static int ring_add(struct ring *r)\n{\n}\n",
    "drivers/virtio/ring_test.c": "KTEST(ring_adds)\n{\n}\nKTEST_MAY_FAIL(ring_starts)\n{\n}\n",
    "drivers/virtio/ring_fuzz.c": "FUZZ(ring)\n{\n}\n",
    "drivers/a/twice.c": "", "drivers/b/twice.c": "",
}
RUNS = {"boot": "ci", "cross": "all"}
LATEX = r"""\chapter{One}
\chapter{Two}\section{A}
\drivernormative{\subsection}{A}{Two / A}
The driver MUST do. % MUST not count
It MUST NOT do 50\% MUST.
\devicenormative{\subsection}{A}{Two / A}
The device MUST.
\section{B}
\subsection{C}
\drivernormative{\subsubsection}{C}{x}
The driver MUST.
"""


def row(met="`ring.c:ring_add()`", shown="`ring_adds`"):
    return Row(1, "2.1.1", "words", met, shown)


class PageTest(unittest.TestCase):
    def setUp(self):
        self.known = Known(TEXTS, RUNS)

    def problems(self, **cells):
        return [*conformance.code_problems(row(**cells), self.known),
                *conformance.shown_problems(row(**cells), self.known)]

    def test_rows_are_those_of_its_tables_alone(self):
        page = "# Title\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n" + HEAD + \
            "| 2.1.1 | what | where | which |\n\n| 2.1.1 | loose | x | y |\n"
        self.assertEqual(conformance.rows_of(page), [Row(9, "2.1.1", "what", "where", "which")])

    def test_row_that_is_cut_is_seen(self):
        (cut,) = conformance.rows_of(HEAD + "| 2.1.1 | what | where |\n")
        self.assertIn("no such section", " ".join(conformance.count_problems([cut])))

    def test_what_exists_may_be_named(self):
        self.assertEqual(self.problems(shown="`ring_starts`, fuzz `ring`, run `cross`"), [])
        self.assertEqual(self.problems(met="`ring.c`"), [])

    def test_what_does_not_exist_is_told(self):
        for cells, word in (({"met": "nowhere"}, "no place"),
                            ({"met": "`wring.c`"}, "0 files"),
                            ({"met": "`twice.c`"}, "2 files"),
                            ({"met": "`ring.c:ring_take()`"}, "no ring_take()"),
                            ({"shown": "?"}, "names no test"),
                            ({"shown": "`ring_takes`"}, "no test ring_takes"),
                            ({"shown": "run `ring_adds`"}, "no run ring_adds"),
                            ({"shown": "fuzz `boot`"}, "no fuzz boot")):
            (problem,) = self.problems(**cells)
            self.assertIn(word, problem)

    def test_each_section_has_its_number_of_rows(self):
        rows = [Row(1, section, "", "", "") for counts in (conformance.NORMATIVE,
                                                           conformance.LEGACY)
                for section, count in counts.items() for _ in range(count)]
        self.assertEqual(conformance.count_problems(rows), [])
        self.assertEqual(conformance.count_problems(rows[1:]), ["section 2.1.1 has 2 rows, not 3"])
        self.assertEqual(len(conformance.count_problems(rows + [Row(7, "9.9", "", "", "")])), 1)


class RanTest(unittest.TestCase):
    def setUp(self):
        self.known = Known(TEXTS, RUNS)

    def problems(self, shown, hosttest="", output="", logs=None, tier="ci"):
        ran = Ran(hosttest, output, lambda run: (logs or {})[run])
        return conformance.ran_problems([row(shown=shown)], self.known, ran, tier)

    def test_what_passed_anywhere_shows_it(self):
        self.assertEqual(self.problems("`ring_adds`", "ok 1 ring_adds\n"), [])
        self.assertEqual(self.problems("`ring_adds`", "ok 1 ring_adds # SKIP no ring\n",
                                       "ok 1 boot # 1.0 s\n", {"boot": "ok 3 ring_adds\r\n"}), [])

    def test_what_was_skipped_everywhere_or_never_ran_is_told(self):
        self.assertIn("skipped everywhere: no ring",
                      self.problems("`ring_adds`", "ok 1 ring_adds # SKIP no ring\n")[0])
        self.assertIn("did not run and pass", self.problems("`ring_adds`")[0])
        self.assertIn("did not run and pass",
                      self.problems("`ring_adds`", "not ok 1 ring_adds\n")[0])

    def test_log_of_a_run_that_failed_shows_nothing(self):
        self.assertEqual(len(self.problems("`ring_adds`", "", "not ok 1 boot # 1.0 s\n",
                                           {"boot": "ok 1 ring_adds\n"})), 1)

    def test_fuzz_target_is_replayed_by_a_test(self):
        self.assertEqual(self.problems("fuzz `ring`", "ok 1 fuzz_corpora_break_nothing\n"), [])
        self.assertEqual(len(self.problems("fuzz `ring`", "ok 1 ring_adds\n")), 1)

    def test_run_counts_where_its_tier_was_asked_for(self):
        self.assertEqual(self.problems("run `boot`", "", "ok 1 boot # 1 s\n", {"boot": ""}), [])
        self.assertEqual(len(self.problems("run `boot`")), 1)
        self.assertEqual(self.problems("`ring_adds`, run `cross`", "ok 1 ring_adds\n"), [])
        self.assertEqual(len(self.problems("`ring_adds`, run `cross`", "ok 1 ring_adds\n",
                                           tier="all")), 1)
        self.assertIn("nothing of the tier ci", self.problems("run `cross`")[0])


class SpecTest(unittest.TestCase):
    def test_demands_on_drivers_are_counted_by_section(self):
        self.assertEqual(conformance.count_spec(LATEX), {"2.1.1": 3, "2.2.1.1": 1})

    def test_files_are_put_together(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("a.tex", "x \\input{b} z"), ("b.tex", "y")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assertEqual(conformance.read_latex(folder, "a.tex"), "x y z")


if __name__ == "__main__":
    unittest.main()
