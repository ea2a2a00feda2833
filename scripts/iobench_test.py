# SPDX-License-Identifier: MIT
"""Tests of the table that compares guests, and of the archive that Linux boots from."""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import unittest

import iobench
import linuxguest

CONSOLE = """bench blk.read_4k.d32.total 448249 ticks_per_1000
bench blk.read_4k.d32.rate 300000 requests_per_second
bench: no figure
bench blk: not measured: ENODEV
"""


def printed(columns, linux):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        iobench.table(columns, linux)
    return out.getvalue()


class Table(unittest.TestCase):
    def test_figures_are_read_and_other_lines_are_not(self):
        self.assertEqual(iobench.figures(CONSOLE),
                         {"blk.read_4k.d32.total": 448249, "blk.read_4k.d32.rate": 300000})

    def test_times_says_how_many_times_better_ours_is(self):
        ours = {"blk.read_4k.d32.total": 500000, "blk.read_4k.d32.rate": 300000}
        theirs = {"blk.read_4k.d32.total": 5000000, "blk.read_4k.d32.rate": 50000}
        lines = printed([[ours, theirs]] * 2, True).split("\n")
        rate = next(line for line in lines if "requests per second" in line or "per second" in line)
        self.assertEqual(rate.split()[-3:], ["300.0", "50.0", "6.0"])
        cost = next(line for line in lines if line.startswith("  instructions"))
        self.assertEqual(cost.split()[-3:], ["500.0", "5000", "10.0"])

    def test_what_one_guest_lacks_is_a_dash(self):
        text = printed([[{"rng.64.total": 1000000}, {}]] * 2, True)
        self.assertRegex(text, r"instructions +1000 +- +-")

    def test_rows_that_nobody_has_are_left_out(self):
        self.assertNotIn("doorbells", printed([[{"rng.64.total": 1000000}]] * 2, False))


class Devices(unittest.TestCase):
    def test_only_pci_is_told_not_to_use_eventfds_and_only_where_counted(self):
        mmio, pci = iobench.TRANSPORTS
        for transport, counted, wanted in ((mmio, True, False), (pci, True, True),
                                           (pci, False, False)):
            words = iobench.command(transport, counted, "/bin/true", "", 0xf4, [])
            self.assertEqual(any("ioeventfd=off" in w for w in words), wanted)
            self.assertEqual("-icount" in words, counted)


class Archive(unittest.TestCase):
    def test_an_entry_is_padded_to_four_bytes(self):
        for name, data in (("a", b""), ("ab", b"x"), ("abc", b"xyz"), ("abcd", b"12345")):
            entry = linuxguest.archive_entry(name, 0o100644, data)
            self.assertEqual(len(entry) % 4, 0)
            self.assertEqual(entry[:6], b"070701")
            self.assertEqual(int(entry[54:62], 16), len(data))
            self.assertEqual(int(entry[94:102], 16), len(name) + 1)

    def test_an_archive_holds_program_and_modules_and_ends(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        paths = [os.path.join(folder, name) for name in ("init", "virtio.ko")]
        for path in paths:
            with open(path, "wb") as file:
                file.write(os.path.basename(path).encode() * 3)
        data = linuxguest.archive(paths[0], paths[1:])
        for text in (b"init\0", b"initinitinit", b"modules/virtio.ko\0", b"virtio.ko" * 3,
                     b"TRAILER!!!\0"):
            self.assertIn(text, data)

    def test_the_programs_source_compiles_without_a_warning(self):
        done = subprocess.run(["gcc", "-fsyntax-only"] + linuxguest.FLAGS + linuxguest.sources(),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
