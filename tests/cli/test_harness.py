#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""harness.py: which lines of standard error are the launcher's, and which are Tidemark's.

Environment: none.
"""
import unittest

import harness


class Harness(unittest.TestCase):
    def test_leaves_out_what_the_launcher_says(self):
        rule = "-" * 74
        text = (f"case.yaml: wrong\n{rule}\nPrimary job terminated normally, but 1 process\n"
                f"{rule}\n\n{rule}\nmpirun detected a failure\n\n  Exit code: 2\n{rule}\n"
                "[host:12] 1 more process has sent help message help-mpi-api.txt\nlast\n")
        self.assertEqual(harness.own_lines(text), ["case.yaml: wrong", "last"])

    def test_knows_a_rule_that_cuts_in_before_the_line_break(self):
        rule = "-" * 74
        text = f"case.yaml: wrong{rule}\nPrimary job terminated\n{rule}\n\nlast - one\n"
        self.assertEqual(harness.own_lines(text), ["case.yaml: wrong", "last - one"])

    def test_keeps_the_signs_of_a_crash(self):
        text = "[host:12] *** Process received signal ***\n- one\n"
        self.assertEqual(len(harness.own_lines(text)), 2)


if __name__ == "__main__":
    unittest.main()
