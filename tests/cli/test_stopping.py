#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Never a hang: a rank that stops, dies or crashes at any time, from start to end, ends the job.

tests/campaign/never_a_hang.py does the same at hundreds of random moments. Environment: see
harness.py.
"""
import pathlib
import re
import signal
import tempfile
import unittest

import harness
import stopping

# What rank 0 waits in, by the moment at which rank 1 stops.
STUCK_IN = {
    "exec": "MPI_Init is overdue in set-up",
    "init": "MPI_Init is overdue in set-up",
    "split": "finding the ranks of this node is overdue in set-up",
    "dup": "duplicating the communicator is overdue in set-up",
    "finalize": "MPI_Finalize is overdue in the end of the job",
}


class Stopping(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidemark-stopping-")
        cls.addClassCleanup(folder.cleanup)
        cls.program = harness.preloading(stopping.SOURCE, folder.name)

    def at_moment(self, moment, rank, signal_number):
        folder = pathlib.Path(self.folder, f"{moment}-{rank}-{signal_number.name}")
        folder.mkdir()
        outcome = stopping.at_moment(folder, self.program, moment, rank, signal_number)
        self.assertEqual(outcome.complaints(), [], (moment, rank, outcome))
        return outcome

    def test_a_stopped_rank_is_named_from_start_to_end(self):
        for moment, stuck_in in STUCK_IN.items():
            for rank in (0, 1):
                with self.subTest(moment, rank=rank):
                    outcome = self.at_moment(moment, rank, signal.SIGSTOP)
                    self.assertIn(outcome.status, harness.failed_statuses(), outcome)
                    # Launchers may wake a rank before they end it, and it may be overdue itself.
                    lines = [line for line in outcome.errors if f" on rank {1 - rank}:" in line]
                    self.assertEqual(len(lines), 1, outcome.errors)
                    self.assertRegex(lines[0], rf"^{stuck_in} on rank {1 - rank}: not complete "
                                     rf"after 4\.[0-9] s \(timeout 4 s\); rank {rank} is stopped$")
                    cases = 3 if moment == "finalize" else 0
                    self.assertEqual([record["valid"] for record in outcome.records],
                                     [True] * cases)

    def test_a_rank_that_dies_or_crashes_at_the_start_or_the_end(self):
        for moment in ("exec", "init", "split", "finalize"):
            for signal_number in (signal.SIGKILL, signal.SIGSEGV):
                with self.subTest(moment, signal=signal_number.name):
                    self.at_moment(moment, 1, signal_number)

    def test_at_random_moments(self):
        for seed in range(6):
            ranks = 2 + 2 * (seed % 2)
            folder = pathlib.Path(self.folder, f"random-{seed}")
            folder.mkdir()
            fault, outcome = stopping.at_random(folder, self.program, ranks, 0.4 * seed, seed)
            with self.subTest(fault):
                self.assertEqual(outcome.complaints(), [], outcome)

    def test_the_deadline_of_start_up_must_be_a_number(self):
        self.write("case.yaml", stopping.INPUT)
        for wrong in ("0", "-1", "soon"):
            result = harness.run(["run", "case.yaml", "--timeout", wrong], self.folder)
            self.assertEqual(result.status, 2)
            (line,) = result.errors
            self.assertTrue(re.match("command line: .*--timeout", line), line)


if __name__ == "__main__":
    unittest.main()
