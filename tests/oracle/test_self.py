"""Tests of the oracle itself, without the program it judges.

Its generator against Random123's known answers, its backward against finite differences, its
attention and its loss against sums written out, its number formats against NumPy's.
"""

import dataclasses
import math
import unittest

import numpy as np

import attention
import compare
import ends
import formats
import gpt
import llama
import operations
import philox
import shards
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
# One token short of what two or four ranks could share alike.
TINY_ENDS = dataclasses.replace(TINY, num_layers=1, vocab_size=7)
# Four heads of four features, of which two share a key and a value.
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


class PhiloxTest(unittest.TestCase):
    # Counter, key and result of philox4x32 with 10 rounds, from Random123's kat_vectors.
    KNOWN = (
        ("00000000 00000000 00000000 00000000", "00000000 00000000",
         "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
         "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    )
    # Blocks 0 and 1 of the stream 34 of the seed 1234, as Random123 computes them.
    STREAM = "3d89d9cc 4d2207d9 8408c17f aac6e4ca 003ae5ef 2b223971 266205a9 c9a435f4"

    @staticmethod
    def numbers(text):
        return [int(word, 16) for word in text.split()]

    def test_known_answers(self):
        for counter, key, result in self.KNOWN:
            found = philox.philox4x32([self.numbers(counter)], self.numbers(key))
            self.assertEqual(found.tolist(), [self.numbers(result)])

    def test_many_counters_at_once_are_those_one_by_one(self):
        counters = [self.numbers(counter) for counter, _, _ in self.KNOWN]
        together = philox.philox4x32(counters, (5, 7))
        for counter, found in zip(counters, together):
            self.assertEqual(philox.philox4x32([counter], (5, 7)).tolist(), [found.tolist()])

    def test_elements_are_the_words_of_consecutive_blocks(self):
        expected = self.numbers(self.STREAM)
        for count in range(len(expected) + 1):
            self.assertEqual(philox.words(1234, 34, count).tolist(), expected[:count])

    def test_uniform_has_its_centre_and_width(self):
        values = philox.uniform(1234, 0, (100, 200), 1.0, math.sqrt(12.0))
        self.assertEqual(values.shape, (100, 200))
        self.assertLess(np.max(np.abs(values - 1.0)), math.sqrt(3.0))
        self.assertAlmostEqual(values.mean(), 1.0, delta=0.03)
        self.assertAlmostEqual(values.std(), 1.0, delta=0.01)

    def test_uniform_of_a_known_word(self):
        value = philox.uniform(1234, 34, (1,), 0.0, 1.0)[0]
        self.assertEqual(value, (0x3D89D9CC + 0.5) / 2.0**32 - 0.5)

    def test_integers_are_the_high_half_of_word_times_bound(self):
        drawn = self.numbers(self.STREAM)
        for bound in (1, 2, 37, 50257, 2**32 - 1):
            found = philox.integers(1234, 34, (4, 2), bound)
            self.assertEqual(found.shape, (4, 2))
            self.assertEqual(found.reshape(-1).tolist(), [word * bound // 2**32 for word in drawn])

    def test_dropout_keeps_the_words_from_the_threshold_on(self):
        for probability in (0.0, 0.1, 0.5, 0.9):
            factors = philox.dropout_factors(9, 36, (40, 50), probability)
            threshold = math.floor(probability * 2.0**32 + 0.5)
            kept = philox.words(9, 36, 2000).reshape(40, 50) >= threshold
            np.testing.assert_array_equal(factors, np.where(kept, 1.0 / (1.0 - probability), 0.0))
            self.assertAlmostEqual(kept.mean(), 1.0 - probability, delta=0.04)


class StackTest(unittest.TestCase):
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

    def test_backward_is_the_derivative_with_dropout(self):
        masks = gpt.dropout_masks(TINY, self.SEED, 0)
        self.assertTrue(all((mask == 0).any() for mask in masks.values()))
        self.check_backward(TINY)

    def test_backward_is_the_derivative_without_causal_mask(self):
        self.check_backward(
            dataclasses.replace(TINY, causal=False, num_layers=1, hidden_dropout=0.0)
        )

    def test_backward_is_the_derivative_with_ends(self):
        self.assertTrue((ends.embedding_mask(TINY_ENDS, self.SEED) == 0).any())
        self.check_backward(TINY_ENDS)

    def test_backward_is_the_derivative_with_padded_ends(self):
        self.check_backward(TINY_ENDS, ranks=4)

    def test_backward_of_llama_is_the_derivative(self):
        self.check_backward(TINY_LLAMA)
        for groups in (1, 4):
            model = dataclasses.replace(TINY_LLAMA, num_layers=1, num_query_groups=groups)
            self.check_backward(model)

    def test_backward_of_llama_is_the_derivative_with_ends(self):
        ends_of_llama = dataclasses.replace(TINY_LLAMA, num_layers=1, vocab_size=7, causal=False)
        for ranks in (1, 4):
            self.check_backward(ends_of_llama, ranks)

    def test_attention_is_the_sum_written_out(self):
        model = TINY
        s, b, d = model.seq_length, model.micro_batch_size, model.head_size
        rng = np.random.default_rng(3)
        qkv = rng.standard_normal((s, b, 3 * model.hidden_size))
        mask = rng.integers(0, 2, (model.num_attention_heads, b, s, s)) * 1.25
        context, _ = attention.attention(model, *attention.split_groups(model, qkv), mask)
        for i, batch, head in np.ndindex(s, b, model.num_attention_heads):
            row = head * 3 * d
            q = qkv[i, batch, row : row + d]
            scores = [q @ qkv[j, batch, row + d : row + 2 * d] / math.sqrt(d) for j in range(i + 1)]
            total = sum(math.exp(score) for score in scores)
            expected = sum(
                math.exp(score) / total
                * mask[head, batch, i, j] * qkv[j, batch, row + 2 * d : row + 3 * d]
                for j, score in enumerate(scores)
            )
            found = context[i, batch, head * d : (head + 1) * d]
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)

    def test_norm_and_gelu_at_known_points(self):
        y, _ = operations.norm(np.array([[[1.0, 3.0]]]), np.array([2.0, 2.0]), np.array([0.5, 0.5]))
        expected = 2.0 / math.sqrt(1.0 + 1e-5)
        np.testing.assert_allclose(y, [[[0.5 - expected, 0.5 + expected]]], rtol=1e-15)
        # The exact GELU, u Phi(u), is 0.841345 at 1; the tanh form is 1.5e-4 below it.
        self.assertAlmostEqual(float(operations.gelu(np.float64(1.0))), 0.8411919906, places=10)

    def test_a_later_token_reaches_an_earlier_one_only_without_causal_mask(self):
        for causal in (True, False):
            model = dataclasses.replace(TINY, causal=causal)
            tensors = stack.initial_tensors(model, self.SEED)
            before, _ = stack.layers_forward(model, self.SEED, tensors, tensors["input"])
            moved = tensors["input"].copy()
            moved[-1, :, 0] += 1.0
            after, _ = stack.layers_forward(model, self.SEED, tensors, moved)
            self.assertEqual(np.array_equal(before[:-1], after[:-1]), causal)


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
        np.testing.assert_allclose(llama.rotated(self.MODEL, found, -1.0), x, rtol=1e-14)

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
        p["proj.weight"] = np.zeros((16, 16))  # what is left of the layer is its MLP
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
        # An embedding that nobody looks up has no gradient: the projection does not add to it.
        np.testing.assert_array_equal(results["embedding.weight.grad"][unused], 0.0)


class ShardsTest(unittest.TestCase):
    """d 2, a 8: which rows of the global tensors the ranks hold."""

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


class EndsTest(unittest.TestCase):
    SEED = 78

    def tensors(self, ranks=1):
        return stack.initial_tensors(TINY_ENDS, self.SEED, ranks)

    def test_streams_and_values_are_those_of_the_definitions(self):
        tensors = self.tensors(ranks=2)
        wide, seed = math.sqrt(12.0 / 6.0), self.SEED
        for name, expected in (
            ("embedding.weight", philox.uniform(seed, 3, (8, 6), 0.0, wide)),
            ("final_norm.weight", philox.uniform(seed, 5, (6,), 1.0, 0.2)),
            ("final_norm.bias", philox.uniform(seed, 6, (6,), 0.0, 0.2)),
        ):
            np.testing.assert_array_equal(tensors[name], expected, name)
        self.assertNotIn("input", tensors)
        self.assertNotIn("output_grad", tensors)

    def test_a_label_is_the_next_token(self):
        drawn = philox.words(self.SEED, 2, 10).tolist()
        expected = [[drawn[2 * i + m] * 7 // 2**32 for m in range(2)] for i in range(5)]
        self.assertEqual(ends.tokens(TINY_ENDS, self.SEED).tolist(), expected)

    def test_embedding_is_the_tokens_row_or_dropped(self):
        table = self.tensors()["embedding.weight"]
        found = stack.step(TINY_ENDS, self.SEED, self.tensors())["embedding"]
        ids = ends.tokens(TINY_ENDS, self.SEED)
        drawn = philox.words(self.SEED, 4, 48).reshape(4, 2, 6)
        threshold = math.floor(0.2 * 2.0**32 + 0.5)
        for i, m, k in np.ndindex(4, 2, 6):
            kept = drawn[i, m, k] >= threshold
            expected = table[ids[i, m], k] / (1.0 - 0.2) if kept else 0.0
            self.assertAlmostEqual(found[i, m, k], expected, delta=1e-15)

    def test_loss_is_the_sum_written_out(self):
        tensors = self.tensors()
        results = stack.step(TINY_ENDS, self.SEED, tensors)
        ids, total = ends.tokens(TINY_ENDS, self.SEED), 0.0
        for i, m in np.ndindex(4, 2):
            x = results["output"][i, m].tolist()
            mean = sum(x) / 6
            deviation = math.sqrt(sum((value - mean) ** 2 for value in x) / 6 + 1e-5)
            y = [
                (x[k] - mean) / deviation * tensors["final_norm.weight"][k]
                + tensors["final_norm.bias"][k]
                for k in range(6)
            ]
            logits = [sum(y[k] * row[k] for k in range(6)) for row in tensors["embedding.weight"]]
            total += math.log(sum(math.exp(logit) for logit in logits)) - logits[ids[i + 1, m]]
        self.assertEqual(results["loss"].shape, (1,))
        self.assertAlmostEqual(results["loss"][0], total / 8, delta=1e-14)

    def test_loss_of_equal_logits_is_the_logarithm_of_the_vocabulary(self):
        labels = np.array([[0, 2], [1, 1]])
        loss, gradient = operations.cross_entropy(np.full((2, 2, 3), 800.0), labels)
        self.assertAlmostEqual(loss, math.log(3.0), places=15)
        expected = (1.0 / 3.0 - np.eye(3)[labels]) / 4.0
        np.testing.assert_allclose(gradient, expected, rtol=1e-14)

    def test_padding_changes_nothing_and_has_no_gradient(self):
        plain = stack.step(TINY_ENDS, self.SEED, self.tensors())
        tensors = self.tensors(ranks=4)
        tensors["embedding.weight"][7] = 1e6
        padded = stack.step(TINY_ENDS, self.SEED, tensors)
        grad = padded.pop("embedding.weight.grad")
        np.testing.assert_array_equal(grad[:7], plain.pop("embedding.weight.grad"))
        np.testing.assert_array_equal(grad[7:], np.zeros((1, 6)))
        for name, tensor in plain.items():
            np.testing.assert_array_equal(padded[name], tensor, name)


class FormatTest(unittest.TestCase):
    VALUES = np.concatenate(
        [np.random.default_rng(5).standard_normal(1000) * 10.0**e for e in range(-37, 38)]
    )

    def test_fp32_and_fp64_are_those_of_numpy(self):
        # Zero, powers of two, the least normal numbers and what is below them.
        values = np.concatenate([self.VALUES, [0.0, 1.0, -2.0, 2.0**-126, 3e-41, -1e-45]])
        for form, least in ((formats.FP32, 2.0**-149), (formats.FP64, 2.0**-1074)):
            expected = values.astype(form.dtype)
            np.testing.assert_array_equal(form.rounded(values), expected.astype(np.float64))
            spacing = np.spacing(np.abs(expected)).astype(np.float64)
            np.testing.assert_array_equal(form.spacing(expected.astype(np.float64)), spacing)
            self.assertEqual(form.spacing(np.zeros(1))[0], least)

    def test_bf16_is_the_upper_half_of_the_nearer_float(self):
        exact = self.VALUES.astype(np.float32)
        upper = exact.view(np.uint32) >> np.uint32(16)
        below, above = (
            (half << np.uint32(16)).view(np.float32).astype(np.float64)
            for half in (upper, upper + np.uint32(1))
        )
        to_below, to_above = np.abs(exact - below), np.abs(above - exact)
        is_below = (to_below < to_above) | ((to_below == to_above) & (upper % 2 == 0))
        np.testing.assert_array_equal(
            formats.BF16.rounded(exact), np.where(is_below, below, above)
        )
        np.testing.assert_array_equal(formats.BF16.spacing(below), np.abs(above - below))

    def test_bf16_rounds_ties_to_even(self):
        found = formats.BF16.rounded([1.0 + 2.0**-8, 1.0 + 3 * 2.0**-8, -1.0 - 2.0**-8])
        self.assertEqual(found.tolist(), [1.0, 1.0 + 2 * 2.0**-7, -1.0])

    def test_a_format_holds_its_own_numbers_alone(self):
        rounded = formats.BF16.rounded(self.VALUES)
        self.assertTrue(formats.BF16.holds(rounded))
        self.assertTrue(formats.BF16.holds(np.array([np.nan, np.inf, 0.0, 2.0**-133])))
        self.assertFalse(formats.BF16.holds(np.append(rounded, 1.0 + 2.0**-8)))
        self.assertFalse(formats.BF16.holds(np.array([2.0**-134])))


if __name__ == "__main__":
    unittest.main()
