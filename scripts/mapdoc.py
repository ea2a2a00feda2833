# SPDX-License-Identifier: MIT
"""Makes Documentation/generated/memory-map.md: the image's layout from its
ELF, the physical and the virtual map from a boot; --check compares.

The image moves a little with every change of the code. What depends on its
size is rounded to GRAIN and marked, so that the page changes when something
did; names, order and rights are exact. Of other versions of the compiler or
of QEMU the page says nothing: there --check prints SKIP and the reason."""

import argparse
import difflib
import os
import re
import subprocess
import sys

import elf
import guest
import qemu
import report
from boottest import TREE, claim, make_environment, read_text
from report import number

PAGE = os.path.join("Documentation", "generated", "memory-map.md")
GRAIN = 64 << 10
MACHINE = dict(machine="q35", boot="direct", mem="256M")
DEVICES = "rng net blk"
SECONDS = 60
ECAM_SIZE = 256 << 20    # of 256 buses
KERNEL_BASE = 0xffffffff80000000

# Parts of the image: name, first and last symbol, what is in it.
PARTS = (
    ("text", "image_start", "text_end", "entry code, functions"),
    ("rodata", "rodata_start", "rodata_end", "constants, section tables, notes"),
    ("read-only after init", "data_start", "ro_after_init_end", "what only initialisation writes"),
    ("data", "ro_after_init_end", "bss_start", "variables with a value"),
    ("bss", "bss_start", "bss_end", "variables that begin as zero"),
    ("noload", "bss_end", "boot_tables", "what need not be zero: log ring, maps"),
    ("page tables", "boot_tables", "stack_guard", "those of the image itself"),
    ("stack", "stack_bottom", "stack_top", "above a guard page"),
    ("stack: double fault", "stack_double_fault_bottom", "stack_double_fault_top",
     "above a guard page"),
    ("stack: NMI", "stack_nmi_bottom", "stack_nmi_top", "above a guard page"),
    ("stack: machine check", "stack_machine_check_bottom", "stack_machine_check_top",
     "above a guard page"),
    ("retained", "stack_machine_check_top", "image_end", "outlives a warm reset; in no segment"),
)

HEAD = """# Memory map

Made by `make map`; do not edit. Compiler: %s. QEMU: %s.
`make check` makes it again and compares.

Whatever lies in or behind the image moves with every change of the code. Such addresses are
rounded down, and such sizes up, to %d KiB, and marked with `~`; everything else is exact.
"""

IMAGE = """## The image

From the ELF of `defconfig`, where it is linked; the rights are those of the page tables once it
has booted. `r` read, `w` write, `x` execute. The guard pages below the stacks are not mapped.

"""

PHYSICAL = """## Physical addresses

Of a q35 with 256 MiB and three virtio devices, booted by PVH: the memory and the devices of
`report=json`. A range within another stands behind it.

"""

VIRTUAL = """## Virtual addresses

The places, from `arch/x86/layout.h`:

"""

MAPPED = """
What the page tables map at the prompt of the same boot, by the command `pt`:

"""


class MapError(Exception):
    """The boot did not say what the page needs."""


def about(address):
    return "`~0x%x`" % (address & -GRAIN)


def exact(address):
    return "`0x%x`" % address


