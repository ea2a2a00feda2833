# SPDX-License-Identifier: MIT
"""The forger's own parts, on a made-up image."""

import os
import struct
import unittest

import elf
import forge
import memmaps


def image():
    """A kernel-like ELF: two segments at 2 MiB, entry at its start."""
    note = forge.pvh_note(0x200000)
    data = forge.assemble([forge.Piece(0x201000, b"data" * 64, 6),
                           forge.Piece(0x200000, b"text" * 64, 5)], note)
    made = elf.Elf(data)
    made.symbol = {"kmain": 0x200010, "panic": 0x200004}.__getitem__
    return made


def forged(name, cmdline="test", ram=128 * forge.MIB):
    return elf.Elf(forge.build(image(), name, ram, cmdline))


def info_of(built):
    blob = [s for s in built.loads() if s.flags == 6][0]
    return blob.paddr, built.contents(blob)


def tags_of(info):
    at, found = 8, []
    while at < len(info):
        kind, size = struct.unpack_from("<II", info, at)
        found.append((kind, info[at + 8:at + size]))
        at += -(-size // 8) * 8
    return found


class ForgeTest(unittest.TestCase):
    def test_honest_information(self):
        address, info = info_of(forged("good"))
        self.assertEqual(address % 8, 0)
        self.assertEqual(struct.unpack_from("<I", info)[0], len(info))
        tags = tags_of(info)
        self.assertEqual([kind for kind, _ in tags], [1, 2, 6, 0])
        self.assertEqual(tags[0][1], b"test\0")

    def test_map_covers_the_ram_of_the_run(self):
        _, info = info_of(forged("good", ram=64 * forge.MIB))
        rows = dict(tags_of(info))[6][8:]
        base, length, kind = struct.unpack_from("<QQI", rows, len(rows) - 24)
        self.assertEqual((base + length, kind), (64 * forge.MIB, forge.USABLE))

    def test_trampoline_jumps_to_the_moved_entry(self):
        for name, shift in (("good", 0), ("relocated:0x7000", 0x7000)):
            built = forged(name)
            code = built.loads()[-1]
            self.assertEqual(built.entry, code.paddr)
            text = built.contents(code)
            (distance,) = struct.unpack("<i", text[-4:])
            self.assertEqual(code.paddr + len(text) + distance, 0x200000 + shift)

    def test_image_moves_as_a_whole(self):
        start, end = [[s.paddr for s in forged(name).loads()[:2]]
                      for name in ("good", "relocated:0x7000")]
        self.assertEqual([b - a for a, b in zip(start, end)], [0x7000, 0x7000])

    def test_blob_keeps_off_the_image(self):
        built = forged("relocated:0x1600000")
        loads = sorted(built.loads(), key=lambda s: s.paddr)
        for a, b in zip(loads, loads[1:]):
            self.assertLessEqual(a.paddr + a.memsz, b.paddr)

    def test_bars_are_written_by_ports(self):
        self.assertEqual(forge.pci_code(8, 0x14, 0x4100000).hex(),
                         "b814080080" "66baf80c" "ef" "b800001004" "66bafc0c" "ef")
        built = forged("bars-over-ram")
        self.assertIn(bytes.fromhex("b820100080"), built.contents(built.loads()[-1]))

    def test_the_first_act_is_a_call_of_panic(self):
        forgery = forge.Forgery(image(), forge.GIB, "", "")
        forge.CASES["panic-first"](forgery)
        planted = forgery.image.contents(forgery.image.loads()[1])[0x10:]
        (text,), (call,) = (struct.unpack_from("<i", planted, at) for at in (7, 14))
        self.assertEqual(planted[13:14], b"\xe8")
        self.assertEqual(0x200010 + 18 + call, 0x200004)
        self.assertTrue(planted[11 + text:].startswith(b"planted as"))

    def test_outside_ram_is_refused(self):
        with self.assertRaises(forge.ForgeError):
            forged("relocated:0x7000000", ram=64 * forge.MIB)

    def test_every_case_can_be_made(self):
        arguments = {"relocated": "0x1000", "map-holes": "300", "map-adjacent": "5000",
                     "map-adjacent-shuffled": "300", "map-reserved-holes": "300",
                     "map-entry-size": "0", "tag-size": "0", "total-size": "0",
                     "memmap": memmaps.corpus(memmaps.FOLDER)[0]}
        for name in forge.CASES:
            argument = arguments.get(name)
            self.assertTrue(forged(name + (":" + argument if argument else "")).loads())

    def test_bss_by_case(self):
        plain = image()
        load = plain.loads()[0]._replace(memsz=1000)
        left = forge.Forgery(plain, forge.GIB, "", "")
        self.assertEqual(len(forge.load_content(left, load)), 1000)
        forge.CASES["bss-left"](left)
        self.assertEqual(len(forge.load_content(left, load)), 256)

    def test_five_levels_map_everything_to_itself(self):
        built = forged("la57-on")
        code, tables = built.loads()[-1], built.loads()[-2]
        self.assertIn(struct.pack("<I", tables.paddr), built.contents(code))
        data = built.contents(tables)
        for address in (0, 5 * forge.MIB, forge.GIB, 4 * forge.GIB - 1):
            table = tables.paddr
            for shift in (48, 39, 30):
                at = table - tables.paddr + (address >> shift) % 512 * 8
                (entry,) = struct.unpack_from("<Q", data, at)
                self.assertEqual(entry & 3, 3)
                table = entry & ~4095
            self.assertEqual((entry & 0x80, table), (0x80, address >> 30 << 30))

    def test_checksums(self):
        for version, size in ((0, 20), (2, 36)):
            table = forge.rsdp(0xe0000, version)
            self.assertEqual(len(table), size)
            self.assertEqual(sum(table[:20]) & 0xff, 0)
            self.assertEqual(sum(table) & 0xff, 0)

    def test_a_map_of_the_corpus_is_handed_over_as_fitted(self):
        path = os.path.join(memmaps.FOLDER, "lenovo-x240-uefi-efi.map")
        forgery = forge.prepare(image(), "memmap:" + path, 256 * forge.MIB, "")
        tags = tags_of(forgery.info())
        self.assertEqual([kind for kind, _ in tags], [1, 2, 6, 17, 0])
        rows = tags[2][1][8:]
        entries = [struct.unpack_from("<QQI", rows, at) for at in range(0, len(rows), 24)]
        self.assertEqual(entries, [tuple(e) for e in forgery.fitted.e820])
        self.assertEqual(len(tags[3][1]), 8 + 40 * len(forgery.fitted.efi))

    def test_a_map_that_is_none_is_refused(self):
        with self.assertRaises(forge.ForgeError):
            forged("memmap:" + os.path.join(memmaps.FOLDER, "README.md"))
        with self.assertRaises(OSError):
            forged("memmap:nowhere")

    def test_adjacent_entries_add_up(self):
        _, info = info_of(forged("map-adjacent-shuffled:300"))
        rows = dict(tags_of(info))[6][8:]
        entries = [struct.unpack_from("<QQI", rows, at) for at in range(0, len(rows), 24)]
        usable = sum(length for base, length, kind in entries if base >= forge.MIB)
        self.assertEqual(usable, 127 * forge.MIB)


if __name__ == "__main__":
    unittest.main()
