# SPDX-License-Identifier: MIT
"""QEMU command lines: what was asked for, checked, then written out.

Guest says what machine is wanted; check() refuses what cannot work, with the
reason and the way out, before QEMU starts; command() is the argument list."""

import os
import re
import shlex
import shutil
from dataclasses import dataclass, field

import elf
import tap

QEMU = "qemu-system-x86_64"
OVMF = "/usr/share/ovmf/OVMF.fd"
MICROVM_BIOS = "/usr/share/seabios/bios-microvm.bin"

KERNEL_ROOM = 1 << 20       # bytes of memory wanted behind the kernel's image

MACHINES = ("q35", "pc", "microvm")
CHOICES = {
    "machine": MACHINES,
    "firmware": ("bios", "uefi"),
    "boot": ("iso", "direct"),
    "accel": ("tcg", "kvm"),
}
# What each machine calls a device; the transport follows from the machine.
DEVICES = {
    "rng": "virtio-rng-%s",
    "net": "virtio-net-%s,netdev=net%d",
    "blk": "virtio-blk-%s,drive=disk%d",
    "vhost-blk": "vhost-user-blk%s,chardev=vhost%d",
    "vga": "VGA",
}


class Impossible(Exception):
    """This combination cannot work; the text says why and what to do."""


@dataclass
class Guest:
    machine: str = "q35"        # name, then machine options: microvm,acpi=off
    firmware: str = "bios"
    boot: str = "iso"
    accel: str = "tcg"
    mem: str = "256M"
    cpus: str = "1"
    cpu: str = ""
    elf: str = ""               # boot=direct
    iso: str = ""               # boot=iso
    cmdline: str = ""           # boot=direct; in the ISO it is baked in
    devices: list = field(default_factory=list)     # "rng", "rng,opt=x", ...
    disk: str = ""              # file for the first blk, else an empty one
    legacy_free: bool = False   # virtio-mmio version 2
    debug_port: int = 0xf4
    reboot: bool = False        # a reset restarts the guest
    qmp: str = ""               # path of a control socket
    serial: str = "stdio"
    debugcon: int = 0           # port of a debug console on stdio, for no serial
    extra: list = field(default_factory=list)
    backends: list = field(default_factory=list)    # sockets, one for each vhost-blk
    tap: int = 0                # queues of the tap (tap.py) of the first net

    @property
    def kind(self):
        """Which of MACHINES it is; pc-q35-2.7 is a q35 of an earlier QEMU."""
        name = self.machine.partition(",")[0]
        return "q35" if name.startswith("pc-q35-") else name


def read_config(path):
    """Symbols of a .config: {"CONFIG_X": "y"}, strings without quotes."""
    symbols = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.strip().partition("=")
            if name.startswith("CONFIG_") and equals:
                symbols[name] = value.strip('"')
    return symbols


def claimed_machines(config):
    return [m for m in MACHINES if config.get("CONFIG_MACHINE_" + m.upper()) == "y"]


def debug_port(config):
    return int(config.get("CONFIG_DEBUG_EXIT_PORT", "0xf4"), 0)


def check_config(guest, config, terminal):
    """Raises Impossible where the image of this configuration cannot do what
    the command line asks for, or has nothing to say it with."""
    for word, option in (("test", "KTEST"), ("bench", "BENCH")):
        asked = [w for w in guest.cmdline.split() if w.partition("=")[0] == word]
        if config and asked and config.get("CONFIG_" + option) != "y":
            raise Impossible("CMDLINE=%s: this configuration has no CONFIG_%s; switch it on"
                             % (asked[0], option))
    heard = any(config.get("CONFIG_" + n) == "y" for n in ("SERIAL", "DEBUGCON"))
    if config and not heard and not terminal:
        raise Impossible("this configuration has neither CONFIG_SERIAL nor CONFIG_DEBUGCON:"
                         " nothing would be heard of the guest here")


def check_memory(guest):
    """Raises Impossible where the kernel does not fit the machine's memory."""
    number, unit = re.match(r"([0-9.]+)([KMGT]?)", guest.mem.upper()).groups()
    memory = int(float(number) * (1 << 10 * (" KMGT".index(unit or "M"))))
    end = max(s.paddr + s.memsz for s in elf.Elf.load(guest.elf).loads())
    least = end + KERNEL_ROOM
    if memory < least:
        raise Impossible("MEM=%s: %d KiB are less than the %d KiB that the kernel needs, which"
                         " ends at 0x%x" % (guest.mem, memory >> 10, -(-least >> 10), end))


