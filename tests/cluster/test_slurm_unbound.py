#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The job scripts of scripts/slurm on a Slurm that has no plugin to bind tasks to cores.

Exits with 77 and prints the reason if such a cluster is not possible. Environment: see
tests/cli/harness.py.
"""
import os
import sys
import unittest

import slurm_cluster
import test_slurm

CORES = len(os.sched_getaffinity(0))


def setUpModule():
    if CORES < 2:
        raise unittest.SkipTest("two ranks need two cores")
    test_slurm.cluster = slurm_cluster.SlurmCluster(task_plugin="task/none")
    test_slurm.setUpModule()


class Unbound(test_slurm.Job):
    def place(self, *options):
        """The output of a job of two ranks, and its record."""
        said = self.finish(
            self.submit("single-node.sbatch", "-n", "2", *options, arguments=["case.yaml"]))
        [record] = self.records()
        return said, record

    def test_ranks_are_not_all_on_the_first_core(self):
        said, record = self.place()
        self.assertEqual(record["placement"]["problems"], [], said)
        for rank in record["ranks_detail"]:
            self.assertEqual(rank["thread_cores"], [rank["cores"]])  # not bound further
            self.assertEqual(rank["threads"], 1)

    def test_threads_that_the_user_binds_there_are_a_problem(self):
        said, record = self.place("--export=ALL,OMP_PROC_BIND=close,OMP_PLACES=threads")
        [problem] = record["placement"]["problems"]
        self.assertIn("ranks 0-1 of", problem)
        self.assertIn(f"Placement, problem: {problem}", said)


if __name__ == "__main__":
    sys.exit(test_slurm.main())
