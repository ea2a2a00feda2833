# SPDX-License-Identifier: MIT
"""What disks, networks and entropy cost in the guest, by virtio-mmio and by
virtio-pci: bench=blk,net,rng, and with --linux the same work done by a Linux
guest on the same machines of the same QEMU, beside it.

Each machine is run under `-icount shift=0`, where instructions are counted,
and at full speed, where time is: several times, the guests taking turns, of
which the median counts. The disk is null-co, which does nothing, so that
what is measured is the guest and the hand-over. Of three network devices the
first is on a wire of its own, whose other end drops frames of a type that it
does not know; the others share one."""

import argparse
import os
import re
import statistics
import sys
from dataclasses import dataclass

import guest
import ktap
import linuxguest
import qemu

TIMEOUT = 900       # seconds, a hang guard
FIGURE = re.compile(r"^bench (\S+) (\d+) \S+$", re.M)
TSC = re.compile(r"^clocks  TSC (\d+) Hz", re.M)
LINUX_CMDLINE = ("console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc "
                 "tsc_early_khz=%d bench=%s")
COUNTED_OPS = " ops=1000"   # a tenth of the usual: what is counted repeats
COUNTED_KHZ = 1000000       # under -icount shift=0 a tick is a nanosecond

BLK = (("4 KiB random, depth 1", "blk.read_4k.d1"),
       ("4 KiB random, depth 32", "blk.read_4k.d32"),
       ("4 KiB random, depth 256", "blk.read_4k.d256"),
       ("128 KiB sequential, depth 8", "blk.read_128k.d8"))
# What is printed of each: a word, the figure's last name, from which run.
COUNTS = (("instructions", "total"), ("  submission", "submit"), ("  completion", "complete"),
          ("doorbells", "doorbells"), ("interrupts", "interrupts"))


@dataclass
class Transport:
    name: str
    machine: str
    suffix: str             # of a device's model
    counted: str            # options of a device where instructions are counted


# With ioeventfd an idle guest under -icount jumps to its next timer.
TRANSPORTS = (Transport("virtio-mmio (microvm)", "microvm", "device", ""),
              Transport("virtio-pci (q35)", "q35", "pci", ",ioeventfd=off"))


class Failed(Exception):
    """A guest did not come to its end."""


def devices(transport, options):
    """The words of QEMU's command line for the devices."""
    words = ["-drive", "if=none,id=disk,driver=null-co,size=1G,read-zeroes=on"]
    models = ["virtio-blk-%s,drive=disk"]
    for number, backend in enumerate(("user,ipv6=off", "hubport,hubid=0", "hubport,hubid=0"), 1):
        words += ["-netdev", "%s,id=net%d" % (backend, number)]
        models.append("virtio-net-%%s,netdev=net%d,mac=52:54:00:00:00:%02x" % (number, number))
    # Where nobody listens a hub keeps a frame, and nothing proves the interrupt of who sent it.
    words += ["-netdev", "user,ipv6=off,id=host", "-netdev", "hubport,hubid=0,id=up,netdev=host"]
    models.append("virtio-rng-%s")
    for model in models:
        words += ["-device", model % transport.suffix + options]
    return words


def command(transport, counted, kernel, cmdline, port, extra):
    options = transport.counted if counted else ""
    words = qemu.command(qemu.Guest(machine=transport.machine, boot="direct", elf=kernel,
                                    cmdline=cmdline, debug_port=port, mem="256M"))
    return words + devices(transport, options) + extra + \
        (["-icount", "shift=0,sleep=off"] if counted else [])


def boot(argv, title):
    """Boots; returns what the console said."""
    session = guest.Session(argv)
    code = session.finish(TIMEOUT)
    text = session.text()
    if code != ktap.EXIT_PASS:
        raise Failed("%s left with %s:\n%s" % (title, code, text))
    return text


def figures(text):
    return {name: int(value) for name, value in FIGURE.findall(text)}


