# SPDX-License-Identifier: MIT
"""Boots the built image in QEMU on this terminal (`make run`).

On a terminal QEMU stays until it is left (Ctrl-A x). Elsewhere it ends 2 s
after the guest said `ready`; with `test` on the command line it ends with the
tests' verdict. What cannot work is refused before QEMU starts."""

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

import elf
import faulttest
import guest
import ktap
import qemu

HERE = os.path.dirname(os.path.abspath(__file__))
READY_TIMEOUT = 180     # seconds; a hang guard, not a measure
TEST_TIMEOUT = 900
LINGER = 2              # seconds that QEMU lives on after `ready`


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build directory")
    for name in ("machine", "firmware", "boot", "accel", "mem", "cpus", "disk", "cmdline"):
        parser.add_argument("--" + name, default="")
    parser.add_argument("--qemu-args", default="")
    parser.add_argument("--check", action="store_true", help="only check, do not run")
    parser.add_argument("--gdb", action="store_true", help="stopped, with gdb attached")
    parser.add_argument("--gdb-args", default="")
    return parser.parse_args()


def load_config(args):
    path = os.path.join(args.build, ".config")
    return qemu.read_config(path) if os.path.exists(path) else {}


def debugcon(config):
    """The debug port, where it is the only way to hear of the guest; else 0."""
    if not config or "CONFIG_SERIAL" in config or "CONFIG_DEBUGCON" not in config:
        return 0
    return int(config["CONFIG_DEBUGCON_PORT"], 0)


def guest_of(args, config):
    """The wanted guest: what was asked for, else what the image claims."""
    claimed = qemu.claimed_machines(config)
    wanted = qemu.Guest(
        machine=args.machine or (claimed or ["q35"])[0],
        elf=os.path.join(args.build, "cairn.elf"),
        iso=os.path.join(args.build, "cairn.iso"),
        devices=["rng", "net"] + (["blk"] if args.disk else []),
        debug_port=qemu.debug_port(config),
        debugcon=debugcon(config),
        extra=shlex.split(args.qemu_args))
    for name in ("firmware", "boot", "accel", "mem", "cpus", "disk", "cmdline"):
        if getattr(args, name):
            setattr(wanted, name, getattr(args, name))
    wanted.reboot = faulttest.asked(wanted.cmdline)
    if claimed and wanted.kind not in claimed:
        print("run: warning: this configuration claims %s, not %s"
              % (", ".join(claimed), wanted.kind), file=sys.stderr)
    return wanted


def wants_test(cmdline):
    return any(w == "test" or w.startswith("test=") for w in cmdline.split())


def run_until_ready(session):
    """0 when `ready` came and QEMU lived on, or left as a guest may."""
    try:
        session.wait(r"^(ready\s*$|.*\bpanic: )", READY_TIMEOUT)
        time.sleep(LINGER)
    except guest.GuestError as error:
        if session.finish(LINGER) == ktap.EXIT_PASS:
            return 0
        print("run: %s" % error, file=sys.stderr)
        return 1
    finally:
        session.close()
    panic = [line for line in session.text().split("\n") if "panic: " in line]
    if panic:
        print("run: the guest gave up: %s" % panic[0].strip(), file=sys.stderr)
        return 1
    return 0


def run_tests(session, wanted, leaves):
    """0 when the tests passed and the whole of them ran. `leaves`: the guest
    ends QEMU by itself; else the line of totals is the end."""
    names = ktap.selected(elf.test_names(elf.Elf.load(wanted.elf)), wanted.cmdline)
    if leaves:
        code = session.finish(TEST_TIMEOUT)
        problems = ktap.judge(session.text(), code, names, skips_allowed=["*"])
    else:
        try:
            session.wait(r"^(# Totals: .*\n|.*\bpanic: )", TEST_TIMEOUT)
            problems = []
        except guest.GuestError as error:
            problems = [str(error)]
        finally:
            session.close()
        problems += ktap.judge_text(session.text(), names, skips_allowed=["*"])
    for problem in problems:
        print("run: %s" % problem, file=sys.stderr)
    print("run: tests %s" % ("failed" if problems else "passed"), file=sys.stderr)
    return 1 if problems else 0


