#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Wrong input and hopeless cases: one clear line, the right exit status, no waiting.

Environment: see harness.py.
"""
import json
import os
import re
import unittest

import harness

# An error must end all ranks at once; the rest of the limit is for starting MPI on a busy machine.
LIMIT_S = 20.0

GOOD = """\
name: tiny
model: {num_layers: 2, hidden_size: 64, num_attention_heads: 4, seq_length: 16}
bench: {warmup: 1, iterations: 2, max_iterations: 2}
"""

# No machine can hold these weights: 12 h^2 x 64 layers x 4 bytes are 49 TiB.
HOPELESS = """\
model: {num_layers: 64, hidden_size: 131072, num_attention_heads: 1024, seq_length: 16}
"""


def model(**changes):
    """An input with some sizes changed, added, or left out (None). Each key has its own line, from
    line 2 on."""
    sizes = {"num_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "seq_length": 16}
    sizes.update(changes)
    lines = [f"  {key}: {value}\n" for key, value in sizes.items() if value is not None]
    return "model:\n" + "".join(lines)


def recorded(record, key):
    """A setting of a record's case, by its dotted name."""
    value = record["case"]
    for part in key.split("."):
        value = value[part]
    return value


class BadInput(harness.TestCase):
    def refused(self, arguments, ranks=1, status=2):
        """Runs, checks the exit status and the time, and returns the one line of the error."""
        result = harness.run(arguments, self.folder, ranks=ranks, limit_s=LIMIT_S)
        self.assertEqual(result.status, status, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        return result.errors[0]

    def refuses(self, text, expected, *options, ranks=1):
        """Expects that `tidemark run case.yaml OPTIONS` on the input `text` says exactly
        `expected`."""
        name = self.write("case.yaml", text)
        self.assertEqual(self.refused(["run", name, *options], ranks=ranks), expected)


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


class Values(BadInput):
    def test_of_the_wrong_type(self):
        self.refuses(model(hidden_size="wide"), "case.yaml:3:16: model.hidden_size: 'wide' is not "
                     "an integer; expected decimal digits only")
        self.refuses(model(hidden_size="64.0"), "case.yaml:3:16: model.hidden_size: '64.0' is not "
                     "an integer; expected decimal digits only")
        self.refuses(model(hidden_size="[64, 128]"),
                     "case.yaml:3:16: model.hidden_size: expected one value, found a list "
                     "(a list of values belongs under sweep)")
        self.refuses(model(hidden_size=""), "case.yaml:3:3: model.hidden_size: has no value")
        self.refuses(model(causal="yes"),
                     "case.yaml:6:11: model.causal: 'yes' is not a boolean; write true")
        self.refuses(model(hidden_dropout=".nan"), "case.yaml:6:19: model.hidden_dropout: '.nan' "
                     "is not a finite decimal number")
        self.refuses("model: 3\n",
                     "case.yaml:1:8: model: expected a mapping (KEY: VALUE), found a single value")

    def test_not_implemented(self):
        self.refuses(GOOD + "precision: fp8\n", "case.yaml:4:12: precision: 'fp8' is not accepted, "
                     "expected one of fp32, fp64, bf16, tf32")
        self.refuses(GOOD + "recompute: sometimes\n", "case.yaml:4:12: recompute: 'sometimes' is "
                     "not accepted, expected one of none, selective, full")

    @unittest.skipIf(os.path.exists("/dev/nvidia0"), "this build may compute on a device")
    def test_tf32_is_for_cuda(self):
        text = GOOD + "precision: tf32\n"
        line = self.refused(["run", self.write("case.yaml", text)])
        self.assertRegex(line, r"^case\.yaml:4:12: precision: tf32 needs a Kokkos on CUDA, but "
                               r"this one is on \w+$")
        plan = harness.run(["plan", "case.yaml"], self.folder)
        self.assertEqual(plan.status, 0, plan)
        self.assertIn("tf32", plan.output)

    def test_bf16_is_no_mistake(self):
        name = self.write("case.yaml", GOOD + "precision: bf16\n")
        result = harness.run(["run", name, "--output", "results.jsonl"], self.folder)
        self.assertEqual(result.status, 0, result)
        with open(os.path.join(self.folder, "results.jsonl"), encoding="utf-8") as file:
            record = json.loads(file.read())
        self.assertEqual(recorded(record, "precision"), "bf16")
        self.assertIs(record["valid"], True)

    def test_out_of_range(self):
        for value in ("0", "-64", "2147483648", "99999999999999999999"):
            self.refuses(model(hidden_size=value), f"case.yaml:3:16: model.hidden_size: {value} "
                         "is out of range, expected 1 to 2147483647")

    def test_octal(self):
        self.refuses(model(seq_length="010"), "case.yaml:5:15: model.seq_length: 010 has a leading "
                     "zero; write 10, numbers are decimal")

    def test_overflowing_together(self):
        self.refuses(model(seq_length=65536, micro_batch_size=65536),
                     "case.yaml:5:15: model.seq_length: seq_length x micro_batch_size = 4294967296 "
                     "is over the largest matrix dimension of BLAS (2^31 - 1)")
        self.refuses(model(num_layers=2147483647, hidden_size=100000000),
                     "case.yaml:5:15: model.seq_length: seq_length x micro_batch_size x 3 x "
                     "hidden_size x 4 bytes x 2147483647 layers = about 4.12e+19 is over 64 PiB")

    def test_indivisible(self):
        self.refuses(model(hidden_size=1000, num_attention_heads=16), "case.yaml:3:16: "
                     "model.hidden_size: 1000 is not divisible by num_attention_heads 16")
        self.refuses(GOOD + "parallel: {tensor: 3}\n", "case.yaml:4:20: parallel.tensor: 3 does "
                     "not divide num_attention_heads 4", ranks=2)
        self.refuses(model(seq_length=15) + "parallel: {tensor: 2, sequence: true}\n",
                     "case.yaml:6:20: parallel.tensor: 2 does not divide seq_length 15", ranks=2)
        self.refuses(model(seq_length=15) + "parallel: {tensor: 2}\n",
                     "case.yaml:6:20: parallel.tensor: 2 does not divide seq_length 15 (required "
                     "without parallel.sequence, too)", ranks=2)

    def test_vocabulary_too_small(self):
        self.refuses(model(vocab_size=1), "case.yaml:6:15: model.vocab_size: 1 is out of range, "
                     "expected 0 (no ends) or at least 2: the loss over a single token is always 0")
        self.refuses(model(vocab_size=6) + "parallel: {tensor: 4}\n",
                     "case.yaml:7:20: parallel.tensor: 4 is too many for vocab_size 6: with 2 on "
                     "each, the last rank would own nothing but padding", ranks=2)

    def test_of_another_family(self):
        llama = {"family": "llama", "ffn_hidden_size": 128}
        self.refuses(model(family="llama"), "case.yaml:1:1: model.ffn_hidden_size: required key is "
                     "missing: family llama has no usual multiple of hidden_size")
        self.refuses(model(**llama, num_query_groups=8), "case.yaml:8:21: "
                     "model.num_query_groups: 8 is more than num_attention_heads 4")
        self.refuses(model(**llama, num_query_groups=3), "case.yaml:8:21: "
                     "model.num_query_groups: 3 does not divide num_attention_heads 4")
        self.refuses(model(**llama, hidden_size=20), "case.yaml:3:16: model.hidden_size: 20 / "
                     "num_attention_heads 4 = 5 features a head; rotary positions turn pairs of "
                     "them, so that their number must be even")
        for key in ("hidden_dropout", "attention_dropout"):
            self.refuses(model(**llama, **{key: 0.1}),
                         f"case.yaml:8:{len(key) + 5}: model.{key}: 0.1 contradicts model.family: "
                         "llama, which has no dropout; leave it out")
        self.refuses(model(rope_theta=10000), "case.yaml:6:15: model.rope_theta: family gpt has no "
                     "rotary positions; leave it out")
        self.refuses(model(**{**llama, "ffn_hidden_size": 130}) + "parallel: {tensor: 4}\n",
                     "case.yaml:8:20: parallel.tensor: 4 does not divide ffn_hidden_size 130")
        self.refuses(model(**llama, hidden_size=96, num_attention_heads=12, num_query_groups=6)
                     + "parallel: {tensor: 4}\n",
                     "case.yaml:9:20: parallel.tensor: 4 neither divides num_query_groups 6 nor is "
                     "a multiple of it, so that ranks cannot share heads of keys and values evenly")

    def test_from_a_preset(self):
        self.refuses("model: {preset: llama-3-9b}\n", "case.yaml:1:17: model.preset: 'llama-3-9b' "
                     "is not accepted, expected one of none, gpt-345m, gpt-1.3b, gpt-22b, "
                     "gpt-175b, gpt-530b, gpt-1t, llama-2-7b, llama-2-70b, llama-3-8b, "
                     "llama-3-70b, llama-3-405b")
        self.refuses("model: {preset: llama-3-8b}\nparallel: {tensor: 6}\n",
                     "case.yaml:2:20: parallel.tensor: 6 does not divide num_attention_heads 32; "
                     "preset llama-3-8b has num_attention_heads 32")
        self.refuses("model: {preset: llama-3-8b}\n",
                     "case.yaml:1:17: model.num_query_groups: 8 is more than num_attention_heads "
                     "4; preset llama-3-8b has num_query_groups 8",
                     "--set", "model.num_attention_heads=4")

    def test_contradicting_recompute(self):
        self.refuses(model(attention="blocked") + "recompute: selective\n",
                     "case.yaml:7:12: recompute: selective contradicts model.attention: blocked "
                     "(case.yaml:6:14), which saves no attention core that could be left to "
                     "backward", ranks=2)
        self.refuses(GOOD + "parallel: {sequence: true, keep_gathered: true}\n"
                     "sweep: {recompute: [none, full]}\n",
                     "case.yaml:5:27: recompute: full contradicts parallel.keep_gathered: true "
                     "(case.yaml:4:43), since only the layers' own inputs are saved, and none of "
                     "them is gathered")


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


class Harness(unittest.TestCase):
    def test_leaves_out_what_the_launcher_says(self):
        rule = "-" * 74
        text = (f"case.yaml: wrong\n{rule}\nPrimary job terminated normally, but 1 process\n"
                f"{rule}\n\n{rule}\nmpirun detected a failure\n\n  Exit code: 2\n{rule}\n"
                "[host:12] 1 more process has sent help message help-mpi-api.txt\nlast\n")
        self.assertEqual(harness.own_lines(text), ["case.yaml: wrong", "last"])

    def test_knows_a_rule_that_cuts_in_before_the_line_break(self):
        rule = "-" * 74
        text = f"case.yaml: wrong{rule}\nPrimary job terminated\n{rule}\n\nlast - one\n"
        self.assertEqual(harness.own_lines(text), ["case.yaml: wrong", "last - one"])

    def test_keeps_the_signs_of_a_crash(self):
        text = "[host:12] *** Process received signal ***\n- one\n"
        self.assertEqual(len(harness.own_lines(text)), 2)


if __name__ == "__main__":
    unittest.main()
