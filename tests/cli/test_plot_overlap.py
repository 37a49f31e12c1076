#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/plot: what the figures of overlap show of records and traces: timeline and efficiency.

The tests need no executable. They test drawing only with a Python that has Matplotlib.
"""
import json
import pathlib
import unittest

import harness
from synthetic import overlap_record, placed, quietly, slices, trace
from tools import needs_matplotlib  # the next lines need it, too
from tidemark_tools.plotting import overlap, overlap_figures
from tidemark_tools.records import reader


class OverlapSeries(harness.TestCase):
    def timelines(self, events, *data, rank=0):
        path = pathlib.Path(self.folder, self.write("t.json", json.dumps(events)))
        return overlap.timeline_series(overlap.traced([path], rank, placed(*data)), rank)

    def test_a_timeline_is_one_layer_forward_and_backward(self):
        found = self.timelines(trace(0, 1100), overlap_record(0, "none", num_layers=2),
                               overlap_record(1, num_layers=2), rank=1)
        self.assertEqual([one.label for one in found], ["TP, overlap none", "TP, overlap ring"])
        for one in found:
            self.assertEqual((one.part, one.rank), ("layer 2 of 2", 1))
            self.assertAlmostEqual(one.length, 0.039)  # 20 to 40, then 50 to 69
            self.assertAlmostEqual(one.turn, 0.020)
            self.assertAlmostEqual(one.waiting, 0.003)
            self.assertEqual(list(one.rows), ["compute", "comm", "comm 2", "waiting"])
            self.assertEqual([name for _, _, name in one.rows["compute"]][:4],
                             ["tidemark::norm_forward", "product"] * 2)
            self.assertEqual(len(one.rows["compute"]), 4 + 6)
            comm = [(round(begin, 6), round(duration, 6)) for begin, duration, _ in
                    one.rows["comm"]]
            self.assertEqual(comm, [(0.001, 0.004), (0.018, 0.002), (0.020, 0.005)])

    def test_a_norm_at_the_end_is_of_no_layer(self):
        # Two layers have four norms. Here there is one more.
        events = trace(0) + slices(0, 0, ("compute", "tidemark::norm_forward", 39, 40),
                                   ("compute", "tidemark::norm_backward_input", 50, 50.5))
        one, = self.timelines(events, overlap_record(num_layers=2))
        self.assertAlmostEqual(one.turn, 0.019)
        self.assertAlmostEqual(one.length, 0.019 + 0.0185)

    def test_a_step_that_hides_its_layers_is_drawn_whole(self):
        one, = self.timelines(trace(0), overlap_record(num_layers=3))
        self.assertEqual((one.part, one.length, one.turn), ("the step", 0.1, 0.05))

    def test_cases_go_with_the_records_of_their_run(self):
        wrong = overlap_record(1)  # another number of the case, and another length of the tide
        pairs, said = quietly(self.timelines, trace(0, 1100), overlap_record(0, "none"))
        self.assertEqual((len(pairs), len(said)), (1, 1))
        self.assertRegex(said[0], r"case 2: left out: no record of this run$")
        with self.assertRaisesRegex(reader.InputError, "not the trace of any of the records"):
            self.timelines(trace(0), wrong)
        self.assertEqual(self.timelines(trace(0), overlap_record(valid=False)), [])

    def test_efficiency_has_a_curve_a_mode_over_rising_bandwidth(self):
        data = [overlap_record(0, mode, bandwidth=x, sequence=sp) for sp in (False, True)
                for mode in ("none", "bulk", "ring") for x in (10.0, 1.0)]
        data[2]["overlap"].update(void_because="the link is faster than the emulated one")
        data[3]["overlap"].update(meaningful=False)
        kept, said = quietly(overlap.with_efficiency, placed(*data))
        self.assertEqual([line.split(": ", 2)[1] for line in said], ["r.jsonl:3", "r.jsonl:4"])
        self.assertEqual([(one.label, [point.bandwidth for point in one.points])
                          for one in overlap.efficiency_series(kept)],
                         [("TP, overlap ring", [1, 10]), ("TP+SP, overlap bulk", [1, 10]),
                          ("TP+SP, overlap ring", [1, 10])])

    @needs_matplotlib
    def test_the_timeline_draws_the_slices(self):
        found = self.timelines(trace(0, 1100), overlap_record(0, "none", num_layers=2),
                               overlap_record(1, num_layers=2))
        panels = overlap_figures.draw_timeline(found, "title").axes
        self.assertEqual(panels[0].get_xlim(), panels[1].get_xlim())
        for panel, one in zip(panels, found):
            self.assertIn(one.label, panel.get_title(loc="left").replace("\N{NO-BREAK SPACE}", " "))
            for bars, (row, parts) in zip(panel.collections, one.rows.items()):
                drawn = [path.get_extents() for path in bars.get_paths()]
                self.assertEqual([(box.x0, box.x1) for box in drawn],
                                 [(begin, begin + duration) for begin, duration, _ in parts], row)
            colours = panel.collections[0].get_facecolors()
            self.assertEqual(len({tuple(colour) for colour in colours}), 2)

    @needs_matplotlib
    def test_efficiency_draws_what_is_resolved_and_says_what_is_not(self):
        found = overlap.efficiency_series(placed(
            overlap_record(bandwidth=1.0), overlap_record(bandwidth=10.0, e=None, ci=(0.2, 0.9))))
        axes, = overlap_figures.draw_efficiency(found, "title").axes
        intervals, = axes.collections
        self.assertEqual([[[round(float(x), 6) for x in point] for point in line]
                          for line in intervals.get_segments()],
                         [[[1, 0.55], [1, 0.65]], [[10, 0.2], [10, 0.9]]])
        self.assertEqual([text.get_text() for text in axes.texts], ["not resolved"])
        efficiency, = (line for line in axes.get_lines() if line.get_label() == "TP, overlap ring")
        self.assertEqual(list(efficiency.get_xdata()), [1, 10])
        self.assertEqual(efficiency.get_ydata()[0], 0.6)
        self.assertNotEqual(efficiency.get_ydata()[1], efficiency.get_ydata()[1])  # NaN: no marker
        self.assertTrue(any(line.get_linestyle() == "--" and list(line.get_ydata()) == [0.9, 0.9]
                            for line in axes.get_lines()))
        self.assertIn("emulated", axes.get_xlabel())
        self.assertEqual(axes.get_ylabel(), "overlap efficiency E")
        self.assertIn("EMULATED", overlap.efficiency_title(placed(overlap_record())))


if __name__ == "__main__":
    unittest.main()
