#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/compare: ratios, what exceeds noise, what it does not compare, and what it refuses."""
import importlib.util
import json
import os
import re
import subprocess
import sys
import unittest

import harness
from samples import (EMULATED, OVERLAPPING, PLAIN, ROOT, UNKNOWN_VERSIONS, as_version_2, changed,
                     invalid, lines, real, stored, stored_path, summary, with_step)
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records.reader import Remarks
from tidemark_tools.reporting import bootstrap, comparison

COMPARE = ROOT / "scripts" / "compare"

HAS_NUMPY = importlib.util.find_spec("numpy") is not None
needs_numpy = unittest.skipUnless(HAS_NUMPY, "this Python has no NumPy")
TP, TP_SP = real(PLAIN, 0), real(PLAIN, 1)
STEADY = (1000.0, 1001.0, 999.0, 1002.0, 998.0, 1000.5, 999.5)
RING = real(OVERLAPPING, 1)


def scaled(samples, factor):
    return [factor * sample for sample in samples]


class TestCase(harness.TestCase):
    def file(self, name, *data):
        self.write(name, lines(*data))
        return os.path.join(self.folder, name)

    def pairs(self, a, b, ignored=()):
        """The pairs of two lists of records."""
        remarks = Remarks(lambda text: None)
        self.said = remarks.lines
        (one, other), self.missing = comparison.sides(
            (self.file("a.jsonl", *a), self.file("b.jsonl", *b)), ignored, remarks)
        return comparison.pairs(one, other)


@needs_numpy
class Figures(TestCase):
    def test_a_slower_step_exceeds_noise(self):
        found, = self.pairs([with_step(TP, *STEADY)], [with_step(TP, *scaled(STEADY, 1.1))])
        self.assertAlmostEqual(found.step.change, 1.1)
        low, high = found.step.interval
        self.assertTrue(1.09 < low <= 1.1 <= high < 1.11, found.step.interval)
        self.assertTrue(found.step.exceeds_noise)
        self.assertAlmostEqual(found.model_tflops_per_s.change, 1 / 1.1)
        self.assertAlmostEqual(found.model_tflops_per_s.a, TP["flops"]["model_per_step"] / 1e12)
        self.assertAlmostEqual(found.tokens_per_s.change, 1 / 1.1)
        self.assertAlmostEqual(found.tokens_per_s.interval[0], 1 / high)

    def test_a_difference_smaller_than_the_spread_does_not(self):
        spread = (900.0, 1100.0, 1000.0, 950.0, 1050.0, 1020.0, 980.0)
        found, = self.pairs([with_step(TP, *spread)], [with_step(TP, *scaled(spread, 1.02))])
        self.assertAlmostEqual(found.step.change, 1.02)
        self.assertFalse(found.step.exceeds_noise)

    def test_repeats_widen_the_interval_by_what_changes_from_run_to_run(self):
        runs = [with_step(TP, *scaled(STEADY, factor)) for factor in (0.9, 1.0, 1.1)]
        slower = [with_step(TP, *scaled(STEADY, 1.03 * factor)) for factor in (0.9, 1.0, 1.1)]
        found, = self.pairs(runs, slower)
        self.assertAlmostEqual(found.step.change, 1.03)
        self.assertFalse(found.step.exceeds_noise)
        self.assertLess(found.step.interval[0], 0.95)

    def test_many_repeats_speak_for_themselves(self):
        runs = [with_step(TP, 1000.0 + i) for i in range(bootstrap.MANY)]
        found, = self.pairs(runs, runs)
        self.assertEqual(found.step.change, 1.0)
        self.assertTrue(0.98 < found.step.interval[0] < 1.0 < found.step.interval[1] < 1.02)

    def test_intervals_hold_what_they_promise(self):
        import numpy

        random, hits = numpy.random.default_rng(7), 0
        for _ in range(200):
            drawn = [random.normal(1000.0, 30.0, size=25) for _ in range(2)]
            medians = [bootstrap.resampled_medians(bootstrap.new_random(), one) for one in drawn]
            low, high = bootstrap.interval(medians[1] / medians[0])
            hits += low <= 1.0 <= high
        self.assertGreaterEqual(hits, 180)  # of 190 on average
        self.assertLess(hits, 200)

    def test_bytes_differ_or_they_do_not(self):
        more = changed(TP, memory__peak_bytes=TP["memory"]["peak_bytes"] * 2)
        found, = self.pairs([TP], [more])
        self.assertEqual([found.exact[key].change for key in comparison.EXACT], [2.0, 1.0, 1.0])
        self.assertEqual([found.exact[key].exceeds_noise for key in comparison.EXACT],
                         [True, False, False])

    def test_the_efficiency_is_that_of_the_tuples(self):
        def with_runs(step):
            series = {"step_ms": [step + i for i in range(7)],
                      "serial_ms": [1200.0 + i for i in range(7)],
                      "compute_ms": [1050.0 + i for i in range(7)],  # has no effect on E
                      "compute_serial_ms": [1000.0 + i for i in range(7)]}
            return changed(RING, time={**RING["time"], **{key: summary(*values)
                                                          for key, values in series.items()}},
                           overlap__efficiency=(1200 - step) / 200)
        found, = self.pairs([with_runs(1050.0)], [with_runs(1150.0)])
        self.assertAlmostEqual(found.efficiency.change, -0.5)
        for end in found.efficiency.interval:
            self.assertAlmostEqual(end, -0.5)
        self.assertTrue(found.efficiency.exceeds_noise)
        unresolved = changed(RING, overlap__efficiency=None, overlap__resolved=False)
        self.assertIsNone(self.pairs([RING], [unresolved])[0].efficiency)

    def test_emulated_and_unverified_runs_have_no_figure_of_merit(self):
        for data in (real(EMULATED), changed(TP, valid=None, fom__tokens_per_s=None,
                                             fom__model_tflops_per_s=None)):
            found, = self.pairs([data], [data])
            self.assertEqual((found.step.change, found.tokens_per_s, found.model_tflops_per_s),
                             (1.0, None, None))

    def test_verified_runs_come_before_others(self):
        found, = self.pairs([with_step(TP, 9.0), changed(with_step(TP, 5.0), valid=None)], [TP])
        self.assertEqual(found.step.a, 9.0)


