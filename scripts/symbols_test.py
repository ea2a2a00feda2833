#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of functions' names has each function of text once, in order."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

import elf
import symbols

FUNC, NONE, OBJECT, GLOBAL = 2, 0, 1, 1 << 4


def image_of(*entries, size=0x1000):
    """An image with these symbols (name, value, info[, section]); its text at 0x1000."""
    text = elf.Section(".text", 1, 6, 0x1000, 0, size, 0, 0)
    table = [elf.Symbol(e[0], e[1], 0, e[3] if len(e) > 3 else 1, e[2]) for e in entries]
    table.append(elf.Symbol("image_start", 0x1000, 0, 1, NONE | GLOBAL))
    return types.SimpleNamespace(
        sections=[elf.Section("", 0, 0, 0, 0, 0, 0, 0), text], symbols=lambda: iter(table),
        symbol=lambda name: next(s.value for s in table if s.name == name))


class Symbols(unittest.TestCase):
    def names(self, *entries):
        return [n for _, n in symbols.functions(image_of(*entries))]

    def test_sorted_and_relative_to_the_image(self):
        self.assertEqual(symbols.functions(image_of(("b", 0x1020, FUNC), ("a", 0x1010, FUNC))),
                         [(0, "image_start"), (0x10, "a"), (0x20, "b")])

    def test_of_several_names_the_function_then_the_global_then_the_short_one(self):
        self.assertEqual(self.names(("label", 0x1010, NONE), ("f", 0x1010, FUNC)),
                         ["image_start", "f"])
        self.assertEqual(self.names(("here", 0x1010, FUNC), ("wide", 0x1010, FUNC | GLOBAL)),
                         ["image_start", "wide"])
        self.assertEqual(self.names(("longer", 0x1010, FUNC), ("long", 0x1010, FUNC)),
                         ["image_start", "long"])

    def test_what_is_no_code_is_left_out(self):
        self.assertEqual(self.names(("data", 0x1010, OBJECT), ("other", 0x1020, FUNC, 2),
                                    ("end", 0x2000, NONE), ("below", 0x800, FUNC)),
                         ["image_start"])

    def test_an_image_without_symbols_is_refused(self):
        bare = image_of()
        bare.sections = bare.sections[:1]
        with self.assertRaisesRegex(symbols.SymbolsError, "no section .text"):
            symbols.functions(bare)

    def test_the_order_of_the_symbols_does_not_matter(self):
        entries = [("f%d" % i, 0x1000 + 16 * (i % 7), FUNC) for i in range(40)]
        self.assertEqual(symbols.functions(image_of(*entries)),
                         symbols.functions(image_of(*reversed(entries))))

    def test_the_assembler_makes_what_the_kernel_reads(self):
        table = [(0, "first"), (0x10, "same"), (0x25, "same"), (0xfffff, "a.part.0")]
        with tempfile.TemporaryDirectory() as folder:
            source, out = os.path.join(folder, "s.S"), os.path.join(folder, "s.o")
            with open(source, "w", encoding="ascii") as file:
                file.write(symbols.assembly(table))
            subprocess.run(["gcc", "-c", "-o", out, source], check=True)
            made = elf.Elf.load(out)
        section = next(s for s in made.sections if s.name == ".symbols")
        data = made.data[section.offset:section.offset + section.size]
        count, size = struct.unpack_from("<II", data)
        strings = data[8 + 8 * count:]
        self.assertEqual((count, size), (4, len(strings)))
        read = [struct.unpack_from("<II", data, 8 + 8 * i) for i in range(count)]
        self.assertEqual([(o, strings[n:strings.index(b"\0", n)].decode()) for o, n in read],
                         table)

    def test_a_file_that_is_no_elf_is_an_error(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), \
                mock.patch.object(sys, "argv", ["symbols", os.path.abspath(__file__), "none"]):
            self.assertEqual(symbols.main(), 1)
        self.assertRegex(err.getvalue(), "^symbols: .*not an ELF64")


if __name__ == "__main__":
    unittest.main()
