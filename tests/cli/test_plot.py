#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/plot: what it draws from records, what it leaves out, and what it refuses.

The tests need no executable. They test drawing only with a Python that has Matplotlib.
"""
import contextlib
import copy
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import unittest

import harness
from samples import UNKNOWN_VERSIONS, stored
import tools  # noqa: F401  the next lines need it
from tidemark_tools.plotting import figures, names, overlap, overlap_figures, series
from tidemark_tools.records import reader
from tidemark_tools.records.shapes import Fault

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLOT = ROOT / "scripts" / "plot"

MIB = 2**20
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
needs_matplotlib = unittest.skipUnless(HAS_MATPLOTLIB, "this Python has no Matplotlib")

# The sum is highest at sample 3: 10 + 4 + 2 + 1 MiB.
TIDE = {"rank": 0, "turn": 2, "microseconds": [0.0, 1000.0, 2500.0, 4000.0, 6000.0],
        "saved": [4 * MIB, 8 * MIB, 12 * MIB, 10 * MIB, 0],
        "recomputed": [0, 0, 0, 4 * MIB, 0],
        "transient": [1 * MIB, 0, 3 * MIB, 2 * MIB, 0],
        "workspace": [0, 2 * MIB, 0, 1 * MIB, 0]}
TENSORS = (("norm1 input", 2 * MIB, True), ("norm1 statistics", 1024, False),
           ("qkv", 6 * MIB, True), ("proj input", 2 * MIB, True), ("softmax output", 8 * MIB, True))


def record(kind="run", valid=True, tide=None, **settings):
    """A record with what the figures need. `settings` have the last part of their keys."""
    case = {"name": "small", "precision": "fp32", "recompute": "none",
            "model": {"num_layers": 3, "hidden_size": 64, "ffn_hidden_size": 256,
                      "num_attention_heads": 8, "num_query_groups": 8, "seq_length": 32,
                      "micro_batch_size": 2, "vocab_size": 0, "attention": "materialized"},
            "parallel": {"tensor": 2, "sequence": False, "keep_gathered": False},
            "overlap": {"mode": "none"}, "bench": {"warmup": 1}}
    for key, value in settings.items():
        section = next(part for part in (case, *case.values())
                       if isinstance(part, dict) and key in part)
        section[key] = value
    by_tensor = [{"name": name, "bytes_per_layer": size, "formula_bytes_per_layer": size,
                  "in_formula": counts} for name, size, counts in TENSORS]
    data, t = stored(2, f"{kind}.jsonl"), case["parallel"]["tensor"]
    data.update(case=case, ranks=t, valid=None if kind == "plan" else valid)
    data["memory"].update(saved_bytes=54 * MIB, saved_bytes_per_layer=18 * MIB,
                          formula_bytes_per_layer=18 * MIB, peak_bytes=60 * MIB,
                          by_tensor=by_tensor, tide=copy.deepcopy(tide))
    if kind == "run":
        data["ranks_detail"] = data["ranks_detail"][:1] * t
    return data


def placed(*data):
    """Records as read from the lines of one file."""
    return [reader.Record(f"r.jsonl:{line}", one) for line, one in enumerate(data, 1)]


def quietly(function, *arguments):
    """The function's result, and the lines that it wrote on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        result = function(*arguments)
    return result, said.getvalue().splitlines()


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


