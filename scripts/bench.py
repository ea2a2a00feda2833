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


def wanted_guest(build, cmdline, mem):
    """microvm by PVH where the image claims it: the least firmware."""
    config = qemu.read_config(os.path.join(build, ".config"))
    claimed = qemu.claimed_machines(config) or ["q35"]
    return qemu.Guest(
        machine="microvm" if "microvm" in claimed else claimed[0], boot="direct",
        elf=os.path.join(build, "cairn.elf"), devices=["rng", "blk", "net"],
        cmdline=cmdline, mem=mem, debug_port=qemu.debug_port(config),
        extra=["-icount", "shift=0,sleep=off"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="", help="glob of benchmarks")
    parser.add_argument("--seed", type=int, default=1, help="of what is random in them")
    parser.add_argument("--mem", default="128M", help="of the machine")
    parser.add_argument("--debug", action="store_true",
                        help="the whole console, with what the benchmarks say for debugging")
    args = parser.parse_args()
    words = ["bench=" + (args.only or "*"), "seed=%d" % args.seed]
    if args.debug:
        words.append("loglevel=mm:debug")
    try:
        wanted = wanted_guest(args.build, " ".join(words), args.mem)
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
    print(text if args.debug else "\n".join(figures))
    failed = [line for line in figures if line.split()[1].endswith(".failed")]
    if failed:
        print("bench: could not be measured: %s" % ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
