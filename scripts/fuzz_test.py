# SPDX-License-Identifier: MIT
"""Bytes survive as text; a target that breaks is heard of, and its bytes kept."""

import os
import stat
import tempfile
import unittest

import fuzz

# Stands for the program: lists one target; breaks it when told to.
PROGRAM = """#!/bin/sh
if [ -z "$FUZZ_TARGET" ]; then echo "broken drivers/x/x_fuzz.c"; exit 0; fi
for word; do case $word in -artifact_prefix=*) found=${word#*=} ;; esac; done
test -n "$BREAK" || exit 0
test "$BREAK" != silently || exit 1
printf 'AB' >"${found}crash-1"
echo "it broke"
exit 77
"""


class TextTest(unittest.TestCase):
    def test_bytes_survive(self):
        data = bytes(range(256)) + b"end"
        self.assertEqual(fuzz.from_text(fuzz.to_text(data, "what # it is")), data)

    def test_comments_and_blanks(self):
        self.assertEqual(fuzz.from_text("# 00\n41 42\n 43# 44\n"), b"ABC")


class TargetTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = os.path.join(self.folder.name, "fuzz")
        with open(self.program, "w", encoding="ascii") as f:
            f.write(PROGRAM)
        os.chmod(self.program, stat.S_IRWXU)
        self.target, = fuzz.list_targets(self.program, "*")
        self.target.text = os.path.join(self.folder.name, "corpus")
        os.environ.pop("BREAK", None)
        self.addCleanup(os.environ.pop, "BREAK", None)

    def test_lists_what_matches(self):
        self.assertEqual(self.target.name, "broken")
        self.assertEqual(fuzz.list_targets(self.program, "other*"), [])

    def test_what_holds_is_silent(self):
        self.assertIsNone(self.target.fuzz(1))

    def test_what_breaks_is_kept_as_text(self):
        os.environ["BREAK"] = "1"
        self.assertIn("it broke", self.target.fuzz(1))
        kept, = os.listdir(self.target.text)
        with open(os.path.join(self.target.text, kept), encoding="ascii") as f:
            self.assertEqual(fuzz.from_text(f.read()), b"AB")

    def test_what_ends_without_a_word_is_broken(self):
        os.environ["BREAK"] = "silently"
        self.assertIn("ended with 1", self.target.fuzz(1))
        self.assertEqual(fuzz.fuzz_targets([self.target], 1), 1)


if __name__ == "__main__":
    unittest.main()
