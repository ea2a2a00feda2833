# SPDX-License-Identifier: MIT
"""A report that agrees with QEMU passes; every planted difference is named."""

import copy
import unittest

import machineself
import machinetest
import qemuview
import report as reports
from qemuview import Bar, Function, Pin, UNMAPPED, View

FACTS = ["acpi boot loader", "interrupts MADT", "pci MCFG", "virtio ACPI", "bars assigned disabled",
         "proof seen", "kind line", "source PIT", "disabled 00:01.0 no window*"]


def bar(index, address, size, kind, prefetchable, state, why=None):
    return {"index": index, "address": address, "size": size, "kind": kind,
            "prefetchable": prefetchable, "state": state, "why": why,
            "decodes": state != "disabled" and kind != "rom"}


def function(address, vendor, device, klass, bars=(), bridge=None):
    return {"address": address, "vendor": vendor, "device": device, "class": klass,
            "class_name": "something", "bridge": bridge, "bars": list(bars)}


def virtio(kind, number, where, transport, through, driver="virtio-rng"):
    return {"type": kind, "id": number, "transport": transport, "where": where, "version": 1,
            "found_through": through, "driver": driver, "undriven": None, "fault": None,
            "features": "0x0", "interrupts": driver and {
                "kind": "line", "vectors": 1, "proof": "seen", "why": None, "count": 1,
                "config_changes": 0}}


def source(name, pin, vector):
    return {"name": name, "kind": "line", "controller": "ioapic0", "gsi": pin, "pin": pin,
            "vector": vector, "trigger": "edge", "polarity": "high", "count": 1,
            "proof": "seen", "storming": False}


def local_source(name, vector, proof="seen", count=1):
    return {"name": name, "kind": "local", "controller": "xAPIC", "gsi": None, "pin": None,
            "vector": vector, "trigger": None, "polarity": None, "count": count,
            "proof": proof, "storming": False}


def window(start, end, kind):
    return {"start": start, "end": end, "kind": kind, "from": "_CRS"}


def table(signature, address, length):
    return {"signature": signature, "address": address, "length": length, "problem": None}


# What the guest's memory has: an RSDP, an RSDT of two tables, these, and a DSDT.
MEMORY = {0xe0000: b"RSD PTR ", 0xe1000: b"APIC\x46\0\0\0",
          0xe2000: b"FACP\xf4\0\0\0" + bytes(32) + b"\0\x50\x0e\0", 0xe5000: b"DSDT\x40\0\0\0",
          0xe4000: b"RSDT\x2c\0\0\0" + bytes(28) + b"\0\x10\x0e\0\0\x20\x0e\0"}


def read(address, size):
    return MEMORY.get(address, b"")[:size].ljust(size, b"\0")


