# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the oracle itself, without the program that it judges.

Its generator is compared with Random123's known answers, and its backward with finite differences.
Its attention and its loss are compared with sums that are written out, and its number formats with
NumPy's.
"""

import dataclasses
import math
import unittest

import numpy as np

import attention
import ends
import formats
import gpt
import operations
import philox
import stack
from derivatives import TINY, TINY_ENDS, DerivativeTest

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
    # Blocks 0 and 1 of stream 34 of seed 1234, as Random123 computes them.
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


class StackTest(DerivativeTest):
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
        # The exact GELU, u Phi(u), is 0.841345 at 1. The tanh form is 1.5e-4 below it.
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
        # Zero, powers of two, the least normal numbers, and smaller numbers.
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
