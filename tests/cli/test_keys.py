#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command `tidemark keys` from outside: both forms, the documentation, refusals, launchers.

Environment: see harness.py.
"""
import pathlib
import unittest

import harness

SETTINGS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "settings.md"


class Keys(harness.TestCase):
    def good(self, *arguments, ranks=1):
        result = harness.run(["keys", *arguments], self.folder, ranks=ranks)
        self.assertEqual((result.status, result.errors), (0, []), result)
        return result.output

    def refused(self, *arguments):
        """The one line of the refusal. The program must print nothing else."""
        result = harness.run(["keys", *arguments], self.folder)
        self.assertEqual((result.status, result.output, len(result.errors)), (2, "", 1), result)
        return result.errors[0]


class Forms(Keys):
    def test_markdown_is_the_table_of_the_documentation(self):
        documented = [line for line in SETTINGS.read_text(encoding="utf-8").splitlines()
                      if line.startswith("|")]
        self.assertEqual(self.good("--markdown").splitlines(), documented)

    def test_list_names_the_same_keys_in_the_same_order(self):
        table = self.good("--markdown").splitlines()[2:]
        rows = [line.strip("|").split("|") for line in table]
        lines = self.good().splitlines()
        self.assertEqual([line.partition(":")[0] for line in lines[::2]],
                         [row[0].strip(" `") for row in rows])
        self.assertEqual([line.strip() for line in lines[1::2]], [row[-1].strip() for row in rows])

    def test_list_says_what_is_required_and_what_is_the_default(self):
        lines = self.good().splitlines()
        self.assertIn("model.num_layers: integer, 1 to 2147483647; required", lines)
        self.assertIn("precision: word, fp32, fp64, bf16, tf32; default fp32", lines)
        self.assertIn("name: text; default unnamed", lines)


class CommandLine(Keys):
    def test_help_lists_its_option(self):
        output = self.good("--help")
        self.assertEqual(output.count("Usage:"), 1)
        self.assertIn("--markdown", output)
        self.assertNotIn("--set", output)

    def test_help_of_the_program_lists_it(self):
        result = harness.run(["--help"], self.folder)
        self.assertRegex(result.output, r"(?m)^  keys  +\S")

    def test_wrong_options_are_refused(self):
        for arguments in (["--html"], ["case.yaml"], ["--markdown=maybe"], ["--set", "a=b"]):
            self.assertRegex(self.refused(*arguments), "^command line: .*; see tidemark --help$")

    def test_one_process_of_a_launcher_speaks(self):
        self.assertEqual(self.good("--markdown", ranks=2), self.good("--markdown"))


if __name__ == "__main__":
    unittest.main()
