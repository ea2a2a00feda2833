# SPDX-License-Identifier: MIT
"""Holds the kernel's report against itself, against what clocks are by
definition, and against the guest's memory: what QEMU's own lists do not show.

Each part is called with (report, view, facts) as those of machinetest.py are,
and returns what is wrong, a line each."""

from report import number

# Counted by definition (ACPI 4.8.3.3; the 8254), or as QEMU builds it.
HZ = {"HPET": 100000000, "PM timer": 3579545, "PIT": 1193182}
ENTRY_BYTES = {"XSDT": 8, "RSDT": 4}
TABLE_HEADER = 36               # ACPI 5.2.6
DSDT_AT = ((40, 4), (140, 8))   # in the FADT: DSDT and X_DSDT (5.2.9)
RSDP_SIGNATURE = b"RSD PTR "


def acpi_tables(report, view, _facts):
    """Each table is in memory where the report has it, and the root's are all there."""
    acpi = report["acpi"]
    rsdp, found = acpi["rsdp"]["address"], []
    if rsdp and view.read(number(rsdp), len(RSDP_SIGNATURE)) != RSDP_SIGNATURE:
        found.append("acpi: the report has an RSDP at %s, QEMU's memory has none" % rsdp)
    listed = {number(t["address"]) for t in acpi["tables"]}
    if len(listed) != len(acpi["tables"]):
        found.append("acpi: the report has a table twice")
    for table in acpi["tables"]:
        mine = table["signature"].encode() + table["length"].to_bytes(4, "little")
        if view.read(number(table["address"]), 8) != mine:
            found.append("acpi: %s of %d bytes at %s is not what QEMU's memory has there"
                         % (table["signature"], table["length"], table["address"]))
    if acpi["tables"] and not set(ENTRY_BYTES) & {t["signature"] for t in acpi["tables"]}:
        found.append("acpi: the report has neither XSDT nor RSDT")
    if not found:       # else the root is not one
        found += ["acpi: table 0x%x: the report does not have it, QEMU's memory does" % address
                  for address in sorted(_rooted(acpi["tables"], view) - listed)]
    if acpi["tables_lost"]:
        found.append("acpi: %d tables were not listed" % acpi["tables_lost"])
    return found


def _rooted(tables, view):
    """Addresses that the XSDT or RSDT holds, and where the FADT has the DSDT."""
    found = set()
    for table in tables:
        places = DSDT_AT if table["signature"] == "FACP" else ()
        size = ENTRY_BYTES.get(table["signature"])
        if size:
            places = [(at, size) for at in range(TABLE_HEADER, table["length"], size)]
        data = view.read(number(table["address"]), table["length"]) if places else b""
        found |= {int.from_bytes(data[at:at + size], "little") for at, size in places}
    return found - {0}


def acpi_devices(report, _view, _facts):
    """Nothing stopped the AML's reader; devices and lines that are said to be its are."""
    acpi = report["acpi"]
    found = ["acpi: AML: " + acpi["aml_problem"]] if acpi["aml_problem"] else []
    found += ["acpi: %s: _CRS: %s" % (bridge["path"], bridge["crs_problem"])
              for bridge in acpi["bridges"] if bridge["crs_problem"]]
    named = [device["address"] for device in acpi["virtio"]]
    if len(set(named)) != len(named):
        found.append("acpi: a virtio-mmio window twice")
    for device in acpi["virtio"]:
        told = (device["gsi"], device["level"], device["active_low"])
        found += ["source %s: is not GSI %d, as ACPI says" % (source["name"], device["gsi"])
                  for source in report["interrupts"]["sources"]
                  if device["address"] in source["name"].split() and told != (
                      source["gsi"], source["trigger"] == "level", source["polarity"] == "low")]
    return found + ["virtio device %s: found through ACPI, which has it not" % device["where"]
                    for device in report.get("virtio", [])
                    if device["found_through"] == "ACPI" and device["where"] not in named]


def windows(report, _view, _facts):
    """Root windows are those of _CRS where it is said so, and then hold every BAR in use:
    what is inferred is only for new ones."""
    pci = report.get("pci", {"windows": [], "functions": []})
    mine = sorted((number(w["start"]), number(w["end"]), w["kind"] == "io")
                  for w in pci["windows"] if w["from"] == "_CRS")
    theirs = sorted((number(w["start"]), number(w["end"]), w["io"])
                    for bridge in report["acpi"]["bridges"] for w in bridge["windows"])
    found = ["pci: windows by _CRS are %s, of the bridges %s" % (
        [("0x%x" % s, "0x%x" % e) for s, e, _ in mine],
        [("0x%x" % s, "0x%x" % e) for s, e, _ in theirs])] if mine != theirs else []
    for function in pci["functions"] if mine else []:
        found += ["%s bar%d at %s: in no window of the report"
                  % (function["address"], bar["index"], bar["address"])
                  for bar in function["bars"]
                  if bar["state"] != "disabled" and not _held(bar, pci["windows"])]
    return found


