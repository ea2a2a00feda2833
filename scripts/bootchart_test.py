# SPDX-License-Identifier: MIT
"""Tests of bootchart.py."""

import unittest
import xml.etree.ElementTree as tree

import bootchart

SVG = "{http://www.w3.org/2000/svg}"


def a_report(phases, name="TSC", hz=2000000000):
    return {
        "kernel": {"version": "0.1.0", "configuration": "a<b"},
        "boot": {"protocol": "PVH"},
        "clocks": {"source": {"name": name, "hz": hz}},
        "phases": [{"name": n, "ticks": t, "waited": w} for n, t, w in phases],
    }


def bars(picture):
    """(left, width) of each bar, from the top; works and waits."""
    return [(float(r.get("x")), float(r.get("width")))
            for r in tree.fromstring(picture).iter(SVG + "rect") if r.get("height") == "14"]


def texts(picture):
    return [t.text for t in tree.fromstring(picture).iter(SVG + "text")]


class BootchartTest(unittest.TestCase):
    def test_bars_follow_each_other_and_fill_the_width(self):
        drawn = bars(bootchart.chart(a_report([("cpu", 100, 0), ("acpi", 300, 200)]), True))
        self.assertEqual(len(drawn), 4)
        whole = bootchart.WIDTH - bootchart.LABELS - bootchart.FIGURES
        self.assertAlmostEqual(drawn[0][1], whole / 4, 1)
        self.assertAlmostEqual(drawn[2][0], drawn[0][0] + whole / 4, 1)
        self.assertAlmostEqual(drawn[2][1], whole / 4, 1)
        self.assertAlmostEqual(drawn[3][1], whole / 2, 1)

    def test_figures_are_instructions_or_milliseconds_or_ticks(self):
        phases = [("cpu", 1000000, 0), ("acpi", 3000000, 0)]
        self.assertIn("1000000 (25.0 %)", texts(bootchart.chart(a_report(phases), True)))
        self.assertIn("0.500 (25.0 %)", texts(bootchart.chart(a_report(phases), False)))
        unknown = a_report(phases, hz=None)
        self.assertIn("1000000 (25.0 %)", texts(bootchart.chart(unknown, False)))
        self.assertIn("4000000 ticks", texts(bootchart.chart(unknown, False))[0])

    def test_names_are_text_not_markup(self):
        drawn = texts(bootchart.chart(a_report([("<&>", 1, 0)]), True))
        self.assertIn("<&>", drawn)
        self.assertIn("a<b", drawn[0])

    def test_waiting_is_no_longer_than_its_phase(self):
        drawn = bars(bootchart.chart(a_report([("a", 10, 90)]), True))
        self.assertLessEqual(drawn[1][0] + drawn[1][1], bootchart.WIDTH - bootchart.FIGURES + 1)

    def test_nothing_is_no_chart(self):
        for phases in ([], [("cpu", 0, 0)]):
            with self.assertRaises(bootchart.ChartError):
                bootchart.chart(a_report(phases), True)


if __name__ == "__main__":
    unittest.main()
