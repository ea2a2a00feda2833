# SPDX-License-Identifier: MIT
"""Commands of kconfig.py that change nothing: why an option is what it is, how it
would become something else, what two configurations differ in."""

import os
import tempfile

import imagenote
import kconfig_why
from kconfig_file import ORIGIN, ROOT, Refused, line_of, read_values, same, shown


class Telling:
    """What a Kconfig (kconfig.py) can say of itself."""

    def explained(self, text):
        """kconfiglib's view of a configuration, knowing who asked for what."""
        got = self.values_of(text)
        asked = {n: where for n, (value, where) in self.provenance().items()
                 if same(value, got.get(n, "n"))}
        accepted = self.accepted_values()
        asked.update((n, shown(self.config) + ", by hand") for n, v in got.items()
                     if n in accepted and not same(accepted[n], v))
        with tempfile.TemporaryDirectory() as scratch:
            config = os.path.join(scratch, ".config")
            with open(config, "w", encoding="utf-8") as f:
                f.write(text)
            return kconfig_why.load(ROOT, config, asked)

    def current(self):
        """The complete configuration, that of defconfig where there is none yet."""
        if os.path.exists(self.config):
            return self.review()[0]
        print(f"no {shown(self.config)}: this is defconfig")
        values = read_values(self.preset("default"))
        return self.evaluate([line_of(n, v.text) for n, v in values])

    def why(self, name, wanted):
        name = name.removeprefix("CONFIG_")
        text = self.current()
        tree = self.explained(text)
        sym = kconfig_why.symbol(tree, name)
        if not sym:
            raise Refused([f"CONFIG_{name}: " + kconfig_why.explain(tree, name, "")[0]])
        if not wanted:
            print("\n".join(kconfig_why.describe(sym)))
            return
        lines = self.way(text, sym, wanted)
        if lines is None:
            raise Refused([f"CONFIG_{name}={wanted}: no set of lines was found that gives it",
                           *kconfig_why.unmet(sym, wanted)])
        print(f"# These give CONFIG_{name}={wanted}:" if lines else
              f"# CONFIG_{name} is {wanted} already.")
        for line in lines:
            print(line_of(*line))

    def way(self, text, sym, wanted):
        """Assignments beside those of `text` that give a value; None if none were found."""
        base = [line_of(n, v) for n, v in self.values_of(self.minimal(text)).items()]

        def gives(lines):
            got = self.values_of(self.evaluate(base + [line_of(*x) for x in lines]))
            return same(wanted, got.get(sym.name, "n")) and \
                all(same(v, got.get(n, "n")) for n, v in lines)

        lines = kconfig_why.lines_for(sym, wanted)
        if lines is None or not gives(lines):
            return None
        return kconfig_why.least(lines, gives)

    def whole(self, name):
        """The values of a preset, fragment, configuration or image, completed."""
        path = self.locate(name)
        try:
            note, _ = imagenote.read(path)
        except (imagenote.Unreadable, IsADirectoryError):
            values = read_values(path)
            return self.values_of(self.evaluate([line_of(n, v.text) for n, v in values]))
        lines = [x for x in note.text.splitlines() if not ORIGIN.match(x)]
        return self.values_of(self.evaluate(lines))

    def diff(self, a, b):
        """Prints what B has otherwise than A."""
        one, two = self.whole(a), self.whole(b)
        for name in [n for n in one if n not in two] + list(two):
            old, new = one.get(name), two.get(name)
            if old != new and (old or "n") != (new or "n"):
                print(f"-{line_of(name, old)}" if old else f" CONFIG_{name}: not there")
                print(f"+{line_of(name, new)}" if new else f" CONFIG_{name}: gone")

    def list_new(self):
        """Prints the options that .config does not know yet, with their defaults."""
        if not os.path.exists(self.config):
            raise Refused([f"{shown(self.config)}: there is none; `make defconfig` makes one"])
        known = {n for n, _ in read_values(self.config)}
        for name, value in self.values_of(self.current()).items():
            if name not in known and self.tree.options[name].prompt:
                print(line_of(name, value))
