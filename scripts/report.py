# SPDX-License-Identifier: MIT
"""The kernel's report as JSON: found on a console, held to its schema.

SCHEMA is Documentation/machine.md's table, member for member (report_test.py
compares the two). problems() names whatever in a report is not as it says."""

import json
import re

BEGIN = "-----BEGIN CAIRN REPORT-----"
END = "-----END CAIRN REPORT-----"
VERSION = 1
PARTS = ("pci", "virtio", "block", "net")   # missing where they are not built


class ReportError(Exception):
    """There is no report, or it is not JSON."""


class Text:
    """A string, one of `choices` where there are any."""

    def __init__(self, *choices):
        self.choices = choices

    def problem(self, value):
        if not isinstance(value, str):
            return "is %r, not a string" % (value,)
        if self.choices and value not in self.choices:
            return "is %r, not one of %s" % (value, ", ".join(self.choices))
        return None


class Pattern(Text):
    """A string that matches as a whole."""

    def __init__(self, pattern):
        super().__init__()
        self.pattern = pattern

    def problem(self, value):
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            return None
        return "is %r, not like /%s/" % (value, self.pattern)


class Number:
    def problem(self, value):
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return None if good else "is %r, not a number" % (value,)


class Bool:
    def problem(self, value):
        return None if isinstance(value, bool) else "is %r, not true or false" % (value,)


class Maybe:
    """The value, or null."""

    def __init__(self, value):
        self.value = value