REPORT = {
    "schema": 1,
    "kernel": {"version": "1", "configuration": "default", "made_from": "defconfig",
               "compiler": "gcc", "commit": "unknown", "build_id": "00"},
    "boot": {"protocol": "PVH", "loader": "x", "image": "0x200000", "command_line": ""},
    "memory": {"entries": 2, "usable": 0xf00000, "regions": [
        {"start": "0x0", "end": "0x100000", "kind": "claimed", "name": "low memory"},
        {"start": "0x100000", "end": "0x1000000", "kind": "usable", "name": "RAM"}]},
    "acpi": {"rsdp": {"address": "0xe0000", "from": "boot loader"}, "tables": [
        table("APIC", "0xe1000", 70), table("FACP", "0xe2000", 244), table("RSDT", "0xe4000", 44),
        table("DSDT", "0xe5000", 64)],
             "tables_lost": 0, "aml_problem": None, "hpet": "0xfed00000",
             "virtio": [{"path": "VR00", "address": "0xfeb02e00", "size": 512, "gsi": 23,
                         "level": False, "active_low": False},
                        {"path": "VR01", "address": "0xfeb02c00", "size": 512, "gsi": 22,
                         "level": False, "active_low": False}],
             "bridges": [{"path": "PCI0", "segment": 0, "bus": 0, "crs_problem": None,
                          "prt_problem": None, "windows": [
                              {"start": "0xc0000000", "end": "0xe0000000", "io": False,
                               "prefetchable": False},
                              {"start": "0xc000000000", "end": "0x10000000000", "io": False,
                               "prefetchable": True}]}]},
    "interrupts": {
        "from": "MADT", "local": {"name": "xAPIC", "address": "0xfee00000"}, "pic": True,
        "lines": [{"name": "ioapic0", "address": "0xfec00000", "gsi_base": 0, "count": 24}],
        "sources": [source("virtio-rng 0xfeb02e00", 23, 48),
                    source("virtio-rng 0000:01:02.0", 21, 49), local_source("timer", 242),
                    local_source("errors", 240, "unproved", 0)],
        "unexpected": 0, "spurious": 0},
    "clocks": {"known": True, "source": {"name": "PIT", "hz": 1193182},
               "event": {"name": "timer", "proof": "seen"},
               "found": [{"name": "PIT", "hz": 1193182, "from": "definition",
                          "deviation_ppm": None, "problem": None},
                         {"name": "HPET", "hz": 100000000, "from": "register",
                          "deviation_ppm": 3, "problem": None}]},
    "pci": {"access": "ECAM", "from": "MCFG", "ecam": "0xe0000000", "buses": 2, "lost": 0,
            "windows": [window("0xc0000000", "0xe0000000", "memory"),
                        window("0xc000000000", "0x10000000000", "prefetchable")],
            "functions": [
                function("0000:00:00.0", "0x1b36", "0x8", "0x60000"),
                function("0000:00:01.0", "0x1b36", "0x1", "0x60400",
                         [bar(0, "0x0", "0x100", "memory64", False, "disabled", "no window fits")],
                         {"secondary": 1, "subordinate": 1}),
                function("0000:01:02.0", "0x1af4", "0x1005", "0xff00", [
                    bar(1, "0xc0000000", "0x1000", "memory32", False, "assigned"),
                    bar(4, "0xc000000000", "0x4000", "memory64", True, "assigned"),
                    bar(6, "0xc0010000", "0x800", "rom", False, "kept")])]},
    "virtio": [virtio("rng", 4, "0000:01:02.0", "pci", "PCI"),
               virtio("rng", 4, "0xfeb02e00", "mmio", "ACPI"),
               virtio("balloon", 5, "0xfeb02c00", "mmio", "ACPI", None)],
    "phases": [{"name": "cpu", "ticks": 1, "waited": 0}],
}

VIEW = View(
    [Function("0000:00:00.0", 0x1b36, 8, 0x600),
     Function("0000:00:01.0", 0x1b36, 1, 0x604, (Bar(0, UNMAPPED, 0x100, "memory64", False),),
              (1, 1)),
     Function("0000:01:02.0", 0x1af4, 0x1005, 0xff, (
         Bar(1, 0xc0000000, 0x1000, "memory32", False),
         Bar(4, 0xc000000000, 0x4000, "memory64", True),
         Bar(6, UNMAPPED, 0x800, "rom", False)))],
    [(0, 0xa0000), (0x100000, 0x1000000)],
    {"ioapic": [0xfec00000], "apic-msi": [0xfee00000], "hpet": [0xfed00000],
     "pcie-ecam": [0xe0000000]},
    {"pic": [0x20, 0xa0], "pit": [0x40]},
    {"0000:01:02.0": (4, 1), "0xfeb02e00": (4, 1), "0xfeb02c00": (5, 1)},
    [Pin(23, 48, False, False), Pin(21, 49, False, False)], [24], read)

