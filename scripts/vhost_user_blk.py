#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A virtio disk in a process of its own, for QEMU's vhost-user-blk devices:
serves a file or memory as VIRTIO 1.2, 5.2 says, and tells lies on command
(vhost_lies.py). With --volatile what no flush followed is lost at its end.

Prints a line for what it is told and each lie; `requests: N` at the end of a
connection. Documentation/testing.md has examples."""

import argparse
import heapq
import os
import selectors
import socket
import struct
import sys
import time

import vhost_lies
import vhost_ring
import vhost_user

SECTOR = 512
ID = b"cairn-hostile"
T_IN, T_OUT, T_FLUSH, T_GET_ID, T_DISCARD, T_WRITE_ZEROES = 0, 1, 4, 8, 11, 13
S_OK, S_IOERR, S_UNSUPP = 0, 1, 2
HEADER = struct.Struct("<IIQ")          # type, reserved, sector
RANGE = struct.Struct("<QII")           # of a discard: sector, sectors, flags
VECTORS_MAX = 512                       # of one preadv()
FEATURES = {"size_max": 1, "seg_max": 2, "geometry": 4, "ro": 5, "blk_size": 6, "flush": 9,
            "topology": 10, "config_wce": 11, "mq": 12, "discard": 13, "write_zeroes": 14,
            "indirect": 28, "event_idx": 29, "version_1": 32, "packed": 34}
UNASKED = {"ro", "size_max", "geometry"}        # offered only if told to
BURST = 64                                      # interrupts of a storm between two looks


class Store:
    """Where the bytes are: a file, or memory."""

    def __init__(self, path, size):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666) if path else os.memfd_create("disk")
        if size:
            os.ftruncate(self.fd, size)
        self.size = os.fstat(self.fd).st_size

    def read(self, offset, views):
        for i in range(0, len(views), VECTORS_MAX):
            offset += os.preadv(self.fd, views[i:i + VECTORS_MAX], offset)

    def write(self, offset, views):
        for i in range(0, len(views), VECTORS_MAX):
            offset += os.pwritev(self.fd, views[i:i + VECTORS_MAX], offset)

    def flush(self):
        os.fdatasync(self.fd)


class VolatileStore(Store):
    """Keeps what was written to itself until it is flushed."""

    def __init__(self, path, size):
        super().__init__(path, size)
        self.sectors = {}

    def read(self, offset, views):
        data = bytearray(sum(len(v) for v in views))
        super().read(offset, [data])
        for at in range(0, len(data), SECTOR):
            kept = self.sectors.get((offset + at) // SECTOR)
            if kept:
                data[at:at + SECTOR] = kept
        for view in views:
            view[:], data = data[:len(view)], data[len(view):]

    def write(self, offset, views):
        data = b"".join(views)
        for at in range(0, len(data), SECTOR):
            self.sectors[(offset + at) // SECTOR] = data[at:at + SECTOR]

    def flush(self):
        for sector, data in self.sectors.items():
            os.pwrite(self.fd, data, sector * SECTOR)
        self.sectors.clear()


def cut(views, start, length):
    """The views of a part of what the views show."""
    found = []
    for view in views:
        part = view[start:start + length] if start < len(view) else b""
        if len(part):
            found.append(part)
        start, length = max(start - len(view), 0), length - len(part)
    return found


class Disk:
    """The device: answers requests, as the plan of lies has it."""

    def __init__(self, store, args):
        self.store = store
        self.queues = args.queues
        self.lies = [vhost_lies.Lie(text) for text in args.lie]
        self.features = sum(1 << FEATURES[name] for name in wanted_features(args))
        self.read_only = "ro" in args.offer
        self.space = bytearray(vhost_lies.CONFIG_SIZE)
        vhost_lies.set_fields(self.space, "capacity:%d,seg_max:126,blk_size:512,writeback:1,"
                              "num_queues:%d,max_discard_sectors:2048,max_discard_seg:1,"
                              "max_write_zeroes_sectors:2048,max_write_zeroes_seg:1"
                              % (store.size // SECTOR, args.queues))
        if args.config:
            vhost_lies.set_fields(self.space, args.config)
        self.front_end = None
        self.number = 0         # requests up to now
        self.value = ""         # of the lie that is told
        self.timers = []        # (time, order, function)
        self.storms = {}        # vring -> until when
        self.selector = selectors.DefaultSelector()

    @staticmethod
    def say(text):
        print("vhost: " + text, flush=True)

    # What the protocol asks of a device.

    def config(self):
        return bytes(self.space)

    def set_config(self, offset, data):
        self.space[offset:offset + len(data)] = data

    def started(self, front_end, vring):
        vring.ring = vhost_ring.make(front_end.memory, vring, front_end.features)
        self.selector.register(vring.kick, selectors.EVENT_READ, lambda: self._kicked(vring))
        self.say("ring %d starts: %s, %d descriptors" % (vring.index, vring.ring.kind,
                                                         vring.size))
        self.drain(vring)

    def stopped(self, vring):
        self.selector.unregister(vring.kick)
        self.storms.pop(vring, None)
        self.say("ring %d stops, %d requests up to now" % (vring.index, self.number))

    # Requests.

    def _kicked(self, vring):
        os.read(vring.kick, 8)
        self.drain(vring)

    def drain(self, vring):
        """Answers all that there is; one interrupt, if it is wanted."""
        ring = vring.ring
        more = True
        while more and vring.ring is ring:
            ring.wants_kicks(False)
            chain = ring.pop()
            while chain and vring.ring is ring:
                self._answer(vring, chain)
                chain = ring.pop()
            more = ring.wants_kicks(True)
        if ring.wants_interrupt():
            vring.signal()

    def _answer(self, vring, chain):
        self.number += 1
        if not chain.writable:
            raise vhost_user.ProtocolError("a request without room for its status")
        chain.status_before = chain.writable[-1][-1]
        status, written = self.serve(chain)
        vhost_lies.write_status(chain, status)
        due = next((lie for lie in self.lies if lie.due(self.number)), None)
        if due:
            due.tell(self, vring, chain, written)
        else:
            vring.ring.push(chain, written)

    def serve(self, chain):
        """(status, bytes written into the chain)."""
        head = b"".join(cut(chain.readable, 0, HEADER.size))
        if len(head) < HEADER.size:
            return S_IOERR, 1
        kind, _, sector = HEADER.unpack(head)
        data = cut(chain.readable, HEADER.size, 1 << 32)
        room = cut(chain.writable, 0, chain.room() - 1)
        if kind == T_IN:
            return self._move(self.store.read, sector, room), chain.room()
        if kind == T_OUT:
            status = S_IOERR if self.read_only else self._move(self.store.write, sector, data)
            return status, 1
        if kind == T_FLUSH:
            self.store.flush()
            return S_OK, 1
        if kind == T_GET_ID:
            for i, view in enumerate(room):
                view[:] = (ID if i == 0 else b"").ljust(len(view), b"\0")[:len(view)]
            return S_OK, chain.room()
        if kind in (T_DISCARD, T_WRITE_ZEROES):
            return self._zero(b"".join(data)), 1
        return S_UNSUPP, 1

    def _move(self, call, sector, views):
        length = sum(len(v) for v in views)
        if length % SECTOR or sector * SECTOR + length > self.store.size:
            return S_IOERR
        call(sector * SECTOR, views)
        return S_OK

    def _zero(self, ranges):
        if self.read_only or len(ranges) % RANGE.size or not ranges:
            return S_IOERR
        for sector, count, _ in RANGE.iter_unpack(ranges):
            if self._move(self.store.write, sector, [bytes(count * SECTOR)]) != S_OK:
                return S_IOERR
        return S_OK

    # What lies need.

    def later(self, seconds, function):
        heapq.heappush(self.timers, (time.monotonic() + seconds, len(self.timers), function))

    def storm(self, vring, seconds):
        self.storms[vring] = time.monotonic() + seconds if seconds else float("inf")

    def change_config(self, text):
        vhost_lies.set_fields(self.space, text)
        self.front_end.config_changed()

    def config_storm(self, seconds):
        """Twice as large and as before, all the time; as before at the end."""
        right = self.store.size // SECTOR
        until = time.monotonic() + seconds

        def next_one(step=0):
            over = time.monotonic() > until
            self.change_config("capacity:%d" % (right if over or step % 2 else right * 2))
            if not over:
                self.later(0.002, lambda: next_one(step + 1))
        next_one()

    def hang_up(self):
        self.front_end.sock.shutdown(socket.SHUT_RDWR)

    # The loop.

    def _expire(self):
        """Runs what is due; seconds until the next, None if there is none."""
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()
        for vring, until in list(self.storms.items()):
            for _ in range(BURST):
                vring.signal()
            if time.monotonic() > until:
                del self.storms[vring]
        if self.storms:
            return 0
        return max(0, self.timers[0][0] - time.monotonic()) if self.timers else None

    def attend(self, sock):
        """One connection, to its end."""
        self.front_end = vhost_user.FrontEnd(sock, self)
        ended = []

        def message():
            if not self.front_end.message():
                ended.append(True)
        self.selector.register(sock, selectors.EVENT_READ, message)
        try:
            while not ended:
                for key, _ in self.selector.select(self._expire()):
                    if key.fd in self.selector.get_map():
                        key.data()
        finally:
            self.selector.unregister(sock)
            self.front_end.close()
            self.timers.clear()
            self.say("requests: %d" % self.number)


def wanted_features(args):
    unknown = (set(args.offer) | set(args.withhold)) - set(FEATURES)
    if unknown:
        raise vhost_lies.LieError("no such feature: %s" % ", ".join(sorted(unknown)))
    default = set(FEATURES) - UNASKED - (set() if args.queues > 1 else {"mq"})
    return (default | set(args.offer)) - set(args.withhold)


def words(text):
    return [word for word in text.split(",") if word]


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", required=True, help="path; made, and waited at")
    parser.add_argument("--file", help="what is served; without it memory")
    parser.add_argument("--size", type=int, default=0, help="MiB; of a file its own by default")
    parser.add_argument("--queues", type=int, default=1)
    parser.add_argument("--offer", type=words, default=[], help="features, with commas, more")
    parser.add_argument("--withhold", type=words, default=[], help="features not offered")
    parser.add_argument("--config", default="", help="FIELD:NUMBER,... from the start")
    parser.add_argument("--lie", action="append", default=[], help="NAME[=VALUE][@N[+]]")
    parser.add_argument("--volatile", action="store_true", help="lose what was not flushed")
    parser.add_argument("--again", action="store_true", help="wait for the next connection")
    args = parser.parse_args(argv)
    if not args.file and not args.size:
        parser.error("--size or --file is needed")
    return args


def serve(disk, path, again):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path + ".new")
        listener.listen(1)
        os.rename(path + ".new", path)  # who sees it can connect
        disk.say("listening")
        disk.attend(listener.accept()[0])
        while again:
            disk.attend(listener.accept()[0])


def main():
    args = arguments()
    store = (VolatileStore if args.volatile else Store)(args.file, args.size << 20)
    try:
        serve(Disk(store, args), args.socket, args.again)
    except (vhost_lies.LieError, vhost_user.ProtocolError) as error:
        print("vhost: ended: %s" % error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
