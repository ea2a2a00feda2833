# SPDX-License-Identifier: MIT
"""The disk serves right and lies as told, to a guest in Python."""

import os
import random
import struct
import tempfile
import time
import unittest

import vhost_lies
import vhost_ring
import vhost_user
import vhost_user_blk as blk
from vhost_guest import Guest

IN, OUT, FLUSH = blk.T_IN, blk.T_OUT, blk.T_FLUSH


class GuestCase(unittest.TestCase):
    def guest(self, *options, without=0, **how):
        guest = Guest("--size", "1", *options, **how)
        self.addCleanup(guest.close)
        guest.start(without)
        return guest

    def write(self, guest, sector, data, **how):
        _, _, end = guest.request(OUT, sector, data=data, **how)
        self.assertEqual(len(guest.finish(how.get("ring", 0))), 1)
        return guest.read(end, 1)[0]

    def read(self, guest, sector, room, **how):
        _, answer, _ = guest.request(IN, sector, room=room, **how)
        self.assertEqual(len(guest.finish(how.get("ring", 0))), 1)
        return guest.read(answer, room)


class HonestTest(GuestCase):
    packed = False

    def test_features_and_configuration(self):
        guest = self.guest("--offer", "ro", "--withhold", "flush", packed=self.packed)
        features = guest.features()
        self.assertTrue(features & vhost_user.F_PROTOCOL_FEATURES)
        self.assertTrue(features & 1 << blk.FEATURES["ro"])
        self.assertFalse(features & 1 << blk.FEATURES["flush"])
        config = guest.config()
        self.assertEqual(struct.unpack_from("<Q", config)[0], 2048)
        self.assertEqual(struct.unpack_from("<I", config, 20)[0], 512)
        self.assertEqual(len(guest.config(256)), 256)

    def test_what_is_written_is_read(self):
        guest = self.guest(packed=self.packed)
        data = random.Random(1).randbytes(3 * 512)
        for indirect in (False, True):
            self.assertEqual(self.write(guest, 100, data, indirect=indirect), 0)
            self.assertEqual(self.read(guest, 100, len(data), indirect=indirect), data)
            self.assertEqual(self.read(guest, 101, 512), data[512:1024])
        self.assertEqual(os.pread(guest.store.fd, len(data), 51200), data)

    def test_requests_go_round_the_ring_and_come_back_with_their_ids(self):
        guest = self.guest(packed=self.packed, size=8)
        for turn in range(50):
            guest.free = 64 * 4096
            wanted = [guest.request(IN, turn, room=512)[0] for _ in range(2)]
            self.assertEqual(guest.finish(), [(number, 513) for number in wanted])

    def test_the_serial_number_and_unknown_requests(self):
        guest = self.guest(packed=self.packed)
        _, answer, end = guest.request(blk.T_GET_ID, 0, room=20)
        guest.finish()
        self.assertEqual(guest.read(answer, 20), blk.ID.ljust(20, b"\0"))
        self.assertEqual(guest.read(end, 1), b"\0")
        _, _, end = guest.request(99, 0)
        guest.finish()
        self.assertEqual(guest.read(end, 1)[0], blk.S_UNSUPP)

    def test_what_lies_beyond_the_end_or_is_read_only_is_refused(self):
        guest = self.guest(packed=self.packed)
        self.assertEqual(self.write(guest, 2047, bytes(512)), 0)
        self.assertEqual(self.write(guest, 2047, bytes(1024)), blk.S_IOERR)
        self.assertEqual(self.write(guest, 1 << 60, bytes(512)), blk.S_IOERR)
        guest = self.guest("--offer", "ro", packed=self.packed)
        self.assertEqual(self.write(guest, 0, bytes(512)), blk.S_IOERR)

    def test_zeroes_and_discards(self):
        guest = self.guest(packed=self.packed)
        for kind in (blk.T_DISCARD, blk.T_WRITE_ZEROES):
            self.write(guest, 0, b"x" * 2048)
            _, _, end = guest.request(kind, 0, data=blk.RANGE.pack(1, 2, 0))
            guest.finish()
            self.assertEqual(guest.read(end, 1)[0], 0)
            self.assertEqual(self.read(guest, 0, 2048), b"x" * 512 + bytes(1024) + b"x" * 512)

    def test_several_queues_serve_one_disk(self):
        guest = self.guest("--queues", "2", packed=self.packed, queues=2)
        self.write(guest, 7, b"a" * 512, ring=1)
        self.assertEqual(self.read(guest, 7, 512, ring=0), b"a" * 512)

    def test_interrupts_come_only_where_wanted(self):
        guest = self.guest(packed=self.packed, without=vhost_ring.F_EVENT_IDX)
        ring = guest.rings[0]
        ring.want_interrupts(False)
        guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(0.2), 0)
        ring.want_interrupts(True)
        guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(), 1)

    def test_it_stops_and_goes_on_where_it_was(self):
        guest = self.guest(packed=self.packed)
        self.write(guest, 3, b"q" * 512)
        base = guest.stop()
        self.assertEqual(base & 0x7fff, 3 if self.packed else 1)
        # Stopped: nothing is answered.
        guest.request(IN, 3, room=512)
        guest.rings[0].ring_doorbell()
        self.assertEqual(guest.rings[0].interrupted(0.2), 0)
        self.assertIsNone(guest.error)

    def test_what_was_not_flushed_is_lost(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "disk")
            guest = self.guest("--file", path, "--volatile", packed=self.packed)
            self.write(guest, 0, b"a" * 1024)
            guest.request(FLUSH, 0)
            guest.finish()
            self.write(guest, 1, b"b" * 1024)
            self.assertEqual(self.read(guest, 0, 2048),
                             b"a" * 512 + b"b" * 1024 + bytes(512))
            with open(path, "rb") as file:
                self.assertEqual(file.read(2048), b"a" * 1024 + bytes(1024))


