# SPDX-License-Identifier: MIT
"""Tests of screenshots.py."""

import struct
import unittest
import zlib

import screenshots


def unpack(data):
    """Width, height and pixels of a PNG with a palette, as any reader gets them."""
    chunks, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        crc, = struct.unpack_from(">I", data, at + 8 + size)
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert kind == 3
    rows = zlib.decompress(chunks[b"IDAT"])
    stride = 1 + (width * depth + 7) // 8
    pixels = b""
    for y in range(height):
        row = rows[y * stride:(y + 1) * stride]
        assert row[0] == 0
        for x in range(width):
            bit = x * depth
            i = row[1 + bit // 8] >> (8 - depth - bit % 8) & ((1 << depth) - 1)
            pixels += chunks[b"PLTE"][i * 3:i * 3 + 3]
    return width, height, pixels


class ScreenshotsTest(unittest.TestCase):
    def test_what_is_written_is_what_was_seen(self):
        for colours in (1, 2, 3, 5, 16, 17, 200):
            for width, height in ((1, 1), (7, 3), (16, 16)):
                pixels = b"".join(bytes(((i * 7) % colours, 1, 2)) for i in range(width * height))
                self.assertEqual(unpack(screenshots.png(width, height, pixels)),
                                 (width, height, pixels))

    def test_too_many_colours_are_refused(self):
        pixels = b"".join(struct.pack(">I", i)[1:] for i in range(257))
        with self.assertRaises(screenshots.PictureError):
            screenshots.png(257, 1, pixels)

    def test_what_is_no_picture_is_refused(self):
        for data in (b"", b"P5 1 1 255 x", b"P6 2 1 255 abc"):
            with self.assertRaises(screenshots.PictureError):
                screenshots.read_ppm(data)
        self.assertEqual(screenshots.read_ppm(b"P6\n1 1\n255\nabc"), (1, 1, b"abc"))


if __name__ == "__main__":
    unittest.main()
