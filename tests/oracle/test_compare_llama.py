# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the comparison for dumps of the Llama family, whose ranks may share keys and values."""

import dataclasses
import unittest

import numpy as np

from planted import CASE, SMALL, PlantedTest
from synthetic import write_dump

SMALL_LLAMA = dataclasses.replace(
    SMALL,
    hidden_size=16,
    hidden_dropout=0.0,
    attention_dropout=0.0,
    vocab_size=37,
    family="llama",
    num_query_groups=2,
    rope_theta=500.0,
)


class CompareLlamaTest(PlantedTest):
    # Two ranks share the key and the value of a group.
    CASE = dataclasses.replace(CASE, model=SMALL_LLAMA)

    def test_good_dumps_of_llama_pass(self):
        index = 0
        for groups in (1, 2, 4):
            for tensor in (1, 2, 4):
                for sequence in (False, True):
                    model = dataclasses.replace(SMALL_LLAMA, num_query_groups=groups)
                    changes = {"model": model, "tensor": tensor, "sequence": sequence}
                    case = dataclasses.replace(self.CASE, **changes)
                    write_dump(self.root / f"case{index}", case)
                    index += 1
        status, output = self.run_compare()
        self.assertEqual(status, 0, output)
        # If the vocabulary is padded, the table has two more rows, which check the padding.
        self.assertEqual(output.count("all 35 checks hold"), 6, output)
        self.assertEqual(output.count("all 37 checks hold"), 12, output)
        self.assertIn("llama with g 2, theta 500", output)

    def test_every_tensor_is_judged_of_llama(self):
        self.check_every_tensor(self.CASE)

    def test_shared_key_that_differs_in_its_last_bit(self):
        self.planted()

        def touch(grad):
            grad[4, 3] = np.nextafter(grad[4, 3], 9e9)  # after a head of four rows of queries
            return grad

        self.change("rank3/layers.1.qkv.weight.grad.npy", touch)
        self.assert_caught("rank3/layers.1.qkv.weight.grad.npy: differs from that of rank 2")

    def test_gradient_of_a_key_that_is_not_summed_up(self):
        self.planted()

        def halve(grad):
            grad[4:8] *= 0.5
            return grad

        for rank in (2, 3):
            self.change(f"rank{rank}/layers.0.qkv.weight.grad.npy", halve)
        self.assert_caught("layers.0.qkv.weight.grad ")

    def test_gate_and_up_in_each_others_place(self):
        self.planted()
        for rank in range(4):
            self.change(f"rank{rank}/layers.0.fc1.weight.grad.npy",
                        lambda grad: np.concatenate(np.split(grad, 2)[::-1]))
        self.assert_caught("layers.0.fc1.weight.grad ")

    def test_another_case_of_llama_than_the_dumped_one(self):
        self.planted()
        self.assert_settings_matter(
            ("model", "rope_theta", 501.0, "output "),
            ("model", "num_query_groups", 1, "qkv.weight"),
            ("model", "num_query_groups", 3, "case.json"),
            ("model", "family", "gpt", "layers.0.norm1.bias.npy: missing"),
            ("model", "family", "bert", "case.json"),
        )


if __name__ == "__main__":
    unittest.main()
