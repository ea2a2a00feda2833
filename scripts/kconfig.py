#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes and checks configurations with the programs of kconfig-frontends.

	kconfig.py --output DIR apply FILE...	presets and fragments, left to right
	kconfig.py --output DIR sync		what the build reads, from .config
	kconfig.py --output DIR run PROGRAM	an editor of .config, or all*config
	kconfig.py --output DIR save		DIR/defconfig, the least preset
	kconfig.py --output DIR origin		prints it, and what it was made from
	kconfig.py --output DIR why SYM [VALUE]	all about an option; how it gets a value
	kconfig.py --output DIR diff A B	what two presets, configurations, images differ in
	kconfig.py --output DIR new		options that .config does not know

kconfig-frontends drops in silence what it does not like: an unknown symbol, a
value out of range, one whose dependencies are not met. So every configuration
is first made in a scratch directory and compared with what was asked for; it
replaces DIR/.config only if each value took effect.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import kconfig_why
from kconfig_file import (ASSIGNED, EDITED, NOT_SET, ROOT, Refused, Value, line_of, origin_of,
                          read_values, refuse_two_members, said_origin, same, shown,
                          write_if_changed)
from kconfig_tell import Telling
from kconfig_tree import Tree

# What kconfig-frontends only warns of.
UNMET = re.compile(r"\((.*)\) selects (\w+) which has unmet direct dependencies \((.*)\)")


