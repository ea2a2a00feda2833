#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures heaps on this machine and prints a table: Cairn's, compiled from the
kernel's sources with the kernel's flags, beside what is installed."""

import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACES = "plfrR"
MEMORY_TRACES = "lrR"
OWN = {"p": 1.5, "l": 1.5, "f": 1.5, "r": 1.5, "R": 2}	# of the heap that does nothing
COUNT_OPS = 100000
TIME_OPS = 100000
MEMORY_OPS = 200000
TIMES = 5
LIBRARIES = (
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
)
LIBRARY_DIRS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/local/lib")
KERNEL_FLAGS = ("-std=gnu11 -O2 -g -m64 -ffreestanding -fno-pic -mno-red-zone"
                " -mgeneral-regs-only -fno-strict-aliasing -fno-common -fno-stack-protector"
                " -fno-omit-frame-pointer -fno-asynchronous-unwind-tables"
                " -fcf-protection=none").split()


def build(tree, out, fragments, cc):
    """The driver with the heap of `tree`; its path."""
    def run(*argv):
        subprocess.run(argv, check=True, cwd=tree, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "f.config"), "w", encoding="utf-8") as f:
        f.write("\n".join(fragments) + "\n")
    kconfig = ("python3", "scripts/kconfig.py", "--output", out)
    run(*kconfig, "apply", "defconfig", *([os.path.join(out, "f.config")] if fragments else []))
    run(*kconfig, "sync")
    includes = ["-include", out + "/include/generated/autoconf.h", "-I" + tree, "-I" + ROOT]
    own = {"heap_trace.c", "heap_host_calls.c", "heap_host_bench.c", "heap_bench.c"}
    core = [p for p in glob.glob(tree + "/mm/heap*.c") + glob.glob(tree + "/mm/page*.c")
            if not p.endswith("_test.c") and os.path.basename(p) not in own]
    ours = [os.path.join(ROOT, "mm", n) for n in ("heap_trace.c", "heap_host_calls.c")]
    objects = []
    for source in core + ours:
        objects.append(os.path.join(out, os.path.basename(source)[:-2] + ".o"))
        run(cc, *KERNEL_FLAGS, *includes, "-c", "-o", objects[-1], source)
    program = os.path.join(out, "heapbench")
    run(cc, "-std=gnu11", "-O2", "-g", "-fno-pic", "-no-pie", *includes, "-o", program,
        os.path.join(ROOT, "mm/heap_host_bench.c"), *objects)
    return program


class Heap:
    def __init__(self, label, program, name, library=""):
        self.label, self.program, self.name, self.library = label, program, name, library

    def run(self, measure, trace, seed, n, before=()):
        env = dict(os.environ)
        if self.library:
            env["LD_PRELOAD"] = self.library
        done = subprocess.run([*before, self.program, measure, self.name, trace, str(seed), str(n)],
                              check=False, env=env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode:
            raise RuntimeError("%s %s %s: %s" % (self.label, measure, trace, done.stderr))
        return done.stdout + done.stderr

    def instructions(self, trace, seed, n):
        text = self.run("count", trace, seed, n, before=(
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"))
        return int(re.search(r"Collected : (\d+)", text).group(1))


def installed():
    for label, name, package in LIBRARIES:
        path = next((p for p in (os.path.join(d, name) for d in LIBRARY_DIRS)
                     if os.path.exists(p)), None)
        if path:
            yield label, path
        else:
            print("SKIP %s: not installed (apt install %s)" % (label, package))


def count(heaps, none, seed):
    """{(label, trace): instructions a call}"""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = {(h, t, n): pool.submit(h.instructions, t, seed, n)
                for h in heaps + [none] for t in TRACES for n in (COUNT_OPS, 2 * COUNT_OPS)}
        total = {key: job.result() for key, job in jobs.items()}
    def difference(h, t):
        return total[h, t, 2 * COUNT_OPS] - total[h, t, COUNT_OPS]
    return {(h.label, t): (difference(h, t) - difference(none, t)) / COUNT_OPS + OWN[t]
            for h in heaps for t in TRACES}


def time(heaps, none, seed):
    best = {}
    for _ in range(TIMES):
        for t in TRACES:
            for h in heaps + [none]:
                ns = float(h.run("time", t, seed, TIME_OPS))
                best[h, t] = min(ns, best.get((h, t), ns))
    return {(h.label, t): best[h, t] - best[none, t] for h in heaps for t in TRACES}


def memory(heaps, seed):
    result = {}
    for h in heaps:
        for t in MEMORY_TRACES:
            held, live = map(int, h.run("memory", t, seed, MEMORY_OPS).split())
            result[h.label, t] = held / live
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heap-dir", default=ROOT)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", action="append", default=[], help="CONFIG_X=y")
    parser.add_argument("--only-cairn", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        program = build(os.path.abspath(args.heap_dir), out, args.config, args.cc)
        heaps = [Heap("cairn", program, "cairn")]
        if not args.only_cairn:
            heaps += [Heap(label, program, "system", path) for label, path in installed()]
            heaps.append(Heap("glibc", program, "system"))
        none = Heap("none", program, "none")
        instructions = count(heaps, none, args.seed)
        ns = time(heaps, none, args.seed)
        footprint = memory(heaps, args.seed)
    print("%-10s|%s |%s | %s" % ("seed %d" % args.seed, "".join("%7s" % t for t in TRACES),
                                "".join("%7s" % t for t in TRACES), "memory l / r / R"))
    for h in heaps:
        print("%-10s|%s |%s | %s" % (
            h.label, "".join("%7.1f" % instructions[h.label, t] for t in TRACES),
            "".join("%7.1f" % ns[h.label, t] for t in TRACES),
            " / ".join("%.3f" % footprint[h.label, t] for t in MEMORY_TRACES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