class Names(unittest.TestCase):
    def labels(self, *data, figure="saved"):
        return [label for label, _ in names.named(figure, placed(*data))]

    def test_modes_are_those_of_the_table(self):
        self.assertEqual(self.labels(record(tensor=1)), ["single"])
        self.assertEqual(self.labels(record()), ["TP"])
        self.assertEqual(self.labels(record(sequence=True)), ["TP+SP"])
        self.assertEqual(self.labels(record(sequence=True, keep_gathered=True)), ["TP+SP keep"])
        self.assertEqual(self.labels(record(recompute="full")), ["TP, full recompute"])
        self.assertEqual(self.labels(record(attention="blocked")), ["TP, blocked attention"])

    def test_labels_say_what_differs_and_nothing_else(self):
        self.assertEqual(self.labels(record(), record(sequence=True)), ["TP", "TP+SP"])
        self.assertEqual(self.labels(record(), record(precision="bf16"), record(seq_length=64)),
                         ["TP, fp32, s 32", "TP, bf16, s 32", "TP, fp32, s 64"])
        self.assertEqual(self.labels(record(tensor=1), record()), ["single, t 1", "TP, t 2"])
        self.assertEqual(self.labels(record(warmup=1), record(sequence=True, warmup=2)),
                         ["TP", "TP+SP"])
        self.assertEqual(self.labels(record(ffn_hidden_size=128), record()), ["TP, ffn 128", "TP"])

    def test_a_run_that_was_not_verified_says_so(self):
        self.assertEqual(self.labels(record(valid=None)), ["TP, not verified"])

    def test_of_the_same_case_the_last_record_counts(self):
        found, said = quietly(names.named, "saved", placed(record(), record(warmup=9)))
        self.assertEqual([one.place for _, one in found], ["r.jsonl:2"])
        self.assertEqual(said, ["[plot] saved: r.jsonl:1: left out: the same case stands again at "
                                "r.jsonl:2"])

    def test_the_title_has_name_shape_and_precision(self):
        self.assertEqual(names.title_of(placed(record())),
                         "small: L 3, h 64, a 8, s 32, b 2, t 2, fp32")
        self.assertEqual(names.title_of(placed(record(kind="plan", vocab_size=100)), over_t=True),
                         "small: L 3, h 64, a 8, s 32, b 2, V 100, fp32 (plan)")
        self.assertEqual(names.title_of(placed(record(), record(precision="bf16", hidden_size=128,
                                                                ffn_hidden_size=512))),
                         "small: L 3, a 8, s 32, b 2, t 2")


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


def overlap_record(index=0, mode="ring", e=0.6, ci=(0.55, 0.65), bandwidth=1.0, **settings):
    """A record of a traced case. `e` is None if it is not resolved."""
    data = record(tide={**TIDE, "microseconds": [0.0, 10.0, 20.0, 30.0, 100.0 + index]},
                  **settings)
    data["case"].update(overlap={"mode": mode, "progress": "poll"},
                        emulated_link={"latency_us": 0.0, "bandwidth_gbytes_per_s": bandwidth})
    off = mode == "none"
    data["case_index"] = index
    data["overlap"] = {**data["overlap"], "mode": mode, "efficiency": None if off else e,
                       "efficiency_ci": None if off else list(ci),
                       "efficiency_max": None if off else 0.9,
                       "meaningful": None if off else True,
                       "resolved": None if off else e is not None,
                       "exceeds_max": None if off else False, "void_because": None,
                       "schedule_efficiency": None if off or e is None else e + 0.1,
                       "split_cost_ms": None if off else 1.0}
    return data


def slices(start, rank, *lines):
    return [{"ph": "X", "pid": rank, "tid": tid, "name": name, "ts": start + begin,
             "dur": end - begin} for tid, name, begin, end in lines]


def trace(*starts, ranks=(0, 1)):
    """Steps of 100 us, 101 us, ..., each of two layers. Each half of a layer has a product between
    norms."""
    events = [{"ph": "M", "pid": 0, "name": "process_name", "args": {"name": "rank 0"}}]
    for number, start in enumerate(starts, 1):
        for rank in ranks:
            forward, backward = "tidemark::norm_forward", "tidemark::norm_backward"
            lines = [("step", f"case {number}: TP", 0, 99 + number), ("step", "forward", 0, 40),
                     ("step", "backward", 50, 99 + number),
                     ("comm", "all_gather", 21, 25), ("comm 2", "send_recv", 24, 27),
                     ("comm", "reduce_scatter", 38, 55),
                     ("comm: this rank waits", "all_gather", 22, 24 + rank)]
            for begin in (0, 10, 20, 30):
                lines += [("compute", forward, begin, begin + 1),
                          ("compute", "product", begin + 3, begin + 9)]
            for begin in (50, 60, 70, 80):
                lines += [("compute", "product", begin + 1, begin + 6),
                          ("compute", f"{backward}_input", begin + 6, begin + 7),
                          ("compute", f"{backward}_parameters", begin + 7, begin + 9)]
            events += slices(start, rank, *lines)
    return events


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


