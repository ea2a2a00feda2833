#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules that the sources keep and no compiler checks (`make check`).

Each check_*() takes a Sources and returns what is wrong, one line each. A new
rule is a new function; check_test.py plants a violation for every one.
"""

import os
import re
import subprocess
import sys

import toolcheck
from kconfig_tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DIRECTORIES = ("arch", "kernel", "drivers", "mm", "iso", "scripts", "Documentation", "configs",
               ".ci")
TOP_FILES = ("Kconfig", "LICENSE", "Makefile", "README.md")
BUILD_MARKER = ".cairn-build"	# see output.sh
FUNCTION_MAX = 80
LONG_FUNCTIONS = {}	# "PATH:FUNCTION": why it is longer and not split
LINE_MAX = 100
STANDARD_HEADERS = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}
FLOORS = (	# the first that fits; a file may include its own directory and lower floors
    ("kernel/lib/", 0),
    ("kernel/", 1), ("arch/", 1),
    ("mm/", 2),
    ("drivers/acpi/", 3.0),
    ("drivers/irq/", 3.1), ("drivers/console/", 3.1),
    ("drivers/clock/", 3.2),
    ("drivers/pci/", 3.3),
    ("drivers/virtio/", 3.4),
    ("drivers/", 4),
)
SHARED_FLOORS = {1}	# whose directories may include one another
DEVICE_FLOOR = 4	# the drivers of devices: they know of one bus, virtio's
HOST_LISTS = ("hosttest", "heapbench", "fuzz", "linuxbench")	# what is compiled for a host
PRIVATE_HEADERS = ("drivers/virtio/transport.h",)
PICTURE_MAX = 60000	# bytes


class Sources:
    """The text of every file of ours, by its path relative to `root`."""

    def __init__(self, root):
        self.root = root
        self.text = {}
        self.binary = []
        for name in TOP_FILES:
            self._read(name)
        for directory in DIRECTORIES:
            for path, directories, names in os.walk(os.path.join(root, directory)):
                directories[:] = sorted(d for d in directories if d != "__pycache__")
                for name in sorted(names):
                    self._read(os.path.relpath(os.path.join(path, name), root))

    def _read(self, name):
        try:
            with open(os.path.join(self.root, name), encoding="utf-8") as f:
                text = f.read()
        except OSError:
            return
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            self.binary.append(name)
        else:
            self.text[name] = text

    def top(self):
        """The names in the root: what git knows, else all but builds."""
        known = subprocess.run(["git", "-C", self.root, "ls-files", "-z"], check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if known.returncode == 0 and known.stdout:
            return {name.partition("/")[0] for name in known.stdout.split("\0") if name}
        return {name for name in os.listdir(self.root)
                if not os.path.exists(os.path.join(self.root, name, BUILD_MARKER))}

    def lines(self, *endings):
        """(path, number, line) of all files with one of these endings."""
        for name, text in self.text.items():
            if not endings or name.endswith(endings):
                for number, line in enumerate(text.split("\n"), 1):
                    yield name, number, line


def is_free(path):
    """Tests, benches and main.c stand above all floors."""
    return path == "kernel/main.c" or path.endswith(("_test.c", "_test.h", "_bench.c",
                                                       "_fuzz.c"))


def hosted_files(sources):
    """What the directories' lists compile for the host alone; and the tests."""
    hosted = {p for p in sources.text if p.endswith(("_test.c", "_test.h"))}
    for path, text in sources.text.items():
        if os.path.basename(path) == "Makefile":
            lists = {name: set() for name in HOST_LISTS + ("obj",)}
            for name, words in re.findall(r"^(%s)-\S+ \+= (.*)" % "|".join(lists), text, re.M):
                lists[name] |= set(words.split())
            alone = set().union(*(lists[name] for name in HOST_LISTS)) - lists["obj"]
            hosted |= {os.path.join(os.path.dirname(path), w.removesuffix(".o") + ".c")
                       for w in alone if w.endswith(".o")}
    return hosted


def without_hosted_parts(text):
    """Blanks what a header keeps for the host."""
    return re.sub(r"^#if(?:def CAIRN_HOSTED| __STDC_HOSTED__)\n.*?^#(?=else|endif)",
                  lambda m: "\n" * m.group(0).count("\n") + "#", text, flags=re.M | re.S)


def floor_of(path):
    return next((floor for prefix, floor in FLOORS if path.startswith(prefix)), 5)


def may_include(path, target):
    here, there = os.path.dirname(path), os.path.dirname(target)
    if is_free(path) or here == there:
        return True
    if target in PRIVATE_HEADERS:
        return False
    if floor_of(path) == DEVICE_FLOOR and target.startswith("drivers/"):
        return target == "drivers/virtio/virtio.h"
    return floor_of(target) < floor_of(path) or floor_of(target) == floor_of(path) in SHARED_FLOORS


