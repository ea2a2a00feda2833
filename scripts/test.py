# SPDX-License-Identifier: MIT
"""Every test of a tier, one part after the other; closes with the count.

Parts: the scripts' own tests, `make check`, `make hosttest`, the framework's
own failures, the runs in QEMU, the shell typed at, those with maps of real machines, devices held
against their twins, a few configurations drawn at random, in the tier `all` the
lines that tests reach, a build that is reproduced, fuzzing and the planted
faults, and whether what shows that virtio's demands are met ran. A part that
breaks without saying what failed counts as one failure. What the tests printed
stays in $(O)/test/parts."""

import argparse
import os
import re
import subprocess
import sys
import time
import unittest

from boottest import TREE, make_environment

COUNT = re.compile(r"^(\d+) passed, (\d+) failed\b", re.M)
TOTALS = re.compile(r"^# Totals: pass:(\d+) fail:(\d+) skip:\d+", re.M)
KEPT = ("CC", "HOSTCC", "V")    # variables of make that are handed on
LEFT = ("hosttest", "boottest")     # parts whose output conformance.py looks at


def count_of(output, code):
    """Passed and failed of a part, from what it printed and its exit code.

    A good count with a bad exit code is one failure; a part that counts nothing
    is one test."""
    found = COUNT.findall(output) or TOTALS.findall(output)
    passed, failed = (int(n) for n in found[-1]) if found else (0, 0)
    if not found and code == 0:
        return (1, 0)
    if code != 0 and failed == 0:
        return (passed, 1)
    return (passed, failed)


def run(words):
    """Runs a part with its output shown; returns (output, code)."""
    print("\n$ " + " ".join(words), flush=True)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, env=make_environment())
    output = []
    for line in process.stdout:
        text = line.decode("utf-8", "replace")
        output.append(text)
        print(text, end="", flush=True)
    return "".join(output), process.wait()


def leave(build, name, output):
    """Keeps what a part printed, below what its programs claimed."""
    if name in LEFT and os.path.isdir(build):
        folder = os.path.join(build, "test", "parts")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name + ".txt"), "w", encoding="utf-8") as file:
            file.write(output)


def script_tests(tier):
    """The scripts' unit tests, each counted."""
    os.environ["RANDOM_CONFIGURATIONS"] = "20" if tier == "all" else "3"
    print("$ unit tests of scripts/", flush=True)
    suite = unittest.defaultTestLoader.discover(os.path.join(TREE, "scripts"), "*_test.py")
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    return (result.testsRun - failed, failed) if result.testsRun else (0, 1)


def parts(build, tier):
    """Name and command of each part that is a program."""
    make = ["make", "-C", TREE, "--no-print-directory", "-j2", "O=" + build]
    given = os.environ.get("MAKEFLAGS", "").partition("-- ")[2].split()
    make += [word for word in given if word.partition("=")[0] in KEPT]
    here = os.path.join(TREE, "scripts")
    yield "check", make + ["check"]
    yield "hosttest", make + ["hosttest"]
    yield "selftest", [sys.executable, os.path.join(here, "testself.py"),
                       os.path.join(build, "host", "hosttest")]
    yield "boottest", [sys.executable, os.path.join(here, "boottest.py"),
                       "--build", build, "--tier", tier]
    yield "shell", [sys.executable, os.path.join(here, "shelltest.py"), "--build", build]
    yield "memmaps", [sys.executable, os.path.join(here, "maptest.py"),
                      "--build", build, "--tier", tier]
    yield "twins", [sys.executable, os.path.join(here, "twins.py"), "--build", build,
                     "--tier", tier]
    yield "random", make + ["randtest", "N=%d" % (20 if tier == "all" else 2)]
    if tier == "all":
        yield "repro", make + ["repro"]
        yield "coverage", make + ["coverage"]
        yield "fuzz", make + ["fuzz", "TIME=60"]
        yield "mutants", [sys.executable, os.path.join(here, "mutants.py"), "--build", build]
    yield "conformance", [sys.executable, os.path.join(here, "conformance.py"),
                          "--ran", build, "--tier", tier]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tier", choices=("ci", "all"), default="ci")
    args = parser.parse_args()
    started = time.monotonic()
    counts = {"scripts": script_tests(args.tier)}
    build = os.path.abspath(args.build)
    for name, words in parts(build, args.tier):
        output, code = run(words)
        leave(build, name, output)
        counts[name] = count_of(output, code)
    print()
    for name, (passed, failed) in counts.items():
        print("# %-10s %d passed, %d failed" % (name, passed, failed))
    print("# %.0f s" % (time.monotonic() - started))
    failed = sum(f for _, f in counts.values())
    print("%d passed, %d failed" % (sum(p for p, _ in counts.values()), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
