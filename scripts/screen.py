# SPDX-License-Identifier: MIT
"""Reads the text off a screen: a picture as QEMU's screendump writes it and the
font that the kernel was built with, or the memory of a VGA in text mode.
scripts/terminal.py says what should be there."""

import re
import struct

# Red, green and blue of the kernel's sixteen colours.
PALETTE = ((0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0),
           (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170),
           (85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85),
           (85, 85, 255), (255, 85, 255), (85, 255, 255), (255, 255, 255))
BLACK, PLAIN, CURSOR = 0, 7, 8
COARSE = 8              # how far a value of five bits may be off
UNKNOWN = "\0"          # shown by no character
TEXT_COLUMNS, TEXT_ROWS = 80, 25
TEXT_SIZES = ((720, 400), (640, 400))
TEXT_MISSING = "\u25a0"
TEXT_CURSOR = 0x70      # black on grey


class ScreenError(Exception):
    """What cannot be read."""


class Font:
    """A PSF font, version 1 or 2. `shown`: the bitmap's character, of several the first by code;
    `bitmaps`: by character, b"\\0\\1..." with a byte a pixel."""

    def __init__(self, data):
        if data[:2] == b"\x36\x04":
            count, self.width, self.height = 512 if data[2] & 1 else 256, 8, data[3]
            size, start, table = data[3], 4, data[2] & 6 and "utf-16-le"
        elif data[:4] == b"\x72\xb5\x4a\x86":
            start, flags, count, size, self.height, self.width = struct.unpack_from("<6I", data, 8)
            table = flags & 1 and "utf-8"
        else:
            raise ScreenError("not a PSF font")
        glyphs = [data[start + i * size:start + (i + 1) * size] for i in range(count)]
        if not glyphs or len(glyphs[-1]) != size:
            raise ScreenError("the font is cut short")
        self.bitmaps = {}
        for character, glyph in self._characters(data[start + count * size:], table, count):
            self.bitmaps.setdefault(character, self._bitmap(glyphs[glyph]))
        self.shown = {}
        for character in sorted(self.bitmaps):
            self.shown.setdefault(self.bitmaps[character], character)

    @staticmethod
    def _characters(data, table, count):
        """Pairs of a character and its glyph; sequences of several characters are left out."""
        if not table:
            return [(chr(code), code) for code in range(32, min(count, 127))]
        if table == "utf-8":
            rows = [row.split(b"\xfe")[0] for row in data.split(b"\xff")]
        else:
            words = [data[i:i + 2] for i in range(0, len(data) - 1, 2)]
            rows = [b"".join(row).split(b"\xfe\xff")[0] for row in split(words, b"\xff\xff")]
        return [(character, glyph) for glyph, row in enumerate(rows[:count])
                for character in row.decode(table, "ignore")]

    def _bitmap(self, glyph):
        stride = (self.width + 7) // 8
        bits = "".join("".join("{:08b}".format(b) for b in
                               glyph[y * stride:(y + 1) * stride])[:self.width]
                       for y in range(self.height))
        return bytes(map(int, bits))

    def as_shown(self, character):
        """The character that is read where this one was written."""
        for known in (character, "\ufffd", "?"):
            if known in self.bitmaps:
                return self.shown[self.bitmaps[known]]
        return UNKNOWN


class CodePage:
    """What a VGA shows until somebody loads another font."""

    @staticmethod
    def as_shown(character):
        if " " <= character <= "~":
            return character
        upper = bytes(range(128, 256)).decode("cp437")
        return character if character in upper else TEXT_MISSING


class Screen:
    """Cells: rows of (character, colour). `cursor`: its column and row, or None."""

    def __init__(self, cells, font, cursor):
        self.cells = cells
        self.font = font
        self.cursor = cursor

    def lines(self):
        return ["".join(c for c, _ in row).rstrip() for row in self.cells]

    def text(self, colour=None):
        """The lines of text; where a colour is given, only what has it."""
        rows = ["".join(c if colour in (None, seen) else " " for c, seen in row).rstrip()
                for row in self.cells]
        return "\n".join(rows).rstrip("\n") + "\n"


def split(items, mark):
    rows = [[]]
    for item in items:
        if item == mark:
            rows.append([])
        else:
            rows[-1].append(item)
    return rows


def read_picture(data):
    """Width, height and the three bytes of each pixel of a binary PPM."""
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not header:
        raise ScreenError("not a picture")
    width, height = int(header[1]), int(header[2])
    pixels = data[header.end():]
    if len(pixels) != width * height * 3:
        raise ScreenError("the picture is cut short")
    return width, height, pixels


def colour_of(pixel):
    """Its number among the sixteen, else 255."""
    for number, values in enumerate(PALETTE):
        if all(abs(a - b) <= COARSE for a, b in zip(values, pixel)):
            return number
    return 255


def read_cell(pixels, font):
    """The character, its colour, and whether the cursor is there."""
    seen = set(pixels)
    behind = BLACK if BLACK in seen else CURSOR
    ink = seen - {behind}
    if len(ink) > 1 or 255 in ink:
        return UNKNOWN, PLAIN, False
    bitmap = bytes(v != behind for v in pixels)
    return font.shown.get(bitmap, UNKNOWN), min(ink, default=PLAIN), behind == CURSOR and \
        CURSOR in seen


def read_pixels(picture, font):
    """The screen that a picture shows in the cells of a font (bytes)."""
    width, height, pixels = read_picture(picture)
    font = Font(font)
    known = {p: colour_of(p) for p in set(p for p, in struct.iter_unpack("3s", pixels))}
    colours = bytes(known[p] for p, in struct.iter_unpack("3s", pixels))
    cells, cursor = [], None
    for top in range(0, height - font.height + 1, font.height):
        row = []
        for left in range(0, width - font.width + 1, font.width):
            character, colour, here = read_cell(b"".join(
                colours[(top + y) * width + left:(top + y) * width + left + font.width]
                for y in range(font.height)), font)
            if here:
                cursor = (len(row), len(cells))
            row.append((character, colour))
        cells.append(row)
    return Screen(cells, font, cursor)


def read_vga(memory):
    """The screen of a VGA's text mode: a byte of character, a byte of colours."""
    cells, cursor = [], None
    for at in range(0, TEXT_COLUMNS * TEXT_ROWS * 2, TEXT_COLUMNS * 2):
        row = []
        for column in range(TEXT_COLUMNS):
            byte, colours = memory[at + column * 2], memory[at + column * 2 + 1]
            if colours == TEXT_CURSOR:
                cursor = (column, len(cells))
            # VGA counts blue as 1 and red as 4.
            ansi = (colours & 10) | (colours & 1) << 2 | (colours & 4) >> 2
            row.append((bytes([byte]).decode("cp437"), PLAIN if byte == 32 else ansi))
        cells.append(row)
    return Screen(cells, CodePage(), cursor)


def read_text(picture, font):
    """The lines of text; a cell that shows no glyph of the font is `\\0`."""
    return read_pixels(picture, font).text()
