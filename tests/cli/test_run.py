#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark run` reports of small cases: its table, every key of a record, rates, and how long
it measured.

Environment: see harness.py.
"""
import itertools
import statistics
import unittest

from records import (A, B, H, HEADER, ITERATIONS, LAYERS, S, SEQUENCE_OFF_AND_ON, measure, once,
                     rows_of)

RESOLVED = {
    "name": "small",
    "model": {"preset": "none", "family": "gpt", "num_layers": LAYERS, "hidden_size": H,
              "ffn_hidden_size": 4 * H, "num_attention_heads": A, "num_query_groups": A,
              "rope_theta": 10000.0, "seq_length": S,
              "micro_batch_size": B, "vocab_size": 0, "hidden_dropout": 0.1,
              "attention_dropout": 0.1, "causal": True, "attention": "materialized"},
    "precision": "fp32", "products": "auto",
    "parallel": {"tensor": 2, "sequence": False, "keep_gathered": False},
    "recompute": "none",
    "overlap": {"mode": "none", "progress": "poll", "chunks": 0},
    "comm": {"backend": "auto", "algorithm": "auto", "messages": "auto",
             "register_buffers": False},
    "emulated_link": {"latency_us": 0.0, "bandwidth_gbytes_per_s": 0.0},
    "bench": {"warmup": 1, "iterations": ITERATIONS, "max_iterations": 40,
              "min_warmup_seconds": 0.0, "min_seconds": 0.0, "seed": 1234, "verify": True,
              "timeout_s": 300.0},
}
KEYS = {
    "": {"schema_version", "kind", "case", "case_index", "ranks", "valid", "verification", "fom",
         "loss", "time", "flops", "memory", "comm", "overlap", "ranks_detail", "provenance"},
    "fom": {"model_tflops_per_s", "model_tflops_per_s_ci", "tokens_per_s"},
    "time": {"warmup_steps", "warmup_seconds", "measured_seconds", "drift", "drifting",
             *(f"{part}_ms" for part in ("step", "serial", "compute_serial", "compute", "comm",
                                         "forward", "backward"))},
    "time.step_ms": {"median", "min", "max", "iterations"},
    "time.forward_ms": {"median", "min", "max", "iterations"},
    "time.backward_ms": {"median", "min", "max", "iterations"},
    "flops": {"model_per_step", "launched_per_rank", "gflops_per_rank", "gemm_gflops_per_rank",
              "fraction_of_gemm", "disturbed"},
    "memory": {"saved_bytes", "saved_bytes_per_layer", "formula_bytes_per_layer",
               "closed_formula_bytes_per_layer", "ends_saved_bytes", "ends_formula_bytes",
               "ends_closed_formula_bytes", "norm_statistics_bytes", "peak_bytes", "pool_bytes",
               "process_bytes", "parameter_bytes", "gradient_bytes", "optimizer_bytes",
               "communication_buffer_bytes", "communication_library_bytes", "by_tensor", "ends",
               "at_peak", "tide"},
    "comm": {"backend", "transport", "registered_bytes", "wire_bytes_per_step", "calls"},
    "overlap": {"mode", "exposed_ms", "serial_exposed_ms", "split_cost_ms", "timeline_exposed_ms",
                "intersect_ms", "efficiency", "efficiency_ci", "schedule_efficiency",
                "efficiency_max", "osu_percent"},
}
CALL_KEYS = {"op", "purpose", "count", "bytes", "wire_bytes", "node_bytes", "network_bytes",
             "seconds", "blocked_seconds", "busbw_gbytes_per_s"}


def at(record, key):
    for part in filter(None, key.split(".")):
        record = record[part]
    return record


def texts_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in (value.values() if isinstance(value, dict) else value):
            yield from texts_in(item)


class Table(unittest.TestCase):
    def test_has_a_row_for_each_case(self):
        result, records = once(2, SEQUENCE_OFF_AND_ON)
        self.assertIn(HEADER, [line.split() for line in result.output.splitlines()])
        rows = rows_of(result.output)
        self.assertEqual([row[:2] + row[-1:] for row in rows],
                         [["TP", "2", "yes"], ["TP+SP", "2", "yes"]])
        for row, record in zip(rows, records):
            memory, mib = record["memory"], 2 ** 20
            merit = record["fom"]["model_tflops_per_s"]
            self.assertAlmostEqual(float(row[3]) / merit, 1.0, delta=1e-3)
            low, high = record["fom"]["model_tflops_per_s_ci"]
            self.assertEqual([float(word) for word in row[2:3] + row[4:-1]], [
                round(record["time"]["step_ms"]["median"], 2),
                round(50.0 * (high - low) / merit, 1),
                round(record["fom"]["tokens_per_s"], 1),
                round(record["flops"]["fraction_of_gemm"], 3),
                round(memory["saved_bytes"] / mib, 2),
                round(LAYERS * memory["formula_bytes_per_layer"] / mib, 2),
                round(memory["peak_bytes"] / mib, 2),
                round(record["comm"]["wire_bytes_per_step"] / mib, 2)])

    def test_labels_what_is_swept(self):
        result, records = once(1, "sweep.model.num_layers=[1, 2]", "sweep.bench.seed=[5, 6]")
        expected = list(itertools.product((1, 2), (5, 6)))
        self.assertEqual([row[:4] for row in rows_of(result.output)],
                         [[f"num_layers={n}", f"seed={seed}", "single", "1"]
                          for n, seed in expected])
        self.assertEqual([(r["case"]["model"]["num_layers"], r["case"]["bench"]["seed"])
                          for r in records], expected)

    def test_lists_the_tide_of_each_case(self):
        result, records = once(2, SEQUENCE_OFF_AND_ON)
        for mode, record in zip(("TP", "TP+SP"), records):
            peak = record["memory"]["peak_bytes"] / 2 ** 20
            self.assertIn(f"At the tide of {mode} ({peak:.2f} MiB/rank):", result.output)


class Record(unittest.TestCase):
    def test_has_every_key(self):
        for record in once(2, SEQUENCE_OFF_AND_ON)[1]:
            self.assertEqual(next(iter(record)), "schema_version")
            for place, keys in KEYS.items():
                self.assertLessEqual(keys, set(at(record, place)), place)
            for call in record["comm"]["calls"]:
                self.assertLessEqual(CALL_KEYS, set(call))
            self.assertEqual((record["kind"], record["ranks"], record["valid"]), ("run", 2, True))
            self.assertEqual(len(record["ranks_detail"]), 2)
            for detail in record["ranks_detail"]:
                self.assertLessEqual({"host", "device", "step_ms"}, set(detail))

    def test_holds_every_setting(self):
        tp, sp = once(2, SEQUENCE_OFF_AND_ON)[1]
        self.assertEqual(tp["case"], RESOLVED)
        with_sequence = {**RESOLVED["parallel"], "sequence": True}
        self.assertEqual(sp["case"], {**RESOLVED, "parallel": with_sequence})

    def test_sums_up_its_samples(self):
        for record, part in itertools.product(once(2, SEQUENCE_OFF_AND_ON)[1],
                                              ("step_ms", "forward_ms", "backward_ms")):
            summary = record["time"][part]
            samples = summary["samples"]
            self.assertEqual(len(samples), ITERATIONS)
            self.assertEqual(summary["iterations"], ITERATIONS)
            self.assertAlmostEqual(summary["median"], statistics.median(samples))
            self.assertEqual((summary["min"], summary["max"]), (min(samples), max(samples)))
            self.assertGreater(summary["min"], 0.0)

    def test_derives_rates_from_the_median_step(self):
        products = 3 * LAYERS * (2 * S * B * H * (4 * H + 8 * H) + 4 * B * S * S * H)
        for record in once(2, SEQUENCE_OFF_AND_ON)[1]:
            seconds = record["time"]["step_ms"]["median"] / 1e3
            flops = record["flops"]
            self.assertEqual(record["schema_version"], 2)
            self.assertAlmostEqual(record["fom"]["tokens_per_s"] * seconds / (S * B), 1.0)
            merit = record["fom"]["model_tflops_per_s"]
            self.assertAlmostEqual(merit * seconds * 1e12 / products, 1.0)
            low, high = record["fom"]["model_tflops_per_s_ci"]
            self.assertLessEqual(low, merit)
            self.assertGreaterEqual(high, merit)
            self.assertEqual(flops["model_per_step"], products)
            self.assertAlmostEqual(flops["gflops_per_rank"] * 2 * seconds * 1e9 / products, 1.0)
            self.assertAlmostEqual(flops["gemm_gflops_per_rank"],
                                   statistics.median(flops["gemm_gflops_samples"]))
            self.assertAlmostEqual(flops["fraction_of_gemm"] * flops["gemm_gflops_per_rank"]
                                   / flops["gflops_per_rank"], 1.0)

    def test_says_how_long_was_measured(self):
        for record in once(2, SEQUENCE_OFF_AND_ON)[1]:
            time = record["time"]
            self.assertEqual(time["warmup_steps"], 1)
            self.assertGreater(time["warmup_seconds"], 0.0)
            self.assertAlmostEqual(time["measured_seconds"], sum(time["step_ms"]["samples"]) / 1e3)
            self.assertEqual((time["drift"], time["drifting"]), (None, None))

    def test_is_plain_text(self):
        for record in once(2, SEQUENCE_OFF_AND_ON)[1]:
            for text in texts_in(record):
                self.assertTrue(text.isprintable(), repr(text))


class Duration(unittest.TestCase):
    """Steps continue until some time has passed, on all ranks in the same way, for any number of
    them."""

    def test_is_at_least_what_was_asked_for(self):
        for ranks in (1, 2):
            (record,) = measure(ranks, "bench.min_warmup_seconds=1", "bench.min_seconds=0.3",
                                "bench.max_iterations=3", "bench.verify=false")[1]
            time = record["time"]
            samples = time["step_ms"]["samples"]
            self.assertGreaterEqual(time["warmup_seconds"], 1.0)
            self.assertGreater(time["warmup_steps"], 1)
            self.assertGreaterEqual(time["measured_seconds"], 0.3)
            self.assertLess(sum(samples[:-1]) / 1e3, 0.3)  # not one step more than necessary
            self.assertGreater(len(samples), ITERATIONS)
            first, last = (statistics.median(part) for part in
                           (samples[:len(samples) // 3], samples[-(len(samples) // 3):]))
            self.assertAlmostEqual(time["drift"], (last - first) / time["step_ms"]["median"])
            self.assertIsInstance(time["drifting"], bool)

    def test_of_no_warm_up_is_valid(self):
        for mode in ("none", "auto", "ring"):
            for record in measure(2, "bench.warmup=0", f"overlap.mode={mode}", SEQUENCE_OFF_AND_ON,
                                  "bench.max_iterations=3")[1]:
                self.assertIs(record["valid"], True, record["verification"])
                self.assertEqual(record["time"]["warmup_steps"], 1)
                self.assertEqual(len(record["time"]["step_ms"]["samples"]), ITERATIONS)


if __name__ == "__main__":
    unittest.main()
