# SPDX-License-Identifier: MIT
"""Both rings of VIRTIO 1.2, the device's side, in Python.

A ring has two layers. pop() and push() keep to the specification; put(),
skip() and say_flags() write what they are told, for a device that lies."""

import struct
import threading

from vhost_user import ProtocolError

F_INDIRECT_DESC, F_EVENT_IDX, F_VERSION_1, F_RING_PACKED = 1 << 28, 1 << 29, 1 << 32, 1 << 34
DESC = struct.Struct("<QIHH")           # split: address, length, flags, next
PACKED_DESC = struct.Struct("<QIHH")    # packed: address, length, id, flags
USED = struct.Struct("<II")
NEXT, WRITE, INDIRECT = 1, 2, 4
AVAIL_BIT, USED_BIT = 1 << 7, 1 << 15
EVENT_ENABLE, EVENT_DISABLE, EVENT_DESC = 0, 1, 2
NO_INTERRUPT = NO_NOTIFY = 1
U16 = 0xffff
U32 = 0xffffffff

_lock = threading.Lock()


def fence():
    """A full barrier: taking a lock is an interlocked instruction."""
    with _lock:
        pass


class Chain:
    """A request: views of what the device reads, then of what it writes."""

    def __init__(self, head, memory):
        self.head = head        # the id that it goes back with
        self.memory = memory
        self.count = 1          # descriptors in the ring, for the packed one
        self.readable = []
        self.writable = []

    def add(self, address, length, flags):
        if flags & WRITE:
            self.writable += self.memory.pieces(address, length)
        elif self.writable:
            raise ProtocolError("a readable segment behind a writable one")
        else:
            self.readable += self.memory.pieces(address, length)

    def room(self):
        """Bytes that the device may write."""
        return sum(len(view) for view in self.writable)


