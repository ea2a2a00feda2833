# SPDX-License-Identifier: MIT
"""The driver trace (drivers/virtio/virtio_trace.h), made comparable and compared.

twin_form() is what twins on two transports have in common, across_form() what a
legacy and a modern device have. Each rule says why what it removes is no
difference. A rule that removed more would hide what it is for: twintrace_test.py
plants differences that must be seen."""

import re
from dataclasses import dataclass

TRANSPORT_FEATURES = sum(1 << bit for bit in range(24, 41))
MRG_RXBUF = 1 << 15
VERSION_1 = 1 << 32
SHOWN = 32              # VIRTIO_TRACE_DATA
SUM_FACTOR = 0x01000193
CONTEXT = 6             # lines before a difference that are shown

REQUEST = re.compile(r"q(\d+) request (\d+): out (\S+) in (\S+)(?: data (\S+) sum (\w+))?$")
RESPONSE = re.compile(r"q(\d+) response (\d+): (\d+) data (\S+) sum (\w+)$")


@dataclass(frozen=True)
class Contents:
    """What a request's segments held: the first bytes, the number of all, the sum of the rest."""
    data: bytes
    total: int
    sum: int

    def without(self, start, end):
        """As if these of the first bytes had not been there: (first bytes, sum of the rest)."""
        kept = self.data[:start] + self.data[end:]
        head, tail = kept[:start], kept[start:]
        rest = self.total - len(self.data)
        return head, (sum_of(tail) * pow(SUM_FACTOR, rest, 1 << 32) + self.sum) % (1 << 32)


def sum_of(data, start=0):
    """virtio_trace_sum()."""
    for byte in data:
        start = (start * SUM_FACTOR + byte) % (1 << 32)
    return start


def lengths(text):
    return [] if text == "-" else [int(n) for n in text.split("+")]


def own_lines(console, device):
    """The trace of one device, without its name."""
    return re.findall(r"^trace %s0 (.*)$" % device, console, re.M)


def is_request(line):
    return re.match(r"q\d+ request ", line) is not None


def drop(lines, pattern):
    return [line for line in lines if not re.match(pattern, line)]


# The rules, for twins.

def mask_transport_features(lines):
    """Bits 24 to 40 are about rings and transports: a legacy one has bits that a modern
    one must not have, and MMIO offers what PCI does not."""
    def masked(match):
        return match[1] + "0x%x" % (int(match[2], 16) & ~TRANSPORT_FEATURES)
    return [re.sub(r"^(features \w+ )0x(\w+)$", masked, line) for line in lines]


def cap_queue_sizes(lines):
    """MMIO offers 1024 for any queue, PCI what the device has, and a legacy PCI device takes
    no smaller one. What a driver puts into a queue its own wish bounds, so no number here
    counts beyond that."""
    wishes = {m[1]: int(m[2]) for m in (re.match(r"q(\d+) wished (\d+)$", line)
                                        for line in lines) if m}

    def capped(match):
        size = int(match[3])
        return "%s%d%s" % (match[1], min(size, wishes.get(match[2], size)), match[4])
    return [re.sub(r"^(q(\d+) (?:offers|set up with) )(\d+)(.*)$", capped, line) for line in lines]


def fold_polls(lines):
    """How often a status is read until it is what is waited for is a matter of time."""
    return [line for line, before in zip(lines, [None] + lines)
            if line != before or not line.startswith("status read ")]


def drop_doorbells(lines):
    """Whether the device wants a doorbell depends on what its threads were doing: it asks
    for none while it still looks."""
    return drop(lines, r"q\d+ doorbell$")


def drop_interrupt_choice(lines):
    """Which interrupt tells of which queue is only a question on PCI."""
    return drop(lines, r"(q\d+|config) interrupts by ")


def settle_responses(lines):
    """When and in which order a device answers is its own affair; each response is put
    behind its request. One without a request stays where it was."""
    responses = {m.group(1, 2): line for line, m in ((line, RESPONSE.match(line)) for line in lines)
                 if m}
    settled, placed = [], set()
    for line in lines:
        match = REQUEST.match(line) or RESPONSE.match(line)
        key = match.group(1, 2) if match else None
        if match and RESPONSE.match(line):
            if key not in placed:
                settled.append(line)
            continue
        settled.append(line)
        if match and key in responses and key not in placed:
            settled.append(responses[key])
            placed.add(key)
    return settled


def drop_random_bytes(lines):
    """Random bytes differ, or are none."""
    return [re.sub(r"^(q\d+ response \d+: \d+) data .*$", r"\1", line) for line in lines]


