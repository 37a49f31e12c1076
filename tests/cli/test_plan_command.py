#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command `tidemark plan` for a user: its help, output, refusals, and launchers.

Environment: see harness.py.
"""
import os
import pathlib
import subprocess
import unittest
from unittest import mock

import harness
from records import INPUT, SEQUENCE_OFF_AND_ON, parse


class Plan(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def good(self, *arguments, ranks=1):
        result = harness.run(["plan", *arguments], self.folder, ranks=ranks)
        self.assertEqual((result.status, result.errors), (0, []), result)
        return result

    def refused(self, *arguments, ranks=1):
        """The one line of the refusal. The program must print nothing else."""
        result = harness.run(["plan", *arguments], self.folder, ranks=ranks)
        self.assertEqual((result.status, result.output, len(result.errors)), (2, "", 1), result)
        return result.errors[0]

    def read(self, name):
        return pathlib.Path(self.folder, name).read_text(encoding="utf-8")


class Help(Plan):
    def test_lists_its_options_and_no_others(self):
        for ranks in (1, 2):
            result = self.good("--help", ranks=ranks)
            self.assertEqual(result.output.count("Usage:"), 1)
            for option in ("FILE", "--set", "--output", "--device-memory", "--list-presets"):
                self.assertIn(option, result.output)
            for option in ("--dump", "--trace", "--progress"):
                self.assertNotIn(option, result.output)


class Output(Plan):
    def test_begins_with_the_shape(self):
        result = self.good("case.yaml", "--set", "parallel.tensor=4", "--set",
                           "model.vocab_size=50", "--set", SEQUENCE_OFF_AND_ON)
        lines = result.output.splitlines()
        self.assertRegex(lines[0], "^small: L 3, h 64, ffn 256, a 8, s 32, b 2, V 50, fp32, dry "
                         r"run(, products by kokkos_kernels)?$")
        self.assertEqual(lines[1:3], ["vocabulary of 50 padded to 52, a multiple of t = 4", ""])
        self.assertEqual(lines[3].split()[-4:], ["TP", "t=4", "TP+SP", "t=4"])

    def test_names_the_library_that_decides_about_bytes(self):
        for arguments, library in ((("--set", "products=onednn"), "onednn"),
                                   (("--set", "products=kokkos_kernels"), "kokkos_kernels"),
                                   (("--device", "h100-80gb"), "cublas"),
                                   (("--device", "mi300x-192gb"), "kokkos_kernels"),
                                   (("--device", "h100-80gb", "--set", "products=onednn"),
                                    "onednn")):
            with self.subTest(arguments):
                self.write("plan.jsonl", "")
                result = self.good("case.yaml", "--set", "precision=bf16", "--output",
                                   "plan.jsonl", *arguments)
                self.assertTrue(result.output.splitlines()[0].endswith(f", products by {library}"))
                record = parse(self.read("plan.jsonl"))
                self.assertEqual(record["product_library"], {"name": library})
                named = next((word.partition("=")[2] for word in arguments if "products=" in word),
                             "auto")
                self.assertEqual(record["case"]["products"], named)

    # Korthikanti et al. (2022), Table 5: GPUs, batch, seconds of an iteration, and MFU in percent
    # of an A100's 312 TFLOP/s.
    PUBLISHED = {"gpt-22b": (8, 4, 1.10, 41.5), "gpt-175b": (64, 64, 13.75, 51.4),
                 "gpt-530b": (280, 280, 37.83, 56.0), "gpt-1t": (512, 512, 71.49, 56.3)}

    def test_counts_the_operations_of_the_published_utilisation(self):
        for preset, (devices, batch, seconds, percent) in self.PUBLISHED.items():
            with self.subTest(preset):
                self.write("model.yaml", f"model: {{preset: {preset}, micro_batch_size: 1}}")
                self.write("plan.jsonl", "")
                self.good("model.yaml", "--output", "plan.jsonl", "--set", "precision=bf16",
                          "--set", "parallel.tensor=8", "--set", "recompute=full")
                flops = batch * parse(self.read("plan.jsonl"))["flops"]["model_per_step"]
                self.assertAlmostEqual(100 * flops / (devices * 312e12 * seconds), percent,
                                       delta=0.5)

    def test_appends_a_record_a_case(self):
        earlier = '{"schema_version": 0, "kind": "of another program"}\n'
        self.write("results.jsonl", earlier)
        for _ in range(2):
            self.good("case.yaml", "--output", "results.jsonl", "--set", SEQUENCE_OFF_AND_ON,
                      "--set", "parallel.tensor=2")
        text = self.read("results.jsonl")
        self.assertTrue(text.startswith(earlier) and text.endswith("\n"))
        records = [parse(line) for line in text.splitlines()[1:]]
        self.assertEqual([record["kind"] for record in records], ["plan"] * 4)
        self.assertEqual([record["case_index"] for record in records], [0, 1, 0, 1])
        self.assertEqual([record["case"]["parallel"]["sequence"] for record in records],
                         [False, True] * 2)
        provenance = records[0]["provenance"]
        self.assertIsNone(provenance["mpi"])
        self.assertEqual(provenance["command_line"][1:3], ["plan", "case.yaml"])
        self.assertEqual(provenance["input"]["file"], "case.yaml")

    def test_is_not_written_unasked(self):
        self.good("case.yaml")
        self.assertEqual(os.listdir(self.folder), ["case.yaml"])

    def test_that_nobody_can_read_is_a_failure(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no device that is always full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            process = subprocess.run(harness.command(1, ["plan", "case.yaml"]), cwd=self.folder,
                                     env=harness.environment(), stdout=full, text=True,
                                     stderr=subprocess.PIPE, check=False)
        self.assertEqual((process.returncode, process.stderr),
                         (3, "standard output cannot be written\n"))


class Presets(Plan):
    def test_are_listed_without_an_input(self):
        for ranks in (1, 2):
            lines = self.good("--list-presets", ranks=ranks).output.splitlines()
            self.assertEqual(lines[0].split(), ["preset", "family", "L", "h", "ffn", "a", "g", "s",
                                                "V", "parameters"])
            self.assertEqual([line.split()[0] for line in lines[2:]], [
                "gpt-345m", "gpt-1.3b", "gpt-22b", "gpt-175b", "gpt-530b", "gpt-1t", "llama-2-7b",
                "llama-2-70b", "llama-3-8b", "llama-3-70b", "llama-3-405b"])
        self.assertEqual(lines[-1].split(), ["llama-3-405b", "llama", "126", "16384", "53248",
                                             "128", "8", "8192", "128256", "405.853"])

    def test_are_not_listed_beside_an_input(self):
        self.assertRegex(self.refused("case.yaml", "--list-presets"), "--list-presets")

    def test_stand_in_the_record_with_what_they_say(self):
        self.write("case.yaml", "model: {preset: gpt-345m, num_layers: 1}\n")
        self.good("case.yaml", "--output", "results.jsonl")
        case = parse(self.read("results.jsonl"))["case"]
        self.assertEqual(case["model"]["preset"], "gpt-345m")
        self.assertEqual([case["model"][key] for key in ("num_layers", "hidden_size",
                                                         "ffn_hidden_size", "vocab_size")],
                         [1, 1024, 4096, 50257])

    def test_are_swept(self):
        self.write("case.yaml", "sweep: {model.preset: [gpt-345m, gpt-1.3b]}\n")
        result = self.good("case.yaml", "--set", "parallel.tensor=8")
        self.assertIn("preset=gpt-1.3b", result.output)


class UnderALauncher(Plan):
    """Batch scripts start everything with mpirun, but the output of one process is enough."""

    def test_one_process_speaks(self):
        alone = self.good("case.yaml", "--set", "parallel.tensor=8")
        result = self.good("case.yaml", "--set", "parallel.tensor=8", "--output", "results.jsonl",
                           ranks=2)
        self.assertEqual(result.output, alone.output)
        self.assertEqual(len(self.read("results.jsonl").splitlines()), 1)

    def test_knows_launchers_by_what_they_set(self):
        for variable in ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"):
            for rank, speaks in (("0", True), ("1", False), ("10", False)):
                with mock.patch.dict(os.environ, {variable: rank}):
                    self.assertEqual(self.good("case.yaml").output != "", speaks, variable)

    def test_one_process_complains(self):
        self.assertEqual(self.refused("nowhere.yaml", ranks=2),
                         "nowhere.yaml: cannot read: No such file or directory")


class Refusals(Plan):
    def test_of_a_size_that_is_none(self):
        for size in ("lots", "80", "-1GB", "8e9B", "80 gigabytes", "GB"):
            self.assertEqual(self.refused("case.yaml", f"--device-memory={size}"),
                             f"command line: --device-memory: '{size}' is not a size; expected a "
                             "size such as 80GB or 79.6GiB")
        self.assertEqual(self.refused("case.yaml", "--device-memory", "0GB"),
                         "command line: --device-memory: '0GB' is less than one byte")
        self.assertEqual(self.refused("case.yaml", "--device-memory", "9223372036854775808B"),
                         "command line: --device-memory: '9223372036854775808B' is over 2^63 - 1 "
                         "bytes")
        self.assertRegex(self.refused("case.yaml", "--device-memory"), "--device-memory")

    def test_of_keys_and_values_as_for_a_run(self):
        self.write("case.yaml", INPUT + "paralel: {tensor: 2}\n")
        run = harness.run(["run", "case.yaml"], self.folder)
        self.assertEqual(self.refused("case.yaml"), "case.yaml:5:1: paralel: unknown key; did you "
                         "mean parallel?")
        self.assertEqual([self.refused("case.yaml")], run.errors)
        self.write("case.yaml", INPUT)
        self.assertEqual(self.refused("case.yaml", "--set", "parallel.tensor=3"),
                         "--set parallel.tensor=3: parallel.tensor: 3 does not divide "
                         "num_attention_heads 8")

    def test_before_anything_is_written(self):
        self.assertEqual(self.refused("case.yaml", "--output", "results.jsonl", "--set",
                                      "sweep.parallel.tensor=[2, 3]"),
                         "--set sweep.parallel.tensor=[2, 3]: parallel.tensor: 3 does not divide "
                         "num_attention_heads 8")
        self.assertEqual(os.listdir(self.folder), ["case.yaml"])

    def test_of_what_only_a_run_can_do(self):
        for option in ("--trace", "--dump", "--progress"):
            self.assertIn(option, self.refused("case.yaml", option, "name"))

    def test_of_files(self):
        self.assertRegex(self.refused(), r"(?i)\bfile\b")
        self.assertEqual(self.refused("case.yaml", "--output", "missing/results.jsonl"),
                         "missing/results.jsonl: cannot be opened for writing: "
                         "No such file or directory")


if __name__ == "__main__":
    unittest.main()
