# SPDX-License-Identifier: MIT
"""Judges a guest's test run by its console and its exit code together.

A run is believed only if QEMU left with the code for success AND the console
holds one complete KTAP report: one plan before the results, each number once,
no failure, totals that agree, no panic, only skips that are allowed, and the
very tests that the image contains."""

import fnmatch
import re
from collections import Counter, namedtuple

EXIT_PASS = 33      # isa-debug-exit: 2 * 0x10 + 1
EXIT_FAIL = 35      # 2 * 0x11 + 1
ON_DEMAND = "selftest_"     # KTEST_ON_DEMAND of kernel/ktest.h

ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_c])")
RESULT = re.compile(r"(not )?ok (\d+)(?: -)? (\S+)(?:\s+# SKIP\b\s*(.*))?\s*$")
PLAN = re.compile(r"1\.\.(\d+)\s*$")
TOTALS = re.compile(r"# Totals: pass:(\d+) fail:(\d+) skip:(\d+)\s*$")

Result = namedtuple("Result", "ok number name skip")
Report = namedtuple("Report", "versions plans results totals problems")


def clean(console):
    """The console's text without escape sequences and carriage returns."""
    if isinstance(console, bytes):
        console = console.decode("utf-8", "replace")
    return ESCAPE.sub("", console).replace("\r", "")


def parse(text):
    """Splits cleaned text into the parts of a report, noting bad order."""
    report = Report([], [], [], [], [])
    for line in text.split("\n"):
        plan, result, totals = PLAN.match(line), RESULT.match(line), TOTALS.match(line)
        if line.rstrip() == "KTAP version 1":
            report.versions.append(line)
        elif plan:
            if report.results:
                report.problems.append("the plan comes after a result")
            report.plans.append(int(plan[1]))
        elif result:
            if report.totals:
                report.problems.append("a result after the totals: " + line)
            report.results.append(
                Result(not result[1], int(result[2]), result[3], result[4]))
        elif totals:
            report.totals.append(tuple(int(n) for n in totals.groups()))
        elif re.match(r"(not )?ok\b", line):
            report.problems.append("a result that cannot be read: " + line)
    return report


def check_shape(report):
    """One version line, one plan, each number once, one line of totals."""
    problems = list(report.problems)
    for what, found in (("version lines", report.versions),
                        ("plans", report.plans), ("lines of totals", report.totals)):
        if len(found) != 1:
            problems.append("%d %s, not one" % (len(found), what))
    if len(report.plans) == 1:
        plan = report.plans[0]
        if plan == 0:
            problems.append("the plan has no tests")
        seen = Counter(r.number for r in report.results)
        missing = [n for n in range(1, plan + 1) if not seen[n]]
        strange = sorted(n for n in seen if not 1 <= n <= plan)
        twice = sorted(n for n in seen if seen[n] > 1)
        for what, numbers in (("never reported", missing), ("not in the plan", strange),
                              ("reported twice", twice)):
            if numbers:
                problems.append("%s: %s" % (what, brief(numbers)))
    return problems


def brief(items):
    """The first few of a list, for a message."""
    more = ", and %d more" % (len(items) - 5) if len(items) > 5 else ""
    return ", ".join(str(i) for i in items[:5]) + more


def check_results(report, skips_allowed):
    problems = []
    for result in report.results:
        if not result.ok:
            problems.append("not ok %d %s" % (result.number, result.name))
        elif result.skip is not None and not any(
                fnmatch.fnmatchcase(result.skip, s) for s in skips_allowed):
            problems.append("%s skipped for a reason that is not allowed: %s"
                            % (result.name, result.skip or "(none)"))
    if len(report.totals) == 1:
        skipped = sum(r.ok and r.skip is not None for r in report.results)
        failed = sum(not r.ok for r in report.results)
        counted = (len(report.results) - skipped - failed, failed, skipped)
        if report.totals[0] != counted:
            problems.append("totals say pass, fail, skip %s, the results say %s"
                            % (report.totals[0], counted))
    return problems


def check_names(report, names):
    """The tests reported against those that the image holds."""
    want, got = Counter(names), Counter(r.name for r in report.results)
    problems = []
    if want - got:
        problems.append("in the image but not run: "
                        + brief(sorted((want - got).elements())))
    if got - want:
        problems.append("run but not in the image: "
                        + brief(sorted((got - want).elements())))
    return problems


def selected(names, cmdline):
    """Of the image's tests, those that `test` or `test=GLOB` asks for."""
    words = [w for w in cmdline.split() if w == "test" or w.startswith("test=")]
    glob = words[-1].partition("=")[2] if words else ""
    return [n for n in names if fnmatch.fnmatchcase(n, glob or "*")
            and (glob.startswith(ON_DEMAND) or not n.startswith(ON_DEMAND))]


def judge_text(console, names=None, skips_allowed=()):
    """Problems of a report on a console, none if it is believed."""
    text = clean(console)
    report = parse(text)
    problems = check_shape(report) + check_results(report, skips_allowed)
    if names is not None:
        problems += check_names(report, names)
    panic = re.search(r"^.*\bpanic: .*$", text, re.M)
    if panic:
        problems.insert(0, panic[0].strip())
    return problems


def judge(console, code, names=None, skips_allowed=()):
    """Problems of a whole run: its console, and QEMU's exit code."""
    problems = judge_text(console, names, skips_allowed)
    if code != EXIT_PASS:
        problems.append("QEMU left with %s, not %d" % (code, EXIT_PASS))
    return problems
