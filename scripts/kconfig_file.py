# SPDX-License-Identifier: MIT
"""Files of assignments: presets, fragments, .config; reading, writing, naming."""

import hashlib
import os
import re
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ASSIGNED = re.compile(r"CONFIG_(\w+)=(.*)")
# Of a configuration that was taken from an image.
ORIGIN = re.compile(r"^# origin: (\S+(?: \S+)*)$", re.M)
EDITED = "edited"	# by hand or an editor, after what was applied
NOT_SET = re.compile(r"# CONFIG_(\w+) is not set")
VALUE = re.compile(r'[yn]|m|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*"')

Value = namedtuple("Value", "text where")	# text: "n" where not set


class Refused(Exception):
    """Carries a list of lines to print."""


def shown(path):
    relative = os.path.relpath(path)
    return path if relative.startswith("../..") else relative


def read_values(path):
    """The assignments of a file in order, as (name, Value). Raises Refused."""
    values, errors = [], []
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
    except OSError as e:
        raise Refused([f"{shown(path)}: {e.strerror}"]) from e
    for number, line in enumerate(lines, 1):
        line = line.strip()
        where = f"{shown(path)}:{number}"
        assigned, not_set = ASSIGNED.fullmatch(line), NOT_SET.fullmatch(line)
        if not_set:
            values.append((not_set.group(1), Value("n", where)))
        elif assigned and VALUE.fullmatch(assigned.group(2).strip()):
            values.append((assigned.group(1), Value(assigned.group(2).strip(), where)))
        elif line and not line.startswith("#"):
            errors += [f"{where}: malformed line: {line}",
                       "\twanted is CONFIG_NAME=VALUE (y, n, 10, 0x10, \"text\"), or "
                       "# CONFIG_NAME is not set, or # a comment"]
    if errors:
        raise Refused(errors)
    return values


def refuse_two_members(values, options):
    """A file that sets two members of one choice says nothing; of two files the later wins."""
    chosen = {}
    for name, value in values:
        option = options.get(name)
        if option and option.choice and value.text == "y":
            first, where = chosen.setdefault(option.choice, (name, value.where))
            if first != name:
                raise Refused([f"{value.where}: CONFIG_{name}=y: {where} has CONFIG_{first}=y, "
                               "of the same choice: take one of them"])


def said_origin(path):
    """What a configuration out of an image was made from; None for other files."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            said = ORIGIN.search(f.read())
    except OSError:
        return None	# read_values() will say so
    return said.group(1).split(" ") if said else None


def origin_of(path):
    """
    What a configuration made from this file is said to be made from: ours by
    their names, foreign ones by name and content, those out of an image by
    what that image was made from.
    """
    said = said_origin(path)
    if said:
        return said
    with open(path, "rb") as f:
        content = f.read()
    name = re.sub(r"\s", "_", os.path.basename(path))
    if os.path.dirname(os.path.realpath(path)) == os.path.join(os.path.realpath(ROOT), "configs"):
        return [name]
    return [f"{name}@sha256:{hashlib.sha256(content).hexdigest()[:16]}"]


def line_of(name, text):
    return f"# CONFIG_{name} is not set" if text == "n" else f"CONFIG_{name}={text}"


def same(a, b):
    if a.lower().startswith("0x") and b.lower().startswith("0x"):
        return int(a, 16) == int(b, 16)
    return a == b


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)
