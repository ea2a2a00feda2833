#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds Documentation/virtio-conformance.md against the code and the tests.

Statically, for `make check`: every section of VIRTIO 1.2 that binds a driver has as many
rows as it has requirements, and the functions, tests, fuzz targets and runs that a row
names exist. With --ran, as the last part of `make test`: each of them ran and passed, by
what the parts before left in $(O)/test. With --spec DIR: the number of requirements of
each section is counted again, in the specification's LaTeX sources."""

import argparse
import collections
import configparser
import fnmatch
import os
import re
import sys

import boottest
import crosses
import ktap

TREE = boottest.TREE
PAGE = "Documentation/virtio-conformance.md"
# How often each section says MUST to a driver, in order.
NORMATIVE = {
    "2.1.1": 3, "2.2.1": 3, "2.5.1": 3, "2.6.1.1.2": 1, "2.6.1.2.2": 1,
    "2.7.1": 1, "2.7.4.2": 1, "2.7.5.2": 2, "2.7.5.3.1": 5, "2.7.6.1": 1, "2.7.7.1": 3,
    "2.7.8.3": 1, "2.7.10.1": 5, "2.7.13.3.1": 1, "2.7.13.4.1": 1,
    "2.8.11": 1, "2.8.16": 3, "2.8.17": 6, "2.8.19": 4, "2.8.21.1.1": 1, "2.8.21.3.1": 1,
    "3.1.1": 5, "3.3.1": 2,
    "4.1.2.2": 3, "4.1.3.1": 1, "4.1.4.1": 5, "4.1.4.3.2": 7, "4.1.4.8.2": 1, "4.1.4.9.2": 3,
    "4.1.5.1.2.2": 3, "4.1.5.2.1": 2, "4.1.5.4.2": 1,
    "4.2.2.2": 19, "4.2.3.1.1": 6, "4.2.3.4.1": 2,
    "5.1.4.2": 4, "5.1.6.2.1": 15, "5.1.6.3.1": 1, "5.1.6.4.2": 4, "5.1.6.5.1.2": 2,
    "5.1.6.5.2.2": 2, "5.1.6.5.4.1": 1, "5.1.6.5.6.1": 4, "5.1.6.5.7.2": 5,
    "5.1.6.5.8.2": 1, "5.2.5.1": 1, "5.2.6.1": 12, "5.3.6.1": 2, "5.4.6.1": 2, "6.1": 6,
}
# The same of what is normative without such a heading; those of devices are not counted.
LEGACY = {
    "2.2.3": 2, "2.7.2": 3, "2.7.3": 1, "3.1.2": 1, "4.1.4.10": 2, "4.1.5.1.1.1": 4,
    "5.1.4.3": 1, "5.1.6.1": 1, "5.1.6.5.2.3": 1, "5.1.6.5.3.1": 1, "5.1.6.5.6.3": 1,
    "5.1.6.5.6.4": 1, "5.1.6.5.8.3": 1, "5.1.6.6": 4, "5.2.4.1": 1, "5.2.6.3": 3,
    "5.2.6.4": 3, "6.3": 1,
}
COLUMNS = ["section", "requirement", "met by", "shown by"]
REPLAY = "fuzz_corpora_break_nothing"   # the test that runs each fuzz target
CODE = re.compile(r"`([\w.]+\.[ch])(?::(\w+)\(\))?`")
SHOWN = re.compile(r"(?:\b(run|fuzz) )?`([\w.*-]+)`")
SECTION = re.compile(r"\\(chapter|section|subsection|subsubsection|paragraph|subparagraph)\b"
                     r"|\\(?:driver|device)normative\{\\(\w+)\}")
LEVELS = ("chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")

Row = collections.namedtuple("Row", "line section requirement met shown")


