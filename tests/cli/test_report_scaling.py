#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report: lines of strong and weak scaling, and the efficiency of their points.

Drawing needs a Python that has Matplotlib, so all of these tests do.
"""
import unittest

from reports import TP, TP_SP, TestCase
from samples import changed, on_ranks, with_step
from tools import needs_matplotlib


@needs_matplotlib
class Scaling(TestCase):
    def rows(self, page):
        """(heading of the line, t, hosts, efficiency) of each point."""
        found, line = [], ""
        for row in page.tables_of("scaling")[0].rows:
            if len(row) == 1:
                line = row[0].text
            else:
                found.append((line, int(row[0].text), row[1].number, round(row[6].number, 9)))
        return found

    def test_strong_scaling_is_measured_by_the_rate_of_a_rank(self):
        page = self.page(*(with_step(on_ranks(TP, t), step)
                           for t, step in ((1, 800.0), (2, 500.0), (4, 250.0))))
        self.assertEqual(self.rows(page), [("strong: TP", 1, 1, 1.0), ("strong: TP", 2, 1, 0.8),
                                           ("strong: TP", 4, 1, 0.8)])
        self.assertIn("scaling-1", page.figures)

    def test_weak_scaling_is_a_problem_that_grows(self):
        def grown(t, step):
            data = changed(TP, case__model__micro_batch_size=t,
                           flops__model_per_step=t * TP["flops"]["model_per_step"])
            return with_step(on_ranks(data, t), step)
        page = self.page(grown(1, 400.0), grown(2, 500.0), grown(4, 800.0))
        self.assertEqual(self.rows(page), [("weak: TP", 1, 1, 1.0), ("weak: TP", 2, 1, 0.8),
                                           ("weak: TP", 4, 1, 0.5)])

    def test_a_line_for_each_number_of_hosts_from_one_base(self):
        def place(t, hosts, step, mode="ring"):
            data = changed(TP, case__overlap__mode=mode, overlap__mode=mode)
            return with_step(on_ranks(data, t, hosts), step)
        page = self.page(place(1, 1, 800.0, "none"), place(2, 1, 400.0), place(4, 1, 200.0),
                         place(2, 2, 500.0), place(4, 2, 400.0))
        one, two = "strong: TP, hosts 1", "strong: TP, hosts 2"
        self.assertEqual(self.rows(page), [
            (one, 1, 1, 1.0), (one, 2, 1, 1.0), (one, 4, 1, 1.0),
            (two, 1, 1, 1.0), (two, 2, 2, 0.8), (two, 4, 2, 0.5)])

    def test_one_line_through_a_file_for_each_t(self):
        paths = [self.file(f"{t}.jsonl", with_step(on_ranks(TP, t), 800.0 / t)) for t in (1, 2, 4)]
        self.assertEqual([row[1:] for row in self.rows(self.page_of(*paths))],
                         [(1, 1, 1.0), (2, 1, 1.0), (4, 1, 1.0)])

    def test_no_line_without_several_t(self):
        self.assertEqual(self.page(TP, TP_SP).tables_of("scaling"), [])


if __name__ == "__main__":
    unittest.main()