class HonestPackedTest(HonestTest):
    packed = True


class EventIndexTest(GuestCase):
    def test_an_interrupt_comes_when_the_index_passes_the_event(self):
        guest = self.guest()
        ring = guest.rings[0]
        ring.want_interrupt_at(2)
        guest.request(IN, 0, room=512)
        guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(0.2), 0)
        self.assertEqual(ring.avail_event(), 2)
        guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(), 1)

    def test_on_a_packed_ring_when_the_position_is_passed(self):
        guest = self.guest(packed=True)
        ring = guest.rings[0]
        ring.want_interrupt_at(6, 1)    # of the third request: three descriptors each
        for _ in range(2):
            guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(0.2), 0)
        guest.request(IN, 0, room=512)
        ring.ring_doorbell()
        self.assertEqual(ring.interrupted(), 1)


class LieTest(GuestCase):
    """Each lie, and that it is told only where it is asked for."""
    packed = False

    def told(self, text, status=0xff, before=1, **how):
        """(guest, id, used elements, status) of the request that is lied to."""
        guest = self.guest("--lie", "%s@%d" % (text, before + 1), packed=self.packed, **how)
        for _ in range(before):
            number, _, end = guest.request(IN, 0, room=512)
            self.assertEqual(guest.finish(), [(number, 513)])
            self.assertEqual(guest.read(end, 1), b"\0")
        number, _, end = guest.request(IN, 0, room=512, status=status)
        used = guest.finish()
        self.assertIn("lie %s at request %d" % (text.partition("=")[0], before + 1), guest.said)
        return guest, number, used, guest.read(end, 1)[0]

    def test_used_id(self):
        self.assertEqual(self.told("used-id")[2], [(16, 513)])
        want = 0xffff if self.packed else 0xffffffff
        self.assertEqual(self.told("used-id=0xffffffff")[2][0][0], want)

    def test_used_id_free(self):
        _, number, used, _ = self.told("used-id-free")
        self.assertNotEqual(used[0][0], number)
        self.assertLess(used[0][0], 16)

    def test_used_twice(self):
        _, number, used, _ = self.told("used-twice")
        self.assertEqual(used, [(number, 513), (number, 513)])

    def test_lengths(self):
        self.assertEqual(self.told("used-length-long")[2][0][1], 514)
        self.assertEqual(self.told("used-length-long=0xffffffff")[2][0][1], 0xffffffff)
        self.assertEqual(self.told("used-length-short")[2][0][1], 0)
        self.assertEqual(self.told("used-length-short=7")[2][0][1], 7)

    def test_index_jump(self):
        _, _, used, _ = self.told("index-jump")
        self.assertGreater(len(used), 1)

    def test_status(self):
        self.assertEqual(self.told("status")[3], 0x7f)
        self.assertEqual(self.told("status=255")[3], 255)
        self.assertEqual(self.told("status-unwritten", status=0xa5)[3], 0xa5)

    def test_silence_and_what_comes_late(self):
        guest = self.guest("--lie", "silence@1", "--lie", "late=0.3@2", packed=self.packed)
        guest.request(IN, 0, room=512)
        guest.rings[0].ring_doorbell()
        self.assertEqual(guest.rings[0].interrupted(0.2), 0)
        number, _, _ = guest.request(IN, 0, room=512)
        started = time.monotonic()
        guest.rings[0].ring_doorbell()
        self.assertEqual(guest.rings[0].interrupted(), 1)
        self.assertGreater(time.monotonic() - started, 0.25)
        if not self.packed:     # there it lies where the first would have been
            self.assertEqual(guest.taken(), [(number, 513)])

    def test_storm_and_spurious(self):
        guest = self.told("storm")[0]
        count = 0
        while count < 1000:
            new = guest.rings[0].interrupted()
            self.assertGreater(new, 0)
            count += new
        guest, number, used, _ = self.told("spurious")
        while not used:         # the interrupt for nothing came first
            self.assertGreater(guest.rings[0].interrupted(), 0)
            used = guest.taken()
        self.assertEqual(used, [(number, 513)])

    def test_config(self):
        guest = self.told("config=capacity:0,blk_size:3")[0]
        self.assertEqual(vhost_user.receive(guest.backend_sock)[0],
                         vhost_user.BACKEND_CONFIG_CHANGE)
        self.assertEqual(struct.unpack_from("<Q", guest.config())[0], 0)
        self.assertEqual(struct.unpack_from("<I", guest.config(), 20)[0], 3)

    def test_config_storm_ends_right(self):
        guest = self.told("config-storm=0.2")[0]
        count = 0
        guest.backend_sock.settimeout(1)
        with self.assertRaises(TimeoutError):
            while vhost_user.receive(guest.backend_sock)[0] == vhost_user.BACKEND_CONFIG_CHANGE:
                count += 1
        self.assertGreater(count, 2)
        self.assertEqual(struct.unpack_from("<Q", guest.config())[0], 2048)

    def test_disconnect(self):
        guest = self.guest("--lie", "disconnect@1", packed=self.packed)
        guest.request(IN, 0, room=512)
        guest.rings[0].ring_doorbell()
        self.assertEqual(guest.sock.recv(1), b"")
        guest.thread.join(5)
        self.assertFalse(guest.thread.is_alive())