def _option(words, name):
    """The value that follows the last -name among the words."""
    found = [v for k, v in zip(words, words[1:]) if k in ("-" + name, "--" + name)]
    return found[-1] if found else None


def _needs_file(path, package, why):
    if not os.path.exists(path):
        raise Impossible("%s is missing; %s. Install the package %s (make setup does)."
                         % (path, why, package))


def _check_values(guest):
    for name, choices in CHOICES.items():
        value = guest.kind if name == "machine" else getattr(guest, name)
        if value not in choices:
            raise Impossible("%s=%s: no such choice; there are %s"
                             % (name.upper(), value, ", ".join(choices)))
    if not guest.cpus.isdigit() or not 1 <= int(guest.cpus) <= 255:
        raise Impossible("CPUS=%s: a number from 1 to 255 is wanted" % guest.cpus)
    if not re.fullmatch(r"0*[1-9][0-9]*(\.[0-9]+)?[KMGTkmgt]?(,.*)?", guest.mem):
        raise Impossible("MEM=%s: a size is wanted, in MiB or with K, M, G or T" % guest.mem)


def _check_uefi(guest):
    if guest.boot == "direct":
        raise Impossible("FIRMWARE=uefi with BOOT=direct: a direct boot hands the kernel to"
                         " QEMU and runs no UEFI. Use BOOT=iso, or FIRMWARE=bios.")
    if guest.kind != "q35":
        raise Impossible("FIRMWARE=uefi with MACHINE=%s: the UEFI image (OVMF) supports"
                         " only q35 here. Use MACHINE=q35, or FIRMWARE=bios." % guest.kind)
    _needs_file(OVMF, "ovmf", "FIRMWARE=uefi boots with it")


def _check_microvm_grub(guest):
    options = guest.machine + "," + ",".join(guest.extra)
    if "acpi=off" in options.replace(" ", ","):
        raise Impossible("microvm with acpi=off cannot boot the ISO: without ACPI its firmware"
                         " finds no disk. Use BOOT=direct, or leave ACPI on.")
    bios = _option(guest.extra, "bios")
    if bios is None:
        _needs_file(MICROVM_BIOS, "seabios",
                    "microvm boots the ISO with it, its default firmware (qboot) cannot")
        return
    path = bios if os.path.exists(bios) else os.path.join("/usr/share/qemu", bios)
    if "qboot" in os.path.realpath(path):
        raise Impossible("-bios %s is qboot, which cannot boot a disk and would hang. Use %s"
                         " of the package seabios, or BOOT=direct." % (bios, MICROVM_BIOS))


def check(guest):
    """Raises Impossible where QEMU would fail or hang."""
    _check_values(guest)
    if guest.firmware == "uefi":
        _check_uefi(guest)
    if guest.kind == "microvm" and guest.boot == "iso":
        _check_microvm_grub(guest)
    served = sum(d.partition(",")[0] == "vhost-blk" for d in guest.devices)
    if served != len(guest.backends):
        raise Impossible("%d vhost-blk with %d backends: each needs a process that serves it"
                         % (served, len(guest.backends)))
    if guest.accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Impossible("ACCEL=kvm: /dev/kvm is not there or not yours. Use ACCEL=tcg.")
    if guest.disk and not os.path.exists(guest.disk):
        raise Impossible("DISK=%s: no such file" % guest.disk)
    if guest.disk and os.path.isdir(guest.disk):
        raise Impossible("DISK=%s: a directory; a file or a device is wanted" % guest.disk)
    if shutil.which(QEMU) is None:
        raise Impossible("%s is missing. Install the package qemu-system-x86"
                         " (make setup does)." % QEMU)


def expand_devices(text):
    """The words `rng*2 net blk,opt=1` as one entry per device."""
    devices = []
    for word in text.split():
        head, _, options = word.partition(",")
        name, _, count = head.partition("*")
        if name not in DEVICES:
            raise Impossible("device %s: no such kind; there are %s"
                             % (name, ", ".join(sorted(DEVICES))))
        devices += [name + ("," + options if options else "")] * int(count or 1)
    return devices


