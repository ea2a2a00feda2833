# SPDX-License-Identifier: MIT
"""A guest and its front end in Python, for the tests of vhost_user_blk.py:
memory, rings of both kinds from the driver's side, requests of a disk.

It keeps to VIRTIO 1.2 and checks nothing: what the device does to the rings
is what the tests look at."""

import mmap
import os
import select
import socket
import struct
import threading

import vhost_ring
import vhost_user
import vhost_user_blk

MEMORY = 4 << 20
GUEST_BASE = 1 << 20            # the guest's address of its memory
USER_BASE = 0x7f0000000000      # the front end's
PAGE = 4096
BUFFERS = 64 * PAGE             # where those of requests begin
SECONDS = 10                    # that an answer may take


class GuestRing:
    """What both kinds have in common: descriptors are given out one after the
    other, and taken back all at once."""

    def __init__(self, guest, index, size):
        self.guest, self.index, self.size = guest, index, size
        self.at = index * 3 * PAGE      # three pages: descriptors, avail, used
        self.kick, self.call = os.eventfd(0), os.eventfd(0)

    def parts(self):
        """Offsets of descriptors, used, avail: in the order of SET_VRING_ADDR."""
        return self.at, self.at + 2 * PAGE, self.at + PAGE

    def ring_doorbell(self):
        os.eventfd_write(self.kick, 1)

    def interrupted(self, seconds=SECONDS):
        """Waits for an interrupt; how many came, 0 if none did."""
        ready = select.select([self.call], [], [], seconds)[0]
        return os.eventfd_read(self.call) if ready else 0


class SplitGuestRing(GuestRing):
    def __init__(self, guest, index, size):
        super().__init__(guest, index, size)
        self.next = 0           # descriptor
        self.avail = 0
        self.taken = 0

    def add(self, segments, indirect=False):
        """`segments`: (offset, length, writable). Returns the head."""
        heads = [vhost_ring.DESC.pack(
            GUEST_BASE + offset, length,
            (vhost_ring.WRITE if writable else 0)
            | (vhost_ring.NEXT if i + 1 < len(segments) else 0),
            i + 1 if indirect else (self.next + i + 1) % self.size)
            for i, (offset, length, writable) in enumerate(segments)]
        if indirect:
            table = self.guest.place(b"".join(heads))
            heads = [vhost_ring.DESC.pack(GUEST_BASE + table, 16 * len(heads),
                                          vhost_ring.INDIRECT, 0)]
        head = self.next
        for desc in heads:
            self.guest.write(self.at + 16 * self.next, desc)
            self.next = (self.next + 1) % self.size
        self.guest.write(self.at + PAGE + 4 + 2 * (self.avail % self.size), struct.pack("<H", head))
        self.avail = self.avail + 1 & 0xffff
        self.guest.write(self.at + PAGE + 2, struct.pack("<H", self.avail))
        return head

    def used_index(self):
        return struct.unpack("<H", self.guest.read(self.at + 2 * PAGE + 2, 2))[0]

    def used_flags(self):
        return struct.unpack("<H", self.guest.read(self.at + 2 * PAGE, 2))[0]

    def take(self):
        """(id, length) of the next used element, None if there is none."""
        if self.used_index() == self.taken:
            self.want_interrupt_at(self.taken)
            return None
        at = self.at + 2 * PAGE + 4 + 8 * (self.taken % self.size)
        self.taken = self.taken + 1 & 0xffff
        return struct.unpack("<II", self.guest.read(at, 8))

    def want_interrupt_at(self, index):
        """used_event, of EVENT_IDX."""
        self.guest.write(self.at + PAGE + 4 + 2 * self.size, struct.pack("<H", index))

    def avail_event(self):
        at = self.at + 2 * PAGE + 4 + 8 * self.size
        return struct.unpack("<H", self.guest.read(at, 2))[0]

    def want_interrupts(self, wanted):
        self.guest.write(self.at + PAGE, struct.pack("<H", 0 if wanted else 1))


