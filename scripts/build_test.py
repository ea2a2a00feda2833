#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Makefile promises: order of goals, and that nothing is built twice."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Build(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.output = os.path.join(cls.scratch.name, "o")
        cls.first = cls.make("-j2", "q35_defconfig", "debug.config", "iso")

    @classmethod
    def make(cls, *arguments, ok=True):
        """What make said, from a directory that is not the source's."""
        foreign = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "V", "CC", "CMDLINE")
        env = {k: v for k, v in os.environ.items() if k not in foreign}
        where = [] if "-f" in arguments else ["-f", os.path.join(ROOT, "Makefile")]
        done = subprocess.run(["make", *where, "O=o", *arguments],
                              cwd=cls.scratch.name, env=env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if ok == bool(done.returncode):
            raise AssertionError(f"make {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def actions(self, *arguments):
        said = self.make(*arguments)
        return [line.split()[0] for line in said.splitlines() if line.startswith("  ")]

    def test_goals_are_done_in_the_order_written(self):
        self.assertTrue(os.path.exists(os.path.join(self.output, "cairn.iso")))
        with open(os.path.join(self.output, ".config"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn('CONFIG_NAME="q35"', text)
        self.assertIn("CONFIG_ASSERT=y", text)

    def test_a_second_make_builds_nothing(self):
        self.assertEqual(self.actions("iso"), [])
        self.assertEqual(self.actions(), [])

    def pretended(self, name):
        """The commands that would run if the source file `name` had changed."""
        return self.make("-C", ROOT, "-f", "Makefile", "O=" + self.output,
                         "-n", "-W", name, "kernel", "V=1")

    def test_a_changed_source_rebuilds_one_object(self):
        said = self.pretended("kernel/log.c")
        compiled = re.findall(r" -c -o \S*?(\w+\.o)", said)
        self.assertEqual(compiled, ["log.o", "symbols.o"])     # and the table of names
        self.assertIn("cairn.elf", said)

    def test_a_changed_header_rebuilds_who_includes_it(self):
        said = self.pretended("kernel/shell.h")
        self.assertGreater(said.count(" -c -o "), 1)
        self.assertNotIn("kernel/lib/string.c", said)

    def test_another_compiler_rebuilds_everything(self):
        changed = self.make("-n", "CC=clang", "kernel")
        self.assertIn("kernel/lib/string.c", changed)
        self.make("-n", "kernel")	# puts the record of the flags back
        self.make("kernel")

    def test_the_command_line_goes_into_the_image_as_it_is(self):
        words = "a=b it's $x \"q\" *"
        self.make("iso", "CMDLINE=" + words)
        with open(os.path.join(self.output, "cairn.iso"), "rb") as f:
            image = f.read()
        self.assertIn(rb"""cairn.elf 'a=b' 'it'\''s' '$x' '"q"' '*'""", image)
        self.assertEqual(self.actions("iso", "CMDLINE=" + words), [])
        self.assertEqual(self.actions("iso"), ["ISO"])

    def test_what_is_lost_is_made_again(self):
        os.remove(os.path.join(self.output, "include/generated/autoconf.h"))
        self.make("-n", "kernel")
        self.assertTrue(os.path.exists(os.path.join(self.output, "include/generated/autoconf.h")))
        self.make("O=p", "microvm_defconfig")
        self.make("O=p", "-n", "kernel")
        self.make("O=p", "clean")
        left = sorted(os.listdir(os.path.join(self.scratch.name, "p")))
        self.assertEqual(left, [".cairn-build", ".config", "include"])
        self.make("O=p", "-n", "kernel")
        path = os.path.join(self.scratch.name, "p/include/config/auto.conf")
        with open(path, encoding="utf-8") as f:
            self.assertIn("CAIRN_CONFIG_NAME := microvm\n", f.read())
        self.make("O=p", "mrproper")
        self.assertFalse(os.path.exists(os.path.join(self.scratch.name, "p")))

    def test_the_source_is_no_place_to_build_in(self):
        for place in (ROOT, os.path.dirname(ROOT), "/", ROOT + "/kernel", ROOT + "/.git/x",
                      ROOT + "/drivers/new"):
            for goal in ("minimal_defconfig", "clean", "mrproper"):
                with self.subTest(place=place, goal=goal):
                    self.assertIn("the source is there", self.make("-n", "O=" + place, goal,
                                                                   ok=False))
        os.symlink(ROOT + "/mm", os.path.join(self.scratch.name, "link"))
        self.assertIn("the source is there", self.make("-n", "O=link", "clean", ok=False))

    def test_paths_that_would_be_misread_are_refused(self):
        for character in ";'\"$:%#&|<>()*?`\\~[]{}!=,":
            with self.subTest(character=character):
                said = self.make("-n", f"O=a{character}b", "defconfig", ok=False)
                self.assertIn(f"the character {character} in the path", said)
        self.assertIn("blanks", self.make("-n", "O=a b", "defconfig", ok=False))
        self.assertIn("O= is empty", self.make("-n", "O=", "defconfig", ok=False))

    def test_where_nothing_can_be_written_one_line_says_so(self):
        for place in ("/dev/null", "/proc/nosuch", "/proc"):
            said = self.make("O=" + place, "minimal_defconfig", ok=False)
            self.assertIn(f"O={place}: ", said)
            self.assertNotIn("Traceback", said)

    def test_numbers_are_checked_before_anything_is_built(self):
        for word in ("SEED=abc", "SEED=", "SEED=-1", "SEED=$x", "OPS=0", "OPS=x", "TIER=some"):
            said = self.make("O=q", "hosttest", word, ok=False)
            self.assertIn(word.split("=", maxsplit=1)[0] + "=", said)
            self.assertNotIn(" CC ", said)

    def test_a_goal_may_be_repeated(self):
        said = self.make("O=r", "help", "q35_defconfig", "help", "debug.config", "debug.config")
        self.assertNotIn("warning:", said)
        self.assertEqual(said.count("clean mrproper"), 2)

    def test_a_number_of_random_configurations_is_checked(self):
        for word in ("N=0", "N=x", "N=-1"):
            self.assertIn(word + ": a number", self.make("O=s", "randtest", word, ok=False))

    def test_a_tree_inside_another_projects_checkout_is_none(self):
        outer = os.path.join(self.scratch.name, "outer")
        tree = os.path.join(outer, "cairn")
        os.makedirs(tree)
        for words in (("init", "-q"), ("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q",
                                       "--allow-empty", "-m", "x")):
            subprocess.run(["git", "-C", outer, *words], check=True)
        shutil.copytree(ROOT, tree, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns(".git", "build", "__pycache__"))
        where = ("-C", tree, "-f", "Makefile", "O=" + os.path.join(self.scratch.name, "t"))
        self.make(*where, "minimal_defconfig")
        self.make(*where, "-n", "kernel")
        with open(os.path.join(self.scratch.name, "t/include/generated/version.h"),
                  encoding="utf-8") as f:
            self.assertIn('CAIRN_COMMIT "unknown"', f.read())
        self.assertIn("set SOURCE_DATE_EPOCH", self.make(*where, "-n", "iso", ok=False))

    def test_what_is_not_a_build_directory_is_not_cleared(self):
        path = os.path.join(self.scratch.name, "mine")
        os.makedirs(path)
        with open(os.path.join(path, "precious"), "w", encoding="utf-8"):
            pass
        for goal in ("clean", "mrproper", "minimal_defconfig", "kernel"):
            self.make("O=mine", goal, ok=False)
        self.assertEqual(os.listdir(path), ["precious"])


if __name__ == "__main__":
    unittest.main()
