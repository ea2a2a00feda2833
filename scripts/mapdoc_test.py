# SPDX-License-Identifier: MIT
"""The memory map's page says what the boot said, and a difference is seen."""

import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

import elf
import mapdoc
import report
import report_test

PT = """cairn> pt
0xffff800001000000-0xffff80000ffdffff     245632 KiB  rw- cached    0x000001000000  direct map
0xffffc00000003000-0xffffc00000003fff          4 KiB  rw- uncached  0x0000fec00000  device window
0xffffffff80200000-0xffffffff80230fff        196 KiB  r-x cached    0x000000200000  image
3 mappings, 245832 KiB, by 13 page tables
"""
PAGE = "# Memory map\n\nCompiler: gcc 12.2.0. QEMU: 7.2.\n\nrow\n"


class FakeImage:
    """An image whose parts are a page each."""
    names = ["image_start", "text_end", "rodata_start", "rodata_end", "data_start",
             "ro_after_init_end", "bss_start", "bss_end", "boot_tables", "stack_guard",
             "stack_bottom", "stack_top", "stack_double_fault_guard", "stack_double_fault_bottom",
             "stack_double_fault_top", "stack_nmi_guard", "stack_nmi_bottom", "stack_nmi_top",
             "stack_machine_check_guard", "stack_machine_check_bottom",
             "stack_machine_check_top", "image_end"]

    def symbol(self, name):
        return 0xffffffff80200000 + 4096 * self.names.index(name)

    def symbols(self):
        return [elf.Symbol(name, self.symbol(name), 0, 1, 0) for name in self.names]


def told():
    value = report_test.sample(report.SCHEMA)
    value["interrupts"]["lines"][0].update(name="IOAPIC 0", address="0xfec00000")
    value["interrupts"]["local"]["address"] = "0xfee00000"
    value["memory"]["regions"][0].update(start="0x215000", end="0x1000000")
    value["pci"]["functions"][0]["bars"][0].update(address="0xfebf8000", size="0x4000",
                                                   state="kept", kind="memory64")
    return value


class RenderTest(unittest.TestCase):
    def test_pt_is_read(self):
        mappings = mapdoc.parse_pt(PT)
        self.assertEqual(mappings[2], (0xffffffff80200000, 0xffffffff80231000, "r-x", "cached",
                                       0x200000, "image"))
        self.assertEqual(len(mappings), 3)
        with self.assertRaises(mapdoc.MapError):
            mapdoc.parse_pt("cairn> pt\n")

    def test_rights_are_those_of_the_page_tables(self):
        mappings = [(0xffffffff80200000, 0xffffffff80201000, "r-x", "cached", 0, "image")]
        text = mapdoc.image_section(FakeImage(), mappings)
        self.assertIn("| text | `0xffffffff80200000` | `0x200000` | ~64 KiB | `r-x` |", text)
        self.assertIn("| rodata | `~0xffffffff80200000` | `~0x200000` | ~64 KiB | `none` |", text)
        rows = [line for line in text.split("\n") if line.startswith("| ")]
        self.assertEqual(len(rows), 2 + len(mapdoc.PARTS))

    def test_a_guard_page_that_is_mapped_is_no_map(self):
        guard = FakeImage().symbol("stack_nmi_guard")
        with self.assertRaisesRegex(mapdoc.MapError, "stack_nmi_guard is mapped"):
            mapdoc.image_section(FakeImage(), [(guard, guard + 1, "rw-", "cached", 0, "image")])

    def test_devices_stand_among_the_memory(self):
        text = mapdoc.physical_section(told(), 0x215000)
        self.assertIn("| `~0x210000` | `0xffffff` | ~14272 KiB | text: text |", text)
        self.assertIn("| `0xfebf8000` | `0xfebfbfff` | 16 KiB | 0000:00:01.0 bar1, text, kept |",
                      text)
        self.assertIn("| `0xfec00000` | `0xfec00fff` | 4 KiB | IOAPIC 0 |", text)
        self.assertLess(text.index("febf8000"), text.index("fec00000"))

    def test_mappings_are_named_by_what_lies_there(self):
        text = mapdoc.virtual_section(told(), mapdoc.parse_pt(PT), 0x231000)
        self.assertIn("| 4 KiB | `rw-` | uncached | IOAPIC 0 |", text)
        self.assertIn("| `DIRECT_BASE` | `0xffff800000000000` |", text)
        self.assertIn("| `~0xffffffff80200000` | `~0x200000` | ~256 KiB | `r-x` | cached |", text)


class CompareTest(unittest.TestCase):
    def test_the_same_is_the_same(self):
        self.assertEqual(mapdoc.compare(PAGE, PAGE), ("ok map", False))

    def test_a_difference_is_shown_and_fails(self):
        said, failed = mapdoc.compare(PAGE, PAGE.replace("row", "another"))
        self.assertTrue(failed)
        self.assertRegex(said, r"run make map\n(.*\n)*# -row\n# \+another")

    def test_other_tools_are_a_skip_with_its_reason(self):
        for new in (PAGE.replace("12.2.0", "13.1.0"), PAGE.replace("7.2", "8.0")):
            said, failed = mapdoc.compare(PAGE, new)
            self.assertFalse(failed)
            self.assertRegex(said, "# SKIP made with gcc 12.2.0 and QEMU 7.2, not gcc")

    def test_no_page_is_no_skip(self):
        for old in ("", "# Memory map\n"):
            self.assertTrue(mapdoc.compare(old, PAGE)[1])

    def test_the_exit_code_says_it(self):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "page.md")
            with open(page, "w", encoding="utf-8") as file:
                file.write(PAGE)
            for text, wanted in ((PAGE, 0), (PAGE + "more\n", 1)):
                with mock.patch("sys.argv", ["mapdoc.py", "--build", folder, "--check"]), \
                        mock.patch.object(mapdoc, "PAGE", page), \
                        mock.patch.object(mapdoc, "claim"), \
                        mock.patch.object(mapdoc, "build"), \
                        mock.patch.object(mapdoc, "render", return_value=text), \
                        contextlib.redirect_stdout(io.StringIO()):
                    self.assertEqual(mapdoc.main(), wanted)


if __name__ == "__main__":
    unittest.main()
