# SPDX-License-Identifier: MIT
"""Takes the pictures that README and Documentation show (`make screenshots`):
the ISO through GRUB on a PC with a screen, photographed by QEMU, written to
Documentation/generated/. A picture is as small as a palette makes it, and one
that is larger than LIMIT is refused, as `make check` does."""

import argparse
import os
import re
import struct
import sys
import tempfile
import time
import zlib

import guest
import qemu

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join("Documentation", "generated")
LIMIT = 60000           # bytes
SETTLE = 0.5            # seconds for the screen to show what the serial line said
TIMEOUT = 180           # seconds, a hang guard

# Name of the picture; what is typed, each with what must come before the next.
PICTURES = (
    ("screen-boot", (("", r"^cairn> "),)),
    ("screen-shell", (("", r"^cairn> "), ("lspci", r"^cairn> "), ("heap", r"^cairn> "))),
    ("screen-panic", (("", r"^cairn> "), ("crash null", r"^build id|^  build id"))),
)


class PictureError(Exception):
    """What cannot be a picture."""


def read_ppm(data):
    """Width, height and the bytes of the pixels, three each."""
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not header:
        raise PictureError("not a picture as QEMU writes them")
    width, height = int(header[1]), int(header[2])
    pixels = data[header.end():]
    if len(pixels) != width * height * 3:
        raise PictureError("the picture is cut short")
    return width, height, pixels


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def png(width, height, pixels):
    """A PNG (ISO 15948) with a palette; PictureError for more than 256 colours."""
    colours = sorted({pixels[i:i + 3] for i in range(0, len(pixels), 3)})
    if len(colours) > 256:
        raise PictureError("%d colours, at most 256" % len(colours))
    depth = next(d for d in (1, 2, 4, 8) if len(colours) <= 1 << d)
    index = {colour: i for i, colour in enumerate(colours)}
    rows = bytearray()
    for y in range(height):
        row = pixels[y * width * 3:(y + 1) * width * 3]
        rows += b"\0" + packed([index[row[i:i + 3]] for i in range(0, len(row), 3)], depth)
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 3, 0, 0, 0)) +
            chunk(b"PLTE", b"".join(colours)) + chunk(b"IDAT", zlib.compress(bytes(rows), 9)) +
            chunk(b"IEND", b""))


def packed(indices, depth):
    """A row of palette indices, the leftmost pixel in the highest bits."""
    each = 8 // depth
    row = bytearray()
    for i in range(0, len(indices), each):
        byte = 0
        for n in range(each):
            byte = byte << depth | (indices[i + n] if i + n < len(indices) else 0)
        row.append(byte)
    return bytes(row)


def take(build, steps, folder):
    """The PNG of the screen after the steps."""
    config = qemu.read_config(os.path.join(build, ".config"))
    wanted = qemu.Guest(machine="q35", boot="iso", iso=os.path.join(build, "cairn.iso"),
                        elf=os.path.join(build, "cairn.elf"),
                        devices=["rng", "net", "blk", "vga"], debug_port=qemu.debug_port(config),
                        qmp=os.path.join(folder, "qmp"))
    qemu.check(wanted)
    session = guest.Session(qemu.command(wanted), qmp=wanted.qmp)
    path = os.path.join(folder, "screen.ppm")
    try:
        for line, awaited in steps:
            if line:
                session.send(line)
            session.wait(awaited, TIMEOUT)
        time.sleep(SETTLE)
        session.control("screendump", filename=path)
    finally:
        session.close()
    with open(path, "rb") as file:
        return png(*read_ppm(file.read()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--to", default=os.path.join(TREE, FOLDER))
    args = parser.parse_args()
    for name, steps in PICTURES:
        path = os.path.join(args.to, name + ".png")
        try:
            with tempfile.TemporaryDirectory(prefix="cairn-") as folder:
                picture = take(args.build, steps, folder)
            if len(picture) >= LIMIT:
                raise PictureError("%d bytes, less than %d allowed" % (len(picture), LIMIT))
        except (PictureError, guest.GuestError, qemu.Impossible, OSError) as error:
            print("screenshots: %s: %s" % (name, error), file=sys.stderr)
            return 1
        with open(path, "wb") as file:
            file.write(picture)
        print("%s: %d bytes" % (path, len(picture)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