@contextlib.contextmanager
def terminal_kept():
    """Whoever has the terminal meanwhile, and however that ends: it is as before."""
    settings = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        yield
    finally:
        if settings:
            with contextlib.suppress(termios.error):    # it is gone itself
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


def run_on_terminal(words):
    """QEMU in our place on the terminal: it reads the keys, Ctrl-C included.
    0 when the user left it or the guest left with success."""
    # A handler, unlike SIG_IGN, is not inherited. The terminal sends Ctrl-C to
    # QEMU too; the others were sent to us alone.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    with terminal_kept(), subprocess.Popen(words) as process:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: process.send_signal(number))
        code = process.wait()
    if code in (0, ktap.EXIT_PASS):
        return 0
    print("run: %s" % ("the guest left with failure" if code == ktap.EXIT_FAIL
                       else "QEMU left with %d" % code), file=sys.stderr)
    return 1


def debug(args, wanted):
    """gdb on this terminal, at the guest, which is stopped before its first
    instruction and ends with it; its console, which the terminal is not for, is
    in a file and on a socket. gdb's exit code."""
    if not shutil.which("gdb"):
        raise OSError("there is no gdb; `make setup` installs it")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    log = os.path.join(args.build, "gdb-console.log")
    with tempfile.TemporaryDirectory(prefix="cairn-") as folder:
        gdb, console = os.path.join(folder, "gdb"), os.path.join(folder, "console")
        wanted.serial = "chardev:console"
        wanted.extra += [
            "-S", "-gdb", "unix:%s,server=on,wait=off" % gdb, "-chardev",
            "socket,id=console,path=%s,server=on,wait=off,logfile=%s"
            % (console, log.replace(",", ",,"))]
        words = ["gdb", "-q", "-nx", "-x", os.path.join(HERE, "gdb", "cairn.py"), wanted.elf]
        for command in ("set pagination off", "set confirm off", "target remote " + gdb,
                        "hbreak kmain"):
            words += ["-ex", command]
        print(qemu.show(qemu.command(wanted)))
        print("console: %s; the socket to type at: %s" % (log, console))
        print("stopped before the first instruction, with a breakpoint at kmain", flush=True)
        with terminal_kept(), subprocess.Popen(qemu.command(wanted), stdin=subprocess.DEVNULL,
                                               start_new_session=True) as machine:
            try:
                await_socket(machine, gdb)
                signal.signal(signal.SIGINT, lambda number, frame: None)    # it is gdb's
                return subprocess.call(words + shlex.split(args.gdb_args))
            finally:
                machine.kill()


def await_socket(machine, path):
    """Until QEMU listens there."""
    while not os.path.exists(path):
        if machine.poll() is not None:
            raise OSError("QEMU ended with %d" % machine.returncode)
        time.sleep(0.02)


def main():
    args = parse_arguments()
    config = load_config(args)
    try:
        wanted = guest_of(args, config)
        qemu.check(wanted)
        qemu.check_config(wanted, config, sys.stdin.isatty() or args.gdb)
        if args.check:
            return 0
        image = wanted.elf if wanted.boot == "direct" else wanted.iso
        if not os.path.exists(image):
            raise qemu.Impossible("%s is not built; run make iso" % image)
        qemu.check_memory(wanted)
    except (qemu.Impossible, elf.ElfError, OSError, ValueError) as error:
        print("run: %s" % error, file=sys.stderr)
        return 2
    testing = wants_test(wanted.cmdline)
    if args.gdb:
        try:
            return debug(args, wanted)
        except OSError as error:
            print("run: %s" % error, file=sys.stderr)
            return 1
    if sys.stdin.isatty() and not testing:
        wanted.serial = "mon:stdio"
        wanted.reboot = True    # `reboot` is for who sits there
        words = qemu.command(wanted)
        print(qemu.show(words), flush=True)
        return run_on_terminal(words)
    words = qemu.command(wanted)
    print(qemu.show(words), flush=True)
    session = guest.Session(words, stdin=None, echo=True)
    if testing:
        return run_tests(session, wanted, leaves="CONFIG_DEBUG_EXIT" in config)
    return run_until_ready(session)


if __name__ == "__main__":
    sys.exit(main())
