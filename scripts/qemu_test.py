# SPDX-License-Identifier: MIT
"""Combinations that cannot work are refused with a reason; the rest of the
command lines say what was asked."""

import unittest
from unittest import mock

import qemu


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
