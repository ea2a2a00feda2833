# SPDX-License-Identifier: MIT
"""Processes that serve disks to a guest over vhost-user, for the time of a run.

A line of the key `backend` in tests.cfg is the name of a program and its
options: `vhost-blk` is vhost_user_blk.py, `storage-daemon` is QEMU's, which
serves the file that is given and knows nothing of ours."""

import os
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
STORAGE_DAEMON = "qemu-storage-daemon"
SECONDS = 20            # that a process may take to start or to end


class BackendError(Exception):
    """A process that serves a disk did not start, or broke."""


def _vhost_blk(socket, options):
    return [sys.executable, os.path.join(HERE, "vhost_user_blk.py"), "--socket", socket] + options


def _storage_daemon(socket, options):
    """`storage-daemon FILE [EXPORT-OPTION...]`"""
    file, *more = options
    return [STORAGE_DAEMON,
            "--blockdev", "driver=file,node-name=file,filename=" + file.replace(",", ",,"),
            "--blockdev", "driver=raw,node-name=disk,file=file",
            "--export", ",".join(["type=vhost-user-blk,id=export,node-name=disk,writable=on",
                                  "addr.type=unix,addr.path=" + socket] + more)]


PROGRAMS = {"vhost-blk": _vhost_blk, "storage-daemon": _storage_daemon}


class Backend:
    """One process; ended by close()."""

    def __init__(self, line, folder, index):
        name, *options = shlex.split(line)
        if name not in PROGRAMS:
            raise BackendError("backend %s: no such program; there are %s"
                               % (name, ", ".join(sorted(PROGRAMS))))
        self.name = name
        self.socket = os.path.join(folder, "backend%d" % index)
        self.log = self.socket + ".log"
        with open(self.log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(PROGRAMS[name](self.socket, options), stdout=file,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            self._await_socket()
        except BackendError:
            self.close()
            raise

    def _await_socket(self):
        deadline = time.monotonic() + SECONDS
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BackendError("%s does not serve: %s" % (self.name, self.text()))
            time.sleep(0.01)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def finish(self):
        """QEMU has ended: waits for what is said at the end; problems."""
        code = None
        if self.name == "vhost-blk":        # it ends with its connection
            try:
                code = self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                pass
        elif self.process.poll() is None:
            self.process.terminate()
            code = 0
        self.close()
        if code == 0:
            return []
        how = "did not end" if code is None else "left with %d" % code
        return ["the backend %s %s: %s" % (self.name, how, self.text())]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def start_all(value, folder):
    """The backends of a run, started; none is left if one does not start."""
    started = []
    try:
        for line in value.split("\n"):
            if line.strip():
                started.append(Backend(line.strip(), folder, len(started)))
    except (BackendError, OSError):
        for backend in started:
            backend.close()
        raise
    return started