HEX = Pattern(r"0x(0|[1-9a-f][0-9a-f]{0,15})")
FUNCTION = Pattern(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
WHERE = Pattern(HEX.pattern + "|" + FUNCTION.pattern)
MAC = Pattern(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
NAME, COUNT, YES = Text(), Number(), Bool()
PROOF = Text("seen", "not seen", "unproved")

SCHEMA = {
    "schema": COUNT,
    "kernel": {"version": NAME, "configuration": NAME, "made_from": NAME, "compiler": NAME,
               "commit": NAME, "build_id": NAME},
    "boot": {"protocol": NAME, "loader": NAME, "image": HEX, "command_line": NAME},
    "memory": {
        "entries": COUNT, "usable": COUNT,
        "regions": [{"start": HEX, "end": HEX, "kind": NAME, "name": NAME}],
    },
    "acpi": {
        "rsdp": {"address": Maybe(HEX), "from": Maybe(Text("boot loader", "BIOS area"))},
        "tables": [{"signature": NAME, "address": HEX, "length": COUNT, "problem": Maybe(NAME)}],
        "tables_lost": COUNT,
        "aml_problem": Maybe(NAME), "hpet": Maybe(HEX),
        "virtio": [{"path": NAME, "address": HEX, "size": COUNT, "gsi": COUNT, "level": YES,
                    "active_low": YES}],
        "bridges": [{
            "path": NAME, "segment": COUNT, "bus": COUNT, "crs_problem": Maybe(NAME),
            "prt_problem": Maybe(NAME),
            "windows": [{"start": HEX, "end": HEX, "io": YES, "prefetchable": YES}],
        }],
    },
    "interrupts": {
        "from": Maybe(Text("MADT", "MP table")),
        "local": Maybe({"name": NAME, "address": Maybe(HEX)}),
        "pic": YES,
        "lines": [{"name": NAME, "address": HEX, "gsi_base": COUNT, "count": COUNT}],
        "sources": [{
            "name": NAME, "kind": Text("line", "message", "local"), "controller": Maybe(NAME),
            "gsi": Maybe(COUNT), "pin": Maybe(COUNT), "vector": COUNT,
            "trigger": Maybe(Text("edge", "level")), "polarity": Maybe(Text("high", "low")),
            "count": COUNT, "proof": PROOF, "storming": YES,
        }],
        "unexpected": COUNT, "spurious": COUNT,
    },
    "clocks": {
        "known": YES,
        "source": {"name": NAME, "hz": Maybe(COUNT)},
        "event": Maybe({"name": NAME, "proof": PROOF}),
        "found": [{"name": NAME, "hz": Maybe(COUNT), "from": NAME,
                   "deviation_ppm": Maybe(COUNT), "problem": Maybe(NAME)}],
    },
    "pci": {
        "access": Maybe(Text("ECAM", "ports")),
        "from": Maybe(Text("MCFG", "_CBA", "ports")),
        "ecam": Maybe(HEX),
        "buses": COUNT, "lost": COUNT,
        "windows": [{"start": HEX, "end": HEX, "kind": Text("memory", "prefetchable", "io"),
                     "from": Text("_CRS", "memory map", "configured (a guess)")}],
        "functions": [{
            "address": FUNCTION, "vendor": HEX, "device": HEX, "class": HEX, "class_name": NAME,
            "bridge": Maybe({"secondary": COUNT, "subordinate": COUNT}),
            "bars": [{
                "index": COUNT, "address": HEX, "size": HEX,
                "kind": Text("memory32", "memory64", "io", "rom"), "prefetchable": YES,
                "state": Text("kept", "assigned", "disabled"), "why": Maybe(NAME),
                "decodes": YES,
            }],
        }],
    },
    "virtio": [{
        "type": Maybe(NAME), "id": COUNT, "transport": Text("mmio", "pci"), "where": WHERE,
        "version": COUNT,
        "found_through": Text("ACPI", "command line", "configured window", "PCI"),
        "driver": Maybe(NAME), "undriven": Maybe(NAME), "fault": Maybe(NAME), "features": HEX,
        "interrupts": Maybe({
            "kind": Text("MSI-X", "MSI", "line", "polled"), "vectors": COUNT, "proof": PROOF,
            "why": Maybe(NAME), "count": COUNT, "config_changes": COUNT,
        }),
    }],
    "block": [{
        "driver": NAME, "where": WHERE, "serial": Maybe(NAME), "sectors": HEX,
        "block_size": COUNT, "physical_size": COUNT, "segments": COUNT, "segment_size": COUNT,
        "discard_max": HEX, "zeroes_max": HEX, "queues": COUNT, "read_only": YES,
        "write_cache": YES, "stopped": YES,
        "requests": {"read": COUNT, "write": COUNT, "flush": COUNT, "discard": COUNT,
                     "zeroes": COUNT, "id": COUNT},
        "bytes_read": COUNT, "bytes_written": COUNT, "errors": COUNT, "device_requests": COUNT,
        "doorbells": COUNT, "resets": COUNT, "changes": COUNT,
    }],
    "net": [{
        "driver": NAME, "where": WHERE, "mac": MAC, "mtu": COUNT, "link": YES,
        "speed": Maybe(COUNT), "duplex": Maybe(Text("full", "half")), "queue_pairs": COUNT,
        "queue_pairs_max": COUNT, "promiscuous": YES, "checksums": YES, "segmentation": YES,
        "sent": COUNT, "sent_bytes": COUNT, "transmit_errors": COUNT, "received": COUNT,
        "received_bytes": COUNT, "merged": COUNT, "receive_dropped": COUNT, "doorbells": COUNT,
        "resets": COUNT, "link_changes": COUNT,
    }],
    "phases": [{"name": NAME, "ticks": COUNT, "waited": COUNT}],
}


def members(schema):
    """Every name of a member in a part of SCHEMA."""
    if isinstance(schema, Maybe):
        schema = schema.value
    if isinstance(schema, list):
        return members(schema[0])
    if not isinstance(schema, dict):
        return set()
    return set(schema).union(*(members(value) for value in schema.values()))


def choices(schema):
    """Every value that a part of SCHEMA names."""
    if isinstance(schema, Maybe):
        schema = schema.value
    if isinstance(schema, list):
        return choices(schema[0])
    if isinstance(schema, dict):
        return set().union(*(choices(value) for value in schema.values()))
    return set(getattr(schema, "choices", ()))


def _object_problems(value, schema, where):
    if not isinstance(value, dict):
        return ["%s is %.40r, not an object" % (where, value)]
    found = ["%s has no member %s" % (where, name) for name in schema
             if name not in value and not (where == "report" and name in PARTS)]
    found += ["%s has a member %s, of which nothing is known" % (where, name)
              for name in value if name not in schema]
    for name in schema:
        if name in value:
            found += _value_problems(value[name], schema[name], "%s.%s" % (where, name))
    return found


def _value_problems(value, schema, where):
    if isinstance(schema, Maybe):
        return [] if value is None else _value_problems(value, schema.value, where)
    if isinstance(schema, dict):
        return _object_problems(value, schema, where)
    if isinstance(schema, list):
        if not isinstance(value, list):
            return ["%s is %.40r, not a list" % (where, value)]
        return [problem for i, element in enumerate(value)
                for problem in _value_problems(element, schema[0], "%s[%d]" % (where, i))]
    problem = schema.problem(value)
    return ["%s %s" % (where, problem)] if problem else []


def problems(report):
    """What in a report is not as the schema says, a line each."""
    found = _object_problems(report, SCHEMA, "report")
    if not found and report["schema"] != VERSION:
        found.append("report.schema is %d, not %d" % (report["schema"], VERSION))
    return found


def _once(pairs):
    """An object's members; a name that is there twice would hide one of them."""
    members_of = dict(pairs)
    if len(members_of) != len(pairs):
        raise ReportError("a member is there twice: %s" % ", ".join(n for n, _ in pairs))
    return members_of


def extract(console):
    """The last report of a console as Python's objects."""
    begin = console.rfind("\n" + BEGIN + "\n")
    end = console.find("\n" + END + "\n", begin)
    if begin < 0 or end < 0:
        raise ReportError("the console has no report between its two lines")
    text = console[begin + len(BEGIN) + 2:end]
    if not text.isascii():
        raise ReportError("the report is not ASCII")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise ReportError("the report is not JSON: %s" % error) from error


def number(value):
    """Of an address in a report."""
    return int(value, 0)
