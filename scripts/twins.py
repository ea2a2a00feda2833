#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the driver trace of a device against that of its twin on another transport.

One image with CONFIG_VIRTIO_TRACE boots with one device and `trace=virtio`, and
runs a test that asks the same of the device each time. Twins are MMIO 1 and legacy
PCI, and MMIO 2 and modern PCI: there the whole trace must be the same, every
operation in order. Across the two pairs, a legacy and a modern device, requests
and responses must be. scripts/twintrace.py makes the traces comparable. The first
difference is shown, with what came before it on both sides."""

import argparse
import os
import random
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import boottest
import elf
import guest
import ktap
import qemu
from twintrace import across_form, check_trace, difference, own_lines, twin_form

# Every boot has one interrupt for all: virtio-mmio has no more, and messages on PCI
# would be proved one by one, with requests of their own.
LINE = "vectors=0"
TRANSPORTS = {
    "mmio1": ("microvm", "device", "", r"virtio-mmio v1 "),
    "legacy": ("q35", "pci", "disable-modern=on," + LINE, r"virtio-pci legacy "),
    "mmio2": ("microvm", "device", "", r"virtio-mmio v2 "),
    "modern": ("q35", "pci", "disable-legacy=on," + LINE, r"virtio-pci (?!legacy)"),
}
PAIRS = (("mmio1", "legacy"), ("mmio2", "modern"))
ACROSS = ("mmio1", "mmio2")
DISK_SEED, DISK_SIZE = 5, 4 << 20

# What QEMU is given for a kind, %s the bus and the options; the kind in the trace; the test.
RNG = (["-device", "virtio-rng-%s%s"], "rng", "rng_twin_workload")
BLK = (["-drive", "id=d0,if=none,format=raw,file=@disk@",
        "-device", "virtio-blk-%s,drive=d0,serial=scratch%s"], "block", "block_twin_workload")
NET = (["-netdev", "user,id=n0,ipv6=off",   # IPv6 would advertise itself at times of its own
        "-device", "virtio-net-%s,netdev=n0%s"], "net", "net_twin_workload")


def with_options(kind, options):
    words, device, test = kind
    return words[:-1] + [words[-1] + options], device, test


PLAIN = ",event_idx=off,indirect_desc=off"
PACKED = ",packed=on"   # a legacy device has its split ring all the same
KINDS = {
    "rng": RNG, "blk": BLK, "net": NET,
    # A header of 10 bytes on a legacy device.
    "net-unmerged": with_options(NET, ",mrg_rxbuf=off"),
}
# In the tier `all` these too.
KINDS_ALL = {
    "rng-plain": with_options(RNG, PLAIN), "rng-packed": with_options(RNG, PACKED),
    "blk-plain": with_options(BLK, PLAIN), "blk-packed": with_options(BLK, PACKED),
    "net-plain": with_options(NET, PLAIN), "net-packed": with_options(NET, PACKED),
}
EVERY_KIND = {**KINDS, **KINDS_ALL}


class TwinsError(Exception):
    """A trace could not be had, or is none; the text says why."""


def compare_kind(traces, device):
    """Differences of all transports of one kind: (text of the pair, difference or None)."""
    for left, right in PAIRS:
        if left in traces and right in traces:
            yield "%s and %s" % (left, right), difference(
                left, right, *(twin_form(traces[t], device) for t in (left, right)))
    left, right = ACROSS
    if left in traces and right in traces:
        yield "%s and %s, requests and responses" % ACROSS, difference(
            left, right, *(across_form(traces[t], device) for t in ACROSS))


# Running.

def make_disk(folder):
    path = os.path.join(folder, "disk")
    with open(path, "wb") as file:
        file.write(random.Random(DISK_SEED).randbytes(DISK_SIZE))
    return path


def make_guest(image, kind, transport, folder):
    machine, bus, options, _ = TRANSPORTS[transport]
    words, _, test = EVERY_KIND[kind]
    extra = []
    for word in words:
        if "%s" in word:
            word = word % (bus, "," + options if options else "")
        extra.append(word.replace("@disk@", make_disk(folder)) if "@disk@" in word else word)
    return qemu.Guest(machine=machine, boot="direct", elf=image.elf(), extra=extra,
                      cmdline="trace=virtio test=" + test, legacy_free=transport == "mmio2")


def judge(console, code, image, kind, transport):
    """What is wrong with a boot, before anything is compared."""
    _, device, test = EVERY_KIND[kind]
    names = ktap.selected(elf.test_names(elf.Elf.load(image.elf())), "test=" + test)
    problems = ktap.judge(console, code, names) if names else ["no test " + test]
    place = TRANSPORTS[transport][3]
    if not re.search(r"^virtio +%s +%s" % (device, place), console, re.M):
        problems.append("the report names no %s on /%s/" % (device, place))
    return problems + check_trace(own_lines(console, device), transport in PAIRS[0])


def boot(image, kind, transport, logs, timeout):
    """The console of one boot; a boot that is not as it must be raises TwinsError."""
    with tempfile.TemporaryDirectory(prefix="cairn-") as folder:
        wanted = make_guest(image, kind, transport, folder)
        qemu.check(wanted)
        session = guest.Session(qemu.command(wanted))
        try:
            code = session.finish(timeout)
        finally:
            session.close()
        console = session.text()
    with open(os.path.join(logs, "twins-%s-%s.log" % (kind, transport)), "w",
              encoding="utf-8") as file:
        file.write(qemu.show(qemu.command(wanted)) + "\n" + console)
    problems = judge(console, code, image, kind, transport)
    if problems:
        raise TwinsError("%s on %s: %s" % (kind, transport, "; ".join(problems)))
    return console


def run_kind(image, kind, logs, timeout):
    """(what, problem or None) of one kind, its boots and its comparisons."""
    with ThreadPoolExecutor(2) as pool:
        boots = {t: pool.submit(boot, image, kind, t, logs, timeout) for t in TRANSPORTS}
        results, traces = [], {}
        for transport, future in boots.items():
            try:
                traces[transport] = future.result()
            except (TwinsError, guest.GuestError, qemu.Impossible, boottest.Failure,
                    OSError) as error:
                results.append(("%s: %s" % (kind, transport), str(error)))
    return results + [("%s: %s" % (kind, what), problem)
                      for what, problem in compare_kind(traces, EVERY_KIND[kind][1])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--tier", choices=("ci", "all"), default="ci")
    parser.add_argument("--kind", choices=EVERY_KIND, nargs="*", help="instead of the tier's")
    parser.add_argument("--timeout", type=float, default=60, help="seconds of one boot")
    args = parser.parse_args()
    root = boottest.open_root(args.build)
    image = boottest.Image(root, {"image": "defconfig", "config": "CONFIG_VIRTIO_TRACE=y",
                                  "cc": ""})
    passed = failed = 0
    for kind in args.kind or (EVERY_KIND if args.tier == "all" else KINDS):
        started = time.monotonic()
        for what, problem in run_kind(image, kind, os.path.join(root, "logs"), args.timeout):
            print("%s %s" % ("not ok" if problem else "ok", what))
            if problem:
                print("#   " + problem.replace("\n", "\n#   "))
            failed += problem is not None
            passed += problem is None
        print("# %s: %.1f s" % (kind, time.monotonic() - started), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
