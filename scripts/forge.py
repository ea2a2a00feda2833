# SPDX-License-Identifier: MIT
"""Forges a hand-over: an ELF that QEMU boots by PVH, that carries the kernel
and a Multiboot2 boot information of our making, and that enters the kernel at
its Multiboot2 entry. So any map, any tag and any load address can be tried.

	python3 forge.py cairn.elf CASE[:ARGUMENT] out.elf [--mem 128M]

A case is a function over a Forgery, which begins as an honest boot loader."""

import argparse
import random
import struct
import sys
from collections import namedtuple

import elf
import memmaps

MAGIC = 0x36d76289
USABLE, RESERVED, RECLAIMABLE, NVS, BAD = 1, 2, 3, 4, 5
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BLOB_PLACES = (24 * MIB, 48 * MIB)
BLOB_SIZE = 4 * MIB
GARBAGE = 0xaa
CR4_LA57, CR4_DE, CR4_TSD, CR4_PGE, CR4_OSFXSR = 1 << 12, 1 << 3, 1 << 2, 1 << 7, 1 << 9
CR4_PAE = 1 << 5
TABLES_SIZE = 3 * 4096      # five levels, of which the lower two are pages of 1 GiB
RAM_GAP = 3 * GIB           # where the RAM below 4 GiB of these machines ends

Piece = namedtuple("Piece", "address data flags")
CASES = {}


class ForgeError(Exception):
    """The case cannot be made of this image."""


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def parse_size(text):
    scale = {"K": KIB, "M": MIB, "G": GIB}.get(text[-1:].upper())
    return int(text[:-1]) * scale if scale else int(text) * MIB


# Tags (Multiboot2 3.6): type, size, payload; the size does not count padding.

def tag(kind, payload, size=None):
    size = 8 + len(payload) if size is None else size
    body = struct.pack("<II", kind, size) + payload
    return body + bytes(-len(body) % 8)


def tag_end():
    return tag(0, b"")


def tag_cmdline(text, end=b"\0"):
    return tag(1, text.encode() + end)


def tag_loader(text):
    return tag(2, text.encode() + b"\0")


def tag_module(start, end, name):
    return tag(3, struct.pack("<II", start, end) + name.encode() + b"\0")


def tag_mmap(entries, entry_size=24, version=0):
    rows = b"".join((struct.pack("<QQII", base & 2**64 - 1, length & 2**64 - 1, kind, 0)
                     + bytes(max(entry_size - 24, 0)))[:max(entry_size, 24)]
                    for base, length, kind in entries)
    return tag(6, struct.pack("<II", entry_size, version) + rows)


def tag_framebuffer(base, pitch, width, height, bpp, kind=1, shifts=(16, 8, 0)):
    colours = b"".join(struct.pack("<BB", shift, 8) for shift in shifts)
    return tag(8, struct.pack("<QIIIBBH", base, pitch, width, height, bpp, kind, 0) + colours)


def tag_efi_mmap(descriptors, size=40):
    rows = b"".join(struct.pack("<IIQQQQ", kind, 0, base, 0, pages, 0xf) + bytes(size - 40)
                    for kind, base, pages in descriptors)
    return tag(17, struct.pack("<II", size, 1) + rows)


def checksum(data, at):
    """`data` with the byte at `at` set so that all bytes add up to 0."""
    total = sum(data) - data[at]
    return data[:at] + bytes([-total & 0xff]) + data[at + 1:]


def rsdp(address, version):
    table = b"RSD PTR \0CAIRN \0" + struct.pack("<I", address)
    table = checksum(table, 8)
    if version < 2:
        return table
    table = checksum(table[:15] + b"\2" + table[16:], 8)
    return checksum(table + struct.pack("<IQB3x", 36, address, 0), 32)


