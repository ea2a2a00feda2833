# SPDX-License-Identifier: MIT
"""Reads the text off a screen: a picture as QEMU's screendump writes it, and
the font that the kernel was built with."""

import re
import struct

LIT = 0x60      # a colour value above this is foreground


class ScreenError(Exception):
    """What cannot be read."""


def read_font(data):
    """Width, height and the glyphs (bytes) of a PSF font, version 1 or 2."""
    if data[:2] == b"\x36\x04":
        count, width, height, size, start = 512 if data[2] & 1 else 256, 8, data[3], data[3], 4
    elif data[:4] == b"\x72\xb5\x4a\x86":
        start, _, count, size, height, width = struct.unpack_from("<6I", data, 8)
    else:
        raise ScreenError("not a PSF font")
    glyphs = [data[start + i * size:start + (i + 1) * size] for i in range(count)]
    if not glyphs or len(glyphs[-1]) != size:
        raise ScreenError("the font is cut short")
    return width, height, glyphs


def read_picture(data):
    """Width, height and one byte a pixel (1: lit) of a binary PPM."""
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not header:
        raise ScreenError("not a picture")
    width, height = int(header[1]), int(header[2])
    pixels = data[header.end():]
    if len(pixels) != width * height * 3:
        raise ScreenError("the picture is cut short")
    return width, height, bytes(v > LIT for v in pixels[::3])


def read_text(picture, font):
    """The lines of text; a cell that shows no glyph of the font is `\\ufffd`."""
    width, height, lit = read_picture(picture)
    columns, rows, glyphs = read_font(font)
    stride = (columns + 7) // 8
    known = {}
    for code in range(min(len(glyphs), 127) - 1, 31, -1):
        bits = "".join("".join("{:08b}".format(b) for b in
                               glyphs[code][y * stride:(y + 1) * stride])[:columns]
                       for y in range(rows))
        known[bytes(c == "1" for c in bits)] = chr(code)
    text = []
    for top in range(0, height - rows + 1, rows):
        line = ""
        for left in range(0, width - columns + 1, columns):
            cell = b"".join(lit[(top + y) * width + left:(top + y) * width + left + columns]
                            for y in range(rows))
            line += known.get(cell, "\ufffd")
        text.append(line.rstrip())
    return "\n".join(text).rstrip("\n") + "\n"
