#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the host's property tests with new seeds until the time is over.

The first run that fails is shown whole, with the command that repeats it.
"""

import argparse
import os
import random
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("program")
    args = parser.parse_args()
    if args.seconds < 1:
        parser.error(f"SECONDS={args.seconds}: a number from 1 on is wanted")
    until = time.monotonic() + args.seconds
    runs = 0
    while time.monotonic() < until:
        seed = str(random.getrandbits(63))
        done = subprocess.run([args.program], env={"OPS": "100000", **os.environ, "SEED": seed},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        runs += 1
        if done.returncode:
            sys.stdout.write(done.stdout)
            print(f"fuzz: run {runs} failed ({done.returncode}); again: make hosttest SEED={seed}")
            return 1
    print(f"fuzz: {runs} runs, each with a seed of its own, none failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
