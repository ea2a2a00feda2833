# SPDX-License-Identifier: MIT
"""What gdb should know of Cairn; `make gdb` loads it.

cairn-memmap            the memory map
cairn-heap              the heap: each size of block, live and free
cairn-heap ADDRESS      what the heap knows of an address
cairn-vq [ADDRESS]      every queue of every virtio device, or one
cairn-log               the log ring, also that of a kernel that is dead
cairn-list HEAD[, NEXT] a chain of structures

and printers for a region, a list of regions, a span and a block of the heap,
and a virtqueue. All of it reads the guest's memory only; what is broken there
is said, and a chain without end is cut.
"""

import gdb
import gdb.printing

CHAIN_MAX = 4096        # links that are followed
DESC_NEXT, DESC_WRITE, DESC_INDIRECT = 1, 2, 4      # drivers/virtio/ring.h


def static(file, name):
    """A variable that only one file knows. gdb.error if it is not built."""
    return gdb.parse_and_eval("'%s'::%s" % (file, name))


def text(value):
    """A C string, or what is in its place."""
    if not value:
        return "NULL"
    try:
        return value.string()
    except (gdb.error, UnicodeDecodeError):
        return "?"


def size_text(count):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count and count % unit == 0:
            return "%d %s" % (count // unit, name)
    return "%d bytes" % count


def chain(head, follow="next"):
    """The structures of a chain; ends where one comes again."""
    seen = set()
    at = head
    while at:
        if int(at) in seen or len(seen) == CHAIN_MAX:
            print("(the chain comes back to, or goes on after, %#x)" % int(at))
            return
        seen.add(int(at))
        yield at
        at = at.dereference()[follow]


def enum_name(value, prefix):
    """REGION_USABLE as "usable"."""
    name = str(value).rsplit("|", 1)[-1].strip()
    return name[len(prefix):].lower().replace("_", " ") if name.startswith(prefix) else name


class Region:
    """struct region"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        start, end = int(self.value["start"]), int(self.value["end"])
        return "%#018x-%#018x %-10s %s, %s" % (
            start, end - 1, enum_name(self.value["kind"], "REGION_"), text(self.value["name"]),
            size_text(end - start))


class Regions:
    """struct regions: a list of them"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "%d regions of at most %d" % (int(self.value["count"]),
                                             int(self.value["capacity"]))

    def children(self):
        for i in range(min(int(self.value["count"]), int(self.value["capacity"]))):
            yield str(i), self.value["list"][i]

    def display_hint(self):
        return "array"


