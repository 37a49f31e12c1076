#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tidemark collectives: its table, and what it refuses.

Environment: see harness.py.
"""
import pathlib
import unittest

import harness

DEVICE_HERE = pathlib.Path("/dev/nvidia0").exists()


class Collectives(harness.TestCase):
    def measure(self, *words, ranks=2):
        return harness.run(["collectives", "--min", "1KiB", "--max", "16KiB", "--repeats", "3",
                            "--kokkos-disable-warnings", *words], self.folder, ranks=ranks)

    @unittest.skipIf(DEVICE_HERE, "where kernels run on a device there is more")
    def test_table_has_every_algorithm_and_form(self):
        result = self.measure("--precision", "bf16")
        self.assertEqual((result.status, result.errors), (0, []), result)
        title, *_, = lines = result.output.splitlines()
        self.assertEqual(title, "2 ranks, bf16, 3 repeats in turn")
        rows = [line.split() for line in lines[3:]]
        forms = [("all_reduce", "native", "in"), ("all_reduce", "pairwise", "in"),
                 ("reduce_scatter", "native", "out"), ("reduce_scatter", "pairwise", "out"),
                 ("reduce_scatter", "pairwise", "in"), ("all_gather", "native", "out"),
                 ("all_gather", "pairwise", "out"), ("all_gather", "native", "in"),
                 ("all_gather", "pairwise", "in")]
        self.assertEqual([tuple(row[:4]) for row in rows],
                         [(str(size), *form) for size in (1024, 4096, 16384) for form in forms])
        for row in rows:
            microseconds, algbw, busbw, over_native, over_copy = map(float, row[4:])
            self.assertGreater(over_copy, 0)
            # They agree up to the last digits that are printed.
            factor = 1.0 if row[1] == "all_reduce" else 0.5
            self.assertAlmostEqual(busbw, factor * algbw, delta=0.0011)
            self.assertAlmostEqual(algbw * microseconds, int(row[0]) * 1e-3,
                                   delta=0.06 * algbw + 0.001 * microseconds)
            if row[2] == "native":
                self.assertEqual(over_native, 1)

    def test_unknown_words_are_refused(self):
        for words, line in (
                (("--backend", "gloo"),
                 "--backend: 'gloo' is not accepted, expected one of auto, mpi, nccl"),
                (("--precision", "fp8"),
                 "--precision: 'fp8' is not accepted, expected one of fp64, fp32, bf16")):
            with self.subTest(words=words):
                result = self.measure(*words)
                self.assertEqual((result.status, result.errors), (2, [line]))
        result = self.measure(ranks=1)
        self.assertEqual((result.status, result.errors),
                         (2, ["collectives: at least 2 ranks are needed"]))

    @unittest.skipIf(DEVICE_HERE, "a device is here, which NCCL may use")
    def test_nccl_without_a_device_is_one_line(self):
        result = self.measure("--backend", "nccl")
        self.assertEqual((result.status, len(result.errors)), (3, 1), result)
        self.assertRegex(result.errors[0], r"^comm\.backend: nccl cannot be used: ")


if __name__ == "__main__":
    unittest.main()
