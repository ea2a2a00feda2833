# SPDX-License-Identifier: MIT
"""Boots the kernel with every memory map of a corpus (`make test-memmaps`).

Each map is fitted to the guest's RAM and handed over by a forged loader
(memmaps.py, forge.py). The kernel must make of it what the model does: every
line of the command `memmap`, the bytes of usable memory, the figures of the
report; and its tests of memory must pass. A map that leaves no memory for a heap
must end in the message that says so."""

import argparse
import configparser
import difflib
import fnmatch
import os
import re
import sys

import boottest
import elf
import forge
import guest
import ktap
import memmaps

MEM = "1G"
TESTS = ("mm_*", "owner_*", "x86_*")     # what a map can do harm to
REFUSAL = r"^panic: mm: the memory map has no usable RAM above 1 MiB within reach$"
# For `make test`: a double entry, no RAM, rounding, the 15 MiB hole, the most
# entries and an EFI map, RAM far apart with a bad page.
SAMPLE = ("amd-elansc520-bios-e820", "samsung-500cchromebook-bios-e820", "hp-8000elite-bios-e820",
          "via-vt8371-bios-e820", "unnamed-pc-64gib-uefi-efi", "unnamed-it91smub-uefi-e820")
# Of the usable memory, what the page allocator may take for itself before the first use.
TABLES_PART, TABLES_MIN = 16, 256 << 10


class MapRun(boottest.Run):
    """One map."""

    def __init__(self, path, section, image, logs):
        section = dict(section, forge="memmap:" + path, cmdline="panic=exit")
        super().__init__("memmap-" + memmaps.title(path), section, image, logs)
        self.forgery = None
        self.want = []

    def guest(self, folder):
        self.forgery = forge.prepare(elf.Elf.load(self.image.elf()), self.section["forge"],
                                     forge.parse_size(MEM), self.cmdline)
        at = self.forgery.info_address()
        self.want = memmaps.kernel_map(self.forgery.fitted, self.forgery.span(),
                                       (at, at + len(self.forgery.info())))
        return super().guest(folder)

    def _play(self, session, folder):
        if not memmaps.total(self.want):
            return []
        session.wait("^cairn>", self.timeout)
        problems = check_report(session.text(), self.want, len(self.forgery.mmap))
        before = len(session.text())
        session.send("memmap")
        session.wait(r"^usable: ", self.timeout)
        session.wait("^cairn>", self.timeout)
        problems += check_map(session.text()[before:], self.want)
        for pattern in TESTS:
            problems += self._test_by_hand(session, pattern)
            session.wait("^cairn>", self.timeout)
        session.send("exit")
        return problems

    def _judge(self, text, code):
        if memmaps.total(self.want):
            return super()._judge(text, code)
        problems = [] if re.search(REFUSAL, text, re.M) else ["never says /%s/" % REFUSAL]
        if code != ktap.EXIT_FAIL:
            problems.append("QEMU left with %s, not %d" % (code, ktap.EXIT_FAIL))
        return problems


def check_map(text, want):
    """What `memmap` prints against the model, line by line."""
    got = re.findall(r"^0x[0-9a-f]{16}-0x.*|^usable: .*", text, re.M)
    want = [memmaps.line(r) for r in want] + ["usable: %d bytes" % memmaps.total(want)]
    if got == want:
        return []
    return ["memmap and the model differ:\n"
            + "\n".join(difflib.unified_diff(want, got, "model", "kernel", lineterm="", n=0))]


def check_report(text, want, entries):
    """The report's line about memory against the model."""
    found = re.search(r"^memory +(\d+) entries, (\d+) regions, (\d+) MiB usable, heap (\d+) KiB$",
                      text, re.M)
    if not found:
        return ["the report has no line about memory"]
    usable = memmaps.total(want)
    problems = ["the report says %s: %s, not %d" % (what, got, value) for what, got, value in
                zip(("entries", "regions", "MiB"), found.groups(),
                    (entries, len(want), usable >> 20)) if int(got) != value]
    heap, least = int(found[4]) << 10, usable - usable // TABLES_PART - TABLES_MIN
    if not least <= heap <= usable:
        problems.append("a heap of %d bytes of %d usable" % (heap, usable))
    return problems + ["the kernel warns: " + w for w in
                       re.findall(r"^warning: mm: .*", text, re.M)]


def choose(folder, tier, only):
    """The paths of the maps to try; the sample is of our own corpus."""
    paths = memmaps.corpus(folder)
    if tier == "ci" and os.path.realpath(folder) == os.path.realpath(memmaps.FOLDER):
        missing = set(SAMPLE) - {memmaps.title(p) for p in paths}
        if missing:
            raise memmaps.MapError("not in the corpus: " + ", ".join(sorted(missing)))
        paths = [p for p in paths if memmaps.title(p) in SAMPLE]
    paths = [p for p in paths if fnmatch.fnmatchcase(memmaps.title(p), only)]
    if not paths:
        raise memmaps.MapError("no map matches " + only)
    return paths


def base_section():
    """The defaults of tests.cfg on the machine that these runs use."""
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    with open(os.path.join(boottest.HERE, "tests.cfg"), encoding="utf-8") as file:
        parser.read_file(file)
    return dict(parser.defaults(), machine="microvm", mem=MEM)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tier", choices=("ci", "all"), default="all")
    parser.add_argument("--only", default="*", help="glob of maps, without .map")
    parser.add_argument("--memmaps", default=os.environ.get("MEMMAPS") or memmaps.FOLDER)
    args = parser.parse_args()
    try:
        paths = choose(args.memmaps, args.tier, args.only or "*")
    except memmaps.MapError as error:
        print("maptest: %s" % error)
        return 1
    root = boottest.open_root(args.build)
    section = base_section()
    image = boottest.Image(root, section)
    logs = os.path.join(root, "logs")
    return boottest.run_all([MapRun(path, section, image, logs) for path in paths])


if __name__ == "__main__":
    sys.exit(main())
