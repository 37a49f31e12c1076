#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/first-run-gpu without a device, and its steps against a stand-in for the executable.

Environment: none.
"""
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import textwrap
import unittest

import tools

SCRIPT = tools.SCRIPTS / "first-run-gpu"
ONE_LINE = "first-run-gpu: no device here: neither nvidia-smi nor rocm-smi names one\n"

RECORD = pathlib.Path(__file__).resolve().parents[1] / "data/version2/run.jsonl"
# Writes a stored record of two ranks, with changes in what the script reads. PRODUCT_GFLOPS is the
# rate per rank.
STAND_IN = """
    import json, os, sys
    words = sys.argv[1:]
    if words == ["--version"]:
        print("tidemark 0"); sys.exit(0)
    if words[0] == "collectives":
        print("2 ranks, bf16", *words[1:])
        print("bytes operation\\nus")
        print("1024 all_reduce nccl in", os.environ["ALONE_US"], "1 1 - 1")
        print("1024 all_gather nccl in 0.001 1 1 - 1")
        sys.exit(0)
    if "--trace" in words:
        with open(words[words.index("--trace") + 1], "w") as file:
            json.dump([{"ph": "X", "dur": 1.0}], file)
    swept = any(word.startswith("sweep.overlap.mode=[bulk") for word in words)
    modes = ["bulk", "ring"] if swept else ["none"]
    with open(words[words.index("--output") + 1], "a") as file:
        for mode in modes:
            data = json.loads(RECORD)
            data["valid"] = os.environ["VALID"] == "1"
            for rank in data["ranks_detail"]:
                rank.update(device="NVIDIA H100 80GB HBM3",
                            gemm_gflops=float(os.environ["PRODUCT_GFLOPS"]))
            call = dict(data["comm"]["calls"][0], op="all_reduce", purpose="activation", count=4,
                        bytes=4096, busbw_gbytes_per_s=300.0)
            data["comm"].update(backend="nccl", transport="device", calls=[call])
            data["overlap"].update(mode=mode, efficiency=0.5, schedule_efficiency=0.6,
                                   split_cost_ms=2.0, intersect_ms=1.0)
            file.write(json.dumps(data) + "\\n")
    sys.exit(0 if os.environ["VALID"] == "1" else 1)
"""
TOOLS = {
    "nvidia-smi": "import sys\nif sys.argv[1:] == ['-L']: "
                  "print('GPU 0: a (UUID: x)\\nGPU 1: b (UUID: y)')",
    "all_reduce_perf": "print('# Avg bus bandwidth    : 320.0')",
    "launch": "import os, sys\nos.execv(sys.argv[2], sys.argv[2:])",
}


class FirstRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, name, text):
        path = self.folder / name
        text = textwrap.dedent(text).replace("RECORD)", f"{RECORD.read_text('utf-8')!r})")
        path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def run_script(self, *arguments, **variables):
        env = dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin", **variables)
        return subprocess.run([sys.executable, str(SCRIPT), *arguments], cwd=self.folder, env=env,
                              capture_output=True, text=True, check=False, timeout=60)

    def checklist(self, valid, rate, alone_us="0.003"):
        for name, text in TOOLS.items():
            self.program(name, text)
        executable = self.program("tidemark", STAND_IN)
        result = self.run_script("--executable", str(executable), "--launcher", "launch",
                                 "--output", "out.json", VALID=valid, PRODUCT_GFLOPS=rate,
                                 ALONE_US=alone_us)
        record = json.loads((self.folder / "out.json").read_text(encoding="utf-8"))
        return result, record, {step["step"]: step["verdict"] for step in record["steps"]}

    def test_says_that_there_is_no_device(self):
        self.program("nvidia-smi", "import sys; sys.exit(9)")
        result = self.run_script()
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, "", ONE_LINE))

    def test_says_that_there_is_no_executable(self):
        self.program("nvidia-smi", TOOLS["nvidia-smi"])
        result = self.run_script("--executable", "nowhere")
        self.assertEqual(result.returncode, 3)
        self.assertIn("nowhere is no executable", result.stderr)

    def test_a_good_node_passes(self):
        result, record, verdicts = self.checklist("1", "700e3")
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(set(verdicts.values()), {"PASS"}, verdicts)
        self.assertEqual(record["ranks"], 2)
        self.assertEqual(len([name for name in verdicts if name.startswith("verification")]), 8)

    def test_a_bad_node_does_not(self):
        result, _, verdicts = self.checklist("0", "100e3")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(verdicts["verification, 2 ranks, bf16"], "FAIL")

    def test_a_slow_all_reduce_is_to_be_looked_at(self):
        _, record, verdicts = self.checklist("1", "700e3", "0.006")
        self.assertEqual(verdicts["collectives"], "PASS")
        self.assertEqual(verdicts["collectives by themselves"], "LOOK")
        (step,) = (one for one in record["steps"] if one["step"] == "collectives by themselves")
        self.assertEqual(step["remark"], "all-reduce of 1024 bytes: nccl 170.7 GB/s")
        self.assertIn("--min 1024B --max 1024B --precision bf16", step["table"])

    def test_a_slow_product_is_to_be_looked_at(self):
        module = tools.command("first-run-gpu")
        for rate, verdict in ((700.0, "PASS"), (100.0, "LOOK")):
            self.assertEqual(module.against_vendor([rate, 800.0], 989), verdict)
        self.assertEqual(module.against_vendor([700.0], None), "LOOK")
        self.assertEqual(module.vendor_figure("NVIDIA H100 PCIe", "bf16"), 756)
        self.assertEqual(module.vendor_figure("NVIDIA H200", "tf32"), 494)
        self.assertIsNone(module.vendor_figure("an abacus", "bf16"))


if __name__ == "__main__":
    unittest.main()
