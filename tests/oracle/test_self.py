"""Tests of the oracle itself, without the program it judges.

Its generator against Random123's known answers, its backward against finite differences, its
attention against sums written out; and dumps with planted faults, each of which must be caught.
"""

import contextlib
import dataclasses
import io
import json
import math
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

import compare
import philox
import stack
from dump import Case, layout
from stack import Model
from synthetic import write_dump

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
)
SMALL = Model(
    num_layers=2,
    hidden_size=12,
    ffn_hidden_size=20,
    num_attention_heads=4,
    seq_length=8,
    micro_batch_size=3,
    hidden_dropout=0.1,
    attention_dropout=0.2,
    causal=True,
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
        output, _ = stack.forward(model, self.SEED, tensors)
        return float(np.sum(output * tensors["output_grad"]))

    def difference(self, model, tensors, name):
        """Central differences of <output, output_grad> by every element of one tensor."""
        width, grads = 1e-5, np.zeros_like(tensors[name])
        for index in np.ndindex(grads.shape):
            sides = []
            for sign in (1.0, -1.0):
                moved = tensors[name].copy()
                moved[index] += sign * width
                sides.append(self.scalar(model, {**tensors, name: moved}))
            grads[index] = (sides[0] - sides[1]) / (2.0 * width)
        return grads

    def check_backward(self, model):
        tensors = stack.initial_tensors(model, self.SEED)
        results = stack.step(model, self.SEED, tensors)
        self.assertEqual(
            set(results),
            {"output", "input_grad"} | {f"{name}.grad" for name in stack.parameter_names(model)},
        )
        for name in ["input", *stack.parameter_names(model)]:
            grad = results["input_grad" if name == "input" else f"{name}.grad"]
            self.assertEqual(grad.shape, tensors[name].shape)
            self.assertGreater(np.max(np.abs(grad)), 1e-3, name)
            error = compare.relative_error(grad, self.difference(model, tensors, name))
            self.assertLess(error, 1e-8, name)

    def test_backward_is_the_derivative_with_dropout(self):
        masks = stack.dropout_masks(TINY, self.SEED, 0)
        self.assertTrue(all((mask == 0).any() for mask in masks.values()))
        self.check_backward(TINY)

    def test_backward_is_the_derivative_without_causal_mask(self):
        self.check_backward(
            dataclasses.replace(TINY, causal=False, num_layers=1, hidden_dropout=0.0)
        )

    def test_attention_is_the_sum_written_out(self):
        model = TINY
        s, b, d = model.seq_length, model.micro_batch_size, model.head_size
        rng = np.random.default_rng(3)
        qkv = rng.standard_normal((s, b, 3 * model.hidden_size))
        mask = rng.integers(0, 2, (model.num_attention_heads, b, s, s)) * 1.25
        context, _ = stack.attention(model, qkv, mask)
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
        y, _ = stack.norm(np.array([[[1.0, 3.0]]]), np.array([2.0, 2.0]), np.array([0.5, 0.5]))
        expected = 2.0 / math.sqrt(1.0 + 1e-5)
        np.testing.assert_allclose(y, [[[0.5 - expected, 0.5 + expected]]], rtol=1e-15)
        # The exact GELU, u Phi(u), is 0.841345 at 1; the tanh form is 1.5e-4 below it.
        self.assertAlmostEqual(float(stack.gelu(np.float64(1.0))), 0.8411919906, places=10)

    def test_a_later_token_reaches_an_earlier_one_only_without_causal_mask(self):
        for causal in (True, False):
            model = dataclasses.replace(TINY, causal=causal)
            tensors = stack.initial_tensors(model, self.SEED)
            before, _ = stack.forward(model, self.SEED, tensors)
            tensors["input"] = tensors["input"].copy()
            tensors["input"][-1, :, 0] += 1.0
            after, _ = stack.forward(model, self.SEED, tensors)
            self.assertEqual(np.array_equal(before[:-1], after[:-1]), causal)


class CompareTest(unittest.TestCase):
    CASE = Case(SMALL, "fp64", 4, True, False, 1234)

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="tidemark-oracle-")
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name) / "dump"

    def planted(self, case=None):
        write_dump(self.root, case or self.CASE)
        self.assertEqual(self.run_compare()[0], 0)
        return self.root

    def run_compare(self):
        """Exit status and output of compare.py."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = compare.main([str(self.root)])
        return status, output.getvalue()

    def assert_caught(self, words):
        status, output = self.run_compare()
        self.assertEqual(status, 1, output)
        blamed = [line for line in output.splitlines() if "WRONG" in line]
        self.assertTrue(any(words in line for line in blamed), output)

    def change(self, path, change):
        """Replaces one rank's tensor by `change` of it."""
        path = self.root / path
        np.save(path, change(np.load(path)))

    def test_good_dumps_pass(self):
        for index, (precision, tensor, sequence) in enumerate(
            [("fp64", 1, False), ("fp64", 2, False), ("fp64", 2, True), ("fp32", 4, True)]
        ):
            case = dataclasses.replace(
                self.CASE, precision=precision, tensor=tensor, sequence=sequence
            )
            write_dump(self.root / f"case{index}", case)
        status, output = self.run_compare()
        self.assertEqual(status, 0, output)
        self.assertEqual(output.count("all 52 tensors agree"), 4, output)

    def test_perturbed_gradient(self):
        self.planted()
        name = "layers.1.fc1.weight.grad"
        path = self.root / "rank2" / f"{name}.npy"
        grad = np.load(path)
        # Ten bounds away, in one element of one rank.
        largest = max(np.abs(np.load(p)).max() for p in self.root.glob(f"rank*/{name}.npy"))
        grad[3, 5] += 1e-9 * largest
        np.save(path, grad)
        self.assert_caught(name)

    def test_every_tensor_is_judged(self):
        self.planted()
        for name in layout(self.CASE):
            path = self.root / "rank3" / f"{name}.npy"
            good = path.read_bytes()
            self.change(path, lambda tensor: tensor * 1.0000001)
            self.assert_caught(name)
            path.write_bytes(good)
        self.assertEqual(self.run_compare()[0], 0)

    def test_swapped_shards(self):
        self.planted()
        for name in ("layers.0.qkv.weight.grad", "layers.0.proj.weight", "output"):
            first, second = (self.root / f"rank{rank}" / f"{name}.npy" for rank in (1, 2))
            self.swap(first, second)
            self.assert_caught(name)
            self.swap(first, second)
        self.assertEqual(self.run_compare()[0], 0)

    def swap(self, first, second):
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)

    def test_replicated_tensor_that_differs_in_its_last_bit(self):
        self.planted()
        self.change("rank3/layers.0.norm1.weight.grad.npy", lambda grad: np.nextafter(grad, 9e9))
        self.assert_caught("rank3/layers.0.norm1.weight.grad.npy: differs")

    def test_drawn_tensor_that_is_two_units_off(self):
        self.planted()
        for rank in range(4):
            self.change(
                f"rank{rank}/layers.1.fc2.bias.npy",
                lambda bias: np.nextafter(np.nextafter(bias, 9e9), 9e9),
            )
        self.assert_caught("layers.1.fc2.bias ")

    def test_not_a_number(self):
        self.planted()
        self.change("rank0/input_grad.npy", lambda grad: np.where(grad == grad.max(), np.nan, grad))
        self.assert_caught("input_grad")

    def test_missing_and_unexpected_files(self):
        self.planted()
        spare = self.root.parent / "spare"
        for path in ("rank1/output.npy", "rank3", "case.json"):
            shutil.move(self.root / path, spare)
            self.assert_caught(f"{path}: missing" if path != "case.json" else "neither case.json")
            shutil.move(spare, self.root / path)
        for path in ("rank0/layers.2.qkv.bias.npy", "rank4", "notes"):
            (self.root / path).write_bytes(b"")
            self.assert_caught(f"{path}: unexpected")
            (self.root / path).unlink()
        self.assertEqual(self.run_compare()[0], 0)

    def test_wrong_shape_wrong_type_and_truncated_file(self):
        self.planted()
        path = self.root / "rank1" / "layers.0.fc2.weight.npy"
        good = path.read_bytes()
        for change, words in (
            (lambda weight: weight.T, "shape [5, 12], not [12, 5]"),
            (lambda weight: weight.astype(np.float32), "holds float32, not float64"),
        ):
            self.change(path, change)
            self.assert_caught(words)
            path.write_bytes(good)
        for kept in (0, 20, len(good) - 8):
            path.write_bytes(good[:kept])
            self.assert_caught("rank1/layers.0.fc2.weight.npy")

    def test_another_case_than_the_dumped_one(self):
        self.planted()
        path = self.root / "case.json"
        good = json.loads(path.read_text(encoding="utf-8"))
        for section, key, value, words in (
            ("bench", "seed", 4321, "input "),
            ("model", "hidden_dropout", 0.11, "output "),
            ("model", "attention_dropout", 0.0, "output "),
            ("model", "causal", False, "output "),
            ("model", "num_layers", 3, "layers.2.norm1.weight.npy: missing"),
            ("parallel", "sequence", False, "not [8, 3, 12]"),
            ("parallel", "tensor", 3, "case.json"),
        ):
            changed = {**good, section: {**good[section], key: value}}
            path.write_text(json.dumps(changed), encoding="utf-8")
            self.assert_caught(words)

    def test_sweep_with_a_gap_and_folder_without_a_dump(self):
        self.root.mkdir()
        self.assert_caught("neither case.json")
        for index in (0, 2):
            write_dump(self.root / f"case{index}", self.CASE)
        self.assert_caught("case1: missing")


if __name__ == "__main__":
    unittest.main()
