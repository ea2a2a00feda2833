# SPDX-License-Identifier: MIT
"""Builds one commit twice, elsewhere and otherwise, and compares the results.

Each build is a fresh clone: one in a short path by one job, one in a long path
by three, in another time zone, locale and umask, with its objects outside the
tree and some time later. Kernel and ISO must be the same byte for byte, and
the same as those of --build, where that has built this commit."""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
RESULTS = ("cairn.elf", "cairn.iso")
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "SOURCE_DATE_EPOCH")


def run(words, **more):
    """Output of a command; exits with it if the command fails."""
    done = subprocess.run(words, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise SystemExit("repro: %s failed (%d)\n%s" % (" ".join(words), done.returncode,
                                                        done.stdout[-4000:]))
    return done.stdout


def build(scratch, path, output, jobs, goals, umask=0o022, **environment):
    """The results' paths of a build in a clone at `path`."""
    tree = os.path.join(scratch, path)
    run(["git", "clone", "-q", TREE, tree])
    out = os.path.join(tree, output)
    env = {k: v for k, v in os.environ.items() if k not in FOREIGN}
    env.update(environment)
    run(["make", "-C", tree, "-j%d" % jobs, "O=" + out, *goals, "iso"], env=env, umask=umask)
    return [os.path.join(out, name) for name in RESULTS]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def difference(a, b):
    """One line about two files that differ; None if they do not."""
    one, two = read(a), read(b)
    if one == two:
        return None
    if len(one) != len(two):
        return "%d and %d bytes" % (len(one), len(two))
    where = [i for i, (x, y) in enumerate(zip(one, two)) if x != y]
    return "%d bytes differ, the first at 0x%x" % (len(where), where[0])


def compare(ours, theirs):
    """Prints a line for each result; the number of those that differ."""
    bad = 0
    for a, b in zip(ours, theirs):
        found = difference(a, b)
        bad += bool(found)
        print("%s %s sha256 %s%s" % ("not ok" if found else "ok", os.path.basename(a),
                                     hashlib.sha256(read(a)).hexdigest(),
                                     ": %s and %s: %s" % (a, b, found) if found else ""))
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="whose configuration is built")
    parser.add_argument("goals", nargs="*", help="presets and fragments instead of that")
    args = parser.parse_args()
    if not os.path.exists(os.path.join(TREE, ".git")):
        raise SystemExit("repro: this is no git checkout")
    if run(["git", "-C", TREE, "status", "--porcelain"]):
        print("repro: the tree has changes; what is built is the commit without them")
    with tempfile.TemporaryDirectory(prefix="cairn-") as scratch:
        goals = args.goals
        config = os.path.join(args.build, ".config")
        if not goals and os.path.exists(config):
            saved = os.path.join(scratch, "saved")
            os.makedirs(saved)
            goals = [os.path.join(saved, "repro.config")]
            text = run([sys.executable, os.path.join(HERE, "kconfig.py"), "--output", args.build,
                        "origin"])
            with open(goals[0], "w", encoding="utf-8") as f:
                f.write(text)
        goals = goals or ["defconfig"]
        print("building %s twice" % " ".join(os.path.basename(g) for g in goals), flush=True)
        first = build(scratch, "a", "build", 1, goals, TZ="UTC")
        time.sleep(2)       # FAT counts in steps of that
        second = build(scratch, "another/directory-with-a-longer-name", "../objects", 3, goals,
                       umask=0o077, TZ="Asia/Tokyo", LANG="C.UTF-8")
        bad = compare(first, second)
    print("%d passed, %d failed" % (len(RESULTS) - bad, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
