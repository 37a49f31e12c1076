#!/usr/bin/env python3
"""What `tidemark run --trace` writes: the tide of each rank, and the record's own copy of it.

Environment: see harness.py.
"""
import itertools
import json
import pathlib
import unittest

import harness
from records import INPUT, SEQUENCE_OFF_AND_ON, measure, parse, refuse_constant

CLASSES = ("saved", "recomputed", "transient", "workspace")


def traced(folder, ranks, *settings):
    """Runs the input with a trace; its events, and the records."""
    words = [word for setting in (f"parallel.tensor={ranks}", *settings)
             for word in ("--set", setting)]
    result = harness.run(["run", "case.yaml", "--trace", "trace.json", "--output", "results.jsonl",
                          *words], folder, ranks=ranks)
    if result.status != 0:
        raise AssertionError(result)
    events = json.loads(pathlib.Path(folder, "trace.json").read_text(encoding="utf-8"),
                        parse_constant=refuse_constant)
    lines = pathlib.Path(folder, "results.jsonl").read_text(encoding="utf-8").splitlines()
    return events, [parse(line) for line in lines]


def cases_of(events, rank):
    """The events of a rank, case by case: the slice of the step, its two parts, its counters."""
    own = [event for event in events if event["pid"] == rank and event["ph"] != "M"]
    starts = [i for i, event in enumerate(own) if event.get("name", "").startswith("case ")]
    for start, end in itertools.pairwise([*starts, len(own)]):
        slices = [event for event in own[start:end] if event["ph"] == "X"]
        yield slices, [event for event in own[start:end] if event["ph"] == "C"]


class Trace(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def assert_nested(self, slices):
        step, forward, backward = slices
        self.assertEqual((forward["name"], backward["name"]), ("forward", "backward"))
        ends = [event["ts"] + event["dur"] for event in slices]
        # Adding up rounds.
        self.assertLessEqual(step["ts"], forward["ts"])
        self.assertLessEqual(ends[1], backward["ts"] + 1e-6)
        self.assertLessEqual(ends[2], ends[0] + 1e-6)
        self.assertGreater(min(event["dur"] for event in slices), 0.0)

    def assert_tide(self, counters, memory):
        live = [[event["args"][name] for name in CLASSES] for event in counters]
        self.assertTrue(all(set(event["args"]) == set(CLASSES) for event in counters))
        self.assertEqual(live[-1], [0, 0, 0, 0])
        self.assertGreaterEqual(min(map(min, live)), 0)
        self.assertEqual(max(map(sum, live)), memory["peak_bytes"])
        times = [event["ts"] for event in counters]
        self.assertEqual(times, sorted(times))
        # Each is one birth or one death of one class.
        for before, after in itertools.pairwise([[0, 0, 0, 0], *live]):
            self.assertEqual(sum(x != y for x, y in zip(before, after)), 1)

    def assert_copied(self, record, slices, counters):
        """The record's tide is the first rank's: the same bytes, and times a tenth rounded."""
        tide = record["memory"]["tide"]
        self.assertEqual(tide["rank"], 0)
        for name in CLASSES:
            self.assertEqual(tide[name], [event["args"][name] for event in counters])
        for microseconds, event in zip(tide["microseconds"], counters, strict=True):
            self.assertAlmostEqual(microseconds, event["ts"] - slices[0]["ts"], delta=0.051)
        return tide

    def test_shows_the_tide_of_each_rank_and_case(self):
        events, records = traced(self.folder, 2, SEQUENCE_OFF_AND_ON,
                                 "sweep.recompute=[none, full]")
        self.assertEqual({event["pid"] for event in events}, {0, 1})
        self.assertEqual([event["args"]["name"] for event in events if event["ph"] == "M"],
                         ["rank 0", "rank 1"])
        names = [f"case {i + 1}: {mode}"
                 for i, mode in enumerate(("TP", "TP+full", "TP+SP", "TP+SP+full"))]
        for rank in (0, 1):
            cases = list(cases_of(events, rank))
            self.assertEqual([slices[0]["name"] for slices, _ in cases], names)
            for (slices, counters), record in zip(cases, records):
                self.assert_nested(slices)
                self.assert_tide(counters, record["memory"])
            ends = [slices[0]["ts"] + slices[0]["dur"] for slices, _ in cases]
            for end, (slices, _) in zip(ends, cases[1:]):
                self.assertLess(end, slices[0]["ts"])

    def test_is_in_the_record(self):
        for settings in ((), ("model.vocab_size=50",), ("recompute=full",)):
            pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
            events, (record,) = traced(self.folder, 2, *settings)
            (slices, counters), = cases_of(events, 0)
            memory, tide = record["memory"], self.assert_copied(record, slices, counters)
            # What is live at the turn is what is saved.
            at_turn = {name: tide[name][tide["turn"] - 1] for name in CLASSES}
            self.assertEqual(at_turn["saved"],
                             memory["saved_bytes"] + memory["norm_statistics_bytes"])
            self.assertEqual((at_turn["recomputed"], at_turn["workspace"]), (0, 0))
            self.assertEqual(max(tide["recomputed"]) > 0, "recompute=full" in settings)

    def test_forward_ends_at_the_turn_and_backward_begins_with_its_gradient(self):
        events, (record,) = traced(self.folder, 1)
        ((_, forward, backward), counters), = cases_of(events, 0)
        turn = record["memory"]["tide"]["turn"]
        # Between the two the output goes, and its gradient is made.
        self.assertEqual([event["args"]["transient"] for event in counters[turn:turn + 2]],
                         [0, counters[turn - 1]["args"]["transient"]])
        self.assertGreaterEqual(forward["ts"] + forward["dur"], counters[turn - 1]["ts"])
        self.assertLessEqual(forward["ts"] + forward["dur"], counters[turn]["ts"])
        self.assertGreaterEqual(backward["ts"], counters[turn + 1]["ts"])

    def test_is_not_made_unasked(self):
        _, (record,) = measure(1)
        self.assertIsNone(record["memory"]["tide"])

    def test_costs_no_byte(self):
        _, traced_records = traced(self.folder, 2, SEQUENCE_OFF_AND_ON)
        for one, other in zip(traced_records, measure(2, SEQUENCE_OFF_AND_ON)[1]):
            for key in ("saved_bytes", "peak_bytes", "pool_bytes", "at_peak"):
                self.assertEqual(one["memory"][key], other["memory"][key])

    def test_replaces_an_earlier_one(self):
        self.write("trace.json", "x" * 2 ** 20)
        events, _ = traced(self.folder, 1)
        self.assertEqual({event["pid"] for event in events}, {0})

    def test_needs_a_file_that_can_be_written(self):
        for ranks in (1, 2):
            result = harness.run(["run", "case.yaml", "--set", f"parallel.tensor={ranks}",
                                  "--trace", "missing/trace.json"], self.folder, ranks=ranks)
            self.assertEqual((result.status, result.errors, result.output),
                             (2, ["missing/trace.json: cannot be opened for writing: "
                                  "No such file or directory"], ""))


if __name__ == "__main__":
    unittest.main()
