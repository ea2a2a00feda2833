# SPDX-License-Identifier: MIT
"""What an image says of itself: the note of a kernel, also inside an ISO.

kernel/version.c writes the note. It is looked for by its bytes, so that any
file that holds the kernel whole will do: the ELF, the ISO, a disk."""

import datetime
import re
import struct

NAME = b"Cairn\0\0\0"
TYPE = 1
TEXT_MAX = 64 << 10
HEADER = struct.Struct("<III")
FIELD = re.compile(r"(\w+): (.*)")
COMMAND_LINE = re.compile(rb"# command line:(.*)\n# SPDX")    # of mkiso.py:grub_config()
ISO_DATE = (16 * 2048 + 813, 16)    # of the volume's creation (ECMA-119, 8.4.26.1)


class Unreadable(Exception):
    """The file holds no kernel, or several that differ."""


class Note:
    """fields: version, commit, compiler, configuration; text: the configuration."""

    def __init__(self, raw):
        head, _, self.text = raw.partition("\n\n")
        self.fields = dict(FIELD.fullmatch(line).groups() for line in head.split("\n"))

    def __getitem__(self, name):
        return self.fields[name]


def texts(data):
    """The distinct texts of all notes of ours in these bytes."""
    found, at = [], data.find(NAME)
    while at >= 0:
        start = at - HEADER.size
        if start >= 0:
            name_size, size, kind = HEADER.unpack_from(data, start)
            text = data[at + len(NAME):at + len(NAME) + size]
            if (name_size, kind) == (6, TYPE) and size <= TEXT_MAX and len(text) == size \
                    and text.endswith(b"\0") and text not in found:
                found.append(text)
        at = data.find(NAME, at + 1)
    return found


def read(path):
    """(Note, the file's bytes). Raises Unreadable, OSError."""
    with open(path, "rb") as f:
        data = f.read()
    found = texts(data)
    if not found:
        raise Unreadable("%s: holds no kernel of this kind, or one without a note" % path)
    if len(found) > 1:
        raise Unreadable("%s: holds %d kernels that differ" % (path, len(found)))
    try:
        return Note(found[0][:-1].decode("utf-8")), data
    except (AttributeError, UnicodeDecodeError) as error:
        raise Unreadable("%s: its note does not read: %s" % (path, error)) from error


def iso_epoch(data):
    """When the ISO's volume was made, in seconds since 1970; None if it is no ISO."""
    at, size = ISO_DATE
    digits = data[at:at + size]
    if data[16 * 2048 + 1:16 * 2048 + 6] != b"CD001" or not digits.isdigit():
        return None
    when = datetime.datetime.strptime(digits[:14].decode(), "%Y%m%d%H%M%S")
    return int(when.replace(tzinfo=datetime.timezone.utc).timestamp())


def iso_command_line(data):
    """What mkiso.py was given for all entries of the menu; None if that does not say."""
    found = COMMAND_LINE.search(data)
    return found[1].decode("utf-8").strip() if found else None
