#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a newcomer gets wrong in a fragment stops `make` with a message to act on.

One test for each mistake, as a user makes it; kconfig_test.py has the finer
points. The last ones plant a fault in the Kconfig files themselves."""

import os
import subprocess
import tempfile
import unittest
from unittest import mock

import kconfig

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Refusals(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def write(self, name, *lines):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        return path

    def mistake(self, *lines, preset="defconfig", before=(), words=()):
        """`make PRESET FRAGMENT kernel` fails before it builds and says all these words."""
        fragment = self.write("mine.config", *lines) if lines else "nosuch.config"
        self.make_refuses([preset, *before, fragment, "kernel"], words)

    def make_refuses(self, goals, words):
        env = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
        done = subprocess.run(["make", "-C", ROOT, "O=" + os.path.join(self.scratch, "o"), *goals],
                              env=env, text=True, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for word in (*words, ".config was not changed"):
            self.assertIn(word, done.stdout)
        for word in ("Traceback", "  CC "):
            self.assertNotIn(word, done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.scratch, "o", ".config")))

    def test_unknown_symbol(self):
        self.mistake("CONFIG_FROBNICATION=y",
                     words=("mine.config:1: CONFIG_FROBNICATION", "unknown symbol"))

    def test_typing_error_in_a_name(self):
        self.mistake("CONFIG_VIRTIO_RGN=y", words=("mine.config:1: ", "did you mean VIRTIO_RNG"))

    def test_int_out_of_range(self):
        self.mistake("CONFIG_STACK_SIZE_KB=9999", words=(
            "mine.config:1: CONFIG_STACK_SIZE_KB: wanted 9999, got 16: it is out of range, 8 to",))

    def test_hex_out_of_range(self):
        self.mistake("CONFIG_VIRTIO_MMIO_BASE=0x10", words=(
            "mine.config:1: CONFIG_VIRTIO_MMIO_BASE: wanted 0x10", "out of range, 0x1000 to 0x"))

    def test_driver_without_its_transport(self):
        self.mistake("CONFIG_VIRTIO_RNG=y", preset="minimal_defconfig", words=(
            "mine.config:1: CONFIG_VIRTIO_RNG: wanted y", "VIRTIO_RNG depends on VIRTIO (=n)",
            "VIRTIO can be set: drivers/virtio/Kconfig:", "is n by configs/minimal_defconfig:"))

    def test_two_members_of_a_choice(self):
        self.mistake("CONFIG_VIRTIO_TRANSPORT_PCI=y", "CONFIG_VIRTIO_TRANSPORT_MMIO=y", words=(
            "mine.config:2: CONFIG_VIRTIO_TRANSPORT_MMIO=y",
            "mine.config:1 has CONFIG_VIRTIO_TRANSPORT_PCI=y", "of the same choice: take one"))

    def test_a_value_for_a_promptless_symbol(self):
        self.mistake("CONFIG_VIRTIO_MMIO=y", preset="q35_defconfig", words=(
            "mine.config:1: CONFIG_VIRTIO_MMIO: ", "no prompt, so no file can set it",
            "selected by VIRTIO_TRANSPORT_MMIO"))

    def test_malformed_line(self):
        self.mistake("# mine", "CONFIG_SHELL y", words=(
            "mine.config:2: malformed line: CONFIG_SHELL y", "wanted is CONFIG_NAME=VALUE"))

    def test_missing_file(self):
        self.mistake(words=("nosuch.config: No such file",
                            "in configs/, where there are ci.config"))

    def test_a_fragment_that_undoes_an_earlier_ones_dependency(self):
        first = self.write("first.config", "CONFIG_VIRTIO_MMIO_COUNT=9")
        self.mistake("CONFIG_VIRTIO=n", before=[first], words=(
            "first.config:1: CONFIG_VIRTIO_MMIO_COUNT: wanted 9",
            "VIRTIO (=n)", "VIRTIO can be set: ", "but is n by ", "mine.config:1"))

    def plant(self, *lines):
        """A source of its own, whose Kconfig is this."""
        self.write("Kconfig", 'config NAME', '\tstring "N"', '\tdefault "x"', *lines)
        os.mkdir(os.path.join(self.scratch, "configs"))
        planted = kconfig.Kconfig(os.path.join(self.scratch, "o"))
        planted.tree = kconfig.Tree(self.scratch)
        return planted

    def test_a_select_against_a_dependency(self):
        with mock.patch.object(kconfig, "ROOT", self.scratch):
            planted = self.plant("config A", '\tbool "A"', "\tselect B", "config B", "\tbool",
                                 "\tdepends on C", "config C", '\tbool "C"')
            fragment = self.write("configs/some_defconfig", "CONFIG_A=y")
            with self.assertRaises(kconfig.Refused) as refused:
                planted.apply([fragment])
            self.assertEqual(refused.exception.args[0], [
                "CONFIG_B is selected by A, but depends on C, which does not hold: "
                "take the select out, or have A depend on that"])
            self.assertFalse(os.path.exists(planted.config))
            self.write("configs/some_defconfig", "CONFIG_A=y", "CONFIG_C=y")
            planted.apply([fragment])


if __name__ == "__main__":
    unittest.main()
