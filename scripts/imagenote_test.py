#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The note of a kernel is found in what holds one, and nothing else is taken for it."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import fromiso
import imagenote
import repro

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = ("version: 1\ncommit: %s\ncompiler: gcc 1\nconfiguration: q35\n\n"
        "# origin: q35_defconfig mine.config@sha256:00\nCONFIG_NAME=\"q35\"\n" % ("a" * 40))


def note_of(text, name=b"Cairn\0\0\0", kind=1, size=None):
    raw = text.encode() + b"\0"
    return struct.pack("<III", 6, len(raw) if size is None else size, kind) + name + raw


class ImageNote(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = os.path.join(scratch.name, "image")

    def write(self, data):
        with open(self.path, "wb") as f:
            f.write(data)

    def unreadable(self, data, words):
        self.write(data)
        with self.assertRaisesRegex(imagenote.Unreadable, words):
            imagenote.read(self.path)

    def test_a_note_is_found_wherever_it_lies(self):
        for before in (b"", b"Cairn\0\0\0", b"x" * 4097):
            self.write(before + note_of(TEXT) + b"y" * 100)
            note, _ = imagenote.read(self.path)
            self.assertEqual(note["commit"], "a" * 40)
            self.assertTrue(note.text.startswith("# origin: q35_defconfig"))

    def test_the_same_kernel_twice_is_one(self):
        self.write(note_of(TEXT) + note_of(TEXT))
        self.assertEqual(imagenote.read(self.path)[0]["version"], "1")
        self.unreadable(note_of(TEXT) + note_of(TEXT + "CONFIG_SHELL=y\n"), "2 kernels")

    def test_what_is_no_note_is_not_taken_for_one(self):
        for data in (b"", note_of(TEXT, kind=2), note_of(TEXT, name=b"Cairo\0\0\0"),
                     note_of(TEXT, size=1 << 31), note_of(TEXT)[:-8]):
            self.unreadable(data, "no kernel")
        self.unreadable(note_of("rubbish\n\n"), "does not read")

    def test_extract_config_says_what_is_wrong(self):
        self.write(b"nothing")
        done = subprocess.run([os.path.join(HERE, "extract-config"), self.path], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no kernel", done.stderr)

    def test_a_commit_that_cannot_be_built_again_is_refused(self):
        for commit, words in (("a" * 40 + "-dirty", "changes"), ("unknown", "nobody knows"),
                              ("a" * 40, "check that one out")):
            note = imagenote.Note(TEXT.replace("a" * 40, commit))
            self.assertIn(words, fromiso.refusal(note))


class Repro(unittest.TestCase):
    def test_a_difference_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            a, b = (os.path.join(folder, n) for n in "ab")
            for one, two, words in ((b"abc", b"abd", "1 bytes differ, the first at 0x2"),
                                    (b"abc", b"abcd", "3 and 4 bytes")):
                for path, data in ((a, one), (b, two)):
                    with open(path, "wb") as f:
                        f.write(data)
                self.assertEqual(repro.difference(a, b), words)
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    self.assertEqual(repro.compare([a], [b]), 1)
                self.assertIn("not ok a sha256", said.getvalue())
            self.assertIsNone(repro.difference(a, a))


class Iso(unittest.TestCase):
    """An image from any file in place of a kernel, twice."""

    def make(self, out, **environment):
        env = dict(os.environ, **environment)
        return subprocess.run([sys.executable, os.path.join(HERE, "mkiso.py"), "--elf", self.elf,
                               "--out", out, "--cmdline", "test=a*  loglevel=4"], env=env,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.elf = "/bin/true"

    def test_the_same_input_gives_the_same_bytes_and_says_what_it_was(self):
        a, b, c = (os.path.join(self.folder, n) for n in "abc")
        for out, epoch, zone in ((a, "1790000000", "UTC"), (b, "1790000000", "Asia/Tokyo"),
                                 (c, "1790000002", "UTC")):
            done = self.make(out, SOURCE_DATE_EPOCH=epoch, TZ=zone)
            self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIsNone(repro.difference(a, b))
        self.assertIsNotNone(repro.difference(a, c))
        with open(c, "rb") as f:
            data = f.read()
        self.assertEqual(imagenote.iso_epoch(data), 1790000002)
        self.assertEqual(imagenote.iso_command_line(data), "test=a* loglevel=4")
        self.assertIsNone(imagenote.iso_epoch(data[1:]))

    def test_a_time_that_is_none_is_refused(self):
        done = self.make(os.path.join(self.folder, "a"), SOURCE_DATE_EPOCH="yesterday")
        self.assertEqual(done.returncode, 1)
        self.assertIn("SOURCE_DATE_EPOCH=yesterday", done.stdout)


if __name__ == "__main__":
    unittest.main()