class Forgery:
    """What the loader hands over; honest until a case changes it."""

    def __init__(self, image, ram, cmdline, argument):
        self.image = image
        self.ram = min(ram, RAM_GAP)
        self.argument = argument
        self.cmdline = cmdline
        self.loader = "forge"
        self.magic = MAGIC
        self.shift = 0              # how far from its linked address the image is put
        self.cr4 = 0
        self.pci_writes = ()        # (function, register, value): configuration space
        self.paging = ""            # "on": with five levels; "left": on, then off again
        self.dirty = ()             # names of NOBITS sections that hold garbage
        self.load_bss = True        # False: memory that the file does not fill stays as it is
        self.total_size = None      # None: the true one
        self.misalign = 0           # bytes
        self.blob = None            # where the boot information goes; None: a usual place
        self.mmap = self.honest_map()
        self.map_tag = lambda: tag_mmap(self.mmap)
        self.extra = []             # tags after the map
        self.end = tag_end()

    def honest_map(self):
        return [(0, 0x9fc00, USABLE), (0x9fc00, 0x400, RESERVED),
                (0xf0000, 0x10000, RESERVED), (MIB, self.ram - MIB, USABLE)]

    def span(self):
        """Where the image lies: first and one past the last byte."""
        loads = self.image.loads()
        return (min(s.paddr for s in loads) + self.shift,
                max(s.paddr + s.memsz for s in loads) + self.shift)

    def blob_address(self):
        start, end = self.span()
        if self.blob is not None:
            return self.blob
        for place in BLOB_PLACES:
            if place + BLOB_SIZE <= start or place >= end:
                return place
        raise ForgeError("no room beside the image")

    def info_address(self):
        """The trampoline has the first page."""
        return self.blob_address() + 4096 + self.misalign

    def info(self):
        tags = [tag_cmdline(self.cmdline), tag_loader(self.loader), self.map_tag()]
        body = b"".join(tags + self.extra) + self.end
        size = 8 + len(body) if self.total_size is None else self.total_size
        return struct.pack("<II", size & 2**32 - 1, 0) + body


def entry_address(image):
    """Physical address of the entry, which may be given as a linked one."""
    for load in image.loads():
        if load.vaddr <= image.entry < load.vaddr + load.memsz:
            return load.paddr + image.entry - load.vaddr
    return image.entry


def load_content(forgery, segment):
    """A segment's bytes, its unloaded part written out, dirtied by section."""
    image, dirty = forgery.image, forgery.dirty
    if not forgery.load_bss:
        return image.contents(segment)
    data = bytearray(image.contents(segment).ljust(segment.memsz, b"\0"))
    for section in image.sections:
        inside = segment.vaddr <= section.addr < segment.vaddr + segment.memsz
        if section.type == elf.SHT_NOBITS and section.name in dirty and inside:
            start = section.addr - segment.vaddr
            data[start:start + section.size] = bytes([GARBAGE]) * section.size
    return bytes(data[:segment.memsz])


def five_levels(address):
    """Page tables that map the first 4 GiB to themselves: PML5, PML4, PDPT."""
    present, writable, large = 1, 2, 0x80
    pml5 = struct.pack("<Q", address + 4096 | present | writable)
    pml4 = struct.pack("<Q", address + 8192 | present | writable)
    pdpt = struct.pack("<4Q", *(i * GIB | present | writable | large for i in range(4)))
    return b"".join(table.ljust(4096, b"\0") for table in (pml5, pml4, pdpt))


def paging_code(tables, off_again):
    """32-bit code that turns on paging with five levels, in compatibility mode."""
    code = b"\xb8" + struct.pack("<I", tables) + b"\x0f\x22\xd8"  # mov $tables, %eax, %cr3
    code += b"\xb9" + struct.pack("<I", 0xc0000080)             # mov $EFER, %ecx
    code += b"\x0f\x32\x80\xcc\x01\x0f\x30"                     # rdmsr; or $1, %ah; wrmsr
    code += b"\x0f\x20\xc0\x0f\xba\xe8\x1f\x0f\x22\xc0"         # mov %cr0; bts $31; mov %cr0
    if off_again:
        code += b"\x0f\xba\xf0\x1f\x0f\x22\xc0"                 # btr $31, %eax; mov %cr0
    return code


def pci_code(function, register, value):
    """32-bit code that writes configuration space by ports (PCI Local Bus 3.0, 3.2.2.3.2)."""
    code = b""
    for port, word in ((0xcf8, 1 << 31 | function << 8 | register), (0xcfc, value)):
        code += b"\xb8" + struct.pack("<I", word)           # mov $word, %eax
        code += b"\x66\xba" + struct.pack("<H", port)       # mov $port, %dx
        code += b"\xef"                                     # out %eax, (%dx)
    return code


