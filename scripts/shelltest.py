#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types at the shell as a person does, on a pseudo-terminal, and reads what it answers.

The sessions and what is typed are data: scripts/shell.cfg. Which commands there are the
kernel says itself, by `help`: each needs a right use and a wrong one, or the session fails.

Behind each line a Ctrl-L is typed at once. It waits in the kernel until the command is
done, so the cleared screen that it makes is the end of the answer: there is nothing to
guess from a prompt, and every command has type-ahead that it must not lose."""

import argparse
import configparser
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import tty

import boottest
import guest
import ktap
import qemu

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT = "cairn> "
END = b"\x1b[H\x1b[J"       # what Ctrl-L does first
PIECE = re.compile(r"\x1b\[(\d*)[\d;]*([A-Za-z])|([^\x1b])", re.S)
CONSOLE_MAX = 16 << 20      # bytes
VERBS = ("right", "wrong", "line", "stop", "paste", "leave")


def show(raw):
    """What a terminal shows of these bytes, row by row: drawn over, moved back, erased."""
    rows, at = [[]], 0
    for number, letter, other in PIECE.findall(raw.decode("utf-8", "replace")):
        count = int(number or 1)
        if letter == "K":
            del rows[-1][at:]
        elif letter == "C":
            at += count
        elif letter == "D":
            at = max(0, at - count)
        elif letter == "J":
            rows, at = [[]], 0
        elif other == "\r":
            at = 0
        elif other == "\b":
            at = max(0, at - 1)
        elif other == "\n":
            rows.append([])
            at = 0
        elif other:
            rows[-1] += [" "] * (at + 1 - len(rows[-1]))
            rows[-1][at] = other
            at += 1
    return "\n".join("".join(row) for row in rows)


class Terminal:
    """A guest whose serial line is a pseudo-terminal of ours."""

    def __init__(self, wanted, timeout):
        self.timeout = timeout
        self.raw = b""
        self.mark = 0
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.master = master
        self.process = subprocess.Popen(qemu.command(wanted), stdin=slave, stdout=slave,
                                        stderr=subprocess.STDOUT)
        os.close(slave)

    def _read(self):
        try:
            data = os.read(self.master, 65536)
        except BlockingIOError:
            return
        except OSError:     # what a pseudo-terminal says when the other end is gone
            data = b""
        self.raw += data
        if not data or len(self.raw) > CONSOLE_MAX:
            raise guest.GuestError("QEMU ended, or says without end")

    def _turn(self, deadline, keys=b""):
        """Waits for something to read, or for room for keys; returns the keys left."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise guest.GuestError("out of time")
        readable, writable, _ = select.select([self.master], [self.master] if keys else [], [],
                                              left)
        if readable:
            self._read()
        if writable:
            keys = keys[os.write(self.master, keys[:256]):]
        return keys

    def type(self, keys):
        """Sends keys, and reads meanwhile: the guest may answer before it has read all."""
        deadline = time.monotonic() + self.timeout
        while keys:
            keys = self._turn(deadline, keys)

    def wait(self, pattern):
        """Reads until the bytes match, from the last match on; returns what was before."""
        deadline = time.monotonic() + self.timeout
        regex = re.compile(pattern, re.M)
        while True:
            match = regex.search(self.raw, self.mark)
            if match:
                before = self.raw[self.mark:match.start()]
                self.mark = match.end()
                return before
            try:
                self._turn(deadline)
            except guest.GuestError as error:
                raise guest.GuestError("never said %r: %s; its last words: %s" % (
                    pattern, error, ktap.clean(self.raw[self.mark:])[-300:])) from error

    def answer(self, keys, echoed=True):
        """What the shell says to keys that end at a prompt."""
        self.type(keys + b"\x0c")
        said = self.wait(re.escape(END) + PROMPT.encode())
        return show(said.partition(b"\n")[2] if echoed else said)

    def line(self, keys):
        """The line that stands there after these keys, which is then given up."""
        self.type(keys + b"\x0c\x03")
        self.wait(re.escape(END) + PROMPT.encode())
        return show(self.wait(rb"\^C\r*\n" + PROMPT.encode()))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def unescape(text):
    r"""Keys as bytes: \t, \e (escape), \x03, \\ stand for what they do in C."""
    return text.replace(r"\e", r"\x1b").encode().decode("unicode_escape").encode("latin-1")


class Case:
    """A line of shell.cfg: VERB KEYS => REGEX [&& REGEX...]"""

    def __init__(self, text):
        self.text = text
        head, arrow, patterns = text.partition(" => ")
        self.verb, _, self.keys = head.partition(" ")
        self.patterns = patterns.split(" && ")
        if self.verb not in VERBS or not arrow:
            raise ValueError("shell.cfg: no case: " + text)
        self.count = 1
        if self.verb == "paste":
            count, _, self.keys = self.keys.partition(" ")
            self.count = int(count)
        if self.verb == "stop":
            self.keys, _, self.when = self.keys.partition(" @ ")

    @property
    def command(self):
        words = self.keys.split()
        return words[0] if words else ""

    def play(self, terminal):
        """Types it; returns what is wrong with the answer."""
        keys = unescape(self.keys)
        if self.verb == "line":
            return self.judge(terminal.line(keys))
        if self.verb == "leave":
            terminal.type(keys + b"\r")
            for pattern in self.patterns:
                terminal.wait(pattern.encode())
            return []
        if self.verb == "stop":
            terminal.type(keys + b"\r")
            terminal.wait(self.when.encode())
            return self.judge(terminal.answer(b"\x03", echoed=False))
        if self.verb == "paste":
            return self.judge(terminal.answer((keys + b"\r") * self.count))
        return self.judge(terminal.answer(keys + b"\r"))

    def judge(self, said):
        problems = []
        for pattern in self.patterns:
            found = len(re.findall(pattern, said, re.M))
            if self.verb == "paste" and found != self.count:
                problems.append("%d times /%s/, not %d" % (found, pattern, self.count))
            elif not found:
                problems.append("no /%s/" % pattern)
        if self.verb == "wrong" and not re.search(r"^usage: %s\b" % re.escape(self.command),
                                                  said, re.M):
            problems.append("no usage")
        return ["%s\n%s" % (p, said[-1000:].rstrip()) for p in problems]


