# SPDX-License-Identifier: MIT
"""The fitting of memory maps and the model of what comes of them."""

import os
import tempfile
import unittest

import memmaps
from memmaps import (BAD, CLAIMED, MIB, NVS, PERSISTENT, RECLAIMABLE, RESERVED, USABLE, Entry,
                     Map, Region)

GOOD = ("# kind: e820\n# entries: 2\n0x0 0x9fbff 1 usable\n0x100000 - 2 reserved\n")
SIZES = (256 * MIB, 1024 * MIB)


def write(folder, text, name="x.map"):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def both(source):
    return source.e820 + source.efi


def ends(source):
    return [end for e in both(source) for end in (e.base, e.base + e.length)]


class LoadTest(unittest.TestCase):
    def test_good(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(memmaps.load(write(folder, GOOD)),
                             Map([Entry(0, 0x9fc00, 1), Entry(0x100000, 0, 2)], []))

    def test_broken_ones_are_refused(self):
        efi = "# kind: efi\n# entries: 1\n0x0 0x%x 7 Available 0xf\n"
        broken = (GOOD.replace("e820", "e801"), GOOD.replace("entries: 2", "entries: 3"),
                  GOOD.replace("# kind: e820\n", ""), GOOD.replace("# entries: 2\n", ""),
                  GOOD.replace("0x9fbff 1", "0x9fbff x"), GOOD.replace("0x0 ", "0xa0000 "),
                  GOOD.replace("0x9fbff", "0x1ffffffffffffffff"), GOOD + "\n", GOOD + "\u00e4\n",
                  "# kind: e820\n# entries: 0\n", efi % 0xffe, "")
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(memmaps.load(write(folder, efi % 0xfff)).efi), 1)
            for text in broken:
                with self.assertRaises(memmaps.MapError, msg=text):
                    memmaps.load(write(folder, text))

    def test_an_empty_or_missing_corpus_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            for place in (folder, os.path.join(folder, "none")):
                with self.assertRaises(memmaps.MapError):
                    memmaps.corpus(place)
            write(folder, GOOD)
            self.assertEqual(len(memmaps.corpus(folder)), 1)

    def test_efi_types_become_those_of_e820(self):
        source = memmaps.load(os.path.join(memmaps.FOLDER, "lenovo-x240-uefi-efi.map"))
        self.assertEqual(len(source.e820), len(source.efi))
        for e820, efi in zip(*source):
            self.assertEqual(e820[:2], efi[:2])
            self.assertEqual(e820.type == 1, efi.type in (1, 2, 3, 4, 7))


