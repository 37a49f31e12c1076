# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the oracle share: tiny stacks, and checks of their backward by differences."""

import dataclasses
import unittest

import numpy as np

import compare
import stack
from stack import Model

TINY = Model(
    num_layers=2,
    hidden_size=6,
    ffn_hidden_size=5,
    num_attention_heads=2,
    seq_length=4,
    micro_batch_size=2,
    hidden_dropout=0.2,
    attention_dropout=0.3,
    causal=True,
    vocab_size=0,
)
# Two or four ranks could not share these ids evenly.
TINY_ENDS = dataclasses.replace(TINY, num_layers=1, vocab_size=7)


class DerivativeTest(unittest.TestCase):
    SEED = 77

    def scalar(self, model, tensors):
        if model.has_ends:
            return float(stack.step(model, self.SEED, tensors)["loss"][0])
        output, _ = stack.layers_forward(model, self.SEED, tensors, tensors["input"])
        return float(np.sum(output * tensors["output_grad"]))

    def difference(self, model, tensors, name):
        """Central differences of <output, output_grad>, or of the loss, by every element of one
        tensor."""
        width, grads = 1e-5, np.zeros_like(tensors[name])
        for index in np.ndindex(grads.shape):
            sides = []
            for sign in (1.0, -1.0):
                moved = tensors[name].copy()
                moved[index] += sign * width
                sides.append(self.scalar(model, {**tensors, name: moved}))
            grads[index] = (sides[0] - sides[1]) / (2.0 * width)
        return grads

    def check_backward(self, model, ranks=1):
        tensors = stack.initial_tensors(model, self.SEED, ranks)
        results = stack.step(model, self.SEED, tensors)
        names = stack.parameter_names(model, ranks)
        expected = {"embedding", "embedding_grad", "output_grad", "loss"}
        expected = {"output"} | (expected if model.has_ends else {"input_grad"})
        self.assertEqual(set(results), expected | {f"{name}.grad" for name in names})
        for name in [*names, *([] if model.has_ends else ["input"])]:
            grad = results["input_grad" if name == "input" else f"{name}.grad"]
            self.assertEqual(grad.shape, tensors[name].shape)
            self.assertGreater(np.max(np.abs(grad)), 1e-3, name)
            error = compare.relative_error(grad, self.difference(model, tensors, name))
            self.assertLess(error, 1e-8, name)
