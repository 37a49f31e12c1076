#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/plot as a command: the files that it makes, what it leaves out, and what it refuses.

The tests need no executable. They test drawing only with a Python that has Matplotlib.
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import unittest

import harness
from samples import ROOT, UNKNOWN_VERSIONS, stored
from synthetic import MIB, TIDE, overlap_record, placed, record, trace
from tools import needs_matplotlib  # the next lines need it, too
from tidemark_tools.plotting import names, overlap, series
from tidemark_tools.records import reader
from tidemark_tools.records.shapes import Fault

PLOT = ROOT / "scripts" / "plot"


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
