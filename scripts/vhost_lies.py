# SPDX-License-Identifier: MIT
"""The lies of vhost_user_blk.py: NAME[=VALUE][@N[+]], told at request N, from N
on with a plus, always without.

Each is a function (disk, vring, chain, written) that answers a request whose
data was moved and whose status was written, in place of vring.ring.push()."""

import re
import struct

LIES = {}       # name -> (function, rings that it is for)
U32 = 0xffffffff
SEEN_SECONDS = 0.05     # after which a driver has looked at what it was interrupted for


class LieError(Exception):
    """There is no such lie, or not on this ring."""


def lie(name, rings=("split", "packed")):
    def register(function):
        LIES[name] = (function, rings)
        return function
    return register


class Lie:
    """One of the command line's."""

    def __init__(self, text):
        found = re.fullmatch(r"([a-z-]+)(?:=([^@]+))?(?:@(\d+)(\+?))?", text)
        if not found or found[1] not in LIES:
            raise LieError("%s: no such lie; there are %s" % (text, ", ".join(sorted(LIES))))
        self.name, self.value = found[1], found[2] or ""
        self.first = int(found[3] or 1)
        self.last = self.first if found[3] and not found[4] else None
        self.told = False

    def due(self, number):
        return self.first <= number and (self.last is None or number <= self.last)

    def tell(self, disk, vring, chain, written):
        function, rings = LIES[self.name]
        if vring.ring.kind not in rings:
            raise LieError("%s cannot be told on a %s ring" % (self.name, vring.ring.kind))
        if not self.told:       # a line for each would be many
            disk.say("lie %s at request %d" % (self.name, disk.number))
        self.told = True
        disk.value = self.value
        function(disk, vring, chain, written)


@lie("used-id")
def _used_id(disk, vring, chain, written):
    """An id that no descriptor has."""
    number = int(disk.value, 0) if disk.value else vring.ring.size
    vring.ring.put(number, written, chain.count)


@lie("used-id-free")
def _used_id_free(_disk, vring, chain, written):
    """An id in range that is not outstanding."""
    vring.ring.put(vring.ring.free_id(chain), written, chain.count)


@lie("used-twice")
def _used_twice(_disk, vring, chain, written):
    vring.ring.push(chain, written)
    vring.ring.put(chain.head, written, chain.count)


@lie("used-length-long")
def _used_length_long(disk, vring, chain, _written):
    """More bytes than the chain has to be written to."""
    more = int(disk.value, 0) if disk.value else 1
    vring.ring.push(chain, min(chain.room() + more, U32))


@lie("used-length-short")
def _used_length_short(disk, vring, chain, _written):
    """Fewer bytes than were written: not even the status, or as told."""
    vring.ring.push(chain, int(disk.value, 0) if disk.value else 0)


@lie("index-jump")
def _index_jump(disk, vring, chain, written):
    """Ahead of all that is outstanding; a packed ring has room for half a turn."""
    ring = vring.ring
    ring.push(chain, written)
    far = ring.size if ring.kind == "split" else ring.size // 2
    ring.skip(int(disk.value, 0) if disk.value else far)


@lie("index-back", ("split",))
def _index_back(disk, vring, chain, written):
    """Once the driver has seen how far it was; so far that what follows does not hide it."""
    ring, far = vring.ring, int(disk.value, 0) if disk.value else 1000
    ring.push(chain, written)

    def go_back():
        if vring.ring is ring:
            ring.skip(-far)
            vring.signal()
    disk.later(SEEN_SECONDS, go_back)


@lie("flags")
def _flags(_disk, vring, chain, written):
    """Every flag that means nothing."""
    vring.ring.push(chain, written)
    vring.ring.say_flags(0xffff)


def write_status(chain, value):
    chain.writable[-1][-1:] = bytes([value])


@lie("status")
def _status(disk, vring, chain, written):
    """No status that there is."""
    write_status(chain, int(disk.value, 0) if disk.value else 0x7f)
    vring.ring.push(chain, written)


@lie("status-unwritten")
def _status_unwritten(_disk, vring, chain, written):
    write_status(chain, chain.status_before)
    vring.ring.push(chain, written)


@lie("silence")
def _silence(_disk, _vring, _chain, _written):
    """No answer at all."""


@lie("late")
def _late(disk, vring, chain, written):
    """The answer comes after so many seconds."""
    ring = vring.ring

    def answer():
        if vring.ring is ring:          # it was not stopped meanwhile
            ring.push(chain, written)
            vring.signal()
    disk.later(float(disk.value or 1), answer)


@lie("storm")
def _storm(disk, vring, chain, written):
    """Interrupts without end, for so many seconds, 0 for ever."""
    vring.ring.push(chain, written)
    disk.storm(vring, float(disk.value or 0))


@lie("spurious")
def _spurious(disk, vring, chain, written):
    """An interrupt on each ring for nothing, then the answer."""
    for other in disk.front_end.vrings:
        other.signal()
    vring.ring.push(chain, written)


@lie("config")
def _config(disk, vring, chain, written):
    """The configuration changes: FIELD:NUMBER, several with commas."""
    disk.change_config(disk.value or "capacity:%d" % (1 << 63))
    vring.ring.push(chain, written)


@lie("config-storm")
def _config_storm(disk, vring, chain, written):
    """It changes again and again, for so many seconds."""
    vring.ring.push(chain, written)
    disk.config_storm(float(disk.value or 2))


@lie("disconnect")
def _disconnect(disk, _vring, _chain, _written):
    disk.hang_up()


# The configuration (VIRTIO 1.2, 5.2.4): field -> offset, format.
FIELDS = {
    "capacity": (0, "Q"), "size_max": (8, "I"), "seg_max": (12, "I"),
    "cylinders": (16, "H"), "heads": (18, "B"), "sectors": (19, "B"), "blk_size": (20, "I"),
    "physical_block_exp": (24, "B"), "alignment_offset": (25, "B"), "min_io_size": (26, "H"),
    "opt_io_size": (28, "I"), "writeback": (32, "B"), "num_queues": (34, "H"),
    "max_discard_sectors": (36, "I"), "max_discard_seg": (40, "I"),
    "discard_sector_alignment": (44, "I"), "max_write_zeroes_sectors": (48, "I"),
    "max_write_zeroes_seg": (52, "I"), "write_zeroes_may_unmap": (56, "B"),
}
CONFIG_SIZE = 60


def set_fields(config, text):
    """Writes `FIELD:NUMBER,...` into the configuration space."""
    for word in text.split(","):
        name, _, number = word.partition(":")
        if name not in FIELDS:
            raise LieError("the configuration has no field " + name)
        offset, kind = FIELDS[name]
        struct.pack_into("<" + kind, config, offset, int(number, 0))