@needs_numpy
class Versions(TestCase):
    def test_version_1_is_compared_by_the_schedule_efficiency(self):
        def with_runs(step):
            series = {"step_ms": [step + i for i in range(7)],
                      "serial_ms": [1200.0 + i for i in range(7)],
                      "compute_ms": [1000.0 + i for i in range(7)]}
            data = stored(1, "two-nodes.jsonl", 1)
            return changed(data, time={**data["time"], **{key: summary(*values)
                                                          for key, values in series.items()}},
                           overlap__efficiency=1 - (step - 1000) / 200)
        found, = self.pairs([with_runs(1050.0)], [with_runs(1150.0)])
        self.assertEqual((found.version, found.model_tflops_per_s), (1, None))
        self.assertEqual((found.efficiency.a, found.efficiency.b), (0.75, 0.25))
        for end in found.efficiency.interval:
            self.assertAlmostEqual(end, -0.5)

    def test_versions_are_never_compared_with_each_other(self):
        old = stored(1, "two-nodes.jsonl", 1)
        self.assertEqual(self.pairs([old], [as_version_2(old)]), [])
        found = self.pairs([old, as_version_2(old)], [as_version_2(old), old])
        self.assertEqual([(pair.version, len(pair.a), len(pair.b)) for pair in found],
                         [(1, 1, 1), (2, 1, 1)])
        self.assertEqual(found[0].efficiency.a, old["overlap"]["efficiency"])
        self.assertEqual(found[1].efficiency.a, as_version_2(old)["overlap"]["efficiency"])
        self.assertNotEqual(found[0].efficiency.a, found[1].efficiency.a)


