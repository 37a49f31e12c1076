#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The placement of ranks: what `tidemark run` says about it, and how many threads it starts.

Environment: see harness.py. Launcher options are Open MPI's or Hydra's; with another launcher these
tests skip.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import cpu_group
import harness
from records import INPUT, parse

CORES = sorted(os.sched_getaffinity(0))
# A test sets these variables alone. The settings of the suite and of a job around it are removed.
FOREIGN = ("OMP_", "GOMP_", "KOKKOS_", "OMPI_MCA_", "OMPI_COMM_", "PRTE_MCA_", "SLURM_", "PMI_",
           "PMIX_")
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_mpi_yield_when_idle": "1", "OPENBLAS_NUM_THREADS": "1"}
LAUNCHER = harness.launcher()
IS_KNOWN = LAUNCHER != "unknown"
if LAUNCHER == "hydra":
    UNBOUND = ("-bind-to", "none")
    TWO_CORES = ("-bind-to", "core:2")  # for one rank
else:
    UNBOUND = ("--bind-to", "none", "--oversubscribe")
    TWO_CORES = ("--map-by", "slot:PE=2", "--bind-to", "core")


def siblings_of(cpu):
    path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return path.read_text(encoding="utf-8").strip() if path.exists() else str(cpu)


HAS_SIBLINGS = siblings_of(CORES[0]) != str(CORES[0])


def text_of(cores):
    """"0-1", "0,2": as the record has two cores."""
    first, second = cores
    return f"{first}-{second}" if second == first + 1 else f"{first},{second}"