def trampoline(address, entry, forgery, info):
    """32-bit code that enters the kernel as a boot loader would, with every
    register that the specification leaves open full of garbage."""
    code = b""
    if forgery.cr4:
        code += b"\xb8" + struct.pack("<I", forgery.cr4)    # mov $cr4, %eax
        code += b"\x0f\x22\xe0"                             # mov %eax, %cr4
    if forgery.paging:
        code += paging_code(address + BLOB_SIZE - TABLES_SIZE, forgery.paging == "left")
    for write_of in forgery.pci_writes:
        code += pci_code(*write_of)
    for opcode in (0xb9, 0xba, 0xbc, 0xbd, 0xbe, 0xbf):     # mov $garbage, %ecx %edx %esp ...
        code += bytes([opcode]) + struct.pack("<I", 0xdead0001 + opcode)
    code += b"\xb8" + struct.pack("<I", forgery.magic)      # mov $magic, %eax
    code += b"\xbb" + struct.pack("<I", info)               # mov $info, %ebx
    code += b"\xfd"                                         # std
    distance = entry - (address + len(code) + 5)
    return code + b"\xe9" + struct.pack("<I", distance & 2**32 - 1)     # jmp entry


def pvh_note(entry):
    return struct.pack("<III4sQ", 4, 8, 18, b"Xen\0", entry)


def assemble(pieces, note):
    """An ELF64 with one PT_LOAD for each piece, and the note."""
    count = len(pieces) + 1
    offset = 64 + 56 * count
    headers, body = b"", b""
    for piece in pieces:
        at = offset + len(body)
        headers += struct.pack("<IIQQQQQQ", elf.PT_LOAD, piece.flags, at, piece.address,
                               piece.address, len(piece.data), len(piece.data), 1)
        body += piece.data
    body += bytes(-(offset + len(body)) % 8)
    headers += struct.pack("<IIQQQQQQ", elf.PT_NOTE, elf.PF_R, offset + len(body), 0, 0,
                           len(note), len(note), 4)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, pieces[-1].address, 64, 0, 0, 64, 56, count, 64, 0, 0)
    return head + headers + body + note


def physical_entry(image):
    """Where the Multiboot2 entry is loaded; the ELF names its linked address."""
    for segment in image.loads():
        if segment.vaddr <= image.entry < segment.vaddr + segment.memsz:
            return image.entry - segment.vaddr + segment.paddr
    raise ForgeError("the entry 0x%x lies in no segment" % image.entry)


def prepare(image, name, ram, cmdline):
    """The hand-over of a case `name` or `name:argument`."""
    name, _, argument = name.partition(":")
    if name not in CASES:
        raise ForgeError("no forge case %s; there are %s" % (name, ", ".join(sorted(CASES))))
    forgery = Forgery(image, ram, cmdline, argument)
    CASES[name](forgery)
    if forgery.span()[1] > forgery.ram:
        raise ForgeError("the image would lie outside RAM")
    return forgery


def build(image, name, ram, cmdline):
    """The bytes of the forged ELF for a case."""
    entry = physical_entry(image)
    forgery = prepare(image, name, ram, cmdline)
    pieces = [Piece(s.paddr + forgery.shift, load_content(forgery, s), 7)
              for s in image.loads()]
    blob = forgery.blob_address()
    info = forgery.info()
    if len(info) > BLOB_SIZE - 2 * 4096 - TABLES_SIZE:
        raise ForgeError("the boot information is too long")
    at = forgery.info_address()
    pieces.append(Piece(at, info, 6))
    if forgery.paging:
        tables = blob + BLOB_SIZE - TABLES_SIZE
        pieces.append(Piece(tables, five_levels(tables), 6))
    code = trampoline(blob, entry + forgery.shift, forgery, at)
    pieces.append(Piece(blob, code, 5))
    return assemble(pieces, pvh_note(blob))


def write(kernel, name, out, mem, cmdline):
    data = build(elf.Elf.load(kernel), name, parse_size(mem), cmdline)
    with open(out, "wb") as file:
        file.write(data)


# Cases. First what must work, whatever the loader left around.

@case
def good(_forgery):
    """An honest loader."""


@case
def relocated(forgery):
    """Argument: bytes from the linked address, a multiple of 4096."""
    forgery.shift = int(forgery.argument, 0)


@case
def dirty_bss(forgery):
    forgery.dirty = (".bss",)


@case
def dirty_everything(forgery):
    """Also what is neither loaded nor cleared: stacks, page tables, logs."""
    forgery.dirty = tuple(s.name for s in forgery.image.sections
                          if s.type == elf.SHT_NOBITS)


