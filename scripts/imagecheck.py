# SPDX-License-Identifier: MIT
"""Checks of a built image that need no guest: what must not be in it.

Each check returns a list of problems. They are named by `check=` in
tests.cfg."""

import os
import re
import subprocess

import elf
import imagenote

ISO_LIMIT = 6 * 1024 * 1024
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
LOG_CALL = re.compile(r"\blog_(err|warn|info|debug)\s*\(\s*((?:%s\s*)+)" % LITERAL)
SECTIONS = {".text", ".rodata", ".note", ".data.ro_after_init", ".data", ".bss", ".noload",
            ".retained"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\"}


def literal_text(literals):
    """The text of adjacent C string literals."""
    body = "".join(part[1:-1] for part in re.findall(LITERAL, literals))
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[0]), body)


def log_formats(source):
    """Format strings of the log calls in a source text, by level."""
    found = {"err": set(), "warn": set(), "info": set(), "debug": set()}
    for match in LOG_CALL.finditer(source):
        found[match[1]].add(literal_text(match[2]))
    return found


def quiet_strings(tree):
    """Strings that only log calls below error level use, of 8 bytes or more."""
    quiet, loud = set(), set()
    for top in ("arch", "drivers", "kernel", "mm"):
        for folder, _, names in os.walk(os.path.join(tree, top)):
            for name in names:
                if not name.endswith((".c", ".h")) or name.endswith("_test.c"):
                    continue
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    source = file.read()
                formats = log_formats(source)
                quiet |= formats["warn"] | formats["info"] | formats["debug"]
                rest = LOG_CALL.sub(lambda m: m[0] if m[1] == "err" else "", source)
                loud |= {literal_text(m) for m in re.findall(LITERAL, rest)}
    return {s for s in quiet - loud if len(s) >= 8}


def loaded_bytes(image):
    return [image.contents(s) for s in image.loads()]


def present(image, strings):
    """Those of the strings that are in a loadable segment, NUL-terminated."""
    loads = loaded_bytes(image)
    return sorted(s for s in strings
                  if any(s.encode() + b"\0" in data for data in loads))


def firmware_text(tree):
    """The sources of ACPI's reader without blanks, adjacent literals joined."""
    folder = os.path.join(tree, "drivers", "acpi")
    texts = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".c"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(re.sub(r"\s+", "", file.read()).replace('""', ""))
    return "\n".join(texts)


def is_firmware_text(text, sources):
    """Whether a string of the image is ACPI's; of what a test prints, each side."""
    return all(re.sub(r"\s+", "", side.replace("\n", "\\n").replace("\t", "\\t")) in sources
               for side in text.split(" == "))


def check_no_devices(image, context):
    """Neither a symbol nor a string of virtio or PCI is loaded. What ACPI's reader says of
    firmware's tables is no driver's: a table may name such a device anywhere. And the
    note says what is off; PCID is the processor's."""
    word = re.compile(r"virtio|pci(?!d\b)", re.I)
    sources = firmware_text(context["tree"])
    loaded = {i for i, s in enumerate(image.sections) if s.flags & elf.SHF_ALLOC}
    problems = ["symbol " + s.name for s in image.symbols() if s.section in loaded
                and word.search(s.name) and not s.name.startswith("acpi_")]
    notes = {text[:-1] for text in imagenote.texts(image.data)}
    for data in loaded_bytes(image):
        for text in re.findall(rb"[\x20-\x7e\n\t]{4,}(?=\0)", data):
            if text not in notes and word.search(text.decode()) \
                    and not is_firmware_text(text.decode(), sources):
                problems.append("string %r" % text.decode())
    return problems


def check_quiet(image, context):
    """No string that only logs below error level use is loaded."""
    strings = quiet_strings(context["tree"])
    if len(strings) < 10:
        return ["only %d log strings found in the sources: the check is blind" % len(strings)]
    return ["string %r" % s for s in present(image, strings)]


def check_not_quiet(image, context):
    """The opposite, on an image with every level: proves the check above."""
    strings = quiet_strings(context["tree"])
    found = present(image, strings)
    if len(found) < 10:
        return ["of %d log strings only %d are in an image with all levels"
                % (len(strings), len(found))]
    return []


HEAP_CHECKS = re.compile(r"double free|(foreign|interior) pointer|(over|under)run of a|wrong heap|"
                         r"header overwritten|write after free|^(debug_|kmalloc_)?heap_check|"
                         r"^debug_(heap|find|intact)")


def heap_checks(image):
    """Symbols and strings of what checks the heap."""
    loaded = {i for i, s in enumerate(image.sections) if s.flags & elf.SHF_ALLOC}
    names = {"symbol " + s.name for s in image.symbols()
             if s.section in loaded and HEAP_CHECKS.search(s.name)}
    texts = {"string %r" % text.decode() for data in loaded_bytes(image)
             for text in re.findall(rb"[\x20-\x7e\n\t]{4,}(?=\0)", data)
             if HEAP_CHECKS.search(text.decode())}
    return sorted(names | texts)


