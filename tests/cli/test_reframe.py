#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/harness/reframe with the real ReFrame: good runs pass, and other runs fail.

A run that passes has the figures of its records.

Exits with 77 if there is no ReFrame, which scripts/bootstrap installs into TIDEMARK_CACHE.
Environment: see harness.py.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
HARNESS = ROOT / "scripts" / "harness" / "reframe"
CACHE = pathlib.Path(
    os.environ.get("TIDEMARK_CACHE") or pathlib.Path.home() / ".cache" / "tidemark")
REFRAME = CACHE / "reframe" / "bin" / "reframe"
LIMIT_S = 300
# Saved bytes of one layer by docs/definitions/memory.md, w 4, without dropout and under TP. The
# norm, qkv and fc1 inputs are whole, and the rest is halved.
S, H, A = 32, 64, 4
SAVED_MIB = (4 * S * H * 4 + (3 + 1 + 4 + 4) * S * H * 4 / 2 + A * S * S * 4 / 2) / 2**20
OFF_MIB = 1.01 * SAVED_MIB
INPUT = f"""\
model: {{num_layers: 1, hidden_size: {H}, num_attention_heads: {A}, seq_length: {S},
        hidden_dropout: 0, attention_dropout: 0}}
bench: {{warmup: 1, iterations: 3}}
"""
CHECKS = f"""\
import sys
sys.path.insert(0, {str(HARNESS)!r})
import reframe as rfm
from tidemark_test import TidemarkBase

class Tiny(TidemarkBase):
    input = {{folder!r}} + "/tiny.yaml"

@rfm.simple_test
class Good(Tiny):
    reference = {{{{"one-machine:default": {{{{"saved": ({SAVED_MIB}, 0.0, 0.0, "MiB")}}}}}}}}

@rfm.simple_test
class MissedReference(Tiny):
    reference = {{{{"one-machine:default": {{{{"saved": ({OFF_MIB}, 0.0, 0.0, "MiB")}}}}}}}}

@rfm.simple_test
class NotVerified(Tiny):
    settings = ["bench.verify=false"]

@rfm.simple_test
class OtherTransport(Tiny):
    within_node = "carrier pigeons"
"""
FIGURES = {
    "model_tflops_per_s": ("fom", "model_tflops_per_s", 1),
    "tokens_per_s": ("fom", "tokens_per_s", 1), "step": ("time", "step_ms", 1),
    "gflops_per_rank": ("flops", "gflops_per_rank", 1), "saved": ("memory", "saved_bytes", 2**20),
    "peak": ("memory", "peak_bytes", 2**20),
}


@unittest.skipUnless(REFRAME.exists(), f"no ReFrame: {REFRAME} is missing; scripts/bootstrap "
                                       f"installs it")
class ReFrame(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("tiny.yaml", INPUT)
        self.write("checks.py", CHECKS.format(folder=self.folder))

    def path_with_launcher(self):
        """A PATH on which mpirun, which settings.py names, is the launcher of these tests."""
        launcher = shutil.which(os.environ.get("MPIEXEC") or "mpiexec")
        folder = pathlib.Path(self.folder, "bin")
        folder.mkdir(exist_ok=True)
        mpirun = folder / "mpirun"
        mpirun.write_text(f"#!/bin/sh\nexec {launcher} \"$@\"\n", encoding="utf-8")
        mpirun.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    def reframe(self, *arguments, status=0):
        environment = {**harness.environment(), "TMPDIR": self.folder,
                       "PATH": self.path_with_launcher(),
                       "TIDEMARK": os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"])}
        command = [REFRAME, "--nocolor", "-C", HARNESS / "settings.py", "--system=one-machine",
                   "--prefix", self.folder, "--report-file",
                   os.path.join(self.folder, "report.json"), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def test_what_is_not_good_fails_and_figures_are_the_records(self):
        self.reframe("-c", "checks.py", "--keep-stage-files", "-r", status=1)
        report = json.loads(pathlib.Path(self.folder, "report.json").read_text(encoding="utf-8"))
        cases = {case["display_name"]: case for case in report["runs"][0]["testcases"]}
        ended = {name: (case["result"], case["fail_phase"]) for name, case in cases.items()}
        self.assertEqual(ended, {
            "Good": ("pass", None), "MissedReference": ("fail", "performance"),
            "NotVerified": ("fail", "sanity"), "OtherTransport": ("fail", "sanity")})
        self.assertIn("not over carrier pigeons", cases["OtherTransport"]["fail_reason"])
        [path] = pathlib.Path(self.folder).glob("**/Good/records.jsonl")
        record = json.loads(path.read_text(encoding="utf-8"))
        measured = {key.split(":")[-1].split("=")[0]: value[0]
                    for key, value in cases["Good"]["perfvalues"].items()}
        expected = {}
        for name, (group, key, scale) in FIGURES.items():
            value = record[group][key]
            expected[name] = (value["median"] if isinstance(value, dict) else value) / scale
        self.assertEqual(measured, expected)

    def test_the_tests_that_come_with_it_load(self):
        listed = self.reframe("-c", str(HARNESS / "tidemark_test.py"), "-l")
        self.assertIn("TidemarkQuickstart %sequence=True", listed)
        self.assertIn("TidemarkQuickstart %sequence=False", listed)


if __name__ == "__main__":
    sys.exit(harness.main_that_may_skip())
