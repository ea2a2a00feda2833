# SPDX-License-Identifier: MIT
"""A session against a stand-in for QEMU: a program on pipes."""

import signal
import sys
import threading
import time
import unittest

import guest

ECHO = """
import sys
print("KTAP\\x1b[1mready\\r")
print("cairn> ", end="", flush=True)
for line in sys.stdin.buffer.raw.read(100).split(b"\\r"):
    print(line.decode(), flush=True)
sys.exit(33)
"""


def session(program):
    return guest.Session([sys.executable, "-c", program])


class SessionTest(unittest.TestCase):
    def test_conversation(self):
        talk = session(ECHO)
        talk.wait("^KTAPready$", 20)
        talk.wait("^cairn> ", 20)
        talk.send("hello")
        talk.wait("^cairn> hello$|^hello$|hello", 20)
        self.assertEqual(talk.finish(20), 33)

    def test_a_match_is_consumed(self):
        talk = session("print('one two one')")
        talk.wait("one", 20)
        talk.wait("one", 20)
        with self.assertRaisesRegex(guest.GuestError, "QEMU ended before"):
            talk.wait("one", 20)
        talk.close()

    def test_a_stalled_reader_loses_nothing(self):
        talk = session("import sys\nsys.stdin.readline()\n"
                       "for i in range(4000): print('line', i)\nprint('end')")
        started = time.monotonic()
        talk.stall("go\n", 0.5)
        self.assertGreaterEqual(time.monotonic() - started, 0.5)
        talk.wait("^line 3999$", 20)
        talk.wait("^end$", 20)
        self.assertEqual(talk.finish(20), 0)

    def test_nothing_is_read_during_a_stall(self):
        talk = session("import sys\nsys.stdin.readline()\nprint('x' * 100000)")
        sizes = []
        timer = threading.Timer(0.6, lambda: sizes.append(len(talk.raw)))
        timer.start()
        talk.stall("go\n", 1.0)
        timer.join()
        # One read was under way when the stall began.
        self.assertLess(sizes[0], 100000)
        talk.wait("x{100000}", 20)
        self.assertEqual(talk.finish(20), 0)

    def test_silence_ends_in_time(self):
        talk = session("import time; time.sleep(600)")
        started = time.monotonic()
        with self.assertRaisesRegex(guest.GuestError, "out of time"):
            talk.wait("ready", 0.3)
        self.assertIsNone(talk.finish(0.3))
        self.assertLess(time.monotonic() - started, 20)

    def test_babble_ends_in_time(self):
        talk = session("while True: print('x' * 100)")
        with self.assertRaises(guest.GuestError):
            talk.wait("ready", 0.5)
        # Killed here, or before by the reader when the cap was reached.
        self.assertIn(talk.finish(0.1), (None, -signal.SIGKILL))


if __name__ == "__main__":
    unittest.main()