class Bench:
    """Boots what is asked for, and keeps what the guests said."""

    def __init__(self, args):
        config = qemu.read_config(os.path.join(args.build, ".config"))
        self.args = args
        self.port = qemu.debug_port(config)
        self.elf = os.path.join(args.build, "cairn.elf")
        self.linux = linuxguest.make(args.build, args.hostcc) if args.linux else None
        self.khz = 0

    def cairn(self, transport, counted):
        words = "bench=%s%s" % (self.args.only, COUNTED_OPS if counted else "")
        text = boot(command(transport, counted, self.elf, words, self.port, []),
                    "Cairn, " + transport.name)
        if not counted:
            self.khz = int(TSC.search(text).group(1)) // 1000
        return figures(text)

    def other(self, transport, counted):
        kernel, archive = self.linux
        khz = COUNTED_KHZ if counted else self.khz
        text = boot(command(transport, counted, kernel, LINUX_CMDLINE % (khz, self.args.only),
                            self.port, ["-initrd", archive]), "Linux, " + transport.name)
        return figures(text)

    def column(self, transport):
        """Figures of each system: counted ones, and medians of rates."""
        systems = [self.cairn] + ([self.other] if self.linux else [])
        columns = []
        rates = [[system(transport, False) for system in systems]
                 for _ in range(self.args.rounds)]
        for i, system in enumerate(systems):
            column = system(transport, True)
            for name in column:
                if name.endswith(".rate"):
                    column[name] = statistics.median(r[i][name] for r in rates)
            columns.append(column)
        return columns


def shown(value, divisor):
    if value is None:
        return "-"
    value /= divisor
    return "%.0f" % value if value >= 1000 else "%.1f" % value if value >= 10 else "%.2f" % value


def ratio(ours, theirs):
    return "-" if not ours or not theirs else "%.1f" % (ours / theirs)


def row(label, columns, name, divisor, per_second):
    """One line: each transport's value, with Linux's and how many times better ours is."""
    values = [c.get(name) for systems in columns for c in systems]
    if not any(v is not None for v in values):
        return
    cells = []
    for systems in columns:
        ours = systems[0].get(name)
        cells.append("%10s" % shown(ours, divisor))
        if len(systems) > 1:
            theirs = systems[1].get(name)
            better = ratio(ours, theirs) if per_second else ratio(theirs, ours)
            cells.append("%10s %7s" % (shown(theirs, divisor), better))
    print("%-34s%s" % (label, "  ".join(cells)))


def section(title, columns, name, rate, divisor):
    if not any(key.startswith(name + ".") for systems in columns for c in systems for key in c):
        return
    print(title)
    row("  %s per second" % rate, columns, name + ".rate", divisor, True)
    for label, figure in COUNTS:
        row("  " + label, columns, "%s.%s" % (name, figure), 1000, False)


def table(columns, linux):
    width = 32 if linux else 12
    print("%-34s%s" % ("", "".join(("%-" + str(width) + "s") % t.name for t in TRANSPORTS)))
    if linux:
        print("%-34s%s" % ("", "  ".join("%10s  %10s %7s" % ("Cairn", "Linux", "times")
                                         for _ in TRANSPORTS)))
    for label, name in BLK:
        section("blk " + label, columns, name, "thousands", 1000)
    section("net transmit 60 B", columns, "net.transmit_60", "thousands", 1000)
    section("net receive 60 B", columns, "net.receive_60", "thousands", 1000)
    section("rng 64 B, depth 1", columns, "rng.64", "thousands", 1000)
    row("rng stream, MB per second", columns, "rng.stream.rate", 1000000, True)
    row("  instructions per KiB", columns, "rng.stream.total_per_kib", 1000, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="blk,net,rng", help="which of these, with commas")
    parser.add_argument("--linux", action="store_true", help="a Linux guest beside it")
    parser.add_argument("--rounds", type=int, default=3, help="runs at full speed")
    parser.add_argument("--hostcc", default="gcc")
    args = parser.parse_args()
    try:
        bench = Bench(args)
        columns = [bench.column(t) for t in TRANSPORTS]
    except (Failed, linuxguest.Missing, qemu.Impossible, OSError) as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    table(columns, args.linux)
    return 0


if __name__ == "__main__":
    sys.exit(main())
