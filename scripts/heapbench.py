#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures heaps on this machine and prints a table: Cairn's, compiled from the
kernel's sources as for the kernel, beside the C library's and what else is installed.

The driver (mm/heap_host_bench.c) carries out a trace of requests with one
heap, in a process of its own each time. What is printed is net of the driver,
which is what the same run costs with a heap that does nothing. See
Documentation/testing.md. No figure makes this fail."""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

from boottest import make_environment

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACES = "plfrR"
MEMORY_TRACES = "lrR"
GOALS = {"p": 20, "l": 40, "f": 28, "r": 28, "R": 150}
MEMORY_GOALS = {"l": 1.08, "r": 1.08, "R": 1.25}
COUNT_OPS = 100000      # twice this minus this; whole cycles of the trace l
TIME_OPS = 100000
TIME_ROUNDS = 5
MEMORY_OPS = 200000
# Instructions a call of the heap that does nothing: a lea or mov and a ret to
# allocate and resize, a ret to free.
NONE_COST = {"p": 1.5, "l": 1.5, "f": 1.5, "r": 1.5, "R": 2}
# Name, file, Debian's package.
LIBRARIES = (
    ("tcmalloc", "libtcmalloc_minimal.so.*", "libtcmalloc-minimal4"),
    ("mimalloc", "libmimalloc.so.*", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.*", "libjemalloc2"),
)
LIBRARY_DIRECTORIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
COUNTER = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
COUNTED = re.compile(r"^==\d+== Collected : (\d+)$", re.M)
# The table's width: a name, two sorts of figures of each trace, a third of some.
NAME_WIDTH, WIDTH = 12, 7


class Broken(Exception):
    """A measurement did not come about; says why."""


# `kind` is the driver's word for it, `library` what is preloaded.
Heap = namedtuple("Heap", "name program kind library")


def levels(tree):
    """The levels of checking that are measured: those of these that exist."""
    with open(os.path.join(tree, "mm", "Kconfig"), encoding="utf-8") as file:
        options = re.findall(r"^config HEAP_CHECK_(\w+)$", file.read(), re.M)
    return [level for level in ("BASIC", "NONE") if level in options]


def build(tree, out, level, given):
    """Makes the driver with the heap of `tree`; returns its path."""
    fragment = os.path.join(out, "level.config")
    os.makedirs(out, exist_ok=True)
    make = ["make", "-C", tree, "--no-print-directory", "-s", "O=" + out] + given
    subprocess.run(["sh", os.path.join(tree, "scripts", "output.sh"), "claim", out], check=True)
    with open(fragment, "w", encoding="utf-8") as file:
        file.write("CONFIG_HEAP_CHECK_%s=y\n" % level)
    for goals in (["defconfig", fragment], ["HEAPBENCH=1", "heapbench-program"]):
        done = subprocess.run(make + goals, check=False, text=True, env=make_environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            raise Broken("make %s:\n%s" % (" ".join(goals), done.stdout))
    return os.path.join(out, "heapbench")


def library(pattern, directories=LIBRARY_DIRECTORIES):
    """The path of an installed library, or ""."""
    found = [p for d in directories for p in sorted(glob.glob(os.path.join(d, pattern)))]
    return found[0] if found else ""


def run(heap, measure, trace, seed, n, before=()):
    """What the driver printed, with what `before` said of it."""
    env = dict(os.environ)
    if heap.library:
        env["LD_PRELOAD"] = heap.library
    words = [*before, heap.program, measure, heap.kind, trace, str(seed), str(n)]
    done = subprocess.run(words, check=False, env=env, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Broken("%s: %s\n%s" % (heap.name, " ".join(words), done.stderr))
    return done.stdout + (done.stderr if before else "")


def collected(text):
    """Instructions, from what callgrind says at its end."""
    found = COUNTED.findall(text)
    if len(found) != 1:
        raise Broken("callgrind does not say what it counted:\n" + text)
    return int(found[0])


def preloads(heap):
    """Whether the calls go to the library; the loader only warns where it cannot."""
    where = run(heap, "who", "p", 1, 1).strip()
    return os.path.realpath(where) == os.path.realpath(heap.library)


def count(heaps, none, seed):
    """Instructions a call, by (name, trace). What a longer run costs above a
    shorter one has no start in it; that of the heap that does nothing is the
    driver's."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {(h, t, n): pool.submit(run, h, "count", t, seed, n, COUNTER)
                for h in heaps + [none] for t in TRACES for n in (COUNT_OPS, 2 * COUNT_OPS)}
        total = {key: collected(job.result()) for key, job in jobs.items()}
    return {(h.name, t): net_count(t, *(total[x, t, n] for x in (h, none)
                                        for n in (COUNT_OPS, 2 * COUNT_OPS)))
            for h in heaps for t in TRACES}


