#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark run --trace` writes: the tide of each rank, the record's own copy of it, and what
the rank computed and communicated.

Environment: see harness.py.
"""
import collections
import itertools
import json
import pathlib
import re
import unittest

import harness
from records import INPUT, SEQUENCE_OFF_AND_ON, measure, parse, refuse_constant

CLASSES = ("saved", "recomputed", "transient", "workspace")
WAITING = "comm: this rank waits"
# Calls that are pending together are in separate lanes.
COMM = re.compile(r"comm( [0-9]+)?$")
ROUNDING_US = 1e-3


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


def by_case(events, rank):
    """The events of a rank, case by case."""
    own = [event for event in events if event["pid"] == rank and event["ph"] != "M"]
    starts = [i for i, event in enumerate(own) if event.get("name", "").startswith("case ")]
    for start, end in itertools.pairwise([*starts, len(own)]):
        yield own[start:end]


def cases_of(events, rank):
    """For each case of a rank: the slices of the step and its two parts, and its counters."""
    for own in by_case(events, rank):
        slices = [event for event in own if event["ph"] == "X" and event["tid"] == "step"]
        yield slices, [event for event in own if event["ph"] == "C"]


def tracks_of(own):
    """The slices of each track by name, from the events of one case of a rank."""
    tracks = collections.defaultdict(list)
    for event in own:
        if event["ph"] == "X":
            tracks[event["tid"]].append(event)
    return tracks


def end_of(event):
    return event["ts"] + event["dur"]


class Trace(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def assert_nested(self, slices):
        step, forward, backward = slices
        self.assertEqual((forward["name"], backward["name"]), ("forward", "backward"))
        ends = [event["ts"] + event["dur"] for event in slices]
        # The sums are rounded.
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
        # Each event is one birth or one death in one class.
        for before, after in itertools.pairwise([[0, 0, 0, 0], *live]):
            self.assertEqual(sum(x != y for x, y in zip(before, after)), 1)

    def assert_copied(self, record, slices, counters):
        """The record has the tide of the first rank: the same bytes, with times rounded to a
        tenth."""
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
            # At the turn, exactly the saved tensors are live.
            at_turn = {name: tide[name][tide["turn"] - 1] for name in CLASSES}
            self.assertEqual(at_turn["saved"],
                             memory["saved_bytes"] + memory["norm_statistics_bytes"])
            self.assertEqual((at_turn["recomputed"], at_turn["workspace"]), (0, 0))
            self.assertEqual(max(tide["recomputed"]) > 0, "recompute=full" in settings)

    def test_forward_ends_at_the_turn_and_backward_begins_with_its_gradient(self):
        events, (record,) = traced(self.folder, 1)
        ((_, forward, backward), counters), = cases_of(events, 0)
        turn = record["memory"]["tide"]["turn"]
        # Between the two, the output dies, and its gradient is made.
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


class Timeline(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def assert_whole(self, slices):
        """Slices of a track follow each other, or one is inside the other."""
        around = []
        for event in sorted(slices, key=lambda event: (event["ts"], -event["dur"])):
            self.assertGreaterEqual(event["ts"], 0.0)
            self.assertGreaterEqual(event["dur"], 0.0)
            while around and end_of(around[-1]) <= event["ts"] + ROUNDING_US:
                around.pop()
            if around:
                self.assertLessEqual(end_of(event), end_of(around[-1]) + ROUNDING_US)
            around.append(event)

    def assert_within(self, slices, step):
        for event in slices:
            self.assertGreaterEqual(event["ts"] + ROUNDING_US, step["ts"])
            self.assertLessEqual(end_of(event), end_of(step) + ROUNDING_US)

    def assert_timeline(self, own, calls):
        """The events of a rank for a case whose record has `calls`. The trace is one step."""
        tracks = tracks_of(own)
        comm = [event for name, slices in tracks.items() if COMM.match(name) for event in slices]
        named = {"step", "compute", WAITING, *(name for name in tracks if COMM.match(name))}
        self.assertEqual(set(tracks), named if calls else {"step", "compute"})
        for slices in tracks.values():
            self.assert_whole(slices)
        step = tracks["step"][0]
        self.assert_within(tracks["compute"], step)
        self.assert_within(comm, step)
        self.assert_within(tracks.get(WAITING, []), step)
        # Each operation has the same count and the same bytes as in any step.
        expected = collections.Counter()
        size = collections.Counter()
        for call in calls:
            expected[call["op"]] += call["count"]
            size[call["op"]] += call["bytes"]
        self.assertEqual(collections.Counter(event["name"] for event in comm), expected)
        for event in comm:
            size[event["name"]] -= event["args"]["bytes"]
        self.assertEqual({op: rest for op, rest in size.items() if rest != 0}, {})

    def check(self, ranks, *settings):
        pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
        events, records = traced(self.folder, ranks, "bench.max_iterations=3", *settings)
        self.assertEqual({event["pid"] for event in events}, set(range(ranks)))
        for rank in range(ranks):
            for own, record in zip(by_case(events, rank), records, strict=True):
                with self.subTest(rank=rank, settings=settings, case=record["case_index"]):
                    self.assert_timeline(own, record["comm"]["calls"])

    def test_shows_every_call_of_every_mode(self):
        for ranks in (2, 4):
            self.check(ranks, "sweep.overlap.mode=[none, bulk, ring]", SEQUENCE_OFF_AND_ON,
                       "model.vocab_size=50")

    def test_shows_every_call_however_it_is_driven(self):
        for progress, algorithm in (("thread", "native"), ("none", "pairwise"), ("poll", "ring"),
                                    ("thread", "pairwise")):
            self.check(2, "overlap.mode=ring", SEQUENCE_OFF_AND_ON,
                       f"overlap.progress={progress}", f"comm.algorithm={algorithm}")

    def test_shows_every_call_on_an_emulated_link(self):
        self.check(2, "sweep.overlap.mode=[none, ring]", "parallel.sequence=true",
                   "emulated_link.latency_us=300", "emulated_link.bandwidth_gbytes_per_s=0.1")

    def test_of_one_rank_shows_kernels_alone(self):
        self.check(1, "overlap.mode=ring")

    def test_shows_polls_where_the_rank_polls(self):
        for progress in ("poll", "none"):
            pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
            events, _ = traced(self.folder, 2, "overlap.mode=ring", "bench.max_iterations=3",
                               f"overlap.progress={progress}")
            polls = [event for event in events if event.get("tid") == WAITING
                     and event["name"] == "poll"]
            self.assertEqual(len(polls) > 0, progress == "poll")


if __name__ == "__main__":
    unittest.main()
