# SPDX-License-Identifier: MIT
"""Judges a session of fail=boot: one boot for each allocation that is refused.

The kernel counts the allocations of a boot, then boots again for each of them,
and says KTAP over all of these boots. It is believed only if QEMU left with the
code for success AND the report is complete, AND every boot refused the
allocation that it should, once, came to one verdict, and panicked, if at all,
for want of memory. The word for it on the command line begins with ASKED."""

import re

import ktap

ASKED = "fail=boot"

HEAD = re.compile(r"^# seed=0x[0-9a-f]+, (\d+) allocations of boot$", re.M)
REFUSED = re.compile(r"^fail: allocation (\d+) refused: (?:heap|pages) for \S+$", re.M)
PANIC = re.compile(r"^.*\bpanic: .*$", re.M)
ORDERLY = re.compile(r"^panic: no memory for \S")
NAME = re.compile(r"boot-without-(\d+)$")
TRIES_MAX = 500     # TRIES_MAX of mm/fault_boot.c


def asked(cmdline):
    return any(word.startswith(ASKED) for word in cmdline.split())


def boots(text):
    """What each boot said, up to and with its verdict; what came after the last."""
    pieces, start = [], 0
    for match in re.finditer(r"^(?:not )?ok\b.*$", text, re.M):
        pieces.append(text[start:match.end()])
        start = match.end()
    return pieces, text[start:]


def check_boot(nth, said):
    """Problems of one boot, the one without allocation `nth`."""
    refused = [int(n) for n in REFUSED.findall(said)]
    problems = []
    if refused != [nth]:
        problems.append("boot-without-%d: refused %s" % (nth, refused or "nothing"))
    panics = PANIC.findall(said)
    if len(panics) > 1 or any(not ORDERLY.match(p) for p in panics):
        problems.append("boot-without-%d: %s" % (nth, " | ".join(p.strip() for p in panics)))
    return problems


def check_numbers(total, tries):
    """Every allocation is tried, or as many as there may be of a sample."""
    if len(tries) != min(total, TRIES_MAX):
        return ["%d boots for %d allocations" % (len(tries), total)]
    if any(a >= b for a, b in zip([0] + tries, tries + [total + 1])):
        return ["the numbers of the allocations do not rise from 1 to %d" % total]
    return []


def judge(console, code):
    """Problems of a whole session: its console, and QEMU's exit code."""
    text = ktap.clean(console)
    report = ktap.parse(text)
    heads = HEAD.findall(text)
    problems = [] if code == ktap.EXIT_PASS else [
        "QEMU left with %s, not %d" % (code, ktap.EXIT_PASS)]
    if len(heads) != 1:
        return problems + ["%d boots that count, not one%s" % (
            len(heads), ": the memory does not outlive a reset here" if heads[1:] else "")]
    problems += ktap.check_shape(report) + ktap.check_results(report, ())
    numbers = [NAME.match(r.name) for r in report.results]
    if not all(numbers):
        return problems + ["results that are no boots: " + ktap.brief(
            [r.name for r, n in zip(report.results, numbers) if not n])]
    tries = [int(n[1]) for n in numbers]
    said, rest = boots(text[HEAD.search(text).end():])
    problems += check_numbers(int(heads[0]), tries)
    for nth, words in zip(tries, said):
        problems += check_boot(nth, words)
    unfinished = REFUSED.findall(rest)
    if unfinished:
        problems.append("no verdict on boot-without-" + unfinished[-1])
    return problems
