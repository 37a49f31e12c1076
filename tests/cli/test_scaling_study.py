#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/scaling-study: the formulas of its summary, what it plans, and a study that continues.

The formulas are tested on records made by hand. The study of tiny cases is cut off and started
again. Environment: see harness.py.
"""
import contextlib
import io
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import harness
from samples import UNKNOWN_VERSIONS, as_version_2, lines, stored, summary as summary_of
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records.reader import InputError, data_of
from tidemark_tools.scaling import points, summary, tables

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "scaling-study"

LIMIT_S = 300
TINY = """\
model: {num_layers: 1, hidden_size: 64, num_attention_heads: 4, seq_length: 32}
bench: {warmup: 1, iterations: 3, max_iterations: 3}
"""
MODEL = {"hidden_size": 1024, "num_attention_heads": 16, "num_query_groups": 16,
         "ffn_hidden_size": 4096, "micro_batch_size": 2}


def record(kind, t, samples, nodes=1, sequence=False, overlap="none", flops=1000.0, batch=1,
           valid=True, calls=(), blocked=0.0, efficiency=None, version=2):
    """A record with simple figures: s is 100, and ranks fill one node after the other."""
    data = stored(1 if version == 1 else 2, "run.jsonl")
    detail = data["ranks_detail"][0]
    data.update(schema_version=version, ranks=t, valid=valid, ranks_detail=[
        {**detail, "rank": rank, "host": f"n{rank * nodes // t}", "blocked_ms": blocked}
        for rank in range(t)])
    data["case"].update(name=kind)
    data["case"]["parallel"].update(tensor=t, sequence=sequence)
    data["case"]["overlap"].update(mode=overlap)
    data["case"]["model"].update(seq_length=100, micro_batch_size=batch)
    data["time"]["step_ms"] = summary_of(*samples)
    data["flops"]["model_per_step"] = flops
    data["memory"].update(peak_bytes=3 * 2**20, saved_bytes=2**20)
    data["comm"].update(calls=list(calls), wire_bytes_per_step=3_000_000)
    data["fom"]["model_tflops_per_s"] = 4.5
    data["overlap"].update(mode=overlap, efficiency=efficiency, schedule_efficiency=0.8,
                           split_cost_ms=1.0)
    return data


def rows(*records):
    return summary.relate(summary.rows_of(records))


def row(kind, t, found, nodes=1):
    [only] = [r for r in found if (r.kind, r.t, r.nodes) == (kind, t, nodes)]
    return only


class Formulas(unittest.TestCase):
    def test_strong_scaling_is_the_speed_up_over_the_growth_of_t(self):
        found = rows(record("strong", 1, [100.0]), record("strong", 2, [60.0]),
                     record("strong", 8, [20.0]))
        self.assertEqual([r.speedup for r in found], [1.0, 100 / 60, 5.0])
        self.assertEqual([r.efficiency for r in found], [1.0, 100 / 120, 0.625])
        self.assertEqual([r.work_per_rank for r in found], [1.0, 0.5, 0.125])
        self.assertEqual(found[2].tokens_per_s, 5000.0)

    def test_weak_scaling_of_equal_work_is_the_ratio_of_steps(self):
        found = rows(record("weak", 2, [80.0], flops=2000.0, batch=2),
                     record("weak", 4, [100.0], flops=4000.0, batch=4))
        self.assertEqual([(r.work_per_rank, r.efficiency, r.speedup) for r in found],
                         [(1.0, 1.0, None), (1.0, 0.8, None)])
        self.assertEqual(found[1].tokens_per_s, 4000.0)

    def test_weak_scaling_counts_the_work_that_a_rank_really_does(self):
        found = rows(record("weak", 1, [100.0]), record("weak", 2, [100.0], flops=1800.0))
        self.assertEqual((found[1].work_per_rank, found[1].efficiency), (0.9, 0.9))

    def test_strong_scaling_of_different_work_is_refused(self):
        with self.assertRaisesRegex(InputError, r"t 2 does 2\.000 of the work of t 1"):
            rows(record("strong", 1, [100.0]), record("strong", 2, [60.0], flops=2000.0))

    def test_the_base_is_the_fewest_ranks_that_are_valid(self):
        found = rows(record("strong", 1, [100.0], valid=False), record("strong", 2, [60.0]),
                     record("strong", 4, [40.0]))
        self.assertEqual([r.efficiency for r in found], [None, 1.0, 0.75])

    def test_one_rank_is_the_base_of_every_series_and_others_of_their_own(self):
        found = rows(record("strong", 1, [100.0]), record("strong", 2, [50.0]),
                     record("strong", 2, [40.0], sequence=True, overlap="ring"))
        self.assertEqual([r.efficiency for r in found], [1.0, 1.0, 1.25])
        found = rows(record("strong", 2, [50.0]), record("strong", 2, [40.0], sequence=True))
        self.assertEqual([r.efficiency for r in found], [1.0, 1.0])

    def test_what_is_not_valid_has_no_figure(self):
        for verdict, word in ((False, "INVALID"), (None, "not verified")):
            [only] = rows(record("strong", 2, [50.0], valid=verdict))
            known = ("kind", "sequence", "overlap", "t", "nodes", "valid", "emulated", "version")
            self.assertEqual({value for name, value in vars(only).items() if name not in known},
                             {None})
            line = tables.line_of(only, "")
            self.assertIn(word, line)
            self.assertNotIn("50.00", line)

    def test_a_later_valid_record_takes_the_place_of_an_invalid_one_and_not_vice_versa(self):
        good, bad = record("strong", 2, [50.0]), record("strong", 2, [10.0], valid=False)
        for order in ([good, bad], [bad, good]):
            self.assertEqual([r.step_ms for r in rows(*order)], [50.0])

    def test_bus_bandwidth_is_of_the_activation_traffic_and_without_overlap(self):
        calls = [{"purpose": "activation", "seconds": 0.001},
                 {"purpose": "activation", "seconds": 0.002},
                 {"purpose": "gradient", "seconds": 5.0}]
        self.assertEqual(rows(record("strong", 2, [50.0], calls=calls))[0].busbw_gbytes_per_s, 1.0)
        self.assertIsNone(
            rows(record("strong", 2, [50.0], calls=calls, overlap="ring"))[0].busbw_gbytes_per_s)
        self.assertIsNone(rows(record("strong", 1, [50.0]))[0].busbw_gbytes_per_s)

    def test_the_blocked_share_is_of_the_mean_step(self):
        self.assertEqual(
            rows(record("strong", 2, [10.0, 20.0, 60.0], blocked=15.0))[0].blocked_share, 0.5)


class Boundary(unittest.TestCase):
    def test_the_same_ranks_within_and_across(self):
        found = rows(record("strong", 4, [10.0, 10.1, 10.2]),
                     record("strong", 4, [15.0, 15.1, 15.2], nodes=2))
        [crossing] = summary.crossings(found)
        self.assertAlmostEqual(crossing.ratio, 15.1 / 10.1)
        self.assertEqual(summary.bites(found), {("strong", False, "none", 2): [4]})
        self.assertIn("  strong, TP none: bites at t 4", tables.boundary_lines(found))

    def test_noise_does_not_bite(self):
        found = rows(record("strong", 4, [10.0, 10.1, 30.0]),
                     record("strong", 4, [9.0, 15.1, 15.2], nodes=2))
        self.assertGreater(summary.crossings(found)[0].ratio, 1.05)
        self.assertEqual(summary.bites(found), {("strong", False, "none", 2): []})
        self.assertIn("  strong, TP none: does not bite", tables.boundary_lines(found))

    def test_widening_over_the_boundary_is_held_against_the_widest_of_one_node(self):
        found = rows(record("strong", 2, [20.0]), record("strong", 4, [10.0]),
                     record("strong", 4, [30.0], nodes=2), record("strong", 8, [8.0], nodes=2))
        [widening] = summary.widenings(found)
        self.assertEqual((widening.within.t, widening.across.t, widening.gain), (4, 8, 1.25))


class Plans(unittest.TestCase):
    def test_placements_are_within_a_node_first(self):
        found = points.placements([1, 2, 4, 8], [1, 2], 4)
        self.assertEqual([place.label for place in found],
                         ["t1-n1", "t2-n1", "t4-n1", "t2-n2", "t4-n2", "t8-n2"])
        with self.assertRaisesRegex(InputError, "16 ranks do not fit"):
            points.placements([8, 16], [1, 2], 4)

    def test_the_batch_grows_as_t_does(self):
        self.assertEqual(points.weak_settings(MODEL, 8, 2, "batch"), {"model.micro_batch_size": 8})
        with self.assertRaisesRegex(InputError, "no whole number"):
            points.weak_settings({**MODEL, "micro_batch_size": 1}, 3, 2, "batch")

    def test_the_width_grows_as_the_root_of_t_and_stays_divisible(self):
        for t in (1, 2, 3, 4, 8, 16):
            grown = points.weak_settings(MODEL, t, 1, "width")
            heads = grown["model.num_attention_heads"]
            self.assertEqual(grown["model.hidden_size"], 64 * heads)
            self.assertEqual((heads % t, grown["model.ffn_hidden_size"] % t), (0, 0))
            self.assertLess(abs(heads - 16 * math.sqrt(t)), t)
        self.assertEqual(points.weak_settings(MODEL, 4, 1, "width")["model.hidden_size"], 2048)
        with self.assertRaisesRegex(InputError, "as many query groups as heads"):
            points.weak_settings({**MODEL, "num_query_groups": 4}, 2, 1, "width")


class Files(harness.TestCase):
    def test_a_last_line_that_is_cut_off_is_left_out_and_another_is_an_error(self):
        good = json.dumps(record("strong", 2, [50.0]))
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(self.read("cut.jsonl", good + '\n{"b'), [json.loads(good)])
        self.assertRegex(said.getvalue(), "cut.jsonl:2: is damaged: .*; this last line is left out")
        with self.assertRaisesRegex(InputError, "bad.jsonl:1: is damaged: no whole JSON: "):
            self.read("bad.jsonl", '{"b\n' + good + "\n")

    def read(self, name, text):
        return data_of(pathlib.Path(self.folder, self.write(name, text)))

    def test_versions_share_no_row_no_base_and_no_column(self):
        old = stored(1, "two-nodes.jsonl", 1)
        new = [as_version_2(old), as_version_2(stored(1, "two-nodes.jsonl", 3))]
        found = rows(*self.read("r.jsonl", lines(old, *new)))
        self.assertEqual([(r.version, r.sequence, r.overlap_efficiency, r.schedule_efficiency)
                          for r in found],
                         [(2, False, None, None),
                          (2, True, new[0]["overlap"]["efficiency"], old["overlap"]["efficiency"]),
                          (1, True, None, old["overlap"]["efficiency"])])
        self.assertNotEqual(new[0]["overlap"]["efficiency"], old["overlap"]["efficiency"])
        self.assertEqual(found[2].model_tflops_per_s, None)
        titles = [line for line in tables.scaling_lines(found, lambda row: False)
                  if "scaling" in line]
        self.assertEqual(titles, [
            "Two-nodes-1gbit scaling",
            "Two-nodes-1gbit scaling (record version 1: what it calls E stands under schedule)"])
        slow, fast = record("strong", 1, [100.0], version=1), record("strong", 2, [50.0])
        self.assertEqual([r.speedup for r in rows(slow, fast)], [1.0, 1.0])  # each is its own base

    def test_other_versions_are_refused(self):
        for version in UNKNOWN_VERSIONS:
            with self.assertRaisesRegex(
                    InputError, r"r.jsonl:1: has schema_version .*, and only 1 and 2 are read$"):
                self.read("r.jsonl", lines(record("strong", 2, [50.0], version=version)))


class Script(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("tiny.yaml", TINY)
        self.study = pathlib.Path(self.folder, "study")

    def start(self, *arguments):
        mpirun = os.environ.get("MPIEXEC") or "mpirun"
        command = [sys.executable, SCRIPT, "tiny.yaml", "-o", "study",
                   "--launch", f"{mpirun} -n {{ranks}}",
                   "--executable", os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"]), *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=harness.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        with process:
            output, errors = process.communicate(timeout=LIMIT_S)
        return process.returncode, output, errors

    def records_of(self, label):
        path = self.study / f"{label}.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def test_a_study_runs_every_case_once_also_when_it_was_cut_off(self):
        arguments = ["--sizes", "1,2", "--messages", "4KiB:4KiB"]
        process = self.start(*arguments, "--set", "bench.seed=1")
        end = time.monotonic() + LIMIT_S
        while (not self.records_of("strong-t2-n1") and process.poll() is None
               and time.monotonic() < end):
            time.sleep(0.01)
        process.send_signal(signal.SIGUSR1)
        status, _, errors = self.finish(process)
        self.assertEqual(status, 3, errors)
        self.assertIn("goes on from here", errors)
        self.assertEqual(self.records_of("weak-t2-n1"), [])

        status, output, errors = self.finish(self.start(*arguments, "--set", "bench.seed=1"))
        self.assertEqual(status, 0, errors)
        modes = [(sequence, overlap) for sequence in (False, True) for overlap in ("none", "ring")]
        for kind, batch in (("strong", 1), ("weak", 2)):
            self.assertEqual(len(self.records_of(f"{kind}-t1-n1")), 1)
            found = self.records_of(f"{kind}-t2-n1")
            self.assertEqual([(r["case"]["parallel"]["sequence"], r["case"]["overlap"]["mode"])
                              for r in found], modes)
            self.assertEqual({(r["case"]["model"]["micro_batch_size"], r["valid"])
                              for r in found}, {(batch, True)})
        said = json.loads((self.study / "summary.json").read_text(encoding="utf-8"))
        self.assertEqual(len(said), 10)
        for r in said:
            if r["kind"] == "weak":
                self.assertEqual(r["work_per_rank"], 1.0)
        self.assertEqual((self.study / "summary.txt").read_text(encoding="utf-8"), output)
        self.assertIn("Bus bandwidth by message size", output)

    def test_bad_usage_is_one_line_and_status_2(self):
        for arguments, word in ((("--sizes", "1,3"), "parallel.tensor: 3 does not divide"),
                                (("--sizes", "2", "--nodes", "3"), "2 ranks do not fit on 3 nodes"),
                                (("--set", "sweep.recompute=[none, full]"),
                                 "give such a key one value")):
            with self.subTest(arguments=arguments):
                status, _, errors = self.finish(self.start(*arguments))
                self.assertEqual((status, len(errors.splitlines())), (2, 1), errors)
                self.assertIn(word, errors)
                self.assertFalse(self.study.exists())


if __name__ == "__main__":
    unittest.main()
