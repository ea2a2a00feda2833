# SPDX-License-Identifier: MIT
"""What QEMU says of the guest that it runs, asked through its control socket.

PCI comes from query-pci, which is what `info pci` prints; address ranges from
`info mtree` and, as the processor sees them, `info mtree -f`; virtio devices
from `info qtree`; the redirection tables from `info pic`; the guest's memory
from `xp`."""

import re
from dataclasses import dataclass, field

UNMAPPED = 2**64 - 1        # QEMU's address of a BAR that does not decode
ROM_BAR = 6

# QEMU's names of virtio devices: the number of their type (VIRTIO 1.2, 5).
VIRTIO_TYPES = {"net": 1, "blk": 2, "serial": 3, "rng": 4, "balloon": 5, "scsi": 8, "9p": 9,
                "gpu": 16, "keyboard": 18, "mouse": 18, "tablet": 18, "vsock": 19, "crypto": 20}


class ViewError(Exception):
    """QEMU's answer is not what can be read here."""


@dataclass(frozen=True)
class Bar:
    index: int
    address: int        # UNMAPPED: does not decode
    size: int
    kind: str           # as the report has it: memory32, memory64, io, rom
    prefetchable: bool


@dataclass(frozen=True)
class Function:
    address: str        # 0000:00:01.0
    vendor: int
    device: int
    klass: int          # base class and subclass
    bars: tuple = ()
    buses: tuple = None  # of a bridge: secondary and subordinate


@dataclass(frozen=True)
class Pin:
    """An entry of a redirection table that is not masked."""
    pin: int
    vector: int
    level: bool
    active_low: bool


@dataclass
class View:
    functions: list = field(default_factory=list)
    ram: list = field(default_factory=list)         # [start, end) of what is RAM
    ranges: dict = field(default_factory=dict)      # name -> starts, in the tree
    ports: dict = field(default_factory=dict)       # the same of I/O ports
    virtio: dict = field(default_factory=dict)      # where -> type's number, version
    pins: list = field(default_factory=list)
    lines: list = field(default_factory=list)       # how many each redirection table has
    read: object = None     # (physical address, size) -> the guest's bytes


def _bar(region):
    if region["type"] == "io":
        kind = "io"
    elif region["bar"] == ROM_BAR:
        kind = "rom"
    else:
        kind = "memory64" if region.get("mem_type_64") else "memory32"
    return Bar(region["bar"], region["address"] % 2**64, region["size"], kind,
               bool(region.get("prefetch")))


def parse_functions(buses):
    """Every function that query-pci lists, behind bridges too."""
    found = []
    waiting = [device for bus in buses for device in bus["devices"]]
    while waiting:
        device = waiting.pop(0)
        bridge = device.get("pci_bridge")
        if bridge:
            waiting += bridge.get("devices", [])
        found.append(Function(
            "0000:%02x:%02x.%x" % (device["bus"], device["slot"], device["function"]),
            device["id"]["vendor"], device["id"]["device"], device["class_info"]["class"],
            tuple(_bar(r) for r in device["regions"]),
            (bridge["bus"]["secondary"], bridge["bus"]["subordinate"]) if bridge else None))
    return sorted(found, key=lambda f: f.address)


RANGE = re.compile(r"^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([a-z/]+)\): (?:alias )?(\S+)")


def _ranges(lines):
    """(start, end, kind, name) of each range; end is one past the last."""
    for line in lines:
        match = RANGE.match(line)
        if match and "[disabled]" not in line:
            start, last, kind, name = match.groups()
            yield int(start, 16), int(last, 16) + 1, kind, name


def parse_tree(text, space="memory"):
    """Name -> addresses of the ranges in one address space."""
    found = {}
    for part in text.split("\n\n"):
        heads = re.findall(r"^address-space: (.+)", part, re.M)
        if space in heads:
            for start, _, _, name in _ranges(part.split("\n")):
                found.setdefault(name, []).append(start)
    if not found:
        raise ViewError("info mtree has no address space `%s`" % space)
    return found


def parse_ram(text):
    """Where the flat view of `memory` has RAM, joined, ascending. The machine's: pc.ram,
    microvm.ram, or a backend named ram; not a display's (vga.vram), nor what holds firmware."""
    found = []
    for part in text.split("\n\n"):
        if re.search(r'^ AS "memory",', part, re.M):
            for start, end, kind, name in _ranges(part.split("\n")):
                if kind != "ram" or not re.fullmatch(r"(.*\.)?ram", name):
                    continue
                if found and found[-1][1] == start:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((start, end))
    if not found:
        raise ViewError("info mtree -f has no RAM in `memory`")
    return found


def parse_virtio(text):
    """Where each virtio device is -> (its type's number, 2 if it is modern, else 1);
    from `info qtree`.

    A device lies within the one that is its transport, whose own lines, which
    say where it is, come before the device's."""
    found, where, version = {}, None, 2
    for line in text.split("\n"):
        mmio = re.match(r" *mmio ([0-9a-f]{16})/", line)
        pci = re.match(r" *class .*, addr ([0-9a-f]{2}:[0-9a-f]{2}\.[0-7]),", line)
        device = re.match(r" *dev: ([\w.-]+),", line)
        if mmio:
            where = "0x%x" % int(mmio[1], 16)
        elif pci:
            where = "0000:" + pci[1]
        elif re.match(r" *(force-legacy|disable-modern) = true$", line):
            version = 1
        elif device:
            name = re.fullmatch(r"(?:vhost-user-|virtio-)(\w+)(?:-device)", device[1])
            if not name:
                version = 2
                continue
            if name[1] not in VIRTIO_TYPES or where in found or where is None:
                raise ViewError("info qtree: %s at %s cannot be read" % (device[1], where))
            found[where] = VIRTIO_TYPES[name[1]], version
    return found


def parse_pins(text):
    """The entries of all redirection tables that are not masked."""
    found = []
    for line in text.split("\n"):
        match = re.match(r" *pin (\d+) +0x[0-9a-f]{16} dest=\S+ +vec=(\d+) +active-(hi|lo) "
                         r"+(edge|level) +(masked)?", line)
        if match and not match[5]:
            found.append(Pin(int(match[1]), int(match[2]), match[4] == "level", match[3] == "lo"))
    return found


def parse_lines(text):
    """How many entries each redirection table has."""
    return [len(re.findall(r"^ *pin \d+ ", part, re.M))
            for part in re.split(r"^ioapic", text, flags=re.M)[1:]]


def parse_bytes(text):
    """What `xp` prints, in bytes."""
    return bytes(int(value, 16) for line in text.split("\n") if ":" in line
                 for value in line.partition(":")[2].split())


def _info(control, line):
    return control("human-monitor-command", **{"command-line": line}).replace("\r", "")


def reader(control):
    """Reads the guest's memory: (physical address, size) -> bytes."""
    def read(address, size):
        data = parse_bytes(_info(control, "xp/%dxb 0x%x" % (size, address)))
        if len(data) != size:
            raise ViewError("xp has %d of %d bytes at 0x%x" % (len(data), size, address))
        return data
    return read


def ask(control):
    """The View of a running guest. `control(execute, **arguments)` asks QEMU."""
    tree, pic = _info(control, "info mtree"), _info(control, "info pic")
    return View(parse_functions(control("query-pci")), parse_ram(_info(control, "info mtree -f")),
                parse_tree(tree), parse_tree(tree, "I/O"),
                parse_virtio(_info(control, "info qtree")), parse_pins(pic), parse_lines(pic),
                reader(control))
