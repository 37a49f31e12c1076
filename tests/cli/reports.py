# SPDX-License-Identifier: BSD-3-Clause
"""Pages that scripts/report makes of records, for the tests of what they show."""
import os
import types

import harness
from pages import Page, by_first_cell
from samples import PLAIN, changed, lines, real
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records import reader
from tidemark_tools.reporting import whole

MIB = 2**20
WITH_TIDE = real(PLAIN, 0)
# Without the parts that are drawn, because drawing takes time.
TP, TP_SP = (changed(real(PLAIN, index), memory__tide=None, memory__by_tensor=[])
             for index in (0, 1))
DASH = "\N{EN DASH}"


class TestCase(harness.TestCase):
    def page(self, *data, **options):
        """The page of one file of records, made in this process."""
        return self.page_of(self.file("r.jsonl", *data), **options)

    def file(self, name, *data):
        self.write(name, lines(*data))
        return os.path.join(self.folder, name)

    def page_of(self, *paths, **options):
        remarks = reader.Remarks(lambda text: None)
        self.said = remarks.lines
        given = {"title": "Tidemark report", "criteria": None, "trace": [], "executable": None}
        page = Page(whole.report(types.SimpleNamespace(**{**given, "records": paths, **options}),
                                 remarks))
        self.assertEqual(page.faults, [])
        return page

    def summary(self, page):
        table, = page.tables_of("summary")
        return by_first_cell(table)

    def shows(self, cell, value):
        """The exact value is in the cell, and its words agree with it."""
        self.assertAlmostEqual(cell.number, value, delta=1e-12 * abs(value))
        words = cell.text.replace("\N{NARROW NO-BREAK SPACE}", "")
        shown = float(words.replace("\N{MINUS SIGN}", "-"))
        self.assertAlmostEqual(shown, value, delta=6e-4 * max(abs(value), 1))

    def shows_mib(self, cell, value):
        self.assertEqual(cell.number, value)
        self.assertEqual(cell.text.replace("\N{NARROW NO-BREAK SPACE}", ""), f"{value / MIB:.2f}")
