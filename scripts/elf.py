# SPDX-License-Identifier: MIT
"""Reads what the test scripts need of an ELF64 little-endian file: segments,
sections, symbols and the guest's table of tests."""

import struct
from collections import namedtuple

PT_LOAD, PT_NOTE = 1, 4
PF_X, PF_W, PF_R = 1, 2, 4
SHT_SYMTAB, SHT_NOBITS = 2, 8
SHF_ALLOC = 2

Segment = namedtuple("Segment", "type flags offset vaddr paddr filesz memsz align")
Section = namedtuple("Section", "name type flags addr offset size link entsize")
Symbol = namedtuple("Symbol", "name value size section info")


class ElfError(Exception):
    """The file is not what the scripts can read."""


class Elf:
    """An ELF64 file in memory; every offset is checked against its length."""

    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01":
            raise ElfError("not an ELF64 little-endian file")
        fields = self.unpack("<16xHHIQQQIHHHHHH", 0)
        (self.type, self.machine, _, self.entry, self.phoff, self.shoff, _,
         _, self.phentsize, self.phnum, self.shentsize, self.shnum,
         self.shstrndx) = fields
        self.segments = [self._segment(i) for i in range(self.phnum)]
        self.sections = self._sections()

    @classmethod
    def load(cls, path):
        with open(path, "rb") as file:
            return cls(file.read())

    def unpack(self, form, offset):
        try:
            return struct.unpack_from(form, self.data, offset)
        except struct.error as error:
            raise ElfError("truncated ELF file: %s" % error) from error

    def _segment(self, index):
        kind, flags, offset, vaddr, paddr, filesz, memsz, align = self.unpack(
            "<IIQQQQQQ", self.phoff + index * self.phentsize)
        return Segment(kind, flags, offset, vaddr, paddr, filesz, memsz, align)

    def _sections(self):
        raw = [self.unpack("<IIQQQQIIQQ", self.shoff + i * self.shentsize)
               for i in range(self.shnum)]
        if not raw:
            return []
        names = raw[self.shstrndx][4]
        return [Section(self._string(names + s[0]), s[1], s[2], s[3], s[4],
                        s[5], s[6], s[9]) for s in raw]

    def _string(self, offset):
        end = self.data.find(b"\0", offset)
        if offset >= len(self.data) or end < 0:
            raise ElfError("a string runs past the end of the ELF file")
        return self.data[offset:end].decode("ascii", "replace")

    def loads(self):
        return [s for s in self.segments if s.type == PT_LOAD]

    def contents(self, segment):
        return self.data[segment.offset:segment.offset + segment.filesz]

    def symbols(self):
        """Every named symbol of the symbol table."""
        for table in self.sections:
            if table.type != SHT_SYMTAB:
                continue
            strings = self.sections[table.link].offset
            for offset in range(table.offset, table.offset + table.size, 24):
                name, info, _, shndx, value, size = self.unpack("<IBBHQQ", offset)
                if name:
                    yield Symbol(self._string(strings + name), value, size, shndx, info)

    def symbol(self, name):
        for symbol in self.symbols():
            if symbol.name == name:
                return symbol.value
        raise ElfError("no symbol %s: is the file stripped?" % name)

    def offset_of(self, vaddr):
        for load in self.loads():
            if load.vaddr <= vaddr < load.vaddr + load.filesz:
                return vaddr - load.vaddr + load.offset
        raise ElfError("no file content at 0x%x" % vaddr)

    def string_at(self, vaddr):
        return self._string(self.offset_of(vaddr))


def test_names(elf):
    """Names of the tests in the image, from its section table of pointers."""
    try:
        start = elf.symbol("__start_ktests")
        stop = elf.symbol("__stop_ktests")
    except ElfError:
        return []
    names = []
    for address in range(start, stop, 8):
        (entry,) = elf.unpack("<Q", elf.offset_of(address))
        (name,) = elf.unpack("<Q", elf.offset_of(entry))
        names.append(elf.string_at(name))
    return names
