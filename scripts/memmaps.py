# SPDX-License-Identifier: MIT
"""Memory maps of real machines (mm/memmaps/) fitted to a virtual machine, and
a model of what the kernel should make of them.

A guest has RAM from 0 to some size and nothing above, so a map is moved into
it. The first MiB stays as it is. If all usable memory lies within the RAM,
so does everything else. Otherwise the stretches between neighbouring ends of
entries, whatever they hold, are shortened where they are longer than a
limit, by a multiple of 2 MiB, until the last usable byte lies within the RAM;
what begins above that byte stays where it is, as it needs no RAM. So no
entry is lost or split, the order of entries and of their ends is kept, with
every overlap, gap and sliver, and every address keeps its last 21 bits.
Where the guest has RAM and the fitted map none, the RAM is nobody's.

UEFI descriptors are given to the kernel as GRUB would: as an EFI map, and
turned into types of e820 (loader and boot services are usable again).

The model is written apart from the kernel's code: it goes through the kinds,
the strictest first, and gives each what is left."""

import glob
import os
import re
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "mm", "memmaps")
PAGE, MIB, LARGE = 1 << 12, 1 << 20, 2 << 20
LAST_END = 2**64 - PAGE     # the last page's end has no address
USABLE, RECLAIMABLE, RESERVED, NVS, BAD, PERSISTENT, CLAIMED = range(1, 8)

# e820 type -> kind and name; any other is RESERVED.
E820 = {1: (USABLE, "RAM"), 3: (RECLAIMABLE, "ACPI tables"), 4: (NVS, "ACPI NVS"),
        5: (BAD, "bad RAM"), 7: (PERSISTENT, "persistent memory"),
        12: (PERSISTENT, "persistent memory")}
EFI_WITHHELD = {5: "EFI runtime", 6: "EFI runtime", 11: "EFI MMIO", 12: "EFI MMIO",
                15: "EFI unaccepted"}
EFI_TO_E820 = {1: 1, 2: 1, 3: 1, 4: 1, 7: 1, 8: 5, 9: 3, 10: 4}
KIND_NAMES = {USABLE: "usable", RECLAIMABLE: "reclaimable", RESERVED: "reserved",
              NVS: "ACPI NVS", BAD: "bad", PERSISTENT: "persistent", CLAIMED: "claimed"}

Entry = namedtuple("Entry", "base length type")
Region = namedtuple("Region", "start end kind name")
Map = namedtuple("Map", "e820 efi")     # lists of Entry; those of efi with UEFI types


class MapError(Exception):
    """The corpus or a file of it cannot be used."""


def corpus(folder):
    """The paths of all maps in a folder; that there are none is an error."""
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), "*.map")))
    if not paths:
        raise MapError("no memory maps (*.map) in " + folder)
    return paths


def title(path):
    return os.path.basename(path).removesuffix(".map")


def parse_entry(line, efi):
    shape = r"(0x[0-9a-f]+) (0x[0-9a-f]+|-) (\d+) " + (r"\S+ 0x[0-9a-f]+$" if efi else r"\S.*$")
    match = re.match(shape, line)
    if not match:
        raise MapError("not an entry: " + line)
    start = int(match[1], 16)
    length = 0 if match[2] == "-" else int(match[2], 16) + 1 - start
    if length < (match[2] != "-") or start + length > 2**64:
        raise MapError("ends before it starts, or beyond 64 bits: " + line)
    if efi and (start | length) % PAGE:
        raise MapError("not in pages: " + line)
    return Entry(start, length, int(match[3]))


def load(path):
    """Reads a file of the corpus, as the loader would hand it over."""
    head, entries = {}, []
    try:
        with open(path, encoding="ascii") as file:
            for line in file.read().splitlines():
                comment = re.match(r"# (\w+): (\S.*)$", line)
                if comment:
                    head[comment[1]] = comment[2]
                else:
                    entries.append(parse_entry(line, head.get("kind") == "efi"))
    except (MapError, ValueError) as error:
        raise MapError("%s: %s" % (path, error)) from error
    if head.get("kind") not in ("e820", "efi"):
        raise MapError(path + ": no kind")
    if head.get("entries") != str(len(entries)) or not entries:
        raise MapError("%s: %d entries, not %s" % (path, len(entries), head.get("entries")))
    if head["kind"] == "e820":
        return Map(entries, [])
    return Map([e._replace(type=EFI_TO_E820.get(e.type, 2)) for e in entries], entries)


# Fitting.

def shorten(length, limit):
    return length if length <= limit else limit + length % LARGE


