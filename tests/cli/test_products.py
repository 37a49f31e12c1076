#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The library of the products: which one `auto` takes, what a record says of it, and utilisation.

Environment: see harness.py.
"""
import os
import unittest
from unittest import mock

import harness
from records import SEQUENCE_OFF_AND_ON, measure, plan

# Its panels are larger than a segment of the pool.
WIDE = """\
name: wide
model: {num_layers: 1, hidden_size: 256, num_attention_heads: 4, seq_length: 512}
bench: {warmup: 1, iterations: 2}
"""
NO_NATIVE_BF16 = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


def library_of(record):
    return record["product_library"]


@unittest.skipUnless(harness.has_onednn(), "this build has no oneDNN")
class Choice(unittest.TestCase):
    def assert_measured(self, record):
        library = library_of(record)
        rates = library["gflops_per_rank"]
        self.assertEqual(set(rates), {"kokkos_kernels", "onednn"})
        is_faster = rates["onednn"] > 1.05 * rates["kokkos_kernels"]
        self.assertEqual(library["name"], "onednn" if is_faster else "kokkos_kernels")

    def test_of_fp32_is_the_faster_one(self):
        result, records = measure(2, SEQUENCE_OFF_AND_ON)
        self.assertEqual(len(records), 2)
        for record in records:
            self.assertIs(record["valid"], True)
            self.assert_measured(record)
            self.assertIn(f"  {library_of(record)['name']} (GFLOP/s per rank: kokkos_kernels ",
                          result.output)

    def test_of_bf16_without_instructions_is_the_faster_one(self):
        with mock.patch.dict(os.environ, NO_NATIVE_BF16):
            _, records = measure(2, "precision=bf16", SEQUENCE_OFF_AND_ON, text=WIDE)
            planned = plan(2, "precision=bf16", SEQUENCE_OFF_AND_ON, text=WIDE)[1]
        for record, expected in zip(records, planned, strict=True):
            self.assertIs(record["valid"], True, record["verification"])
            self.assert_measured(record)
            self.assertIsNone(library_of(expected)["name"])
            self.assertEqual(record["memory"]["peak_bytes"], expected["memory"]["peak_bytes"])

    def test_of_fp64_is_not_measured(self):
        (record,) = measure(1, "precision=fp64")[1]
        self.assertEqual(library_of(record), {"name": "kokkos_kernels", "gflops_per_rank": None,
                                              "scratch_bytes": None})


@unittest.skipUnless(harness.has_onednn(), "this build has no oneDNN")
class ByName(unittest.TestCase):
    def test_plan_and_run_agree_to_the_byte(self):
        peaks = {}
        for name in ("kokkos_kernels", "onednn"):
            settings = (f"products={name}", "precision=bf16", SEQUENCE_OFF_AND_ON)
            records = measure(2, *settings, text=WIDE)[1]
            planned = plan(2, *settings, text=WIDE)[1]
            for record, expected in zip(records, planned, strict=True):
                self.assertIs(record["valid"], True, record["verification"])
                self.assertEqual(library_of(record)["name"], name)
                self.assertEqual(library_of(expected), {"name": name})
                self.assertEqual(record["memory"]["peak_bytes"],
                                 expected["memory"]["peak_bytes"])
                self.assertEqual(record["memory"]["saved_bytes"],
                                 expected["memory"]["saved_bytes"])
            peaks[name] = records[0]["memory"]["peak_bytes"]
        # Panels need a workspace.
        self.assertLess(peaks["onednn"], peaks["kokkos_kernels"])

    def test_scratch_is_told(self):
        (record,) = measure(1, "products=onednn", text=WIDE)[1]
        self.assertGreater(library_of(record)["scratch_bytes"], 0)
        self.assertRegex(record["provenance"]["onednn"], r"^oneDNN \d+\.\d+\.\d+ \(\w+\)$")


class Refusals(harness.TestCase):
    def refused(self, line, *settings):
        words = [word for setting in settings for word in ("--set", setting)]
        self.write("case.yaml", WIDE)
        result = harness.run(["run", "case.yaml", *words], self.folder)
        self.assertEqual((result.status, len(result.errors)), (2, 1), result)
        self.assertRegex(result.errors[0], line)

    def test_of_a_library_of_devices(self):
        self.refused(r"^--set products=cublas: products: cublas needs a Kokkos on CUDA, but this "
                     r"build is on (OpenMP|Serial)", "products=cublas")

    def test_of_what_a_library_does_not_multiply(self):
        self.refused("^--set products=onednn: products: onednn contradicts precision: fp64, which "
                     "it does not multiply$", "products=onednn", "precision=fp64")


class Utilisation(unittest.TestCase):
    def test_is_the_steps_share_of_the_ceiling(self):
        for precision in ("fp64", "fp32"):
            (record,) = measure(2, f"precision={precision}", text=WIDE)[1]
            flops = record["flops"]
            ceiling = flops["ceiling_gflops_per_rank"]
            step = record["time"]["step_ms"]["median"] * 1e-3
            for value, operations in ((flops["mfu"]["full"], flops["model_per_step"] / 2),
                                      (flops["hfu"]["launched"], flops["launched_per_rank"])):
                if value is None:  # other work ran while the ceiling was measured
                    self.assertGreater(operations / step * 1e-9, ceiling)
                else:
                    self.assertAlmostEqual(value, operations / step * 1e-9 / ceiling, places=9)
            # Half of 4bs^2h, three times.
            hidden = 3 * 2 * 512 ** 2 * 256
            if None not in flops["mfu"].values():
                self.assertAlmostEqual(flops["mfu"]["causal"] / flops["mfu"]["full"],
                                       1 - hidden / flops["model_per_step"], places=9)


if __name__ == "__main__":
    unittest.main()
