# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the oracle's Llama family, without the program that it judges. Its backward is compared
with finite differences. Its parts and the shards of its parameters are compared with what is
written out."""

import dataclasses
import math
import unittest

import numpy as np

import attention
import ends
import llama
import operations
import philox
import shards
import stack
from derivatives import TINY, DerivativeTest

# Four heads of four features. Two heads share a key and a value.
TINY_LLAMA = dataclasses.replace(
    TINY,
    hidden_size=16,
    num_attention_heads=4,
    hidden_dropout=0.0,
    attention_dropout=0.0,
    family="llama",
    num_query_groups=2,
    rope_theta=100.0,
)


class BackwardTest(DerivativeTest):
    def test_backward_of_llama_is_the_derivative(self):
        self.check_backward(TINY_LLAMA)
        for groups in (1, 4):
            model = dataclasses.replace(TINY_LLAMA, num_layers=1, num_query_groups=groups)
            self.check_backward(model)

    def test_backward_of_llama_is_the_derivative_with_ends(self):
        ends_of_llama = dataclasses.replace(TINY_LLAMA, num_layers=1, vocab_size=7, causal=False)
        for ranks in (1, 4):
            self.check_backward(ends_of_llama, ranks)


class LlamaTest(unittest.TestCase):
    """The parts of the family's layer, element by element."""

    SEED = 79
    MODEL = dataclasses.replace(TINY_LLAMA, num_layers=1)

    def random(self, *shape):
        return np.random.default_rng(len(shape)).standard_normal(shape)

    def test_streams_and_values_are_those_of_the_definitions(self):
        tensors = stack.initial_tensors(dataclasses.replace(self.MODEL, vocab_size=7), self.SEED, 2)
        wide, seed = math.sqrt(12.0 / 16.0), self.SEED
        expected = {
            "embedding.weight": philox.uniform(seed, 3, (8, 16), 0.0, wide),
            "output_projection.weight": philox.uniform(seed, 7, (8, 16), 0.0, wide),
            "final_norm.weight": philox.uniform(seed, 5, (16,), 1.0, 0.2),
            "layers.0.norm1.weight": philox.uniform(seed, 32, (16,), 1.0, 0.2),
            "layers.0.qkv.weight": philox.uniform(seed, 34, (32, 16), 0.0, wide),
            "layers.0.proj.weight": philox.uniform(seed, 37, (16, 16), 0.0, wide),
            "layers.0.norm2.weight": philox.uniform(seed, 40, (16,), 1.0, 0.2),
            "layers.0.fc1.weight": philox.uniform(seed, 42, (10, 16), 0.0, wide),
            "layers.0.fc2.weight": philox.uniform(seed, 44, (16, 5), 0.0, math.sqrt(12.0 / 5.0)),
        }
        self.assertEqual(set(tensors), set(expected))
        for name, values in expected.items():
            np.testing.assert_array_equal(tensors[name], values, name)

    def test_rotation_of_every_pair(self):
        x = self.random(4, 2, 4, 4)
        found = llama.rotated(self.MODEL, x)
        for i, m, head, j in np.ndindex(4, 2, 4, 2):
            angle = i / 100.0 ** (2 * j / 4)
            first, second = x[i, m, head, j], x[i, m, head, j + 2]
            expected = (
                first * math.cos(angle) - second * math.sin(angle),
                second * math.cos(angle) + first * math.sin(angle),
            )
            pair = found[i, m, head, j], found[i, m, head, j + 2]
            np.testing.assert_allclose(pair, expected, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(llama.rotated(self.MODEL, found, -1.0), x, rtol=1e-14,
                                       atol=1e-15)

    def test_scores_depend_on_the_distance_alone(self):
        q, k = self.random(1, 1, 1, 4), self.random(4)[None, None, None]
        turned = [llama.rotated(self.MODEL, np.broadcast_to(x, (4, 1, 1, 4))) for x in (q, k)]
        products = np.einsum("ibgd,jbgd->ij", *turned)
        for offset in range(-3, 4):
            along = np.diagonal(products, offset)
            np.testing.assert_allclose(along, along[0], rtol=1e-12)

    def test_attention_of_groups_is_the_sum_written_out(self):
        model, s, d = self.MODEL, 4, 4
        qkv = self.random(s, 2, 32)
        context, _ = attention.attention(model, *attention.split_groups(model, qkv), 1.0)
        for i, batch, head in np.ndindex(s, 2, 4):
            group, within = divmod(head, 2)
            row = group * 4 * d  # two heads of queries, a key, a value
            q = qkv[i, batch, row + within * d :][:d]
            keys = [qkv[j, batch, row + 2 * d :][:d] for j in range(i + 1)]
            weights = [math.exp(q @ key / math.sqrt(d)) for key in keys]
            values = [qkv[j, batch, row + 3 * d :][:d] for j in range(i + 1)]
            expected = sum(w * value for w, value in zip(weights, values)) / sum(weights)
            found = context[i, batch, head * d : (head + 1) * d]
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)

    def test_groups_of_one_head_are_gpts_heads(self):
        qkv = self.random(4, 2, 48)
        groups = dataclasses.replace(self.MODEL, num_query_groups=4)
        heads = dataclasses.replace(groups, family="gpt")
        for one, other in zip(
            attention.split_groups(groups, qkv), attention.split_groups(heads, qkv)
        ):
            np.testing.assert_array_equal(one, other)

    def test_groups_are_heads_whose_keys_and_values_are_equal(self):
        q, k, v = attention.split_groups(self.MODEL, self.random(4, 2, 32))
        context, _ = attention.attention(self.MODEL, q, k, v, 1.0)
        every = dataclasses.replace(self.MODEL, num_query_groups=4)
        repeated = [np.repeat(x, 2, axis=2) for x in (k, v)]
        expected, _ = attention.attention(every, q.reshape(4, 2, 4, 1, 4), *repeated, 1.0)
        np.testing.assert_allclose(context, expected, rtol=1e-14)

    def test_norm_and_silu_at_known_points(self):
        y, _ = operations.rms_norm(np.array([[[1.0, 3.0]]]), np.array([2.0, 0.5]))
        root = math.sqrt(5.0 + 1e-5)
        np.testing.assert_allclose(y, [[[2.0 / root, 1.5 / root]]], rtol=1e-15)
        self.assertAlmostEqual(float(operations.silu(np.float64(1.0))), 0.7310585786, places=10)

    def test_mlp_is_the_sum_written_out(self):
        model = self.MODEL
        tensors = stack.initial_tensors(model, self.SEED)
        p = stack.layer_parameters(model, tensors, 0)
        p["proj.weight"] = np.zeros((16, 16))  # the layer is only its MLP now
        x = self.random(4, 2, 16)
        found, _ = llama.layer_forward(model, p, {}, x)
        for i, batch in np.ndindex(4, 2):
            row = x[i, batch]
            y = row / math.sqrt((row**2).mean() + 1e-5) * p["norm2.weight"]
            gate = [p["fc1.weight"][k] @ y for k in range(5)]
            up = [p["fc1.weight"][5 + k] @ y for k in range(5)]
            inner = np.array([u * g / (1.0 + math.exp(-g)) for g, u in zip(gate, up)])
            expected = row + p["fc2.weight"] @ inner
            np.testing.assert_allclose(found[i, batch], expected, rtol=1e-13, atol=1e-14)

    def test_tables_of_the_ends_are_two(self):
        model = dataclasses.replace(self.MODEL, vocab_size=7)
        plain = stack.initial_tensors(model, self.SEED, 4)
        results = stack.step(model, self.SEED, plain)
        np.testing.assert_array_equal(results["output_projection.weight.grad"][7:], 0.0)
        used = np.unique(ends.tokens(model, self.SEED)[:-1])
        unused = np.setdiff1d(np.arange(8), used)
        self.assertGreater(unused.size, 0)
        # An embedding that no token uses has no gradient, because the projection adds nothing to
        # it.
        np.testing.assert_array_equal(results["embedding.weight.grad"][unused], 0.0)


