# SPDX-License-Identifier: MIT
"""tests.cfg keeps its own rules, and patterns are judged as said."""

import contextlib
import io
import unittest

import boottest
import forge
import imagecheck
import qemu

CFG = boottest.os.path.join(boottest.HERE, "tests.cfg")
OVMF_LIMIT = 6      # boots under UEFI in `make test`; each takes 5 s


def runs(tier):
    return boottest.load_runs(CFG, "/nowhere", tier, "*")


class ConfigurationTest(unittest.TestCase):
    def test_uefi_boots_are_few(self):
        uefi = [r.name for r in runs("ci") if r.section["firmware"] == "uefi"]
        self.assertLessEqual(len(uefi), OVMF_LIMIT, uefi)

    def test_values_are_known(self):
        for run in runs("all"):
            with self.subTest(run.name):
                qemu.expand_devices(run.section["devices"])
                self.assertIn(qemu.Guest(machine=run.section["machine"]).kind, qemu.MACHINES)
                self.assertIn(run.section["tier"], ("ci", "all"))
                self.assertIn(run.section["virtio-mmio"], ("1", "2"))
                for check in run.section["check"].split():
                    self.assertIn(check, imagecheck.CHECKS)

    def test_every_run_is_judged_by_something(self):
        for run in runs("all"):
            section = run.section
            judged = (section["check"] or section["script"] or section["expect"] or section["limit"]
                      or section["code"] != "33" or "test" in run.cmdline)
            self.assertTrue(judged, run.name)

    def test_every_forge_case_runs(self):
        used = {r.section["forge"].partition(":")[0] for r in runs("ci")}
        self.assertEqual(set(forge.CASES) - used, set())

    def test_skips_have_reasons(self):
        for run in runs("all"):
            for line in boottest.lines(run.section["skips-allowed"]):
                self.assertIn(" -- ", line, run.name)

    def test_tiers_nest(self):
        self.assertLessEqual({r.name for r in runs("ci")}, {r.name for r in runs("all")})


class FakeRun:
    """A run that takes `seconds` of its 120 and then passes or not."""
    timeout, name, log, console = 120.0, "fake", "log", ""

    def __init__(self, seconds, passes):
        self.wanted, self.passes, self.seconds, self.ran = seconds, passes, 0.0, False

    def execute(self):
        self.ran, self.seconds = True, self.wanted
        return [] if self.passes else ["bad"]


class ProgressTest(unittest.TestCase):
    def ran(self, runs):
        with contextlib.redirect_stdout(io.StringIO()):
            progress = boottest.Progress(runs)
            for run in runs:
                progress.execute(run)
        self.assertEqual(len(progress.failed), sum(not (r.passes and r.ran) for r in runs))
        return sum(r.ran for r in runs)

    def test_a_kernel_that_always_hangs_is_given_up(self):
        self.assertEqual(self.ran([FakeRun(120, False) for _ in range(9)]), boottest.HANGS_MAX)

    def test_one_success_or_quick_failures_go_on(self):
        self.assertEqual(self.ran([FakeRun(1, True)] + [FakeRun(120, False)] * 9), 10)
        self.assertEqual(self.ran([FakeRun(1, False) for _ in range(9)]), 9)


class JudgeTest(unittest.TestCase):
    def judge(self, text, **section):
        return boottest.judge_patterns(
            {"expect": "", "reject": "", "count": "", "limit": "", **section}, text)

    def test_expect_and_reject(self):
        self.assertEqual(self.judge("a\nready\n", expect="^ready$\na"), [])
        self.assertEqual(len(self.judge("a\n", expect="^ready$")), 1)
        self.assertEqual(len(self.judge("a\nlost\n", reject="lost")), 1)

    def test_count(self):
        self.assertEqual(self.judge("w\nw\n", count="2 ^w$"), [])
        self.assertEqual(len(self.judge("w\n", count="2 ^w$")), 1)
        self.assertEqual(len(self.judge("w\n", count="0 ^w$")), 1)

    def test_limit(self):
        text = "bench boot.total 400 instructions\n"
        self.assertEqual(self.judge(text, limit="boot.total 400"), [])
        self.assertEqual(len(self.judge(text, limit="boot.total 399")), 1)
        self.assertEqual(len(self.judge("", limit="boot.total 399")), 1)

    def test_words_expand(self):
        self.assertEqual(len(boottest.expand("@words:10000@")), 9999)


class ImageCheckTest(unittest.TestCase):
    def test_literals(self):
        source = 'log_debug("a %d" /*x*/ " b\\n", 1); log_err("bad \\"q\\""); print("p");'
        formats = imagecheck.log_formats(source.replace(" /*x*/", ""))
        self.assertEqual(formats["debug"], {"a %d b\n"})
        self.assertEqual(formats["err"], {'bad "q"'})


if __name__ == "__main__":
    unittest.main()