@case
def bss_left(forgery):
    """A loader that does not clear what the file does not fill: what a warm
    reset finds there is what the boot before left."""
    forgery.load_bss = False


@case
def panic_first(forgery):
    """The first act of C is a panic: kmain() is overwritten with a call."""
    image = forgery.image
    kmain = image.symbol("kmain")
    text = b"planted as the first act of C\0"
    code = b"\x55\x48\x89\xe5"                             # push %rbp; mov %rsp, %rbp
    code += b"\x48\x8d\x3d" + struct.pack("<i", 7)          # lea text(%rip), %rdi
    code += b"\x31\xc0\xe8"                                 # xor %eax, %eax; call panic
    code += struct.pack("<i", image.symbol("panic") - (kmain + len(code) + 4))
    at = image.offset_of(kmain)
    image.data = image.data[:at] + code + text + image.data[at + len(code + text):]


@case
def cr4_set(forgery):
    forgery.cr4 = CR4_LA57 | CR4_DE | CR4_TSD | CR4_PGE | CR4_OSFXSR


@case
def la57_left(forgery):
    """The loader ran with five levels: paging is off again, as it must be, but
    CR4 and EFER are as they were."""
    forgery.cr4 = CR4_LA57 | CR4_PAE
    forgery.paging = "left"


@case
def la57_on(forgery):
    """A loader that forgot to turn paging off."""
    forgery.cr4 = CR4_LA57 | CR4_PAE | CR4_PGE
    forgery.paging = "on"


