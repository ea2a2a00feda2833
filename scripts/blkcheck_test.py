# SPDX-License-Identifier: MIT
"""Every way in which a disk can lose data is seen and named."""

import os
import tempfile
import unittest

import blkcheck

SEED = 5
COUNT = 2048        # sectors: 1 MiB


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "disk")
        self.put(0, b"".join(blkcheck.contents(SEED, 3, 0, COUNT)))

    def put(self, sector, data, at=0):
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, data, sector * blkcheck.SECTOR + at)
        os.close(fd)

    def problems(self, *generations):
        return blkcheck.check(self.path, SEED, 1, list(generations or (3,)))

    def test_the_pattern_is_the_guests(self):
        data = blkcheck.content(1, 2, 3)    # as drivers/block/block_pattern_test.c has it
        self.assertEqual(int.from_bytes(data[:8], "little"), 0xf678e0dd3a933ebb)
        self.assertEqual(int.from_bytes(data[-8:], "little"), 0x951341a4b796d3b3)
        self.assertEqual(len(data), 512)

    def test_what_is_right_is_right(self):
        self.assertEqual(self.problems(), [])

    def test_a_lost_write(self):
        self.put(77, bytes(512))
        self.assertEqual(self.problems(), ["sector 77 holds zeros, not generation 3"])

    def test_a_misplaced_one(self):
        self.put(78, blkcheck.content(SEED, 3, 90))
        self.assertEqual(self.problems(),
                         ["sector 78 holds sector 90 of generation 3, not generation 3"])

    def test_an_old_one(self):
        self.put(2047, blkcheck.content(SEED, 2, 2047))
        self.assertEqual(self.problems(),
                         ["sector 2047 holds sector 2047 of generation 2, not generation 3"])

    def test_a_torn_one(self):
        self.put(5, b"?" * 8, at=500)
        self.assertRegex(self.problems()[0], "sector 5 holds sector 5 of .* at its beginning")

    def test_one_of_another_seed(self):
        self.put(5, blkcheck.content(SEED + 1, 3, 5))
        self.assertRegex(self.problems()[0], "holds what nobody wrote")

    def test_several_generations_may_be_there(self):
        self.put(9, blkcheck.content(SEED, 4, 9))
        self.assertEqual(len(self.problems()), 1)
        self.assertEqual(self.problems(3, 4), [])
        self.assertEqual(self.problems(4, 3), [])

    def test_a_file_that_is_too_short(self):
        os.truncate(self.path, 512 * 2000)
        self.assertEqual(self.problems()[-1], "and 40 sectors more")


if __name__ == "__main__":
    unittest.main()
