# SPDX-License-Identifier: MIT
"""The processes that serve disks start, say what they did, and are gone."""

import os
import socket
import tempfile
import unittest
from unittest import mock

import backend


class BackendTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, value):
        started = backend.start_all(value, self.folder)
        for process in started:
            self.addCleanup(process.close)
        return started

    def test_each_line_is_a_process_with_a_socket_of_its_own(self):
        first, second = self.start("vhost-blk --size 1\n\nvhost-blk --size 2\n")
        self.assertNotEqual(first.socket, second.socket)
        for process in (first, second):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(process.socket)
            self.assertEqual(process.finish(), [])
            self.assertIn("requests: 0", process.text())

    def test_the_storage_daemon_serves_a_file(self):
        path = os.path.join(self.folder, "disk")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        process, = self.start("storage-daemon " + path)
        self.assertEqual(process.finish(), [])
        self.assertIsNotNone(process.process.poll())

    def test_what_does_not_start_says_why(self):
        with self.assertRaisesRegex(backend.BackendError, "no such lie"):
            self.start("vhost-blk --size 1 --lie truth")
        with self.assertRaisesRegex(backend.BackendError, "no such program"):
            self.start("floppy")

    def test_none_is_left_where_one_does_not_start(self):
        with mock.patch.object(backend.Backend, "close", autospec=True,
                               side_effect=backend.Backend.close) as close:
            with self.assertRaises(backend.BackendError):
                self.start("vhost-blk --size 1\nvhost-blk --lie x --size 1")
        ended = {call.args[0].socket for call in close.call_args_list}
        self.assertEqual(len(ended), 2)

    def test_one_that_breaks_is_a_problem(self):
        process, = self.start("vhost-blk --size 1")
        process.process.kill()
        self.assertRegex(process.finish()[0], "vhost-blk left with -9")

    def test_one_that_hangs_is_a_problem_and_ended(self):
        process, = self.start("vhost-blk --size 1")     # nobody ever connects
        with mock.patch.object(backend, "SECONDS", 0.2):
            self.assertRegex(process.finish()[0], "did not end")
        self.assertIsNotNone(process.process.poll())


if __name__ == "__main__":
    unittest.main()