def twin_form(console, device):
    """The trace of a device as twins have it in common."""
    lines = own_lines(console, device)
    for rule in (mask_transport_features, cap_queue_sizes, fold_polls, drop_doorbells,
                 drop_interrupt_choice, settle_responses):
        lines = rule(lines)
    return drop_random_bytes(lines) if device == "rng" else lines


# The rules across the pairs.

def header_length(lines):
    """Of what precedes each frame: 12 bytes, but 10 on a legacy device without mergeable
    buffers (5.1.6.1)."""
    accepted = [int(m[1], 16) for m in (re.match(r"features accepted 0x(\w+)$", line)
                                        for line in lines) if m]
    return 12 if accepted and accepted[-1] & (MRG_RXBUF | VERSION_1) else 10


def cut_header(contents, header):
    """The header's ten bytes that all have, then the frame: text."""
    if contents.total < header or len(contents.data) < min(header, contents.total):
        return "%d bytes, no frame" % contents.total
    head, rest = contents.without(10, header)
    return "header %s frame of %d sum %08x" % (head.hex(), contents.total - header, rest)


def unpad_net_header(lines, header):
    """The last two bytes of a header of 12 count merged buffers, and are not there in one of
    10: the frames behind are compared. The lengths of the segments differ by as much."""
    unpadded = []
    for line in lines:
        request, response = REQUEST.match(line), RESPONSE.match(line)
        match = request or response
        if not match or is_control(match[1], lines):
            unpadded.append(line)
        elif response:
            text = cut_header(contents_of(response[4], int(response[3]), response[5]), header)
            line = "q%s response %s: %s" % (response[1], response[2],
                                            "0" if response[3] == "0" else text)
            unpadded.append(line)
        else:
            unpadded.append(unpad_request(request, header))
    return unpadded


def unpad_request(request, header):
    queue, number, outs, ins, data, rest = request.groups()
    if outs == "-":
        return "q%s request %s: out - in %s" % (queue, number, shorten(ins, header - 10))
    text = cut_header(contents_of(data, sum(lengths(outs)), rest), header)
    return "q%s request %s: out %s in %s %s" % (queue, number, shorten(outs, header - 10), ins,
                                                text)


def shorten(text, by):
    """The lengths, the first by so much less."""
    first, *others = lengths(text)
    return "+".join(str(n) for n in [first - by] + others)


def contents_of(data, total, rest):
    return Contents(bytes.fromhex("" if data == "-" else data), total, int(rest, 16))


def is_control(queue, lines):
    """The control queue is the last, behind the pairs (5.1.2); its requests have no header,
    but both a part that is read and one that is written."""
    return int(queue) % 2 == 0 and any(
        m[1] == queue and m[3] != "-" and m[4] != "-"
        for m in map(REQUEST.match, lines) if m)


def across_form(console, device):
    """Requests and responses, as a legacy and a modern device have them in common."""
    lines = twin_form(console, device)
    header = header_length(own_lines(console, device))
    lines = [line for line in lines if REQUEST.match(line) or RESPONSE.match(line)
             or re.match(r"q\d+ response ", line)]
    return unpad_net_header(lines, header) if device == "net" else lines


# Comparing.

def difference(left, right, left_lines, right_lines):
    """None, or the first difference, with the lines before it and those on both sides."""
    for i in range(max(len(left_lines), len(right_lines))):
        ours = left_lines[i] if i < len(left_lines) else "(ends here)"
        theirs = right_lines[i] if i < len(right_lines) else "(ends here)"
        if ours != theirs:
            before = left_lines[max(0, i - CONTEXT):i]
            after = zip(left_lines[i + 1:i + 3], right_lines[i + 1:i + 3])
            return "\n".join(["line %d of the normalised trace" % (i + 1)]
                             + ["    " + line for line in before]
                             + ["%-7s " % left + ours, "%-7s " % right + theirs]
                             + ["%-7s %s\n%-7s %s" % (left, a, right, b) for a, b in after])
    return None


def check_trace(lines, legacy):
    """What a trace must have, lest two that are empty agree."""
    problems = []
    requests = [m.group(1, 2) for m in map(REQUEST.match, lines) if m]
    responses = {m.group(1, 2) for m in map(RESPONSE.match, lines) if m}
    if len(requests) < 4 or not responses:
        problems.append("%d requests and %d responses are no workload"
                        % (len(requests), len(responses)))
    if not responses <= set(requests):
        problems.append("a response is to no request")
    ready = ["status write 0x7", "status write 0xf"][not legacy]
    if ready not in lines:
        problems.append("no line `%s`" % ready)
    return problems
