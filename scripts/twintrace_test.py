# SPDX-License-Identifier: MIT
"""What is no difference must not be seen as one, and each that is planted must be."""

import re
import unittest

import twintrace
from twintrace import across_form, check_trace, difference, sum_of, twin_form


def trace(device, text):
    return "\n".join("trace %s0 %s" % (device, line) for line in text.strip().splitlines()) + "\n"


MMIO = trace("block", """open: done
reset, status write 0x0
status read 0x0
status write 0x3
features offered 0x39000054
features accepted 0x28000044
interrupts wanted 2, got 1: done
interrupt 0 connected: done
config generation 0
config read 0 width 4: 0x2000
q0 wished 64
q0 offers 1024
q0 set up with 64: done
status write 0x7
q0 request 0: out 16 in 512+1 data 00000000000000000000000000000000 sum 00000000
q0 request 1: out 16 in 512+1 data 00000000000000000100000000000000 sum 00000000
q0 doorbell
q0 response 0: 513 data 01020304050607080910 sum 12345678
q0 response 1: 513 data 11020304050607080910 sum 12345679
q0 request 2: out 16+512 in 1 data 010000000000000002000000000000001111 sum 0a0b0c0d
q0 doorbell
q0 response 2: 1 data 00 sum 00000000""")

# The same device on PCI: other bits, sizes, polls, order of answers, doorbells.
PCI = MMIO
for old, new in (
        ("offered 0x39000054", "offered 0x10179000054"), ("accepted 0x28000044", "accepted 0x44"),
        ("q0 offers 1024", "q0 offers 256"), ("set up with 64", "set up with 256"),
        ("status read 0x0\n", "status read 0x0\ntrace block0 status read 0x0\n"),
        ("trace block0 q0 doorbell\n", ""),
        ("trace block0 q0 set", "trace block0 q0 interrupts by 0: done\ntrace block0 q0 set")):
    assert old in PCI, old
    PCI = PCI.replace(old, new)
SWAPPED = PCI.splitlines()
FIRST = next(i for i, line in enumerate(SWAPPED) if "response 0" in line)
SWAPPED[FIRST], SWAPPED[FIRST + 1] = SWAPPED[FIRST + 1], SWAPPED[FIRST]
PCI = "\n".join(SWAPPED) + "\n"

# What a driver could do wrong on one transport alone.
PLANTED = (
    ("a byte that the device reads", "data 0100000000000000020", "data 0100000000000000030"),
    ("a byte far into what the device reads", "sum 0a0b0c0d", "sum 0a0b0c0e"),
    ("a byte that the device wrote", "513 data 11", "513 data 12"),
    ("a byte far into what the device wrote", "sum 12345679", "sum 12345670"),
    ("a length that the device wrote", "response 1: 513", "response 1: 512"),
    ("a segment of another length", "in 512+1", "in 511+1"),
    ("segments laid out otherwise", "out 16+512 in", "out 528 in"),
    ("a status", "status write 0x7", "status write 0xf"),
    ("a status read", "status read 0x0", "status read 0x1"),
    ("a feature of the device type", "accepted 0x44", "accepted 0x40"),
    ("a feature offered", "0x10179000054", "0x10179000055"),
    ("a value of the configuration", "width 4: 0x2000", "width 4: 0x2001"),
    ("an access of another width", "width 4: 0x2000", "width 2: 0x2000"),
    ("a generation", "generation 0", "generation 1"),
    ("a queue of another size", "set up with 256", "set up with 32"),
    ("a queue that is offered smaller", "offers 256", "offers 63"),
    ("another wish", "wished 64", "wished 128"),
    ("a set-up that failed", "set up with 256: done", "set up with 256: EBUSY"),
    ("interrupts opened otherwise", "got 1: done", "got 0: done"),
    ("an operation left out", "trace block0 config generation 0\n", ""),
    ("an operation done twice", "status write 0x3\n",
     "status write 0x3\ntrace block0 status write 0x3\n"),
    ("a request left out", re.search(r"^.*request 2:.*\n", PCI, re.M)[0], ""),
    ("a response left out", re.search(r"^.*response 2:.*\n", PCI, re.M)[0], ""),
    ("a response to no request", "response 2:", "response 7:"),
    ("a request on another queue", "q0 request 2:", "q1 request 2:"),
    ("an end too early", re.search(r"^.*q0 request 2:.*\n", PCI, re.M)[0] +
     re.search(r"^.*response 2:.*\n", PCI, re.M)[0], ""),
)


def compare(left, right, form=twin_form, device="block"):
    return difference("left", "right", form(left, device), form(right, device))


class TwinsTest(unittest.TestCase):
    def test_what_transports_do_differently_is_no_difference(self):
        self.assertNotEqual(MMIO, PCI)
        self.assertIsNone(compare(MMIO, PCI))

    def test_every_planted_difference_is_seen(self):
        for what, old, new in PLANTED:
            self.assertIn(old, PCI, what)
            planted = PCI.replace(old, new, 1)
            self.assertIsNotNone(compare(MMIO, planted), what)
            self.assertIsNotNone(compare(planted, MMIO), what)

    def test_steps_in_another_order_are_seen(self):
        lines = PCI.splitlines()
        for i, (a, b) in enumerate(zip(lines, lines[1:])):
            if a == b or "response" in a + b or "interrupts by" in a + b:
                continue
            swapped = "\n".join(lines[:i] + [b, a] + lines[i + 2:])
            self.assertIsNotNone(compare(MMIO, swapped), "%s / %s" % (a, b))

    def test_the_first_difference_is_shown_with_both_sides(self):
        text = compare(MMIO, PCI.replace("status write 0x7", "status write 0xf"))
        self.assertRegex(text, r"(?m)^left +status write 0x7$")
        self.assertRegex(text, r"(?m)^right +status write 0xf$")
        self.assertRegex(text, r"(?m)^    q0 set up with 64: done$")
        self.assertIn("(ends here)", compare(MMIO, ""))

    def test_other_devices_are_not_looked_at(self):
        self.assertIsNone(compare(MMIO + trace("net", "status write 0x7"), PCI))
        self.assertEqual(twin_form(MMIO, "rng"), [])


