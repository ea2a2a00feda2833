# SPDX-License-Identifier: MIT
"""How long `make` takes: defconfig from clean by two jobs, and with nothing to do.

Figures, not tests: what else this machine does counts too, so the processor's
time stands beside the clock's. With nothing to do the median of several counts."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IDLE_ROUNDS = 9


def make(output, *words):
    """Seconds by the clock and of the processors; exits if make fails."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O")}
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(["make", "-C", TREE, "-j2", "O=" + output, *words], check=False,
                          env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    took, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit("bench: make %s failed\n%s" % (" ".join(words), done.stdout[-2000:]))
    return took, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main():
    with tempfile.TemporaryDirectory(prefix="cairn-") as output:
        clean = make(output, "defconfig", "kernel")
        idle = [make(output, "kernel") for _ in range(IDLE_ROUNDS)]
    for name, (took, used) in (("clean", clean), ("nothing", (
            statistics.median(t for t, _ in idle), statistics.median(u for _, u in idle)))):
        print("bench build.%s.clock %d ms" % (name, took * 1000))
        print("bench build.%s.processor %d ms" % (name, used * 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
