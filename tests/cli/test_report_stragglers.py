#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report: which rank is slow, on which host, and whether it was made slow on purpose.

Drawing needs a Python that has Matplotlib, so all of these tests do. Environment: see harness.py.
"""
import os
import unittest
import unittest.mock

from records import measure
from reports import DASH, TP, TestCase
from samples import OVERLAPPING, changed, on_ranks, real, with_step
from tools import needs_matplotlib

SLOW = {"slow_rank": 2, "share": 0.2}


@needs_matplotlib
class Stragglers(TestCase):
    def test_a_planted_slow_rank_is_seen_and_marked(self):
        data = on_ranks(TP, 4, hosts=2)
        for rank, busy in enumerate((100.0, 101.0, 120.0, 99.0)):
            data["ranks_detail"][rank]["busy_ms"] = busy
        page = self.page({**data, "test": SLOW}, changed(TP, case__name="x"))
        table = page.tables_of("stragglers")[0]
        self.assertEqual([head.text for head in table.heads],
                         ["Case", "node0rank 0", "node0rank 1", "node1rank 2", "node1rank 3",
                          "slowestrank, host, ratio"])
        row, = table.rows
        self.assertEqual([cell.number for cell in row[1:5]], [1.0, 1.01, 1.2, 0.99])
        self.assertEqual(row[5].text, "rank 2 on node1, 1.20")
        red, green, blue = map(int, row[3].style[len("background:rgb("):-1].split(","))
        self.assertTrue(red > green > blue, row[3].style)  # orange, not blue
        self.assertEqual(row[1].style, "background:rgb(255,255,255)")
        self.assertIn("PLANTED SLOW RANK", row[0].text)
        self.assertIn("PLANTED SLOW RANK: a rank was made slow on purpose", page.text["head"])

    def test_a_run_with_a_planted_slow_rank_is_nobody_elses_repeat_and_no_scaling(self):
        planted = {**changed(with_step(TP, 9.0), fom__tokens_per_s=None), "test": SLOW}
        page = self.page(TP, planted, with_step(on_ranks(TP, 4), 5.0),
                         {**with_step(on_ranks(TP, 8), 5.0), "test": SLOW})
        table, = page.tables_of("summary")
        self.assertEqual([(row[0].text, row[2].number) for row in table.rows if len(row) > 1],
                         [("TP", 1), ("TP PLANTED SLOW RANK", 1), ("TP", 1),
                          ("TP PLANTED SLOW RANK", 1)])
        self.assertEqual([row[0].text for row in page.tables_of("scaling")[0].rows],
                         ["strong: TP", "2", "4"])

    def test_old_records_say_it_by_what_ranks_waited(self):
        data = real(OVERLAPPING)
        for rank in data["ranks_detail"]:
            rank.pop("busy_ms", None)
        busy = [rank["step_ms"] - rank["blocked_ms"] for rank in data["ranks_detail"]]
        row, = self.page(data).tables_of("stragglers")[0].rows
        self.assertEqual([cell.number for cell in row[1:3]], [one / min(busy) for one in busy])

    def test_of_many_ranks_each_host_shows_its_slowest(self):
        data = on_ranks(TP, 64, hosts=8)
        for rank in data["ranks_detail"]:
            rank["busy_ms"] = 150.0 if rank["rank"] == 13 else 100.0
        page = self.page(data)
        table = page.tables_of("stragglers")[0]
        self.assertEqual([head.text for head in table.heads[1:3]],
                         ["node0slowest rank", "node1slowest rank"])
        self.assertEqual([cell.number for cell in table.rows[0][1:4]], [1.0, 1.5, 1.0])
        self.assertIn("rank 13 on node1, 1.50", table.rows[0][9].text)


@needs_matplotlib
class OfTheExecutable(TestCase):
    def test_a_rank_that_sleeps_is_named(self):
        with unittest.mock.patch.dict(os.environ, {"TIDEMARK_TEST_SLOW_RANK": "1:3"}):
            _, (data,) = measure(2)
        low, high = (data["ranks_detail"][rank]["busy_ms"] for rank in (0, 1))
        page = self.page(data)
        row, = page.tables_of("stragglers")[0].rows
        self.assertEqual([cell.number for cell in row[1:3]], [1.0, high / low])
        self.assertRegex(row[3].text, r"^rank 1 on ")
        self.assertIn("PLANTED SLOW RANK", row[0].text)
        self.assertEqual(
            self.summary(page)["TP PLANTED SLOW RANK"]["model TFLOP/sfigure of merit"].text, DASH)


if __name__ == "__main__":
    unittest.main()
