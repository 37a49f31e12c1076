#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mutated records: every script shows what is left of a file, or says in a line what is wrong.

`test_mutations.py COUNT` tries so many mutants, by other seeds than the test's.
"""
import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import traceback
import types
import unittest
import unittest.mock
import warnings

import mutations
from samples import ROOT
import tools  # the next lines need it
from tidemark_tools.records import reader
from tidemark_tools.reporting import comparison, difference_table, whole
from tidemark_tools.scaling import summary, tables

HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
needs_matplotlib = unittest.skipUnless(HAS_MATPLOTLIB, "this Python has no Matplotlib")
COUNT, SEED = 300, 20261126


class Readers:
    """Reads a file with the functions of each script. Drawing takes a second per figure, so only
    every `drawn`th file gets a page. All else is done for the other files, too."""

    def __init__(self, folder, drawn):
        self.folder, self.drawn, self.number = folder, drawn, 0
        self.plot = tools.command("plot")

    def report(self, path):
        options = types.SimpleNamespace(title="x", records=[path], criteria=None, trace=[],
                                        executable=None)
        remarks = reader.Remarks(lambda text: None)
        self.number += 1
        if self.number % self.drawn == 0:
            whole.report(options, remarks)
            return
        with unittest.mock.patch("tidemark_tools.reporting.cases.MOST_PROBLEMS", 0), \
                unittest.mock.patch("tidemark_tools.reporting.cases.FEW_PROBLEMS", 0):
            whole.report(options, remarks)

    def compare(self, path, good):
        for files in ((path, good), (good, path), (path, path)):
            remarks = reader.Remarks(lambda text: None)
            (a, b), missing = comparison.sides(files, [], remarks)
            found = comparison.pairs(a, b)
            "\n".join(difference_table.lines(a, b, found, missing))
            list(difference_table.regressions(found, 0.0))

    def plots(self, path):
        if self.number % self.drawn:
            return
        for arguments in (["plot", path], ["plot", "overlap", path]):
            with unittest.mock.patch.object(sys, "argv", [*arguments, "-o", self.folder]):
                options = self.plot.arguments()
            with unittest.mock.patch.object(self.plot, "save"), \
                    contextlib.redirect_stderr(io.StringIO()):
                self.plot.draw_all(options)

    def scaling(self, path):
        found = reader.data_of(path, reader.Remarks(lambda text: None))
        rows = summary.relate(summary.rows_of(found))
        tables.scaling_lines(rows, lambda row: False)
        tables.boundary_lines(rows)

    def try_all(self, good, mutant):
        """{script: traceback} of the scripts that end in one."""
        path, beside = (str(pathlib.Path(self.folder, name)) for name in ("r.jsonl", "good.jsonl"))
        pathlib.Path(beside).write_text(mutations.line_of(good), encoding="utf-8")
        pathlib.Path(path).write_text(mutations.line_of(mutant) + mutations.line_of(good),
                                      encoding="utf-8")
        failed = {}
        for name, read in (("report", self.report), ("plot", self.plots), ("scaling", self.scaling),
                           ("compare", lambda one: self.compare(one, beside))):
            try:
                read(path)
            except reader.InputError as error:
                if "\n" in str(error):
                    failed[name] = f"more than a line: {error}"
            except Exception:  # this is what the test looks for
                failed[name] = traceback.format_exc(limit=-3)
        return failed


def tried(count, seed, drawn):
    """What failed: [(number, script, traceback)]."""
    failed = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy and Matplotlib, about the values that they get
        readers = Readers(folder, drawn)
        for number, good, mutant in mutations.mutants(count, seed):
            failed += [(number, name, text) for name, text in readers.try_all(good, mutant).items()]
    return failed


@needs_matplotlib
class Mutations(unittest.TestCase):
    def test_no_script_ends_in_a_traceback(self):
        self.assertEqual(tried(COUNT, SEED, drawn=20), [])


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].isdigit():
        FOUND = tried(int(sys.argv[1]), SEED + 1, drawn=50)
        for NUMBER, NAME, TEXT in FOUND:
            print(f"{NUMBER} {NAME}: {TEXT}")
        print(f"{len(FOUND)} tracebacks of {sys.argv[1]} mutants")
        sys.exit(1 if FOUND else 0)
    unittest.main()