def _held(bar, among):
    start = number(bar["address"])
    return any(number(w["start"]) <= start and start + number(bar["size"]) <= number(w["end"])
               and (w["kind"] == "io") == (bar["kind"] == "io") for w in among)


def controllers(report, view, _facts):
    """As many lines as QEMU's have, numbered on from each other."""
    mine = sorted(report["interrupts"]["lines"], key=lambda line: number(line["address"]))
    found, base = [], 0
    if sorted(line["count"] for line in mine) != sorted(view.lines):
        found.append("IOAPICs: the report has %s lines, QEMU %s"
                     % ([line["count"] for line in mine], view.lines))
    for line in mine:
        if line["gsi_base"] != base:
            found.append("%s: begins with GSI %d, %d is the next"
                         % (line["name"], line["gsi_base"], base))
        base += line["count"]
    return found


def routes(report, _view, _facts):
    """A line's GSI is its controller's pin; what was seen was counted."""
    interrupts = report["interrupts"]
    lines = {line["name"]: line for line in interrupts["lines"]}
    local = interrupts["local"] and interrupts["local"]["name"]
    found, names = [], [source["name"] for source in interrupts["sources"]]
    if len(set(names)) != len(names):
        found.append("interrupts: the report has a source twice")
    for source in interrupts["sources"]:
        controller = lines.get(source["controller"])
        if source["kind"] != "line":
            good = (source["controller"], source["gsi"], source["pin"]) == (local, None, None)
        else:
            good = controller and None not in (source["gsi"], source["pin"]) and (
                source["pin"] < controller["count"]
                and source["gsi"] == controller["gsi_base"] + source["pin"])
        if not good:
            found.append("source %s: its controller %s has no GSI %s at pin %s" % (
                source["name"], source["controller"], source["gsi"], source["pin"]))
        if source["proof"] == "seen" and not source["count"]:
            found.append("source %s: seen, and not counted" % source["name"])
        if source["proof"] == "not seen" or source["storming"]:
            found.append("source %s: %s" % (
                source["name"], "masked for good" if source["storming"] else "not seen"))
    return found


def virtio_routes(report, _view, _facts):
    """A device's interrupts are those of its sources."""
    found = []
    for device in report.get("virtio", []):
        told = device["interrupts"]
        if told is None:
            continue
        mine = [s for s in report["interrupts"]["sources"]
                if device["where"] in s["name"].split()]
        kind = {"MSI-X": "message", "MSI": "message"}.get(told["kind"], told["kind"])
        if (told["vectors"], told["count"]) != (len(mine), sum(s["count"] for s in mine)):
            found.append("virtio device %s: %d interrupts by %d vectors, its sources have %d by %d"
                         % (device["where"], told["count"], told["vectors"],
                            sum(s["count"] for s in mine), len(mine)))
        if {s["kind"] for s in mine} != ({kind} if kind != "polled" else set()):
            found.append("virtio device %s: %s, its sources are %s"
                         % (device["where"], told["kind"], [s["kind"] for s in mine]))
        if told["proof"] == "seen" and "seen" not in [s["proof"] for s in mine]:
            found.append("virtio device %s: seen, and none of its sources is" % device["where"])
    return found


def classes(report, _view, _facts):
    """Disks and networks are the virtio devices of their type that are driven, each once."""
    found = []
    for part in ("block", "net"):
        told = sorted((d["where"], d["driver"]) for d in report.get(part, []))
        driven = sorted((d["where"], d["driver"]) for d in report.get("virtio", [])
                        if d["type"] == part and d["driver"])
        if part in report and told != driven:
            found.append("%s: the report has %s, of virtio devices %s" % (part, told, driven))
    return found


def clocks(report, _view, _facts):
    """What has a frequency by definition has that, and a timer was seen."""
    told = report["clocks"]
    known = {clock["name"]: clock["hz"] for clock in told["found"]}
    found = ["%s: %s Hz, not %d" % (name, known[name], hz)
             for name, hz in HZ.items() if known.get(name, hz) != hz]
    if len(known) != len(told["found"]):
        found.append("clocks: the report has a clock twice")
    source = told["source"]
    if source["name"] not in known or known[source["name"]] != source["hz"]:
        found.append("clock source: %s of %s Hz is not among the clocks found"
                     % (source["name"], source["hz"]))
    if told["known"] != (source["hz"] is not None):
        found.append("clocks: known is %s, the source's frequency %s"
                     % (told["known"], source["hz"]))
    if not told["event"] or told["event"]["proof"] != "seen":
        found.append("clocks: no event timer was seen")
    return found


PARTS = (acpi_tables, acpi_devices, windows, controllers, routes, virtio_routes, classes,
         clocks)