def check_includes_go_down(sources):
    hosted = hosted_files(sources)
    for path, number, line in sources.lines(".c", ".h", ".S"):
        include = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not include:
            continue
        quote, target = include.groups()
        if target.startswith("asm/"):
            target = "arch/x86/" + target
        elif quote == "<":
            text = without_hosted_parts(sources.text[path]).split("\n")
            if target not in STANDARD_HEADERS and path not in hosted and text[number - 1]:
                yield f"{path}:{number}: <{target}> is not for the kernel"
            continue
        elif target.startswith("generated/"):
            continue
        if target not in sources.text:
            yield f"{path}:{number}: {target} does not exist (paths begin at the root)"
        elif not may_include(path, target):
            yield f"{path}:{number}: {target} lies on a higher floor, or is private"


def check_own_header_comes_first(sources):
    for path, text in sources.text.items():
        header = path[:-2] + ".h"
        if path.endswith(".c") and header in sources.text:
            includes = re.findall(r'^#\s*include\s+["<]([^">]+)', text, re.M)
            if header in includes and includes[0] != header:
                yield f"{path}: includes {includes[0]} before its own {header}"


def check_every_source_is_listed(sources):
    for path in sources.text:
        directory, name = os.path.split(path)
        if name.endswith((".c", ".S")) and not name.endswith(".lds.S"):
            lists = without_comments("Makefile", sources.text.get(f"{directory}/Makefile", ""))
            if os.path.splitext(name)[0] + ".o" not in lists.split():
                yield f"{path}: not on a list in {directory}/Makefile, so never compiled"


def check_license_is_named(sources):
    for path, text in sources.text.items():
        named = path.endswith((".c", ".h", ".S", ".py", ".sh", ".cfg", "Kconfig"))
        if named or path.startswith(".ci/") or os.path.basename(path).startswith("Makefile"):
            if "SPDX-License-Identifier: MIT" not in "\n".join(text.split("\n")[:3]):
                yield f"{path}: no SPDX-License-Identifier: MIT in the first lines"


def check_no_trailing_blanks(sources):
    for path, number, line in sources.lines():
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
    for path, text in sources.text.items():
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield f"{path}: does not end in one newline"


def check_lines_are_short(sources):
    for path, number, line in sources.lines(".c", ".h", ".S", ".py", ".sh"):
        if len(line.expandtabs(8)) > LINE_MAX:
            yield f"{path}:{number}: {len(line.expandtabs(8))} columns, at most {LINE_MAX}"


def check_no_conditionals_in_c(sources):
    for path, number, line in sources.lines(".c"):
        if re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", line):
            yield f"{path}:{number}: use IS_ENABLED(), or a header: {line.strip()}"


def check_headers_are_guarded(sources):
    for path, text in sources.text.items():
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
            yield f"{path}: no #pragma once"


def functions(sources):
    """(path, number, name, lines) of all functions in C."""
    for path, text in sources.text.items():
        if path.endswith(".c"):
            previous, head, start = "", "", None
            for number, line in enumerate(text.split("\n"), 1):
                if re.match(r"\w", line):
                    head = line
                if line == "{" and previous.endswith((")", "__unused", "__used")):
                    start = number - 1
                elif line == "}" and start:
                    name = re.search(r"(\w+)\)?\(", head)
                    yield path, start, name[1] if name else "?", number - start + 1
                    start = None
                previous = line


def check_functions_are_short(sources):
    excused = dict(LONG_FUNCTIONS)
    for path, number, name, lines in functions(sources):
        if lines > FUNCTION_MAX and not excused.pop(f"{path}:{name}", None):
            yield f"{path}:{number}: a function of {lines} lines, at most {FUNCTION_MAX}: " \
                f"split {name}(), or say in LONG_FUNCTIONS why not"
    for name in excused:
        yield f"LONG_FUNCTIONS: {name} is not longer, or has no reason"


def check_blanks_are_where_clang_format_has_them(sources):
    return toolcheck.spacing(sources.root, [p for p in sources.text if p.endswith((".c", ".h"))])


def check_shellcheck_is_content(sources):
    shell = re.compile(r"#!.*\b(?:ba|da)?sh\b")
    return toolcheck.shell_faults(sources.root, [p for p, text in sources.text.items()
                                                   if p.endswith(".sh") or shell.match(text)])


def without_comments(path, text):
    if path.endswith((".c", ".h", ".S")):
        return re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return re.sub(r"^\s*#.*", "", text, flags=re.M)


def option_uses(sources, endings):
    """(path, number, name) where code names an option; a prefix ends in _."""
    for path, text in sources.text.items():
        name = os.path.basename(path)
        if not (path.endswith(endings) or name.startswith("Makefile")) or name.startswith("check"):
            continue
        for number, line in enumerate(without_comments(path, text).split("\n"), 1):
            for symbol in re.findall(r"\bCONFIG_([A-Z][A-Z0-9_]*)", line):
                yield path, number, symbol


