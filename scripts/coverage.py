#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which lines of some directories the host's tests and the corpora of fuzzing reach.

Runs the test program that `make coverage` built (it replays every corpus), has
gcov read what was counted, and prints a table: lines of code, those reached,
and where the others are. A file that the program has not counts too, with none
of its lines reached. Tests, benchmarks, fuzz targets and what stands for a
device or for memory in tests (fake_*, host_*, conformance_*) are not measured.

Ends with an error where the first directory is below the limit."""

import argparse
import fnmatch
import glob
import json
import os
import subprocess
import sys
from collections import defaultdict

from boottest import make_environment

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 95.0
UNMEASURED = ("*_test.c", "*_bench.c", "*_fuzz.c", "fake_*", "host_*", "conformance_*")
OPERATIONS = "100000"   # of each random test, where OPS does not say more


class CoverageError(Exception):
    """Nothing could be measured; the text says why."""


def is_measured(path, folders):
    name = os.path.basename(path)
    return os.path.dirname(path) in folders and \
        not any(fnmatch.fnmatchcase(name, p) for p in UNMEASURED)


def merge(reports, folders):
    """{file: {line: times}} of gcov's reports; a header's lines are those of all objects."""
    counts = defaultdict(lambda: defaultdict(int))
    for report in reports:
        for file in report["files"]:
            if is_measured(file["file"], folders):
                for line in file["lines"]:
                    counts[file["file"]][line["line_number"]] += line["count"]
    return counts


def ranges(lines, code):
    """Text of line numbers, those together that have no other line of code between them."""
    found = []
    for line in sorted(code):
        if line not in lines:
            found.append(None)
        elif found and found[-1]:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in filter(None, found))


def percent(reached, total):
    return 100.0 * reached / total if total else 100.0


def table(counts, folders):
    """The text, and the share of each folder's lines that were reached."""
    text, shares = "", {}
    for folder in folders:
        sums = [0, 0]
        for path in sorted(p for p in counts if os.path.dirname(p) == folder):
            missed = {n for n, times in counts[path].items() if times == 0}
            total = len(counts[path])
            sums = [sums[0] + total - len(missed), sums[1] + total]
            text += "%-44s %5d of %5d lines  %5.1f %%%s\n" % (
                path, total - len(missed), total, percent(total - len(missed), total),
                "  not reached: " + ranges(missed, counts[path]) if missed else "")
        shares[folder] = percent(*sums)
        text += "%-44s %5d of %5d lines  %5.1f %%\n\n" % (folder + "/", *sums, shares[folder])
    return text, shares


def complain(counts, folders, sources):
    """What is wrong with the measurement itself: sources of which nothing is known."""
    return ["%s: gcov knows nothing of it" % s for s in sources
            if is_measured(s, folders) and s not in counts]


def run_tests(build):
    for path in glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True):
        os.unlink(path)
    environment = {"OPS": OPERATIONS, "SEED": "1", **make_environment()}
    with open(os.path.join(build, "hosttest.log"), "wb") as log:
        done = subprocess.run([os.path.join(build, "hosttest")], cwd=TREE, env=environment,
                              stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise CoverageError("the tests failed, see %s/hosttest.log" % build)


def read_counts(build):
    """gcov's report of every object."""
    notes = glob.glob(os.path.join(build, "**", "*.gcno"), recursive=True)
    if not notes:
        raise CoverageError("no object in %s counts lines" % build)
    done = subprocess.run(["gcov", "--json-format", "--stdout", *notes], cwd=build,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise CoverageError("gcov left with %d" % done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--limit", type=float, default=LIMIT, help="percent")
    parser.add_argument("folders", nargs="+", help="the limit holds for the first")
    args = parser.parse_args()
    sources = [os.path.relpath(p, TREE) for folder in args.folders
               for p in glob.glob(os.path.join(TREE, folder, "*.c"))]
    try:
        run_tests(args.build)
        counts = merge(read_counts(args.build), args.folders)
    except (CoverageError, OSError) as error:
        print("coverage: %s" % error)
        return 1
    text, shares = table(counts, args.folders)
    print(text, end="")
    problems = complain(counts, args.folders, sources)
    if shares[args.folders[0]] < args.limit:
        problems.append("%s/ is below %.1f %%" % (args.folders[0], args.limit))
    for problem in problems:
        print("coverage: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
