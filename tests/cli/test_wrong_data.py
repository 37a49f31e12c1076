#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A machine that returns wrong sums or NaN: the case is INVALID, and there is no wrong number.

The executable runs on an MPI that fails on demand, see faulty.py. Environment: see harness.py.
"""
import unittest

from faulty import ABOVE_TWIN, CALLS_A_STEP, FIRST_OF_TWIN, Faults
from records import B, LAYERS, S, SEQUENCE_OFF_AND_ON, rows_of


class WrongData(Faults):
    def invalid(self, *settings, failed):
        """A single case, which must be INVALID by the check `failed` wherever it is reported."""
        result, (record,) = self.run_broken(*settings)
        self.assertEqual(result.status, 1, result)
        self.assertEqual(result.errors, [])
        (row,) = [words for words in rows_of(result.output) if words[0] != "INVALID:"]
        self.assertEqual((row[3], row[-1]), ("INVALID", "INVALID"))
        self.assertIn(f"  INVALID: {failed}: ", result.output)
        self.assertIs(record["valid"], False)
        self.assertIsNone(record["fom"]["tokens_per_s"])
        self.assertIs(record["verification"]["passed"], False)
        self.assertIn(failed, [check["name"] for check in record["verification"]["checks"]
                               if not check["passed"]])
        return record

    def test_one_wrong_sum_in_the_twin(self):
        self.break_mpi("add", call=FIRST_OF_TWIN)
        self.invalid(failed="twin_output")

    def test_one_wrong_sum_in_the_twins_backward(self):
        self.break_mpi("add", rank=1, call=CALLS_A_STEP + CALLS_A_STEP // LAYERS * 2)  # its last
        self.invalid(failed="twin_input_gradient")

    def test_one_wrong_sum_of_a_reduce_scatter(self):
        self.break_mpi("add", "Reduce_scatter_block", rank=1, call=FIRST_OF_TWIN)
        self.invalid("parallel.sequence=true", failed="twin_output")

    def test_wrong_sums_in_the_full_case_only(self):
        self.break_mpi("add", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        record = self.invalid(failed="replicas_that_differ")
        failed = {check["name"] for check in record["verification"]["checks"]
                  if not check["passed"]}
        self.assertLessEqual(failed, {"replicas_that_differ", "parts_against_digests",
                                      "sums_against_contributions"})
        self.assertIn("parts_against_digests", failed)  # rank 1 has another sum than rank 0

    def test_nan_in_the_twin(self):
        self.break_mpi("nan", call=FIRST_OF_TWIN)
        self.invalid(failed="twin_output")

    def test_nan_in_the_full_case_only(self):
        self.break_mpi("nan", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        self.invalid(failed="not_finite_elements")

    def test_nan_in_the_full_case_only_of_a_reduce_scatter(self):
        self.break_mpi("nan", "Reduce_scatter_block", above_bytes=ABOVE_TWIN, lasting=1)
        self.invalid("parallel.sequence=true", failed="not_finite_elements")

    def test_one_wrong_sum_of_bf16_in_the_twin(self):
        self.break_mpi("add", rank=1, call=FIRST_OF_TWIN)
        self.invalid("precision=bf16", failed="twin_output")

    def test_nan_of_bf16_in_the_full_case_only(self):
        self.break_mpi("nan", above_bytes=ABOVE_TWIN, rank=1, lasting=1)
        self.invalid("precision=bf16", failed="not_finite_elements")

    # TP gathers only what the cross-entropy needs of each rank.
    def test_one_wrong_number_of_the_twins_loss(self):
        self.break_mpi("add", "Allgather", lasting=1)
        self.invalid("model.vocab_size=50", failed="twin_loss")

    def test_nan_in_the_loss_of_the_full_case_only(self):
        # The case gathers 24 bytes per token, and its twin has fewer tokens.
        self.break_mpi("nan", "Allgather", above_bytes=24 * S * B - 1, lasting=1)
        record = self.invalid("model.vocab_size=50", failed="not_finite_elements")
        self.assertEqual(record["loss"], "not finite")

    def test_a_bad_case_does_not_spoil_the_next(self):
        self.break_mpi("add", call=FIRST_OF_TWIN)
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assertEqual(result.status, 1, result)
        self.assertEqual([record["valid"] for record in records], [False, True])

    def test_without_a_fault_all_is_well(self):
        self.break_mpi()
        result, records = self.run_broken(SEQUENCE_OFF_AND_ON)
        self.assertEqual((result.status, result.errors), (0, []))
        self.assertEqual([record["valid"] for record in records], [True, True])


if __name__ == "__main__":
    unittest.main()