class Script(harness.TestCase):
    def plot(self, *arguments):
        result = subprocess.run([sys.executable, str(PLOT), *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=120, check=False)
        return result.returncode, result.stdout.split(), result.stderr.splitlines()

    def records(self, *data, name="r.jsonl"):
        return self.write(name, "".join(json.dumps(one) + "\n" for one in data))

    def files(self, folder):
        return sorted(os.listdir(pathlib.Path(self.folder, folder)))

    @needs_matplotlib
    def test_makes_the_same_files_again(self):
        self.records(record(tide=TIDE), record(sequence=True, tide=TIDE))
        expected = ["peak.png", "peak.svg", "saved.png", "saved.svg", "tide.png", "tide.svg"]
        for folder in ("one", "a/second"):
            status, made, errors = self.plot("r.jsonl", "-o", folder)
            self.assertEqual((status, errors), (0, []))
            self.assertEqual(sorted(made), [f"{folder}/{name}" for name in expected])
            self.assertEqual(self.files(folder), expected)
        for name in expected:
            one, second = (pathlib.Path(self.folder, folder, name).read_bytes()
                           for folder in ("one", "a/second"))
            self.assertEqual(one, second, name)
            self.assertTrue(one.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml"), name)

    @needs_matplotlib
    def test_makes_what_was_asked_for(self):
        self.records(record())
        status, made, errors = self.plot("r.jsonl", "--only", "peak,saved", "--format", "svg")
        self.assertEqual((status, made, errors), (0, ["saved.svg", "peak.svg"], []))

    @needs_matplotlib
    def test_reads_several_files(self):
        self.records(record())
        self.records(record(), name="more.jsonl")
        status, made, errors = self.plot("r.jsonl", "more.jsonl", "--only", "peak", "--format",
                                         "svg")
        self.assertEqual((status, made), (0, ["peak.svg"]))
        self.assertEqual(errors, ["[plot] peak: r.jsonl:1: left out: the same case stands again at "
                                  "more.jsonl:1"])

    @needs_matplotlib
    def test_leaves_out_what_is_not_valid_and_says_what_it_skips(self):
        self.records(record(valid=False, tide=TIDE), record(kind="plan"))
        status, made, errors = self.plot("r.jsonl", "--format", "svg")
        self.assertEqual((status, made), (0, ["saved.svg", "peak.svg"]))
        self.assertEqual(errors, ["[plot] r.jsonl:1: left out: not valid",
                                  "[plot] tide: skipped: no valid record has a tide, as runs with "
                                  "--trace have"])

    @needs_matplotlib
    def test_nothing_to_draw_is_a_failure(self):
        self.records(record(valid=False, tide=TIDE))
        status, made, errors = self.plot("r.jsonl")
        self.assertEqual((status, made, len(errors)), (1, [], 4))
        self.assertEqual(self.files("."), ["r.jsonl"])

    def refused(self, line, *arguments):
        status, made, errors = self.plot(*arguments)
        self.assertEqual((status, made), (2, []))
        self.assertEqual(len(errors), 1, errors)
        self.assertRegex(errors[0], line)

    @needs_matplotlib
    def test_refuses_what_is_no_record_by_file_and_line(self):
        good = json.dumps(record()).encode()
        for line in (b"{", b"{\"kind\": NaN}", b"\xff", b"no"):
            self.write("r.jsonl", good + b"\n\n" + line + b"\n" + good)
            self.refused(r"^r\.jsonl:3: is damaged: no whole JSON: .", "r.jsonl")
        self.refused(r"^absent\.jsonl: cannot be read: No such file or directory$", "absent.jsonl")

    @needs_matplotlib
    def test_refuses_an_output_that_cannot_be_written(self):
        self.records(record())
        self.refused(r"^r\.jsonl/saved\.png: cannot be written: .", "r.jsonl", "-o", "r.jsonl",
                     "--only", "saved")

    @needs_matplotlib
    def test_overlap_makes_the_same_files_again(self):
        self.records(overlap_record(0, "none"), overlap_record(1))
        self.write("t.json", json.dumps(trace(0, 1100)))
        expected = [f"{name}.{suffix}" for name in ("efficiency", "timeline")
                    for suffix in ("png", "svg")]
        for folder in ("one", "second"):
            status, made, errors = self.plot("overlap", "r.jsonl", "--trace", "t.json", "-o",
                                             folder)
            self.assertEqual((status, errors), (0, []))
            self.assertEqual(sorted(made), [f"{folder}/{name}" for name in expected])
        for name in expected:
            one, second = (pathlib.Path(self.folder, folder, name).read_bytes()
                           for folder in ("one", "second"))
            self.assertEqual(one, second, name)

    def write_versions(self):
        """A record of each version, of the same case; E was 0.6 in version 1, too."""
        new = overlap_record(1)
        old = {**overlap_record(1), "schema_version": 1}
        for key in ("schedule_efficiency", "split_cost_ms"):
            del old["overlap"][key]
        self.records(old, new)
        return os.path.join(self.folder, "r.jsonl")

    def test_an_efficiency_of_version_1_goes_by_another_name(self):
        old, new = reader.read(self.write_versions())
        self.assertEqual([old.data["overlap"][key] for key in
                          ("efficiency", "efficiency_ci", "efficiency_max", "resolved",
                           "schedule_efficiency", "schedule_resolved")],
                         [None, None, None, None, 0.6, True])
        self.assertEqual((new.data["overlap"]["efficiency"],
                          new.data["overlap"]["schedule_efficiency"]), (0.6, 0.7))
        found = overlap.by_measure(overlap.with_efficiency([old, new]))
        self.assertEqual([(measure.figure, [record.version for record in alike])
                          for measure, alike in found],
                         [("efficiency", [2]), ("schedule-efficiency", [1])])
        with self.assertRaises(ValueError):  # two versions never share a figure
            overlap.efficiency_series([old, new])

    @needs_matplotlib
    def test_versions_have_figures_of_their_own(self):
        self.write_versions()
        status, made, errors = self.plot("overlap", "r.jsonl", "--only", "efficiency", "--format",
                                         "svg")
        self.assertEqual((status, sorted(made), errors),
                         (0, ["efficiency.svg", "schedule-efficiency.svg"], []))

    @needs_matplotlib
    def test_stored_records_of_both_versions_are_drawn_alone_and_mixed(self):
        plans = [stored(version, "plan.jsonl") for version in (1, 2)]
        runs = [stored(version, "run.jsonl") for version in (1, 2)]
        for found in (plans[:1], plans[1:], runs[:1], runs[1:], plans + runs):
            self.records(*found)
            status, made, errors = self.plot("r.jsonl", "--only", "peak,saved", "--format", "svg")
            self.assertEqual((status, sorted(made), errors), (0, ["peak.svg", "saved.svg"], []))
        for _, record_of_label in names.labelled(placed(*plans)):
            self.assertIn(record_of_label.version, (1, 2))
        self.assertEqual([label.rpartition(", ")[2] for label, _ in names.labelled(placed(*plans))],
                         ["record version 1", "record version 2"])
        self.assertEqual(len(series.peak_series(placed(*runs))), 2)  # no line has both versions

    @needs_matplotlib
    def test_other_versions_are_refused(self):
        for version in UNKNOWN_VERSIONS:
            self.records({**record(), "schema_version": version})
            self.refused(f"^r.jsonl:1: has schema_version {json.dumps(version)}, and only 1 and 2 "
                         "are read$", "r.jsonl")
        self.write("r.jsonl", json.dumps({"kind": "run"}))
        self.refused("^r.jsonl:1: is no record: it has no schema_version and kind$", "r.jsonl")

    @needs_matplotlib
    def test_overlap_says_what_it_skips(self):
        self.records(overlap_record(0, "none"))
        status, made, errors = self.plot("overlap", "r.jsonl")
        self.assertEqual((status, made), (1, []))
        self.assertEqual(errors, ["[plot] timeline: skipped: no --trace FILE.json",
                                  "[plot] efficiency: skipped: no valid record has an efficiency "
                                  "and an emulated bandwidth"])

    @needs_matplotlib
    def test_overlap_refuses_bad_traces_and_records(self):
        self.records(overlap_record())
        event = {"ph": "X", "pid": 0, "tid": "step", "name": "case 1: TP", "ts": 0.0, "dur": 100.0}
        for text, line in (("[\n{", "not a trace in JSON: ."), ("{}", "not a trace: no array"),
                           ("[1]", "event 0: not an object$"), ("[]", "no slices of rank 0; "),
                           (json.dumps([{**event, "ts": "0"}]),
                            "event 0: ts: a number .* is expected, not \"0\"$"),
                           (json.dumps([{**event, "dur": -1}]),
                            "event 0: dur: a number from 0 .* is expected, not -1$"),
                           (json.dumps([{**event, "name": "product"}]), "product: begins before"),
                           (json.dumps([{**event, "dur": 9}]), "not the trace of any of the rec"),
                           (json.dumps([{**event, "pid": 1}]), "no slices of rank 0; ranks: 1$")):
            self.write("t.json", text)
            self.refused(f"^t.json: {line}", "overlap", "r.jsonl", "--trace", "t.json")
        self.refused("^absent: cannot be read: ", "overlap", "r.jsonl", "--trace", "absent")

    @needs_matplotlib
    def test_overlap_leaves_out_plans_and_what_breaks_the_schema(self):
        self.records(record(kind="plan"), overlap_record(ci=(0.7, 0.6)), overlap_record())
        status, made, errors = self.plot("overlap", "r.jsonl", "--only", "efficiency", "--format",
                                         "svg")
        self.assertEqual((status, made), (2, ["efficiency.svg"]))
        self.assertEqual(errors, [
            "[plot] r.jsonl:2: overlap.efficiency_ci: not two numbers, of which the first is no "
            "larger; this record is left out",
            "[plot] r.jsonl:1: left out: a plan, and only runs overlap"])

    def test_refuses_words_that_it_does_not_know(self):
        self.records(record())
        for option in ("--only", "--format"):
            status, made, errors = self.plot("r.jsonl", option, "svg,pie")
            self.assertEqual((status, made), (2, []))
            self.assertRegex(errors[-1], rf"argument {option}: '\w+' is none of ")


class Refusals(unittest.TestCase):
    def refused(self, words, change):
        data = record(tide=TIDE)
        reader.in_schema(copy.deepcopy(data))
        change(data)
        with self.assertRaises(Fault) as found:
            reader.in_schema(data)
        self.assertRegex(str(found.exception), words)

    def test_of_records(self):
        self.refused('^kind: "run" or "plan" is expected, not "walk"$',
                     lambda r: r.update(kind="walk"))
        self.refused("^case.model.seq_length: missing$",
                     lambda r: r["case"]["model"].pop("seq_length"))
        self.refused("^case.parallel.tensor: a whole number from 1 on is expected, not true$",
                     lambda r: r["case"]["parallel"].update(tensor=True))
        self.refused(r"^memory.by_tensor\[2\].in_formula: missing$",
                     lambda r: r["memory"]["by_tensor"][2].pop("in_formula"))
        self.refused(r"^memory.by_tensor\[2\].name: qkv stands here twice$",
                     lambda r: r["memory"]["by_tensor"][1].update(name="qkv"))

    def test_of_tides(self):
        def tide(words, **changes):
            self.refused(words, lambda r: r["memory"]["tide"].update(changes))
        tide("^memory.tide.saved: 1 values, but 5 microseconds$", saved=[1])
        tide(r"^memory.tide.transient\[4\]: a whole number from 0 on", transient=[0, 0, 0, 0, -1])
        tide(r"^memory.tide.workspace\[3\]: a whole number from 0 on", workspace=[0, 0, 0, 0.5, 0])
        tide("^memory.tide.microseconds: not all are numbers that never fall",
             microseconds=[0, 2, 1, 3, 4])
        tide("^memory.tide.turn: 5 is not one of 5 samples$", turn=5)
        tide("^memory.tide.microseconds: the list is empty$", microseconds=[])
        self.refused("^memory.tide: rises to 17825792 bytes, but memory.peak_bytes is 17825791$",
                     lambda r: r["memory"].update(peak_bytes=17 * MIB - 1))


if __name__ == "__main__":
    unittest.main()
