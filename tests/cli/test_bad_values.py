#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Wrong values in an input: one clear line that says where, what, and what is accepted.

Environment: see harness.py.
"""
import json
import os
import unittest

from bad_input import GOOD, BadInput, model, recorded
import harness


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


if __name__ == "__main__":
    unittest.main()
