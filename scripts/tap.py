#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs QEMU in a network namespace of its own, on a tap of several queues:

	python3 tap.py QUEUES COMMAND...

The other end is this host's own stack at HOST_ADDRESS (it answers ARP and
ICMP echo), and a mirror: a frame to MIRROR comes back with both addresses
exchanged and its offloads as they were. Where a tap needs rights that nobody
gives us, `refusal()` says so, and the run is skipped for that reason."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

NAME = "tap0"
HOST_ADDRESS, NETMASK = "10.0.2.2", "255.255.255.0"
MIRROR = bytes.fromhex("02000000004d")
UNSHARE = ("unshare", "-Urn")
TUN = "/dev/net/tun"

TUNSETIFF, TUNSETPERSIST = 0x400454ca, 0x400454cb
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891c
IFF_UP = 1
PACKET_VNET_HDR, SOL_PACKET, ETH_P_ALL = 15, 263, 3
VNET_HEADER = 10        # bytes before each frame, with PACKET_VNET_HDR
FRAME_MAX = 65536 + 64


def _request(payload):
    return struct.pack("16s24s", NAME.encode(), payload)


def make(queues):
    """The tap, up, with an address; it outlives the file that it was made by."""
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if queues > 1 else 0)
    with open(TUN, "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, _request(struct.pack("H", flags)))
        fcntl.ioctl(tun, TUNSETPERSIST, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for number, address in ((SIOCSIFADDR, HOST_ADDRESS), (SIOCSIFNETMASK, NETMASK)):
            fcntl.ioctl(control, number, _request(struct.pack(
                "HH4s", socket.AF_INET, 0, socket.inet_aton(address))))
        found = fcntl.ioctl(control, SIOCGIFFLAGS, _request(b""))
        up = struct.unpack_from("H", found, 16)[0] | IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, _request(struct.pack("H", up)))


def reflected(data):
    """What the mirror sends for a frame with its header; None if it is not for it."""
    frame = data[VNET_HEADER:]
    if len(frame) < 14 or frame[:6] != MIRROR:
        return None
    return data[:VNET_HEADER] + frame[6:12] + frame[:6] + frame[12:]


def mirror(parent):
    """Until the process that started it is no more."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock:
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.bind((NAME, ETH_P_ALL))
        sock.settimeout(0.5)
        while os.getppid() == parent:
            try:
                data, (_, _, kind, *_) = sock.recvfrom(FRAME_MAX)
            except TimeoutError:
                continue
            answer = reflected(data)
            if answer is not None and kind != socket.PACKET_OUTGOING:
                try:
                    sock.send(answer)
                except OSError as error:
                    print("tap: the mirror cannot send %d bytes: %s"
                          % (len(answer), error.strerror), flush=True)


def refusal():
    """Why no tap can be had here, in words; None if it can."""
    if shutil.which(UNSHARE[0]) is None:
        return "no unshare to make a network namespace with"
    if subprocess.run([*UNSHARE, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        return "this host allows no network namespace"
    words = [*UNSHARE, sys.executable, os.path.abspath(__file__), "2", "true"]
    done = subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return "this host allows no tap" if done.returncode else None


def command(queues, words):
    """The words that run `words` on a tap."""
    return [*UNSHARE, sys.executable, os.path.abspath(__file__), str(queues), *words]


def main():
    queues, *words = sys.argv[1:]
    make(int(queues))
    parent = os.getpid()
    if os.fork() == 0:
        mirror(parent)
        os._exit(0)
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