class Run(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def finish(self, *prefix, ranks, variables, options=(), **popen):
        """The ended process of a run with these variables. `prefix` comes before the command."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(FOREIGN)}
        command = [*prefix, os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"]), "run", "case.yaml",
                   "--output", "results.jsonl", "--set", f"parallel.tensor={ranks}", *options]
        return subprocess.run(command, cwd=self.folder, env={**environment, **ROOT, **variables},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200,
                              check=False, **popen)

    def launch(self, ranks, *launcher, **more):
        if not IS_KNOWN:
            self.skipTest("options of this launcher are not known")
        mpiexec = os.environ.get("MPIEXEC") or "mpiexec"
        return self.finish(mpiexec, "-n", str(ranks), *launcher, ranks=ranks, **more)

    def records(self):
        path = pathlib.Path(self.folder, "results.jsonl")
        if not path.exists():
            return []
        return [parse(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def record(self, done):
        self.assertEqual(done.returncode, 0, done)
        [record] = self.records()
        return record

    def assert_problem(self, done, *parts):
        """The run names one problem, once, and the record holds it."""
        placement = self.record(done)["placement"]
        [problem] = placement["problems"]
        self.assertEqual(placement["problem_count"], 1)
        for part in parts:
            self.assertIn(part, problem)
        self.assertEqual(done.stdout.count("Placement, problem: "), 1, done.stdout)
        self.assertIn(f"Placement, problem: {problem}\n", done.stdout)


@unittest.skipIf(len(CORES) < 2, "ranks need two cores to stand apart on")
class Crowding(Run):
    def test_ranks_that_openmp_binds_to_one_core(self):
        done = self.launch(2, *UNBOUND, variables={
            "OMP_NUM_THREADS": "1", "OMP_PROC_BIND": "spread", "OMP_PLACES": "threads"})
        self.assert_problem(done, "ranks 0-1 of", "2 threads can only run on",
                            "set OMP_PROC_BIND=false")
        [rank, other] = self.records()[0]["ranks_detail"]
        self.assertEqual(rank["thread_cores"], other["thread_cores"])
        self.assertEqual(rank["cores"], other["cores"])

    def test_ranks_that_the_launcher_leaves_one_core(self):
        taskset = shutil.which("taskset")
        if not taskset:
            self.skipTest("taskset is missing (Debian: util-linux)")
        first = str(CORES[0])
        mpiexec = os.environ.get("MPIEXEC") or "mpiexec"
        done = self.finish(taskset, "-c", first, mpiexec, "-n", "2", *UNBOUND, ranks=2,
                           variables={})
        self.assert_problem(done, "ranks 0-1 of", f"2 threads can only run on core {first}: ",
                            "the launcher bound them there")
        for rank in self.records()[0]["ranks_detail"]:
            self.assertEqual(
                (rank["threads"], rank["cores"], rank["thread_cores"], rank["physical_cores"]),
                (1, first, [first], 1))

    def test_threads_beyond_the_cores_are_named_once_and_in_our_words(self):
        beyond = len(os.sched_getaffinity(0)) + 1
        done = self.launch(2, *UNBOUND, variables={"OMP_NUM_THREADS": str(beyond)})
        self.assert_problem(done, "ranks 0-1 of", f"{2 * beyond} threads can only run on",
                            "OMP_NUM_THREADS")
        self.assertNotIn("WARNING", done.stdout + done.stderr)
        self.assertNotIn("Kokkos", done.stdout + done.stderr)

    def test_acceptance_misses_it(self):
        self.record(self.launch(2, *UNBOUND, variables={
            "OMP_NUM_THREADS": "1", "OMP_PROC_BIND": "spread", "OMP_PLACES": "threads"}))
        criterion = "- {name: standing, key: placement.problem_count, equals: 0}\n"
        self.write("criteria.yaml", f"name: place\ncriteria:\n{criterion}")
        checked = harness.run(["check", "results.jsonl", "--criteria", "criteria.yaml"],
                              self.folder)
        self.assertEqual(checked.status, 1, checked)

    def test_unbound_ranks_on_enough_cores_are_fine(self):
        done = self.launch(2, *UNBOUND, variables={})
        record = self.record(done)
        self.assertEqual(record["placement"], {"problems": [], "problem_count": 0, "remarks": []})
        self.assertNotIn("Placement", done.stdout)
        for rank in record["ranks_detail"]:
            self.assertEqual(rank["threads"], max(1, rank["physical_cores"] // 2))


@unittest.skipIf(len(CORES) < 2, "a rank needs two cores to have two threads")
class Threads(Run):
    def assert_two_threads_on_two_cores(self, done):
        record = self.record(done)
        [rank] = record["ranks_detail"]
        self.assertEqual((rank["threads"], rank["physical_cores"]), (2, 2))
        if not HAS_SIBLINGS:
            self.assertEqual(rank["cores"], text_of(CORES[:2]))
        first, second = rank["thread_cores"]
        self.assertNotEqual(first, second)
        self.assertEqual(record["placement"]["problems"], [])

    # With each of these, libgomp binds the main thread before main().
    def test_are_the_launchers_cores_though_openmp_binds(self):
        for variables in ({"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"},
                          {"OMP_PROC_BIND": "true"},
                          {"GOMP_CPU_AFFINITY": ",".join(map(str, CORES[:2]))}):
            with self.subTest(variables):
                pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
                self.assert_two_threads_on_two_cores(self.launch(1, *TWO_CORES,
                                                                 variables=variables))

    def test_that_are_bound_do_not_hide_the_launchers_cores(self):
        done = self.launch(1, *TWO_CORES, variables={
            "OMP_NUM_THREADS": "2", "OMP_PROC_BIND": "close", "OMP_PLACES": "cores"})
        self.assert_two_threads_on_two_cores(done)

    def test_are_what_an_option_of_kokkos_says(self):
        done = self.finish(ranks=1, variables={}, options=["--kokkos-threads=1"])
        self.assertEqual(self.record(done)["ranks_detail"][0]["threads"], 1)

    def test_are_no_more_than_the_limit(self):
        done = self.finish(ranks=1, variables={"OMP_THREAD_LIMIT": "1"})
        self.assertEqual(self.record(done)["ranks_detail"][0]["threads"], 1)

    def test_beyond_the_limit_are_refused_by_name(self):
        line = "is more than OMP_THREAD_LIMIT=1 allows"
        for variables, options, start in (
                ({"OMP_NUM_THREADS": "2"}, [], "environment: OMP_NUM_THREADS=2"),
                ({"KOKKOS_NUM_THREADS": "2"}, [], "environment: KOKKOS_NUM_THREADS=2"),
                ({}, ["--kokkos-threads=2"], "command line: --kokkos-threads=2")):
            with self.subTest(start):
                done = self.finish(ranks=1, variables={"OMP_THREAD_LIMIT": "1", **variables},
                                   options=options)
                self.assertEqual(done.returncode, 2, done)
                self.assertEqual(harness.own_lines(done.stderr), [f"{start} {line}"])
        done = self.launch(2, *UNBOUND, variables={"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "2"})
        self.assertEqual(harness.own_lines(done.stderr), [f"environment: OMP_NUM_THREADS=2 {line}"])

    def test_follow_the_control_groups_time(self):
        try:
            with cpu_group.CpuGroup(0.5) as group:
                done = self.finish(ranks=1, variables={}, preexec_fn=group.enter)
        except cpu_group.Unavailable as error:
            self.skipTest(str(error))
        self.assert_problem(done, "rank 0 of", "1 thread, but the control group",
                            f"{group.folder} is limited to the time of 0.5 cores")
        [rank] = self.records()[0]["ranks_detail"]
        self.assertEqual((rank["threads"], rank["core_limit"]), (1, 0.5))
        self.assertGreater(rank["physical_cores"], 1)


class Singletons(Run):
    """MPI sees one rank where the launcher started several."""

    def assert_refused(self, variables, start):
        done = self.finish(ranks=1, variables=variables)
        self.assertEqual(done.returncode, 2, done)
        [line] = harness.own_lines(done.stderr)
        self.assertTrue(line.startswith(start), line)
        self.assertIn("takes each for a job of one rank: use", line)
        self.assertEqual((done.stdout, self.records()), ("", []))

    def test_of_srun_are_refused_by_one_line(self):
        variables = {"SLURM_JOB_ID": "9", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
        self.assert_refused(variables, "launcher: srun started 4 processes, but MPI (")
        done = self.finish(ranks=1, variables={**variables, "SLURM_PROCID": "3"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", ""))

    def test_of_an_mpirun_that_is_another_mpis_are_refused(self):
        self.assert_refused({"PMI_SIZE": "4", "PMI_RANK": "0"},
                            "launcher: a launcher that speaks PMI started 4 ")

    def test_a_program_started_in_an_allocation_runs(self):
        shell = {"SLURM_JOB_ID": "9", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4"}
        script = {**shell, "SLURM_PROCID": "0", "SLURM_TASK_PID": "1", "ENVIRONMENT": "BATCH"}
        for variables in (shell, script):
            with self.subTest(variables):
                pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
                self.record(self.finish(ranks=1, variables=variables))

    def test_what_needs_no_job_runs(self):
        environment = {**os.environ, "SLURM_JOB_ID": "9", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
        said = subprocess.run([os.environ["TIDEMARK_EXECUTABLE"], "plan", "case.yaml"],
                              cwd=self.folder, env=environment, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(said.returncode, 0, said)


if __name__ == "__main__":
    sys.exit(unittest.main())
