# SPDX-License-Identifier: MIT
"""Holds the kernel's report of its machine against QEMU's own word.

compare(report, view, facts): what differs, a line each that names both
sides. What QEMU has and the report lacks is as wrong as the reverse, so an
empty report passes nowhere. `facts` is the run's key `report` in tests.cfg, a
line each, which says what QEMU cannot know:

	acpi boot loader	where the RSDP is from
	interrupts MADT		who told of the interrupt controllers
	pci MCFG		how configuration space is reached
	virtio ACPI		through what the virtio-mmio devices were found
	bars kept assigned	the states that BARs are in, no other and each
	kind MSI-X, line	how the driven virtio devices interrupt: no other way, and each
	proof seen		the same of what became of the proof
	source HPET		the clock source
	disabled 00:03.0 no room for it
				a BAR that is disabled, and why (a glob)

`none` stands for null. The first four must be there."""

import fnmatch

import machineself
import qemuview
import report as reports
from report import number

REQUIRED = ("acpi", "interrupts", "pci", "virtio")
FACTS = REQUIRED + ("bars", "proof", "kind", "source", "disabled")
LOCAL_APIC = "apic-msi"         # QEMU's names of ranges in its tree
IOAPIC = "ioapic"
# Of clocks: the report's name, where QEMU has it, whether only ACPI tells of it.
CLOCKS = (("HPET", "ranges", "hpet", True), ("PIT", "ports", "pit", False),
          ("PM timer", "ports", "acpi-tmr", True))
# Of virtio devices: the report's name of a type, and who drives it (if it is in the image).
VIRTIO_NAMES = {1: "net", 2: "block", 3: "console", 4: "rng"}
VIRTIO_DRIVERS = {1: "virtio-net", 2: "virtio-blk", 3: "virtio-console",
                  4: "virtio-rng"}
PIC = "pic"
ECAM = ("pcie-mmcfg-mmio", "pcie-ecam")


def parse_facts(lines):
    """Name -> value; a name that nobody knows is an error, one that is missing too."""
    facts = {}
    for line in lines:
        name, _, value = line.partition(" ")
        if name not in FACTS or not value:
            raise reports.ReportError("tests.cfg: report: no such fact: " + line)
        if name == "disabled":
            facts.setdefault(name, []).append(value.partition(" ")[::2])
        else:
            facts[name] = value
    missing = [name for name in REQUIRED if name not in facts]
    if missing:
        raise reports.ReportError("tests.cfg: report does not say " + ", ".join(missing))
    return facts


def _said(value):
    return "none" if value is None else value


def _differ(what, mine, theirs):
    return ["%s: the report has %s, QEMU %s" % (what, mine, theirs)] if mine != theirs else []


def _unexpected(what, mine, wanted):
    """What QEMU cannot know, and the run says."""
    return ["%s: the report has %s, the run expects %s" % (what, mine, wanted)
            ] if mine != wanted else []


def _compare_sets(what, mine, theirs):
    """Keys that only one side has; `what` names one of them."""
    found = ["%s %s: the report does not have it, QEMU does" % (what, key)
             for key in sorted(set(theirs) - set(mine))]
    return found + ["%s %s: the report has it, QEMU does not" % (what, key)
                    for key in sorted(set(mine) - set(theirs))]


def _hex_all(addresses):
    return ["0x%x" % a for a in addresses]


def compare_bar(where, mine, theirs):
    """One BAR of the report against QEMU's."""
    what = "%s bar%d" % (where, theirs.index)
    found = _differ(what + " size", mine["size"], "0x%x" % theirs.size)
    found += _differ(what + " kind", mine["kind"], theirs.kind)
    if theirs.kind != "rom":
        found += _differ(what + " prefetchable", mine["prefetchable"], theirs.prefetchable)
    decodes = theirs.address != qemuview.UNMAPPED
    found += _differ(what + " decodes", mine["decodes"], decodes)
    if decodes:
        found += _differ(what + " address", mine["address"], "0x%x" % theirs.address)
    if decodes and mine["state"] == "disabled":
        found.append("%s: the report has it disabled, QEMU at 0x%x" % (what, theirs.address))
    if mine["state"] == "disabled" and not mine["why"]:
        found.append("%s: disabled, and the report does not say why" % what)
    return found


def compare_function(mine, theirs):
    where = theirs.address
    found = _differ(where + " vendor", number(mine["vendor"]), theirs.vendor)
    found += _differ(where + " device", number(mine["device"]), theirs.device)
    found += _differ(where + " class", number(mine["class"]) >> 8, theirs.klass)
    if not mine["class_name"]:
        found.append(where + ": its class has no name in the report")
    bridge = mine["bridge"] and (mine["bridge"]["secondary"], mine["bridge"]["subordinate"])
    found += _differ(where + " buses behind it", bridge, theirs.buses)
    bars = {bar["index"]: bar for bar in mine["bars"]}
    their_bars = {bar.index: bar for bar in theirs.bars}
    if len(bars) != len(mine["bars"]):
        found.append(where + ": the report has a BAR twice")
    found += _compare_sets(where + " bar", bars, their_bars)
    for index in sorted(set(bars) & set(their_bars)):
        found += compare_bar(where, bars[index], their_bars[index])
    return found


