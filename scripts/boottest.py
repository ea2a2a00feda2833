# SPDX-License-Identifier: MIT
"""Boots images in QEMU as scripts/tests.cfg says and judges each run.

Images are built on first need, one at a time; two runs go on at once. Each
run gives one line as it ends; logs are kept in $(O)/test/logs."""

import argparse
import configparser
import fnmatch
import hashlib
import os
import random
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import backend
import blkcheck
import crosses
import elf
import faulttest
import forge
import guest
import imagecheck
import ktap
import machinetest
import panictext
import qemu
import qemuview
import report
import screen
import tap
import terminal

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
KEYS = {"image", "config", "cc", "machine", "firmware", "boot", "mem", "cpus", "cpu",
        "devices", "virtio-mmio", "cmdline", "extra", "timeout", "tier", "forge", "menu", "code",
        "expect", "reject", "video", "count", "limit", "ratio", "script", "serial", "skips-allowed",
        "check", "module", "report", "backend", "disk", "verify", "rounds", "tap", "decode",
        "files", "capture"}
MENU_SECONDS = 60   # for which a menu waits, so that a key comes in time
KEY_DOWN = "\x0e"   # control-N, to GRUB what the arrow is
KEY_SECONDS = 0.03  # from one key to the next: they are held for less
HANGS_MAX = 3       # after so many, and no success, the rest is not run
TAIL = 25           # lines of a failed run's console that are shown


class Failure(Exception):
    """A run failed before it could be judged."""


class Skip(Exception):
    """A run cannot be made on this host; the text says why."""


def lines(value):
    return [line.strip() for line in value.split("\n") if line.strip()]


