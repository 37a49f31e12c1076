#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Options of the command line: help, settings, results files, progress, Kokkos's own.

Environment: see harness.py.
"""
import os
import pathlib
import pty
import subprocess
import unittest

import harness
from records import INPUT, ITERATIONS, SEQUENCE_OFF_AND_ON, parse, rows_of


class CommandLine(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def good(self, arguments, ranks=1):
        """Runs, checks the exit status, and returns the result."""
        result = harness.run(arguments, self.folder, ranks=ranks)
        self.assertEqual(result.status, 0, result)
        return result

    def run_small(self, *options, ranks=1):
        return self.good(["run", "case.yaml", "--set", f"parallel.tensor={ranks}", *options],
                         ranks=ranks)

    def read(self, name):
        return pathlib.Path(self.folder, name).read_text(encoding="utf-8")

    def records(self, name="results.jsonl"):
        return [parse(line) for line in self.read(name).splitlines()]


class Help(CommandLine):
    def test_of_the_program(self):
        for ranks in (1, 2):
            result = self.good(["--help"], ranks)
            self.assertEqual(result.output.count("Usage:"), 1)
            for command in ("run", "plan"):
                self.assertRegex(result.output, rf"(?m)^  {command}  +\S")
            self.assertEqual(result.output.count("--kokkos-"), 1)  # the footer, not Kokkos's help
            self.assertEqual(result.errors, [])

    def test_of_run(self):
        for ranks in (1, 2):
            result = self.good(["run", "--help"], ranks)
            self.assertEqual(result.output.count("Usage:"), 1)
            for option in ("FILE", "--set", "--output", "--trace", "--dump", "--progress"):
                self.assertIn(option, result.output)
            self.assertEqual(result.errors, [])

    def test_version(self):
        for ranks in (1, 2):
            result = self.good(["--version"], ranks)
            self.assertRegex(result.output, r"\Atidemark \d+\.\d+\.\d+ \(.+\)\n\Z")
            self.assertEqual(result.errors, [])


class Settings(CommandLine):
    def test_set_overrides_the_file(self):
        self.run_small("--set", "model.num_layers=1", "--set", "bench.seed=7",
                       "--set", "bench.seed=8", "--output", "results.jsonl")
        (record,) = self.records()
        self.assertEqual(record["case"]["model"]["num_layers"], 1)
        self.assertEqual(record["case"]["bench"]["seed"], 8)
        self.assertEqual(record["case"]["bench"]["iterations"], ITERATIONS)

    def test_set_takes_the_place_of_a_sweep(self):
        self.write("case.yaml", INPUT + "sweep: {bench.seed: [1, 2, 3]}\n")
        self.assertEqual(len(rows_of(self.run_small("--set", "bench.seed=4").output)), 1)

    def test_seed_changes_the_numbers_and_not_the_shape(self):
        self.run_small("--set", "sweep.bench.seed=[1, 2, 1]", "--output", "results.jsonl",
                       ranks=2)
        # Values that are drawn or measured again in every run.
        varying = {"products_by_freivalds", "process_growth_against_accounts"}
        figures = [[record["memory"]["peak_bytes"],
                    {check["name"]: check["value"] for check in record["verification"]["checks"]
                     if check["name"] not in varying}]
                   for record in self.records()]
        self.assertEqual(len({peak for peak, _ in figures}), 1)
        self.assertEqual(figures[0], figures[2])
        self.assertNotEqual(figures[0], figures[1])

    def test_without_verification_there_is_no_figure_of_merit(self):
        result = self.run_small("--set", "bench.verify=false", "--output", "results.jsonl",
                                ranks=2)
        (row,) = rows_of(result.output)
        self.assertEqual((row[3], row[-1]), ("-", "unknown"))
        (record,) = self.records()
        self.assertIsNone(record["valid"])
        self.assertEqual(set(record["fom"].values()), {None})
        self.assertIs(record["verification"]["performed"], False)
        self.assertGreater(record["time"]["step_ms"]["median"], 0.0)

    def test_kokkos_options_are_kokkoss(self):
        self.run_small("--kokkos-disable-warnings", "--output", "results.jsonl", ranks=2)
        (record,) = self.records()
        self.assertIn("--kokkos-disable-warnings", record["provenance"]["command_line"])

    def test_what_kokkos_does_not_know_is_refused(self):
        result = harness.run(["run", "case.yaml", "--kokkos-frobnicate"], self.folder)
        self.assertEqual(result.status, 2, result)
        self.assertIn("--kokkos-frobnicate", " ".join(result.errors))


class Output(CommandLine):
    def test_appends(self):
        earlier = '{"schema_version": 0, "kind": "of another program"}\n'
        self.write("results.jsonl", earlier)
        self.run_small("--output", "results.jsonl")
        first = self.read("results.jsonl")
        self.assertTrue(first.startswith(earlier))
        self.run_small("--output", "results.jsonl", "--set", SEQUENCE_OFF_AND_ON, ranks=2)
        second = self.read("results.jsonl")
        self.assertTrue(second.startswith(first))
        self.assertTrue(second.endswith("\n"))
        self.assertEqual([record.get("ranks") for record in self.records()], [None, 1, 2, 2])

    def test_is_not_written_unasked(self):
        self.run_small()
        self.assertEqual(os.listdir(self.folder), ["case.yaml"])


class Progress(CommandLine):
    """The progress line is for people: standard output and the logs of batch jobs stay clean."""

    def assert_shown(self, text):
        for what in ("case 1/1, ", "warm-up 1/1", f"iteration {ITERATIONS}/{ITERATIONS}"):
            self.assertIn(what, text)

    def assert_clean(self, output):
        for what in ("\x1b", "warm-up", "iteration"):
            self.assertNotIn(what, output)

    def test_is_silent_in_a_pipe(self):
        for ranks in (1, 2):
            result = self.run_small(ranks=ranks)
            self.assert_clean(result.output)
            self.assert_clean("\n".join(result.errors))

    def test_is_shown_on_demand(self):
        for ranks in (1, 2):
            result = self.run_small("--progress", ranks=ranks)
            self.assert_clean(result.output)
            text = "\n".join(result.errors)
            self.assert_shown(text)
            self.assertEqual(text.count("warm-up 1/1"), 1)  # by one rank only

    def test_is_shown_on_a_terminal(self):
        # One rank runs without a launcher, because launchers put a pipe between a rank and the
        # terminal.
        try:
            screen, terminal = pty.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal to be had here: {error}")
        self.addCleanup(os.close, screen)
        try:
            process = subprocess.Popen(harness.command(1, ["run", "case.yaml"]), cwd=self.folder,
                                       env=harness.environment(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=terminal, text=True,
                                       start_new_session=True)
        finally:
            os.close(terminal)
        self.addCleanup(process.kill)  # does nothing after the wait
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, output)
        self.assert_clean(output)
        text = self.drain(screen)
        self.assert_shown(text)
        self.assertTrue(text.endswith("\r\x1b[K"), repr(text))  # the line is gone at the end

    @staticmethod
    def drain(screen):
        """Everything that a terminal received. When its other end is closed, Linux reports an
        error."""
        parts = []
        try:
            while part := os.read(screen, 65536):
                parts.append(part)
        except OSError:
            pass
        return b"".join(parts).decode()


if __name__ == "__main__":
    unittest.main()
