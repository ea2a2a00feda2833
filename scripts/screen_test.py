# SPDX-License-Identifier: MIT
"""Text drawn with a font of our own, read back."""

import struct
import unittest

import screen


def font(version):
    """A glyph for each code: its number in the first two rows, 8 x 4 pixels."""
    glyphs = b"".join(bytes([0, code, 0x81, 0]) for code in range(256))
    if version == 1:
        return b"\x36\x04\x00\x04" + glyphs
    return b"\x72\xb5\x4a\x86" + struct.pack("<7I", 0, 32, 0, 256, 4, 4, 8) + glyphs


def draw(lines, columns):
    """A picture of `lines`, each cut or filled to `columns` characters."""
    rows = []
    for line in lines:
        cells = [bytes([0, ord(c), 0x81, 0]) for c in line.ljust(columns, chr(32))[:columns]]
        for y in range(4):
            bits = "".join("{:08b}".format(cell[y]) for cell in cells)
            rows.append(b"".join(b"\xd0\xd0\xd0" if b == "1" else b"\0\0\0" for b in bits))
    return b"P6\n%d %d\n255\n" % (columns * 8, len(lines) * 4) + b"".join(rows)


class ScreenTest(unittest.TestCase):
    def test_text_is_read_back(self):
        for version in (1, 2):
            text = screen.read_text(draw(["ready", "cairn> "], 12), font(version))
            self.assertEqual(text, "ready\ncairn>\n")

    def test_what_is_no_glyph_is_shown_as_such(self):
        picture = bytearray(draw(["ab"], 2))
        picture[-3:] = b"\xff\xff\xff"
        self.assertEqual(screen.read_text(bytes(picture), font(1)), "a\ufffd\n")

    def test_damage_is_refused(self):
        for picture, psf in ((b"P5\n1 1\n255\n0", font(1)), (draw(["a"], 1)[:-1], font(1)),
                             (draw(["a"], 1), font(2)[:-1]), (draw(["a"], 1), b"none")):
            with self.assertRaises(screen.ScreenError):
                screen.read_text(picture, psf)


if __name__ == "__main__":
    unittest.main()