def free_blocks(span):
    """Of a span; those of tiny ones are told by the words behind it."""
    if int(span["class"]) >= int(gdb.parse_and_eval("(int)HEAP_TINY_CLASSES")):
        return bin(int(span["free"])).count("1")
    words = (span.address + 1).cast(gdb.lookup_type("unsigned long").pointer())
    return sum(bin(int(words[i])).count("1") for i in range((int(span["count"]) + 63) // 64))


class Span:
    """struct heap_span: blocks of one size"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        if not int(v["count"]):
            return "unused"
        free = free_blocks(v)
        return "%#x: %d blocks of %d bytes, %d live, %d free" % (
            int(v["start"]), int(v["count"]), int(v["size"]), int(v["count"]) - free, free)


class DebugBlock:
    """struct debug_block: what full checking keeps of a block"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        line = "%d bytes at %#x, number %d, allocated at %s" % (
            int(v["size"]), int(v.address) + int(v["lead"]), int(v["number"]),
            text(v["allocated_at"]))
        return line + (", freed at " + text(v["freed_at"]) if v["freed_at"] else "")


class Queue:
    """struct virtqueue"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        words = ["queue %d" % int(v["index"]), "packed" if v["is_packed"] else "split",
                 "%d of %d descriptors" % (int(v["size"]), int(v["entries"])),
                 "%d added" % int(v["added"]), "%d published" % int(v["published"]),
                 "%d back" % int(v["taken"])]
        if v["event_idx"]:
            words.append("EVENT_IDX")
        if v["stopped"]:
            words.append("stopped")
        return ", ".join(words)


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("cairn")
    for name, printer in (("region", Region), ("regions", Regions), ("heap_span", Span),
                          ("debug_block", DebugBlock), ("virtqueue", Queue)):
        collection.add_printer(name, "^%s$" % name, printer)
    return collection


class Command(gdb.Command):
    """A command of ours: its name, its arguments; errors are said in one line."""
    name = ""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        try:
            self.run(argument.strip())
        except gdb.error as error:
            raise gdb.GdbError("%s: %s" % (self.name, error)) from error

    def run(self, expression):
        raise NotImplementedError

    def takes_nothing(self, expression):
        if expression:
            raise gdb.GdbError("usage: " + self.name)


class Memmap(Command):
    """The memory map: what firmware said, less what the kernel claimed."""
    name = "cairn-memmap"

    def run(self, expression):
        self.takes_nothing(expression)
        regions = Regions(static("mm/mm.c", "map"))
        print(regions.to_string())
        for _, region in regions.children():
            print(Region(region).to_string())


def spans(heap):
    """Each span of the heap, by the pools that its descriptors are cut from."""
    for kind in ("descriptors", "tiny_descriptors"):
        units = int(heap[kind]["units"])
        for pool in chain(heap[kind]["pools"]):
            first = pool.dereference()["first"]
            for i in range(min(int(pool["used"]), CHAIN_MAX)):
                span = first[i * units]
                if int(span["count"]):
                    yield span


class Heap(Command):
    """The heap, one line for each size of block; with an address, what is there."""
    name = "cairn-heap"

    def run(self, expression):
        heap = static("mm/kmalloc.c", "heap")
        if expression:
            self.tell(heap, int(gdb.parse_and_eval(expression)) & (1 << 64) - 1)
            return
        sizes = {}
        for span in spans(heap):
            entry = sizes.setdefault(int(span["size"]), [0, 0, 0])
            free = free_blocks(span)
            entry[0] += 1
            entry[1] += int(span["count"]) - free
            entry[2] += free
        for size in sorted(sizes):
            print("%6d bytes: %4d spans, %6d live, %6d free" % ((size,) + tuple(sizes[size])))
        print("%d large blocks, %d pages held" % (
            int(heap["runs"]),
            int(heap["span_pages"]) + int(heap["run_pages"]) + int(heap["own_pages"])))

    @staticmethod
    def tell(heap, address):
        for span in spans(heap):
            start, size, count = int(span["start"]), int(span["size"]), int(span["count"])
            if start <= address < start + size * count:
                number = (address - start) // size
                print("%#x: %d bytes inside block %d of the span %s" % (
                    address, (address - start) % size, number, Span(span).to_string()))
                return
        print("%#x: in no span of the heap" % address)


def print_split(queue):
    """What is in a split ring between the two sides."""
    size = int(queue["entries"])
    avail, used = queue["avail"].dereference(), queue["used"].dereference()
    print("    avail.idx %d, used.idx %d" % (int(avail["idx"]), int(used["idx"])))
    for n in range(int(queue["taken"]), int(queue["published"])):
        head = int(avail["ring"][n % size])
        print("    %d: head %d: %s" % (n, head, chain_text(queue, head)))


def chain_text(queue, at):
    parts = []
    for _ in range(int(queue["entries"])):
        if at >= int(queue["entries"]):
            return " ".join(parts) + " (descriptor %d does not exist)" % at
        desc = queue["desc"][at]
        flags = int(desc["flags"])
        parts.append("%s%#x+%d" % ("table " if flags & DESC_INDIRECT else
                                   "w " if flags & DESC_WRITE else "r ",
                                   int(desc["addr"]), int(desc["len"])))
        if not flags & DESC_NEXT:
            return ", ".join(parts)
        at = int(desc["next"])
    return ", ".join(parts) + " (a chain without end)"


class Vq(Command):
    """Queues of virtio devices, with what is in flight in a split ring."""
    name = "cairn-vq"

    def run(self, expression):
        if expression:
            kind = gdb.lookup_type("struct virtqueue").pointer()
            self.show(gdb.parse_and_eval(expression).cast(kind))
            return
        devices = static("drivers/virtio/discover.c", "devices")
        for i in range(devices.type.range()[1] + 1):
            if not devices[i]:
                break
            self.device(i, devices[i].dereference())

    def device(self, i, device):
        driver = device["driver"]
        print("device %d: type %d, %s, status %#x%s" % (
            i, int(device["id"]), text(driver["name"]) if driver else "no driver",
            int(device["status"]),
            ", stopped: " + text(device["fault"]) if device["fault"] else ""))
        for queue in chain(device["queues"]):
            self.show(queue)

    @staticmethod
    def show(queue):
        print("  " + Queue(queue.dereference()).to_string())
        if not queue["is_packed"]:
            print_split(queue.dereference())


class Log(Command):
    """The log ring, from the oldest byte that it still holds."""
    name = "cairn-log"

    def run(self, expression):
        self.takes_nothing(expression)
        ring = static("kernel/log.c", "ring")
        head = int(static("kernel/log.c", "head"))
        size = ring.type.range()[1] + 1
        start = max(0, head - size)
        memory = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
        if start:
            print("(%d bytes before this are lost)" % start)
        kept = bytes(memory[n % size] for n in range(start, head))
        print(kept.decode("utf-8", "replace"), end="" if kept.endswith(b"\n") else "\n")


class List(Command):
    """The structures of a chain: cairn-list HEAD, or cairn-list HEAD, MEMBER."""
    name = "cairn-list"

    def run(self, expression):
        head, _, follow = expression.partition(",")
        if not head:
            raise gdb.GdbError("usage: %s HEAD[, NEXT]" % self.name)
        count = 0
        for at in chain(gdb.parse_and_eval(head), follow.strip() or "next"):
            print("%s = %s" % (at.format_string(symbols=True), at.dereference()))
            count += 1
        print("%d in the chain" % count)


gdb.printing.register_pretty_printer(None, printers(), replace=True)
for command in (Memmap, Heap, Vq, Log, List):
    command()
