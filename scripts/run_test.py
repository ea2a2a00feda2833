# SPDX-License-Identifier: MIT
"""That `make gdb` leaves nothing behind, however it ends (run.py)."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

# In QEMU's place: makes the socket that it is told of, and stays.
MACHINE = """#!/bin/sh
for word; do
    case "$word" in
    unix:*/gdb,*) path="${word#unix:}"; : >"${path%%,*}" ;;
    esac
done
echo $$ >"$HOME/machine"
exec sleep 60
"""
DEBUGGER = """#!/bin/sh
echo $$ >"$HOME/debugger"
exec sleep 60
"""
DEBUG = """
import argparse, qemu, run
wanted = qemu.Guest(machine="microvm", boot="direct", elf="cairn.elf")
run.debug(argparse.Namespace(build="a,b", gdb_args=""), wanted)
"""


def wait_for(condition):
    """Whether it came true; the bound is a hang guard."""
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


class DebugTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cairn-")
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        for name, text in (("qemu-system-x86_64", MACHINE), ("gdb", DEBUGGER)):
            self.program(name, text)

    def program(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def start(self):
        path = self.home + ":" + os.environ["PATH"]
        process = subprocess.Popen(
            [sys.executable, "-c", DEBUG], cwd=self.home, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, HOME=self.home, PATH=path, PYTHONPATH=HERE,
                     TMPDIR=self.home))
        self.addCleanup(process.kill)
        return process

    def pid(self, name):
        try:
            with open(os.path.join(self.home, name), encoding="utf-8") as file:
                return int(file.read() or 0)
        except FileNotFoundError:
            return 0

    def test_who_is_told_to_end_takes_machine_and_sockets_along(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            process = self.start()
            self.assertTrue(wait_for(lambda: self.pid("debugger")))
            pids = [self.pid("machine"), self.pid("debugger")]
            process.send_signal(number)
            process.communicate(timeout=30)
            self.assertEqual([os.path.exists("/proc/%d" % pid) for pid in pids],
                             [False, False])
            self.assertEqual([n for n in os.listdir(self.home) if n.startswith("cairn-")], [])
            os.remove(os.path.join(self.home, "debugger"))

    def test_a_comma_in_the_path_of_the_log_is_none_of_qemus(self):
        process = self.start()
        self.assertTrue(wait_for(lambda: self.pid("debugger")))
        process.send_signal(signal.SIGTERM)
        self.assertIn("logfile=a,,b/gdb-console.log", process.communicate(timeout=30)[0])

    def test_a_machine_that_ends_is_said(self):
        self.program("qemu-system-x86_64", "#!/bin/sh\nexit 3\n")
        process = self.start()
        self.assertIn("QEMU ended with 3", process.communicate(timeout=30)[1])


if __name__ == "__main__":
    unittest.main()
