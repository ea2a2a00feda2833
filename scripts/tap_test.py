# SPDX-License-Identifier: MIT
"""The tap: refused in words, or made as asked, with a mirror behind it."""

import os
import subprocess
import sys
import unittest
from unittest import mock

import qemu
import tap


class MirrorTest(unittest.TestCase):
    def test_a_frame_to_the_mirror_comes_back(self):
        header, sender = b"h" * tap.VNET_HEADER, b"sender"
        frame = tap.MIRROR + sender + b"\x08\x00payload"
        self.assertEqual(tap.reflected(header + frame),
                         header + sender + tap.MIRROR + b"\x08\x00payload")

    def test_others_do_not(self):
        self.assertIsNone(tap.reflected(b"h" * tap.VNET_HEADER + b"\xff" * 60))
        self.assertIsNone(tap.reflected(b"h" * tap.VNET_HEADER + tap.MIRROR))


class RefusalTest(unittest.TestCase):
    def test_each_has_words(self):
        with mock.patch("shutil.which", return_value=None):
            self.assertRegex(tap.refusal(), "no unshare")
        for codes, words in (([1], "no network namespace"), ([0, 1], "no tap"), ([0, 0], None)):
            left = [mock.Mock(returncode=code) for code in codes]
            with mock.patch("shutil.which", return_value="/bin/unshare"), \
                    mock.patch("subprocess.run", side_effect=left):
                said = tap.refusal()
            self.assertEqual(said is None, words is None)
            self.assertIn(words or "", said or "")


class CommandTest(unittest.TestCase):
    def test_the_first_net_hangs_on_it(self):
        guest = qemu.Guest(boot="direct", elf="x", tap=4, devices=["net,mq=on", "net"])
        text = qemu.show(qemu.command(guest))
        self.assertIn("-netdev tap,ifname=tap0,script=no,downscript=no,vhost=off,queues=4,id=net0"
                      " -device virtio-net-pci,netdev=net0,mq=on", text)
        self.assertIn("-netdev user,id=net1", text)

    @unittest.skipIf(tap.refusal(), "no tap on this host")
    def test_it_is_there_in_a_namespace_of_its_own(self):
        text = "print(open('/proc/net/dev').read())"
        done = subprocess.run(tap.command(2, [sys.executable, "-c", text]), check=True,
                              stdout=subprocess.PIPE, text=True)
        self.assertIn("tap0", done.stdout)
        self.assertFalse(os.path.exists("/sys/class/net/tap0"))


if __name__ == "__main__":
    unittest.main()
