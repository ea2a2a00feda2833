# SPDX-License-Identifier: MIT
"""What stands on a terminal, what a case says, and which commands lack one."""

import os
import unittest

from shelltest import Case, HERE, check_complete, commands, lines, load, show, unescape


class ShowTest(unittest.TestCase):
    def test_cursor_overwrites(self):
        self.assertEqual(show(b"abc\b\bx\x1b[Cd\re"), "excd")
        self.assertEqual(show(b"abcdef\x1b[4D\x1b[K"), "ab")
        self.assertEqual(show(b"old\x1b[H\x1b[Jnew"), "new")

    def test_bar_that_is_erased_is_gone(self):
        self.assertEqual(show(b"\rx 10%\x1b[K\rx 20%\x1b[K\r\x1b[Kdone\r\n> "), "done\n> ")

    def test_colours_are_nothing(self):
        self.assertEqual(show(b"\x1b[1;31mred\x1b[0m"), "red")


class CaseTest(unittest.TestCase):
    def test_keys(self):
        self.assertEqual(unescape(r"a\t\e[A\x03"), b"a\t\x1b[A\x03")

    def test_parts(self):
        case = Case("stop memtest 1M @ ^a => ^b && c")
        self.assertEqual((case.keys, case.when, case.patterns, case.command),
                         ("memtest 1M", "^a", ["^b", "c"], "memtest"))
        self.assertEqual(Case("paste 3 uptime => x").count, 3)

    def test_what_is_no_case_is_refused(self):
        for text in ("right uptime", "wong uptime => x"):
            with self.assertRaises(ValueError):
                Case(text)

    def test_answers_are_judged(self):
        self.assertEqual(Case("right uptime => ^up$").judge("up\n"), [])
        self.assertTrue(Case("right uptime => ^up$ && ^down$").judge("up\n"))
        self.assertTrue(Case("paste 2 uptime => up").judge("up\nup\nup\n"))
        self.assertTrue(Case("wrong blk x => no").judge("no\n"))
        self.assertTrue(Case("wrong blk x => no").judge("no\nusage: blkfill\n"))
        self.assertEqual(Case("wrong blk x => no").judge("no\nusage: blk [N]\n"), [])


class CommandsTest(unittest.TestCase):
    help = "kernel:\n  help       list\n  blk        disks\n'help COMMAND' tells more\n"

    def test_help_is_read(self):
        self.assertEqual(commands(self.help), ["help", "blk"])

    def test_command_without_a_case_is_told(self):
        cases = [Case("right help => x"), Case("wrong help => x"), Case("right blk => x")]
        self.assertEqual(len(check_complete(["help", "blk"], cases, [])), 1)
        self.assertEqual(check_complete(["help", "blk"], cases, [], ["blk"]), [])
        self.assertEqual(len(check_complete(["help"], cases, ["blk"])), 1)
        self.assertEqual(len(check_complete(["help", "net"], cases, [])), 2)

    def test_all_cases_can_be_read(self):
        config = load(os.path.join(HERE, "shell.cfg"))
        for name in config.sections():
            for text in lines(config[name]["cases"]):
                Case(text)


if __name__ == "__main__":
    unittest.main()