class PackedGuestRing(GuestRing):
    def __init__(self, guest, index, size):
        super().__init__(guest, index, size)
        self.next, self.wrap = 0, 1
        self.taken, self.taken_wrap = 0, 1
        self.counts = {}        # id -> descriptors
        self.ids = 0

    def add(self, segments, indirect=False):
        number = self.ids % self.size
        self.ids += 1
        rows = [(GUEST_BASE + offset, length, vhost_ring.WRITE if writable else 0)
                for offset, length, writable in segments]
        if indirect:
            table = self.guest.place(b"".join(
                vhost_ring.PACKED_DESC.pack(a, n, 0, flags) for a, n, flags in rows))
            rows = [(GUEST_BASE + table, 16 * len(rows), vhost_ring.INDIRECT)]
        self.counts[number] = len(rows)
        first = None
        for i, (address, length, flags) in enumerate(rows):
            flags |= vhost_ring.NEXT if i + 1 < len(rows) else 0
            flags |= vhost_ring.AVAIL_BIT if self.wrap else vhost_ring.USED_BIT
            row = vhost_ring.PACKED_DESC.pack(address, length, number, flags)
            at = self.at + 16 * self.next
            if first is None:
                first = (at, row)       # shown last
            else:
                self.guest.write(at, row)
            self.next, self.wrap = self._after(self.next, self.wrap, 1)
        self.guest.write(*first)
        return number

    def _after(self, at, wrap, count):
        at += count
        return (at - self.size, 1 - wrap) if at >= self.size else (at, wrap)

    def take(self):
        _, length, number, flags = vhost_ring.PACKED_DESC.unpack(
            self.guest.read(self.at + 16 * self.taken, 16))
        if (flags >> 7 & 1, flags >> 15) != (self.taken_wrap, self.taken_wrap):
            return None
        count = self.counts.get(number, 1)
        self.taken, self.taken_wrap = self._after(self.taken, self.taken_wrap, count)
        return number, length

    def want_interrupts(self, wanted):
        self.guest.write(self.at + PAGE + 2, struct.pack("<H", 0 if wanted else 1))

    def want_interrupt_at(self, position, wrap):
        self.guest.write(self.at + PAGE, struct.pack("<HH", position | wrap << 15, 2))


