#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants a violation of every rule of check.py and expects to hear of it."""

import os
import tempfile
import unittest
from unittest import mock

import check
import toolcheck

SPDX = "/* SPDX-License-Identifier: MIT */\n"
KCONFIG = "# SPDX-License-Identifier: MIT\n"
CLEAN = {
    **{name: KCONFIG for name in ("Makefile", "LICENSE", "README.md", "arch/a.cfg", "iso/a.cfg",
                                  "Documentation/a.md", "configs/a.config")},
    "scripts/a.sh": "#!/bin/sh\n" + KCONFIG,
    "Kconfig": KCONFIG + 'config A\n\tbool "A"\n\thelp\n\t  Help.\n',
    "kernel/Makefile": KCONFIG + "obj-y += a.o b.o\nhosttest-y += b_test.o\n",
    "drivers/rng/Makefile": KCONFIG + "obj-y += r.o b.o\nfuzz-y += a_fuzz.o\n",
    "kernel/a.h": SPDX + "#pragma once\n",
    "kernel/a.c": SPDX + '#include "kernel/a.h"\n\nint a = IS_ENABLED(CONFIG_A);\n',
    "mm/heap.h": SPDX + "#pragma once\n",
    "mm/Makefile": KCONFIG + "heapbench-y += a_bench.o\n",
    "mm/a_bench.c": SPDX + "#include <stdio.h>\n",
    "drivers/rng/a_fuzz.c": SPDX + "#include <stdio.h>\n",
    "drivers/virtio/transport.h": SPDX + "#pragma once\n",
    "drivers/virtio/virtio.h": SPDX + "#pragma once\n",
    "drivers/rng/r.c": SPDX + '#include "drivers/virtio/virtio.h"\n#include "mm/heap.h"\n',
}
# What is planted, and the check that must see it.
PLANTED = (
    ("includes_go_down", "kernel/b.c", SPDX + '#include "mm/heap.h"\n'),
    ("includes_go_down", "drivers/rng/b.c", SPDX + '#include "drivers/virtio/transport.h"\n'),
    ("includes_go_down", "kernel/lib/b.h", SPDX + '#pragma once\n#include "kernel/a.h"\n'),
    ("includes_go_down", "kernel/b.c", SPDX + '#include "a.h"\n'),
    ("includes_go_down", "kernel/b.c", SPDX + "#include <stdio.h>\n"),
    ("own_header_comes_first", "kernel/a.c",
     SPDX + '#include <stdint.h>\n#include "kernel/a.h"\nint a = CONFIG_A;\n'),
    ("every_source_is_listed", "kernel/c.c", SPDX),
    ("every_source_is_listed", "mm/c.c", SPDX),
    ("license_is_named", "kernel/b.c", "int b;\n"),
    ("license_is_named", "kernel/Makefile", "obj-y += a.o\n"),
    ("no_trailing_blanks", "kernel/b.c", SPDX + "int b; \n"),
    ("no_trailing_blanks", "kernel/b.c", SPDX + "int b;"),
    ("lines_are_short", "kernel/b.c", SPDX + "\t" * 12 + "int b;\n"),
    ("no_conditionals_in_c", "kernel/b.c", SPDX + "#ifdef CONFIG_A\n#endif\n"),
    ("headers_are_guarded", "kernel/b.h", SPDX),
    ("functions_are_short", "kernel/b.c", SPDX + "int f(void)\n{\n" + "\tf();\n" * 78 + "}\n"),
    ("blanks_are_where_clang_format_has_them", "kernel/b.c", SPDX + "int b(int a)\n{\n"
     "\treturn a+1;\n}\n"),
    ("blanks_are_where_clang_format_has_them", "kernel/b.h",
     SPDX + "#pragma once\nint *b (int);\n"),
    ("blanks_are_where_clang_format_has_them", "kernel/b.c", SPDX + "int b(int a) {\n"
     "\treturn a;\n}\n"),
    ("blanks_are_where_clang_format_has_them", "kernel/b.c", SPDX + "int b(int a)\n{\n"
     "\tif (a) {\n\t\ta = 1;\n\t}\n\telse {\n\t\ta = 2;\n\t}\n\treturn a;\n}\n"),
    ("blanks_are_where_clang_format_has_them", "kernel/b.c", SPDX + "int b(int a)\n{\n"
     "\ta++;\n    return a;\n}\n"),
    ("shellcheck_is_content", "scripts/b.sh", "#!/bin/sh\n" + KCONFIG + "rm $1\n"),
    ("shellcheck_is_content", ".ci/run", "#!/bin/bash\n" + KCONFIG + "cd /nowhere\n"),
    ("options_exist", "kernel/b.c", SPDX + "int b = IS_ENABLED(CONFIG_B);\n"),
    ("options_are_read", "mm/Kconfig",
     KCONFIG + 'config UNUSED\n\tbool "U"\n\thelp\n\t  Help.\n'),
    ("options_are_documented", "mm/Kconfig", KCONFIG + 'config B\n\tbool "B"\n'),
    ("options_are_documented", "mm/Kconfig",
     KCONFIG + 'config B\n\tint "B (bytes)"\n\thelp\n\t  Help.\n'),
    ("options_are_documented", "mm/Kconfig",
     KCONFIG + 'config B\n\tint "B"\n\trange 0 1\n\thelp\n\t  Help.\n'),
    ("options_are_documented", "mm/Kconfig",
     KCONFIG + 'config B\n\tbool "B"\n\tselect A\n\thelp\n\t  Help.\n'),
    ("documents_point_to_what_exists", "Documentation/b.md", "`kernel/nowhere.c`\n"),
    ("documents_point_to_what_exists", "README.md", KCONFIG + "see `kernel/a.c:nothing()`\n"),
    ("license_is_named", ".ci/run", "#!/bin/sh\n"),
    ("license_is_named", "scripts/b.cfg", "[b]\n"),
    ("includes_go_down", "drivers/rng/b.c", SPDX + '#include "drivers/pci/pci.h"\n'),
    ("includes_go_down", "drivers/rng/b.c", SPDX + '#include "drivers/virtio/virtqueue.h"\n'),
    ("the_top_is_as_agreed", "notes.txt", "notes\n"),
    ("the_top_is_as_agreed", "lib/b.h", SPDX),
    ("all_is_text", "iso/logo.png", "PNG\0\n"),
    ("pictures_are_small_and_shown", "Documentation/generated/b.png", "PNG\0\n"),
    ("pictures_are_small_and_shown", "Documentation/generated/b.png", "\0" * 60000),
    ("no_traces_of_a_workplace", "scripts/b.sh",
     "# SPDX-License-Identifier: MIT\nls /" + "root/x\n"),
    ("no_traces_of_a_workplace", "kernel/b.c", SPDX + "int b;\t/* see issue" + " #7 */\n"),
    ("no_traces_of_a_workplace", "kernel/b.c", SPDX + "int b;\t/* style" + ".md */\n"),
    ("nothing_is_unfinished", "kernel/b.c", SPDX + "int b; /* TO" + "DO */\n"),
)


