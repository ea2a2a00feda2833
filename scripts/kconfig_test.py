#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a preset, a fragment or a hand asks for takes effect, or is refused."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

import kconfig
import kconfig_file
import kconfig_why

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


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

    def fragment(self, *lines, name="mine.config"):
        path = os.path.join(self.scratch.name, name)
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
                ("CONFIG_SHEL=n", "unknown symbol; did you mean SHELL"),
                ("CONFIG_STACK_SIZE_KB=9999", "wanted 9999, got 16: it is out of range, 8 to 256"),
                ("CONFIG_STACK_SIZE_KB=y", "wanted y, got 16: it is an int, 8 to 256"),
                ("CONFIG_VIRTIO_MMIO_BASE=0x10", "out of range, 0x1000 to 0xfffffff000"),
                ("CONFIG_VIRTIO_MMIO_BASE=16", "it is a hex, 0x1000 to "),
                ("CONFIG_SHELL=m", "it is a bool: y or n, there are no modules"),
                ("CONFIG_DEBUGCON_PORT=0xe8", "\tDEBUGCON_PORT depends on DEBUGCON (=n)\n"
                 "error: \t  DEBUGCON can be set: drivers/console/Kconfig:"),
                ("CONFIG_VIRTIO_PCI=n", "it is selected by VIRTIO_TRANSPORT_BOTH (=y)"),
                ("CONFIG_SHELL=", "malformed"),
                ("CONFIG_NAME=\"x", "malformed"),
                ("SHELL=y", "malformed")):
            with self.subTest(line=line):
                said = self.refused("apply", "defconfig", self.fragment("# mine", line))
                self.assertIn("mine.config:2: ", said)
                self.assertIn(words, said)
                self.assertEqual(self.read(), before)

    def test_what_stands_in_the_way_is_told_down_to_who_set_it(self):
        said = self.refused("apply", "defconfig", self.fragment(
            "CONFIG_VIRTIO=n", "CONFIG_VIRTIO_MMIO_COUNT=9", "CONFIG_VIRTIO_RNG=y"))
        for words in ("mine.config:2: CONFIG_VIRTIO_MMIO_COUNT: wanted 9, got nothing: "
                      "a dependency is not met",
                      "VIRTIO_MMIO_COUNT depends on VIRTIO_MMIO (=n)",
                      "VIRTIO_MMIO has no prompt, it is selected by VIRTIO_TRANSPORT_MMIO (=n)",
                      "VIRTIO_RNG depends on VIRTIO (=n)",
                      ", but is n by mine.config:1"):
            self.assertIn(words, said)

    def test_a_fragment_that_takes_an_earlier_ones_ground_is_refused(self):
        said = self.refused("apply", "microvm_defconfig", self.fragment("CONFIG_VIRTIO=n"))
        self.assertIn("VIRTIO_TRANSPORT_MMIO depends on VIRTIO (=n)", said)
        self.assertIn("microvm_defconfig:", said)

    def test_of_two_members_in_two_fragments_the_later_wins_and_is_reported(self):
        said = self.good("apply", "defconfig",
                         self.fragment("CONFIG_VIRTIO_TRANSPORT_PCI=y", name="one.config"),
                         self.fragment("CONFIG_VIRTIO_TRANSPORT_MMIO=y"))
        self.assertRegex(said, r"TRANSPORT_MMIO=y overrides CONFIG_VIRTIO_TRANSPORT_PCI=y \(.*one")
        self.assertIn("VIRTIO_TRANSPORT_MMIO=y\n", self.read())

    def why(self, *arguments):
        return self.good("why", *arguments)

    def test_why_tells_value_origin_and_surroundings(self):
        self.good("apply", "q35_defconfig", "debug.config")
        said = self.why("CONFIG_HEAP_CHECK_FULL")
        for words in (r"defined +mm/Kconfig:\d+", r"type +bool",
                      r"value +y, from: \S*configs/debug.config:\d+", r"HEAP_CHECK_BASIC \(=n\)",
                      r"needed by +HEAP_QUARANTINE_KB", r"red zones"):
            self.assertRegex(said, words)
        self.assertRegex(self.why("PCI"), "from: selected by VIRTIO_PCI")
        self.assertRegex(self.why("STACK_SIZE_KB"), r"value +16, from: default")
        self.assertRegex(self.why("STACK_SIZE_KB"), r"range +8 to 256")
        said = self.why("VIRTIO_MMIO_COUNT")
        for words in ("because +VIRTIO_MMIO_COUNT depends on", r"range +0 to 64 if VIRTIO_MMIO",
                      r"VIRTIO_TRANSPORT_MMIO can be set: \S+ \(one of a choice, now"):
            self.assertRegex(said, words)
        self.edit("CONFIG_SHELL=y", "# CONFIG_SHELL is not set")
        self.assertRegex(self.why("SHELL"), "value +n, from: .*by hand")
        self.assertIn("did you mean HEAP_CHECK_FULL", self.refused("why", "HEAP_CHEK_FULL"))

    def test_the_lines_that_give_a_value_give_it(self):
        self.good("apply", "q35_defconfig")
        for name, wanted, count in (("VIRTIO_MMIO_BASE", "0xd0000000", 2), ("PCI", "n", 1),
                                    ("DEBUGCON_PORT", "0xe8", 2), ("SHELL", "y", 0)):
            with self.subTest(name=name):
                lines = self.why(name, wanted).splitlines()[1:]
                self.assertEqual(len(lines), count, lines)
                self.good("apply", self.fragment(*lines))
                got = [x for x in self.read().splitlines() if f"CONFIG_{name}=" in x]
                self.assertEqual(got, [f"CONFIG_{name}={wanted}"] if wanted != "n" else [])
                self.good("apply", "q35_defconfig")
        self.assertIn("no set of lines", self.refused("why", "STACK_SIZE_KB", "9999"))

    def test_a_difference_is_told_in_both_directions(self):
        said = self.good("diff", "defconfig", "q35_defconfig")
        self.assertIn("-CONFIG_MACHINE_PC=y\n+# CONFIG_MACHINE_PC is not set\n", said)
        self.assertIn("-CONFIG_VIRTIO_MMIO=y\n CONFIG_VIRTIO_MMIO: gone\n", said)
        self.assertEqual(self.good("diff", "q35_defconfig", "q35_defconfig"), "")

    def test_new_options_are_listed_with_their_defaults(self):
        self.good("apply", "defconfig")
        self.assertEqual(self.good("new"), "")
        self.edit("CONFIG_STACK_SIZE_KB=16\n", "")
        self.assertEqual(self.good("new"), "CONFIG_STACK_SIZE_KB=16\n")

    def origin(self):
        return self.good("origin").splitlines()[0]

    def test_what_a_configuration_was_made_from_is_known(self):
        self.good("apply", "q35_defconfig", "debug.config")
        self.assertEqual(self.origin(), "# origin: q35_defconfig debug.config")
        mine = self.fragment("CONFIG_LOG_LEVEL=1")
        self.good("apply", mine)
        with open(mine, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()[:16]
        want = f"# origin: q35_defconfig debug.config mine.config@sha256:{digest}"
        self.assertEqual(self.origin(), want)
        self.edit("CONFIG_SHELL=y", "# CONFIG_SHELL is not set")
        self.good("sync")
        self.assertEqual(self.origin(), want + " edited")
        self.good("sync")
        self.assertEqual(self.origin(), want + " edited")
        with open(os.path.join(self.scratch.name, "out.config"), "w", encoding="utf-8") as f:
            f.write(self.good("origin"))
        before = self.read()
        self.good("apply", "microvm_defconfig")
        self.good("apply", os.path.join(self.scratch.name, "out.config"))
        self.assertEqual((self.origin(), self.read()), (want + " edited", before))

    def presets(self):
        return sorted(f for f in os.listdir(os.path.join(ROOT, "configs")) if "defconfig" in f)

    def disagreements(self):
        """What kconfiglib, which explains, has otherwise than kconfig-frontends, which decides."""
        tree = kconfig_why.load(ROOT, self.config)
        theirs = {s.name: s.str_value for s in tree.unique_defined_syms}
        ours = kconfig.Kconfig.values_of(self.read())
        found = [n for n, v in ours.items() if theirs.get(n) != v.strip('"')]
        return found + [n for n, v in theirs.items() if n not in ours and v not in ("n", "")
                        and tree.syms[n].visibility]

    def test_both_readers_agree(self):
        drawn = [("run", "randconfig")] * int(os.environ.get("RANDOM_CONFIGURATIONS", "3"))
        for command in [("apply", p) for p in self.presets()] + drawn:
            said = self.good(*command)
            with self.subTest(command=command, said=said):
                self.assertEqual(self.disagreements(), [])

    def test_readers_that_disagree_are_noticed(self):
        self.good("apply", "defconfig")
        self.edit("CONFIG_STACK_SIZE_KB=16", "CONFIG_STACK_SIZE_KB=1")
        self.edit("CONFIG_VIRTIO_MMIO=y\n", "")
        self.edit("CONFIG_SHELL=y\n", "")
        self.assertEqual(self.disagreements(), ["STACK_SIZE_KB", "SHELL"])

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
        self.assertIn(".config:2: CONFIG_NOSUCH: wanted y, got nothing: unknown symbol",
                      self.refused("sync"))

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
                    self.assertIn("WAS_HERE: wanted y, got nothing: unknown symbol",
                                  self.refused("sync"))
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
        fragment = self.fragment("CONFIG_SHELL=n", "CONFIG_LOG_LEVEL=2", "CONFIG_STACK_SIZE_KB=64")
        for preset in self.presets():
            for more in ([], ["debug.config"], [fragment]):
                with self.subTest(preset=preset, more=more):
                    self.good("apply", preset, *more)
                    before = self.read()
                    self.good("save")
                    if not more:
                        self.same_assignments(preset)
                    self.good("apply", os.path.join(self.output, "defconfig"))
                    self.assertEqual(self.read(), before)

    def same_assignments(self, preset):
        """What is saved of a preset is the preset, but for comments and order."""
        saved, ours = (sorted(kconfig_file.read_values(path)) for path in (
            os.path.join(self.output, "defconfig"), os.path.join(ROOT, "configs", preset)))
        self.assertEqual([(n, v.text) for n, v in saved], [(n, v.text) for n, v in ours])


if __name__ == "__main__":
    unittest.main()
