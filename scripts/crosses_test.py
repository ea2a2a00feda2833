# SPDX-License-Identifier: MIT
"""Every pair that can be is in a run, none that cannot, and each run says what it should."""

import configparser
import itertools
import unittest

import crosses

TEXT = """
[DEFAULT]
machine = q35
devices = rng
expect =
tier = ci

[before]
machine = pc

[cross]
tier = all
axes = transport ring queues
devices = rng*2 blk,serial=x
expect = ^first$

[transport=modern]
options = disable-legacy=on

[transport=old]
machine = pc-q35-2.4

[transport=mmio]
machine = microvm

[ring=split]

[ring=packed]
with = transport=mod* transport=mmio
options = packed=on
expect = ^@all@ of them, @blk@ disks, @net@ nets$

[queues=1]

[queues=4]
options = blk:num-queues=4
devices = net
"""


def read(text=TEXT):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


class CrossTest(unittest.TestCase):
    def setUp(self):
        parser = read()
        self.sections = {name: dict(parser[name]) for name in parser.sections()}

    def chosen(self, together):
        axes = [crosses.values_of(self.sections, a) for a in ("transport", "ring", "queues")]
        combinations = [c for c in itertools.product(*axes) if crosses.fits(c, self.sections)]
        return combinations, crosses.choose(combinations, together)

    def test_each_group_that_can_be_is_there(self):
        for together in (1, 2, 3):
            combinations, chosen = self.chosen(together)
            for groups in zip(*[itertools.combinations(c, together) for c in combinations]):
                for group in groups:
                    self.assertTrue(any(set(group) <= set(c) for c in chosen), group)
        self.assertEqual(len(self.chosen(1)[1]), 3)
        self.assertLess(len(self.chosen(2)[1]), len(self.chosen(3)[1]))
        self.assertEqual(len(self.chosen(3)[1]), 10)

    def test_what_cannot_be_is_nowhere(self):
        for combination in self.chosen(3)[0]:
            self.assertFalse({"transport=old", "ring=packed"} <= set(combination))

    def test_options_go_to_their_devices(self):
        self.assertEqual(crosses.with_options("rng*2 blk,a=b", " p=on blk:q=4"),
                         "rng*2,p=on blk,a=b,p=on,q=4")

    def test_axis_without_values_is_a_mistake(self):
        with self.assertRaises(crosses.CrossError):
            crosses.values_of(self.sections, "nothing")


class UnfoldTest(unittest.TestCase):
    def test_runs_stand_for_their_cross(self):
        parser = read(TEXT.replace("[cross]", "[cross]\ntogether = 3"))
        crosses.unfold(parser)
        names = parser.sections()
        self.assertEqual(names[0], "before")
        self.assertFalse([n for n in names if n == "cross" or "=" in n])
        self.assertIn("cross-old-split-1", names)
        run = parser["cross-mmio-packed-4"]
        self.assertEqual((run["machine"], run["tier"]), ("microvm", "all"))
        self.assertEqual(run["devices"], "rng*2,packed=on blk,serial=x,packed=on,num-queues=4 "
                         "net,packed=on")
        self.assertEqual(run["expect"], "^first$\n^4 of them, 1 disks, 1 nets$")
        self.assertFalse(crosses.OWN & set(run))

    def test_what_nobody_wants_is_not_made(self):
        parser = read()
        crosses.unfold(parser, lambda _, keys: keys.get("tier") != "all")
        self.assertEqual(parser.sections(), ["before"])

    def test_every_value_once(self):
        parser = read(TEXT.replace("[cross]", "[cross]\ntogether = 1"))
        crosses.unfold(parser)
        self.assertEqual(len(parser.sections()), 1 + 3)


if __name__ == "__main__":
    unittest.main()
