#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks for bytes that break a fuzz target, and for seeds that break a test.

Each target (kernel/fuzz.h) runs under libFuzzer for so many seconds, from the
corpus beside its source on; bytes that broke it are written there as text, and
what libFuzzer found interesting stays in the build directory for the next
time. Then the host's random tests run with new seeds for as long.
"""

import argparse
import concurrent.futures
import fnmatch
import glob
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZE_MAX = 128 << 10	# FUZZ_SIZE_MAX of kernel/fuzz.h
BYTES_A_LINE = 32


def from_text(text):
    """The bytes of a text of hexadecimal digits with comments."""
    return bytes.fromhex("".join(line.partition("#")[0] for line in text.split("\n")))


def to_text(data, comment):
    lines = [data[i:i + BYTES_A_LINE].hex() for i in range(0, len(data), BYTES_A_LINE)]
    return f"# {comment}\n" + "".join(line + "\n" for line in lines)


def write_text(folder, data, comment):
    """Keeps bytes in a corpus, named by their hash; returns the file's name."""
    os.makedirs(folder, exist_ok=True)
    name = os.path.join(folder, hashlib.sha256(data).hexdigest()[:12] + ".hex")
    with open(name, "w", encoding="ascii") as f:
        f.write(to_text(data, comment))
    return name


class Target:
    """A fuzz target: its corpus as text, and as bytes in the build directory."""

    def __init__(self, program, name, source):
        self.program, self.name = program, name
        self.text = os.path.join(TREE, os.path.dirname(source), "corpus", name)
        self.work = os.path.join(os.path.dirname(program), "work", name)
        self.found = os.path.join(os.path.dirname(program), "found", name)
        for folder in (self.work, self.found):
            os.makedirs(folder, exist_ok=True)

    def run(self, *words):
        return subprocess.run([self.program, *words], env={**os.environ, "FUZZ_TARGET": self.name},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)

    def unpack(self):
        for path in glob.glob(os.path.join(self.text, "*.hex")):
            with open(path, encoding="ascii") as f:
                data = from_text(f.read())
            name = os.path.basename(path).removesuffix(".hex")
            with open(os.path.join(self.work, name), "wb") as f:
                f.write(data)

    def fuzz(self, seconds):
        """None if nothing was found, else the output of the run that found it."""
        self.unpack()
        done = self.run(f"-max_total_time={seconds}", f"-max_len={SIZE_MAX}", "-timeout=10",
                        "-rss_limit_mb=2048", "-print_final_stats=1",
                        f"-artifact_prefix={self.found}/", self.work)
        if done.returncode == 0:
            return None
        # What says nothing, as a program that was killed, is heard of too.
        output = done.stdout[-8000:] + f"\nfuzz: {self.name}: ended with {done.returncode}\n"
        for path in glob.glob(os.path.join(self.found, "*")):
            with open(path, "rb") as f:
                kept = write_text(self.text, f.read(), "broke " + self.name)
            os.unlink(path)
            output += f"\nfuzz: {self.name}: found {os.path.relpath(kept, TREE)}\n"
        return output

    def keep(self):
        """Adds to the text what of the bytes reaches code that the text does not."""
        with tempfile.TemporaryDirectory(dir=self.found) as merged:
            for path in glob.glob(os.path.join(self.text, "*.hex")):
                with open(path, encoding="ascii") as f:
                    data = from_text(f.read())
                with open(os.path.join(merged, os.path.basename(path)), "wb") as f:
                    f.write(data)
            before = set(os.listdir(merged))
            self.run("-merge=1", "-use_counters=0", merged, self.work)
            for name in set(os.listdir(merged)) - before:
                with open(os.path.join(merged, name), "rb") as f:
                    write_text(self.text, f.read(), "reaches code of " + self.name)


def list_targets(program, only):
    listed = subprocess.run([program], env={k: v for k, v in os.environ.items()
                                            if k != "FUZZ_TARGET"},
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [Target(program, name, source) for name, source in pairs
            if fnmatch.fnmatch(name, only)]


def fuzz_targets(targets, seconds):
    """How many of the targets broke."""
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for target, output in zip(targets, pool.map(lambda t: t.fuzz(seconds), targets)):
            print(f"{'not ok' if output else 'ok'} {target.name}", flush=True)
            if output:
                broken += 1
                print(output)
    return broken


def soak(program, seconds):
    """Runs the host's tests with new seeds; how many failed, at most one."""
    until = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < until:
        seed = str(random.getrandbits(63))
        done = subprocess.run([program], env={"OPS": "100000", **os.environ, "SEED": seed},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        runs += 1
        if done.returncode:
            sys.stdout.write(done.stdout)
            print(f"not ok run {runs} ({done.returncode}); again: make hosttest SEED={seed}")
            return 1
    print(f"ok {runs} runs of the random tests, each with a seed of its own")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="*", help="the targets that match; no random tests")
    parser.add_argument("--keep", action="store_true",
                        help="add what reaches new code to the corpora")
    parser.add_argument("program", help="for libFuzzer")
    parser.add_argument("hosttest")
    args = parser.parse_args()
    if args.seconds < 1:
        parser.error(f"TIME={args.seconds}: a number from 1 on is wanted")
    targets = list_targets(args.program, args.only)
    if not targets:
        parser.error(f"ONLY={args.only}: no such target")
    failed = fuzz_targets(targets, args.seconds)
    if args.keep:
        for target in targets:
            target.keep()
    count = len(targets)
    if args.only == "*":
        failed += soak(args.hosttest, args.seconds)
        count += 1
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
