# SPDX-License-Identifier: MIT
"""QEMU's answers, recorded and cut, are read as they are meant."""

import unittest

import qemuview
from qemuview import Bar, Function, Pin, UNMAPPED

PCI = [{"bus": 0, "devices": [
    {"bus": 0, "slot": 0, "function": 0, "id": {"vendor": 0x8086, "device": 0x29c0},
     "class_info": {"class": 0x600}, "regions": []},
    {"bus": 0, "slot": 2, "function": 0, "id": {"vendor": 0x1b36, "device": 0xc},
     "class_info": {"class": 0x604},
     "regions": [{"bar": 0, "address": 0xfebd5000, "size": 4096, "type": "memory",
                  "prefetch": False, "mem_type_64": False}],
     "pci_bridge": {"bus": {"number": 0, "secondary": 1, "subordinate": 1}, "devices": [
         {"bus": 1, "slot": 0, "function": 0, "id": {"vendor": 0x1af4, "device": 0x1044},
          "class_info": {"class": 0xff},
          "regions": [{"bar": 1, "address": -1, "size": 4096, "type": "memory",
                       "prefetch": False, "mem_type_64": False},
                      {"bar": 4, "address": 0xc000000000, "size": 16384, "type": "memory",
                       "prefetch": True, "mem_type_64": True},
                      {"bar": 0, "address": 0xc040, "size": 32, "type": "io"},
                      {"bar": 6, "address": -1, "size": 2048, "type": "memory",
                       "prefetch": False, "mem_type_64": False}]}]}}]}]

TREE = """address-space: I/O
  0000000000000000-000000000000ffff (prio 0, i/o): io
    0000000000000040-0000000000000043 (prio 0, i/o): pit

address-space: cpu-memory-0
address-space: memory
  0000000000000000-ffffffffffffffff (prio 0, i/o): system
    00000000e0000000-00000000efffffff (prio 0, i/o): alias pcie-ecam @pcie-mmcfg-mmio 00000000
    00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
    00000000fec10000-00000000fec10fff (prio 0, i/o): ioapic
    00000000fed00000-00000000fed003ff (prio 0, i/o): hpet [disabled]
    00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi

memory-region: hpet
  0000000000000000-00000000000003ff (prio 0, i/o): hpet
"""

FLAT = """FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-000000000000001f (prio 0, ram): not this one

FlatView #1
 AS "cpu-memory-0", root: system
 AS "memory", root: system
 Root memory region: system
  0000000000000000-00000000000effff (prio 0, ram): microvm.ram
  00000000000f0000-00000000000fffff (prio 0, ram): pc.bios
  0000000000100000-00000000001fffff (prio 0, ram): microvm.ram @0000000000100000
  0000000000200000-000000000fffffff (prio 0, ram): ram @0000000000200000
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  00000000ffff0000-00000000ffffffff (prio 0, rom): pc.rom
"""

QTREE = """bus: main-system-bus
  type System
  dev: gpex-pcihost, id ""
    mmio ffffffffffffffff/0000000010000000
    bus: pcie.0
      dev: virtio-net-pci, id ""
        addr = 01.0
        class Ethernet controller, addr 02:01.0, pci id 1af4:1000 (sub 1af4:0001)
        bar 0: i/o at 0xffffffffffffffff [0x1e]
        bus: virtio-bus
          type virtio-pci-bus
          dev: virtio-net-device, id ""
            mac = "52:54:00:12:34:56"
      dev: gpex-root, id ""
        class Host bridge, addr 00:00.0, pci id 1b36:0008 (sub 1af4:1100)
  dev: virtio-mmio, id ""
    force-legacy = true
    mmio 00000000feb02e00/0000000000000200
    bus: virtio-mmio-bus.23
      type virtio-mmio-bus
      dev: virtio-rng-device, id ""
  dev: virtio-mmio, id ""
    mmio 00000000feb02c00/0000000000000200
    bus: virtio-mmio-bus.22
      type virtio-mmio-bus
"""

