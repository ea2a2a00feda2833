#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""decode-panic finds panics in what a console showed, and refuses what it would decode wrongly.

The ELF is made here, of two C functions, with the linker's build id; so what addr2line
says is known."""

import contextlib
import io
import os
import random
import re
import subprocess
import sys
import tempfile
import types
import unittest

import elf
import panictext

SOURCE = """int __attribute__((noipa)) inner(int x);
static inline __attribute__((always_inline)) int inlined(int x)
{
	return inner(x) + 1;
}
int __attribute__((noipa)) outer(int x)
{
	return inlined(x) + 2;
}
void _start(void)
{
	outer(1);
}
int inner(int x) { return x; }
"""
OUTER_CALLS = 4         # lines above
INLINED_AT = 8
START_CALLS = 12
INNER = 14


class Image:
    """A small program, its symbols, and where its calls return to."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "image.elf")
        with open(os.path.join(folder, "program.c"), "w", encoding="ascii") as file:
            file.write(SOURCE)
        subprocess.run(["gcc", "-g", "-O1", "-fno-optimize-sibling-calls", "-fno-pic",
                        "-fno-asynchronous-unwind-tables", "-ffreestanding", "-nostdlib",
                        "-static", "-no-pie", "-fcf-protection=none", "-Wl,--build-id=sha1",
                        "-ffile-prefix-map=%s=." % folder, "-o", self.path, "program.c"],
                       check=True, cwd=folder)
        self.elf = elf.Elf.load(self.path)
        self.build_id = panictext.build_id(self.elf)
        self.outer = self.elf.symbol("outer")
        self.inner = self.elf.symbol("inner")
        self.start = self.elf.symbol("_start")

    def after_call(self, start):
        """The address behind the first call of a function (opcode e8)."""
        at = self.elf.offset_of(start)
        return start + self.elf.data.index(b"\xe8", at) - at + 5

    def text(self, build_id=None):
        """What this program's kernel would have said."""
        return ("cairn> crash\n"
                "panic: page fault: read of nothing\n"
                "    rip %016x    rsp 0000000000000000\n"
                "backtrace:\n"
                "  at   0x%016x inner+0x0\n"
                "  from 0x%016x outer+0x9\n"
                "  from 0x%016x _start+0xe\n"
                "  owner of 0x0000000000000000: null page 0x0-0xfff +0x0\n"
                "build id %s, commit %s\n"
                % (self.inner, self.inner, self.after_call(self.outer),
                   self.after_call(self.start), build_id or self.build_id, "a" * 40))


