#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark run` reports of hidden communication, in every mode, with every progress and
algorithm.

The tests demand no time that a busy machine could not keep. Environment: see harness.py.
"""
import math
import statistics
import unittest

import harness
from records import INPUT, ITERATIONS, SEQUENCE_OFF_AND_ON, measure, once

MODES = ("none", "bulk", "ring", "auto")
EVERY_MODE = f"sweep.overlap.mode=[{', '.join(MODES)}]"
MAX_ITERATIONS = 7
# Ranks, overlap.progress, comm.algorithm: every value on two and on four ranks.
WAYS = ((2, "poll", "auto"), (2, "thread", "native"), (2, "none", "pairwise"), (2, "poll", "ring"),
        (4, "thread", "auto"), (4, "poll", "native"), (4, "none", "ring"), (4, "poll", "pairwise"))
VARIANTS = ("serial_ms", "compute_serial_ms", "compute_ms", "comm_ms")
TUPLES = 6  # E is resolved by at least so many
SUMMARY = {"median", "min", "max", "iterations", "samples"}
# The keys of a call that do not depend on time.
CALL = ("op", "purpose", "count", "bytes", "wire_bytes")


def records_of(ranks, progress, algorithm):
    """The records of every mode, without and with SP, by (mode, SP)."""
    layers = 2 if ranks == 2 else 1  # ranks that share cores are slow
    _, records = once(ranks, EVERY_MODE, SEQUENCE_OFF_AND_ON, f"overlap.progress={progress}",
                      f"comm.algorithm={algorithm}", f"bench.max_iterations={MAX_ITERATIONS}",
                      "model.vocab_size=50", f"model.num_layers={layers}")
    cases = [(mode, sequence) for mode in MODES for sequence in (False, True)]
    return dict(zip(cases, records, strict=True))


def samples_of(record, part):
    return record["time"][part]["samples"]


def median_difference(record, one, other):
    return statistics.median(x - y for x, y in zip(samples_of(record, one),
                                                   samples_of(record, other), strict=True))


def is_measured(mode, record):
    """Whether overlap is measured. It is not where `auto` chose `none`."""
    return mode in ("bulk", "ring") or (mode == "auto" and record["time"]["serial_ms"] is not None)


class OverlapTestCase(unittest.TestCase):
    def each(self, check):
        """Calls check(mode, record, record of mode none in the same run), each in a subtest."""
        for way in WAYS:
            records = records_of(*way)
            for (mode, sequence), record in records.items():
                with self.subTest(way=way, mode=mode, sequence=sequence):
                    check(mode, record, records["none", sequence])

    def each_measured(self, check):
        """Calls check(record) for each record in which overlap was measured."""
        self.each(lambda mode, record, _: is_measured(mode, record) and check(record))

    def assert_close(self, value, expected):
        self.assertTrue(math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-9),
                        (value, expected))

    def assert_not_measured(self, record):
        for part in VARIANTS:
            self.assertIsNone(record["time"][part], part)
        figures = {key for key, value in record["overlap"].items() if value is not None}
        self.assertEqual(figures, {"mode"})


class Modes(OverlapTestCase):
    def test_are_valid(self):
        def check(mode, record, _):
            self.assertIs(record["valid"], True, record["verification"])
            self.assertEqual(record["case"]["overlap"]["mode"], mode)
            self.assertGreater(record["fom"]["tokens_per_s"], 0.0)
            self.assertIs(record["comm"]["emulated"], False)
        self.each(check)

    def test_are_as_asked_for_or_chosen(self):
        def check(mode, record, _):
            self.assertIn(record["overlap"]["mode"], MODES[:-1] if mode == "auto" else (mode,))
            self.assertEqual(record["overlap"]["mode"] != "none", is_measured(mode, record))
        self.each(check)

    def test_none_measures_no_overlap(self):
        def check(mode, record, _):
            if not is_measured(mode, record):
                self.assert_not_measured(record)
                self.assertEqual(record["time"]["step_ms"]["iterations"], ITERATIONS)
        self.each(check)

    def test_of_one_rank_measure_no_overlap(self):
        for progress in ("poll", "thread", "none"):
            _, records = once(1, EVERY_MODE, f"overlap.progress={progress}")
            for mode, record in zip(MODES, records, strict=True):
                with self.subTest(mode=mode, progress=progress):
                    self.assertIs(record["valid"], True)
                    self.assert_not_measured(record)
                    self.assertEqual(record["time"]["step_ms"]["iterations"], ITERATIONS)

    def test_say_on_the_screen_what_was_chosen(self):
        for ranks in (2, 4):
            result, records = once(ranks, "overlap.mode=auto", SEQUENCE_OFF_AND_ON,
                                   f"bench.max_iterations={MAX_ITERATIONS}")
            lines = [line.split(":")[0] for line in result.output.splitlines()
                     if line.startswith("  overlap ")]
            self.assertEqual(lines, [f"  overlap {record['overlap']['mode']} (chosen)"
                                     for record in records])


class Figures(OverlapTestCase):
    def test_stand_on_whole_tuples(self):
        def check(record):
            # One product rate after each step.
            self.assertEqual(len(record["flops"]["gemm_gflops_samples"]),
                             record["time"]["step_ms"]["iterations"])
            for part in ("step_ms", *VARIANTS):
                summary = record["time"][part]
                samples = summary["samples"]
                self.assertEqual(set(summary), SUMMARY)
                self.assertEqual(len(samples), record["time"]["step_ms"]["iterations"])
                self.assertEqual(summary["iterations"], len(samples))
                self.assert_close(summary["median"], statistics.median(samples))
                self.assertEqual((summary["min"], summary["max"]), (min(samples), max(samples)))
                self.assertGreater(summary["min"], 0.0)
        self.each_measured(check)

    def test_take_no_more_tuples_than_it_takes(self):
        def check(record):
            overlap, count = record["overlap"], record["time"]["step_ms"]["iterations"]
            self.assertGreaterEqual(count, ITERATIONS)
            self.assertLessEqual(count, MAX_ITERATIONS)
            if count < MAX_ITERATIONS:
                self.assertTrue(overlap["resolved"] or not overlap["meaningful"], overlap)
        self.each_measured(check)

    def test_follow_from_the_samples(self):
        def check(record):
            overlap = record["overlap"]
            exposed = median_difference(record, "step_ms", "compute_ms")
            cost = median_difference(record, "serial_ms", "compute_serial_ms")
            split = median_difference(record, "compute_ms", "compute_serial_ms")
            self.assert_close(overlap["exposed_ms"], exposed)
            self.assert_close(overlap["serial_exposed_ms"], cost)
            self.assert_close(overlap["split_cost_ms"], split)
            comm = statistics.median(samples_of(record, "comm_ms"))
            meaningful = comm >= 0.01 * statistics.median(samples_of(record, "step_ms"))
            self.assertIs(overlap["meaningful"], meaningful)
            self.assertIsNone(overlap["void_because"])
            if not meaningful or cost <= 0.0:
                self.assertEqual({overlap[key] for key in (
                    "efficiency", "efficiency_ci", "schedule_efficiency", "efficiency_max",
                    "osu_percent")}, {None})
                self.assertIs(overlap["resolved"], False)
                return
            beyond = median_difference(record, "comm_ms", "compute_serial_ms")
            self.assert_close(overlap["efficiency_max"], 1.0 - max(0.0, beyond) / cost)
            self.assert_close(overlap["osu_percent"], 100.0 * max(0.0, 1.0 - exposed / comm))
            if overlap["efficiency_ci"] is None:  # most resamples have nothing to hide
                self.assertIs(overlap["resolved"], False)
                self.assertIsNone(overlap["efficiency"])
                return
            low, high = overlap["efficiency_ci"]
            self.assertLessEqual(low, high)
            count = record["time"]["step_ms"]["iterations"]
            self.assertIs(overlap["resolved"], count >= TUPLES and high - low < 0.15)
            scheduled = median_difference(record, "serial_ms", "compute_ms")
            if overlap["resolved"]:
                self.assert_close(overlap["efficiency"],
                                  median_difference(record, "serial_ms", "step_ms") / cost)
                if scheduled > 0.0:
                    self.assert_close(overlap["schedule_efficiency"], 1.0 - exposed / scheduled)
            else:
                self.assertIsNone(overlap["efficiency"])
            if not overlap["resolved"] or scheduled <= 0.0:
                self.assertIsNone(overlap["schedule_efficiency"])
            most = 1.0 - max(beyond, min(0.0, split)) / cost
            self.assertIs(overlap["exceeds_max"], overlap["resolved"] and low > most)
        self.each_measured(check)

    def test_of_the_timeline_are_no_less_than_nothing(self):
        def check(record):
            overlap = record["overlap"]
            for key in ("timeline_exposed_ms", "intersect_ms", "polling_ms"):
                self.assertGreaterEqual(overlap[key], 0.0, key)
            if record["case"]["overlap"]["progress"] == "none":
                self.assertEqual(overlap["polling_ms"], 0.0)
        self.each_measured(check)


class SameWork(OverlapTestCase):
    """Hiding communication changes neither what is saved, nor what is sent, nor the result."""

    def assert_same_work(self, record, plain):
        for key in ("saved_bytes", "saved_bytes_per_layer", "by_tensor"):
            self.assertEqual(record["memory"][key], plain["memory"][key])
        self.assertGreater(record["comm"]["wire_bytes_per_step"], 0)
        self.assertEqual(record["comm"]["wire_bytes_per_step"],
                         plain["comm"]["wire_bytes_per_step"])
        wire_of_gradients = [sum(call["wire_bytes"] for call in one["comm"]["calls"]
                                 if call["purpose"] == "gradient") for one in (record, plain)]
        self.assertEqual(*wire_of_gradients)

    def test_saves_and_sends_the_same_bytes(self):
        def check(mode, record, plain):
            self.assert_same_work(record, plain)
            if mode == "bulk":
                calls = [[[call[key] for key in CALL] for call in one["comm"]["calls"]]
                         for one in (record, plain)]
                self.assertEqual(*calls)
        self.each(check)

    def test_so_it_does_with_other_settings(self):
        for settings in (("sweep.recompute=[selective, full]", "parallel.sequence=true"),
                         ("parallel.keep_gathered=true", "parallel.sequence=true"),
                         ("precision=bf16", SEQUENCE_OFF_AND_ON),
                         ("sweep.overlap.chunks=[0, 7]",)):
            _, records = measure(2, "sweep.overlap.mode=[none, bulk, ring]", *settings,
                                 f"bench.max_iterations={MAX_ITERATIONS}")
            each = len(records) // 3
            for i, record in enumerate(records):
                with self.subTest(settings=settings, mode=record["overlap"]["mode"]):
                    self.assertIs(record["valid"], True, record["verification"])
                    self.assert_same_work(record, records[i % each])

    def test_has_the_same_loss(self):
        self.each(lambda _, record, plain:
                  self.assertAlmostEqual(record["loss"] / plain["loss"], 1.0, delta=1e-5))


class Algorithms(OverlapTestCase):
    def test_are_listed_where_they_were_chosen(self):
        def check(_mode, record, _plain):
            listed = {choice["op"] for choice in record["comm"]["algorithms"]}
            # An exchange between two ranks has no choice of algorithm.
            called = {call["op"] for call in record["comm"]["calls"]} - {"send_recv"}
            if record["case"]["comm"]["algorithm"] == "auto":
                self.assertLessEqual(called, listed)
            else:
                self.assertEqual(record["comm"]["algorithms"], [])
        self.each(check)

    def test_are_the_fastest(self):
        def check(_mode, record, _plain):
            for choice in record["comm"]["algorithms"]:
                seconds = {name: s for name, s in choice["seconds"].items() if s is not None}
                # Between two ranks, a ring is the same as a pair. On one node there are no levels.
                names = {"native", "pairwise"} | ({"ring"} if record["ranks"] > 2 else set())
                self.assertEqual(set(seconds), names)
                self.assertEqual(seconds[choice["algorithm"]], min(seconds.values()))
                self.assertGreater(min(seconds.values()), 0.0)
                self.assertGreater(choice["bytes"], 0)
        self.each(check)

    def test_of_one_rank_are_none(self):
        (record,) = once(1)[1]
        self.assertEqual(record["comm"]["algorithms"], [])


class BadInput(harness.TestCase):
    def test_is_refused_in_one_line(self):
        self.write("case.yaml", INPUT)
        for setting, reason in (
                ("overlap.mode=rings",
                 "'rings' is not accepted, expected one of none, bulk, ring, auto"),
                ("overlap.progress=polling",
                 "'polling' is not accepted, expected one of poll, thread, none"),
                ("overlap.chunks=-1", "-1 is out of range, expected 0 to 4096"),
                ("comm.algorithm=tree",
                 "'tree' is not accepted, expected one of auto, native, pairwise, ring, "
                 "hierarchical"),
                ("emulated_link.latency_us=-1",
                 "-1 is out of range, expected 0 <= x <= 1000000000"),
                ("emulated_link.bandwidth_gbytes_per_s=-2",
                 "-2 is out of range, expected 0 <= x <= 1000000000"),
                ("bench.warmup=-1", "-1 is out of range, expected 0 to 2147483647"),
                ("bench.min_seconds=-1", "-1 is out of range, expected 0 <= x <= 86400"),
                ("bench.min_warmup_seconds=1e5",
                 "1e5 is out of range, expected 0 <= x <= 86400"),
                ("bench.max_iterations=2", f"2 is less than iterations {ITERATIONS}")):
            ranks = 2 if setting.startswith("overlap.mode") else 1
            with self.subTest(setting=setting):
                result = harness.run(["run", "case.yaml", "--set", f"parallel.tensor={ranks}",
                                      "--set", setting], self.folder, ranks=ranks)
                key = setting.partition("=")[0]
                self.assertEqual((result.status, result.errors, result.output),
                                 (2, [f"--set {setting}: {key}: {reason}"], ""))


if __name__ == "__main__":
    unittest.main()
