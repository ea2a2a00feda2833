# SPDX-License-Identifier: MIT
"""What a terminal of a size shows after some output: a plain model, to be
compared with the kernel's own (drivers/console/term.c)."""

import re

BLACK, PLAIN, BRIGHT = 0, 7, 8
TAB = 8
START = re.compile(rb"Cairn \d")     # the first words of the report, behind whatever GRUB left
TOKEN = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x00-\x1f\x7f]*|\x1b[ -/]*[0-~]?"
                   r"|.", re.S)


class Terminal:
    """`lines`: all that were ever begun, rows of {column: (character, colour)}."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [{}]
        self.column = self.row = 0      # of the cursor; the row among `lines`
        self.colour, self.bright = PLAIN, 0

    def feed(self, data):
        for match in TOKEN.finditer(data.decode("utf-8", "replace")):
            if match[2]:
                self._sequence(match[1], match[2])
            elif match[0][0] != "\x1b":
                self._take(match[0])

    def _new_line(self):
        self.column = 0
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append({})

    def _take(self, character):
        if character == "\n":
            self._new_line()
        elif character == "\r":
            self.column = 0
        elif character == "\b":
            self.column = max(self.column - 1, 0)
        elif character == "\t":
            if self.column < self.columns:
                self.column = min((self.column // TAB + 1) * TAB, self.columns - 1)
        elif character >= " " and character != "\x7f":
            if self.column == self.columns:
                self._new_line()
            self.lines[self.row][self.column] = (character, self.colour | self.bright)
            self.column += 1

    def _sequence(self, words, final):
        if not re.fullmatch(r"[0-9;]*", words):
            return
        numbers = [int(w or 0) for w in words.split(";")]
        top = max(len(self.lines) - self.rows, 0)
        if final == "m":
            for n in numbers:
                self._colour(n)
        elif final == "D":
            self.column = max(self.column - max(numbers[0], 1), 0)
        elif final == "C" and self.column < self.columns:
            self.column = min(self.column + max(numbers[0], 1), self.columns - 1)
        elif final == "H" and not words:
            self.column, self.row = 0, top
        elif (final == "K" and numbers[0] == 0) or (final == "J" and numbers[0] == 0):
            self._erase(self.row, self.column)
        if final == "J" and numbers[0] in (0, 2):
            for row in range(top if numbers[0] else self.row + 1, len(self.lines)):
                self.lines[row] = {}

    def _erase(self, row, column):
        self.lines[row] = {c: v for c, v in self.lines[row].items() if c < column}

    def _colour(self, n):
        if n == 0:
            self.bright = 0
        elif n == 1:
            self.bright = BRIGHT
        if n in (0, 39):
            self.colour = PLAIN
        elif 30 <= n <= 37:
            self.colour = n - 30
        elif 90 <= n <= 97:
            self.colour = n - 90 + BRIGHT

    def cells(self):
        """The screen, rows of (character, colour); a blank has the usual colour."""
        shown = self.lines[-self.rows:]
        shown += [{}] * (self.rows - len(shown))
        rows = [[line.get(c, (" ", PLAIN)) for c in range(self.columns)] for line in shown]
        return [[(c, PLAIN if c == " " else colour) for c, colour in row] for row in rows]

    def cursor(self):
        top = max(len(self.lines) - self.rows, 0)
        return min(self.column, self.columns - 1), self.row - top


def compare(screen, output):
    """Differences between what is shown and what should be, after all the output (bytes), of
    which the firmware's and the loader's is not on the screen."""
    columns, rows = len(screen.cells[0]), len(screen.cells)
    model = Terminal(columns, rows)
    start = START.search(output)
    model.feed(output[start.start() if start else 0:])
    problems = []
    for number, (shown, wanted) in enumerate(zip(screen.cells, model.cells())):
        for column, (is_, should) in enumerate(zip(shown, wanted)):
            should = (screen.font.as_shown(should[0]), should[1])
            if is_[0] == should[0] == " " or is_ == should:
                continue
            if should[1] == BLACK and is_[0] == " ":
                continue
            # Under VGA's cursor the character has the cursor's colours.
            if is_[0] == should[0] and (column, number) == screen.cursor:
                continue
            problems.append("row %d, column %d: %r of colour %d, should be %r of colour %d"
                            % (number, column, *is_, *should))
    if screen.cursor != model.cursor():
        problems.append("the cursor is at %s, should be at %s" % (screen.cursor, model.cursor()))
    return problems