class RandomTest(unittest.TestCase):
    FIRST = trace("rng", "q0 request 0: out - in 8\n"
                  "q0 response 0: 8 data 0011223344556677 sum 00000000")

    def test_random_bytes_are_no_difference_but_their_number_is(self):
        other = self.FIRST.replace("001122", "fedcba")
        self.assertIsNone(compare(self.FIRST, other, device="rng"))
        self.assertIsNotNone(compare(self.FIRST, other.replace(": 8 ", ": 7 "), device="rng"))
        self.assertIsNotNone(compare(self.FIRST, other.replace("in 8", "in 9"), device="rng"))


def contents(data):
    shown, rest = data[:twintrace.SHOWN], data[twintrace.SHOWN:]
    return "data %s sum %08x" % (shown.hex() or "-", sum_of(rest))


def net_trace(header, frame, reply, features=0, split=False, buffer=2000):
    """A driver that sends one frame and gets one, with a header of so many bytes."""
    sent = bytes(10) + bytes(header - 10) + frame
    got = bytes(10) + b"\1\0"[:header - 10] + reply
    outs = "%d+%d" % (header, len(frame)) if split else str(len(sent))
    return trace("net", "\n".join((
        "features accepted 0x%x" % features,
        "q0 request 0: out - in %d" % (buffer + header),
        "q1 request 0: out %s in - %s" % (outs, contents(sent)),
        "q1 response 0: 0 data - sum 00000000",
        "q0 response 0: %d %s" % (len(got), contents(got)),
        "q2 request 0: out 2+1 in 1 data 000001 sum 00000000",
        "q2 response 0: 1 data 00 sum 00000000")))


class AcrossTest(unittest.TestCase):
    FRAME, REPLY = bytes(range(200)), bytes(range(50, 250))

    def across(self, left, right):
        return compare(left, right, across_form, "net")

    def test_padding_of_the_header_is_no_difference(self):
        for frame, reply in ((self.FRAME, self.REPLY), (b"x" * 14, b"y" * 14), (b"", self.REPLY)):
            short = net_trace(10, frame, reply)
            padded = net_trace(12, frame, reply, twintrace.VERSION_1)
            self.assertIsNone(self.across(short, padded))
            self.assertIsNone(self.across(net_trace(10, frame, reply, split=True), net_trace(
                12, frame, reply, twintrace.VERSION_1, split=True)))
        merging = net_trace(12, self.FRAME, self.REPLY, twintrace.MRG_RXBUF)
        self.assertIsNone(self.across(merging, net_trace(10, self.FRAME, self.REPLY)))

    def test_every_byte_of_a_frame_counts(self):
        short = net_trace(10, self.FRAME, self.REPLY)
        for i in range(len(self.FRAME)):
            frame, reply = bytearray(self.FRAME), bytearray(self.REPLY)
            frame[i] ^= 1
            self.assertIsNotNone(self.across(
                short, net_trace(12, frame, self.REPLY, twintrace.VERSION_1)), i)
            reply[i] ^= 1
            self.assertIsNotNone(self.across(
                short, net_trace(12, self.FRAME, reply, twintrace.VERSION_1)), i)

    def test_lengths_and_header_count(self):
        short = net_trace(10, self.FRAME, self.REPLY)
        for other in (net_trace(12, self.FRAME[:-1], self.REPLY, twintrace.VERSION_1),
                      net_trace(12, self.FRAME, self.REPLY + b"\0", twintrace.VERSION_1),
                      net_trace(12, self.FRAME, self.REPLY, twintrace.VERSION_1, buffer=1999),
                      net_trace(12, self.FRAME, self.REPLY, twintrace.VERSION_1, split=True),
                      net_trace(12, self.FRAME, self.REPLY, twintrace.VERSION_1)
                      .replace("data 00", "data 01", 1),
                      net_trace(12, self.FRAME, self.REPLY, twintrace.VERSION_1)
                      .replace("in 1 data 000001", "in 1 data 000000")):
            self.assertIsNotNone(self.across(short, other))

    def test_operations_are_left_to_twins(self):
        other = MMIO.replace("status write 0x7", "status write 0xf")
        self.assertIsNone(compare(MMIO, other, across_form))
        self.assertIsNotNone(compare(MMIO, other.replace("in 512+1", "in 512+2"), across_form))


class CheckTest(unittest.TestCase):
    LINES = ["status write 0x7"] + ["q0 request %d: out - in 1" % i for i in range(4)] \
        + ["q0 response 0: 1 data 00 sum 00000000"]

    def test_a_trace_without_a_workload_is_none(self):
        self.assertEqual(check_trace(self.LINES, True), [])
        self.assertNotEqual(check_trace([], True), [])
        self.assertNotEqual(check_trace(self.LINES[:4], True), [])
        self.assertNotEqual(check_trace(self.LINES[:5], True), [])

    def test_a_legacy_device_is_not_a_modern_one(self):
        self.assertNotEqual(check_trace(self.LINES, False), [])
        self.assertEqual(check_trace(["status write 0xf"] + self.LINES[1:], False), [])

    def test_a_response_to_no_request_is_told(self):
        self.assertNotEqual(check_trace(self.LINES + ["q0 response 9: 1 data 00 sum 00000000"],
                                        True), [])


if __name__ == "__main__":
    unittest.main()