def commands(help_text):
    """The commands that `help` lists."""
    return re.findall(r"^  (\w+) ", help_text, re.M)


def check_complete(names, cases, required, free=()):
    """Each command needs a right use and, unless its words are free, a wrong one; what is
    required must be there."""
    problems = ["there is no command " + name for name in required if name not in names]
    for name in names:
        verbs = {case.verb for case in cases if case.command == name}
        if not verbs & {"right", "leave"}:
            problems.append("shell.cfg has no right use of the command " + name)
        if "wrong" not in verbs and name not in free:
            problems.append("shell.cfg has no wrong use of the command " + name)
    return problems


def lines(value):
    return [line.strip() for line in value.split("\n") if line.strip()]


def load(path):
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",),
                                       delimiters=("=",))
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    return parser


class Session:
    """A machine and what is typed there."""

    def __init__(self, name, section, everywhere, elf):
        self.name = name
        self.section = section
        self.cases = [Case(text) for text in everywhere + lines(section["cases"])]
        self.elf = elf
        self.console = ""

    def guest(self, folder):
        section = self.section
        extra = ["-chardev", "stdio,id=tty,signal=off"]     # Ctrl-C is for the guest
        wanted = qemu.Guest(machine=section["machine"], boot="direct", elf=self.elf,
                            serial="chardev:tty", cmdline=section["cmdline"], extra=extra,
                            devices=qemu.expand_devices(section["devices"]))
        if "blk" in section["devices"]:
            boottest.make_disk(folder, "8M")
            wanted.disk = os.path.join(folder, "disk")
        return wanted

    def boot(self, folder, timeout):
        terminal = Terminal(self.guest(folder), timeout)
        try:
            terminal.wait(rb"^ready\r*\n" + PROMPT.encode())
        except guest.GuestError:
            self.end(terminal)
            raise
        return terminal

    def end(self, terminal):
        terminal.close()
        self.console += ktap.clean(terminal.raw)

    def run(self, timeout, needs):
        """Yields (what, problems); None for a case whose command this machine has not."""
        with tempfile.TemporaryDirectory(prefix="cairn-") as folder:
            terminal = self.boot(folder, timeout)
            try:
                names = commands(terminal.answer(b"help\r"))
                yield "every command has its cases", check_complete(names, self.cases, *needs)
                for case in self.cases:
                    if case.verb in ("right", "wrong", "leave") and case.command not in names:
                        yield case.text, None
                        continue
                    yield case.text, case.play(terminal)
                    if case.verb == "leave":
                        self.end(terminal)
                        terminal = self.boot(folder, timeout)
            finally:
                self.end(terminal)


def report(name, what, problems):
    """Prints one result. Returns whether it failed."""
    if problems is None:
        print("ok %s: %s # SKIP no such command in this image" % (name, what))
    elif problems:
        print("not ok %s: %s" % (name, what))
        for problem in problems:
            print("#   " + problem.replace("\n", "\n#   "))
    else:
        print("ok %s: %s" % (name, what))
    return bool(problems)


def run_session(session, timeout, needs):
    """(passed, failed); what breaks is one failure."""
    passed = failed = 0
    try:
        for what, problems in session.run(timeout, needs):
            wrong = report(session.name, what, problems)
            failed += wrong
            passed += not wrong and problems is not None
    except (guest.GuestError, qemu.Impossible, OSError) as error:
        failed += report(session.name, "the session", [str(error)])
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="*", help="glob of sessions")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one answer")
    args = parser.parse_args()
    root = boottest.open_root(args.build)
    config = load(os.path.join(HERE, "shell.cfg"))
    everywhere = lines(config["everywhere"]["cases"])
    needs = [config["everywhere"][key].split() for key in ("required", "free")]
    elf = boottest.Image(root, {"image": "defconfig", "config": "", "cc": ""}).elf()
    passed = failed = 0
    for name in config.sections():
        if name == "everywhere" or not boottest.fnmatch.fnmatchcase(name, args.only):
            continue
        began = time.monotonic()
        session = Session(name, config[name], everywhere, elf)
        counts = run_session(session, args.timeout, needs)
        passed, failed = passed + counts[0], failed + counts[1]
        with open(os.path.join(root, "logs", "shell-%s.log" % name), "w",
                  encoding="utf-8") as file:
            file.write(session.console)
        print("# %s: %.1f s" % (name, time.monotonic() - began), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