def fitted_ends(ends, top, ram):
    """Old end -> new end, for a map whose usable memory ends at `top`."""
    if top <= ram:
        return {end: end for end in ends}
    limit = ram // LARGE * LARGE
    while limit:
        new = {end: end for end in ends if end <= MIB or end > top}
        place, last = MIB, MIB
        for end in (e for e in ends if MIB < e <= top):
            place += shorten(end - last, limit)
            new[end], last = place, end
        if place <= ram:
            return new
        limit = limit // 2 // LARGE * LARGE
    raise MapError("the map cannot be fitted to %d MiB" % (ram // MIB))


def fit(source, ram):
    """The map moved into RAM from 0 to `ram`."""
    every = source.e820 + source.efi
    ends = sorted({MIB} | {e.base for e in every} | {e.base + e.length for e in every})
    top = max((e.base + e.length for e in source.e820 if e.type == 1 and e.length), default=0)
    new = fitted_ends(ends, top, ram)

    def moved(entries):
        return [Entry(new[e.base], new[e.base + e.length] - new[e.base], e.type)
                for e in entries]
    return Map(moved(source.e820), moved(source.efi))


# The model.

def ranges(source):
    """What the map says, in pages and in the order in which the kernel reads
    it: the memory map, and then what EFI withholds."""
    for entry in source.e820:
        kind, name = E820.get(entry.type, (RESERVED, "firmware"))
        start, end = entry.base, entry.base + entry.length
        if kind == USABLE:
            start, end = -(-start // PAGE) * PAGE, end // PAGE * PAGE
            wanted = entry.base + entry.length < 2**64
        else:
            start, end = start // PAGE * PAGE, min(-(-end // PAGE) * PAGE, LAST_END)
            wanted = entry.length > 0
        if wanted and start < end:
            yield Region(start, end, kind, name)
    for entry in source.efi:
        if entry.type in EFI_WITHHELD and entry.length:
            yield Region(entry.base, min(entry.base + entry.length, LAST_END), RESERVED,
                         EFI_WITHHELD[entry.type])


def without(pieces, taken):
    """The intervals less one other."""
    for start, end in pieces:
        if start < min(end, taken.start):
            yield start, min(end, taken.start)
        if max(start, taken.end) < end:
            yield max(start, taken.end), end


def normalise(claims):
    """Sorted, disjoint regions: the strictest kind wins, then whoever came first."""
    taken = []
    for claim in sorted(claims, key=lambda r: -r.kind):
        pieces = [(claim.start, claim.end)]
        for other in list(taken):
            pieces = list(without(pieces, other))
        taken += [Region(start, end, claim.kind, claim.name) for start, end in pieces]
    result = []
    for region in sorted(taken):
        last = result[-1] if result else None
        if last and last.end == region.start and last[2:] == region[2:]:
            result[-1] = last._replace(end=region.end)
        else:
            result.append(region)
    return result


def kernel_map(source, image, info):
    """What the kernel's map should be, with the image and the boot information
    at these (start, end)."""
    claims = [(0, MIB, "low memory"), (*image, "kernel"), (*info, "boot information")]
    return normalise(list(ranges(source)) + [
        Region(start // PAGE * PAGE, -(-end // PAGE) * PAGE, CLAIMED, name)
        for start, end, name in claims])


def total(regions, kind=USABLE):
    return sum(r.end - r.start for r in regions if r.kind == kind)


def line(region):
    """The region as the command `memmap` prints it."""
    return "0x%016x-0x%016x %10d KiB  %-11s %s" % (
        region.start, region.end - 1, (region.end - region.start) >> 10,
        KIND_NAMES[region.kind], region.name)


# Where the kernel and its boot information go.

def rooms(source):
    """Usable memory from 1 MiB on."""
    return [(max(r.start, MIB), r.end) for r in normalise(ranges(source))
            if r.kind == USABLE and r.end > MIB]


def place_image(source, start, size):
    """Where the image goes: as linked if the map has RAM there, else to the
    first room; as linked, too, if there is none."""
    fits = [room for room in rooms(source) if room[1] - room[0] >= size]
    if not fits or any(low <= start and start + size <= high for low, high in fits):
        return start
    return fits[0][0]


def place_info(source, image, size):
    """A place of `size` bytes, on a page, at the end of the last usable range
    that has room beside the image; None if there is none."""
    size = -(-size // PAGE) * PAGE
    taken = Region(image[0], -(-image[1] // PAGE) * PAGE, CLAIMED, "")
    fits = [end - size for start, end in without(rooms(source), taken) if end - start >= size]
    return max(fits, default=None)
