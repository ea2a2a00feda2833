# SPDX-License-Identifier: MIT
"""Draws where the time of a boot goes, as an SVG (`make bootchart`).

What is drawn is the kernel's own account of its phases, from the JSON report:
of a guest that is booted for it under -icount, so that a tick is a guest
instruction and two charts of one image are the same, or of any console that
was recorded (CONSOLE=FILE), also of real hardware; then a tick is one of the
time-stamp counter, and where its frequency is known the chart has
milliseconds."""

import argparse
import os
import sys
from xml.sax.saxutils import escape

import guest
import qemu
import report

TIMEOUT = 300       # seconds, a hang guard
WIDTH, LABELS, FIGURES, ROW, TOP = 900, 150, 190, 24, 64
WORKS, WAITS = "#3b6ea5", "#d9a441"


class ChartError(Exception):
    """There is nothing to draw."""


def unit_of(found):
    """Divisor, unit and how a figure is written, for a report of a real clock."""
    source = found["clocks"]["source"]
    if source["name"] == "TSC" and source["hz"]:
        return source["hz"] / 1000, "ms", "%.3f"
    return 1, "ticks", "%d"


def chart(found, instructions):
    """The SVG of a report; `instructions`: its ticks are those."""
    phases = [(p["name"], p["ticks"], min(p["waited"], p["ticks"])) for p in found["phases"]]
    total = sum(ticks for _, ticks, _ in phases)
    if not total:
        raise ChartError("the report has no phase that took any time")
    divisor, unit, form = (1, "instructions", "%d") if instructions else unit_of(found)
    scale = (WIDTH - LABELS - FIGURES) / total
    height = TOP + ROW * len(phases) + 40
    kernel = found["kernel"]
    title = "Cairn %s, %s, by %s: %s %s, %s of them waiting" % (
        kernel["version"], kernel["configuration"], found["boot"]["protocol"],
        form % (total / divisor), unit, form % (sum(w for _, _, w in phases) / divisor))
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'font-family="sans-serif" font-size="13">' % (WIDTH, height),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="12" y="24" font-size="15">%s</text>' % escape(title),
        legend(12, 38, WORKS, "works"), legend(92, 38, WAITS, "waits for a device"),
    ]
    at = 0
    for i, (name, ticks, waited) in enumerate(phases):
        parts += row(TOP + ROW * i, LABELS + at * scale, name, (ticks - waited) * scale,
                     waited * scale, form % (ticks / divisor) + percent(ticks, total))
        at += ticks
    return "\n".join(parts) + "\n</svg>\n"


def percent(part, total):
    return " (%.1f %%)" % (100 * part / total)


def legend(x, y, colour, text):
    return ('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>'
            '<text x="%d" y="%d">%s</text>' % (x, y, colour, x + 18, y + 11, text))


def row(top, left, name, works, waits, figure):
    """A phase: its name, a bar of work and of waiting, its figure."""
    bar = '<rect x="%.2f" y="%d" width="%.2f" height="14" fill="%s"/>'
    return [
        '<text x="%d" y="%d" text-anchor="end">%s</text>' % (LABELS - 10, top + 12, escape(name)),
        bar % (left, top, max(works, 0.5), WORKS),
        bar % (left + works, top, waits, WAITS),
        '<text x="%.2f" y="%d">%s</text>' % (left + max(works + waits, 0.5) + 8, top + 12,
                                             escape(figure)),
    ]


def boot(args):
    """The console of a guest that prints its report."""
    config = qemu.read_config(os.path.join(args.build, ".config"))
    claimed = qemu.claimed_machines(config) or ["q35"]
    wanted = qemu.Guest(
        machine=args.machine or ("microvm" if "microvm" in claimed else claimed[0]),
        boot=args.boot or "direct", firmware=args.firmware or "bios",
        elf=os.path.join(args.build, "cairn.elf"), iso=os.path.join(args.build, "cairn.iso"),
        devices=["rng", "blk", "net"], cmdline="report=json",
        debug_port=qemu.debug_port(config), extra=["-icount", "shift=0,sleep=off"])
    qemu.check(wanted)
    session = guest.Session(qemu.command(wanted))
    try:
        session.wait("^" + report.END, TIMEOUT)
        return session.text()
    finally:
        session.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    for name in ("machine", "firmware", "boot", "console"):
        parser.add_argument("--" + name, default="")
    args = parser.parse_args()
    path = os.path.join(args.build, "bootchart.svg")
    try:
        if args.console:
            with open(args.console, encoding="utf-8", errors="replace") as file:
                console = file.read().replace("\r\n", "\n")
        else:
            console = boot(args)
        found = report.extract("\n" + console)
        problems = report.problems(found)
        if problems:
            raise ChartError("the report: " + problems[0])
        picture = chart(found, instructions=not args.console)
    except (ChartError, report.ReportError, guest.GuestError, qemu.Impossible, OSError) as error:
        print("bootchart: %s" % error, file=sys.stderr)
        return 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(picture)
    print("%s: %d phases" % (path, len(found["phases"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