def check_options_exist(sources):
    options = Tree(sources.root).options
    for path, number, name in option_uses(sources, (".c", ".h", ".S")):
        if name not in options and not name.endswith("_"):
            yield f"{path}:{number}: no option CONFIG_{name}"


def check_options_are_read(sources):
    options = Tree(sources.root).options
    used = {n for p, _, n in option_uses(sources, (".c", ".h", ".S", ".py"))
            if not p.endswith("_test.py")}
    kconfig = "\n".join(t for p, t in sources.text.items() if p.endswith("Kconfig"))
    named = re.findall(r"^\t(?:default|range|depends on|select) .*", kconfig, re.M)
    used |= set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", "\n".join(named)))
    selecting = set(re.findall(r"^config (\w+)\n(?:\t.*\n)*?\tselect ", kconfig, re.M))
    for name, option in options.items():
        prefix = any(u.endswith("_") and name.startswith(u) for u in used)
        if name not in used and name not in selecting and not prefix:
            yield f"{option.where}: nothing reads {name}"


def check_options_are_documented(sources):
    options = Tree(sources.root).options
    kconfig = "\n".join(t for p, t in sources.text.items() if p.endswith("Kconfig"))
    for name, option in options.items():
        number = option.kind in ("int", "hex")
        prompt = re.search(rf"^config {name}\n\t\w+ \"(.*)\"", kconfig, re.M)
        if option.prompt and not option.help:
            yield f"{option.where}: {name} has no help"
        if number and not option.range:
            yield f"{option.where}: {name} has no range"
        if number and prompt and "(" not in prompt.group(1):
            yield f"{option.where}: the prompt of {name} names no unit"
    for name in re.findall(r"^\tselect (\w+)", kconfig, re.M):
        if name not in options or options[name].depends or options[name].prompt:
            yield f"Kconfig: select {name}: not a symbol without prompt and dependencies"


def check_the_top_is_as_agreed(sources):
    wanted = {n for n in (*DIRECTORIES, *TOP_FILES) if not n.startswith(".")}
    found = {n for n in sources.top() if not n.startswith(".")}
    for name in sorted(found - wanted):
        yield f"{name}: has no place at the top"
    for name in sorted(wanted - found):
        yield f"{name}: missing at the top"


def check_all_is_text(sources):
    for name in sources.binary:
        if not is_picture(name):
            yield f"{name}: not text in UTF-8"


def is_picture(name):
    """Of those that `make screenshots` takes."""
    return name.startswith("Documentation/generated/") and name.endswith(".png")


def check_pictures_are_small_and_shown(sources):
    for name in filter(is_picture, sources.binary):
        with open(os.path.join(sources.root, name), "rb") as f:
            data = f.read()
        if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) >= PICTURE_MAX:
            yield f"{name}: no PNG of less than {PICTURE_MAX} bytes"
        if not any(os.path.basename(name) in text for path, text in sources.text.items()
                   if path.endswith(".md")):
            yield f"{name}: no document shows it"


def check_no_traces_of_a_workplace(sources):
    local = re.compile(r"(?<![\w.])/(?:work|root|home|var/lib)/\w|/tmp/\w+/"
                       r"|\bhelper session|\bissue #?\d+|\b(?:design|style)\.md\b"
                       r"|\bthe lead's\b", re.I)
    for path, number, line in sources.lines():
        if local.search(line) and not os.path.basename(path).startswith("check"):
            yield f"{path}:{number}: a word of one workplace: {line.strip()[:60]}"


def check_documents_point_to_what_exists(sources):
    pointer = re.compile(r"`((?:arch|kernel|drivers|mm|iso|scripts|configs|Documentation)/[\w./-]+)"
                         r"(?::(\w+)\(\))?`")
    paths = set(sources.text) | {os.path.dirname(p) + "/" for p in sources.text}
    for path, number, line in sources.lines(".md"):
        for target, function in pointer.findall(line):
            if target not in paths and target + "/" not in paths:
                yield f"{path}:{number}: there is no {target}"
            elif function and not re.search(rf"^[\w *]*\b{function}\(", sources.text[target], re.M):
                yield f"{path}:{number}: {target} has no {function}()"


def check_nothing_is_unfinished(sources):
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path, number, line in sources.lines():
        if marks.search(line) and not os.path.basename(path).startswith("check"):
            yield f"{path}:{number}: {line.strip()[:60]}"


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def main():
    sources = Sources(ROOT)
    failed = 0
    for number, check in enumerate(CHECKS, 1):
        wrong = list(check(sources))
        failed += bool(wrong)
        title = check.__name__.removeprefix("check_")
        print(f"{'not ok' if wrong else 'ok'} {number} {title}")
        for line in wrong:
            print(f"# {line}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
