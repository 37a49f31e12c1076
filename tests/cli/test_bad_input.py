#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Wrong input and hopeless cases: one clear line, the right exit status, no waiting.

Environment: see harness.py.
"""
import json
import os
import re
import unittest

from bad_input import GOOD, LIMIT_S, BadInput, model, recorded
import harness

# No machine can hold these weights: 12 h^2 x 64 layers x 4 bytes are 49 TiB.
HOPELESS = """\
model: {num_layers: 64, hidden_size: 131072, num_attention_heads: 1024, seq_length: 16}
"""


class TheFile(BadInput):
    def test_is_missing(self):
        for ranks in (1, 2):
            self.assertEqual(self.refused(["run", "nowhere.yaml"], ranks=ranks),
                             "nowhere.yaml: cannot read: No such file or directory")

    def test_is_a_directory(self):
        os.mkdir(os.path.join(self.folder, "inputs"))
        self.assertEqual(self.refused(["run", "inputs"]), "inputs: cannot read: Is a directory")

    def test_is_empty(self):
        self.refuses("", "case.yaml:1:1: the file holds no settings")
        self.refuses("# nothing yet\n", "case.yaml:1:1: the file holds no settings")

    def test_is_not_yaml(self):
        for ranks in (1, 2):
            self.refuses("name: tiny\nmodel: a: b\n",
                         "case.yaml:2:9: not valid YAML: illegal map value", ranks=ranks)

    def test_is_binary(self):
        self.refuses(b"\x7fELF\x02\x01\x00",
                     "case.yaml:1:1: control character 0x7f; expected a text file")

    def test_is_something_else(self):
        self.refuses("tensor parallelism\n", "case.yaml:1:1: expected a mapping (KEY: VALUE) at "
                     "the top level, found a single value")


class Keys(BadInput):
    def test_unknown(self):
        self.refuses(model(hiden_size=64), "case.yaml:6:3: model.hiden_size: unknown key; "
                     "did you mean model.hidden_size?")
        self.refuses(GOOD + "paralel: {tensor: 2}\n",
                     "case.yaml:4:1: paralel: unknown key; did you mean parallel?", ranks=2)

    def test_duplicate(self):
        self.refuses(model() + "  seq_length: 32\n",
                     "case.yaml:6:3: model.seq_length: duplicate key, first on line 5")
        self.refuses(GOOD + "name: again\n",
                     "case.yaml:4:1: name: duplicate key, first on line 1")

    def test_missing(self):
        for key in ("num_layers", "hidden_size", "num_attention_heads", "seq_length"):
            self.refuses(model(**{key: None}),
                         f"case.yaml:1:1: model.{key}: required key is missing")
        self.refuses("name: tiny\n", "case.yaml:1:1: model.num_layers: required key is missing")


class Ranks(BadInput):
    def test_fewer_than_tensor(self):
        self.refuses(GOOD + "parallel: {tensor: 4}\n",
                     "case.yaml:4:20: parallel.tensor: 4 needs 4 ranks, but this job has 2",
                     ranks=2)
        self.refuses(GOOD, "--set parallel.tensor=2: parallel.tensor: 2 needs 2 ranks, but this "
                     "job has 1", "--set", "parallel.tensor=2")

    def test_more_than_tensor(self):
        name = self.write("case.yaml", GOOD + "parallel: {tensor: 1}\n")
        self.assertRegex(self.refused(["run", name], ranks=2), r"^case\.yaml:4:20: parallel\.tensor"
                         r": 1 needs 1 ranks?, but this job has 2$")
        # The default is not in the file, so the location is the top of the file.
        name = self.write("case.yaml", GOOD)
        self.assertRegex(self.refused(["run", name], ranks=2), r"^case\.yaml:1:1: parallel\.tensor"
                         r": 1 needs 1 ranks?, but this job has 2$")


class CommandLine(BadInput):
    def test_set_without_a_value(self):
        self.refuses(GOOD, "--set model.hidden_size: expected KEY=VALUE",
                     "--set", "model.hidden_size")

    def test_set_of_a_wrong_value(self):
        self.refuses(GOOD, "--set model.hidden_size=1001: model.hidden_size: 1001 is not divisible "
                     "by num_attention_heads 4", "--set", "model.hidden_size=1001")
        self.refuses(GOOD, "--set modle.hidden_size=64: modle.hidden_size: unknown key; did you "
                     "mean model.hidden_size?", "--set", "modle.hidden_size=64")

    def test_unknown_option(self):
        name = self.write("case.yaml", GOOD)
        for ranks in (1, 2):
            self.assertIn("--frobnicate", self.refused(["run", name, "--frobnicate"], ranks=ranks))

    def test_unknown_command(self):
        self.assertIn("frobnicate", self.refused(["frobnicate"]))

    def test_no_command(self):
        for ranks in (1, 2):
            self.assertRegex(self.refused([], ranks=ranks), r"(?i)\b(sub)?command\b")

    def test_no_file(self):
        self.assertRegex(self.refused(["run"]), r"(?i)\bfile\b")

    def test_unwritable_output(self):
        name = self.write("case.yaml", GOOD)
        line = self.refused(["run", name, "--output", "missing/results.jsonl"])
        self.assertRegex(line, r"missing/results\.jsonl: .*No such file or directory")


class Memory(BadInput):
    def assert_names_the_numbers(self, line):
        """Two sizes: what the case needs, and the smaller size that is available."""
        sizes = [float(size) for size in re.findall(r"([0-9]+(?:\.[0-9]+)?) GiB", line)]
        self.assertEqual(len(sizes), 2, line)
        self.assertGreater(sizes[0], 49 * 1024, line)
        self.assertGreater(sizes[0], sizes[1], line)
        self.assertIn("available", line)

    def test_too_small_for_the_case(self):
        name = self.write("case.yaml", HOPELESS)
        self.assert_names_the_numbers(self.refused(["run", name], status=3))

    def test_too_small_on_every_rank(self):
        name = self.write("case.yaml", HOPELESS + "parallel: {tensor: 2}\n")
        result = harness.run(["run", name], self.folder, ranks=2, limit_s=LIMIT_S)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        self.assertIn("GiB", result.errors[0])

    def test_too_small_for_the_second_case(self):
        name = self.write("case.yaml", GOOD + "sweep: {model.hidden_size: [64, 131072]}\n")
        line = self.refused(["run", name, "--output", "results.jsonl", "--set",
                             "model.num_layers=64"], status=3)
        self.assert_names_the_numbers(line)
        with open(os.path.join(self.folder, "results.jsonl"), encoding="utf-8") as file:
            records = [json.loads(row) for row in file]
        self.assertEqual(len(records), 1)
        self.assertEqual(next(iter(records[0])), "schema_version")
        self.assertEqual(records[0]["kind"], "run")
        self.assertIs(records[0]["valid"], True)
        self.assertEqual(recorded(records[0], "model.hidden_size"), 64)


if __name__ == "__main__":
    unittest.main()