def rows_of(page):
    """The rows of the tables that have COLUMNS."""
    rows, inside = [], False
    for number, line in enumerate(page.split("\n"), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells == COLUMNS:
            inside = True
        elif inside and not set(line) <= set("|- "):
            if len(cells) == len(COLUMNS):
                rows.append(Row(number, *cells))
            else:
                rows.append(Row(number, "", line, "", ""))
    return rows


class Known:
    """What a row may name: files by their name, tests, fuzz targets, runs."""

    def __init__(self, texts, tests_cfg):
        self.files = collections.defaultdict(list)
        self.tests, self.fuzz = set(), set()
        for path, text in texts.items():
            self.files[os.path.basename(path)].append(text)
            if path.endswith(".c"):
                self.tests |= set(re.findall(r"^KTEST(?:_MAY_FAIL)?\((\w+)\)", text, re.M))
                self.fuzz |= set(re.findall(r"^FUZZ\((\w+)\)", text, re.M))
        self.runs = tests_cfg       # name -> tier


def read_tree():
    """Known of this tree."""
    texts = {}
    for top in ("arch", "kernel", "drivers", "mm"):
        for path, _, names in os.walk(os.path.join(TREE, top)):
            for name in names:
                if name.endswith((".c", ".h")):
                    whole = os.path.join(path, name)
                    texts[os.path.relpath(whole, TREE)] = boottest.read_text(whole)
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.read(os.path.join(TREE, "scripts", "tests.cfg"), encoding="utf-8")
    crosses.unfold(parser)
    return Known(texts, {name: parser[name]["tier"] for name in parser.sections()})


def count_problems(rows):
    """Sections with too few or too many rows, and rows of none."""
    want = {**NORMATIVE, **LEGACY}
    got = collections.Counter(row.section for row in rows)
    problems = ["section %s has %d rows, not %d" % (section, got[section], number)
                for section, number in want.items() if got[section] != number]
    return problems + ["line %d: no such section: %s" % (row.line, row.section or row.requirement)
                       for row in rows if row.section not in want]


def code_problems(row, known):
    """What is wrong with the pointers into the code, of which there must be one."""
    found = CODE.findall(row.met)
    if not found:
        yield "names no place in the code"
    for name, function in found:
        texts = known.files[name]
        if len(texts) != 1:
            yield "there are %d files %s" % (len(texts), name)
        elif function and not re.search(r"^[\w *]*\b%s\(" % function, texts[0], re.M):
            yield "%s has no %s()" % (name, function)


def shown_problems(row, known):
    """What is wrong with the names of tests, of which there must be one."""
    found = SHOWN.findall(row.shown)
    kinds = {"": known.tests, "run": known.runs, "fuzz": known.fuzz}
    if not found:
        yield "names no test"
    for kind, name in found:
        if not fnmatch.filter(kinds[kind], name):
            yield "there is no %s %s" % (kind or "test", name)


def static_problems(rows, known):
    problems = count_problems(rows)
    for row in rows:
        for problem in [*code_problems(row, known), *shown_problems(row, known)]:
            problems.append("line %d, section %s: %s" % (row.line, row.section, problem))
    return problems


class Ran:
    """What a run of all tests left: results of tests, and the runs that passed."""

    def __init__(self, hosttest, boottest_output, log_of):
        self.passed, self.skipped = set(), {}
        self.runs = set(re.findall(r"^ok \d+ (\S+) # ", boottest_output, re.M))
        self.read(hosttest)
        for run in self.runs:
            self.read(log_of(run))

    def read(self, console):
        for result in ktap.parse(ktap.clean(console)).results:
            if result.ok and result.skip is None:
                self.passed.add(result.name)
            elif result.ok:
                self.skipped[result.name] = result.skip

    def problem(self, kind, name):
        """Why this does not show anything, or None."""
        if kind == "run":
            return None if fnmatch.filter(self.runs, name) else "the run %s did not pass" % name
        test = REPLAY if kind == "fuzz" else name
        if test not in self.passed and test in self.skipped:
            return "%s was skipped everywhere: %s" % (test, self.skipped[test])
        return None if test in self.passed else "%s did not run and pass" % test


def ran_problems(rows, known, ran, tier):
    """Names that did not run; runs of the long tier are not asked of the short one."""
    problems = []
    asked = [name for name, of in known.runs.items() if tier == "all" or of != "all"]
    for row in rows:
        wanted = [(kind, name) for kind, name in SHOWN.findall(row.shown)
                  if kind != "run" or fnmatch.filter(asked, name)]
        found = [ran.problem(kind, name) for kind, name in wanted]
        if not wanted:
            found = ["nothing of the tier %s shows it" % tier]
        problems += ["line %d, section %s: %s" % (row.line, row.section, problem)
                     for problem in found if problem]
    return problems


def read_ran(build):
    root = os.path.join(build, "test")

    def kept(*name):
        try:
            return boottest.read_text(os.path.join(root, *name))
        except OSError:
            return ""
    return Ran(kept("parts", "hosttest.txt"), kept("parts", "boottest.txt"),
               lambda run: kept("logs", run + ".log"))


def read_latex(directory, name):
    """A file with what it \\input{}s."""
    text = boottest.read_text(os.path.join(directory, name))
    return re.sub(r"\\input\{([\w./-]+?)(?:\.tex)?\}",
                  lambda match: read_latex(directory, match[1] + ".tex"), text)


def count_spec(text):
    """Section -> number of MUSTs to a driver, of those that have such a heading."""
    numbers = [0] * len(LEVELS)
    found = list(SECTION.finditer(text))
    counts = {}
    for match, after in zip(found, found[1:] + [None]):
        level = LEVELS.index(match[1] or match[2])
        numbers[level] += 1
        numbers[level + 1:] = [0] * (len(LEVELS) - level - 1)
        body = text[match.start():after.start() if after else None]
        if match[0].startswith("\\driver"):
            musts = re.sub(r"(?<!\\)%.*", "", body).count("MUST")
            counts[".".join(map(str, numbers[:level + 1]))] = musts
    return counts


def spec_problems(directory):
    counts = count_spec(read_latex(directory, "introduction.tex") +
                        read_latex(directory, "content.tex"))
    bound = re.compile(r"(2|3|4\.[12]|5\.[124]|6)\.")
    counts = {s: n for s, n in counts.items() if n and bound.match(s)}
    return ["section %s: %s here, %s there" % (s, NORMATIVE.get(s), counts.get(s))
            for s in {**NORMATIVE, **counts} if NORMATIVE.get(s) != counts.get(s)]


def report(what, problems):
    print("%s conformance: %s" % ("not ok" if problems else "ok", what))
    for problem in problems:
        print("# %s: %s" % (PAGE, problem))
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ran", metavar="BUILD", help="look at what was tested there")
    parser.add_argument("--tier", choices=("ci", "all"), default="ci")
    parser.add_argument("--spec", metavar="DIR", help="LaTeX sources of VIRTIO 1.2")
    args = parser.parse_args()
    rows = rows_of(boottest.read_text(os.path.join(TREE, PAGE)))
    known = read_tree()
    if args.spec:
        return report("the requirements of the specification are counted",
                      spec_problems(args.spec))
    if args.ran:
        return report("what shows the %d requirements ran and passed" % len(rows),
                      ran_problems(rows, known, read_ran(args.ran), args.tier))
    return report("%d requirements, met by and shown by what exists" % len(rows),
                  static_problems(rows, known))


if __name__ == "__main__":
    sys.exit(main())