class SplitRing:
    """VIRTIO 1.2, 2.7."""

    kind = "split"

    def __init__(self, memory, vring, features):
        self.memory, self.size = memory, vring.size
        desc, used, avail = vring.addresses
        self.desc = memory.at_user(desc, 16 * self.size)
        self.avail = memory.at_user(avail, 6 + 2 * self.size).cast("H")
        self.used = memory.at_user(used, 6 + 8 * self.size)
        self.used16 = self.used[:4].cast("H")
        self.avail_event = self.used[4 + 8 * self.size:].cast("H")
        self.event_idx = bool(features & F_EVENT_IDX)
        self.seen = vring.base & U16            # of the driver's index
        self.done = self.told = self.used16[1]  # our index; as of the last interrupt
        self.noise = 0                          # flags that mean nothing
        self.open = set()                       # heads that we have

    def base(self):
        """What GET_VRING_BASE answers."""
        return self.seen

    def pop(self):
        """The next request, None if there is none now."""
        if self.avail[1] == self.seen:
            return None
        fence()
        head = self.avail[2 + self.seen % self.size]
        self.seen = self.seen + 1 & U16
        chain = Chain(head, self.memory)
        self._walk(chain, self.desc, self.size, head)
        self.open.add(head)
        return chain

    def _walk(self, chain, table, size, index):
        for _ in range(size):
            if index >= size:
                raise ProtocolError("descriptor %d of %d" % (index, size))
            address, length, flags, follows = DESC.unpack_from(table, 16 * index)
            if flags & INDIRECT:
                inner = b"".join(self.memory.pieces(address, length))
                self._walk(chain, inner, length // 16, 0)
                return
            chain.add(address, length, flags)
            if not flags & NEXT:
                return
            index = follows
        raise ProtocolError("a chain without end")

    def push(self, chain, written):
        self.put(chain.head, written)
        self.open.discard(chain.head)

    def put(self, number, written, _count=1):
        """One used element, shown to the driver."""
        at = 4 + 8 * (self.done % self.size)
        USED.pack_into(self.used, at, number & U32, written & U32)
        self.skip(1)

    def skip(self, count):
        """Moves the index and nothing else."""
        self.done = self.done + count & U16
        fence()
        self.used16[1] = self.done

    def say_flags(self, value):
        self.noise = value & U16 & ~NO_NOTIFY
        self.used16[0] |= self.noise

    def free_id(self, chain):
        """A number of a descriptor that heads no chain which the device has."""
        waiting = {self.avail[2 + i % self.size]
                   for i in range(self.seen, self.seen + self.size)}
        taken = self.open | {chain.head}
        free = [i for i in range(self.size) if i not in taken]
        return next((i for i in free if i not in waiting), free[0] if free else 0)

    def wants_kicks(self, wanted):
        """Asks for doorbells or not; True if requests came meanwhile."""
        if self.event_idx:
            if wanted:
                self.avail_event[0] = self.seen
        else:
            self.used16[0] = self.noise | (0 if wanted else NO_NOTIFY)
        fence()
        return wanted and self.avail[1] != self.seen

    def wants_interrupt(self):
        """Whether the driver wants one for what was put since this was asked last."""
        fence()
        old, self.told = self.told, self.done
        if not self.event_idx:
            return old != self.done and not self.avail[0] & NO_INTERRUPT
        event = self.avail[2 + self.size]
        return (self.done - event - 1 & U16) < (self.done - old & U16)


class PackedRing:
    """VIRTIO 1.2, 2.8."""

    kind = "packed"

    def __init__(self, memory, vring, features):
        self.memory, self.size = memory, vring.size
        desc, device, driver = vring.addresses
        self.desc = memory.at_user(desc, 16 * self.size)
        self.flags = self.desc.cast("H")
        self.driver_event = memory.at_user(driver, 4).cast("H")
        self.device_event = memory.at_user(device, 4).cast("H")
        self.event_idx = bool(features & F_EVENT_IDX)
        self.seen, self.seen_wrap = vring.base & 0x7fff, vring.base >> 15 & 1
        self.done, self.done_wrap = vring.base >> 16 & 0x7fff, vring.base >> 31
        self.told = (self.done, self.done_wrap)
        self.open = set()

    def base(self):
        return (self.seen | self.seen_wrap << 15 | self.done << 16 | self.done_wrap << 31)

    def _available(self):
        flags = self.flags[8 * self.seen + 7]
        return (flags >> 7 & 1, flags >> 15 & 1) == (self.seen_wrap, 1 - self.seen_wrap)

    def pop(self):
        if not self._available():
            return None
        fence()
        chain = Chain(0, self.memory)
        chain.count = 0
        more = True
        while more:
            if chain.count == self.size:
                raise ProtocolError("a chain without end")
            address, length, number, flags = PACKED_DESC.unpack_from(self.desc, 16 * self.seen)
            if flags & INDIRECT:
                self._walk_table(chain, address, length)
            else:
                chain.add(address, length, flags)
            chain.head, more = number, flags & NEXT
            chain.count += 1
            self.seen, self.seen_wrap = self._after(self.seen, self.seen_wrap, 1)
        self.open.add(chain.head)
        return chain

    def _walk_table(self, chain, address, length):
        table = b"".join(self.memory.pieces(address, length))
        for address, length, _, flags in PACKED_DESC.iter_unpack(table):
            chain.add(address, length, flags)

    def _after(self, at, wrap, count):
        at += count
        return (at - self.size, 1 - wrap) if at >= self.size else (at, wrap)

    def push(self, chain, written):
        self.put(chain.head, written, chain.count)
        self.open.discard(chain.head)

    def put(self, number, written, count=1):
        """One used descriptor, in the place of the first of `count`."""
        struct.pack_into("<IH", self.desc, 16 * self.done + 8, written & U32, number & U16)
        self._show(WRITE if written else 0)
        self.done, self.done_wrap = self._after(self.done, self.done_wrap, count)

    def _show(self, flags):
        fence()
        used = AVAIL_BIT | USED_BIT if self.done_wrap else 0
        self.flags[8 * self.done + 7] = flags | used

    def skip(self, count):
        """Marks descriptors used whose rest stays what the driver wrote."""
        for _ in range(count):
            self._show(0)
            self.done, self.done_wrap = self._after(self.done, self.done_wrap, 1)

    def say_flags(self, value):
        """Bits that a used descriptor does not have (2.8.5)."""
        at = 8 * ((self.done - 1) % self.size) + 7
        self.flags[at] |= value & ~(AVAIL_BIT | USED_BIT)

    def free_id(self, chain):
        taken = self.open | {chain.head}
        return next((i for i in range(self.size - 1, -1, -1) if i not in taken), 0)

    def wants_kicks(self, wanted):
        if wanted and self.event_idx:
            self.device_event[0] = self.seen | self.seen_wrap << 15
            fence()
        mode = EVENT_DESC if self.event_idx else EVENT_ENABLE
        self.device_event[1] = mode if wanted else EVENT_DISABLE
        fence()
        return wanted and self._available()

    def wants_interrupt(self):
        fence()
        (old, old_wrap), self.told = self.told, (self.done, self.done_wrap)
        if (old, old_wrap) == self.told:
            return False
        mode = self.driver_event[1] & 3
        if mode != EVENT_DESC or not self.event_idx:
            return mode != EVENT_DISABLE
        event = self.driver_event[0]
        # Positions counted on from the one told last, so that wrapping does not show.
        moved = (self.done - old) % self.size or self.size
        ahead = (event & 0x7fff) - old
        ahead += 0 if event >> 15 == old_wrap else self.size
        return 0 <= ahead < moved


def make(memory, vring, features):
    """The ring that was agreed upon."""
    return (PackedRing if features & F_RING_PACKED else SplitRing)(memory, vring, features)
