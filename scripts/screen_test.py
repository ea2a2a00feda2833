# SPDX-License-Identifier: MIT
"""Text drawn with a font of our own, read back, and compared with the plain model."""

import struct
import unittest

import screen
import terminal

GREY, INK, BEHIND = (170,) * 3, (170, 0, 0), (85,) * 3
REPLACEMENT = 200


def glyph(code):
    """Its number in the first two rows of four, eight pixels wide."""
    return bytes([0, code, 0x81, 0]) if code != 32 else bytes(4)


def font(version, table=True):
    """A glyph for each code of ASCII, and one for what is missing."""
    glyphs = b"".join(glyph(code) for code in range(256))
    shows = [chr(c) if 32 <= c < 127 else "\ufffd" if c == REPLACEMENT else "" for c in range(256)]
    if version == 1:
        rows = b"".join(s.encode("utf-16-le") + b"\xfe\xffA\0\xff\xff" for s in shows)
        return bytes([0x36, 4, 2 if table else 0, 4]) + glyphs + (rows if table else b"")
    rows = b"".join(s.encode() + b"\xfeA\xff" for s in shows)
    return b"\x72\xb5\x4a\x86" + struct.pack("<7I", 0, 32, int(table), 256, 4, 4, 8) + glyphs + \
        (rows if table else b"")


def draw(lines, columns, ink=GREY, cursor=None):
    """A picture of `lines`, each cut or filled to `columns` characters."""
    rows = []
    for number, line in enumerate(lines):
        line = line.ljust(columns)[:columns]
        for y in range(4):
            for column, character in enumerate(line):
                behind = BEHIND if (column, number) == cursor else (0, 0, 0)
                code = REPLACEMENT if character == "\ufffd" else ord(character)
                bits = "{:08b}".format(glyph(code)[y])
                rows.append(b"".join(bytes(ink if b == "1" else behind) for b in bits))
    return b"P6\n%d %d\n255\n" % (columns * 8, len(lines) * 4) + b"".join(rows)


class ScreenTest(unittest.TestCase):
    def test_text_is_read_back(self):
        for version in (1, 2):
            for table in (True, False):
                text = screen.read_text(draw(["ready", "cairn> "], 12), font(version, table))
                self.assertEqual(text, "ready\ncairn>\n")

    def test_what_is_no_glyph_is_shown_as_such(self):
        picture = bytearray(draw(["ab"], 2))
        picture[-3:] = b"\xff\xff\xff"
        self.assertEqual(screen.read_text(bytes(picture), font(1)), "a\0\n")

    def test_colours_and_the_cursor_are_read(self):
        shown = screen.read_pixels(draw(["ab"], 3, INK, (2, 0)), font(2))
        self.assertEqual(shown.cursor, (2, 0))
        self.assertEqual(shown.text(1), "ab\n")
        self.assertEqual(shown.text(2), "\n")
        coarse = tuple(v and v + 3 for v in INK)
        self.assertEqual(screen.read_pixels(draw(["a"], 1, coarse), font(2)).text(1), "a\n")

    def test_a_vga_is_read(self):
        memory = bytearray(b" \x07" * 2000)
        memory[0:6] = b"a\x04\xdb\x01 \x70"
        shown = screen.read_vga(memory)
        self.assertEqual(shown.cursor, (2, 0))
        self.assertEqual(shown.text(1), "a\n")
        self.assertEqual(shown.text(4), " \u2588\n")

    def test_damage_is_refused(self):
        for picture, psf in ((b"P5\n1 1\n255\n0", font(1)), (draw(["a"], 1)[:-1], font(1)),
                             (draw(["a"], 1), font(2, False)[:-1]), (draw(["a"], 1), b"none")):
            with self.assertRaises(screen.ScreenError):
                screen.read_text(picture, psf)


class TerminalTest(unittest.TestCase):
    def shown(self, output, columns=10, rows=3):
        model = terminal.Terminal(columns, rows)
        model.feed(output)
        return ["".join(c for c, _ in row).rstrip() for row in model.cells()], model

    def test_lines_wrap_and_scroll(self):
        lines, model = self.shown(b"one\r\n0123456789abc\ntwo\n")
        self.assertEqual(lines, ["abc", "two", ""])
        self.assertEqual(model.cursor(), (0, 2))

    def test_sequences_move_erase_and_colour(self):
        lines, model = self.shown(b"abcdef\x1b[3DX\x1b[CY\n\x1b[31mr\x1b[1mR\x1b[m\tt"
                                  b"\x1b[?25h\x1b(B")
        self.assertEqual(lines, ["abcXeY", "rR      t", ""])
        self.assertEqual([c for _, c in model.cells()[1][:2]], [1, 9])
        lines, _ = self.shown(b"gone\rkept?\b\x1b[K\nx\x1b[2J\x1b[Hy")
        self.assertEqual(lines, ["y", "", ""])

    def test_what_differs_is_told(self):
        shown = screen.read_pixels(draw(["ab", "c"], 2, cursor=(1, 1)), font(2))
        self.assertEqual(terminal.compare(shown, b"ab\nc"), [])
        self.assertEqual(len(terminal.compare(shown, b"ax\nc")), 1)
        self.assertEqual(len(terminal.compare(shown, b"\x1b[31ma\x1b[mb\nc")), 1)
        self.assertIn("cursor", terminal.compare(shown, b"ab\nc\r")[0])

    def test_what_was_before_the_kernel_does_not_count(self):
        shown = screen.read_pixels(draw(["Cairn 0", ""], 8, cursor=(0, 1)), font(2))
        self.assertEqual(terminal.compare(shown, b"GRUB\nBooting `Cairn'\nCairn 0\n"), [])

    def test_what_the_font_does_not_have_is_its_replacement(self):
        shown = screen.read_pixels(draw(["a\ufffd"], 3, cursor=(2, 0)), font(2))
        self.assertEqual(terminal.compare(shown, "a\u4e2d".encode()), [])
        self.assertEqual(terminal.compare(shown, b"a\xff"), [])
        self.assertEqual(len(terminal.compare(shown, b"ab")), 1)


if __name__ == "__main__":
    unittest.main()