class DecodePanic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.image = Image(scratch.name)

    def decode(self, text, path=None):
        """(code, stdout, stderr) of the command."""
        out, err = io.StringIO(), io.StringIO()
        raw = text if isinstance(text, bytes) else text.encode()
        saved, sys.stdin = sys.stdin, types.SimpleNamespace(buffer=io.BytesIO(raw))
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = panictext.main([path or self.image.path])
        finally:
            sys.stdin = saved
        return code, out.getvalue(), err.getvalue()

    def whole(self, text, times=1):
        code, out, err = self.decode(text)
        self.assertEqual((code, err), (0, ""))
        want = ("panic: page fault: read of nothing\n"
                "  at   inner program.c:%d\n"
                "  from inlined program.c:%d\n"
                "       inlined into outer program.c:%d\n"
                "  from _start program.c:%d\n"
                % (INNER, OUTER_CALLS, INLINED_AT, START_CALLS))
        self.assertEqual(out, want * times)

    def refused(self, text, words, path=None):
        code, out, err = self.decode(text, path)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, "^decode-panic: .*" + words)

    def test_each_frame_has_its_line(self):
        self.whole(self.image.text())

    def test_carriage_returns(self):
        self.whole(self.image.text().replace("\n", "\r\n"))
        self.whole(self.image.text().replace("\n", "\r\r\n"))

    def test_words_before_each_line(self):
        for stamp in ("[  12.345678] ", "2026-01-02T03:04:05.678Z host ttyS0: ", "<6>",
                      "\x1b[31m", "14:01:02.003 | "):
            self.whole("".join(stamp + line + "\n"
                               for line in self.image.text().rstrip("\n").split("\n")))

    def test_noise_around(self):
        self.whole(b"\xff\x00\xfe garbage\n" + self.image.text().encode() + b"\x80\x81 more\n")
        self.whole(self.image.text().replace("  at ", "\x00\x07  at "))

    def test_without_names(self):
        self.whole(re.sub(r" \w+\+0x\w+$", "", self.image.text(), flags=re.M))

    def test_several_panics(self):
        self.whole(self.image.text() + "booting\nready\n" + self.image.text(), times=2)

    def test_a_panic_within_one(self):
        again = "\npanic: another one, within the panic, at 0x0000000000000001\n"
        code, out, _ = self.decode(self.image.text() + again)
        self.assertEqual(code, 0)
        self.assertEqual(out.count("  at   inner"), 1)
        self.assertTrue(out.endswith(again.lstrip("\n")))

    def test_a_broken_line_is_told(self):
        text = re.sub(r"(from 0x\w{8})\w", r"\1?", self.image.text(), count=1)
        code, out, _ = self.decode(text)
        self.assertEqual(code, 0)
        self.assertIn("(1 line of the backtrace cannot be read)", out)
        self.assertNotIn("from inlined", out)
        self.assertIn("from _start program.c:", out)

    def test_an_address_that_is_no_code(self):
        text = self.image.text().replace("at   0x%016x" % self.image.inner, "at   0x" + "0" * 16)
        self.assertIn("at   0x0000000000000000 is no code of this kernel", self.decode(text)[1])

    def test_lines_outside_a_backtrace_are_no_frames(self):
        frame = "  at   0x%016x\n" % self.image.inner
        self.whole(frame + self.image.text() + frame)

    def test_another_build_is_refused(self):
        self.refused(self.image.text("0" * 40), "is of build 0{40}, but .* is build [0-9a-f]{40}")
        self.refused(self.image.text() + self.image.text("1" * 40), "panic 2 of 2: is of build 1")

    def test_no_build_id_is_refused(self):
        for text in (self.image.text().replace("build id", "built"),
                     self.image.text(self.image.build_id[:-1]),
                     self.image.text(self.image.build_id + "0")):
            self.refused(text, "no whole build id")
        self.refused(self.image.text().split("build id")[0] + self.image.text(),
                     "panic 1 of 2: no whole build id")

    def test_no_panic_is_refused(self):
        for text in ("", "ready\ncairn> ", self.image.text().replace("panic: ", "panicked, "),
                     self.image.text().replace("panic: ", "xpanic: ")):
            self.refused(text, "no panic in this text")

    def test_another_file_is_refused(self):
        self.refused(self.image.text(), "not an ELF64", os.path.abspath(__file__))
        self.refused(self.image.text(), "No such file", self.image.path + ".none")
        bare = self.image.path + ".bare"
        subprocess.run(["objcopy", "--remove-section=.note.gnu.build-id", self.image.path, bare],
                       check=True)
        self.refused(self.image.text(), "has no build id", bare)

    def test_without_debugging_information_the_names_stay(self):
        bare = self.image.path + ".stripped"
        subprocess.run(["strip", "-o", bare, self.image.path], check=True)
        code, out, _ = self.decode(self.image.text(), bare)
        self.assertEqual(code, 0)
        self.assertIn(" inner, no line known", out)

    def test_any_damage_is_read_or_refused(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        with self.subTest(seed=seed):
            for _ in range(300):
                raw = bytearray(self.image.text().encode())
                for _ in range(rng.randrange(1, 30)):
                    at = rng.randrange(len(raw))
                    raw[at:at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
                panics = panictext.parse(bytes(raw))
                try:
                    panictext.check(panics, self.image.elf, "image")
                except panictext.Refusal:
                    continue
                self.assertTrue(all(p.build_id == self.image.build_id for p in panics))
                self.assertTrue(all(len(p.frames) <= 3 for p in panics))


if __name__ == "__main__":
    unittest.main()