@case
def map_unsorted(forgery):
    """Unsorted, overlapping, unaligned, empty, wrapping, unknown types."""
    top = forgery.ram
    forgery.mmap = [
        (top // 2, top - top // 2, USABLE),
        (top - 5 * MIB - 123, 4567, RESERVED),
        (0x9fc00, 0x400, RESERVED),
        (MIB, top // 2, USABLE),
        (MIB + 1, top // 2 + 12345, USABLE),
        (top - 8 * MIB, 0, RESERVED),
        (top - 9 * MIB, 0, USABLE),
        (0xf0000, 0x10000, RESERVED),
        (2**64 - 4096, 8192, USABLE),
        (2**64 - 1, 2**64 - 1, RESERVED),
        (2**63, 2**63 - 1, 77),
        (top - 10 * MIB + 1, 2 * MIB - 2, RECLAIMABLE),
        (top - 9 * MIB, 3 * MIB, NVS),
        (top - 12 * MIB, 4097, BAD),
        (0, 0x9fc00, USABLE),
        (2**52, 2**40, USABLE),
    ]


@case
def map_beyond_processor(forgery):
    """RAM that a processor of 40 address bits, as QEMU's are, cannot name."""
    forgery.mmap.append((2**42, 64 * MIB, USABLE))


@case
def map_wrapping_only_usable(forgery):
    """A usable entry whose end wraps to below its start is no RAM."""
    forgery.mmap.append((2**64 - MIB, 2 * MIB + forgery.ram, USABLE))


@case
def map_holes(forgery):
    """Argument: how many entries. RAM below the last 48 MiB is whole."""
    count = int(forgery.argument)
    low = forgery.ram - 48 * MIB
    step = 48 * MIB // count // 4096 * 4096
    forgery.mmap = forgery.honest_map()[:3] + [(MIB, low - MIB, USABLE)]
    forgery.mmap += [(low + i * step, step - 4096, USABLE) for i in range(count - 4)]
    random.Random(1).shuffle(forgery.mmap)


@case
def map_crumbs(forgery):
    """The last 48 MiB are single pages, 2 MiB apart: too little for the page
    tables that each would need."""
    low = forgery.ram - 48 * MIB
    forgery.mmap = forgery.honest_map()[:3] + [(MIB, low - MIB, USABLE)]
    forgery.mmap += [(low + i * 2 * MIB + 0x5000, 4096, USABLE) for i in range(1, 24)]


def adjacent_entries(forgery):
    """As many entries as the argument says, on pages, which are all RAM."""
    count = int(forgery.argument) - 3
    step = (forgery.ram - MIB) // count // 4096 * 4096
    edges = [MIB + i * step for i in range(count)] + [forgery.ram]
    return forgery.mmap[:3] + [(a, b - a, USABLE) for a, b in zip(edges, edges[1:])]


@case
def map_adjacent(forgery):
    """Argument: how many entries, which join to one range."""
    forgery.mmap = adjacent_entries(forgery)


@case
def map_adjacent_shuffled(forgery):
    """Argument: how many entries, which join to one range only at the end."""
    forgery.mmap = adjacent_entries(forgery)
    random.Random(2).shuffle(forgery.mmap)


@case
def map_reserved_holes(forgery):
    """Argument: how many reserved pages are cut out of one usable range."""
    count = int(forgery.argument)
    base = forgery.ram - 48 * MIB
    step = 48 * MIB // count // 4096 * 4096
    forgery.mmap += [(base + i * step, 4096, RESERVED) for i in range(count)]


@case
def memmap(forgery):
    """Argument: a file of mm/memmaps/, fitted to the RAM (memmaps.py); the
    image and the boot information lie where that map has RAM."""
    try:
        fitted = memmaps.fit(memmaps.load(forgery.argument), forgery.ram)
    except memmaps.MapError as error:
        raise ForgeError(str(error)) from error
    start, end = forgery.span()
    forgery.mmap = fitted.e820
    if fitted.efi:
        forgery.extra = [tag_efi_mmap([(e.type, e.base, e.length // 4096) for e in fitted.efi])]
    forgery.shift = memmaps.place_image(fitted, start, end - start) - start
    forgery.blob = memmaps.place_info(fitted, forgery.span(), 4096 + len(forgery.info()))
    forgery.fitted = fitted


@case
def map_entry_size_larger(forgery):
    forgery.map_tag = lambda: tag_mmap(forgery.mmap, entry_size=40)


@case
def map_second_ignored(forgery):
    forgery.extra = [tag_mmap([(0, 2**40, USABLE)])]


@case
def efi_runtime(forgery):
    """The EFI map withholds 4 MiB at 40 MiB, and claims RAM that is none."""
    forgery.extra = [tag_efi_mmap([(7, 0, 2**36), (5, 40 * MIB, 1024), (6, 2**63, 2**52),
                                   (11, 0xfee00000, 1), (7, MIB, 100)], size=48)]


@case
def modules(forgery):
    """20 modules, overlapping, some empty, inverted, or over the kernel."""
    start, _ = forgery.span()
    forgery.extra = [tag_module(32 * MIB + i * 0x1800, 32 * MIB + i * 0x1800 + 0x3000, "m%d" % i)
                     for i in range(16)]
    forgery.extra += [tag_module(33 * MIB, 33 * MIB, "empty"),
                      tag_module(34 * MIB, 33 * MIB, "inverted"),
                      tag_module(start, start + 123, "kernel " + "x" * 300),
                      tag_module(0xfffff000, 0xffffffff, "")]


@case
def modules_many(forgery):
    """100 modules: more than the kernel keeps by name."""
    forgery.extra = [tag_module(36 * MIB + i * 8192, 36 * MIB + i * 8192 + 4096, "many")
                     for i in range(100)]


@case
def rsdp_tags(forgery):
    """Both RSDP tags, pointing at nothing."""
    forgery.extra = [tag(14, rsdp(0xe0000, 0)), tag(15, rsdp(0xfffffff0, 2))]


@case
def rsdp_garbage(forgery):
    forgery.extra = [tag(14, b"\xff"), tag(15, b""), tag(15, b"\xff" * 1000)]


@case
def bars_over_ram(forgery):
    """BARs 1 and 4 of 00:01.0 and 00:02.0 are where a constant put them, while they decode.
    The end of RAM is firmware's, where its tables lie."""
    for device in (1, 2):
        at = forgery.ram // 2 + device * MIB
        forgery.pci_writes += ((device << 3, 0x14, at), (device << 3, 0x20, at + MIB // 2),
                               (device << 3, 0x24, 0))
    forgery.mmap[-1] = (MIB, forgery.ram - 2 * MIB, USABLE)


@case
def framebuffer(forgery):
    """A good one where no device answers: what is drawn is lost."""
    forgery.extra = [tag_framebuffer(0xd0000000, 256, 64, 32, 32)]


@case
def framebuffer_absurd(forgery):
    """Nothing of these can be drawn on."""
    huge = 2**32 - 1
    forgery.extra = [
        tag_framebuffer(0xfd000000, 4096, huge, huge, 32),
        tag_framebuffer(0xfd000000, 16, 1024, 768, 32),
        tag_framebuffer(0xfd000000, 4096, 1024, 768, 255),
        tag_framebuffer(0xfd000000, 4096, 1024, 768, 0),
        tag_framebuffer(0, 4096, 1024, 768, 32),
        tag_framebuffer(0xfd000000, 4096, 0, 0, 32),
        tag_framebuffer(0xb8000, 160, 80, 25, 16, kind=2),
        tag_framebuffer(0xfd000000, 4096, 1024, 768, 32, shifts=(255, 200, 99)),
        tag(8, b"\0" * 4),
    ]


@case
def framebuffer_palette(forgery):
    forgery.extra = [tag(8, struct.pack("<QIIIBBHI", 0xfd000000, 640, 640, 480, 8, 0, 0, 0))]


@case
def framebuffer_text_anywhere(forgery):
    """A text screen that would be in RAM."""
    forgery.extra = [tag_framebuffer(MIB, 160, 80, 25, 16, kind=2)]


@case
def framebuffer_wraps(forgery):
    forgery.extra = [tag_framebuffer(2**64 - 4096, 65536, 16384, 16384, 32)]


@case
def framebuffer_in_ram(forgery):
    """A picture over the kernel itself."""
    forgery.extra = [tag_framebuffer(forgery.span()[0], 4096, 1024, 768, 32)]


@case
def cmdline_unterminated(forgery):
    forgery.cmdline, text = "", forgery.cmdline
    plain = forgery.map_tag
    forgery.map_tag = lambda: plain() + tag_cmdline(text, end=b"")


@case
def loader_name_dirty(forgery):
    """A name that would write lines of its own and steer the terminal."""
    forgery.loader = "two\nlines\r\tand \x1b[31mred\x7f\x07"


@case
def tags_unknown(forgery):
    forgery.extra = [tag(kind, b"\xff" * (kind % 50)) for kind in range(22, 120)]


@case
def end_missing(forgery):
    forgery.end = b""


@case
def end_early(forgery):
    """Garbage after the end tag is not looked at."""
    forgery.end = tag_end() + b"\xff" * 64


# What must be refused with a message.

@case
def magic_bad(forgery):
    forgery.magic = 0x2badb002


@case
def map_missing(forgery):
    forgery.map_tag = lambda: b""


@case
def map_empty(forgery):
    forgery.mmap = []


@case
def map_all_reserved(forgery):
    forgery.mmap = [(base, length, RESERVED) for base, length, _ in forgery.mmap]


@case
def map_low_only(forgery):
    forgery.mmap = forgery.mmap[:3]


@case
def map_entry_size(forgery):
    """Argument: the size that the tag claims for its entries."""
    size = int(forgery.argument)
    honest = tag_mmap(forgery.mmap)
    forgery.map_tag = lambda: honest[:8] + struct.pack("<I", size) + honest[12:]


@case
def map_truncated(forgery):
    """A map tag too short for its own fields."""
    forgery.map_tag = lambda: tag(6, b"\x18\0\0\0")


@case
def tag_size(forgery):
    """Argument: the size that a tag before the map claims."""
    plain = forgery.map_tag
    forgery.map_tag = lambda: tag(99, b"\0" * 8, size=int(forgery.argument, 0)) + plain()


@case
def tag_cut(forgery):
    """The total size ends amid the map."""
    forgery.total_size = len(forgery.info()) - 40


@case
def total_size(forgery):
    """Argument: the total size that the information claims."""
    forgery.total_size = int(forgery.argument, 0)


@case
def total_size_beyond(forgery):
    """A total size beyond the end tag, within reason, is no harm."""
    forgery.total_size = len(forgery.info()) + 1001


@case
def misaligned(forgery):
    forgery.misalign = 4


@case
def boot_services(forgery):
    forgery.extra = [tag(18, b"")]


@case
def module_over_everything(forgery):
    forgery.extra = [tag_module(0, 0xffffffff, "greedy")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernel")
    parser.add_argument("case")
    parser.add_argument("out")
    parser.add_argument("--mem", default="128M")
    parser.add_argument("--cmdline", default="test")
    args = parser.parse_args()
    try:
        write(args.kernel, args.case, args.out, args.mem, args.cmdline)
    except (ForgeError, elf.ElfError, OSError) as error:
        print("forge: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
