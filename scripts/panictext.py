# SPDX-License-Identifier: MIT
"""What a panic says of itself, out of what a console showed; for decode-panic.

A serial line loses bytes and adds some, a terminal adds CR, a collector of logs puts
its own words in front of each line: so each piece is looked for within its line, and
a line that does not read is left out, which is said."""

import argparse
import os
import re
import subprocess
import sys

import elf

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PANIC = re.compile(r"(?<!\w)panic: (?P<what>.*)")
FRAME = re.compile(r"(?<!\w)(?P<kind>at|from) +0x(?P<address>[0-9a-f]{16})(?![0-9a-f])"
                   r"(?: (?P<name>[\w.$]+)\+0x[0-9a-f]+)?(?P<rest>.*)")
BROKEN_FRAME = re.compile(r"(?<!\w)(at|from) +0x")
BACKTRACE = re.compile(r"(?<!\w)backtrace:\s*$")
BUILD_ID = re.compile(r"(?<!\w)build id (?P<id>[0-9a-f]{40})(?![0-9a-f])")
BUILD_LINE = re.compile(r"(?<!\w)build id ")
AGAIN = "another one, within the panic"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e\t]")
NOTE_GNU_BUILD_ID = 3


class Refusal(Exception):
    """The text, or the ELF, is not one to decode; says why."""


class Frame:
    def __init__(self, match):
        self.address = int(match["address"], 16)
        self.exact = match["kind"] == "at"
        self.name = match["name"] or ""
        self.rest = match["rest"].strip()

    def code(self):
        """An address inside the instruction: a call may be the last one of its function."""
        return self.address if self.exact else self.address - 1


class Panic:
    def __init__(self, what):
        self.what = what
        self.frames = []
        self.build_id = None
        self.unread = 0         # lines of the backtrace that do not read
        self.again = ""         # of a second panic, within this one


def clean(data):
    """Lines of the bytes: no colours, control characters or what is not ASCII."""
    text = data.decode("utf-8", "replace")
    return [ESCAPES.sub("", line).rstrip() for line in re.split(r"\r*\n|\r", text)]


def parse(data):
    """Every panic in the captured bytes, in order."""
    panics, tracing = [], False
    for line in clean(data):
        found = PANIC.search(line)
        if found:
            if panics and found["what"].startswith(AGAIN):
                panics[-1].again = found["what"]
            else:
                panics.append(Panic(found["what"]))
            tracing = False
            continue
        if not panics:
            continue
        panic = panics[-1]
        if BACKTRACE.search(line):
            tracing = True
        found = BUILD_ID.search(line)
        if found and panic.build_id is None:
            panic.build_id = found["id"]
        if BUILD_LINE.search(line):
            tracing = False
        frame = FRAME.search(line) if tracing else None
        if frame:
            panic.frames.append(Frame(frame))
        elif tracing and BROKEN_FRAME.search(line):
            panic.unread += 1
    return panics


def build_id(image):
    """The linker's, in hexadecimal digits; None if there is none."""
    for segment in image.segments:
        if segment.type != elf.PT_NOTE:
            continue
        data, at = image.contents(segment), 0
        while at + 12 <= len(data):
            name_size, size, kind = (int.from_bytes(data[at + i:at + i + 4], "little")
                                     for i in (0, 4, 8))
            start = at + 12 + (name_size + 3 & ~3)
            if kind == NOTE_GNU_BUILD_ID and data[at + 12:at + 16] == b"GNU\0":
                return data[start:start + size].hex()
            at = start + (size + 3 & ~3)
    return None


def check(panics, image, path):
    """Refuses what would be decoded to lines that are wrong."""
    if not panics:
        raise Refusal("no panic in this text")
    ours = build_id(image)
    if ours is None:
        raise Refusal("%s: has no build id, so nothing says that it is what panicked" % path)
    for number, panic in enumerate(panics, 1):
        which = "panic %d of %d" % (number, len(panics))
        if panic.build_id is None:
            raise Refusal("%s: no whole build id in the text, so nothing says which ELF it "
                          "belongs to" % which)
        if panic.build_id != ours:
            raise Refusal("%s: is of build %s, but %s is build %s"
                          % (which, panic.build_id, path, ours))


def source_lines(path, addresses):
    """For each address a list of (function, file:line), the innermost inlined one first."""
    if not addresses:
        return {}
    words = ["addr2line", "-e", path, "-f", "-i", "-a"] + ["0x%x" % a for a in addresses]
    try:
        done = subprocess.run(words, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    except FileNotFoundError as error:
        raise Refusal("addr2line is not installed: run make setup") from error
    if done.returncode:
        raise Refusal("addr2line: " + done.stderr.strip())
    found, here = {}, None
    lines = iter(done.stdout.split("\n"))
    for line in lines:
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            here = found.setdefault(int(line, 16), [])
        elif line and here is not None:
            place = re.sub(r" \(discriminator \d+\)$", "", next(lines, ""))
            here.append((line, re.sub(r"^(\./)+", "", place)))
    return found


def text_of(image):
    """(first address, one past the last) of code."""
    spans = [(s.vaddr, s.vaddr + s.memsz) for s in image.loads() if s.flags & elf.PF_X]
    return min(a for a, _ in spans), max(b for _, b in spans)


def describe(frame, places, span):
    """Lines of one frame."""
    kind = "at" if frame.exact else "from"
    rest = " " + frame.rest if frame.rest else ""
    if not span[0] <= frame.code() < span[1]:
        return ["  %-4s 0x%016x is no code of this kernel%s" % (kind, frame.address, rest)]
    known = [(function, place) for function, place in places if function != "??"]
    if not known:
        return ["  %-4s 0x%016x %s, no line known%s" % (kind, frame.address,
                                                        frame.name or "no function known", rest)]
    lines = ["  %-4s %s %s%s" % (kind, *known[0], rest)]
    return lines + ["       inlined into %s %s" % k for k in known[1:]]


def report(panics, path, image):
    """The text that is printed."""
    places = source_lines(path, sorted({f.code() for p in panics for f in p.frames}))
    span = text_of(image)
    lines = []
    for panic in panics:
        lines.append("panic: " + panic.what)
        for frame in panic.frames:
            lines += describe(frame, places.get(frame.code(), []), span)
        if not panic.frames:
            lines.append("  without a backtrace")
        if panic.unread:
            lines.append("  (%d line%s of the backtrace cannot be read)"
                         % (panic.unread, "s" if panic.unread > 1 else ""))
        if panic.again:
            lines.append("panic: " + panic.again)
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Turns panics on stdin into lines of the source.")
    parser.add_argument("elf", nargs="?", default=os.path.join(TREE, "build", "cairn.elf"))
    args = parser.parse_args(arguments)
    try:
        image = elf.Elf.load(args.elf)
        panics = parse(sys.stdin.buffer.read())
        check(panics, image, args.elf)
        print(report(panics, args.elf, image), end="")
    except (Refusal, elf.ElfError, OSError) as error:
        print("decode-panic: %s" % error, file=sys.stderr)
        return 1
    return 0
