#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the table of functions' names that the image carries (kernel/symbol.h).

	python3 symbols.py FIRST-LINK.elf symbols.S

The first link has no table yet. The table lies behind all text, so the second
link leaves every function where the first put it."""

import sys

import elf

BIND_LOCAL, TYPE_FUNC, TYPE_NONE = 0, 2, 0


class SymbolsError(Exception):
    """The image is not one to take names from."""


def rank(symbol):
    """Of several names of an address the least is taken: functions, global ones, short ones."""
    kind, bind = symbol.info & 0xf, symbol.info >> 4
    return (kind != TYPE_FUNC, bind == BIND_LOCAL, len(symbol.name), symbol.name)


def functions(image):
    """(offset from the image's start, name) of all functions and labels in text, sorted."""
    text = next((i for i, s in enumerate(image.sections) if s.name == ".text"), None)
    if text is None:
        raise SymbolsError("no section .text")
    start = image.symbol("image_start")
    end = image.sections[text].addr + image.sections[text].size
    best = {}
    for symbol in image.symbols():
        if symbol.section != text or symbol.info & 0xf not in (TYPE_FUNC, TYPE_NONE) or \
                not start <= symbol.value < end:
            continue
        held = best.get(symbol.value)
        if held is None or rank(symbol) < rank(held):
            best[symbol.value] = symbol
    if not best:
        raise SymbolsError("no symbol lies in .text: is the image stripped?")
    return [(address - start, best[address].name) for address in sorted(best)]


def assembly(table):
    """Text of the assembler's. The same name twice is stored once."""
    at, strings = {}, []
    size = 0
    for _, name in table:
        if name not in at:
            at[name] = size
            strings.append(name)
            size += len(name) + 1
    lines = ["/* Made by scripts/symbols.py; changes are lost. */",
             '.section .symbols, "a", @progbits',
             ".long %d, %d" % (len(table), size)]
    lines += [".long 0x%x, %d" % (offset, at[name]) for offset, name in table]
    lines += ['.asciz "%s"' % name for name in strings]
    return "\n".join(lines + ['.section .note.GNU-stack, "", @progbits']) + "\n"


def main():
    path, out = sys.argv[1:]
    try:
        text = assembly(functions(elf.Elf.load(path)))
    except (SymbolsError, elf.ElfError, OSError) as error:
        print("symbols: %s: %s" % (path, error), file=sys.stderr)
        return 1
    with open(out, "w", encoding="ascii") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
