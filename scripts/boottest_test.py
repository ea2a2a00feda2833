# SPDX-License-Identifier: MIT
"""tests.cfg keeps its own rules, and patterns are judged as said."""

import configparser
import contextlib
import io
import os
import re
import subprocess
import tempfile
import unittest
from unittest import mock

import boottest
import faulttest
import forge
import guest
import imagecheck
import machinetest
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
                      or section["ratio"] or section["report"] or section["code"] != "33"
                      or "test" in run.asked or faulttest.asked(run.asked))
            self.assertTrue(judged, run.name)

    def test_every_comparison_says_what_it_expects(self):
        compared = [r for r in runs("all") if r.section["report"]]
        for run in compared:
            machinetest.parse_facts(boottest.lines(run.section["report"]))
            words = {w.partition("=")[0] for w in run.asked.split()}
            self.assertFalse({"test", "bench", "fail"} & words, run.name)
            self.assertIn("report=json", run.cmdline.split(), run.name)

    def test_every_q35_since_2_7_is_compared(self):
        said = subprocess.run([qemu.QEMU, "-M", "help"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        versions = re.findall(r"^pc-q35-([0-9.]+)", said, re.M)
        wanted = {"pc-q35-" + v for v in versions if [int(n) for n in v.split(".")] >= [2, 7]}
        compared = {r.section["machine"] for r in runs("all") if r.section["report"]}
        self.assertTrue(wanted)
        self.assertEqual(wanted - compared, set())

    def test_every_forge_case_runs(self):
        used = {r.section["forge"].partition(":")[0] for r in runs("ci")}
        self.assertEqual(set(forge.CASES) - used, {"memmap"})   # that is maptest.py's

    def test_skips_have_reasons(self):
        for run in runs("all"):
            for line in boottest.lines(run.section["skips-allowed"]):
                self.assertIn(" -- ", line, run.name)

    def test_what_may_be_skipped_everywhere_may_be_in_each(self):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string("[DEFAULT]\nskips-allowed =\n\ta -- x\n[one]\n[two]\n"
                           "skips-allowed =\n\tb -- y\n")
        boottest.allow_everywhere(parser)
        self.assertEqual(boottest.lines(parser["one"]["skips-allowed"]), ["a -- x"])
        self.assertEqual(boottest.lines(parser["two"]["skips-allowed"]), ["a -- x", "b -- y"])

    def test_a_skip_may_be_for_some_machines_alone(self):
        text = "no host {microvm*} -- it has none\nno clock -- why not\n"
        self.assertEqual(boottest.allowed_skips(text, "q35"), ["no clock"])
        self.assertEqual(boottest.allowed_skips(text, "microvm,acpi=off"), ["no host", "no clock"])

    def test_figures_are_held_against_those_of_the_same_machine(self):
        ratios = [r for r in runs("all") if r.other]
        self.assertTrue(ratios)
        for run in ratios:
            mine, theirs = run.section, run.other.section
            for key in ("image", "config", "cc", "firmware", "boot", "devices", "cmdline"):
                self.assertEqual(mine[key], theirs[key], run.name)
            self.assertEqual(*(qemu.Guest(machine=s["machine"]).kind for s in (mine, theirs)))
            for section in (mine, theirs):
                self.assertIn("-icount", section["extra"], run.name)

    def test_tiers_nest(self):
        self.assertLessEqual({r.name for r in runs("ci")}, {r.name for r in runs("all")})


class FakeRun:
    """A run that takes `seconds` of its 120 and then passes or not."""
    timeout, name, log, console, skipped = 120.0, "fake", "log", "", ""

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


    def test_each_result_is_told_as_it_is(self):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            progress = boottest.Progress([0, 0])
            good, bad = FakeRun(1, True), FakeRun(2, False)
            progress.report(good, [])
            progress.report(bad, ["first\nmore", "second"])
            progress.close()
        text = shown.getvalue()
        self.assertRegex(text, r"(?m)^1\.\.2$")
        self.assertRegex(text, r"(?m)^ok 1 fake ")
        self.assertRegex(text, r"(?m)^not ok 2 fake ")
        self.assertIn("# first\n#   more\n# second\n", text)
        self.assertRegex(text, r"(?m)^1 passed, 1 failed$")
        self.assertEqual(progress.done, [good, bad])
        self.assertEqual(progress.failed, [bad])


class MainTest(unittest.TestCase):
    def code(self, runs):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch("sys.argv", ["boottest.py", "--build", folder]), \
                mock.patch.object(boottest, "load_runs", return_value=runs), \
                contextlib.redirect_stdout(io.StringIO()):
            return boottest.main()

    def test_exit_code_says_whether_all_passed(self):
        self.assertEqual(self.code([FakeRun(1, True), FakeRun(1, True)]), 0)
        self.assertEqual(self.code([FakeRun(1, True), FakeRun(1, False)]), 1)
        self.assertEqual(self.code([]), 1)

    def test_a_run_that_raises_is_not_forgotten(self):
        broken = FakeRun(1, True)
        broken.execute = mock.Mock(side_effect=RuntimeError)
        self.assertEqual(self.code([broken, FakeRun(1, True)]), 1)
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            boottest.Progress([broken]).execute(broken)
        self.assertIn("not ok 1 fake", shown.getvalue())
        self.assertIn("RuntimeError", shown.getvalue())


REPORT = "KTAP version 1\n1..1\nok 1 %s\n# Totals: pass:1 fail:0 skip:0\n"


class FakeSession:
    """A guest that has said all it ever says and leaves with `code`."""

    def __init__(self, said, code):
        self.said, self.code, self.sent, self.mark = said, code, [], 0

    def text(self):
        return self.said

    def wait(self, pattern, _timeout):
        match = boottest.re.compile(pattern, boottest.re.M).search(self.said, self.mark)
        if not match:
            raise guest.GuestError("the console never said /%s/" % pattern)
        self.mark = match.end()

    def send(self, line):
        self.sent.append(line)
        if line == "test":
            self.said += REPORT % ("other" if self.said.startswith("wrong") else "mine")

    def type(self, keys):
        self.sent.append(keys)

    def reset(self):
        self.sent.append("<reset>")

    def stall(self, line, seconds):
        self.sent.append("<%g s>%s" % (seconds, line))

    def note(self, text):
        self.said += text

    @property
    def process(self):
        return mock.Mock(kill=lambda: self.sent.append("<kill>"))

    def control(self, *words, **more):
        self.sent.append("<%s %s>" % (" ".join(words), more))

    def finish(self, _timeout):
        return self.code

    def close(self):
        pass


class RunTest(unittest.TestCase):
    """Whole runs, the guest a stand-in whose image holds the test `mine`."""

    def problems(self, said, left, other=None, **keys):
        section = {**boottest.load_runs(CFG, "/nowhere", "ci", "microvm-direct")[0].section,
                   "cmdline": "", **keys}
        self.session = FakeSession(said, left)
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(guest, "Session", return_value=self.session), \
                mock.patch.object(qemu, "check"), \
                mock.patch.object(qemu, "command", return_value=["qemu"]), \
                mock.patch.object(boottest.Run, "guest"), \
                mock.patch.object(boottest.elf.Elf, "load"), \
                mock.patch.object(boottest.elf, "test_names", return_value=["mine"]):
            run = boottest.Run("fake", section, mock.Mock(), folder, other)
            found = run.execute()
            self.assertIn(said, boottest.read_text(os.path.join(folder, "fake.log")))
        return " | ".join(found)

    def test_a_run_that_cannot_be_made_here_is_no_pass(self):
        with mock.patch.object(boottest.tap, "refusal", return_value="no tap"):
            found = self.problems("", 33, tap="4", expect="")
            self.assertIn("tests.cfg does not allow: no tap", found)
            self.assertEqual(self.problems("", 33, tap="4", **{"skips-allowed": "no t* -- x"}), "")
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            progress = boottest.Progress([0])
            skipped = FakeRun(1, True)
            skipped.skipped = "no tap"
            progress.report(skipped, [])
            progress.close()
        self.assertRegex(shown.getvalue(), r"(?m)^ok 1 fake # SKIP no tap$")
        self.assertRegex(shown.getvalue(), r"(?m)^0 passed, 0 failed$")

    def test_a_step_may_be_done_several_times(self):
        script = "for 2 ask @n@ => ^done$"
        self.assertEqual(self.problems("done\ndone\n", 33, script=script), "")
        self.assertEqual(self.session.sent, ["ask 0", "ask 1"])
        self.assertIn("never said", self.problems("done\n", 33, script=script))

    def test_what_a_backend_says_counts(self):
        keys = {"backend": "vhost-blk --size 1", "cmdline": "", "expect": "^vhost: requests: 0$"}
        with mock.patch.object(boottest.backend.Backend, "finish", return_value=[]), \
                mock.patch.object(boottest.backend.Backend, "text",
                                  return_value="vhost: requests: 0\n"):
            self.assertEqual(self.problems("", 33, **keys), "")
            self.assertIn("never says", self.problems("", 33, **{**keys, "expect": "nine"}))
        with mock.patch.object(boottest.backend.Backend, "finish", return_value=["it broke"]):
            self.assertIn("it broke", self.problems("", 33, **{**keys, "expect": ""}))
        self.assertIn("no such lie", self.problems("", 33, backend="vhost-blk --size 1 --lie x"))

    def test_the_disk_must_hold_what_was_acknowledged(self):
        blank = "flushed generation 1\nflushed generation 2\n"
        keys = {"disk": "1M", "verify": "7 1", "script": "kill 0 0.01", "code": "-9"}
        found = self.problems(blank, -9, **keys)
        self.assertIn("sector 0 holds zeros, not generation 2 or 3", found)
        self.assertEqual(self.session.sent, ["<kill>"])
        self.assertIn("acknowledges no", self.problems("", -9, **keys))
        self.assertIn("not generation 4", self.problems(blank, -9, **{**keys, "verify": "7 1 4"}))
        right = b"".join(boottest.blkcheck.contents(7, 3, 0, 2048))

        def make(folder, _size):
            with open(os.path.join(folder, "disk"), "wb") as file:
                file.write(right)
        with mock.patch.object(boottest, "make_disk", make):
            self.assertEqual(self.problems(blank, -9, **keys), "")

    def test_a_report_is_judged_with_the_code(self):
        self.assertEqual(self.problems(REPORT % "mine", 33, cmdline="test"), "")
        self.assertRegex(self.problems(REPORT % "mine", 35, cmdline="test"), "left with 35")
        self.assertRegex(self.problems(REPORT % "other", 33, cmdline="test"), "not in the image")
        self.assertRegex(self.problems("ready\n", 33, cmdline="test"), "0 plans")

    def test_the_code_counts_without_a_report(self):
        self.assertEqual(self.problems("ready\n", 33), "")
        for code in (0, 1, 35, -9):
            self.assertRegex(self.problems("ready\n", code), "left with %d, not 33" % code)
        self.assertRegex(self.problems("ready\n", None), "still running after")

    def test_a_wanted_failure_must_be_one(self):
        self.assertEqual(self.problems("panic: x\n", 35, code="35", expect="^panic"), "")
        self.assertRegex(self.problems("panic: x\n", 33, code="35", expect="^panic"),
                         "left with 33, not 35")
        self.assertRegex(self.problems(REPORT % "mine", 33, code="35", cmdline="test"),
                         "left with 33, not 35")
        self.assertRegex(self.problems("panic: x\n", None, code="35"), "still running after")

    def test_texts_count_beside_the_code(self):
        self.assertRegex(self.problems("ready\n", 33, expect="^steady$"), "never says /.steady")
        self.assertRegex(self.problems(REPORT % "mine", 33, cmdline="test", reject="pass:1"),
                         "console says: pass:1")

    def test_a_step_that_fails_fails_the_run(self):
        self.assertEqual(self.problems("cairn> ", 33, script="wait ^cairn>\nsend exit"), "")
        self.assertEqual(self.session.sent, ["exit"])
        self.assertRegex(self.problems("", 33, script="wait ^cairn>"), "never said")
        self.assertRegex(self.problems("", 33, script="dance"), "no such step")

    def test_steps_reach_the_guest(self):
        self.assertEqual(self.problems("", 33, script="reset\nstall 2 test\nsend"), "")
        self.assertEqual(self.session.sent, ["<reset>", "<2 s>test", ""])
        self.assertEqual(self.problems("", 33, script="qmp resize device=disk0 size=12"), "")
        self.assertEqual(self.session.sent, ["<resize {'device': 'disk0', 'size': 12}>"])
        self.assertEqual(self.problems("", 33, script="qmp link name=a up=false down=true"), "")
        self.assertEqual(self.session.sent, ["<link {'name': 'a', 'up': False, 'down': True}>"])

    def test_keys_are_pressed_one_by_one(self):
        self.assertEqual(self.problems("", 33, script="press l shift-s ret"), "")
        self.assertEqual(self.session.sent,
                         ["<human-monitor-command {'command-line': 'sendkey %s 20'}>" % key
                          for key in ("l", "shift-s", "ret")])

    def test_files_are_there_as_told(self):
        with tempfile.TemporaryDirectory() as folder:
            boottest.make_files(folder, "one 00ff\ntwo 60*3\n")
            for name, data in (("one", b"\x00\xff"), ("two", b"\x60" * 3)):
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertEqual(file.read(), data)

    def test_the_machine_is_compared_before_the_script(self):
        said, facts = "ready\ncairn> ", "acpi none"
        for problems, script, sent in (([], "", ["exit"]), ([], "send a", ["a"]),
                                       (["bad"], "send a", ["exit"])):
            with mock.patch.object(machinetest, "judge", return_value=problems) as judge:
                found = self.problems(said, 33, report=facts, script=script)
            self.assertEqual(found, " | ".join(problems))
            self.assertEqual(self.session.sent, sent)
            self.assertEqual(judge.call_args.args, (said, self.session.control, [facts]))
        self.assertRegex(self.problems("no prompt\n", 33, report=facts), "never said")
        self.assertRegex(self.problems(said, 33, report=facts), "report does not say")

    def test_a_report_by_hand_is_judged(self):
        self.assertEqual(self.problems("cairn> ", 33, script="test"), "")
        self.assertRegex(self.problems("wrong ", 33, script="test"), "not in the image: other")

    def test_a_ratio_counts_and_so_does_the_other_run(self):
        said = "bench boot.total 150 ticks\n"
        for other, problems, want in ((100, [], ""), (99, [], "more than 1.5 times"),
                                      (100, ["it hung"], "small: it hung")):
            stand_in = mock.Mock(console="bench boot.total %d ticks\n" % other)
            stand_in.name = "small"
            stand_in.execute.return_value = problems
            found = self.problems(said, 33, stand_in, ratio="boot.total 1.5 small")
            self.assertRegex(found, want or "^$")

    def test_a_menu_entry_adds_its_words(self):
        entries = list(boottest.menu_entries())
        self.assertEqual(len(entries), 4)
        menu = "".join(" " + e + "\n" for e in entries)
        self.assertEqual(self.problems(menu + REPORT % "mine", 33, menu="Cairn: self-test"), "")
        self.assertEqual(self.session.sent, [boottest.KEY_DOWN + "\r"])
        self.assertRegex(self.problems(menu, 33, menu="Cairn: self-test"), "0 plans")
        self.assertEqual(self.problems(menu, 33, menu="Cairn: verbose"), "")
        self.assertEqual(self.session.sent, [boottest.KEY_DOWN * 2 + "\r"])


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

    def test_ratio(self):
        text, other = "bench boot.total 150 ticks\n", "bench boot.total 100 ticks\n"
        rule = "boot.total 1.5 small"
        self.assertEqual(boottest.judge_ratio(rule, text, other), [])
        self.assertRegex(boottest.judge_ratio(rule, text, other.replace("100", "99"))[0],
                         "is 150, more than 1.5 times the 99 of small")
        self.assertRegex(boottest.judge_ratio(rule, "", other)[0], "no figure .* this run")
        self.assertRegex(boottest.judge_ratio(rule, text, "")[0], "no figure .* small")

    def test_module(self):
        data = b"12345678" * 3 + b"9"
        line = "# module m at 0x1000-0x%x is as it was: sum 0x%016x\n"
        good = line % (0x1000 + len(data) - 1, boottest.watch_sum(data))
        self.assertEqual(boottest.judge_module(data, "x\n" + good), [])
        self.assertRegex(boottest.judge_module(data, "")[0], "no module")
        changed = good.replace("is as it was", "has changed")
        self.assertRegex(boottest.judge_module(data, changed)[0], "no module")
        self.assertRegex(boottest.judge_module(data[:-1], good)[0], "has 25 bytes .*, not 24")
        self.assertRegex(boottest.judge_module(b"x" + data[1:], good)[0], "and the sum")

    def test_a_module_is_written_once(self):
        with tempfile.TemporaryDirectory() as folder:
            image = boottest.Image(folder, boottest.load_runs(CFG, folder, "ci",
                                                              "module-grub")[0].section)
            os.makedirs(image.path)
            path = image.module("64K")
            before = os.stat(path)
            self.assertEqual(before.st_size, 64 << 10)
            self.assertEqual(image.module("64K"), path)
            self.assertEqual(os.stat(path).st_mtime_ns, before.st_mtime_ns)

    def test_sum(self):
        self.assertEqual(boottest.watch_sum(b""), 0xcbf29ce484222325)
        self.assertEqual(boottest.watch_sum(b"\0\0"), boottest.watch_sum(bytes(8)))
        self.assertNotEqual(boottest.watch_sum(b"\1" + bytes(15)),
                            boottest.watch_sum(bytes(8) + b"\1" + bytes(7)))

    def test_words_expand(self):
        self.assertEqual(len(boottest.expand("@words:10000@")), 9999)
        self.assertEqual(boottest.expand("test=@letters:3@"), "test=xxx")


class ImageCheckTest(unittest.TestCase):
    def test_literals(self):
        source = 'log_debug("a %d" /*x*/ " b\\n", 1); log_err("bad \\"q\\""); print("p");'
        formats = imagecheck.log_formats(source.replace(" /*x*/", ""))
        self.assertEqual(formats["debug"], {"a %d b\n"})
        self.assertEqual(formats["err"], {'bad "q"'})


if __name__ == "__main__":
    unittest.main()