def expand(cmdline):
    """@words:N@ stands for N bytes of short words that nobody understands,
    @letters:N@ for N letters."""
    def words(match):
        return ("junk " * (int(match[1]) // 5)).strip()
    cmdline = re.sub(r"@words:(\d+)@", words, cmdline)
    return re.sub(r"@letters:(\d+)@", lambda match: "x" * int(match[1]), cmdline)


def menu_entries():
    """The menu of the ISO: title -> words before the command line, in order."""
    text = read_text(os.path.join(TREE, "iso", "grub.cfg"))
    return {title: words.strip() for title, words in re.findall(
        r'^menuentry "([^"]*)" \{\n\tmultiboot2 \S+(.*)@CMDLINE@$', text, re.M)}


def make_environment():
    """Our make's own flags must not reach the ones that we start."""
    return {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O")}


def claim(build):
    """Makes `build` a build directory, as make does; exits if it may not be one."""
    done = subprocess.run(["sh", os.path.join(HERE, "output.sh"), "claim", build],
                          check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit("boottest: " + done.stdout.strip())


class Image:
    """A configuration, built once; ISOs of it, one per command line."""

    building = threading.Lock()

    def __init__(self, root, run):
        self.presets = run["image"].replace("+", " ").split()
        self.config = lines(run["config"])
        self.cc = run["cc"]
        name = run["image"].replace("+", "-").replace(".config", "")
        if self.config or self.cc:
            text = "\n".join(self.config + [self.cc])
            name += "-" + hashlib.sha1(text.encode()).hexdigest()[:6]
        self.path = os.path.join(root, name)
        self.error = None
        self.built = False
        self.isos = {}
        self.modules = set()

    def elf(self):
        """Path of the kernel, built if need be."""
        with Image.building:
            if not self.built:
                self.built = True
                self.error = self._build()
        if self.error:
            raise Failure(self.error)
        return os.path.join(self.path, "cairn.elf")

    def _build(self):
        os.makedirs(self.path, exist_ok=True)
        goals = list(self.presets)
        if self.config:
            fragment = os.path.join(self.path, "test.config")
            with open(fragment, "w", encoding="utf-8") as file:
                file.write("\n".join(self.config) + "\n")
            goals.append(fragment)
        words = ["make", "-C", TREE, "--no-print-directory", "-j2", "O=" + self.path]
        words += ["CC=" + self.cc] if self.cc else []
        log = os.path.join(self.path, "build.log")
        with open(log, "w", encoding="utf-8") as file:
            code = subprocess.run(words + goals + ["kernel"], stdout=file, check=False,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                  env=make_environment()).returncode
        return "the image was not built: %s\n%s" % (
            " ".join(words + goals), tail(read_text(log))) if code else None

    def module(self, size):
        """Path of a file of so many bytes, always the same ones."""
        path = os.path.join(self.path, "module-%s" % size)
        with Image.building:
            if path not in self.modules:
                with open(path, "wb") as file:
                    file.write(random.Random(size).randbytes(forge.parse_size(size)))
                self.modules.add(path)
        return path

    def iso(self, cmdline, seconds=0, module="", video=""):
        """Path of an ISO whose default entry boots with this command line and
        module after so many seconds of showing its menu, in this mode of the screen."""
        kernel = self.elf()
        key = hashlib.sha1(("%d %s %s %s" % (seconds, cmdline, module, video))
                           .encode()).hexdigest()[:8]
        path = os.path.join(self.path, "boot-%s.iso" % key)
        with Image.building:
            if key not in self.isos:
                self.isos[key] = self._make_iso(kernel, path, cmdline, seconds, module, video)
        if self.isos[key]:
            raise Failure(self.isos[key])
        return path

    def _make_iso(self, kernel, path, cmdline, seconds, module, video):
        options = ["--module", module] if module else []
        options += ["--video", video] if video else []
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, "mkiso.py"), "--elf", kernel, "--out", path,
             "--cmdline", cmdline, "--timeout", str(seconds)] + options, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return "no ISO: " + tail(done.stdout) if done.returncode else None


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def tail(text):
    return "\n".join(text.rstrip("\n").split("\n")[-TAIL:])


class Run:
    """One section of tests.cfg. `other`: the run that its `ratio` names."""

    def __init__(self, name, section, image, logs, other=None):
        self.name = name
        self.other = other
        self.section = section
        self.image = image
        self.log = os.path.join(logs, name + ".log")
        self.cmdline = expand(section["cmdline"])
        if section["report"]:
            self.cmdline = (self.cmdline + " report=json").strip()
        if section["script"] and "panic=" not in self.cmdline:
            self.cmdline = (self.cmdline + " panic=exit").strip()   # nobody is there to read
        self.asked = self.cmdline       # with what the menu entry adds
        if section["menu"]:
            self.asked = (menu_entries()[section["menu"]] + " " + self.cmdline).strip()
        self.timeout = float(section["timeout"])
        self.module = ""                # path of a file that the loader brings
        self.console = ""
        self.skipped = ""               # why it was not made
        self.seconds = 0.0

    def execute(self):
        """Problems of this run, none if it passed. Never raises."""
        started = time.monotonic()
        try:
            if self.section["check"]:
                problems = self._check_image()
            for _ in range(0 if self.section["check"] else int(self.section["rounds"])):
                problems = self._boot()
                if problems:
                    break
        except Skip as skip:
            self.skipped = str(skip)
            allowed = any(fnmatch.fnmatchcase(self.skipped, reason) for reason in self._skips())
            problems = [] if allowed else ["skipped, which tests.cfg does not allow: %s" % skip]
        except (Failure, guest.GuestError, qemu.Impossible, elf.ElfError, OSError,
                forge.ForgeError, screen.ScreenError, report.ReportError,
                qemuview.ViewError, backend.BackendError) as error:
            problems = [str(error)]
        if self.other and not problems:
            problems = ["%s: %s" % (self.other.name, p) for p in self.other.execute()]
            problems = problems or judge_ratio(self.section["ratio"], self.console,
                                               self.other.console)
        self.seconds = time.monotonic() - started
        with open(self.log, "w", encoding="utf-8") as file:
            file.write(self.console + "".join("\n# " + p for p in problems))
        return problems

    def _check_image(self):
        context = {"elf": self.image.elf(), "tree": TREE,
                   "iso": lambda: self.image.iso(self.cmdline)}
        return imagecheck.run(self.section["check"].split(), context)

    def guest(self, folder):
        """The guest that the section describes; builds what it boots."""
        section = self.section
        kernel = self.image.elf()
        wanted = qemu.Guest(elf=kernel, cmdline=self.cmdline, extra=shlex.split(section["extra"]))
        for key in ("machine", "firmware", "boot", "mem", "cpus", "cpu"):
            setattr(wanted, key, section[key])
        wanted.devices = qemu.expand_devices(section["devices"])
        wanted.serial = section["serial"]
        wanted.legacy_free = section["virtio-mmio"] == "2"
        wanted.extra = [in_folder(w, folder) for w in wanted.extra]
        wanted.debug_port = qemu.debug_port(
            qemu.read_config(os.path.join(self.image.path, ".config")))
        wanted.tap = int(section["tap"])
        steps = section["script"].split()
        wanted.reboot = bool({"reset", "reboot"} & set(steps)) or faulttest.asked(self.cmdline)
        if "gdb" in steps:
            wanted.extra += ["-gdb", "unix:%s,server=on,wait=off" % os.path.join(folder, "gdb")]
        asked = ({"reset", "screen", "colour", "mirror", "qmp", "press"} & set(steps) or
                 section["report"])
        wanted.qmp = os.path.join(folder, "qmp") if asked else ""
        if section["module"]:
            self.module = self.image.module(section["module"])
        if section["forge"]:
            wanted.elf = os.path.join(folder, "forged.elf")
            forge.write(kernel, section["forge"], wanted.elf, wanted.mem, self.cmdline)
            wanted.cmdline = ""
        elif wanted.boot == "iso":
            wanted.iso = self.image.iso(self.cmdline, MENU_SECONDS if section["menu"] else 0,
                                        self.module, section["video"])
        elif self.module:
            wanted.extra += ["-initrd", self.module]
        return wanted

    def _boot(self):
        with tempfile.TemporaryDirectory(prefix="cairn-") as folder:
            wanted = self.guest(folder)
            refusal = tap.refusal() if int(self.section["tap"]) else None
            if refusal:
                raise Skip(refusal)
            if self.section["disk"]:
                make_disk(folder, self.section["disk"])
                wanted.disk = os.path.join(folder, "disk")
            make_files(folder, self.section["files"])
            served = backend.start_all(in_folder(self.section["backend"], folder), folder)
            wanted.backends = [process.socket for process in served]
            try:
                qemu.check(wanted)
                problems, text, code = self._converse(wanted, folder)
                for process in served:
                    problems += process.finish()
                    text += "\n" + process.text()
            finally:
                for process in served:
                    process.close()
                self.console += "".join("\n" + process.text() for process in served)
            text += self._captured(folder)
            problems += self._judge(text, code)
            return problems + judge_disk(self.section["verify"], folder, text)

    def _captured(self, folder):
        """What the other consoles wrote into files."""
        text = ""
        for name in self.section["capture"].split():
            with open(os.path.join(folder, name), "rb") as file:
                text += "\n# %s:\n%s" % (name, ktap.clean(file.read()))
        self.console += text
        return text

    def _converse(self, wanted, folder):
        """Problems, what the console said, QEMU's exit code."""
        words = qemu.command(wanted)
        if int(self.section["tap"]):
            words = tap.command(int(self.section["tap"]), words)
        session = guest.Session(words, qmp=wanted.qmp)
        try:
            problems = self._play(session, folder)
            code = session.finish(self.timeout)
        finally:
            session.close()
            self.console = qemu.show(words) + "\n" + session.text()
        return problems, session.text(), code

    def _play(self, session, folder):
        """Runs the script's steps; ends at the first that goes wrong."""
        if self.section["menu"]:
            self._choose(session)
        if self.section["report"]:
            problems = self._compare(session)
            if problems:
                return problems
        for step in lines(self.section["script"]):
            word, _, rest = step.partition(" ")
            if word == "wait":
                session.wait(rest, self.timeout)
            elif word == "send":
                session.send(rest)
            elif word == "for":
                for_each(session, rest, self.timeout)
            elif word == "stall":
                seconds, _, line = rest.partition(" ")
                session.stall(line.replace("@return@", "\r"), float(seconds))
            elif word == "reset":
                session.reset()
            elif word == "qmp":
                control(session, rest)
            elif word == "gdb":
                debug(os.path.join(folder, "gdb"), self.image.elf(), rest)
            elif word == "press":
                press(session, rest.split())
            elif word == "kill":
                kill(session, *(float(n) for n in rest.split()))
            elif word == "test":
                problems = self._test_by_hand(session, rest)
                if problems:
                    session.close()
                    return problems
            elif word in ("screen", "colour", "mirror"):
                look(word, rest, session, folder, os.path.join(self.image.path, "font.psf"))
            else:
                raise Failure("tests.cfg: no such step: " + step)
        return []

    def _compare(self, session):
        """Holds the report against QEMU's own word, the guest at its prompt;
        leaves it there only for a script that goes on."""
        session.wait("^ready$", self.timeout)
        session.wait("^cairn>", self.timeout)
        problems = machinetest.judge(session.text(), session.control,
                                     lines(self.section["report"]))
        if problems or not self.section["script"]:
            session.send("exit")
        return problems

    def _choose(self, session):
        """Goes down GRUB's menu to the entry, over the serial line."""
        titles = list(menu_entries())
        session.wait(re.escape(titles[-1]), self.timeout)
        session.type(KEY_DOWN * titles.index(self.section["menu"]) + "\r")

    def _test_by_hand(self, session, pattern):
        """Types `test` into the shell and judges what it prints."""
        before = len(session.text())
        session.send(("test " + pattern).strip())
        session.wait(r"^# Totals: .*\n|\bpanic: .*\n", self.timeout)
        names = self._names("test=" + pattern)
        return ktap.judge_text(session.text()[before:], names, self._skips())

    def _names(self, cmdline):
        return ktap.selected(elf.test_names(elf.Elf.load(self.image.elf())), cmdline)

    def _skips(self):
        return allowed_skips(self.section["skips-allowed"], self.section["machine"])

    def _judge(self, text, code):
        problems = []
        tested = any(re.match(r"test(=|$)", w) for w in self.asked.split())
        want = int(self.section["code"])
        if tested and want == ktap.EXIT_PASS:
            problems = ktap.judge(text, code, self._names(self.asked), self._skips())
        elif faulttest.asked(self.asked) and want == ktap.EXIT_PASS:
            problems = faulttest.judge(text, code)
        elif code != want:
            problems.append("QEMU left with %s, not %d" % (code, want) if code is not None
                            else "still running after %g s, killed" % self.timeout)
        if self.module:
            with open(self.module, "rb") as file:
                problems += judge_module(file.read(), text)
        if self.section["decode"]:
            decoded, found = decode(text, self.image.elf())
            problems += found
            text += "\n" + decoded
        return problems + judge_patterns(self.section, text)


def decode(text, kernel):
    """What decode-panic makes of the console; problems if a frame of code has no line."""
    image, panics = elf.Elf.load(kernel), panictext.parse(text.encode())
    try:
        panictext.check(panics, image, kernel)
        decoded = panictext.report(panics, kernel, image)
    except panictext.Refusal as refusal:
        return "", ["decode-panic: %s" % refusal]
    bare = [p for p in panics if not p.frames]
    return decoded, ["decode-panic: no frame of: " + p.what for p in bare] + [
        "decode-panic: " + line.strip() for line in decoded.split("\n")
        if re.match(r"  (at|from) ", line) and "is no code of" not in line
        and not re.search(r" \S+\.[cS]:\d+", line)]


def in_folder(text, folder):
    """@folder@ stands for the run's own."""
    return text.replace("@folder@", folder)


def make_disk(folder, size):
    """The file `disk`, of zeros."""
    with open(os.path.join(folder, "disk"), "wb") as file:
        file.truncate(forge.parse_size(size))


def control(session, text):
    """A command to QEMU: its name, then NAME=VALUE, numbers, true and false as such."""
    execute, *words = text.split()
    pairs = [word.partition("=") for word in words]
    truth = {"true": True, "false": False}
    session.control(execute, **{name: int(value) if value.isdigit() else truth.get(value, value)
                                for name, _, value in pairs})


def debug(socket, kernel, text):
    """`COMMAND => REGEX`: what gdb, attached for it, must answer."""
    command, _, regex = text.partition(" => ")
    words = ["gdb", "-nx", "-batch", "-x", os.path.join(HERE, "gdb", "cairn.py"),
             "-ex", "target remote " + socket, "-ex", command, kernel]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=120, check=False)
    if not re.search(regex, done.stdout, re.M):
        raise Failure("gdb's %s does not say /%s/ but\n%s" % (command, regex, done.stdout))


def make_files(folder, text):
    """`NAME HEX[*TIMES]` a line: files of these bytes, so many times."""
    for line in lines(text):
        name, _, digits = line.partition(" ")
        digits, _, times = digits.partition("*")
        with open(os.path.join(folder, name), "wb") as file:
            file.write(bytes.fromhex(digits) * int(times or 1))


def press(session, keys):
    """Presses keys of the guest's keyboard, one after the other, by QEMU's names."""
    for key in keys:
        session.control("human-monitor-command", **{"command-line": "sendkey %s 20" % key})
        time.sleep(KEY_SECONDS)


def for_each(session, rest, timeout):
    """`COUNT LINE => REGEX`: sends LINE so many times, with @n@ from 0 on, and waits."""
    line, _, regex = rest.partition(" => ")
    count, _, line = line.partition(" ")
    for n in range(int(count)):
        session.send(line.replace("@n@", str(n)))
        session.wait(regex, timeout)


def kill(session, least, most):
    """Ends QEMU as a power cut would, after a random time."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    seconds = random.Random(seed).uniform(least, most)
    time.sleep(seconds)
    session.note("# killed after %.3f s, SEED=%d" % (seconds, seed))
    session.process.kill()


def judge_disk(rule, folder, text):
    """`SEED MIB [GENERATION]`: what the file `disk` must hold. Without a generation that
    of `flushed generation N`, said last, or the one after it, sector by sector."""
    if not rule:
        return []
    seed, mib, *given = rule.split()
    generations = [int(g) for g in given]
    if not given:
        flushed = [int(g) for g in re.findall(r"^flushed generation (\d+)$", text, re.M)]
        if not flushed:
            return ["the console acknowledges no generation"]
        generations = [flushed[-1], flushed[-1] + 1]
    return blkcheck.check(os.path.join(folder, "disk"), int(seed), int(mib), generations)


def watch_sum(data):
    """The checksum of arch/x86/boot/watch.c."""
    value = 0xcbf29ce484222325
    for (word,) in struct.iter_unpack("<Q", data + bytes(-len(data) % 8)):
        value = (value ^ word) * 0x100000001b3 & 2**64 - 1
    return value


def allowed_skips(text, machine):
    """Reasons that a run may skip for: one a line, with a glob in braces only on such
    machines; what follows ` -- ` says why."""
    found = []
    for line in lines(text):
        reason, _, machines = line.partition(" -- ")[0].strip().partition(" {")
        if fnmatch.fnmatchcase(machine, machines.rstrip("}") or "*"):
            found.append(reason)
    return found


def judge_module(data, text):
    """The guest must have seen these very bytes, at entry and after all tests."""
    found = re.search(r"^# module .*at 0x([0-9a-f]+)-0x([0-9a-f]+) is as it was: "
                      r"sum 0x([0-9a-f]+)$", text, re.M)
    if not found:
        return ["the guest saw no module that is as it was"]
    start, last, value = (int(n, 16) for n in found.groups())
    want = (len(data), watch_sum(data))
    if (last + 1 - start, value) != want:
        return ["the module has %d bytes and the sum 0x%016x, not %d and 0x%016x"
                % (last + 1 - start, value, *want)]
    return []


def judge_patterns(section, text):
    """The texts that must, must not, or must so many times be there."""
    problems = []
    for pattern in lines(section["expect"]):
        if not re.search(pattern, text, re.M):
            problems.append("the console never says /%s/" % pattern)
    for pattern in lines(section["reject"]):
        match = re.search(pattern, text, re.M)
        if match:
            problems.append("the console says: " + match[0])
    for line in lines(section["count"]):
        number, _, pattern = line.partition(" ")
        found = len(re.findall(pattern, text, re.M))
        if found != int(number):
            problems.append("/%s/ is there %d times, not %s" % (pattern, found, number))
    for line in lines(section["limit"]):
        name, most = line.split()
        figure = bench_figure(name, text)
        if figure is None:
            problems.append("there is no figure " + name)
        elif figure > int(most):
            problems.append("%s is %d, %s is the limit" % (name, figure, most))
    return problems


def bench_figure(name, text):
    found = re.search(r"^bench %s (\d+) " % re.escape(name), text, re.M)
    return int(found[1]) if found else None


def judge_ratio(rule, text, other):
    """Holds a figure of one console against that of another."""
    name, most, run = rule.split()
    mine, theirs = bench_figure(name, text), bench_figure(name, other)
    if mine is None or theirs is None:
        return ["there is no figure %s of %s" % (name, "this run" if mine is None else run)]
    if mine > float(most) * theirs:
        return ["%s is %d, more than %s times the %d of %s" % (name, mine, most, theirs, run)]
    return []


def read_screen(session, folder, font):
    """What the display shows, and its size: by the kernel's own font, or a VGA's memory."""
    path = os.path.join(folder, "screen.ppm")
    session.control("screendump", filename=path)
    with open(path, "rb") as file:
        picture = file.read()
    width, height, _ = screen.read_picture(picture)
    if (width, height) in screen.TEXT_SIZES:
        path = os.path.join(folder, "screen.vga")
        session.control("pmemsave", val=0xb8000, size=4000, filename=path)
        with open(path, "rb") as file:
            return screen.read_vga(file.read()), "text"
    with open(font, "rb") as glyphs:
        return screen.read_pixels(picture, glyphs.read()), "%dx%d" % (width, height)


def look(word, rest, session, folder, font):
    """The steps that look at the display."""
    shown, mode = read_screen(session, folder, font)
    if word == "mirror":
        problems = terminal.compare(shown, session.raw)
        if rest != mode:
            problems.append("the mode is %s, should be %s" % (mode, rest))
        if problems:
            raise Failure("\n".join(problems[:TAIL]) + "\nof the screen\n" + shown.text())
        return
    colour = None
    if word == "colour":
        colour, _, rest = rest.partition(" ")
    text = shown.text(colour and int(colour))
    if not re.search(rest, text, re.M):
        raise Failure("the screen does not show /%s/ but\n%s" % (rest, text))


def allow_everywhere(parser):
    """What [DEFAULT] allows to be skipped is allowed beside what a run itself allows."""
    allowed = parser.defaults()["skips-allowed"]
    for section in parser.values():
        if section["skips-allowed"] != allowed:
            section["skips-allowed"] = allowed + "\n" + section["skips-allowed"]


def load_runs(path, root, tier, only):
    """The runs of a tier, those of one image together."""
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    crosses.unfold(parser, lambda _, keys: tier == "all" or keys.get("tier") != "all")
    allow_everywhere(parser)
    images, runs = {}, []
    logs = os.path.join(root, "logs")
    for name in parser.sections():
        section = parser[name]
        strange = set(section) - KEYS
        if strange:
            raise SystemExit("tests.cfg: [%s] has unknown keys: %s"
                             % (name, ", ".join(sorted(strange))))
        if section["tier"] == "all" and tier != "all" or not fnmatch.fnmatchcase(name, only):
            continue
        key = (section["image"], section["config"], section["cc"])
        if key not in images:
            images[key] = Image(root, section)
        other = None
        if section["ratio"]:
            # Made for this one, with a log of its own: it may be among the runs too.
            other = Run(section["ratio"].split()[2], parser[section["ratio"].split()[2]],
                        images[key], logs)
            other.log = os.path.join(logs, "%s-for-%s.log" % (other.name, name))
        runs.append(Run(name, section, images[key], logs, other))
    order = list(images.values())
    return sorted(runs, key=lambda r: order.index(r.image))


class Progress:
    """Prints each result as it comes, and the closing lines."""

    def __init__(self, runs):
        self.lock = threading.Lock()
        self.done = []
        self.failed = []
        self.hung = 0
        self.skipped = 0
        print("KTAP version 1\n1..%d" % len(runs), flush=True)

    def execute(self, run):
        """Runs it, unless the kernel has hung too often without one success:
        then the rest would only take hours to say the same."""
        if self.hung >= HANGS_MAX and len(self.failed) == len(self.done):
            self.report(run, ["not run: the first %d runs hung or failed" % len(self.done)])
        else:
            try:
                problems = run.execute()
            except Exception:   # a fault of ours must not hide a run
                problems = ["the judge broke: " + traceback.format_exc()]
            self.report(run, problems)

    def report(self, run, problems):
        with self.lock:
            self.hung += run.seconds >= run.timeout
            self.done.append(run)
            word = "not ok" if problems else "ok"
            how = "SKIP " + run.skipped if run.skipped else "%.1f s" % run.seconds
            print("%s %d %s # %s" % (word, len(self.done), run.name, how))
            self.skipped += bool(run.skipped and not problems)
            if problems:
                self.failed.append(run)
                for problem in problems:
                    print("# " + problem.replace("\n", "\n#   "))
            sys.stdout.flush()

    def close(self):
        for run in self.failed:
            print("\n# the end of %s" % run.log)
            print("#   " + tail(run.console).replace("\n", "\n#   "))
        print("\n# slowest runs:")
        for run in sorted(self.done, key=lambda r: -r.seconds)[:10]:
            print("# %6.1f s %s" % (run.seconds, run.name))
        if self.skipped:
            print("# %d were skipped" % self.skipped)
        passed = len(self.done) - len(self.failed) - self.skipped
        print("%d passed, %d failed" % (passed, len(self.failed)))


def open_root(build):
    """Where images and logs go, below a build directory."""
    claim(os.path.abspath(build))
    root = os.path.join(os.path.abspath(build), "test")
    os.makedirs(os.path.join(root, "logs"), exist_ok=True)
    return root


def run_all(runs):
    """Executes the runs, two at a time; 0 if all passed."""
    progress = Progress(runs)
    with ThreadPoolExecutor(2) as pool:
        for run in runs:
            pool.submit(progress.execute, run)
    progress.close()
    return 1 if progress.failed or len(progress.done) != len(runs) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tier", choices=("ci", "all"), default="ci")
    parser.add_argument("--only", default="*", help="glob of run names")
    parser.add_argument("--tests", default=os.path.join(HERE, "tests.cfg"))
    parser.add_argument("--timeout", type=float, default=0, help="seconds, instead of each run's")
    args = parser.parse_args()
    root = open_root(args.build)
    runs = load_runs(args.tests, root, args.tier, args.only or "*")
    if not runs:
        print("boottest: no run matches " + args.only)
        return 1
    for run in runs:
        run.timeout = args.timeout or run.timeout
    return run_all(runs)


if __name__ == "__main__":
    sys.exit(main())