PIC = """ioapic0: ver=0x20 id=0x00 sel=0x00
  pin 0  0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical
  pin 2  0x0000000000000021 dest=0 vec=33  active-hi edge         fixed  physical
  pin 11 0x000000000000a024 dest=0 vec=36  active-lo level        fixed  physical
  IRR      (none)
pic0: irr=11 imr=b8 isr=00 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0
"""


class ParseTest(unittest.TestCase):
    def test_functions_behind_bridges_are_found(self):
        host, bridge, virtio = qemuview.parse_functions(PCI)
        self.assertEqual(host, Function("0000:00:00.0", 0x8086, 0x29c0, 0x600))
        self.assertEqual((bridge.address, bridge.buses), ("0000:00:02.0", (1, 1)))
        self.assertEqual(virtio.address, "0000:01:00.0")
        self.assertEqual(virtio.bars, (
            Bar(1, UNMAPPED, 4096, "memory32", False),
            Bar(4, 0xc000000000, 16384, "memory64", True), Bar(0, 0xc040, 32, "io", False),
            Bar(6, UNMAPPED, 2048, "rom", False)))

    def test_the_tree_of_memory_alone_counts(self):
        ranges = qemuview.parse_tree(TREE)
        self.assertEqual(ranges["ioapic"], [0xfec00000, 0xfec10000])
        self.assertEqual(ranges["pcie-ecam"], [0xe0000000])
        self.assertNotIn("hpet", ranges)
        self.assertNotIn("pit", ranges)
        self.assertEqual(qemuview.parse_tree(TREE, "I/O"), {"io": [0], "pit": [0x40]})

    def test_ram_is_joined_and_without_firmware(self):
        self.assertEqual(qemuview.parse_ram(FLAT), [(0, 0xf0000), (0x100000, 0x10000000)])

    def test_devices_are_where_their_transport_is(self):
        self.assertEqual(qemuview.parse_virtio(QTREE),
                         {"0000:02:01.0": (1, 2), "0xfeb02e00": (4, 1)})
        modern = qemuview.parse_virtio(QTREE.replace("legacy = true", "legacy = false"))
        self.assertEqual(modern["0xfeb02e00"], (4, 2))

    def test_open_pins_are_read(self):
        self.assertEqual(qemuview.parse_pins(PIC), [Pin(2, 33, False, False),
                                                    Pin(11, 36, True, True)])

    def test_every_controller_has_its_lines(self):
        self.assertEqual(qemuview.parse_lines(PIC), [3])
        self.assertEqual(qemuview.parse_lines(PIC + PIC), [3, 3])
        self.assertEqual(qemuview.parse_lines("pic0: irr=11\n"), [])

    def test_memory_is_read_whole_or_not_at_all(self):
        text = "00000000000e0000: 0x52 0x53\r\n00000000000e0002: 0xff\r\n"
        control = lambda _, **__: text
        view = qemuview.View(read=qemuview.reader(control))
        self.assertEqual(view.read(0xe0000, 3), b"RS\xff")
        with self.assertRaises(qemuview.ViewError):
            view.read(0xe0000, 4)

    def test_an_answer_that_says_nothing_is_an_error(self):
        for parse in (qemuview.parse_tree, qemuview.parse_ram):
            with self.assertRaises(qemuview.ViewError):
                parse("unknown command: 'info mtree'\n")
        with self.assertRaises(qemuview.ViewError):
            qemuview.parse_virtio(QTREE.replace("virtio-rng-device", "virtio-toaster-device"))

    def test_every_question_is_asked(self):
        answers = {"info mtree": TREE, "info mtree -f": FLAT, "info qtree": QTREE,
                   "info pic": PIC.replace("\n", "\r\n")}

        def control(execute, **arguments):
            return PCI if execute == "query-pci" else answers.pop(arguments["command-line"])
        view = qemuview.ask(control)
        self.assertEqual(answers, {})
        self.assertEqual((len(view.functions), len(view.ram), len(view.pins)), (3, 2, 2))
        self.assertEqual(view.lines, [3])


if __name__ == "__main__":
    unittest.main()