class ShardsTest(unittest.TestCase):
    """d 2, a 8: the rows of the global tensors that each rank holds."""

    @staticmethod
    def parts(groups, ranks, name="layers.0.qkv.weight"):
        model = dataclasses.replace(
            TINY_LLAMA, num_attention_heads=8, num_query_groups=groups, ffn_hidden_size=8
        )
        shape = stack.parameter_names(model)[name]
        found = shards.sharding_of_parameter(model, name, shape, ranks)
        return [part.tolist() for part in found.parts]

    @staticmethod
    def heads(*blocks):
        return [2 * block + i for block in blocks for i in range(2)]

    def test_of_whole_groups(self):
        self.assertEqual(self.parts(4, 2), [list(range(16)), list(range(16, 32))])

    def test_of_a_group_that_ranks_share(self):
        # Group 0: heads of queries 0 to 3, k 4, v 5; group 1: 6 to 9, k 10, v 11.
        self.assertEqual(
            self.parts(2, 4),
            [
                self.heads(0, 1, 4, 5),
                self.heads(2, 3, 4, 5),
                self.heads(6, 7, 10, 11),
                self.heads(8, 9, 10, 11),
            ],
        )
        self.assertEqual(self.parts(1, 8)[5], self.heads(5, 8, 9))

    def test_of_gate_and_up(self):
        self.assertEqual(
            self.parts(2, 4, "layers.0.fc1.weight"),
            [[0, 1, 8, 9], [2, 3, 10, 11], [4, 5, 12, 13], [6, 7, 14, 15]],
        )

    def test_assembled_they_are_the_whole(self):
        model = dataclasses.replace(TINY_LLAMA, num_query_groups=1, ffn_hidden_size=8)
        for name, shape in stack.parameter_names(model).items():
            whole = np.arange(math.prod(shape), dtype=float).reshape(shape)
            sharding = shards.sharding_of_parameter(model, name, shape, 4)
            found = [sharding.shard(whole, rank) for rank in range(4)]
            again, contradictions = sharding.assemble(shape, found)
            np.testing.assert_array_equal(again, whole, name)
            self.assertEqual(contradictions, [])


if __name__ == "__main__":
    unittest.main()