def compare_pci(report, view, facts):
    pci = report.get("pci")
    if pci is None:
        return ["the report has no part `pci`"] if view.functions else []
    found = _unexpected("pci from", _said(pci["from"]), facts["pci"])
    mine = {f["address"]: f for f in pci["functions"]}
    if len(mine) != len(pci["functions"]):
        found.append("pci: the report has a function twice")
    theirs = {f.address: f for f in view.functions}
    found += _compare_sets("function", mine, theirs)
    for address in sorted(set(mine) & set(theirs)):
        found += compare_function(mine[address], theirs[address])
    found += _differ("buses", pci["buses"], bool(theirs) + len(
        [f for f in view.functions if f.buses]))
    if pci["lost"]:
        found.append("pci: %d functions were not listed" % pci["lost"])
    return found + compare_ecam(pci, view)


def compare_ecam(pci, view):
    """ECAM is used where QEMU has it, and nowhere else."""
    theirs = sorted(a for name in ECAM for a in view.ranges.get(name, []))
    if pci["access"] == "ECAM":
        return _differ("ECAM", pci["ecam"], "0x%x" % theirs[0] if theirs else "nowhere")
    found = ["pci: from MCFG, but reached through %s" % pci["access"]
             ] if pci["from"] == "MCFG" else []
    return found + (["pci: no access by ECAM, but at " + pci["ecam"]] if pci["ecam"] else [])


def compare_interrupts(report, view, facts):
    mine = report["interrupts"]
    found = _unexpected("interrupts from", _said(mine["from"]), facts["interrupts"])
    local = mine["local"] and mine["local"]["address"]
    theirs = _hex_all(view.ranges.get(LOCAL_APIC, []))
    found += _differ("local APIC", [local] if local else [], theirs)
    found += _differ("IOAPICs", sorted(l["address"] for l in mine["lines"]),
                     sorted(_hex_all(view.ranges.get(IOAPIC, []))))
    found += _differ("two 8259", mine["pic"], PIC in view.ports)
    return found + compare_pins(mine["sources"], view.pins)


def compare_pins(sources, pins):
    """Lines that the report calls connected are in a redirection table, and no others."""
    mine = {(s["controller"], s["pin"]): (s["pin"], s["vector"], s["trigger"], s["polarity"])
            for s in sources if s["kind"] == "line"}
    theirs = [(p.pin, p.vector, "level" if p.level else "edge", "low" if p.active_low else "high")
              for p in pins]
    return _compare_sets("interrupt line (pin, vector, trigger, polarity)",
                         [str(m) for m in mine.values()], [str(t) for t in theirs])


def compare_clocks(report, view, facts):
    clocks = report["clocks"]
    names = [clock["name"] for clock in clocks["found"]]
    found = []
    for name, space, range_name, by_acpi in CLOCKS:
        told = facts["acpi"] != "none" or not by_acpi
        found += _differ(name, name in names, told and range_name in getattr(view, space))
    if not clocks["found"]:
        found.append("clocks: the report has found none")
    if "source" in facts:
        found += _unexpected("clock source", clocks["source"]["name"], facts["source"])
    return found


def compare_virtio(report, view, facts):
    devices = report.get("virtio")
    if devices is None:
        return ["the report has no part `virtio`"] if view.virtio else []
    mine = {d["where"]: d for d in devices}
    found = _compare_sets("virtio device", mine, view.virtio)
    if len(mine) != len(devices):
        found.append("virtio: the report has a device twice")
    for where in sorted(set(mine) & set(view.virtio)):
        device = mine[where]
        kind, version = view.virtio[where]
        found += _differ("virtio device %s: type" % where, device["id"], kind)
        found += _differ("virtio device %s: version" % where, device["version"], version)
        found += virtio_names(where, device, kind)
        wanted = facts["virtio"] if device["transport"] == "mmio" else "PCI"
        found += _unexpected("virtio device %s: found through" % where, device["found_through"],
                             wanted)
        found += virtio_interrupts(where, device)
    if facts["virtio"] != "none" and "mmio" not in {d["transport"] for d in devices}:
        found.append("virtio: the report has no device found through " + facts["virtio"])
    return found


def virtio_names(where, device, kind):
    """A type has its name and its driver, and what has one has no fault."""
    found = []
    if device["type"] != VIRTIO_NAMES.get(kind, device["type"]):
        found.append("virtio device %s: type %d: the report calls it %s, QEMU's is a %s"
                     % (where, kind, device["type"], VIRTIO_NAMES[kind]))
    found += _unexpected("virtio device %s: driver" % where, _said(device["driver"]),
                         _said(VIRTIO_DRIVERS.get(kind)))
    return found + ["virtio device %s: %s: %s" % (where, what, device[what])
                    for what in ("fault", "undriven") if device[what]]