def check_heap_none(image, _context):
    """Nothing that checks the heap is loaded."""
    return heap_checks(image)


def check_heap_basic(image, _context):
    """What basic checking says is loaded, full checking is not. Proves the
    check above, together with the next."""
    found = heap_checks(image)
    problems = ["%s is there" % f for f in found if "debug_" in f or "after free" in f]
    return problems + ([] if any("double free" in f for f in found) else ["no double free"])


def check_heap_full(image, _context):
    found = heap_checks(image)
    return ["no %s" % what for what in ("debug_heap", "double free", "write after free")
            if not any(what in f for f in found)]


def call_places(image):
    """Places of calls, "drivers/rng/rng.c:12"."""
    return {text for data in loaded_bytes(image)
            for text in re.findall(rb"\b(?:drivers|kernel|mm)/[\w/]+\.c:[0-9]+\0", data)}


def check_callers(image, _context):
    """The places of calls to the heap are loaded. Proves the next."""
    places = call_places(image)
    return [] if len(places) >= 3 else ["only %d places of calls" % len(places)]


def check_no_callers(image, _context):
    return ["place of a call %r" % place for place in sorted(call_places(image))]


def check_segments(image, _context):
    """No segment writable and executable, all linked high, three or more."""
    problems = []
    for load in image.loads():
        if load.flags & elf.PF_W and load.flags & elf.PF_X:
            problems.append("segment at 0x%x is writable and executable" % load.vaddr)
    if len(image.loads()) < 3:
        problems.append("%d loadable segments, text, rodata and data are wanted"
                        % len(image.loads()))
    return problems


def check_sections(image, _context):
    """What is loaded lies in sections that the linker script names."""
    return ["section " + s.name for s in image.sections
            if s.flags & elf.SHF_ALLOC and s.name not in SECTIONS]


def check_no_faults(image, _context):
    """Nothing of failing on demand."""
    word = re.compile(r"^fault_(refuses|note|attempt|boot|plan|set|arm|live)|^saved$")
    problems = ["symbol " + s.name for s in image.symbols() if word.match(s.name)]
    problems += ["%d bytes that outlive a reset" % s.size for s in image.sections
                 if s.name == ".retained" and s.size]
    return problems


def check_faults(image, context):
    """The opposite, on an image with it: proves the check above."""
    found = check_no_faults(image, context)
    return [word + " is not found where it must be" for word in ("symbol", "bytes")
            if not any(word in problem for problem in found)]


# Functions of what an option turns off.
OPTIONS = {
    "acpi": r"(aml|madt|mcfg|fadt|spcr|rsdp|hpet|pmtimer)_|read_rsdp|acpi(dump|_find_root|_read)",
    "clocks": r"(hpet|pit|pmtimer|kvmclock)_init$|pvclock_",
}


def functions_of(image, option):
    return sorted({s.name for s in image.symbols() if re.match(OPTIONS[option], s.name)})


def check_no_acpi(image, _context):
    """Nothing that reads ACPI, nor a clock that only it tells of."""
    return functions_of(image, "acpi")


def check_no_clocks(image, _context):
    return functions_of(image, "clocks")


def check_all_options(image, _context):
    """The opposite, on an image with all of it: proves the two above."""
    return ["only %s of %s" % (functions_of(image, option), option)
            for option in OPTIONS if len(functions_of(image, option)) < 5]


def check_multiboot2(_image, context):
    """GRUB's own judgement of the header."""
    done = subprocess.run(["grub-file", "--is-x86-multiboot2", context["elf"]], check=False)
    return ["grub-file says that this is no Multiboot2 kernel"] if done.returncode else []


def check_iso_size(_image, context):
    size = os.path.getsize(context["iso"]())
    return ["the ISO has %d bytes, %d is the limit" % (size, ISO_LIMIT)] \
        if size > ISO_LIMIT else []


CHECKS = {
    "no-devices": check_no_devices,
    "quiet": check_quiet,
    "not-quiet": check_not_quiet,
    "heap-none": check_heap_none,
    "heap-basic": check_heap_basic,
    "heap-full": check_heap_full,
    "callers": check_callers,
    "no-callers": check_no_callers,
    "segments": check_segments,
    "sections": check_sections,
    "no-faults": check_no_faults,
    "faults": check_faults,
    "no-acpi": check_no_acpi,
    "no-clocks": check_no_clocks,
    "all-options": check_all_options,
    "multiboot2": check_multiboot2,
    "iso-size": check_iso_size,
}


def run(names, context):
    """Problems of the checks named; `context`: elf, tree, iso (a function)."""
    image = elf.Elf.load(context["elf"])
    problems = []
    for name in names:
        problems += ["%s: %s" % (name, p) for p in CHECKS[name](image, context)]
    return problems