class Kconfig(Telling):
    def __init__(self, output):
        self.output = os.path.abspath(output)
        self.config = os.path.join(self.output, ".config")
        self.accepted = os.path.join(self.output, "include/config/accepted.json")
        self.origin_file = os.path.join(self.output, "include/config/origin.json")
        self.provenance_file = os.path.join(self.output, "include/config/provenance.json")
        self.tree = Tree(ROOT)

    # Running kconfig-frontends.

    def program(self, arguments, config, quiet=True, **more):
        """Runs one of its programs on the file `config`."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("KCONFIG_")}
        env.update(srctree=ROOT, KCONFIG_CONFIG=config, **more)
        keep = ("KCONFIG_SEED",) if arguments[-1] == "--randconfig" else ()
        env.update((k, os.environ[k]) for k in keep if k in os.environ)
        pipe = subprocess.PIPE if quiet else None
        try:
            done = subprocess.run(arguments + ["Kconfig"], cwd=os.path.dirname(config), env=env,
                                  stdin=subprocess.DEVNULL if quiet else None, stdout=pipe,
                                  stderr=subprocess.STDOUT if quiet else None, text=True,
                                  check=False)
        except FileNotFoundError as e:
            raise Refused([f"{arguments[0]} is not installed: run `make setup`"]) from e
        text = done.stdout or ""
        forced = dict.fromkeys(UNMET.findall(text))
        if forced:
            raise Refused([f"CONFIG_{b} is selected by {a}, but depends on {c}, which does not "
                           f"hold: take the select out, or have {a} depend on that"
                           for a, b, c in forced])
        if done.returncode:
            raise Refused([f"{' '.join(arguments)} failed ({done.returncode})"] + text.splitlines())
        return text

    def evaluate(self, lines):
        """The complete .config that follows from these lines, as text."""
        with tempfile.TemporaryDirectory() as scratch:
            wanted = os.path.join(scratch, "wanted")
            result = os.path.join(scratch, ".config")
            with open(wanted, "w", encoding="utf-8") as f:
                f.write("\n".join(lines) + "\n")
            self.program(["kconfig-conf", f"--defconfig={wanted}"], result)
            with open(result, encoding="utf-8") as f:
                return f.read()

    @staticmethod
    def values_of(text):
        values = {}
        for line in text.splitlines():
            assigned, not_set = ASSIGNED.fullmatch(line), NOT_SET.fullmatch(line)
            if assigned:
                values[assigned.group(1)] = assigned.group(2)
            elif not_set:
                values[not_set.group(1)] = "n"
        return values

    # Comparing what was wanted with what came out.

    def complaints(self, wanted, text):
        """Lines about each value that did not take effect, and why."""
        got = self.values_of(text)
        lost = [(n, v) for n, v in wanted.items() if n not in self.tree.options
                or not same(v.text, got.get(n, "n"))]
        if not lost:
            return []
        with tempfile.TemporaryDirectory() as scratch:
            config = os.path.join(scratch, ".config")
            with open(config, "w", encoding="utf-8") as f:
                f.write(text)
            tree = kconfig_why.load(ROOT, config, {n: v.where for n, v in wanted.items()})
        lines = []
        for name, value in lost:
            first, *more = kconfig_why.explain(tree, name, value.text)
            rivals = [f"{wanted[n].where}: CONFIG_{n}={wanted[n].text}" for n in wanted
                      if n != name and name in self.tree.options and n in self.tree.options
                      and self.tree.options[n].choice
                      and self.tree.options[n].choice == self.tree.options[name].choice]
            lines.append(f"{value.where}: CONFIG_{name}: wanted {value.text}, "
                         f"got {got.get(name, 'nothing')}: {first}")
            lines += ["\t" + line for line in more + rivals]
        return lines

    def check(self, wanted, text):
        got = self.values_of(text)
        errors = self.complaints(wanted, text)
        if got.get("NAME") == '""':
            where = wanted["NAME"].where if "NAME" in wanted else shown(self.config)
            errors.append(f"{where}: CONFIG_NAME: is empty, a name is wanted")
        if errors:
            raise Refused(errors)

    def merge(self, values, wanted, report):
        """Adds assignments to `wanted`; a later one replaces an earlier one."""
        for name, value in values:
            option = self.tree.options.get(name)
            rivals = [name]
            if option and option.choice and value.text == "y":
                rivals += [n for n, o in self.tree.options.items()
                           if o.choice == option.choice and n != name]
            for rival in rivals:
                old = wanted.pop(rival, None)
                if old is None or (rival != name and old.text == "n"):
                    continue
                if report and not (rival == name and same(old.text, value.text)):
                    print(f"{value.where}: {line_of(name, value.text)} overrides "
                          f"{line_of(rival, old.text)} ({old.where})")
            wanted[name] = value

    # What it was made from.

    def origin(self):
        try:
            with open(self.origin_file, encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return [EDITED]

    def provenance(self):
        """Who asked for a value that is there: name -> [text, FILE:LINE]."""
        try:
            with open(self.provenance_file, encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def remember_provenance(self, wanted, fresh):
        known = {} if fresh else self.provenance()
        known.update((n, [v.text, v.where]) for n, v in wanted.items()
                     if v.where != shown(self.config))
        write_if_changed(self.provenance_file, json.dumps(known, indent=0) + "\n")

    def remember_origin(self, names):
        write_if_changed(self.origin_file, json.dumps(names) + "\n")

    # The configuration that is there.

    def accept(self, text, wished, origin=None):
        """Makes `text` the configuration; `wished` are the names asked for."""
        if origin is None:
            origin = self.origin()
            if self.accepted_values() != self.values_of(text) and origin[-1:] != [EDITED]:
                origin = origin + [EDITED]
        write_if_changed(self.config, text)
        self.remember_origin(origin)
        known = {n: [v, n in wished] for n, v in self.values_of(text).items()}
        write_if_changed(self.accepted, json.dumps(known, indent=0) + "\n")

    def accepted_values(self):
        """As they were accepted last; {} if none were."""
        try:
            with open(self.accepted, encoding="utf-8") as f:
                return {n: v for n, (v, _) in json.load(f).items()}
        except (OSError, ValueError):
            return {}

    def review(self):
        """
        Checks .config; returns it completed, and the names that were ever
        wished for. What differs from the last accepted configuration is
        somebody's wish and must take effect, now and later; what followed
        from a default, or from an option that was switched off, may go and is
        only mentioned.
        """
        try:
            with open(self.accepted, encoding="utf-8") as f:
                accepted = json.load(f)
        except (OSError, ValueError):
            accepted = {}
        rest, edits, lost = {}, {}, []
        wished = {n for n, (_, wish) in accepted.items() if wish}
        for name, value in read_values(self.config):
            option = self.tree.options.get(name)
            old = accepted.get(name, (None,))[0]
            if old is None or not same(old, value.text):
                if not option and value.text != "n" or option and option.prompt:
                    self.merge([(name, value)], edits, report=False)
            elif option and option.prompt or not option and name in wished and value.text != "n":
                rest[name] = value
            elif not option and value.text != "n":
                lost.append(name)
        text = self.evaluate([line_of(n, v.text) for n, v in (*rest.items(), *edits.items())])
        got = self.values_of(text)
        wished |= edits.keys()
        must = {n: v for n, v in rest.items() if n in wished
                and (n not in self.tree.options or n in got and not self.tree.options[n].choice)}
        self.check(must | edits, text)
        self.mention("gone from the Kconfig files", lost)
        self.mention("gone with what they depend on",
                     [n for n, v in rest.items() if v.text != "n" and n not in got])
        self.mention("changed with what they depend on",
                     [n for n, v in rest.items() if n in got and not self.tree.options[n].choice
                      and not same(v.text, got[n])])
        return text, wished

    def mention(self, what, names):
        if names:
            print(f"{shown(self.config)}: {what}: {' '.join('CONFIG_' + n for n in names)}")

    def minimal(self, text):
        """The assignments that make `text` out of the defaults."""
        with tempfile.TemporaryDirectory() as scratch:
            config, least = (os.path.join(scratch, n) for n in (".config", "least"))
            with open(config, "w", encoding="utf-8") as f:
                f.write(text)
            self.program(["kconfig-conf", f"--savedefconfig={least}"], config)
            with open(least, encoding="utf-8") as f:
                return f.read()

    def preset(self, name):
        """The path of the preset of this name, or None."""
        if not re.fullmatch(r"\w+", name):
            return None
        file = "defconfig" if name == "default" else f"{name}_defconfig"
        path = os.path.join(ROOT, "configs", file)
        return path if os.path.exists(path) else None

    def display_name(self, got):
        name = got.get("NAME", '""').strip('"')
        preset = self.preset(name)
        if not preset:
            return name
        lines = [line_of(n, v.text) for n, v in read_values(preset)]
        return name if self.values_of(self.evaluate(lines)) == got else name + "-modified"

    # Commands.

    def locate(self, name):
        named = os.path.join(ROOT, "configs", name)
        path = named if "/" not in name and os.path.exists(named) else os.path.abspath(name)
        if not os.path.exists(path):
            if "/" in name:
                raise Refused([f"{shown(path)}: No such file"])
            known = ", ".join(sorted(os.listdir(os.path.dirname(named))))
            raise Refused([f"{shown(path)}: No such file, and none in configs/, where there are "
                           f"{known}"])
        return path

    def apply(self, names):
        files = [self.locate(n) for n in names]
        presets = [f for f in files if f.endswith("defconfig") or said_origin(f)]
        if len(presets) > 1:
            raise Refused([f"{' and '.join(map(shown, presets))}: "
                           "each is a whole configuration; take one"])
        wanted, wished, origin = {}, set(), []
        if not presets and os.path.exists(self.config):
            text, wished = self.review()
            base = self.values_of(self.minimal(text))
            wanted = {n: Value(v, shown(self.config)) for n, v in base.items()}
            origin = self.origin()
            if self.accepted_values() != self.values_of(text) and origin[-1:] != [EDITED]:
                origin = origin + [EDITED]
        elif not presets:
            print(f"no {shown(self.config)}: the fragments are applied to defconfig")
            files.insert(0, self.preset("default"))
        for path in files:
            values = read_values(path)
            refuse_two_members(values, self.tree.options)
            wished |= {n for n, _ in values}
            self.merge(values, wanted, report=True)
            origin = origin + origin_of(path)
        text = self.evaluate([line_of(n, v.text) for n, v in wanted.items()])
        self.check(wanted, text)
        self.accept(text, wished, origin)
        self.remember_provenance(wanted, fresh=bool(presets))
        print(f"{shown(self.config)}: {', '.join(shown(f) for f in files)}")

    def sync(self):
        text, wished = self.review()
        self.accept(text, wished)
        got = self.values_of(text)
        header = ["/* Made from .config; changes are lost. */"]
        make = ["# Made from .config; changes are lost."]
        for name, value in got.items():
            if value == "n":
                continue
            header.append(f"#define CONFIG_{name} {'1' if value == 'y' else value}")
            bare = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
            make.append(f"CONFIG_{name} := " + bare.replace("$", "$$").replace("#", "\\#"))
        display = self.display_name(got)
        make.append("CAIRN_CONFIG_NAME := " + display.replace("$", "$$").replace("#", "\\#"))
        sources = [os.path.join(ROOT, f) for f in self.tree.files]
        preset = self.preset(got.get("NAME", '""').strip('"'))
        sources += [preset] if preset else []
        make += ["config-sources := " + " ".join(sources), ""]
        write_if_changed(os.path.join(self.output, "include/generated/autoconf.h"),
                         "\n".join(header) + "\n")
        write_if_changed(os.path.join(self.output, "include/generated/config_text.h"),
                         self.config_text(self.origin_text(text), " ".join(self.origin())))
        auto = os.path.join(self.output, "include/config/auto.conf")
        write_if_changed(auto, "\n".join(make))
        os.utime(auto)

    def origin_text(self, text):
        """The least configuration that makes `text`, headed by its origin."""
        least = [line for line in self.minimal(text).splitlines() if line]
        return "\n".join([f"# origin: {' '.join(self.origin())}", *least]) + "\n"

    @staticmethod
    def config_text(text, origin):
        """A text, and what it was made from, as strings of C."""
        quoted = [json.dumps(line + "\n", ensure_ascii=True) for line in text.splitlines()]
        return ("/* Made from .config; changes are lost. */\n"
                f"#define CAIRN_CONFIG_ORIGIN {json.dumps(origin)}\n"
                "#define CAIRN_CONFIG_TEXT \\\n\t"
                + " \\\n\t".join(quoted) + "\n")

    def print_origin(self):
        print(self.origin_text(self.review()[0]), end="")

    def run(self, program):
        """menuconfig nconfig oldconfig olddefconfig, or {allyes,allno,rand}config."""
        os.makedirs(self.output, exist_ok=True)
        if program in ("allyesconfig", "allnoconfig", "randconfig"):
            return self.run_all(program)
        if not os.path.exists(self.config):
            self.apply(["defconfig"])
        text, wished = self.review()
        if program == "olddefconfig":
            return self.accept(text, wished)
        command = {"menuconfig": ["kconfig-mconf"], "nconfig": ["kconfig-nconf"],
                   "oldconfig": ["kconfig-conf", "--oldconfig"]}[program]
        self.program(command, self.config, quiet=False)
        return self.accept(*self.review())

    def run_all(self, program):
        with tempfile.TemporaryDirectory() as scratch:
            name, config = (os.path.join(scratch, n) for n in ("name", ".config"))
            with open(name, "w", encoding="utf-8") as f:
                f.write(f'CONFIG_NAME="{program.removesuffix("config")}"\n')
            said = self.program(["kconfig-conf", f"--{program}"], config, KCONFIG_ALLCONFIG=name)
            with open(config, encoding="utf-8") as f:
                self.accept(f.read(), {"NAME"}, [program])
        seed = re.search(r"KCONFIG_SEED=\S+", said)
        print(f"{shown(self.config)}: {program}" + (f" {seed.group(0)}" if seed else ""))

    def save(self):
        if not os.path.exists(self.config):
            self.apply(["defconfig"])
        least = os.path.join(self.output, "defconfig")
        write_if_changed(least, self.minimal(self.review()[0]))
        print(shown(least))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--output", required=True, metavar="DIR")
    parser.add_argument("command", choices=("apply", "sync", "run", "save", "origin", "why", "diff",
                                            "new"))
    parser.add_argument("arguments", nargs="*")
    args = parser.parse_args()
    try:
        kconfig = Kconfig(args.output)
        if args.command == "apply":
            kconfig.apply(args.arguments)
        elif args.command == "run":
            kconfig.run(args.arguments[0])
        elif args.command == "origin":
            kconfig.print_origin()
        elif args.command == "why":
            kconfig.why(*(args.arguments + [""])[:2])
        elif args.command == "diff":
            kconfig.diff(*args.arguments)
        elif args.command == "new":
            kconfig.list_new()
        else:
            getattr(kconfig, args.command)()
    except (Refused, OSError) as error:
        lines = [f"{error.filename}: {error.strerror}"] if isinstance(error, OSError) \
            else error.args[0]
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
        if args.command in ("apply", "sync", "run"):
            print(f"error: {shown(os.path.join(args.output, '.config'))} was not changed",
                  file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