@needs_numpy
class Matching(TestCase):
    def test_is_by_all_settings_but_the_name_and_the_bench(self):
        same = changed(TP, case__name="other", case__bench__iterations=99)
        self.assertEqual(len(self.pairs([TP], [same])), 1)
        for key, value in (("case__recompute", "full"), ("case__parallel__sequence", True),
                           ("case__model__causal", False), ("case__overlap__mode", "ring")):
            self.assertEqual(self.pairs([TP], [changed(TP, **{key: value})]), [])

    def test_a_setting_may_be_left_out(self):
        other = changed(TP, case__overlap__mode="ring")
        self.assertEqual(len(self.pairs([TP], [other], ["overlap.mode"])), 1)
        with self.assertRaisesRegex(comparison.InputError,
                                    r"b.jsonl:2: differs from .*b.jsonl:1 only in overlap.mode"):
            self.pairs([TP], [TP, other], ["overlap.mode"])
        with self.assertRaisesRegex(comparison.InputError, "^--ignore overlap.mood: no record has"):
            self.pairs([TP], [TP], ["overlap.mood"])

    def test_a_run_with_a_planted_slow_rank_is_another_case(self):
        self.assertEqual(self.pairs([TP], [{**TP, "test": {"slow_rank": 1, "share": 0.2}}]), [])

    def test_a_setting_that_one_file_does_not_know_is_named(self):
        newer = changed(TP, case__model__shape="round")
        self.assertEqual(len(self.pairs([TP], [newer])), 1)
        self.assertEqual(self.missing, ["model.shape"])