class LiePackedTest(LieTest):
    packed = True

    def test_index_back_is_for_split_rings(self):
        guest = self.guest("--lie", "index-back", packed=True)
        guest.request(IN, 0, room=512)
        guest.rings[0].ring_doorbell()
        guest.thread.join(5)
        self.assertRegex(str(guest.error), "cannot be told on a packed ring")


class SplitOnlyLieTest(GuestCase):
    def test_index_back(self):
        guest = self.guest("--lie", "index-back=2@2")
        for _ in range(2):
            guest.request(IN, 0, room=512)
            self.assertEqual(len(guest.finish()), 1)
        self.assertEqual(guest.rings[0].interrupted(), 1)
        self.assertEqual(guest.rings[0].used_index(), 0)

    def test_flags_that_mean_nothing_stay(self):
        guest = self.guest("--lie", "flags@1")
        for _ in range(2):
            guest.request(IN, 0, room=512)
            self.assertEqual(len(guest.finish()), 1)
            self.assertEqual(guest.rings[0].used_flags(), 0xfffe)


class CommandLineTest(unittest.TestCase):
    def test_when_a_lie_is_due(self):
        for text, want in (("status@3", [3]), ("status@3+", [3, 4, 5]),
                           ("status", [1, 2, 3, 4, 5]), ("status=1@1", [1])):
            told = vhost_lies.Lie(text)
            self.assertEqual([n for n in range(1, 6) if told.due(n)], want, text)

    def test_what_there_is_not_is_refused(self):
        for text in ("truth", "status@", "status@x", "@3"):
            with self.assertRaises(vhost_lies.LieError):
                vhost_lies.Lie(text)
        with self.assertRaises(vhost_lies.LieError):
            vhost_lies.set_fields(bytearray(60), "weight:3")
        with self.assertRaises(vhost_lies.LieError):
            blk.wanted_features(blk.arguments(["--socket", "x", "--size", "1",
                                               "--offer", "wings"]))

    def test_every_lie_has_a_test(self):
        with open(__file__, encoding="utf-8") as file:
            text = file.read()
        for name in vhost_lies.LIES:
            self.assertRegex(text, r'"%s[=@"]' % name)


if __name__ == "__main__":
    unittest.main()
