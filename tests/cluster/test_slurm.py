#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The job scripts of scripts/slurm on a real Slurm of two nodes that the test starts itself.

Exits with 77 and prints the reason if such a cluster is not possible. Environment: see
tests/cli/harness.py.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import harness  # noqa: E402
import slurm_cluster  # noqa: E402

SCRIPTS = ROOT / "scripts" / "slurm"
INPUT = """\
name: small
model: {num_layers: 1, hidden_size: 64, num_attention_heads: 4, seq_length: 32}
bench: {warmup: 1, iterations: 3}
"""
# The product after each step is measured for 20 ms. So these cases take at least 1 s each on any
# machine, and together longer than the job is left alone.
CASES = 10
LONG_INPUT = f"""\
name: long
model: {{num_layers: 1, hidden_size: 128, num_attention_heads: 4, seq_length: 64}}
bench: {{warmup: 1, iterations: 60}}
sweep: {{bench.seed: [{", ".join(str(seed) for seed in range(CASES))}]}}
"""
FEW_CPUS = ("-c", "1")
# The states of a job that has ended. scontrol shows a flag such as COMPLETING or SIGNALING instead
# of the state while it is set, so the states under way cannot be listed as safely.
ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
         "PREEMPTED", "TIMEOUT")
LIMIT_S = 300
cluster = slurm_cluster.SlurmCluster()


def setUpModule():
    try:
        cluster.start()
    except slurm_cluster.Unavailable as error:
        raise unittest.SkipTest(f"no Slurm here: {error}") from error


class Job(unittest.TestCase):
    """Each test submits from a folder that looks like a checkout."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-jobs-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "scripts").symlink_to(ROOT / "scripts")
        (self.folder / "inputs").symlink_to(ROOT / "inputs")
        self.write("case.yaml", INPUT)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def submit(self, script, *options, arguments=()):
        """The id of the submitted job."""
        executable = os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"])
        said = cluster.run("sbatch", "--parsable", "--output=%j.out", *FEW_CPUS, *options,
                           SCRIPTS / script, *arguments, cwd=self.folder, TIDEMARK=executable)
        return said.stdout.strip()

    def wait(self, job, until=None):
        """Waits until the job has ended, or until `until()` holds."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            said = self.facts(job)
            if (until and until()) or said["JobState"] in ENDED:
                return said
            time.sleep(0.2)
        self.fail(f"job {job} has not ended: {said}\n{self.output(job)}")

    def facts(self, job):
        said = cluster.run("scontrol", "--oneliner", "show", "job", job).stdout
        return dict(re.findall(r"(\w+)=(\S+)", said))

    def output(self, job):
        path = self.folder / f"{job}.out"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def finish(self, job, exit_code="0:0"):
        """The output of a job, which must end with this code."""
        facts = self.wait(job)
        self.assertEqual(facts["ExitCode"], exit_code, f"{facts}\n{self.output(job)}")
        return self.output(job)

    def records(self, name="single-node.jsonl"):
        path = self.folder / name
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Slurm(Job):
    def test_a_job_on_one_node(self):
        self.finish(self.submit("single-node.sbatch", "-n", "2", arguments=["case.yaml"]))
        [record] = self.records()
        self.assertIs(record["valid"], True)
        self.assertEqual([rank["host"] for rank in record["ranks_detail"]], [cluster.nodes[0]] * 2)
        self.assertEqual(record["provenance"]["threads_per_rank"], 1)

    def test_ranks_stand_on_cores_of_their_own(self):
        said = self.finish(self.submit("single-node.sbatch", "-n", "2", arguments=["case.yaml"]))
        [record] = self.records()
        [first], [second] = [rank["thread_cores"] for rank in record["ranks_detail"]]
        if len(os.sched_getaffinity(0)) < 2:  # two tasks, one core
            self.assertEqual(record["placement"]["problem_count"], 1, said)
            return
        self.assertEqual(record["placement"]["problems"], [], said)
        self.assertNotEqual(first, second)

    def test_a_rank_gets_its_cores_and_as_many_threads(self):
        self.finish(self.submit("single-node.sbatch", "-n", "1", "-c", "2",
                                arguments=["case.yaml"]))
        self.assertEqual([rank["threads"] for rank in self.records()[0]["ranks_detail"]], [2])

    # SLURM_NTASKS is also set there, and mpirun's daemon on the second node is a step of srun.
    def test_what_a_script_starts_without_srun_is_a_job_of_one_rank(self):
        executable = os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"])
        run = f"{executable} run case.yaml --output single-node.jsonl"
        self.write("direct.sbatch", "#!/bin/sh\n"
                   "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n"
                   f"{run} && mpirun -n 1 -H {cluster.nodes[1]} {run}\n")
        self.finish(self.submit(self.folder / "direct.sbatch", "-N", "2", "-n", "2"))
        self.assertEqual([record["ranks_detail"][0]["host"] for record in self.records()],
                         cluster.nodes)

    def test_the_status_of_a_refused_input_is_the_jobs(self):
        said = self.finish(self.submit("single-node.sbatch", "-n", "2", arguments=[
            "case.yaml", "--set", "model.hidden_size=65"]), "2:0")
        self.assertIn("65 is not divisible by num_attention_heads 4", said)
        self.assertEqual(self.records(), [])

    def test_a_study_across_two_nodes(self):
        arguments = ["case.yaml", "--sizes", "2", "--nodes", "1,2", "--kinds", "strong",
                     "--overlap", "none", "--sequence", "on", "--messages", "16KiB:16KiB"]
        said = self.finish(self.submit("scaling.sbatch", "-N", "2", "--ntasks-per-node=2",
                                       arguments=arguments))
        rows = json.loads((self.folder / "scaling" / "summary.json").read_text(encoding="utf-8"))
        self.assertEqual([(row["t"], row["nodes"], row["valid"]) for row in rows],
                         [(2, 1, True), (2, 2, True)], said)
        self.assertIn("The boundary between nodes", said)
        [record] = self.records("scaling/strong-t2-n2.jsonl")
        self.assertEqual([rank["host"] for rank in record["ranks_detail"]], cluster.nodes)

    def test_jobs_that_are_cut_off_lose_no_case_and_repeat_none(self):
        self.write("long.yaml", LONG_INPUT)

        def start(*options):
            return self.submit("single-node.sbatch", "-n", "2", *options, arguments=["long.yaml"])

        cancelled = start()
        self.wait(cancelled, until=lambda: len(self.records()) >= 1)
        cluster.run("scancel", cancelled)
        self.assertEqual(self.wait(cancelled)["JobState"], "CANCELLED", self.output(cancelled))
        before = len(self.records())

        # The job gets the signal 59 s before its limit of a minute, when Slurm looks next. The last
        # job waits for it.
        cluster.await_limit_check(before_s=7)
        limited = start("--time=1", "--signal=USR1@59")
        last = start("--time=10")
        facts = self.wait(limited)
        self.assertEqual((facts["JobState"], facts["ExitCode"]), ("FAILED", "3:0"),
                         self.output(limited))
        done = len(self.records())
        self.assertGreaterEqual(done, before)
        self.assertLess(done, CASES, "the job was not cut off")
        self.finish(last)
        self.assertEqual([(record["case"]["bench"]["seed"], record["valid"])
                          for record in self.records()], [(seed, True) for seed in range(CASES)])


def main():
    # A signal that ends the test also ends the cluster. The exception of Ctrl-C is the only one
    # that passes through unittest.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return harness.main_that_may_skip()
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