def _netdev(guest, number, options):
    """What a net hangs on, and the options that are its own: hub=N is a wire
    with all others that say so."""
    hub = re.match(r"hub=(\d+)(?:,|$)", options)
    if hub:
        return "hubport,hubid=" + hub.group(1), options[hub.end():]
    if number or not guest.tap:
        return "user", options
    return ("tap,ifname=%s,script=no,downscript=no,vhost=off,queues=%d"
            % (tap.NAME, guest.tap), options)


def _device_arguments(guest):
    mmio = guest.kind == "microvm" and "pcie=on" not in guest.machine
    bus = "device" if mmio else "pci"
    words, disks, nets, served = [], 0, 0, 0
    for device in guest.devices:
        name, _, options = device.partition(",")
        model = DEVICES[name]
        if name == "net":
            wire, options = _netdev(guest, nets, options)
            words += ["-netdev", wire + ",id=net%d" % nets]
            model, nets = model % (bus, nets), nets + 1
        elif name == "blk":
            backend = "driver=null-co,read-zeroes=on"
            if disks == 0 and guest.disk:
                backend = "format=raw,file=" + guest.disk.replace(",", ",,")
            words += ["-drive", "id=disk%d,if=none,%s" % (disks, backend)]
            model, disks = model % (bus, disks), disks + 1
        elif name == "vhost-blk":
            words += ["-chardev", "socket,id=vhost%d,path=%s"
                      % (served, guest.backends[served].replace(",", ",,"))]
            model, served = model % ("" if mmio else "-pci", served), served + 1
        elif "%s" in model:
            model = model % bus
        words += ["-device", model + ("," + options if options else "")]
    return words


def _boot_arguments(guest):
    if guest.boot == "direct":
        append = ["-append", guest.cmdline] if guest.cmdline else []
        return ["-kernel", guest.elf] + append
    if guest.kind != "microvm":
        firmware = ["-bios", OVMF] if guest.firmware == "uefi" else []
        return firmware + ["-cdrom", guest.iso]
    bios = [] if _option(guest.extra, "bios") else ["-bios", MICROVM_BIOS]
    return bios + ["-drive", "id=iso,if=none,format=raw,readonly=on,file="
                   + guest.iso.replace(",", ",,"),
                   "-device", "virtio-blk-device,drive=iso"]


def _debugcon_arguments(guest):
    """The debug port on stdio, with the monitor where serial would have it."""
    monitor = guest.serial == "mon:stdio"
    words = ["-chardev", "stdio,id=debug" + (",mux=on,signal=off" if monitor else ""),
             "-device", "isa-debugcon,iobase=0x%x,chardev=debug" % guest.debugcon]
    return words + (["-mon", "chardev=debug,mode=readline"] if monitor else [])


def command(guest):
    """The whole command line as a list."""
    machine = guest.machine
    if guest.kind == "microvm" and guest.boot == "iso" and "acpi=" not in machine:
        machine += ",acpi=on"
    shared = []
    if guest.backends:      # who serves a device must see the guest's memory
        machine += ",memory-backend=shared"
        shared = ["-object", "memory-backend-memfd,id=shared,share=on,size=" + guest.mem]
    words = [QEMU, "-nodefaults", "-no-user-config", "-M", machine,
             "-accel", guest.accel, "-m", guest.mem, "-smp", guest.cpus]
    cpu = guest.cpu or ("host" if guest.accel == "kvm" else "max")
    words += ["-cpu", cpu, "-serial", "none" if guest.debugcon else guest.serial]
    if guest.debugcon:
        words += _debugcon_arguments(guest)
    if _option(guest.extra, "display") is None and "-nographic" not in guest.extra:
        words += ["-display", "none"]
    if not guest.reboot:
        words += ["-no-reboot"]
    if guest.legacy_free:
        words += ["-global", "virtio-mmio.force-legacy=false"]
    if guest.qmp:
        words += ["-qmp", "unix:%s,server=on,wait=off" % guest.qmp]
    words += ["-device", "isa-debug-exit,iobase=0x%x,iosize=4" % guest.debug_port]
    return words + shared + _boot_arguments(guest) + _device_arguments(guest) + guest.extra


def show(words):
    """A command line that can be pasted into a shell."""
    return " ".join(shlex.quote(w) for w in words)