# What is done to the report (path, value), and what must be said of it.
PLANTED = [
    ("pci.from", "ports", "pci from: the report has ports, the run expects MCFG"),
    ("pci.functions", [], "function 0000:00:00.0: the report does not have it"),
    ("pci.functions.2.vendor", "0x1af5", "0000:01:02.0 vendor"),
    ("pci.functions.2.device", "0x1004", "0000:01:02.0 device"),
    ("pci.functions.2.class", "0x20000", "0000:01:02.0 class"),
    ("pci.functions.2.class_name", "", "class has no name"),
    ("pci.functions.2.address", "0000:01:03.0", "function 0000:01:03.0: the report has it, QEMU"),
    ("pci.functions.1.bridge.secondary", 2, "0000:00:01.0 buses behind it"),
    ("pci.functions.1.bridge", None, "0000:00:01.0 buses behind it"),
    ("pci.functions.2.bars", [], "bar 4: the report does not have it"),
    ("pci.functions.2.bars.0.address", "0xc0001000", "bar1 address: .*0xc0001000, QEMU 0xc0000000"),
    ("pci.functions.2.bars.0.size", "0x2000", "bar1 size: .*0x2000, QEMU 0x1000"),
    ("pci.functions.2.bars.0.kind", "memory64", "bar1 kind"),
    ("pci.functions.2.bars.1.prefetchable", False, "bar4 prefetchable"),
    ("pci.functions.2.bars.0.index", 2, "bar 2: the report has it, QEMU does not"),
    ("pci.functions.2.bars.0.state", "disabled", "bar1: the report has it disabled, QEMU at"),
    ("pci.functions.2.bars.0.state", "kept", "states of BARs"),
    ("pci.functions.2.bars.0.decodes", False, "bar1 decodes: the report has False, QEMU True"),
    ("pci.functions.1.bars.0.decodes", True, "bar0 decodes: the report has True, QEMU False"),
    ("pci.functions.1.bars.0.why", None, "disabled, and the report does not say why"),
    ("pci.functions.1.bars.0.why", "too large", "no BAR is disabled for `no window"),
    ("pci.functions.2.bars.2.address", "0xc0000800", "bar6 at 0xc0000800: over 0000:01:02.0 bar1"),
    ("pci.functions.2.bars.2.address", "0x200000", "over QEMU's RAM 0x100000-0x1000000"),
    ("pci.ecam", "0xb0000000", "ECAM: the report has 0xb0000000, QEMU 0xe0000000"),
    ("pci.ecam", None, "ECAM: the report has None"),
    ("pci.access", "ports", "from MCFG, but reached through ports"),
    ("pci.lost", 1, "1 functions were not listed"),
    ("interrupts.from", None, "interrupts from: the report has none, the run expects MADT"),
    ("interrupts.pic", False, "two 8259: the report has False, QEMU True"),
    ("interrupts.local.address", "0xfee01000", "local APIC"),
    ("interrupts.local", None, "local APIC"),
    ("interrupts.lines", [], "IOAPICs: the report has \\[\\]"),
    ("interrupts.lines.0.address", "0xfec10000", "IOAPICs: .*fec10000"),
    ("interrupts.sources", [], "interrupt line .*the report does not have it"),
    ("interrupts.sources.0.vector", 50, "interrupt line .*\\(23, 50, .*the report has it, QEMU"),
    ("interrupts.sources.0.trigger", "level", "interrupt line"),
    ("interrupts.sources.0.polarity", "low", "interrupt line"),
    ("clocks.found", [], "HPET: the report has False, QEMU True"),
    ("clocks.found.0.name", "clock", "PIT: the report has False, QEMU True"),
    ("clocks.found.0.name", "PM timer", "PM timer: the report has True, QEMU False"),
    ("clocks.source.name", "HPET", "clock source: the report has HPET"),
    ("virtio", [], "virtio device 0xfeb02e00: the report does not have it"),
    ("virtio.1.where", "0xfeb02a00", "virtio device 0xfeb02a00: the report has it, QEMU does not"),
    ("virtio.1.id", 1, "0xfeb02e00: type"),
    ("virtio.1.version", 2, "0xfeb02e00: version: the report has 2, QEMU 1"),
    ("virtio.1.found_through", "command line", "0xfeb02e00: found through: the report has comm"),
    ("virtio.0.found_through", "ACPI", "0000:01:02.0: found through"),
    ("virtio.1.interrupts.proof", "not seen", "0xfeb02e00: proof"),
    ("virtio.1.interrupts.kind", "polled", "0xfeb02e00: kind"),
    ("virtio.1.interrupts.kind", "polled", "0xfeb02e00: polled, and the report does not say why"),
    ("virtio.1.interrupts", None, "0xfeb02e00: the report says nothing of its interrupts"),
    ("acpi.rsdp.from", None, "RSDP from: the report has none, the run expects boot loader"),
    ("acpi.rsdp.from", "BIOS area", "RSDP from: the report has BIOS area"),
    ("acpi.hpet", None, "HPET by ACPI: the report has \\[\\], QEMU \\['0xfed00000'\\]"),
    ("acpi.hpet", "0xfed01000", "HPET by ACPI"),
    ("acpi.tables", [], "the report has no table"),
    ("acpi.tables.0.problem", "checksum", "APIC at 0xe1000: checksum"),
    ("memory.regions.1.end", "0x1001000", "0x100000-0x1001000: usable by the report, not RAM"),
    ("memory.regions.0.kind", "usable", "0x0-0x100000: usable by the report, not RAM"),
    ("memory.usable", 1, "1 bytes are usable, the regions say"),
    ("memory.regions", [], "of QEMU's .* bytes of RAM the report has 0"),
    ("schema", 2, "schema is 2"),
    ("pci.buses", 1, "buses: the report has 1, QEMU 2"),
    ("virtio.1.type", "net", "type 4: the report calls it net, QEMU's is a rng"),
    ("virtio.1.driver", None, "0xfeb02e00: driver: the report has none"),
    ("virtio.2.driver", "virtio-net", "0xfeb02c00: driver: the report has virtio-net"),
    ("virtio.2.interrupts", REPORT["virtio"][0]["interrupts"], "interrupts of it, and no driver"),
    ("virtio.1.fault", "it lies", "0xfeb02e00: fault: it lies"),
    ("virtio.2.undriven", "no room", "0xfeb02c00: undriven: no room"),
    # What the report must say to agree with itself and with memory (machineself.py).
    ("acpi.rsdp.address", "0xe0010", "RSDP at 0xe0010, QEMU's memory has none"),
    ("acpi.tables.0.address", "0xe1010", "APIC of 70 bytes at 0xe1010 is not what"),
    ("acpi.tables.0.length", 71, "APIC of 71 bytes at 0xe1000 is not what"),
    ("acpi.tables.0.signature", "APIX", "APIX of 70 bytes at 0xe1000 is not what"),
    ("acpi.tables.1", table("RSDT", "0xe4000", 44), "the report has a table twice"),
    ("acpi.tables", [table("RSDT", "0xe4000", 44), table("FACP", "0xe2000", 244),
                     table("DSDT", "0xe5000", 64)],
     "table 0xe1000: the report does not have it"),
    ("acpi.tables", [table("APIC", "0xe1000", 70)], "neither XSDT nor RSDT"),
    ("acpi.tables.3", table("DSDT", "0xe6000", 70), "DSDT of 70 bytes at 0xe6000 is not what"),
    ("acpi.tables", [table("APIC", "0xe1000", 70), table("FACP", "0xe2000", 244),
                     table("RSDT", "0xe4000", 44)], "table 0xe5000: the report does not have it"),
    ("acpi.tables_lost", 1, "1 tables were not listed"),
    ("acpi.aml_problem", "too deep", "AML: too deep"),
    ("acpi.bridges.0.crs_problem", "is code", "PCI0: _CRS: is code"),
    ("acpi.bridges.0.windows.0.end", "0xd0000000", "windows by _CRS are .*, of the bridges "),
    ("acpi.virtio.0.gsi", 22, "source virtio-rng 0xfeb02e00: is not GSI 22, as ACPI says"),
    ("acpi.virtio.0.level", True, "source virtio-rng 0xfeb02e00: is not GSI 23"),
    ("acpi.virtio.0.active_low", True, "source virtio-rng 0xfeb02e00: is not GSI 23"),
    ("acpi.virtio.1.address", "0xfeb02a00", "0xfeb02c00: found through ACPI, which has it not"),
    ("acpi.virtio.1.address", "0xfeb02e00", "a virtio-mmio window twice"),
    ("pci.windows.1.start", "0xd000000000", "bar4 at 0xc000000000: in no window"),
    ("pci.windows.0.kind", "io", "bar1 at 0xc0000000: in no window"),
    ("interrupts.lines.0.count", 25, "IOAPICs: the report has \\[25\\] lines, QEMU \\[24\\]"),
    ("interrupts.lines.0.gsi_base", 8, "ioapic0: begins with GSI 8, 0 is the next"),
    ("interrupts.lines.0.name", "ioapic1", "its controller ioapic0 has no GSI 23 at pin 23"),
    ("interrupts.sources.0.gsi", 22, "its controller ioapic0 has no GSI 22 at pin 23"),
    ("interrupts.sources.0.controller", None, "its controller None has no GSI 23"),
    ("interrupts.sources.2.controller", "ioapic0", "source timer: its controller ioapic0"),
    ("interrupts.sources.2.pin", 4, "source timer: its controller xAPIC has no GSI None at pin 4"),
    ("interrupts.sources.2.count", 0, "source timer: seen, and not counted"),
    ("interrupts.sources.3.proof", "not seen", "source errors: not seen"),
    ("interrupts.sources.3.storming", True, "source errors: masked for good"),
    ("interrupts.sources.3.name", "timer", "the report has a source twice"),
    ("interrupts.sources.0.name", "rng", "0xfeb02e00: 1 interrupts by 1 vectors, .* 0 by 0"),
    ("interrupts.sources.1.proof", "unproved", "0000:01:02.0: seen, and none of its sources is"),
    ("virtio.0.interrupts.count", 2, "0000:01:02.0: 2 interrupts by 1 vectors, .* 1 by 1"),
    ("virtio.0.interrupts.vectors", 2, "0000:01:02.0: 1 interrupts by 2 vectors, .* 1 by 1"),
    ("virtio.0.interrupts.kind", "MSI-X", "0000:01:02.0: MSI-X, its sources are \\['line'\\]"),
    ("clocks.found.0.hz", 1193181, "PIT: 1193181 Hz, not 1193182"),
    ("clocks.found.1.hz", None, "HPET: None Hz, not 100000000"),
    ("clocks.found.1.name", "PIT", "the report has a clock twice"),
    ("clocks.source.hz", 1, "clock source: PIT of 1 Hz is not among"),
    ("clocks.known", False, "known is False, the source's frequency 1193182"),
    ("clocks.event", None, "no event timer was seen"),
    ("clocks.event.proof", "not seen", "no event timer was seen"),
]


