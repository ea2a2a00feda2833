# SPDX-License-Identifier: MIT
"""Judges a console that was kept: did every test of this kernel run and pass?

For monitors without an exit port; scripts/ktap.py has the rules. Tests that were
skipped, as the machine has not what they are about, are listed."""

import argparse
import re
import sys

import elf
import ktap


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("elf")
    parser.add_argument("console", help="what the guest wrote; - is standard input")
    parser.add_argument("--cmdline", default="test", help="that the guest was given")
    parser.add_argument("--strict", action="store_true", help="a test that was skipped failed")
    args = parser.parse_args()
    try:
        names = ktap.selected(elf.test_names(elf.Elf.load(args.elf)), args.cmdline)
        if args.console == "-":
            text = sys.stdin.read()
        else:
            with open(args.console, encoding="utf-8", errors="replace") as file:
                text = file.read()
    except (OSError, elf.ElfError) as error:
        print("verdict: %s" % error, file=sys.stderr)
        return 2
    text = text.replace("\r\n", "\n")
    problems = ktap.judge_text(text, names, () if args.strict else ("*",))
    for line in re.findall(r"^ok \d+ (\S+ # SKIP.*)$", text, re.M):
        print("skipped: %s" % line)
    for problem in problems:
        print("not ok: %s" % problem)
    print("%d tests, %s" % (len(names), "failed" if problems else "passed"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
