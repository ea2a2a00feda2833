# SPDX-License-Identifier: MIT
"""The options that the Kconfig files define, as far as our scripts need them.

Relies on the style of our own files: keywords in the first column,
attributes behind one tab, help text behind a tab and two blanks.
"""

import os
import re
from dataclasses import dataclass, field

ENTRY = re.compile(r"(config|menuconfig|choice|endchoice|source|menu|endmenu|comment|if|endif)\b"
                   r"\s*(.*)")
TYPE = re.compile(r"\t(bool|int|hex|string)\b\s*(\".*\")?")
PROMPT = re.compile(r"\tprompt\s+\"")
ATTRIBUTE = re.compile(r"\t(depends on|range|default|select)\s+(.*)")


@dataclass
class Option:
    name: str
    where: str			# FILE:LINE of its first definition
    kind: str = ""
    prompt: bool = False	# can be set by a user
    choice: int = 0		# number of its choice, 0: none
    depends: list = field(default_factory=list)
    range: str = ""
    default: str = ""
    help: bool = False


class Tree:
    """options: name -> Option; files: the Kconfig files, relative to the root.

    Members of a choice inherit what the choice depends on.
    """

    def __init__(self, root):
        self.root = root
        self.options = {}
        self.files = []
        self._choices = []
        self._read("Kconfig", 0)

    def _read(self, name, choice):	# choice: its number, 0: none
        self.files.append(name)
        option = None
        with open(os.path.join(self.root, name), encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip("\n")
                entry = ENTRY.match(line)
                if not entry:
                    if option:
                        self._attribute(option, line)
                    continue
                word, rest = entry.groups()
                option = None
                if word in ("config", "menuconfig"):
                    option = self.options.setdefault(rest, Option(rest, f"{name}:{number}"))
                    option.choice = choice
                    if choice:
                        option.depends += self._choices[choice - 1].depends
                elif word == "choice":
                    option = Option("", f"{name}:{number}")
                    self._choices.append(option)
                    choice = len(self._choices)
                elif word == "endchoice":
                    choice = 0
                elif word == "source":
                    self._read(rest.strip('"'), choice)

    @staticmethod
    def _attribute(option, line):
        kind = TYPE.match(line)
        attribute = ATTRIBUTE.match(line)
        if kind:
            option.kind = kind.group(1)
            option.prompt |= bool(kind.group(2))
        elif PROMPT.match(line):
            option.prompt = True
        elif line.startswith("\thelp"):
            option.help = True
        elif attribute:
            word, value = attribute.groups()
            if word == "depends on":
                option.depends.append(value)
            elif word in ("range", "default"):
                setattr(option, word, value)
