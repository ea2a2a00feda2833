# SPDX-License-Identifier: MIT
"""Each planted fault fits the source as it is, once, and has a test that exists."""

import fnmatch
import os
import re
import unittest

import boottest
import memmaps
import mutants
import twins


class MutantsTest(unittest.TestCase):
    def test_faults_fit_the_source(self):
        for mutant in mutants.MUTANTS:
            with self.subTest(mutant.name):
                text = boottest.read_text(os.path.join(boottest.TREE, mutant.path))
                self.assertEqual(text.count(mutant.old), 1)
                self.assertNotEqual(mutant.old, mutant.new)
                re.compile(mutant.want)

    def test_names_are_single(self):
        names = [m.name for m in mutants.MUTANTS]
        self.assertEqual(len(names), len(set(names)))

    def test_runs_exist(self):
        cfg = os.path.join(boottest.HERE, "tests.cfg")
        runs = [r.name for r in boottest.load_runs(cfg, "/nowhere", "all", "*")]
        maps = [memmaps.title(p) for p in memmaps.corpus(memmaps.FOLDER)]
        for mutant in mutants.MUTANTS:
            kind, _, only = mutant.test.partition(" ")
            self.assertIn(kind, ("boot", "maps", "twins", "host", "hostself"))
            if kind == "twins":
                self.assertIn(only, twins.EVERY_KIND)
            if kind == "boot":
                self.assertTrue(fnmatch.filter(runs, only), mutant.name)
            if kind == "maps":
                self.assertTrue(fnmatch.filter(maps, only), mutant.name)

    def test_a_fault_must_be_caught_by_the_right_test(self):
        mutant = mutants.MUTANTS[0]._replace(want=r"not ok \d+ right")
        self.assertIsNone(mutants.judge("not ok 3 right\n", 1, mutant))
        self.assertIn("passed", mutants.judge("not ok 3 right\n", 0, mutant))
        self.assertIn("not by the right test", mutants.judge("not ok 3 other\n", 1, mutant))
        self.assertIn("not built", mutants.judge("the image was not built: x\n", 1, mutant))


if __name__ == "__main__":
    unittest.main()
