#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/plot: what the figures of memory show of records: tide, saved bytes and peak.

The tests need no executable. They test drawing only with a Python that has Matplotlib.
"""
import unittest

from synthetic import MIB, TIDE, placed, record
from tools import needs_matplotlib  # the next lines need it, too
from tidemark_tools.plotting import figures, series


class Series(unittest.TestCase):
    def test_total_is_the_sum_of_the_classes_and_the_peak_its_maximum(self):
        tide, = series.tide_series(placed(record(tide=TIDE)))
        self.assertEqual(tide.total, [5 * MIB, 10 * MIB, 15 * MIB, 17 * MIB, 0])
        self.assertEqual(tide.total[tide.peak], max(tide.total))
        self.assertEqual((tide.peak, tide.turn, tide.rank), (3, 2, 0))
        self.assertEqual(list(tide.classes), ["saved", "recomputed", "transient", "workspace"])
        for name, values in tide.classes.items():
            self.assertEqual(values, TIDE[name])

    def test_saved_holds_measured_and_formula_apart(self):
        data = record()
        data["memory"]["by_tensor"][2]["bytes_per_layer"] += 1
        one, = series.saved_series(placed(data))
        self.assertEqual(one.tensors["qkv"], (6 * MIB + 1, 6 * MIB, True))
        self.assertEqual(one.tensors["norm1 statistics"], (1024, 1024, False))
        self.assertEqual((one.measured, one.formula), (18 * MIB, 18 * MIB))

    def test_a_plan_has_measured_nothing(self):
        one, = series.saved_series(placed(record(kind="plan")))
        self.assertEqual(one.tensors["qkv"], (None, 6 * MIB, True))
        self.assertEqual((one.measured, one.formula), (None, 18 * MIB))

    def test_tensors_go_from_large_to_small_over_all_cases(self):
        large = record(sequence=True)
        large["memory"]["by_tensor"] = [{"name": "logits", "bytes_per_layer": 7 * MIB,
                                         "formula_bytes_per_layer": 7 * MIB, "in_formula": True}]
        found = series.by_size(series.saved_series(placed(record(), large)))
        self.assertEqual(found, ["softmax output", "logits", "qkv", "norm1 input", "proj input",
                                 "norm1 statistics"])

    def test_peak_has_one_line_a_mode_over_rising_t(self):
        cases = [record(tensor=t, sequence=sp) for sp in (False, True) for t in (4, 1, 2)]
        for i, data in enumerate(cases):
            data["memory"].update(peak_bytes=100 + i, saved_bytes=50 + i)
        found = series.peak_series(placed(*cases))
        self.assertEqual([(one.label, one.t, one.peak, one.saved) for one in found],
                         [("TP", [1, 2, 4], [101, 102, 100], [51, 52, 50]),
                          ("TP+SP", [1, 2, 4], [104, 105, 103], [54, 55, 53])])

    def test_plan_and_run_are_lines_of_their_own(self):
        found = series.peak_series(placed(record(), record(kind="plan")))
        self.assertEqual([one.label for one in found], ["TP", "TP, plan"])


@needs_matplotlib
class Figures(unittest.TestCase):
    def test_tide_draws_steps_of_the_total_and_marks_peak_and_turn(self):
        found = series.tide_series(placed(record(tide=TIDE), record(sequence=True, tide=TIDE)))
        figure = figures.draw_tide(found, "title")
        together, *panels = figure.axes
        self.assertEqual(len(panels), 2)
        total, turn, peak = together.get_lines()[:3]
        self.assertEqual(total.get_drawstyle(), "steps-post")
        self.assertEqual(list(total.get_xdata()), [0, 1, 2.5, 4, 6])
        self.assertEqual(list(total.get_ydata()), [5, 10, 15, 17, 0])
        self.assertEqual([list(x) for x in turn.get_data()], [[2.5], [15]])
        self.assertEqual([list(x) for x in peak.get_data()], [[4], [17]])
        words = [text.get_text() for text in together.get_legend().get_texts()]
        self.assertEqual(words, ["TP: peak 17.00 MiB", "TP+SP: peak 17.00 MiB", "peak",
                                 "turn from forward to backward"])
        for panel in panels:
            self.assertIn("17.00 MiB", [text.get_text() for text in panel.texts])

    def test_tide_stacks_the_classes(self):
        figure = figures.draw_tide(series.tide_series(placed(record(tide=TIDE))), "title")
        panel, = figure.axes
        tops = [area.get_paths()[0].get_extents().y1 for area in panel.collections]
        self.assertEqual(tops, [12, 14, 16, 17])

    def test_more_cases_than_fit_side_by_side_are_drawn_together_alone(self):
        cases = [record(tide=TIDE, seq_length=32 * i) for i in range(1, 5)]
        self.assertEqual(len(figures.draw_tide(series.tide_series(placed(*cases)), "").axes), 1)

    def test_saved_draws_measured_beside_formula(self):
        data = record()
        data["memory"]["by_tensor"][4]["bytes_per_layer"] = 9 * MIB  # softmax output
        figure = figures.draw_saved(series.saved_series(placed(data)), "title")
        axes, = figure.axes
        self.assertEqual([bar.get_width() for bar in axes.patches],
                         [9, 8, 6, 6, 2, 2, 2, 2, 1 / 1024, 1 / 1024])
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()],
                         ["softmax output", "qkv", "norm1 input", "proj input",
                          "norm1 statistics*"])
        self.assertEqual(axes.texts[0].get_text(), "9.00, formula 8.00")
        self.assertEqual(axes.texts[1].get_text(), "6.00")

    def test_peak_draws_peak_and_saved(self):
        cases = placed(record(), record(tensor=4))
        axes, = figures.draw_peak(series.peak_series(cases), "title").axes
        self.assertEqual([list(line.get_ydata()) for line in axes.get_lines()],
                         [[60, 60], [54, 54]])
        self.assertEqual([list(line.get_xdata()) for line in axes.get_lines()], [[2, 4], [2, 4]])
        self.assertEqual([label.get_text() for label in axes.get_xticklabels()], ["2", "4"])


if __name__ == "__main__":
    unittest.main()