@needs_numpy
class Script(TestCase):
    def compare(self, *arguments):
        result = subprocess.run([sys.executable, str(COMPARE), *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=60, check=False)
        return result.returncode, result.stdout, result.stderr.splitlines()

    def test_says_what_differs_and_which_cases_stand_alone(self):
        self.write("a.jsonl", lines(with_step(TP, *STEADY), TP_SP))
        self.write("b.jsonl", lines(with_step(TP, *scaled(STEADY, 1.25)), RING))
        status, output, errors = self.compare("a.jsonl", "b.jsonl")
        self.assertEqual((status, errors), (0, []))
        self.assertRegex(output, r"(?m)^TP, overlap none +1/1\* +1000\.0 +1250\.0 +1\.250 +"
                                 r"\[1\.2\d\d, 1\.2\d\d\] +25\.0% slower +[\d.]+ +[\d.]+ +"
                                 r"1024\.0 +819\.2 +0\.800 ")
        self.assertRegex(output, r"(?m)^case .* TFLOP/s A +TFLOP/s B +tokens/s A ")
        self.assertRegex(output, r"(?m)^TP, overlap none +328\.03 +1\.000 +312\.00 +1\.000 +64\.00")
        self.assertIn("only in A:\n  a.jsonl:2: TP+SP, overlap none\n", output)
        self.assertIn("only in B:\n  b.jsonl:2: TP+SP, overlap ring\n", output)
        self.assertTrue(output.endswith("1 case on both sides; beyond noise differ: step in 1\n"))

    def test_invalid_records_are_named_and_not_compared(self):
        self.write("a.jsonl", lines(invalid(with_step(TP, 1.0)), TP_SP))
        self.write("b.jsonl", lines(TP, TP_SP))
        status, output, _ = self.compare("a.jsonl", "b.jsonl")
        self.assertEqual(status, 0)
        self.assertIn("A has 1 INVALID record, of which nothing is compared:\n"
                      "  a.jsonl:1: TP, overlap none\n", output)
        self.assertNotIn("only in", output)
        self.assertEqual(len(re.findall(r"(?m)^TP\+SP, overlap none +1/1", output)), 1)
        self.assertEqual(re.findall(r"(?m)^TP, overlap none +1/1", output), [])

    def test_a_regression_may_fail(self):
        self.write("a.jsonl", lines(with_step(TP, *STEADY)))
        self.write("b.jsonl", lines(with_step(TP, *scaled(STEADY, 1.1))))
        for options, expected in (([], 0), (["--fail-on-regression"], 1),
                                  (["--fail-on-regression", "0.05"], 1),
                                  (["--fail-on-regression", "0.2"], 0)):
            status, output, _ = self.compare("a.jsonl", "b.jsonl", *options)
            self.assertEqual((status, "regression: TP, overlap none: step 1.100" in output),
                             (expected, expected == 1))
        self.assertEqual(self.compare("b.jsonl", "a.jsonl", "--fail-on-regression")[0], 0)

    def test_stored_records_of_both_versions(self):
        for name in ("run.jsonl", "plan.jsonl"):
            old, new = (str(stored_path(version, name)) for version in (1, 2))
            for path in (old, new):
                status, output, errors = self.compare(path, path)
                self.assertEqual((status, errors), (0, []))
                self.assertTrue(output.endswith(
                    "1 case on both sides; beyond noise differ: none\n"), output)
                self.assertEqual("what they call E is the schedule efficiency" in output,
                                 path == old)
            status, output, errors = self.compare(old, new)
            self.assertEqual((status, errors), (0, []))
            self.assertIn("records of version 1 and of version 2 are not compared with each other",
                          output)
            self.assertIn("0 cases on both sides", output)

    def test_versions_have_tables_of_their_own(self):
        old = stored(1, "two-nodes.jsonl", 1)
        self.write("r.jsonl", lines(old, as_version_2(old)))
        status, output, errors = self.compare("r.jsonl", "r.jsonl")
        self.assertEqual((status, errors), (0, []))
        heads = [line for line in output.splitlines() if " B-A " in line]
        self.assertEqual([re.findall(r"(?:schedule )?E A", head) for head in heads],
                         [["E A"], ["schedule E A"]])
        rows = [line for line in output.splitlines() if line.startswith("TP+SP, ")]
        self.assertEqual([re.search("record version ([12])", row)[1] for row in rows], list("2211"))

    def test_other_versions_are_refused(self):
        self.write("b.jsonl", lines(TP))
        for version in UNKNOWN_VERSIONS:
            self.write("a.jsonl", lines({**TP, "schema_version": version}))
            status, output, errors = self.compare("a.jsonl", "b.jsonl")
            self.assertEqual((status, output, errors), (2, "", [
                f"a.jsonl:1: has schema_version {json.dumps(version)}, and only 1 and 2 are read"]))

    def test_emulated_links_are_marked(self):
        self.write("a.jsonl", lines(real(EMULATED)))
        self.assertRegex(self.compare("a.jsonl", "a.jsonl")[1], r"(?m)^TP\+SP, .*EMULATED +1/1")

    def test_damage_and_bad_input(self):
        self.write("a.jsonl", lines(TP) + lines(TP)[:300])
        self.write("b.jsonl", lines(TP))
        status, _, errors = self.compare("a.jsonl", "b.jsonl")
        self.assertEqual((status, len(errors)), (0, 1))
        self.assertRegex(errors[0], "a.jsonl:2: is damaged: .*; this last line is left out$")
        self.write("a.jsonl", lines(TP) + "{\n" + lines(TP))
        for first, line in (("a.jsonl", "^a.jsonl:2: is damaged: no whole JSON: "),
                            ("absent", "^absent: cannot be read: ")):
            status, output, errors = self.compare(first, "b.jsonl")
            self.assertEqual((status, output, len(errors)), (2, "", 1))
            self.assertRegex(errors[0], line)
        step = {**TP["time"]["step_ms"], "samples": []}
        self.write("a.jsonl", lines(TP_SP, changed(TP, time__step_ms=step)))
        self.write("b.jsonl", lines(TP, TP_SP))
        status, output, errors = self.compare("a.jsonl", "b.jsonl", "--fail-on-regression")
        self.assertEqual((status, errors), (2, [
            "[compare] a.jsonl:2: time.step_ms.samples: the list is empty; "
            "this record is left out"]))
        self.assertIn("1 case on both sides", output)

    def test_the_same_record_twice_counts_once(self):
        self.write("a.jsonl", lines(TP, TP_SP) * 2)
        self.write("b.jsonl", lines(TP))
        status, output, errors = self.compare("a.jsonl", "b.jsonl")
        self.assertEqual((status, errors), (0, [
            "[compare] a.jsonl:3: the same record as in line 1, counted once (2 such lines)"]))
        self.assertRegex(output, r"(?m)^TP, overlap none +1/1\*")


if __name__ == "__main__":
    unittest.main()
