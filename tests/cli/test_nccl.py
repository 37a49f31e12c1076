#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""comm.backend: nccl if it cannot be used: one line, status 3, nothing lost.

Environment: see harness.py.
"""
import pathlib
import unittest

import harness
from records import INPUT, parse, rows_of

# There is no device, no device that Kokkos computes on, or no NCCL in the build.
LINE = (r"comm\.backend: nccl cannot be used: (rank 0: no CUDA device(: .+ \(cudaError\w+\))?"
        r"|rank 0: its tensors are in the host's memory, .+|this build has no NCCL; .+)")


@unittest.skipIf(pathlib.Path("/dev/nvidia0").exists(), "a device is here, which NCCL may use")
class WithoutDevice(harness.TestCase):
    def run_case(self, ranks, *settings):
        self.write("case.yaml", INPUT)
        words = [word for setting in (f"parallel.tensor={ranks}", *settings)
                 for word in ("--set", setting)]
        return harness.run(["run", "case.yaml", "--output", "results.jsonl",
                            "--kokkos-disable-warnings", *words], self.folder, ranks=ranks)

    def records(self):
        text = pathlib.Path(self.folder, "results.jsonl").read_text(encoding="utf-8")
        return [parse(line) for line in text.splitlines()]

    def assert_refused(self, result):
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        self.assertRegex(result.errors[0], f"^{LINE}$")

    def test_ends_with_one_line_on_any_number_of_ranks(self):
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                self.assert_refused(self.run_case(ranks, "comm.backend=nccl"))
                self.assertEqual(self.records(), [])

    def test_registered_buffers_end_with_a_line_of_their_own(self):
        result = self.run_case(2, "comm.register_buffers=true")
        self.assertEqual((result.status, len(result.errors)), (3, 1), result)
        self.assertRegex(result.errors[0],
                         r"^comm\.register_buffers cannot be used: comm\.backend: auto takes MPI "
                         r"here: (this build has no NCCL|the tensors are on no CUDA device)$")
        self.assert_refused(self.run_case(2, "comm.register_buffers=true", "comm.backend=nccl"))
        self.assertEqual(self.records(), [])

    def test_one_rank_has_nothing_to_register(self):
        result = self.run_case(1, "comm.register_buffers=true", "bench.iterations=1")
        self.assertEqual((result.status, result.errors), (0, []))
        (record,) = self.records()
        self.assertIs(record["case"]["comm"]["register_buffers"], True)
        self.assertIsNone(record["comm"]["registered_bytes"])

    def test_keeps_what_was_measured_before(self):
        result = self.run_case(2, "sweep.comm.backend=[auto, nccl]", "bench.verify=false",
                               "bench.iterations=1", "bench.warmup=1")
        self.assert_refused(result)
        self.assertEqual(len(rows_of(result.output)), 1, result.output)
        self.assertEqual([record["comm"]["backend"] for record in self.records()], ["mpi"])

    def test_contradictions_are_found_in_the_input(self):
        for setting, line in (
                ("comm.algorithm=ring", "--set comm.algorithm=ring: comm.algorithm: ring is made "
                 "of MPI's messages, and contradicts comm.backend: nccl"),
                ("emulated_link.latency_us=5", "--set comm.backend=nccl: comm.backend: nccl "
                 "contradicts emulated_link: its calls complete on the device, where nothing can "
                 "hold them back")):
            with self.subTest(setting=setting):
                result = self.run_case(1, "comm.backend=nccl", setting)
                self.assertEqual((result.status, result.errors), (2, [line]))


if __name__ == "__main__":
    unittest.main()