def virtio_interrupts(where, device):
    """What must hold of a device that is driven, whatever the run expects."""
    interrupts = device["interrupts"]
    if device["driver"] is None:
        return [] if interrupts is None else [
            "virtio device %s: the report has interrupts of it, and no driver" % where]
    if interrupts is None:
        return ["virtio device %s: the report says nothing of its interrupts" % where]
    if interrupts["kind"] == "polled" and not interrupts["why"]:
        return ["virtio device %s: polled, and the report does not say why" % where]
    return []


def expected_interrupts(report, _view, facts):
    """Each driven device interrupts as the run says, and in each such way one does."""
    driven = {d["where"]: d["interrupts"] for d in report.get("virtio", [])
              if d["driver"] is not None and d["interrupts"] is not None}
    found = []
    for fact in ("kind", "proof"):
        if fact not in facts:
            continue
        wanted = facts[fact].split(", ")
        found += ["virtio device %s: %s: the report has %s, the run expects %s"
                  % (where, fact, interrupts[fact], " or ".join(wanted))
                  for where, interrupts in driven.items() if interrupts[fact] not in wanted]
        found += ["virtio: %s: the run expects %s, and no device of the report has it"
                  % (fact, word) for word in wanted
                  if word not in {interrupts[fact] for interrupts in driven.values()}]
    return found


def compare_acpi(report, view, facts):
    acpi = report["acpi"]
    found = _unexpected("acpi: RSDP from", _said(acpi["rsdp"]["from"]), facts["acpi"])
    if acpi["rsdp"]["from"] and not acpi["tables"]:
        found.append("acpi: there is an RSDP, and the report has no table")
    if acpi["rsdp"]["from"]:
        found += _differ("HPET by ACPI", [acpi["hpet"]] if acpi["hpet"] else [],
                         _hex_all(view.ranges.get("hpet", [])))
    return found + ["acpi: %s at %s: %s" % (t["signature"], t["address"], t["problem"])
                    for t in acpi["tables"] if t["problem"]]


def _within(start, end, ranges):
    return any(first <= start and end <= last for first, last in ranges)


def compare_memory(report, view, _facts):
    """What is usable is RAM, and most of the RAM is usable."""
    memory = report["memory"]
    found, usable = [], 0
    for region in memory["regions"]:
        start, end = number(region["start"]), number(region["end"])
        if region["kind"] == "usable":
            usable += end - start
            if not _within(start, end, view.ram):
                found.append("memory 0x%x-0x%x: usable by the report, not RAM by QEMU"
                             % (start, end))
    found += ["memory: %d bytes are usable, the regions say %d" % (memory["usable"], usable)
              ] if usable != memory["usable"] else []
    ram = sum(end - start for start, end in view.ram)
    if usable < ram // 2:
        found.append("memory: of QEMU's %d bytes of RAM the report has %d usable" % (ram, usable))
    return found


def _functions(report):
    return report["pci"]["functions"] if "pci" in report else []


def bars_and_ram(report, view, facts):
    """No BAR lies over RAM or another; the states are those the run expects."""
    found, placed, states = [], [], set()
    for function in _functions(report):
        for bar in function["bars"]:
            what = "%s bar%d" % (function["address"], bar["index"])
            start, size = number(bar["address"]), number(bar["size"])
            if bar["kind"] != "rom":
                states.add(bar["state"])
            if bar["state"] == "disabled" or bar["kind"] == "io":
                continue
            found += ["%s at %s: over QEMU's RAM 0x%x-0x%x" % (what, bar["address"], *ram)
                      for ram in view.ram if start < ram[1] and ram[0] < start + size]
            found += ["%s at %s: over %s" % (what, bar["address"], other)
                      for other, first, last in placed if start < last and first < start + size]
            placed.append((what, start, start + size))
    if "bars" in facts:
        found += _unexpected("states of BARs", sorted(states), sorted(facts["bars"].split()))
    return found


def disabled_bars(report, _view, facts):
    """The run names BARs that must be disabled, with a glob of the reason."""
    found = []
    for where, why in facts.get("disabled", []):
        whys = [bar["why"] or "" for function in _functions(report)
                if function["address"].endswith(where)
                for bar in function["bars"] if bar["state"] == "disabled"]
        if not any(fnmatch.fnmatchcase(text, why) for text in whys):
            found.append("%s: no BAR is disabled for `%s`, but for %s" % (where, why, whys))
    return found


PARTS = (compare_acpi, compare_memory, compare_interrupts, compare_clocks, compare_pci,
         compare_virtio, expected_interrupts, bars_and_ram, disabled_bars) + machineself.PARTS


def compare(report, view, facts):
    """Everything that differs, a line each. The schema first: nothing else is then looked at."""
    found = reports.problems(report)
    if found:
        return found
    return [line for part in PARTS for line in part(report, view, facts)]


def judge(console, control, lines):
    """Compares the last report of a console with the guest that `control` reaches."""
    facts = parse_facts(lines)
    return compare(reports.extract(console), qemuview.ask(control), facts)
