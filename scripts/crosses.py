# SPDX-License-Identifier: MIT
"""Makes many runs of one: a section of tests.cfg with `axes` stands for as many runs as it
takes to have every value of each axis once (`together = 1`) or every two values of
different axes in one run (`together = 2`).

A value is a section AXIS=VALUE, in the order written, with what it adds to such a run:

	options		behind each device's own; KIND:OPTION only behind devices of that kind
	devices		behind those that there are
	with		AXIS=VALUE words: where an axis is named, only with a value that is named
	other keys	as in any run; lists of lines and words are appended, the rest replaces

In the patterns of a run @all@ is the number of its devices, @rng@ of those of that kind."""

import fnmatch
import itertools
import re

APPENDED = {"expect": "\n", "reject": "\n", "count": "\n", "skips-allowed": "\n",
            "config": "\n", "cmdline": " ", "extra": " ", "devices": " "}
OWN = {"axes", "together", "options", "with"}


class CrossError(SystemExit):
    """tests.cfg asks for a cross that cannot be made."""


def is_value(name):
    return "=" in name


def values_of(sections, axis):
    found = [name for name in sections if name.startswith(axis + "=")]
    if not found:
        raise CrossError("tests.cfg: no value of the axis %s" % axis)
    return found


def fits(combination, sections):
    """Whether each value stands only beside those that its `with` allows."""
    for name in combination:
        allowed = sections[name].get("with", "").split()
        axes = {word.partition("=")[0] for word in allowed}
        for other in combination:
            if other.partition("=")[0] in axes and not any(
                    fnmatch.fnmatchcase(other, word) for word in allowed):
                return False
    return True


def choose(combinations, together):
    """Few of the combinations, with every `together` values that occur in any of them."""
    numbers = {}
    masks = []
    for combination in combinations:
        mask = 0
        for group in itertools.combinations(combination, together):
            mask |= 1 << numbers.setdefault(group, len(numbers))
        masks.append(mask)
    missing, chosen = (1 << len(numbers)) - 1, []
    while missing:
        best = max(range(len(masks)), key=lambda i: bin(masks[i] & missing).count("1"))
        missing &= ~masks[best]
        chosen.append(combinations[best])
    return chosen


def with_options(devices, options):
    """The words of `devices` with the options that are for each."""
    words = []
    for word in devices.split():
        kind = re.match(r"[^*,]*", word)[0]
        words.append(",".join([word] + [option.partition(":")[2] or option
                                        for option in options.split()
                                        if ":" not in option or option.startswith(kind + ":")]))
    return " ".join(words)


def count_devices(text, devices):
    """Puts in how many there are of a kind, or of all."""
    counts = {"all": 0}
    for word in devices.split():
        kind, _, count = word.partition(",")[0].partition("*")
        counts[kind] = counts.get(kind, 0) + int(count or 1)
        counts["all"] += int(count or 1)
    return re.sub(r"@(\w+)@", lambda match: str(counts.get(match[1], 0)), text)


def merge(run, combination, sections):
    """The keys of one run: those of the cross, with what each value adds."""
    keys = {key: value for key, value in run.items() if key not in OWN}
    options = ""
    for name in combination:
        options += " " + sections[name].get("options", "")
        for key, value in sections[name].items():
            between = APPENDED.get(key)
            if key not in OWN:
                keys[key] = keys.get(key, "") + between + value if between else value
    keys["devices"] = with_options(keys["devices"], options)
    for key in ("expect", "reject", "count"):
        keys[key] = count_devices(keys.get(key, ""), keys["devices"])
    return keys


def expand(name, run, sections):
    """(name, keys) of each run that the section `name` stands for."""
    axes = [values_of(sections, axis) for axis in run["axes"].split()]
    combinations = [c for c in itertools.product(*axes) if fits(c, sections)]
    together = int(run.get("together", "2"))
    return [("-".join([name] + [value.partition("=")[2] for value in combination]),
             merge(run, combination, sections))
            for combination in choose(combinations, together)]


def unfold(parser, wanted=lambda name, section: True):
    """Puts the runs of each cross that is wanted into its place in a ConfigParser, and
    takes crosses and values out. What equals the default counts as not said."""
    sections = {name: {key: value for key, value in parser[name].items()
                       if value != parser.defaults().get(key)} for name in parser.sections()}
    for name, keys in sections.items():
        if is_value(name) or "axes" in keys:
            parser.remove_section(name)
        if "axes" in keys and wanted(name, keys):
            parser.read_dict(dict(expand(name, keys, sections)))
