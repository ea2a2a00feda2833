# SPDX-License-Identifier: MIT
"""Runs the image's benchmarks in QEMU and prints their figures.

Under `-icount shift=0` the time-stamp counter counts guest instructions, so
two runs of one image print the same."""

import argparse
import os
import re
import sys

import guest
import ktap
import qemu

TIMEOUT = 600       # seconds, a hang guard
FIGURE = re.compile(r"^bench \S+ \d+ \S+$")


def wanted_guest(build, only):
    """microvm by PVH where the image claims it: the least firmware."""
    config = qemu.read_config(os.path.join(build, ".config"))
    claimed = qemu.claimed_machines(config) or ["q35"]
    return qemu.Guest(
        machine="microvm" if "microvm" in claimed else claimed[0], boot="direct",
        elf=os.path.join(build, "cairn.elf"), devices=["rng", "blk", "net"],
        cmdline="bench" + ("=" + only if only else ""), debug_port=qemu.debug_port(config),
        extra=["-icount", "shift=0,sleep=off"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="", help="glob of benchmarks")
    args = parser.parse_args()
    try:
        wanted = wanted_guest(args.build, args.only)
        qemu.check(wanted)
    except (qemu.Impossible, OSError) as error:
        print("bench: %s" % error, file=sys.stderr)
        return 2
    session = guest.Session(qemu.command(wanted))
    code = session.finish(TIMEOUT)
    text = session.text()
    figures = [line for line in text.split("\n") if FIGURE.match(line)]
    if code != ktap.EXIT_PASS or not figures:
        print(text, file=sys.stderr)
        print("bench: QEMU left with %s and %d figures" % (code, len(figures)), file=sys.stderr)
        return 1
    print("\n".join(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