def size_text(size):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return "%d %s" % (size // unit, name)
    return "%d bytes" % size


def about_size(size):
    return "~" + size_text(-(-size // GRAIN) * GRAIN)


def table(head, rows):
    lines = ["| %s |" % " | ".join(head), "|%s" % (" --- |" * len(head))]
    return "\n".join(lines + ["| %s |" % " | ".join(row) for row in rows]) + "\n"


def parse_pt(text):
    """The lines of the command `pt`: start, end, rights, cache, physical, place."""
    found = []
    for match in re.finditer(r"^0x([0-9a-f]{16})-0x([0-9a-f]{16}) +\d+ KiB +(r[w-][x-]) (\w+) +"
                             r"0x([0-9a-f]{12})  (.*)$", text, re.M):
        start, last, rights, cache, physical, place = match.groups()
        found.append((int(start, 16), int(last, 16) + 1, rights, cache, int(physical, 16), place))
    if not found:
        raise MapError("`pt` listed nothing")
    return found


def rights_at(mappings, address):
    """Of the mapping that holds an address; none where nothing is mapped."""
    for start, end, rights, *_ in mappings:
        if start <= address < end:
            return rights
    return "none"


def image_section(image, mappings):
    """The parts of the image, with the rights that the boot's page tables give."""
    start = image.symbol("image_start")
    rows = []
    for name, first, last, what in PARTS:
        begin, end = image.symbol(first), image.symbol(last)
        stack = name.startswith("stack")
        if begin >= end:
            continue
        rows.append((name, exact(begin) if begin == start else about(begin),
                     exact(begin - KERNEL_BASE) if begin == start else about(begin - KERNEL_BASE),
                     size_text(end - begin) if stack else about_size(end - begin),
                     "`%s`" % rights_at(mappings, begin), what))
    for name in re.findall(r"\bstack\w*_guard\b", " ".join(s.name for s in image.symbols())):
        if rights_at(mappings, image.symbol(name)) != "none":
            raise MapError("the guard page %s is mapped" % name)
    return (IMAGE + table(("part", "virtual", "physical", "size", "rights", "what"), rows))


def devices(told):
    """(start, end, what) of whatever is not memory."""
    for line in told["interrupts"]["lines"]:
        yield number(line["address"]), number(line["address"]) + 4096, line["name"]
    local = told["interrupts"]["local"]
    if local and local["address"]:
        yield number(local["address"]), number(local["address"]) + 4096, "local APIC"
    if told["acpi"]["hpet"]:
        yield number(told["acpi"]["hpet"]), number(told["acpi"]["hpet"]) + 1024, "HPET"
    pci = told["pci"]
    if pci["ecam"]:
        yield number(pci["ecam"]), number(pci["ecam"]) + ECAM_SIZE, "PCI configuration space"
    for window in pci["windows"]:
        if window["kind"] != "io":
            yield (number(window["start"]), number(window["end"]),
                   "PCI window, %s, by %s" % (window["kind"], window["from"]))
    for function in pci["functions"]:
        for bar in function["bars"]:
            if bar["kind"] == "io" or bar["state"] == "disabled":
                continue
            start = number(bar["address"])
            yield (start, start + number(bar["size"]), "%s bar%d, %s, %s" % (
                function["address"], bar["index"], function["class_name"], bar["state"]))


def physical_section(told, image_end):
    """Regions of the map, and the devices that were found."""
    rows = [(number(r["start"]), number(r["end"]), "%s: %s" % (r["kind"], r["name"]))
            for r in told["memory"]["regions"]] + list(devices(told))
    lines = []
    for start, end, what in sorted(rows, key=lambda row: (row[0], -row[1])):
        moves = image_end in (start, end)
        lines.append((about(start) if start == image_end else exact(start),
                      about(end - 1) if end == image_end else exact(end - 1),
                      about_size(end - start) if moves else size_text(end - start), what))
    return PHYSICAL + table(("first", "last", "size", "what"), lines)


def place_names():
    """The places of the virtual address space, from arch/x86/layout.h."""
    text = read_text(os.path.join(TREE, "arch", "x86", "layout.h"))
    return [(name, int(value, 16)) for name, value in
            re.findall(r"^#define (\w+_BASE)\s+(0x[0-9a-f]+)", text, re.M)]


def virtual_section(told, mappings, image_end):
    """The live page tables; of the image only its rights, whose sizes stand above."""
    known = sorted(devices(told), key=lambda d: d[1] - d[0])
    rows = []
    for start, end, rights, cache, physical, place in mappings:
        what = place
        if place == "image":
            rows.append((about(start), about(physical), about_size(end - start), "`%s`" % rights,
                         cache, what))
            continue
        if place == "device window":
            what = next((name for first, last, name in known if first <= physical < last),
                        "device at 0x%x" % physical)
        near = physical - GRAIN < image_end <= physical + GRAIN
        rows.append((about(start) if near else exact(start),
                     about(physical) if near else exact(physical),
                     about_size(end - start) if near else size_text(end - start),
                     "`%s`" % rights, cache, what))
    bases = [("`%s`" % name, exact(value)) for name, value in place_names()]
    return (VIRTUAL + table(("name", "address"), bases) + MAPPED
            + table(("virtual", "physical", "size", "rights", "cache", "what"), rows))


def build(root):
    """Path of the kernel of defconfig, in a build directory of its own."""
    claim(root)
    done = subprocess.run(["make", "-C", TREE, "--no-print-directory", "-j2", "O=" + root,
                           "defconfig", "kernel"], check=False, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=make_environment())
    if done.returncode:
        raise MapError("defconfig was not built:\n" + done.stdout)
    return os.path.join(root, "cairn.elf")


def boot(kernel):
    """The report of a boot, and what `pt` said."""
    wanted = qemu.Guest(elf=kernel, cmdline="report=json", **MACHINE)
    wanted.devices = qemu.expand_devices(DEVICES)
    qemu.check(wanted)
    session = guest.Session(qemu.command(wanted))
    try:
        session.wait("^cairn>", SECONDS)
        session.send("pt")
        session.wait(r"^\d+ mappings, ", SECONDS)
        session.send("exit")
        session.finish(SECONDS)
    finally:
        session.close()
    told = report.extract(session.text())
    problems = report.problems(told)
    if problems:
        raise MapError("the report is not as its schema says: " + problems[0])
    return told, parse_pt(session.text())


def qemu_version():
    """Without the last number: what only mends QEMU moves nothing in its machines."""
    done = subprocess.run([qemu.QEMU, "--version"], check=True, text=True, stdout=subprocess.PIPE)
    return re.search(r"version (\d+\.\d+)", done.stdout)[1]


def render(kernel):
    """The page's text."""
    told, mappings = boot(kernel)
    image = elf.Elf.load(kernel)
    end = image.symbol("image_end") - KERNEL_BASE
    return "\n".join((HEAD % (told["kernel"]["compiler"], qemu_version(), GRAIN >> 10),
                      image_section(image, mappings), physical_section(told, end),
                      virtual_section(told, mappings, end)))


def made_with(text):
    found = re.search(r"Compiler: (.*)\. QEMU: (.*)\.$", text, re.M)
    return "%s and QEMU %s" % found.groups() if found else None


def compare(old, new):
    """What --check prints, and whether it is a failure."""
    if made_with(old) and made_with(old) != made_with(new):
        return "ok map # SKIP made with %s, not %s" % (made_with(old), made_with(new)), False
    if old == new:
        return "ok map", False
    diff = difflib.unified_diff(old.split("\n"), new.split("\n"), PAGE, "now", lineterm="")
    return "not ok map: %s is not of this code: run make map\n%s" % (
        PAGE, "\n".join("# " + line for line in diff)), True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    page = os.path.join(TREE, PAGE)
    try:
        claim(os.path.abspath(args.build))
        text = render(build(os.path.join(os.path.abspath(args.build), "map")))
    except (MapError, report.ReportError, guest.GuestError, qemu.Impossible, elf.ElfError,
            OSError) as error:
        print("not ok map: %s" % error)
        return 1
    if args.check:
        said, failed = compare(read_text(page) if os.path.exists(page) else "", text)
        print(said)
        return int(failed)
    os.makedirs(os.path.dirname(page), exist_ok=True)
    with open(page, "w", encoding="utf-8") as file:
        file.write(text)
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
