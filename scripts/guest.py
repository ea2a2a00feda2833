# SPDX-License-Identifier: MIT
"""A running QEMU: its console captured, spoken to, reset, and always ended.

The reader is a thread, so a guest that writes without end or falls silent
cannot block the caller: every wait here has a bound."""

import fcntl
import json
import re
import socket
import subprocess
import sys
import threading
import time

import ktap

CONSOLE_MAX = 16 << 20      # bytes; a guest that says more babbles, and is ended

PIPE_MIN = 4096             # bytes that wait unread, the least that Linux grants


class GuestError(Exception):
    """The guest did not do what was waited for."""


class Session:
    """One QEMU process. `echo`: the console also goes to our stdout."""

    def __init__(self, argv, stdin=subprocess.PIPE, echo=False, qmp=""):
        self.qmp = qmp
        self.echo = echo
        self.raw = bytearray()
        self.cleaned = ""           # of the raw bytes before clean_end
        self.clean_end = 0
        self.mark = 0               # how much of text() is already consumed
        self.more = threading.Condition()
        self.process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)
        self.listening = threading.Event()
        self.listening.set()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.ended = False
        self.reader.start()

    def _read(self):
        while self.listening.wait():
            data = self.process.stdout.read(65536)
            with self.more:
                self.raw += data or b""
                self.ended = not data
                self.more.notify_all()
            if not data:
                return
            if len(self.raw) > CONSOLE_MAX:
                self.process.kill()
            if self.echo:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()

    def text(self):
        """The console up to now, cleaned. Each whole line is cleaned once."""
        with self.more:
            raw = bytes(self.raw[self.clean_end:])
        whole = raw.rfind(b"\n") + 1
        self.cleaned += ktap.clean(raw[:whole])
        self.clean_end += whole
        return self.cleaned + ktap.clean(raw[whole:])

    def note(self, text):
        """A line of ours among what the console says."""
        with self.more:
            self.raw += b"\n" + text.encode() + b"\n"

    def fresh(self):
        """What came since the last match of wait() or the last reset."""
        return self.text()[self.mark:]

    def wait(self, pattern, timeout):
        """Waits for a line or prompt that matches; returns the match."""
        deadline = time.monotonic() + timeout
        regex = re.compile(pattern, re.M)
        while True:
            with self.more:
                size, ended = len(self.raw), self.ended
            text = self.text()
            match = regex.search(text, self.mark)
            if match:
                self.mark = match.end()
                return match
            if ended:
                raise GuestError("QEMU ended before the console said /%s/" % pattern)
            self._wait_more(size, deadline, "the console never said /%s/" % pattern)

    def _wait_more(self, size, deadline, complaint):
        if time.monotonic() > deadline:
            raise GuestError("%s: out of time" % complaint)
        with self.more:
            while len(self.raw) == size and not self.ended:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise GuestError("%s: out of time" % complaint)
                self.more.wait(left)

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\r")
        self.process.stdin.flush()

    def type(self, keys):
        """Sends keys as they are, without an end of line."""
        self.process.stdin.write(keys.encode())
        self.process.stdin.flush()

    def stall(self, line, seconds):
        """Sends a line and for so long reads none of what the guest says, as
        a terminal that stopped; then reads on."""
        fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, PIPE_MIN)
        self.listening.clear()
        try:
            self.send(line)
            time.sleep(seconds)
        finally:
            self.listening.set()

    def control(self, execute, **arguments):
        """One QMP command on the control socket; what it answers."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(self.qmp)
            with control.makefile("rwb") as file:
                file.readline()
                for name, words in (("qmp_capabilities", {}), (execute, arguments)):
                    message = {"execute": name, "arguments": words}
                    file.write(json.dumps(message).encode() + b"\n")
                    file.flush()
                    answer = json.loads(file.readline())
                    while "event" in answer:
                        answer = json.loads(file.readline())
                    if "error" in answer:
                        raise GuestError("QMP %s: %s" % (name, answer["error"]))
                return answer["return"]

    def reset(self):
        """A warm reset; what was on the console before counts no more."""
        self.mark = len(self.text())
        self.control("system_reset")

    def finish(self, timeout):
        """Waits until QEMU ends by itself; its exit code, None if it had to
        be killed."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        return code

    def close(self):
        self.listening.set()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
