#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report: the page marks what is invalid, not verified, emulated or of version 1, and says
what it leaves out.

Drawing needs a Python that has Matplotlib, so all of these tests do.
"""
import unittest

from pages import by_first_cell
from reports import DASH, TP, TP_SP, TestCase
from samples import EMULATED, as_version_2, changed, invalid, real, stored, stored_path
from tools import needs_matplotlib


@needs_matplotlib
class Honesty(TestCase):
    def test_an_invalid_record_has_no_figure_of_merit_and_no_other(self):
        bad = invalid(TP)
        bad["fom"].update(tokens_per_s=77.25, model_tflops_per_s=78.25,
                          model_tflops_per_s_ci=[79.25, 80.25])  # even if a record has one
        page = self.page(bad, TP_SP)
        row = self.summary(page)["TP"]
        self.assertEqual(row["model TFLOP/sfigure of merit"].text, "INVALID")
        self.assertEqual({cell.text for name, cell in row.items()
                          if name not in ("Case", "t", "records",
                                          "model TFLOP/sfigure of merit")},
                         {DASH})
        numbers = [number for table in page.tables for row in table.rows for cell in row
                   for number in cell.numbers]
        for forbidden in (77.25, 78.25, 79.25, 80.25, bad["time"]["step_ms"]["median"],
                          bad["memory"]["peak_bytes"]):
            self.assertNotIn(forbidden, numbers)
        table, = page.tables_of("invalid")
        self.assertEqual([cell.text for cell in table.rows[0][1:]],
                         ["TP", "twin_output (output)", "0.25", "1e-05"])
        self.assertIn("INVALID: 1 record failed a check", page.text["head"])
        self.assertEqual(page.tables_of("sharding"), [])

    def test_a_run_that_was_not_verified_has_no_figure_of_merit(self):
        page = self.page(changed(TP, valid=None, fom__tokens_per_s=None,
                                 fom__model_tflops_per_s=None, fom__model_tflops_per_s_ci=None))
        row = self.summary(page)["TP, not verified"]
        self.assertEqual(row["model TFLOP/sfigure of merit"].text, DASH)
        self.shows(row["stepms"], TP["time"]["step_ms"]["median"])
        self.assertIn("No record has a figure of merit", page.text["summary"])

    def test_emulated_links_are_marked_everywhere(self):
        page = self.page(*(real(EMULATED, index) for index in range(8)))
        self.assertIn("EMULATED: over a link that does not exist", page.text["head"])
        for section in ("summary", "overlap", "stragglers"):
            for row in page.tables_of(section)[0].rows:
                if len(row) > 1:
                    self.assertIn("EMULATED", row[0].text)
        self.assertIn("bandwidth-1", page.figures)

    def test_what_is_not_shown_is_said(self):
        page = self.page(*(changed(TP, case__model__rope_theta=float(i)) for i in range(1, 101)))
        self.assertIn("Shown are the first 60 of 100 cases; 40 are left out here.",
                      page.text["summary"])
        self.assertIn("Figures are drawn of the first 6 of 100 problems.", page.text["memory"])

    def test_provenance_says_once_what_is_shared_and_each_difference(self):
        other = changed(TP_SP, provenance__git_hash="0123456789ab",
                        provenance__time_utc="2031-01-01T00:00:00Z")
        page = self.page(TP, changed(TP, case_index=1), other)
        shared, differing = page.tables_of("provenance")[1:3]
        self.assertEqual([row[1].text for row in shared.rows if row[0].text == "kokkos.version"],
                         [TP["provenance"]["kokkos"]["version"]])
        found = [[cell.text for cell in row] for row in differing.rows]
        self.assertIn(["0123456789ab", "1"], [row[:2] for row in found])
        self.assertIn([TP["provenance"]["git_hash"], "2"], [row[:2] for row in found])
        self.assertRegex(page.text["provenance"], "to 2031-01-01T00:00:00Z")

    def test_names_are_words_and_no_markup(self):
        page = self.page(changed(TP, case__name="<script>alert(1)</script>&amp;"))
        self.assertNotIn("script", page.tags)
        self.assertIn("<script>alert(1)</script>&amp;: L 2", page.text["summary"])


@needs_matplotlib
class Versions(TestCase):
    """Records of version 1, whose E has another meaning, alone and beside those of version 2."""

    OLD = stored(1, "two-nodes.jsonl", 1)

    def test_e_of_version_1_stands_under_schedule_efficiency(self):
        page = self.page(self.OLD)
        row, = by_first_cell(page.tables_of("overlap")[0]).values()
        self.assertEqual([row[name].text for name in ("E", "E max", "split costms",
                                                      "compute serialms")], [DASH] * 4)
        self.assertEqual(row["interval90\N{NO-BREAK SPACE}% of E"].text, DASH)
        self.assertEqual(row["scheduleefficiency"].number, self.OLD["overlap"]["efficiency"])
        self.assertIn("90\N{NO-BREAK SPACE}% of schedule efficiency [0.74, 0.82]",
                      row["remark"].text)
        row, = self.summary(page).values()
        self.assertEqual((row["E"].text, row["model TFLOP/sfigure of merit"].text), (DASH, DASH))
        self.assertEqual(row["scheduleefficiency"].number, self.OLD["overlap"]["efficiency"])
        self.assertIn("Records of version 1 have tokens/s alone", page.text["summary"])
        self.assertEqual(set(page.figures) & {"efficiency-1", "schedule-efficiency-1"},
                         {"schedule-efficiency-1"})

    def test_versions_are_cases_and_problems_of_their_own(self):
        new = as_version_2(self.OLD)
        page = self.page(self.OLD, new)
        found = page.tables_of("overlap")
        self.assertEqual(len(found), 2)
        for table, one in zip(found, (self.OLD, new)):
            row, = by_first_cell(table).values()
            self.assertEqual(row["E"].number,
                             new["overlap"]["efficiency"] if one is new else None)
        numbers = [cell.numbers for row in page.tables_of("summary")[0].rows for cell in row]
        between = (self.OLD["overlap"]["efficiency"] + new["overlap"]["efficiency"]) / 2
        self.assertNotIn([between], numbers)
        self.assertIn("record version 1", page.text["summary"])
        self.assertEqual({name for name in page.figures if "efficiency" in name},
                         {"schedule-efficiency-1", "efficiency-2"})

    def test_stored_records_are_read_alone_and_mixed(self):
        files = [str(stored_path(version, name)) for version in (1, 2)
                 for name in ("run.jsonl", "plan.jsonl")]
        for paths in ([files[0]], [files[1]], [files[2]], [files[3]], files):
            page = self.page_of(*paths)
            self.assertEqual((page.faults, self.said), ([], []))
            self.assertIn(f"{len(paths)} record", page.text["head"])


if __name__ == "__main__":
    unittest.main()
