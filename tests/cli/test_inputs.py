#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The inputs that come with Tidemark: each one is read, and runs once it is reduced for this
machine.

Environment: see harness.py.
"""
import pathlib
import re
import unittest

import harness
from records import parse, plan, rows_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
INPUTS = sorted((ROOT / "inputs").glob("*.yaml"))  # test_acceptance.py has those of an acceptance
# Small enough to run in seconds on two cores. Everything else in an input stays.
SHRUNK = ("parallel.tensor=2", "model.num_layers=1", "model.hidden_size=64",
          "model.num_attention_heads=4", "model.seq_length=32", "bench.warmup=1",
          "bench.iterations=1", "bench.max_iterations=1")
# For family llama, whose presets give the other numbers.
SHRUNK_LLAMA = (*SHRUNK, "model.num_query_groups=2", "model.ffn_hidden_size=96")
# Layers, h, a, s, b, t: Korthikanti et al. 2022, Table 3, Dey et al. 2023 for 1.3B, and Grattafiori
# et al. 2024, Table 3.
DIMENSIONS = {
    "quickstart.yaml": (2, 2048, 16, 1024, 1, 2),
    "gpt-1.3b.yaml": (24, 2048, 16, 2048, 1, 4),
    "gpt-22b.yaml": (48, 6144, 64, 2048, 4, 8),
    "gpt-22b-layer.yaml": (1, 6144, 64, 2048, 4, 8),
    "gpt-22b-memory.yaml": (1, 6144, 64, 2048, 1, 2),
    "gpt-175b-layer.yaml": (1, 12288, 96, 2048, 1, 8),
    "gpt-530b-layer.yaml": (1, 20480, 128, 2048, 1, 8),
    "gpt-1t-layer.yaml": (1, 25600, 160, 2048, 1, 8),
    "llama-3-8b-layer.yaml": (1, 4096, 32, 8192, 1, 8),
    "llama-3-70b-layer.yaml": (1, 8192, 64, 8192, 1, 8),
    "llama-3-405b.yaml": (126, 16384, 128, 8192, 1, 8),
}
# What an input sweeps in addition to sequence parallelism, in the words of the modes.
MORE = {**dict.fromkeys(("gpt-22b", "gpt-22b-memory"), ["", "+selective", "+full"]),
        **dict.fromkeys(("llama-3-8b-layer", "llama-3-70b-layer"), ["+blocked"]),
        "llama-3-405b": ["+blocked", "+full+blocked"]}
MODEL_KEYS = ("num_layers", "hidden_size", "num_attention_heads", "seq_length",
              "micro_batch_size")
# The columns of these keys in a row of `tidemark plan --list-presets`.
PRESET_COLUMNS = {"num_layers": 2, "hidden_size": 3, "num_attention_heads": 5, "seq_length": 7}


def preset_of(text):
    """The numbers of the preset that an input names, by key."""
    found = re.search(r"^  preset: (\S+)$", text, re.MULTILINE)
    if not found:
        return {}
    listing = harness.run(["plan", "--list-presets"], ".").output
    (row,) = [line.split() for line in listing.splitlines() if line.startswith(f"{found[1]} ")]
    return {key: row[column] for key, column in PRESET_COLUMNS.items()}


def numbers_of(text):
    """The numbers that an input gives to the keys of DIMENSIONS, read without a YAML reader."""
    given = {**preset_of(text), **dict(re.findall(r"^  (\w+): (\d+)$", text, re.MULTILINE))}
    return tuple(int(given[key]) for key in (*MODEL_KEYS, "tensor"))


class Inputs(harness.TestCase):
    def run_on_two(self, path, *settings, limit_s=60):
        """The result, and the records of its cases."""
        options = [word for setting in settings for word in ("--set", setting)]
        result = harness.run(["run", str(path), "--output", "results.jsonl", *options],
                             self.folder, ranks=2, limit_s=limit_s)
        self.assertEqual((result.status, result.errors), (0, []), result)
        text = pathlib.Path(self.folder, "results.jsonl").read_text(encoding="utf-8")
        return result, [parse(line) for line in text.splitlines()]

    def test_are_those_that_are_documented(self):
        self.assertEqual({path.name for path in INPUTS}, set(DIMENSIONS))

    def test_begin_with_a_comment_on_what_they_show(self):
        for path in INPUTS:
            text = path.read_text(encoding="utf-8")
            comment = re.match(r"(#.*\n)+", text)
            self.assertIsNotNone(comment, path)
            self.assertIn(f"tidemark run inputs/{path.name}", comment[0])
            self.assertIn("What it shows:", comment[0])
            self.assertIn(f"mpirun -n {numbers_of(text)[-1]} ", comment[0])

    def test_have_the_published_dimensions(self):
        for path in INPUTS:
            self.assertEqual(numbers_of(path.read_text(encoding="utf-8")), DIMENSIONS[path.name],
                             path)

    def test_are_accepted_as_they_are(self):
        # The number of ranks is compared only after the whole input was read and found right.
        for name, (*_, t) in DIMENSIONS.items():
            result = harness.run(["run", str(ROOT / "inputs" / name)], self.folder)
            self.assertEqual(result.status, 2, result)
            self.assertEqual(len(result.errors), 1, result.errors)
            self.assertRegex(result.errors[0],
                             rf"{re.escape(name)}:\d+:\d+: parallel\.tensor: {t} needs {t} ranks, "
                             "but this job has 1$")

    def test_run_when_shrunk(self):
        for path in INPUTS:
            with self.subTest(path.name):
                pathlib.Path(self.folder, "results.jsonl").unlink(missing_ok=True)
                shrunk = SHRUNK_LLAMA if path.stem.startswith("llama") else SHRUNK
                result, records = self.run_on_two(path, *shrunk)
                modes = [mode + more for mode in ("TP", "TP+SP")
                         for more in MORE.get(path.stem, [""])]
                self.assertEqual([row[0] for row in rows_of(result.output)], modes)
                self.assertEqual([record["case"]["name"] for record in records],
                                 [path.stem] * len(modes))
                self.assertEqual([record["valid"] for record in records], [True] * len(modes))

    def test_show_what_their_comments_say(self):
        mib, gib = 2 ** 20, 2 ** 30
        for path in INPUTS:
            if len(MORE.get(path.stem, [""])) > 1:
                continue
            text = path.read_text(encoding="utf-8")
            comment = " ".join(re.match(r"(#.*\n)+", text)[0].replace("#", " ").split())
            *_, t = DIMENSIONS[path.name]
            _, records = plan(t, text=text)
            self.assertEqual(len(records), 2)
            for record in records:
                memory = record["memory"]
                self.assertRegex(comment, rf"\b{memory['saved_bytes_per_layer'] / mib:g} MiB\b",
                                 path.name)
                if path.stem != "quickstart":
                    weights = (memory["parameter_bytes"] + memory["gradient_bytes"]) / gib
                    self.assertRegex(comment, rf"(and gradients: {weights:.1f} GiB per rank|"
                                     rf"beside {weights:.1f} GiB of weights and gradients)")

    def test_the_whole_22b_model_fits_as_its_comment_says(self):
        path = ROOT / "inputs" / "gpt-22b.yaml"
        text = path.read_text(encoding="utf-8")
        result, records = plan(8, "products=cublas", text=text,
                               options=("--device-memory", "80GB"))
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        _, _, block = readme.partition("tidemark plan inputs/gpt-22b.yaml")
        lines = block.split("```")[1].strip("\n").splitlines()
        self.assertGreater(len(lines), 8)
        for line in lines:
            self.assertIn(line, result.output.splitlines())
        totals = [f"{record['memory']['total_bytes'] / 2 ** 30:.0f} GiB" for record in records]
        self.assertEqual(totals, ["106 GiB", "76 GiB", "52 GiB", "86 GiB", "56 GiB", "48 GiB"])
        for total in (totals[0], totals[1], totals[3], totals[4]):
            self.assertIn(total, text)

    def test_a_stage_of_the_405b_model_is_as_the_documentation_shows_it(self):
        text = (ROOT / "inputs" / "llama-3-405b.yaml").read_text(encoding="utf-8")
        documentation = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
        command = "tidemark plan inputs/llama-3-405b.yaml --device-memory 80GB"
        settings, _, shown = documentation.partition(f"\n{command}")[2].partition("\n")
        result, records = plan(8, *settings.replace("--set", "").split(), text=text,
                               options=("--device-memory", "80GB"))
        printed = result.output.splitlines()
        lines = shown.partition("\n```")[0].splitlines()
        self.assertGreater(len(lines), 15)
        for line in lines:
            self.assertIn(line, printed)
        saved = [record["memory"]["saved_bytes_per_layer"] / 2 ** 20 for record in records]
        self.assertEqual(saved, [1404.5, 256, 508.5, 32])
        comment = " ".join(text.partition("name:")[0].replace("#", " ").split())
        self.assertIn("saves 1404.5 MiB per rank, with sequence parallelism 508.5 MiB, and with "
                      "all recomputed 256 and 32 MiB", comment)

    def test_quickstart_shows_what_its_comment_and_the_readme_say(self):
        # Bytes do not depend on the length of the measurement, or on whether results are verified.
        _, records = self.run_on_two(ROOT / "inputs" / "quickstart.yaml", "bench.iterations=1",
                                     "bench.warmup=0", "bench.verify=false", limit_s=400)
        mib = 2 ** 20
        tp, sp = (record["memory"]["saved_bytes"] for record in records)
        self.assertEqual((tp, sp), (2 * 156 * mib, 2 * 138 * mib))
        comment = (ROOT / "inputs" / "quickstart.yaml").read_text(encoding="utf-8")
        self.assertIn("156 MiB per layer and rank", comment)
        self.assertIn("138 MiB", comment)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertIn(f"{2 * sp // mib} MiB", readme)
        wire = [record["comm"]["wire_bytes_per_step"] for record in records]
        self.assertEqual(10 * wire[0], 8 * wire[1])
        self.assertEqual([record["case"]["parallel"]["sequence"] for record in records],
                         [False, True])


if __name__ == "__main__":
    unittest.main()