def planted(path, value):
    """REPORT with one member changed."""
    broken = copy.deepcopy(REPORT)
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    there = broken
    for key in way:
        there = there[key]
    there[last] = value
    return broken


class CompareTest(unittest.TestCase):
    def said(self, report, view=VIEW, facts=None):
        return machinetest.compare(report, view, machinetest.parse_facts(facts or FACTS))

    def test_what_agrees_passes(self):
        self.assertEqual(self.said(REPORT), [])

    def test_every_planted_difference_is_named(self):
        for path, value, wanted in PLANTED:
            with self.subTest(path, value=value):
                self.assertRegex("\n".join(self.said(planted(path, value))), wanted)

    def test_a_line_names_both_sides(self):
        for line in self.said(planted("pci.functions.2.bars.0.address", "0xc0001000")):
            self.assertRegex(line, "report.*QEMU")
            self.assertNotIn("\n", line)

    def test_a_missing_part_is_not_silence(self):
        for part in REPORT:
            broken = copy.deepcopy(REPORT)
            del broken[part]
            self.assertTrue(self.said(broken), part)

    def test_disks_and_networks_are_driven_virtio_devices(self):
        disk = {"where": "0xfeb02e00", "driver": "virtio-blk"}
        driven = {"virtio": [dict(disk, type="block"),
                             {"where": "0xfeb02c00", "driver": None, "type": "block"}]}
        for disks, bad in (([disk], False), ([], True), ([disk, disk], True),
                           ([dict(disk, where="0xfeb02c00")], True),
                           ([dict(disk, driver="virtio-net")], True)):
            found = machineself.classes(dict(driven, block=disks, net=[]), VIEW, None)
            self.assertEqual([line.startswith("block: ") for line in found], [True] * bad)
        self.assertEqual(machineself.classes(driven, VIEW, None), [])

    def test_two_of_one_are_not_one(self):
        for part in ("virtio", "pci.functions", "pci.functions.2.bars"):
            broken = copy.deepcopy(REPORT)
            there = broken
            for key in part.split("."):
                there = there[int(key) if key.isdigit() else key]
            there.append(copy.deepcopy(there[0]))
            self.assertRegex("\n".join(self.said(broken)), "twice", part)

    def test_what_qemu_does_not_have_is_too_much(self):
        for name, wanted in (("hpet", "HPET"), ("ioapic", "IOAPICs"), ("apic-msi", "local APIC"),
                             ("pcie-ecam", "ECAM: .*nowhere")):
            view = copy.deepcopy(VIEW)
            del view.ranges[name]
            self.assertRegex("\n".join(self.said(REPORT, view)), wanted)

    def test_facts_must_be_there_and_known(self):
        for name in machinetest.REQUIRED:
            with self.assertRaises(reports.ReportError):
                machinetest.parse_facts([f for f in FACTS if not f.startswith(name + " ")])
        for line in ("colour red", "pci", ""):
            with self.assertRaises(reports.ReportError):
                machinetest.parse_facts(FACTS + [line])

    def test_every_expected_way_to_interrupt_must_be_there(self):
        facts = [f.replace("kind line", "kind line, MSI-X") for f in FACTS]
        self.assertRegex(" ".join(self.said(REPORT, facts=facts)), "kind: the run expects MSI-X")
        report, view = planted("virtio.0.interrupts.kind", "MSI-X"), copy.deepcopy(VIEW)
        report["interrupts"]["sources"][1].update(kind="message", controller="xAPIC", gsi=None,
                                                  pin=None)
        del view.pins[1]
        self.assertEqual(self.said(report, view, facts), [])
        self.assertRegex(" ".join(self.said(report)), "has MSI-X, the run expects line")

    def test_clocks_of_acpi_are_found_by_it_alone(self):
        report = planted("acpi.rsdp", {"address": None, "from": None})
        facts = [f.replace("acpi boot loader", "acpi none") for f in FACTS]
        self.assertEqual(self.said(report, facts=facts), ["HPET: the report has True, QEMU False"])
        del report["clocks"]["found"][1]
        self.assertEqual(self.said(report, facts=facts), [])

    def test_a_device_that_should_be_found_must_be(self):
        report, view = copy.deepcopy(REPORT), copy.deepcopy(VIEW)
        del report["virtio"][1:]
        view.virtio = {"0000:01:02.0": (4, 1)}
        self.assertRegex(" ".join(self.said(report, view)), "no device found through ACPI")
        facts = [f.replace("virtio ACPI", "virtio none") for f in FACTS]
        self.assertEqual(self.said(report, view, facts), [])

    def test_the_judge_reads_the_console(self):
        with self.assertRaises(reports.ReportError):
            machinetest.judge("ready\n", lambda *_, **__: self.fail("asked"), FACTS)
        view = qemuview.View(ram=[(0, 1)], read=read)
        self.assertTrue(self.said(REPORT, view))


if __name__ == "__main__":
    unittest.main()
