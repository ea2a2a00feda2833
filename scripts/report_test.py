# SPDX-License-Identifier: MIT
"""The schema is the documented one, and whatever breaks it is named."""

import copy
import json
import os
import re
import unittest

import report
from boottest import TREE, read_text


def sample(schema):
    """A value that keeps a schema, with one element in every list."""
    if isinstance(schema, report.Maybe):
        return sample(schema.value)
    if isinstance(schema, dict):
        return {name: sample(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [sample(schema[0])]
    if isinstance(schema, report.Pattern):
        return next(text for text in ("0x1", "0000:00:01.0", "52:54:00:12:34:56")
                    if re.fullmatch(schema.pattern, text))
    if isinstance(schema, report.Text):
        return schema.choices[0] if schema.choices else "text"
    return True if isinstance(schema, report.Bool) else 1


def paths(value, here=()):
    """The way to every member and element of a value."""
    for key in (value if isinstance(value, dict) else range(len(value))):
        yield here + (key,)
        if isinstance(value[key], (dict, list)):
            yield from paths(value[key], here + (key,))


def holder(value, path):
    for key in path[:-1]:
        value = value[key]
    return value


class SchemaTest(unittest.TestCase):
    def setUp(self):
        self.good = sample(report.SCHEMA)

    def test_a_good_report_has_no_problem(self):
        self.assertEqual(report.problems(self.good), [])

    def test_every_member_is_missed(self):
        for path in paths(self.good):
            if isinstance(path[-1], str) and path not in [(part,) for part in report.PARTS]:
                broken = copy.deepcopy(self.good)
                del holder(broken, path)[path[-1]]
                self.assertRegex(" ".join(report.problems(broken)), "no member " + path[-1])

    def test_every_value_of_another_kind_is_seen(self):
        for path in paths(self.good):
            broken = copy.deepcopy(self.good)
            holder(broken, path)[path[-1]] = -1.5
            self.assertEqual(len(report.problems(broken)), 1, path)

    def test_null_is_only_where_it_may_be(self):
        for path in (("acpi", "rsdp", "from"), ("interrupts", "from"), ("virtio", 0, "driver"),
                     ("block", 0, "serial"), ("net", 0, "speed"), ("net", 0, "duplex")):
            holder(self.good, path)[path[-1]] = None
        self.assertEqual(report.problems(self.good), [])
        for path in (("memory", "regions"), ("kernel",), ("acpi", "rsdp"), ("virtio", 0, "where")):
            broken = copy.deepcopy(self.good)
            holder(broken, path)[path[-1]] = None
            self.assertEqual(len(report.problems(broken)), 1, path)

    def test_a_member_too_many_is_seen(self):
        self.good["kernel"]["colour"] = "red"
        self.assertRegex(report.problems(self.good)[0], "colour, of which nothing is known")

    def test_words_and_forms_count(self):
        for path, value in ((("virtio", 0, "transport"), "usb"), (("boot", "image"), "200000"),
                            (("boot", "image"), "0x00200000"), (("acpi", "tables_lost"), True),
                            (("pci", "functions", 0, "address"), "00:01.0"), (("schema",), 2),
                            (("net", 0, "mac"), "525400123456"), (("block", 0, "sectors"), 8)):
            broken = copy.deepcopy(self.good)
            holder(broken, path)[path[-1]] = value
            self.assertEqual(len(report.problems(broken)), 1, path)

    def test_parts_that_are_not_built_may_be_missing(self):
        for part in report.PARTS:
            del self.good[part]
        self.assertEqual(report.problems(self.good), [])

    def test_nothing_is_not_a_report(self):
        for nothing in ({}, [], None, "report"):
            self.assertTrue(report.problems(nothing))


class ExtractTest(unittest.TestCase):
    def console(self, text, before="ready\n", after="ready\n"):
        return "%s%s\n%s\n%s\n%s" % (before, report.BEGIN, text, report.END, after)

    def test_the_last_report_counts(self):
        two = self.console('{"a": 1}') + self.console('{"a": 2}')
        self.assertEqual(report.extract(two), {"a": 2})

    def test_what_is_no_report_is_refused(self):
        for console in ("", "ready\n", self.console(""), self.console("{"), self.console("{},"),
                        self.console('{"a": "\u00e4"}'), self.console('{"a": 1, "a": 2}'),
                        report.BEGIN, "x" + report.BEGIN + "\n{}\n" + report.END):
            with self.assertRaises(report.ReportError):
                report.extract(console)

    def test_a_report_that_does_not_end_does_not_count_as_the_one_before(self):
        console = self.console("{}") + "\n" + report.BEGIN + "\n{}"
        with self.assertRaises(report.ReportError):
            report.extract(console)

    def test_json_is_read_as_it_is(self):
        good = sample(report.SCHEMA)
        self.assertEqual(report.extract(self.console(json.dumps(good, indent=0))), good)


class DocumentTest(unittest.TestCase):
    """Documentation/machine.md names the members, all of them and no others."""

    def rows(self):
        text = read_text(os.path.join(TREE, "Documentation", "machine.md"))
        return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.M))

    def test_every_part_has_a_row(self):
        rows = self.rows()
        self.assertLessEqual(set(report.SCHEMA), set(rows))

    def test_every_row_names_the_members(self):
        rows = self.rows()
        for part, schema in report.SCHEMA.items():
            words = {w for w in re.findall(r"`([^`]*)`", rows[part])
                     if re.fullmatch(r"[a-z]\w*", w)}
            known = {w for w in report.choices(schema) if re.fullmatch(r"[a-z]\w*", w)}
            self.assertEqual(words | known, report.members(schema) | known, part)

    def test_every_word_that_a_value_may_be_is_there(self):
        text = " ".join(self.rows().values())
        for word in report.choices(report.SCHEMA):
            self.assertIn("`%s`" % word, text)


if __name__ == "__main__":
    unittest.main()