class Guest:
    """A front end connected to a Disk, which runs in a thread."""

    def __init__(self, *options, packed=False, size=16, queues=1):
        args = vhost_user_blk.arguments(["--socket", "unused", *options])
        kind = vhost_user_blk.VolatileStore if args.volatile else vhost_user_blk.Store
        self.store = kind(args.file, args.size << 20)
        self.disk = vhost_user_blk.Disk(self.store, args)
        self.said = []
        self.disk.say = self.said.append
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, MEMORY)
        self.map = mmap.mmap(self.fd, MEMORY)
        self.free = BUFFERS
        self.sock, other = socket.socketpair(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.backend_sock, self.backend_end = socket.socketpair(socket.AF_UNIX)
        self.backend_sock.settimeout(SECONDS)
        self.error = None
        self.thread = threading.Thread(target=self._attend, args=(other,), daemon=True)
        self.thread.start()
        ring = PackedGuestRing if packed else SplitGuestRing
        self.rings = [ring(self, i, size) for i in range(queues)]
        self.packed = packed

    def _attend(self, sock):
        try:
            self.disk.attend(sock)
        except (vhost_user.ProtocolError, vhost_user_blk.vhost_lies.LieError) as error:
            self.error = error

    def read(self, offset, length):
        return bytes(self.map[offset:offset + length])

    def write(self, offset, data):
        self.map[offset:offset + len(data)] = data

    def place(self, data):
        """Puts bytes into memory of their own."""
        offset, self.free = self.free, self.free + len(data) + 15 & ~15
        self.write(offset, data)
        return offset

    def ask(self, request, payload=b"", fds=()):
        """A message with an answer; its payload."""
        vhost_user.send(self.sock, request, 0, payload, fds)
        return vhost_user.receive(self.sock)[2]

    def tell(self, request, payload=b"", fds=()):
        """A message without one: REPLY_ACK says that it was done."""
        vhost_user.send(self.sock, request, vhost_user.NEED_REPLY, payload, fds)
        return struct.unpack("<Q", vhost_user.receive(self.sock)[2])[0]

    def features(self):
        return struct.unpack("<Q", self.ask(vhost_user.GET_FEATURES))[0]

    def start(self, without=0):
        """The messages that QEMU sends when the driver is ready."""
        features = self.features() & ~without
        if not self.packed:
            features &= ~vhost_ring.F_RING_PACKED
        self.ask(vhost_user.GET_PROTOCOL_FEATURES)
        self.tell(vhost_user.SET_PROTOCOL_FEATURES,
                  struct.pack("<Q", vhost_user.PROTOCOL_FEATURES))
        self.tell(vhost_user.SET_BACKEND_REQ_FD, fds=[self.backend_end.fileno()])
        self.tell(vhost_user.SET_FEATURES, struct.pack("<Q", features))
        self.tell(vhost_user.SET_MEM_TABLE, struct.pack("<II", 1, 0)
                  + vhost_user.REGION.pack(GUEST_BASE, MEMORY, USER_BASE, 0), [self.fd])
        for ring in self.rings:
            self._start(ring)

    def _start(self, ring):
        i = ring.index
        state = vhost_user.STATE
        self.tell(vhost_user.SET_VRING_NUM, state.pack(i, ring.size))
        self.tell(vhost_user.SET_VRING_BASE, state.pack(i, 0x80008000 if self.packed else 0))
        parts = [USER_BASE + offset for offset in ring.parts()]
        self.tell(vhost_user.SET_VRING_ADDR, vhost_user.ADDRESS.pack(i, 0, *parts, 0))
        self.tell(vhost_user.SET_VRING_CALL, struct.pack("<Q", i), [ring.call])
        self.tell(vhost_user.SET_VRING_KICK, struct.pack("<Q", i), [ring.kick])
        self.tell(vhost_user.SET_VRING_ENABLE, state.pack(i, 1))

    def stop(self, index=0):
        """What GET_VRING_BASE answers."""
        answer = self.ask(vhost_user.GET_VRING_BASE, vhost_user.STATE.pack(index, 0))
        return vhost_user.STATE.unpack(answer)[1]

    def config(self, size=vhost_user_blk.vhost_lies.CONFIG_SIZE):
        answer = self.ask(vhost_user.GET_CONFIG,
                          vhost_user.CONFIG.pack(0, size, 0) + bytes(size))
        return answer[vhost_user.CONFIG.size:]

    def request(self, kind, sector, data=b"", room=0, ring=0, indirect=False, status=0xff):
        """Adds a request; (id, offset of what is read, offset of the status)."""
        head = self.place(vhost_user_blk.HEADER.pack(kind, 0, sector))
        segments = [(head, vhost_user_blk.HEADER.size, False)]
        if data:
            segments.append((self.place(data), len(data), False))
        answer = self.place(bytes(room))
        if room:
            segments.append((answer, room, True))
        end = self.place(bytes([status]))
        segments.append((end, 1, True))
        return self.rings[ring].add(segments, indirect), answer, end

    def finish(self, ring=0):
        """Rings the doorbell; what came back by the next interrupt."""
        self.rings[ring].ring_doorbell()
        self.rings[ring].interrupted()
        return self.taken(ring)

    def taken(self, ring=0):
        found = []
        while (used := self.rings[ring].take()):
            found.append(used)
        return found

    def close(self):
        self.sock.close()
        self.thread.join(SECONDS)
        for sock in (self.backend_sock, self.backend_end):
            sock.close()
        for ring in self.rings:
            os.close(ring.kick)
            os.close(ring.call)
        os.close(self.fd)
        os.close(self.store.fd)
