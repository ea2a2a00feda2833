# SPDX-License-Identifier: MIT
"""What is booted is what is said, and a trace that is missing is not a success."""

import tempfile
import unittest

import twins

GOOD = "\n".join(
    ["trace rng0 features accepted 0x0", "trace rng0 status write 0x7"]
    + ["trace rng0 q0 request %d: out - in 1" % i for i in range(4)]
    + ["trace rng0 q0 response %d: 1 data 00 sum 00000000" % i for i in range(4)]) + "\n"
MODERN = GOOD.replace("write 0x7", "write 0xf")


class FakeImage:
    def elf(self):
        return "cairn.elf"


def compared(**traces):
    return {what: problem is None for what, problem in twins.compare_kind(traces, "rng")}


class CompareTest(unittest.TestCase):
    def test_both_pairs_and_across(self):
        self.assertEqual(compared(mmio1=GOOD, legacy=GOOD, mmio2=MODERN, modern=MODERN), {
            "mmio1 and legacy": True, "mmio2 and modern": True,
            "mmio1 and mmio2, requests and responses": True})

    def test_a_difference_is_seen_where_it_is(self):
        other = MODERN.replace("in 1\n", "in 2\n", 1)
        self.assertEqual(compared(mmio1=GOOD, legacy=GOOD, mmio2=MODERN, modern=other), {
            "mmio1 and legacy": True, "mmio2 and modern": False,
            "mmio1 and mmio2, requests and responses": True})
        self.assertEqual(compared(mmio1=GOOD, legacy=GOOD, mmio2=other, modern=other), {
            "mmio1 and legacy": True, "mmio2 and modern": True,
            "mmio1 and mmio2, requests and responses": False})


class GuestTest(unittest.TestCase):
    def words(self, kind, transport):
        return " ".join(twins.make_guest(FakeImage(), kind, transport, "/nowhere").extra)

    def test_each_transport_has_its_own_device(self):
        self.assertIn("virtio-rng-device", self.words("rng", "mmio1"))
        self.assertIn("virtio-rng-pci,disable-modern=on,vectors=0", self.words("rng", "legacy"))
        self.assertIn("virtio-net-pci,netdev=n0,disable-legacy=on",
                      self.words("net", "modern"))
        self.assertTrue(twins.make_guest(FakeImage(), "rng", "mmio2", "").legacy_free)
        self.assertFalse(twins.make_guest(FakeImage(), "rng", "mmio1", "").legacy_free)

    def test_every_kind_says_which_test_it_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            for kind, (_, _, test) in twins.EVERY_KIND.items():
                self.assertIn("trace=virtio test=" + test, twins.make_guest(
                    FakeImage(), kind, "modern", folder).cmdline)


if __name__ == "__main__":
    unittest.main()
