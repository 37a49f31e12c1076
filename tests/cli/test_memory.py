#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the operating system says of a process confirms what the ledger says of its tensors.

A process also holds code and libraries, so the tests compare growth: from a small case to one that
needs some hundred MiB more. Environment: see harness.py.
"""
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import harness
from records import measure

MIB = 2 ** 20
KNOWN = ("pool_bytes", "parameter_bytes", "gradient_bytes", "communication_buffer_bytes")
TOLERANCE = 0.03
# The library is named, because a choice by measured rates may differ from run to run, and libraries
# take different amounts of memory.
SMALL = """\
products: kokkos_kernels
model: {num_layers: 1, hidden_size: 64, num_attention_heads: 16, seq_length: 512}
bench: {warmup: 1, iterations: 1}
"""
# Each case grows another part: attention matrices, weights with their gradients, logits.
SCORES = ("model.num_layers=3", "model.seq_length=1024")
WEIGHTS = ("model.hidden_size=2048", "model.seq_length=16")
LOGITS = ("model.vocab_size=100000",)


def held_by(t, *settings):
    """Bytes of the process, and bytes that Tidemark knows of. Each is that of the largest rank."""
    _, (record,) = measure(t, *settings, text=SMALL)
    if record["valid"] is not True:
        raise AssertionError(record["verification"])
    memory = record["memory"]
    return memory["process_bytes"], sum(memory[key] for key in KNOWN)


class Growth(unittest.TestCase):
    def share_of_known(self, t, large, *settings):
        """The growth of the process from the small to the large case, over the growth of what is
        known."""
        small = held_by(t, *settings)
        process, known = (after - before for after, before in
                          zip(held_by(t, *settings, *large), small))
        self.assertGreater(known, 200 * MIB)
        return process / known

    def assert_borne_out(self, t, large, *settings):
        self.assertAlmostEqual(self.share_of_known(t, large, *settings), 1.0, delta=TOLERANCE)

    def test_of_attention_matrices(self):
        for precision in ("fp32", "bf16"):
            self.assert_borne_out(1, SCORES, f"precision={precision}")

    def test_of_weights(self):
        for precision in ("fp32", "bf16"):
            self.assert_borne_out(1, WEIGHTS, f"precision={precision}")

    def test_of_logits(self):
        for precision in ("fp32", "bf16"):
            # There are three layers, so that the small case needs more than its own verification.
            self.assert_borne_out(1, LOGITS, f"precision={precision}", "model.num_layers=3")

    def test_of_what_is_recomputed(self):
        self.assert_borne_out(1, (*SCORES, "model.num_attention_heads=32"), "recompute=full")

    def test_shows_what_is_hidden(self):
        # Messages have 2 MiB in fp32. The hidden allocations are 20 times as large, a tenth of the
        # growth.
        large = ("model.num_layers=4", "model.seq_length=1024", "model.hidden_size=512")
        self.assert_borne_out(2, large)
        self.assert_borne_out(2, large, "precision=bf16")
        with tempfile.TemporaryDirectory(prefix="tidemark-memory-") as folder:
            program = harness.preloading(pathlib.Path(__file__).with_name("hoarding_mpi.c"), folder)
            with mock.patch.dict(os.environ, {"TIDEMARK_EXECUTABLE": program,
                                              "HOARDING_MPI_FACTOR": "20"}):
                for precision in ("fp32", "bf16"):
                    share = self.share_of_known(2, large, f"precision={precision}")
                    self.assertGreater(share, 1.0 + 2 * TOLERANCE)

    def test_makes_a_run_invalid_that_hides_more_than_libraries_need(self):
        # A message is 1 MiB.
        text = ("model: {num_layers: 1, hidden_size: 256, num_attention_heads: 4, "
                "seq_length: 1024}\nbench: {warmup: 1, iterations: 1}\n")
        name = "process_growth_against_accounts"
        with tempfile.TemporaryDirectory(prefix="tidemark-memory-") as folder:
            program = harness.preloading(pathlib.Path(__file__).with_name("hoarding_mpi.c"), folder)
            for factor, is_valid in ((1, True), (400, False)):
                with mock.patch.dict(os.environ, {"TIDEMARK_EXECUTABLE": program,
                                                  "HOARDING_MPI_FACTOR": str(factor)}):
                    result, (record,) = measure(2, "comm.algorithm=native", text=text,
                                                status=0 if is_valid else 1)
                (check,) = [check for check in record["verification"]["checks"]
                            if check["name"] == name]
                memory = record["memory"]
                accounts = sum(memory[key] for key in KNOWN)
                self.assertAlmostEqual(check["bound"], 0.05 * accounts + 150 * MIB, delta=1)
                self.assertIs(check["passed"], is_valid, check)
                self.assertIs(record["valid"], is_valid)
                if not is_valid:
                    self.assertGreater(check["value"], 300 * MIB)
                    self.assertIn(f"INVALID: {name}: ", result.output)


if __name__ == "__main__":
    unittest.main()
