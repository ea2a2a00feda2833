# SPDX-License-Identifier: MIT
"""Combinations that cannot work are refused with a reason; the rest of the
command lines say what was asked."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import qemu
import run


def refusal(**options):
    try:
        qemu.check(qemu.Guest(**options))
    except qemu.Impossible as error:
        return str(error)
    return ""


@mock.patch("shutil.which", lambda name: "/bin/" + name)
@mock.patch("os.path.exists", lambda path: True)
class CheckTest(unittest.TestCase):
    def test_what_works_is_accepted(self):
        for options in ({}, {"boot": "direct"}, {"machine": "pc"}, {"firmware": "uefi"},
                        {"machine": "microvm"},
                        {"machine": "microvm,acpi=off", "boot": "direct"}):
            self.assertEqual(refusal(**options), "")

    def test_unknown_values(self):
        self.assertIn("no such choice", refusal(machine="s390"))
        self.assertIn("no such choice", refusal(firmware="coreboot"))
        self.assertIn("no such choice", refusal(boot="floppy"))
        self.assertIn("1 to 255", refusal(cpus="many"))

    def test_uefi(self):
        self.assertIn("BOOT=iso", refusal(firmware="uefi", boot="direct"))
        self.assertIn("only q35", refusal(firmware="uefi", machine="microvm"))
        self.assertIn("only q35", refusal(firmware="uefi", machine="pc"))

    def test_microvm_through_grub(self):
        self.assertIn("acpi=off", refusal(machine="microvm,acpi=off"))
        self.assertIn("acpi=off", refusal(machine="microvm", extra=["-M", "microvm,acpi=off"]))
        self.assertIn("qboot", refusal(machine="microvm", extra=["-bios", "/x/qboot.rom"]))

    def test_a_disk_that_nobody_serves(self):
        self.assertIn("1 vhost-blk with 0 backends", refusal(devices=["vhost-blk,packed=on"]))
        self.assertIn("0 vhost-blk with 1 backends", refusal(backends=["/s"]))
        self.assertEqual(refusal(devices=["vhost-blk"], backends=["/s"]), "")

    def test_missing_firmware_names_the_package(self):
        with mock.patch("os.path.exists", lambda path: "seabios" not in path):
            self.assertIn("package seabios", refusal(machine="microvm"))
        with mock.patch("os.path.exists", lambda path: "ovmf" not in path):
            self.assertIn("package ovmf", refusal(firmware="uefi"))

    def test_missing_qemu_and_disk(self):
        with mock.patch("shutil.which", lambda name: None):
            self.assertIn("qemu-system-x86", refusal())
        with mock.patch("os.path.exists", lambda path: path != "/no/disk"):
            self.assertIn("no such file", refusal(disk="/no/disk"))
        self.assertIn("a directory", refusal(disk="/"))

    def test_memory_is_a_size(self):
        for mem in ("foo", "-1", "0", "1X", "M", "1 M"):
            self.assertIn("a size is wanted", refusal(mem=mem))
        for mem in ("64", "4M", "1.5G", "2g", "1T", "1G,maxmem=2G"):
            self.assertEqual(refusal(mem=mem), "")


SERIAL = {"CONFIG_SERIAL": "y"}


class ConfigTest(unittest.TestCase):
    """What the image cannot do is refused."""

    def refusal(self, config, cmdline="", terminal=False):
        try:
            qemu.check_config(qemu.Guest(cmdline=cmdline), config, terminal)
        except qemu.Impossible as error:
            return str(error)
        return ""

    def test_tests_and_benches_must_be_in_the_image(self):
        self.assertIn("CONFIG_KTEST", self.refusal(SERIAL, "a test=x"))
        self.assertIn("CONFIG_BENCH", self.refusal(SERIAL, "bench"))
        self.assertEqual(self.refusal({**SERIAL, "CONFIG_KTEST": "y"}, "test"), "")
        self.assertEqual(self.refusal({}, "test"), "")

    def test_somebody_must_hear_of_the_guest(self):
        self.assertIn("neither", self.refusal({"CONFIG_SHELL": "y"}))
        self.assertEqual(self.refusal({"CONFIG_SHELL": "y"}, terminal=True), "")
        self.assertEqual(self.refusal({"CONFIG_DEBUGCON": "y"}), "")

    def test_the_debug_port_stands_in_for_the_serial_line(self):
        config = {"CONFIG_DEBUGCON": "y", "CONFIG_DEBUGCON_PORT": "0xe9"}
        self.assertEqual(run.debugcon({**config, **SERIAL}), 0)
        guest = qemu.Guest(boot="direct", elf="k", debugcon=run.debugcon(config))
        text = qemu.show(qemu.command(guest))
        self.assertIn("-serial none -chardev stdio,id=debug -device isa-debugcon,iobase=0xe9",
                      text)

    def test_memory_must_hold_the_kernel(self):
        header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01", 2, 62, 1, 0, 64, 0, 0,
                             64, 56, 1, 64, 0, 0)
        load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0x200000, 0, 0x80000, 4096)
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "elf")
            with open(path, "wb") as file:
                file.write(header + load)
            for mem, words in (("3", "3072 KiB are less than the 3584 KiB"), ("3M", "3584"),
                               ("2048k", "2048 KiB"), ("3584K", ""), ("1G,maxmem=2G", "")):
                try:
                    qemu.check_memory(qemu.Guest(mem=mem, elf=path))
                    said = ""
                except qemu.Impossible as error:
                    said = str(error)
                self.assertIn(words, said)
                self.assertEqual(bool(words), bool(said), mem)

    def test_how_the_guest_left_is_the_verdict(self):
        for code, verdict in ((0, 0), (33, 0), (35, 1), (1, 1)):
            words = ["sh", "-c", "exit %d" % code]
            text = "import run, sys; sys.exit(run.run_on_terminal(%r))" % words
            done = subprocess.run([sys.executable, "-c", text], check=False,
                                  stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                  cwd=os.path.dirname(os.path.abspath(run.__file__)))
            self.assertEqual(done.returncode, verdict)


class CommandTest(unittest.TestCase):
    def test_devices_expand(self):
        self.assertEqual(qemu.expand_devices("rng*2 blk,num-queues=2"),
                         ["rng", "rng", "blk,num-queues=2"])
        with self.assertRaises(qemu.Impossible):
            qemu.expand_devices("gpu")

    def test_transport_follows_machine(self):
        for machine, model in (("q35", "virtio-rng-pci"), ("microvm", "virtio-rng-device"),
                               ("microvm,pcie=on", "virtio-rng-pci")):
            guest = qemu.Guest(machine=machine, boot="direct", elf="x", devices=["rng"])
            self.assertIn(model, qemu.command(guest))

    def test_nets_have_a_network_each_or_share_a_wire(self):
        guest = qemu.Guest(boot="direct", elf="x", devices=["net,hub=3,mq=off", "net,hub=3", "net"])
        text = qemu.show(qemu.command(guest))
        self.assertIn("-netdev hubport,hubid=3,id=net0 -device virtio-net-pci,netdev=net0,mq=off",
                      text)
        self.assertIn("-netdev hubport,hubid=3,id=net1 -device virtio-net-pci,netdev=net1 ", text)
        self.assertIn("-netdev user,id=net2 -device virtio-net-pci,netdev=net2", text)

    def test_microvm_iso_is_a_disk_with_acpi(self):
        text = qemu.show(qemu.command(qemu.Guest(machine="microvm", iso="x.iso")))
        self.assertIn("-M microvm,acpi=on", text)
        self.assertIn("virtio-blk-device,drive=iso", text)
        self.assertNotIn("-cdrom", text)

    def test_options(self):
        guest = qemu.Guest(boot="direct", elf="k", cmdline="test a b", legacy_free=True,
                           debug_port=0x501, reboot=True, extra=["-display", "gtk"])
        text = qemu.show(qemu.command(guest))
        self.assertIn("-append 'test a b'", text)
        self.assertIn("force-legacy=false", text)
        self.assertIn("iobase=0x501", text)
        self.assertNotIn("-no-reboot", text)
        self.assertNotIn("-display none", text)


if __name__ == "__main__":
    unittest.main()