class Planted(unittest.TestCase):
    def heard(self, extra, listed=False):
        """The names of the checks that complain about CLEAN plus `extra`."""
        files = {**CLEAN, **extra}
        if "mm/Kconfig" in extra:
            files["Kconfig"] += 'source "mm/Kconfig"\n'
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            sources = check.Sources(root)
            with mock.patch.dict(check.LONG_FUNCTIONS, clear=not listed):
                return [c.__name__ for c in check.CHECKS if list(c(sources))]

    def test_clean_sources_pass(self):
        self.assertEqual(self.heard({}), [])

    def test_each_violation_is_heard_of(self):
        for name, path, text in PLANTED:
            with self.subTest(check=name, planted=text):
                self.assertIn("check_" + name, self.heard({path: text}))

    def test_each_check_has_a_violation(self):
        planted = {"check_" + name for name, _, _ in PLANTED}
        self.assertEqual({c.__name__ for c in check.CHECKS} - planted, set())

    def test_a_function_of_the_greatest_length_passes(self):
        text = SPDX + "int f(void)\n{\n" + "\tf();\n" * 77 + "}\n"
        self.assertEqual(self.heard({"kernel/b.c": text}), [])

    def test_a_longer_function_needs_a_reason(self):
        long = {"kernel/b.c": SPDX + "int f(void)\n{\n" + "\tf();\n" * 78 + "}\n"}
        short = {"kernel/b.c": SPDX + "int f(void)\n{\n\tf();\n}\n"}
        for files, reason, heard in ((long, "One table.", False), (long, "", True),
                                     (short, "One table.", True)):
            with self.subTest(reason=reason, lines=len(files["kernel/b.c"])), \
                    mock.patch.dict(check.LONG_FUNCTIONS, {"kernel/b.c:f": reason}, clear=True):
                self.assertEqual("check_functions_are_short" in self.heard(files, True), heard)

    def test_what_is_laid_out_by_hand_passes(self):
        for text in ("enum {\n\tA = 1, B = 2,\n\tLONG_NAME\t= 3,\t/* of three */\n};\n",
                     "#define f(x) ((int)(x) - 1)\n",
                     "int b(int a)\n{\n\tswitch (a) {\n\tcase 1: return 2;\n"
                     "\tdefault: break;\n\t}\n\treturn a +\n\t       1;\n}\n",
                     "struct b {\n\tstruct {\n\t\tint c;\n\t} *d;\n};\n",
                     "void delete(struct b *b);\n",
                     "void b(struct p *p)\n{\n\tint (*w)[4];\n\tu(p, (uint8_t)p->class);\n}\n"):
            with self.subTest(text=text):
                self.assertEqual(self.heard({"kernel/b.c": SPDX + text}), [])

    def test_a_tool_that_is_missing_is_named(self):
        with mock.patch.dict(os.environ, PATH=""):
            for said, name in ((list(toolcheck.spacing(".", ["a.c"])), "clang-format"),
                               (list(toolcheck.shell_faults(".", ["a.sh"])), "shellcheck")):
                self.assertEqual(said, [name + " is not installed: run make setup"])

    def test_a_file_for_the_host_alone_may_include_its_headers(self):
        lists = KCONFIG + "obj-y += a.o\nhosttest-y += a.o b.o\n"
        text = SPDX + "#include <stdio.h>\n"
        self.assertEqual(self.heard({"kernel/b.c": text, "kernel/Makefile": lists}), [])
        header = SPDX + "#pragma once\n#ifdef CAIRN_HOSTED\n#include <errno.h>\n#endif\n"
        self.assertEqual(self.heard({"kernel/b.h": header}), [])

    def test_a_build_directory_may_lie_at_the_top(self):
        self.assertEqual(self.heard({"out/.cairn-build": "", "out/x.o": "\0"}), [])

    def test_words_that_only_look_like_a_trace_pass(self):
        text = SPDX + "/* Whoever issues 2 commands waits; see /var/log. */\n"
        self.assertEqual(self.heard({"kernel/b.c": text}), [])

    def test_tests_may_include_anything(self):
        text = SPDX + '#include <stdio.h>\n#include "drivers/virtio/transport.h"\n'
        self.assertEqual(self.heard({"kernel/b_test.c": text}), [])


if __name__ == "__main__":
    unittest.main()