class FitTest(unittest.TestCase):
    def every(self):
        for path in memmaps.corpus(memmaps.FOLDER):
            source = memmaps.load(path)
            for ram in SIZES:
                with self.subTest(path=os.path.basename(path), ram=ram):
                    yield source, memmaps.fit(source, ram), ram

    def test_usable_memory_lies_in_the_ram(self):
        for _, fitted, ram in self.every():
            for entry in fitted.e820:
                self.assertTrue(entry.type != 1 or entry.base + entry.length <= ram)

    def test_order_of_all_ends_is_kept(self):
        for source, fitted, _ in self.every():
            moves = sorted(set(zip(ends(source), ends(fitted), strict=True)))
            for (a, b), (c, d) in zip(moves, moves[1:]):
                self.assertTrue(a < c and b < d)

    def test_addresses_keep_their_last_bits_and_low_memory_its_place(self):
        for source, fitted, _ in self.every():
            for a, b in zip(ends(source), ends(fitted)):
                self.assertEqual((a - b) % memmaps.LARGE, 0)
                self.assertLessEqual(b, a)
                self.assertTrue(a > MIB or a == b)

    def test_types_and_number_are_kept(self):
        for source, fitted, _ in self.every():
            self.assertEqual([e.type for e in both(source)], [e.type for e in both(fitted)])

    def test_what_fits_is_left_alone(self):
        unchanged = 0
        for source, fitted, ram in self.every():
            top = max((e.base + e.length for e in source.e820 if e.type == 1), default=0)
            self.assertEqual(source == fitted, top <= ram)
            unchanged += source == fitted
        self.assertGreater(unchanged, 10)

    def test_as_much_ram_is_used_as_the_map_has(self):
        for source, fitted, ram in self.every():
            had, has = (memmaps.total(memmaps.normalise(memmaps.ranges(m)))
                        for m in (source, fitted))
            self.assertGreaterEqual(has, min(had, ram // 10))

    def test_a_map_that_cannot_be_fitted_is_refused(self):
        pieces = [Entry(i * 4 * MIB, 2 * MIB, 1) for i in range(100)]
        with self.assertRaises(memmaps.MapError):
            memmaps.fit(Map(pieces, []), 128 * MIB)


class ModelTest(unittest.TestCase):
    def test_strictest_kind_wins_in_any_order(self):
        claims = [Region(0, 10, USABLE, "a"), Region(2, 6, NVS, "b"), Region(4, 8, RESERVED, "c")]
        want = [Region(0, 2, USABLE, "a"), Region(2, 6, NVS, "b"), Region(6, 8, RESERVED, "c"),
                Region(8, 10, USABLE, "a")]
        self.assertEqual(memmaps.normalise(claims), want)
        self.assertEqual(memmaps.normalise(claims[::-1]), want)

    def test_the_first_name_stays(self):
        claims = [Region(0, 4, RESERVED, "a"), Region(2, 8, RESERVED, "b"),
                  Region(4, 6, RESERVED, "a")]
        self.assertEqual(memmaps.normalise(claims), [Region(0, 4, RESERVED, "a"),
                                                     Region(4, 8, RESERVED, "b")])

    def test_neighbours_join(self):
        claims = [Region(4, 6, USABLE, "a"), Region(0, 4, USABLE, "a"), Region(0, 6, USABLE, "a")]
        self.assertEqual(memmaps.normalise(claims), [Region(0, 6, USABLE, "a")])

    def test_rounding(self):
        source = Map([Entry(1, 0x2fff, 1), Entry(0x8fff, 2, 4), Entry(0x20000, 0, 1),
                      Entry(0x30000, 0xfff, 1), Entry(2**64 - 2, 2, 3), Entry(2**64 - 9, 9, 1),
                      Entry(0x40000, 0, 2)], [])
        self.assertEqual(list(memmaps.ranges(source)),
                         [Region(0x1000, 0x3000, USABLE, "RAM"),
                          Region(0x8000, 0xa000, NVS, "ACPI NVS")])

    def test_types(self):
        kinds = {1: USABLE, 2: RESERVED, 3: RECLAIMABLE, 4: NVS, 5: BAD, 7: PERSISTENT,
                 12: PERSISTENT, 0: RESERVED, 20: RESERVED, 0xefffffff: RESERVED}
        for number, kind in kinds.items():
            (region,) = memmaps.ranges(Map([Entry(0, 4096, number)], []))
            self.assertEqual(region.kind, kind)
        withheld = [n for n in range(16)
                    if list(memmaps.ranges(Map([], [Entry(0, 4096, n)])))]
        self.assertEqual(withheld, [5, 6, 11, 12, 15])

    def test_kernel_claims(self):
        source = Map([Entry(0, 64 * MIB, 1)], [])
        got = memmaps.kernel_map(source, (2 * MIB, 3 * MIB), (4 * MIB + 8, 4 * MIB + 9))
        self.assertEqual([r.name for r in got], ["low memory", "RAM", "kernel", "RAM",
                                                 "boot information", "RAM"])
        self.assertEqual(memmaps.total(got), 62 * MIB - 4096)
        self.assertEqual(memmaps.total(got, CLAIMED), 2 * MIB + 4096)

    def test_line(self):
        self.assertEqual(memmaps.line(Region(0, 0x100000, CLAIMED, "low memory")),
                         "0x0000000000000000-0x00000000000fffff       1024 KiB  claimed     "
                         "low memory")


class PlaceTest(unittest.TestCase):
    def test_image_and_information_lie_in_usable_memory(self):
        for path in memmaps.corpus(memmaps.FOLDER):
            fitted = memmaps.fit(memmaps.load(path), SIZES[1])
            start = memmaps.place_image(fitted, 2 * MIB, MIB)
            info = memmaps.place_info(fitted, (start, start + MIB), 5000)
            if not memmaps.rooms(fitted):
                self.assertEqual((start, info), (2 * MIB, None))
                continue
            self.assertTrue(info + 8192 <= start or info >= start + MIB)
            for low, high in ((start, start + MIB), (info, info + 8192)):
                self.assertTrue(any(a <= low and high <= b for a, b in memmaps.rooms(fitted)))

    def test_image_goes_where_it_is_linked_if_it_can(self):
        source = Map([Entry(MIB, 8 * MIB, 1), Entry(3 * MIB, MIB, 2)], [])
        self.assertEqual(memmaps.place_image(source, 2 * MIB, MIB), 2 * MIB)
        self.assertEqual(memmaps.place_image(source, 2 * MIB, MIB + 1), MIB)
        self.assertEqual(memmaps.place_image(source, 2 * MIB, 4 * MIB), 4 * MIB)
        self.assertEqual(memmaps.place_image(source, 2 * MIB, 9 * MIB), 2 * MIB)


if __name__ == "__main__":
    unittest.main()
