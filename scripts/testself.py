# SPDX-License-Identifier: MIT
"""Tries the test framework on the host: tests that must fail, do, and say so
in words, totals and exit code. In the guest runs of tests.cfg do the same."""

import os
import re
import subprocess
import sys

from boottest import TREE, read_text

FAILS_MIN = 5       # expect, expect_eq, expect_str, require, a skip that failed


def failing_tests():
    source = read_text(os.path.join(TREE, "kernel", "ktest_test.c"))
    return re.findall(r"^KTEST\((selftest_fails_\w+)\)", source, re.M)


def cases():
    """Glob, exit code, texts that must and must not be there."""
    fails = failing_tests()
    for name in fails:
        yield name, 1, [r"^# kernel/ktest_test\.c:\d+: .+", "^1..1$", "^not ok 1 %s$" % name,
                        "^# Totals: pass:0 fail:1 skip:0$"], ["^ok", "^# went on"]
    yield "selftest_passes", 0, ["^ok 1 selftest_passes$",
                                 "^# Totals: pass:1 fail:0 skip:0$"], ["^not ok"]
    yield "selftest_skips", 0, ["^ok 1 selftest_skips # SKIP to try it$",
                                "^# Totals: pass:0 fail:0 skip:1$"], ["^not ok"]
    yield "selftest_*", 1, ["^# Totals: pass:1 fail:%d skip:1$" % len(fails)], []
    yield "no_such_test_*", 1, ["^# Totals: pass:0 fail:1 skip:0$"], ["^ok", "^not ok"]
    yield "self*", 1, ["^1..0$"], ["^ok", "^not ok"]


def judge(output, code, want_code, there, absent):
    """Problems of one case."""
    problems = [] if code == want_code else ["exit code %d, not %d" % (code, want_code)]
    problems += ["never says /%s/" % p for p in there if not re.search(p, output, re.M)]
    return problems + ["says /%s/" % p for p in absent if re.search(p, output, re.M)]


def main():
    program = sys.argv[1]
    failed, total = 0, 0
    if len(failing_tests()) < FAILS_MIN:
        print("not ok: fewer than %d tests that fail" % FAILS_MIN)
        failed, total = 1, 1
    for glob, code, there, absent in cases():
        done = subprocess.run([program, glob], check=False, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        problems = judge(done.stdout, done.returncode, code, there, absent)
        total += 1
        failed += bool(problems)
        for problem in problems:
            print("not ok: hosttest '%s': %s" % (glob, problem))
    print("%d passed, %d failed" % (total - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