def net_count(trace, short, long, none_short, none_long):
    return ((long - short) - (none_long - none_short)) / COUNT_OPS + NONE_COST[trace]


def measure_time(heaps, none, seed):
    """Nanoseconds a call, by (name, trace): the best of rounds in which the heaps
    take turns, less that of the heap that does nothing."""
    best = {}
    for _ in range(TIME_ROUNDS):
        for t in TRACES:
            for h in heaps + [none]:
                ns = float(run(h, "time", t, seed, TIME_OPS))
                best[h, t] = min(ns, best.get((h, t), ns))
    return {(h.name, t): best[h, t] - best[none, t] for h in heaps for t in TRACES}


def measure_memory(heaps, seed):
    """Peak footprint / peak live bytes, by (name, trace)."""
    result = {}
    for h in heaps:
        for t in MEMORY_TRACES:
            held, live = map(int, run(h, "memory", t, seed, MEMORY_OPS).split())
            result[h.name, t] = held / live
    return result


def row(name, *cells):
    return name.ljust(NAME_WIDTH) + " |".join("".join(c.rjust(WIDTH) for c in group)
                                              for group in cells)


def shown(figures, name, traces, places):
    return ["%.*f" % (places, figures[name, t]) if (name, t) in figures else "-" for t in traces]


def table(names, instructions, ns, footprint):
    """The lines of the table. Figures by (name, trace); missing ones are dashes."""
    titles = ("instructions a call", "nanoseconds a call", "footprint/live")
    widths = [WIDTH * len(t) for t in (TRACES, TRACES, MEMORY_TRACES)]
    yield row("", *([title.center(w).rstrip().ljust(w)] for title, w in zip(titles, widths)))
    yield row("", TRACES, TRACES, MEMORY_TRACES)
    for name in names:
        yield row(name, shown(instructions, name, TRACES, 1), shown(ns, name, TRACES, 1),
                  shown(footprint, name, MEMORY_TRACES, 3))
    yield row("at most", [str(GOALS[t]) for t in TRACES],
              ["" for _ in TRACES], ["%.2f" % MEMORY_GOALS[t] for t in MEMORY_TRACES])


NOTES = f"""\
p: allocate, free; l: fill, free in reverse; f: queue; r: replace a random block; R: resize a random
block, with its copy. 10000 live blocks (p: none) of 16 to 4096 bytes. A call is one malloc, free or
realloc. The last line has the goals.
instructions: all that a call executes, its ret included, as callgrind counts them
nanoseconds: best of {TIME_ROUNDS} rounds; each new block is written to once
footprint: its peak, to the peak of live bytes. Cairn's: pages taken from the page allocator, with
the tables of both; the others': growth of the resident set, blocks written whole"""


def installed_heaps(program, say=print):
    for name, pattern, package in LIBRARIES:
        path = library(pattern)
        heap = Heap(name, program, "system", path)
        if not path:
            say("SKIP %s: not installed (apt install %s)" % (name, package))
        elif not preloads(heap):
            say("SKIP %s: %s cannot be preloaded" % (name, path))
        else:
            yield heap
    yield Heap("C library", program, "system", "")


def measure(args):
    given = ["CC=" + args.cc] if args.cc else []
    tree = os.path.abspath(args.tree)
    out = os.path.abspath(args.build)
    programs = {level: build(tree, os.path.join(out, "heapbench", level.lower()), level, given)
                for level in levels(tree)}
    first = next(iter(programs.values()))
    heaps = [Heap("cairn " + level.lower(), program, "cairn", "")
             for level, program in programs.items()]
    if not args.alone:
        heaps += installed_heaps(first)
    none = Heap("driver", first, "none", "")
    instructions = {}
    if shutil.which(COUNTER[0]):
        instructions = count(heaps, none, args.seed)
    else:
        print("SKIP instructions: valgrind is not installed (apt install valgrind)")
    ns = measure_time(heaps, none, args.seed)
    footprint = measure_memory(heaps, args.seed)
    print("heaps on this machine, seed %d" % args.seed)
    print("\n".join(table([h.name for h in heaps], instructions, ns, footprint)))
    print(NOTES)
    busy = os.getloadavg()[0]
    if busy > os.cpu_count():
        print("nanoseconds are not to be trusted: %.1f processes were at work on %d processors"
              % (busy, os.cpu_count()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tree", default=ROOT, help="whose heap; this one's by default")
    parser.add_argument("--cc", default="", help="compiler, instead of make's own default")
    parser.add_argument("--seed", type=int, default=1, help="of the traces")
    parser.add_argument("--alone", action="store_true", help="Cairn's heap alone")
    try:
        measure(parser.parse_args())
    except (Broken, OSError, subprocess.CalledProcessError) as error:
        print("heapbench: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
