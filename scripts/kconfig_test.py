#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a preset, a fragment or a hand asks for takes effect, or is refused."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Configuration(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.output = os.path.join(self.scratch.name, "o")
        self.config = os.path.join(self.output, ".config")

    def run_kconfig(self, *arguments):
        """(exit code, what it said)"""
        done = subprocess.run([sys.executable, os.path.join(HERE, "kconfig.py"), "--output",
                               self.output, *arguments], cwd=self.scratch.name, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def good(self, *arguments):
        code, said = self.run_kconfig(*arguments)
        self.assertEqual(code, 0, said)
        return said

    def refused(self, *arguments):
        code, said = self.run_kconfig(*arguments)
        self.assertEqual(code, 1, said)
        return said

    def read(self, name=".config"):
        with open(os.path.join(self.output, name), encoding="utf-8") as f:
            return f.read()

    def fragment(self, *lines):
        path = os.path.join(self.scratch.name, "mine.config")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        return path

    def edit(self, old, new):
        text = self.read()
        self.assertIn(old, text)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    def display_name(self):
        self.good("sync")
        lines = self.read("include/config/auto.conf").splitlines()
        return [w for w in lines if w.startswith("CAIRN_CONFIG_NAME")][0].rpartition(" ")[2]

    def test_a_preset_has_its_name_and_a_changed_one_says_so(self):
        self.good("apply", "q35_defconfig")
        self.assertEqual(self.display_name(), "q35")
        self.good("apply", "q35_defconfig", "debug.config")
        self.assertEqual(self.display_name(), "q35-modified")

    def test_each_wish_without_effect_is_named(self):
        self.good("apply", "defconfig")
        before = self.read()
        for line, words in (
                ("CONFIG_NOSUCH=y", "unknown symbol"),
                ("CONFIG_STACK_SIZE_KB=9999", "wanted 9999, got 16"),
                ("CONFIG_STACK_SIZE_KB=y", "wanted y, got 16"),
                ("CONFIG_SHELL=m", "wanted m, got y"),
                ("CONFIG_DEBUGCON_PORT=0xe8", "got nothing (depends on DEBUGCON)"),
                ("CONFIG_VIRTIO_PCI=n", "no prompt"),
                ("CONFIG_SHELL=", "malformed"),
                ("CONFIG_NAME=\"x", "malformed"),
                ("SHELL=y", "malformed")):
            with self.subTest(line=line):
                said = self.refused("apply", "defconfig", self.fragment("# mine", line))
                self.assertIn("mine.config:2: ", said)
                self.assertIn(words, said)
                self.assertEqual(self.read(), before)

    def test_a_missing_file_is_named(self):
        self.assertIn("nosuch.config", self.refused("apply", "defconfig", "nosuch.config"))
        self.assertFalse(os.path.exists(self.config))

    def test_two_presets_are_refused(self):
        self.assertIn("take one", self.refused("apply", "q35_defconfig", "microvm_defconfig"))

    def test_the_later_fragment_wins_and_it_is_reported(self):
        said = self.good("apply", "debug.config", "minimal_defconfig",
                         self.fragment("CONFIG_LOG_DEFAULT=1"))
        self.assertIn("CONFIG_LOG_DEFAULT=1 overrides CONFIG_LOG_DEFAULT=4", said)
        self.assertIn("CONFIG_LOG_DEFAULT=1\n", self.read())

    def test_a_choice_can_be_overridden(self):
        said = self.good("apply", "q35_defconfig",
                         self.fragment("CONFIG_VIRTIO_TRANSPORT_MMIO=y"))
        self.assertIn("overrides CONFIG_VIRTIO_TRANSPORT_PCI=y", said)
        self.assertNotIn("CONFIG_PCI=y", self.read())

    def test_a_fragment_alone_changes_the_configuration_that_is_there(self):
        self.good("apply", "q35_defconfig")
        self.good("apply", self.fragment("CONFIG_LOG_LEVEL=1"))
        self.assertIn('CONFIG_NAME="q35"', self.read())
        self.assertIn("CONFIG_LOG_PCI_LEVEL=1", self.read())

    def test_an_edit_without_effect_is_an_error_and_stays_to_be_mended(self):
        self.good("apply", "defconfig")
        self.edit("CONFIG_STACK_SIZE_KB=16", "CONFIG_STACK_SIZE_KB=1")
        edited = self.read()
        for command in (("sync",), ("run", "olddefconfig"), ("save",)):
            self.assertIn("wanted 1, got 16", self.refused(*command))
            self.assertEqual(self.read(), edited)

    def test_an_edit_takes_its_consequences_along(self):
        self.good("apply", "defconfig")
        self.edit("CONFIG_VIRTIO=y", "# CONFIG_VIRTIO is not set")
        self.assertIn("CONFIG_VIRTIO_RNG", self.good("sync"))
        self.assertNotIn("VIRTIO_RNG", self.read())

    def test_an_edited_choice_takes_effect(self):
        self.good("apply", "defconfig")
        self.edit("# CONFIG_VIRTIO_TRANSPORT_MMIO is not set", "CONFIG_VIRTIO_TRANSPORT_MMIO=y")
        self.good("sync")
        self.assertNotIn("CONFIG_PCI=y", self.read())

    def test_a_wish_in_a_foreign_configuration_is_checked(self):
        os.makedirs(self.output)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("CONFIG_SHELL=y\nCONFIG_NOSUCH=y\n")
        self.assertIn(".config:2: CONFIG_NOSUCH: unknown", self.refused("sync"))

    def forget(self, *lines):
        """As if the option on `lines` were one that the last checkout had."""
        with open(self.config, "a", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        path = os.path.join(self.output, "include/config/accepted.json")
        with open(path, encoding="utf-8") as f:
            return path, json.load(f)

    def test_a_default_that_vanished_is_mentioned_a_wish_is_an_error(self):
        for wished in (False, True):
            with self.subTest(wished=wished):
                self.good("apply", "defconfig")
                path, accepted = self.forget("CONFIG_WAS_HERE=y")
                with open(path, "w", encoding="utf-8") as f:
                    json.dump({**accepted, "WAS_HERE": ["y", wished]}, f)
                if wished:
                    self.assertIn("WAS_HERE: unknown", self.refused("sync"))
                else:
                    said = self.good("sync")
                    self.assertIn("gone from the Kconfig files: CONFIG_WAS_HERE", said)
                    self.assertNotIn("WAS_HERE", self.read())

    def test_wishes_are_remembered(self):
        self.good("apply", "defconfig", self.fragment("CONFIG_STACK_SIZE_KB=32"))
        self.edit("CONFIG_SHELL=y", "# CONFIG_SHELL is not set")
        self.good("sync")
        self.good("apply", self.fragment("CONFIG_LOG_LEVEL=1"))
        accepted = self.forget()[1]
        for name, wished in (("STACK_SIZE_KB", True), ("SHELL", True), ("LOG_LEVEL", True),
                             ("LOAD_ADDRESS", False)):
            self.assertEqual(accepted[name][1], wished, name)

    def test_an_empty_name_is_refused(self):
        self.assertIn("CONFIG_NAME: is empty",
                      self.refused("apply", "defconfig", self.fragment('CONFIG_NAME=""')))

    def test_an_output_that_cannot_be_written_is_one_line(self):
        for self.output in ("/dev/null", "/proc/nosuch"):
            said = self.refused("apply", "defconfig")
            self.assertNotIn("Traceback", said)
            self.assertIn(f"error: {self.output}", said)

    def test_drawn_configurations_are_consistent_and_named(self):
        for program in ("allyesconfig", "allnoconfig", "randconfig"):
            self.good("run", program)
            self.assertEqual(self.display_name(), program.removesuffix("config"))

    def test_the_saved_preset_makes_the_same_configuration(self):
        self.good("apply", "microvm_defconfig", "debug.config")
        before = self.read()
        self.good("save")
        self.good("apply", os.path.join(self.output, "defconfig"))
        self.assertEqual(self.read(), before)


if __name__ == "__main__":
    unittest.main()
