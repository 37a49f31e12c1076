#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A call of MPI that returns an error: one line says which call, when, and on which rank.

The executable runs on an MPI that fails on demand, see faulty.py. Environment: see harness.py.
"""
import re
import unittest

from faulty import ABOVE_TWIN, CALLS_A_STEP, LARGE_BEFORE_TIMED, Faults
from records import ITERATIONS, SEQUENCE_OFF_AND_ON


class FailedCalls(Faults):
    def failed(self, expected, *settings, ranks=2, finished=0):
        """The job must end with status 3 and the one line `expected`. Cases before must be on
        disk."""
        result, records = self.run_broken(*settings, ranks=ranks)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        self.assertRegex(result.errors[0], expected)
        self.assertEqual([record["valid"] for record in records], [True] * finished)

    # Of several pending calls, the first one fails. The buffers of the others are abandoned with
    # it.
    def test_while_other_calls_are_under_way(self):
        for mode, sequence in (("ring", "true"), ("ring", "false"), ("bulk", "true")):
            for call in (3, 4, 40):
                with self.subTest(mode=mode, sequence=sequence, call=call):
                    self.break_mpi("error", "Isend", above_bytes=ABOVE_TWIN // 10, rank=1,
                                   call=call, lasting=1)
                    self.failed(r"^\w+ failed in .+ of case 1 on rank 1: .+",
                                f"overlap.mode={mode}", f"parallel.sequence={sequence}",
                                "overlap.chunks=2", "comm.algorithm=pairwise")
                    self.forget_ranks()

    def test_in_a_timed_step(self):
        self.break_mpi("error", above_bytes=ABOVE_TWIN, rank=1, call=LARGE_BEFORE_TIMED + 1)
        self.failed(rf"^all_reduce failed in iteration 1/{ITERATIONS} of case 1 on rank 1: .+")

    def test_in_the_second_case(self):
        self.break_mpi("error", "Reduce_scatter_block", above_bytes=ABOVE_TWIN,
                       call=LARGE_BEFORE_TIMED + ITERATIONS * CALLS_A_STEP)
        self.failed(rf"^reduce_scatter failed in iteration {ITERATIONS}/{ITERATIONS} of case 2 on "
                    "rank 0: .+", SEQUENCE_OFF_AND_ON, finished=1)

    def test_on_one_of_four_ranks(self):
        self.break_mpi("error", "Allreduce", rank=2)
        self.failed("^all_reduce failed in .+ of case 1 on rank 2: .+", ranks=4)

    # The number of calls that the set-up makes depends on the machine. So the fault moves on until
    # it strikes in the case. Each call of the set-up that it strikes before must be named as well.
    def test_of_the_harness_itself(self):
        for call in range(10, 40):
            self.break_mpi("error", "Allgather", rank=1, call=call)
            result, _ = self.run_broken()
            self.assertEqual((result.status, len(result.errors)), (3, 1), result)
            if not re.match(r"^.+ failed in set-up on rank 1: .+", result.errors[0]):
                break
            self.forget_ranks()
        self.assertRegex(result.errors[0],
                         r"^(\w+_over_ranks|gather_bytes) failed in .+ of case 1 on rank 1: .+")


if __name__ == "__main__":
    unittest.main()
