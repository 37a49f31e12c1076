#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark plan` predicts: the published figures, and to the byte the figures of a run.

Environment: see harness.py.
"""
import os
import pathlib
import subprocess
import unittest
from unittest import mock

import harness
from records import INPUT, measure, plan

MIB = 2 ** 20
SEQUENCE = "sweep.parallel.sequence=[false, true]"
RECOMPUTE = "sweep.recompute=[none, selective, full]"
# Korthikanti et al. 2022, Tables 2 and 3: TP, TP+SP, TP and TP+SP with the core recomputed, and TP
# with everything recomputed. MiB per layer and rank, t = 8.
PUBLISHED = {
    (6144, 64, 4): {("none", False): 1264, ("none", True): 844, ("selective", False): 624,
                    ("selective", True): 204, ("full", False): 96},
    (12288, 96, 1): {("none", False): 552, ("none", True): 342, ("selective", False): 312,
                     ("selective", True): 102, ("full", False): 48},
}
TRILLION = """\
name: trillion
model: {num_layers: 128, hidden_size: 25600, num_attention_heads: 160, seq_length: 2048}
precision: bf16
parallel: {tensor: 8}
"""
LLAMA = INPUT.replace("{num_layers", "{family: llama, ffn_hidden_size: 96, num_layers")
# Every byte and every call that both a plan and a run report.
OF_MEMORY = ("saved_bytes", "saved_bytes_per_layer", "formula_bytes_per_layer",
             "closed_formula_bytes_per_layer", "ends_saved_bytes", "ends_formula_bytes",
             "ends_closed_formula_bytes", "norm_statistics_bytes", "peak_bytes", "parameter_bytes",
             "gradient_bytes", "by_tensor", "ends", "at_peak")
OF_CALLS = ("op", "purpose", "count", "bytes", "wire_bytes")


def published_input(h, a, b):
    return (f"model: {{num_layers: 1, hidden_size: {h}, num_attention_heads: {a}, "
            f"seq_length: 2048, micro_batch_size: {b}}}\nprecision: bf16\n")


def predictable(record):
    """The part of a record that is the same in a plan and in a run."""
    return {"schema_version": record["schema_version"], "case": record["case"],
            "case_index": record["case_index"], "ranks": record["ranks"],
            "flops": {key: record["flops"][key] for key in ("model_per_step", "launched_per_rank")},
            "memory": {key: record["memory"][key] for key in OF_MEMORY},
            "wire_bytes_per_step": record["comm"]["wire_bytes_per_step"],
            "calls": [{key: call[key] for key in OF_CALLS} for call in record["comm"]["calls"]]}


class Published(unittest.TestCase):
    def test_figures(self):
        for model, expected in PUBLISHED.items():
            result, records = plan(8, SEQUENCE, RECOMPUTE, text=published_input(*model))
            self.assertEqual(len(records), 6)
            self.assertEqual(result.errors, [])
            found = {}
            for record in records:
                case, memory = record["case"], record["memory"]
                found[case["recompute"], case["parallel"]["sequence"]] = memory["saved_bytes"] / MIB
                for key in ("saved_bytes_per_layer", "formula_bytes_per_layer",
                            "closed_formula_bytes_per_layer"):
                    self.assertEqual(memory[key], memory["saved_bytes"])
            self.assertEqual(found, {**expected, ("full", True): expected["full", False] / 8})

    def test_figures_are_printed(self):
        result, _ = plan(8, SEQUENCE, RECOMPUTE, text=published_input(6144, 64, 4))
        (line,) = [line for line in result.output.splitlines()
                   if line.startswith("  published closed form ")]
        self.assertEqual(line.split()[3:], ["1264.00", "624.00", "96.00", "844.00", "204.00",
                                            "12.00"])


class Agreement(unittest.TestCase):
    """A plan and the run of the same input hold the same figures, record for record."""

    def agree(self, t, *settings, text=INPUT, cases):
        settings = ("bench.iterations=1", *settings)
        _, planned = plan(t, *settings, text=text)
        _, measured = measure(t, *settings, text=text)
        self.assertEqual((len(planned), len(measured)), (cases, cases))
        for prediction, record in zip(planned, measured):
            self.assertEqual((prediction["kind"], record["kind"]), ("plan", "run"))
            self.assertEqual(predictable(prediction), predictable(record))
            self.assertIs(record["valid"], True, record["verification"])
            held, foretold = (of["memory"]["communication_buffer_bytes"]
                              for of in (record, prediction))
            if record["case"]["comm"]["algorithm"] == "auto":
                self.assertLessEqual(held, foretold)  # a plan does not know the choice
            else:
                self.assertEqual(held, foretold)
            # A plan also has nothing that only a run can know.
            self.assertIsNone(prediction["valid"])
            for key in ("pool_bytes", "process_bytes"):
                self.assertIsNone(prediction["memory"][key])
                self.assertIsNotNone(record["memory"][key])
            for call in prediction["comm"]["calls"]:
                self.assertIsNone(call["seconds"])

    def test_of_what_is_recomputed(self):
        for t in (1, 2, 4):
            self.agree(t, SEQUENCE, RECOMPUTE, "sweep.precision=[bf16, fp32, fp64]",
                       "sweep.model.vocab_size=[0, 50]", cases=36)

    def test_of_blocked_attention(self):
        # Blocks have 512 positions. There are two blocks, the last one short, and then three.
        for t in (1, 2, 4):
            self.agree(t, SEQUENCE, "sweep.recompute=[none, full]",
                       "sweep.model.seq_length=[516, 1040]", "sweep.precision=[bf16, fp32]",
                       "model.attention=blocked", "model.vocab_size=50", "model.num_layers=2",
                       "model.hidden_size=32", "model.micro_batch_size=1", cases=16)
        self.agree(2, "model.seq_length=1040", "model.attention=blocked", "model.causal=false",
                   "model.hidden_size=32", cases=1)

    def test_of_kept_inputs(self):
        keep = ("parallel.sequence=true", "parallel.keep_gathered=true")
        for t in (1, 2, 4):
            self.agree(t, *keep, "sweep.recompute=[none, selective]",
                       "sweep.precision=[bf16, fp64]", "sweep.model.vocab_size=[0, 50]", cases=8)
        self.agree(2, *keep, "model.attention=blocked", "model.vocab_size=50", cases=1)

    def test_of_llama(self):
        # There are two groups, then one. On four ranks, and with one group on two, ranks hold the
        # same key and value.
        for t in (1, 2, 4):
            self.agree(t, SEQUENCE, RECOMPUTE, "sweep.model.num_query_groups=[1, 2]",
                       "sweep.model.vocab_size=[0, 50]", "precision=bf16", text=LLAMA, cases=24)
            self.agree(t, SEQUENCE, "sweep.recompute=[none, full]",
                       "sweep.model.num_query_groups=[1, 8]", "model.attention=blocked",
                       "model.seq_length=516", text=LLAMA, cases=8)
            self.agree(t, SEQUENCE, "model.num_query_groups=1", "overlap.mode=ring",
                       "bench.max_iterations=1", text=LLAMA, cases=2)

    def test_of_the_scratch_memory_of_own_collectives(self):
        # Messages have 128 KiB. In fp64, some are split into several segments where nothing
        # overlaps.
        small = ("overlap.chunks=3", "bench.max_iterations=1", "model.num_layers=1",
                 "model.seq_length=256", "model.hidden_size=128")
        for t in (2, 4):
            self.agree(t, SEQUENCE, "sweep.comm.algorithm=[pairwise, ring]",
                       "sweep.overlap.mode=[none, bulk, ring]", *small, cases=12)
        # A run that chooses its schedule tries all of them, and a plan does the same.
        choosing = ("sweep.comm.algorithm=[pairwise, native, auto]", "overlap.mode=auto",
                    "precision=fp64", "bench.iterations=1", *small)
        foretold, held = ([record["memory"]["communication_buffer_bytes"] for record in records]
                          for _, records in (plan(2, *choosing), measure(2, *choosing)))
        self.assertEqual(held[:2], foretold[:2])
        self.assertLessEqual(held[2], foretold[2])
        self.assertEqual(foretold, [held[0], 0, held[0]])
        size = ("model.seq_length=256", "model.hidden_size=256")
        records = (plan(4, "sweep.comm.algorithm=[native, pairwise, ring, auto]", *size)[1]
                   + plan(4, "comm.backend=nccl", *size)[1])
        held = {(record["case"]["comm"]["algorithm"], record["case"]["comm"]["backend"]):
                record["memory"]["communication_buffer_bytes"] for record in records}
        # An all-reduce of 512 KiB on four ranks, in segments of at most 256 KiB.
        self.assertEqual(held["native", "auto"], 0)
        self.assertEqual(held["pairwise", "auto"], 3 * 128 * 1024)
        self.assertEqual(held["ring", "auto"], 2 * 128 * 1024)
        self.assertEqual(held["auto", "auto"], 3 * 128 * 1024)
        self.assertEqual(held["auto", "nccl"], 0)
        for record in records:
            memory = record["memory"]
            self.assertEqual(memory["total_bytes"], sum(memory[key] for key in (
                "parameter_bytes", "gradient_bytes", "optimizer_bytes", "peak_bytes",
                "communication_buffer_bytes")))

    def test_without_dropout(self):
        self.agree(2, SEQUENCE, RECOMPUTE, "sweep.model.hidden_dropout=[0.0, 0.1]",
                   "sweep.model.attention_dropout=[0.0, 0.1]", "model.vocab_size=50",
                   "model.ffn_hidden_size=96", cases=24)


class Trillion(harness.TestCase):
    """A size that no machine here could run. A plan of it takes neither memory nor time."""

    def usage_of(self, *settings):
        """Plans in a separate process. Returns its highest resident bytes and its processor
        seconds."""
        words = [word for setting in settings for word in ("--set", setting)]
        command = harness.command(1, ["plan", self.write("case.yaml", TRILLION), *words])
        with open(os.path.join(self.folder, "output"), "wb") as output:
            process = subprocess.Popen(command, cwd=self.folder, env=harness.environment(),
                                       stdin=subprocess.DEVNULL, stdout=output)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime

    def test_costs_next_to_nothing(self):
        for settings in ((RECOMPUTE,), ("model.attention=blocked", "sweep.recompute=[none, full]"),
                         (RECOMPUTE, "model.seq_length=65536")):
            memory, seconds = self.usage_of(SEQUENCE, "sweep.precision=[bf16, fp32]",
                                            "sweep.model.vocab_size=[0, 51200]", *settings)
            self.assertLess(memory, 200 * MIB)
            self.assertLess(seconds, 5.0)

    def test_counts_18_bytes_a_parameter(self):
        h, t, layers, vocabulary = 25600, 8, 128, 51200
        # Per layer: weights and biases of qkv, proj, fc1, fc2, and two norms. Ends: table and norm.
        a_layer = 12 * h * h // t + (3 * h + 4 * h) // t + 2 * h + 4 * h
        of_ends = vocabulary // t * h + 2 * h
        self.assertGreater(t * a_layer * layers, 10 ** 12)
        for precision, w, total in (("bf16", 2, 18), ("fp32", 4, 16), ("fp64", 8, 32)):
            _, records = plan(t, "sweep.model.vocab_size=[0, 51200]", SEQUENCE,
                              f"precision={precision}", text=TRILLION)
            self.assertEqual(len(records), 4)
            for record, ends in zip(records, (0, 0, of_ends, of_ends)):
                parameters = layers * a_layer + ends
                memory = record["memory"]
                self.assertEqual(memory["parameter_bytes"], w * parameters)
                self.assertEqual(memory["gradient_bytes"], max(w, 4) * parameters)
                self.assertEqual(memory["parameter_bytes"] + memory["gradient_bytes"]
                                 + memory["optimizer_bytes"], total * parameters)
                self.assertEqual(memory["total_bytes"],
                                 total * parameters + memory["peak_bytes"]
                                 + memory["communication_buffer_bytes"])


class Fits(unittest.TestCase):
    def answer(self, size):
        """What record and table say about whether the case of 10^12 parameters fits into `size`."""
        result, (record,) = plan(8, text=TRILLION, options=("--device-memory", size))
        (line,) = [line for line in result.output.splitlines() if line.startswith("  fits ")]
        return record["memory"]["device_bytes"], record["memory"]["fits"], line.split()[1:]

    def test_to_the_byte(self):
        _, (record,) = plan(8, text=TRILLION)
        self.assertIsNone(record["memory"]["fits"])
        self.assertIsNone(record["memory"]["device_bytes"])
        total = record["memory"]["total_bytes"]
        gib = f"{total / 2 ** 30:.2f}"
        self.assertEqual(self.answer(f"{total}B"), (total, True, [gib, "GiB", "yes"]))
        self.assertEqual(self.answer(f"{total - 1}B"), (total - 1, False, [gib, "GiB", "NO"]))

    def test_knows_devices(self):
        def fits(*options):
            _, (record,) = plan(8, text=TRILLION, options=options)
            return record["memory"]["device_bytes"]

        self.assertEqual(fits("--device", "h100-80gb"), 81559 * MIB)
        self.assertEqual(fits("--device", "a100-80gb"), 81920 * MIB)

    def test_knows_units(self):
        self.assertEqual(self.answer("80GB"), (80 * 10 ** 9, False, ["74.51", "GiB", "NO"]))
        self.assertEqual(self.answer("79.5 GiB")[0], 159 * 2 ** 29)
        self.assertEqual(self.answer("4TiB"), (2 ** 42, True, ["4096.00", "GiB", "yes"]))


class WithoutMpi(harness.TestCase):
    """A plan starts no MPI. The test uses an MPI that ends every process that starts it."""

    def setUp(self):
        super().setUp()
        source = pathlib.Path(self.folder, self.write("no_mpi.c", "#include <stdlib.h>\n"
                              "int MPI_Init_thread(void) { abort(); }\n"))
        patch = mock.patch.dict(os.environ, {
            "TIDEMARK_EXECUTABLE": harness.preloading(source, self.folder)})
        patch.start()
        self.addCleanup(patch.stop)
        self.write("case.yaml", INPUT)

    def test_plans(self):
        result = harness.run(["plan", "case.yaml", "--set", "parallel.tensor=8"], self.folder)
        self.assertEqual((result.status, result.errors), (0, []))
        self.assertIn("TP t=8", result.output)

    def test_does_not_run(self):
        result = harness.run(["run", "case.yaml"], self.folder)
        self.assertLess(result.status, 0, result)  # ended by a signal, so the library is there


if __name__ == "__main__":
    unittest.main()
