#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Jobs that are asked to end, by SIGTERM or SIGUSR1, and that continue with --resume.

Environment: see harness.py. With an emulated link, steps last as long as a test needs.
"""
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import harness
from records import INPUT, parse, rows_of

SEEDS = "sweep.bench.seed=[1, 2, 3]"
GRACE_S = 20  # beyond what the program promises, for launchers and a busy machine


class Job(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)
        self.results = pathlib.Path(self.folder, "results.jsonl")

    def arguments(self, *settings, options=()):
        settings = ("parallel.tensor=2", *settings)
        return ["run", "case.yaml", "--output", "results.jsonl",
                *(word for setting in settings for word in ("--set", setting)), *options]

    def records(self):
        """The records of the results. Every line must be complete."""
        text = self.results.read_text(encoding="utf-8")
        self.assertTrue(text == "" or text.endswith("\n"), text[-100:])
        return [parse(line) for line in text.splitlines()]

    def seeds(self):
        return [record["case"]["bench"]["seed"] for record in self.records()]

    def interrupted(self, signal_number, whom, *settings):
        """Sends the signal during the second case: to the launcher, or to the first or second of
        its ranks by pid. Returns how the job ends."""
        process = subprocess.Popen(harness.command(2, self.arguments(*settings)), cwd=self.folder,
                                   env=harness.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            limit = time.monotonic() + 60
            while not (self.results.exists() and self.results.stat().st_size > 0):
                self.assertLess(time.monotonic(), limit, "no record came")
                time.sleep(0.02)
            time.sleep(0.3)  # into the second case
            ranks = sorted(harness.ranks_of(process.pid))
            self.assertEqual(len(ranks), 2)
            start = time.monotonic()
            os.kill(process.pid if whom == "launcher" else ranks[whom], signal_number)
            output, errors = process.communicate(timeout=10 + GRACE_S)
        except BaseException:
            harness.end(process)
            raise
        lines = [line for line in harness.own_lines(errors)
                 if not re.match(r"(mpirun|mpiexec): Forwarding signal", line)]
        return harness.Result(process.returncode, output, lines, time.monotonic() - start)

    def resume(self, *settings):
        result = harness.run(self.arguments(*settings, options=("--resume",)), self.folder,
                             ranks=2, limit_s=120)
        self.assertEqual(result.status, 0, result)
        return result

    def skipped(self, result):
        return [words for words in rows_of(result.output) if "skipped:" in words]


class Ending(Job):
    def test_the_case_at_hand_is_finished_and_the_rest_is_left_for_resume(self):
        # About 0.4 s per step.
        settings = (SEEDS, "emulated_link.latency_us=30000", "bench.iterations=4")
        result = self.interrupted(signal.SIGUSR1, 1, *settings)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(result.errors, ["SIGUSR1: 2 of 3 cases done, 1 left; --resume with "
                                         "results.jsonl goes on"])
        self.assertEqual(self.seeds(), [1, 2])
        # Half a record follows, as if a writer was killed.
        whole = self.results.read_bytes()
        self.results.write_bytes(whole + whole.splitlines()[1][:500])
        result = self.resume(*settings)
        self.assertEqual(len(self.skipped(result)), 2)
        self.assertEqual(result.errors,
                         ["results.jsonl: half a record was removed from its end (500 bytes)"])
        self.assertEqual(self.seeds(), [1, 2, 3])
        # Now there is nothing left to do.
        self.assertEqual(len(self.skipped(self.resume(*settings))), 3)
        self.assertEqual(self.seeds(), [1, 2, 3])

    def test_a_long_case_is_given_up(self):
        result = self.interrupted(signal.SIGUSR1, "launcher", SEEDS,
                                  "emulated_link.latency_us=30000",
                                  "sweep.bench.iterations=[1, 1000]")
        self.assertEqual(result.status, 3, result)
        self.assertLess(result.seconds, 10 + GRACE_S / 2)
        self.assertEqual(len(result.errors), 1, result)
        (line,) = result.errors
        self.assertRegex(line, r"^SIGUSR1 at iteration [0-9]+/1000 of case 2: 1 of 6 cases done, "
                         r"5 left; --resume with results\.jsonl goes on$")
        self.assertEqual(self.seeds(), [1])

    def test_a_step_that_does_not_end_is_ended(self):
        # Open MPI 4's launcher kills remaining processes a second later. Open MPI 5's launcher
        # allows only a quarter of a second and loses stderr, and MPICH's ends with status 0. So
        # these two get the other signal.
        number = signal.SIGTERM if harness.launcher() == "open mpi 4" else signal.SIGUSR1
        result = self.interrupted(number, "launcher",
                                  "sweep.emulated_link.latency_us=[0, 3000000]")
        self.assertNotEqual(result.status, 0)  # the launcher chooses which one
        self.assertLess(result.seconds, GRACE_S)
        self.assertIn(f"{number.name} on rank 0: 1 of 2 cases done, 1 left; --resume with "
                      "results.jsonl goes on", result.errors)
        self.assertEqual(len(self.records()), 1)

    def test_sigterm_to_any_launcher_ends_the_job_and_keeps_the_records(self):
        result = self.interrupted(signal.SIGTERM, "launcher",
                                  "sweep.emulated_link.latency_us=[0, 3000000]")
        self.assertLess(result.seconds, GRACE_S)
        self.assertEqual(len(self.records()), 1)


class Resume(Job):
    def test_runs_again_what_is_not_valid_or_differs(self):
        self.resume("sweep.bench.seed=[1, 2]")  # there are no results yet, so everything runs
        first, second = self.results.read_text(encoding="utf-8").splitlines()
        spoilt = re.sub('"valid":true', '"valid":false', first)
        older = re.sub('"schema_version":2', '"schema_version":1', first)
        self.assertEqual(len({first, spoilt, older}), 3)
        self.results.write_text("{}\n" + spoilt + "\n" + older + "\n" + second, encoding="utf-8")
        result = self.resume("sweep.bench.seed=[1, 2]")
        self.assertEqual(len(self.skipped(result)), 1)
        self.assertEqual(result.errors,
                         ["results.jsonl: its last line had no end, which was added"])
        seeds = [record["case"]["bench"]["seed"] for record in self.records()[1:]]
        self.assertEqual(seeds, [1, 1, 2, 1])
        # A case that differs in one setting is another case. The same case twice needs two records.
        result = self.resume("sweep.bench.seed=[2, 2]", "sweep.bench.iterations=[3, 1]")
        self.assertEqual(len(self.skipped(result)), 1)

    def test_needs_a_file_to_go_on_with(self):
        result = harness.run(["run", "case.yaml", "--resume", "--set", "parallel.tensor=1"],
                             self.folder)
        self.assertEqual((result.status, result.errors), (
            2, ["command line: --resume needs --output: the file to go on with"]))


class SlowRank(harness.TestCase):
    def test_is_named_by_check_and_marked(self):
        # Large enough that a step takes longer than the time that a busy machine sometimes takes
        # from a rank.
        text = ("model: {num_layers: 1, hidden_size: 512, num_attention_heads: 8, "
                "seq_length: 512}\n"
                "bench: {warmup: 2, iterations: 9, verify: true}\nparallel: {tensor: 2}\n")
        self.write("case.yaml", text)
        self.write("criteria.yaml", "criteria: [{name: even, max_straggler: 0.5}]\n")
        os.environ["TIDEMARK_TEST_SLOW_RANK"] = "1:3.0"
        self.addCleanup(os.environ.pop, "TIDEMARK_TEST_SLOW_RANK")
        result = harness.run(["run", "case.yaml", "--output", "results.jsonl"], self.folder,
                             ranks=2)
        self.assertEqual(result.status, 0, result)
        self.assertIn("  DISTURBED: rank 1 slept for 3 of its step, for a test: not to be "
                      "published\n", result.output)
        self.assertEqual(rows_of(result.output)[0][3], "-")
        record = parse(pathlib.Path(self.folder, "results.jsonl").read_text(encoding="utf-8"))
        self.assertEqual(record["test"], {"slow_rank": 1, "share": 3.0})
        self.assertIsNone(record["fom"]["tokens_per_s"])
        even, slow = (detail["busy_ms"] for detail in record["ranks_detail"])
        self.assertGreater(slow, 1.5 * even)
        for detail in record["ranks_detail"]:
            self.assertLessEqual(detail["busy_ms"], detail["step_ms"])
        result = harness.run(["check", "results.jsonl", "--criteria", "criteria.yaml"], self.folder)
        self.assertEqual(result.status, 1, result)
        host = record["ranks_detail"][1]["host"]
        self.assertRegex(result.output, rf"FAIL: even: unnamed 1, line 1: rank 1 on {host} is busy "
                         r"for [0-9.]+ ms a step, [0-9.]+ % above the median of [0-9.]+ ms")

    def test_that_is_not_there_is_refused(self):
        self.write("case.yaml", INPUT)
        os.environ["TIDEMARK_TEST_SLOW_RANK"] = "2:0.2"
        self.addCleanup(os.environ.pop, "TIDEMARK_TEST_SLOW_RANK")
        result = harness.run(["run", "case.yaml", "--set", "parallel.tensor=2"], self.folder,
                             ranks=2)
        self.assertEqual(result.status, 2, result)
        self.assertRegex(result.errors[0], r"^TIDEMARK_TEST_SLOW_RANK=2:0\.2: expected RANK:SHARE")


if __name__ == "__main__":
    unittest.main()
