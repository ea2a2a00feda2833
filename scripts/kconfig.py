#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes and checks configurations with the programs of kconfig-frontends.

	kconfig.py --output DIR apply FILE...	presets and fragments, left to right
	kconfig.py --output DIR sync		what the build reads, from .config
	kconfig.py --output DIR run PROGRAM	an editor of .config, or all*config
	kconfig.py --output DIR save		DIR/defconfig, the least preset

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
from collections import namedtuple

from kconfig_tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ASSIGNED = re.compile(r"CONFIG_(\w+)=(.*)")
NOT_SET = re.compile(r"# CONFIG_(\w+) is not set")
VALUE = re.compile(r'[yn]|m|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*"')

Value = namedtuple("Value", "text where")	# text: "n" where not set


class Refused(Exception):
    """Carries a list of lines to print."""


def shown(path):
    relative = os.path.relpath(path)
    return path if relative.startswith("../..") else relative


def read_values(path):
    """The assignments of a file in order, as (name, Value). Raises Refused."""
    values, errors = [], []
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
    except OSError as e:
        raise Refused([f"{shown(path)}: {e.strerror}"]) from e
    for number, line in enumerate(lines, 1):
        line = line.strip()
        where = f"{shown(path)}:{number}"
        assigned, not_set = ASSIGNED.fullmatch(line), NOT_SET.fullmatch(line)
        if not_set:
            values.append((not_set.group(1), Value("n", where)))
        elif assigned and VALUE.fullmatch(assigned.group(2).strip()):
            values.append((assigned.group(1), Value(assigned.group(2).strip(), where)))
        elif line and not line.startswith("#"):
            errors.append(f"{where}: malformed line: {line}")
    if errors:
        raise Refused(errors)
    return values


def line_of(name, text):
    return f"# CONFIG_{name} is not set" if text == "n" else f"CONFIG_{name}={text}"


def same(a, b):
    if a.lower().startswith("0x") and b.lower().startswith("0x"):
        return int(a, 16) == int(b, 16)
    return a == b


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


class Kconfig:
    def __init__(self, output):
        self.output = os.path.abspath(output)
        self.config = os.path.join(self.output, ".config")
        self.accepted = os.path.join(self.output, "include/config/accepted.json")
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
        if done.returncode or "unmet direct dependencies" in text:
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

    def complaint(self, name, value, got):
        """One line if `value` did not take effect, else None."""
        option = self.tree.options.get(name)
        start = f"{value.where}: CONFIG_{name}: "
        if not option:
            return start + f"unknown symbol (wanted {value.text}, got nothing)"
        have = got.get(name)
        if same(value.text, have if have is not None else "n"):
            return None
        if not option.prompt:
            reason = "it has no prompt, other options select it"
        elif have is None:
            reason = "depends on " + " and ".join(option.depends or ["something that is off"])
        elif option.choice and value.text in "yn":
            reason = "it is one of a choice"
        elif option.range:
            reason = f"{option.kind}, range {option.range}"
        else:
            reason = option.kind
        have = "nothing" if have is None else have
        return start + f"wanted {value.text}, got {have} ({reason})"

    def check(self, wanted, text):
        got = self.values_of(text)
        errors = [self.complaint(n, v, got) for n, v in wanted.items()]
        errors = [e for e in errors if e]
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

    # The configuration that is there.

    def accept(self, text, wished):
        """Makes `text` the configuration; `wished` are the names asked for."""
        write_if_changed(self.config, text)
        known = {n: [v, n in wished] for n, v in self.values_of(text).items()}
        write_if_changed(self.accepted, json.dumps(known, indent=0) + "\n")

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
        return named if "/" not in name and os.path.exists(named) else os.path.abspath(name)

    def apply(self, names):
        files = [self.locate(n) for n in names]
        presets = [f for f in files if f.endswith("defconfig")]
        if len(presets) > 1:
            raise Refused([f"{' and '.join(map(shown, presets))}: "
                           "each is a whole configuration; take one"])
        wanted, wished = {}, set()
        if not presets and os.path.exists(self.config):
            text, wished = self.review()
            base = self.values_of(self.minimal(text))
            wanted = {n: Value(v, shown(self.config)) for n, v in base.items()}
        elif not presets:
            print(f"no {shown(self.config)}: the fragments are applied to defconfig")
            files.insert(0, self.preset("default"))
        for path in files:
            values = read_values(path)
            wished |= {n for n, _ in values}
            self.merge(values, wanted, report=True)
        text = self.evaluate([line_of(n, v.text) for n, v in wanted.items()])
        self.check(wanted, text)
        self.accept(text, wished)
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
        auto = os.path.join(self.output, "include/config/auto.conf")
        write_if_changed(auto, "\n".join(make))
        os.utime(auto)

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
                self.accept(f.read(), {"NAME"})
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
    parser.add_argument("command", choices=("apply", "sync", "run", "save"))
    parser.add_argument("arguments", nargs="*")
    args = parser.parse_args()
    try:
        kconfig = Kconfig(args.output)
        if args.command == "apply":
            kconfig.apply(args.arguments)
        elif args.command == "run":
            kconfig.run(args.arguments[0])
        else:
            getattr(kconfig, args.command)()
    except (Refused, OSError) as error:
        lines = [f"{error.filename}: {error.strerror}"] if isinstance(error, OSError) \
            else error.args[0]
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
        print(f"error: {shown(os.path.join(args.output, '.config'))} was not changed",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
