# SPDX-License-Identifier: MIT
"""What clang-format and shellcheck say of the sources, for check.py.

clang-format would move half of all lines: what is aligned in tables, where
a call goes on, which short cases share a line, is decided by hand here. Of what
it would change only three things count, and the tree has none of them:

	a blank within a line that is there and should not be, or the reverse
	a brace, or an `else` behind one, that is on the wrong line
	the indentation of a line that begins a statement

and not where it misreads C, see MISREAD."""

import html
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STYLE = os.path.join(ROOT, ".clang-format")
REPLACEMENT = re.compile(rb"<replacement offset='(\d+)' length='(\d+)'>(.*?)</replacement>")
MISREAD = (     # of a line: what clang-format 14 takes for something else
    r"#\s*define\b",                    # a macro's body is no statement, its parameter no type
    r"^\tNAME\(",                       # a macro that is a label and a statement
    r"\b(?:class|delete|new)\b",        # keywords of C++
    r"^\s*\} \*\w+;",                   # a pointer to a struct that has no name: a product
    r"\.\.\.",                          # a range of indices
    r"\([a-z_]+\)\([\w ]*\*",           # a function whose name is also a macro's: a cast
    r"\w+ \(\*\w+\)[\[(]",              # a pointer to an array or function: a call, a product
    r"\)~",                             # a cast of what is inverted
)
# Behind these a line begins a statement; a list's brace has no word before it.
BEGINS = re.compile(rb"([;}:]|[\w)] \{|\n\{)\Z")


def whole_blank(data, start, end):
    """Start and end of the blanks around these bytes."""
    while start and data[start - 1:start].isspace():
        start -= 1
    while data[end:end + 1].isspace():
        end += 1
    return start, end


def moves(data, replacements):
    """(offset, old, new) of each run of blanks that clang-format would change."""
    merged = {}
    for offset, length, text in replacements:
        span = whole_blank(data, offset, offset + length)
        merged.setdefault(span, []).append((offset, length, text))
    for (start, end), parts in merged.items():
        new, at = b"", start
        for offset, length, text in parts:
            new += data[at:offset] + text
            at = offset + length
        yield start, data[start:end], new + data[at:end]


def opinion(data, start, old, new):
    """What counts of a change, in words; None if nothing does."""
    before, after = data[:start], data[start + len(old):start + len(old) + 5]
    if old.strip() or new.strip():
        return None     # a comment or a macro's end is touched
    broken, breaks = b"\n" in old, b"\n" in new
    if not broken and not breaks:
        if bool(old) != bool(new):
            return "a blank is missing" if new else "a blank too many"
        return None
    if broken != breaks:
        braced = after[:1] == b"{" and before[-1:] in b")eo" or \
            before[-1:] == b"}" and after[:4] == b"else"
        return "belongs on another line" if braced else None
    if BEGINS.search(before[-3:]) and old.rpartition(b"\n")[2] != new.rpartition(b"\n")[2]:
        return "the line is indented otherwise"
    return None


def line_at(data, offset):
    """Number and text of the line that this byte is on, of a macro from its name on."""
    first = data.rfind(b"\n", 0, offset) + 1
    while data[:first].endswith(b"\\\n"):
        first = data.rfind(b"\n", 0, first - 1) + 1
    last = data.find(b"\n", offset)
    return data.count(b"\n", 0, offset) + 1, data[first:last].decode("utf-8", "replace")


def judged(path, data, xml):
    """Complaints about one file."""
    found = [(int(a), int(b), html.unescape(c.decode()).encode())
             for a, b, c in REPLACEMENT.findall(xml)]
    for start, old, new in moves(data, found):
        said = opinion(data, start, old, new)
        at = start + len(old) if said and "\n" in old.decode() else start
        number, line = line_at(data, at)
        if said and not any(re.search(m, line) for m in MISREAD):
            text = data[max(0, start - 12):start + len(old) + 12].decode("utf-8", "replace")
            yield f"{path}:{number}: {said}: {' '.join(text.split())}"


def spacing(root, paths):
    """Complaints of clang-format about these files of C."""
    if not paths:
        return
    try:
        done = subprocess.run(["clang-format", f"--style=file:{STYLE}",
                               "--output-replacements-xml", *paths], cwd=root, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        yield "clang-format is not installed: run make setup"
        return
    said = done.stdout.split(b"<?xml")[1:]
    if done.returncode or len(said) != len(paths):
        yield "clang-format: " + done.stderr.decode("utf-8", "replace").strip()
        return
    for path, xml in zip(paths, said):
        with open(os.path.join(root, path), "rb") as f:
            yield from judged(path, f.read(), xml)


def shell_faults(root, paths):
    """Complaints of shellcheck about these scripts."""
    if not paths:
        return
    try:
        done = subprocess.run(["shellcheck", "--format=gcc", *paths], cwd=root, check=False,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        yield "shellcheck is not installed: run make setup"
        return
    yield from done.stdout.splitlines()
