# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the comparison: dumps that the oracle wrote itself pass, and dumps with planted faults
are caught, each by its name."""

import dataclasses
import shutil
import unittest

import numpy as np

import ends
import stack
from planted import CASE, SMALL, PlantedTest
from synthetic import write_dump


class CompareTest(PlantedTest):
    # Padded to 40. The last of four ranks holds 7 real rows and 3 others.
    ENDS = dataclasses.replace(CASE, model=dataclasses.replace(SMALL, vocab_size=37))

    def test_good_dumps_pass(self):
        for index, (precision, tensor, sequence) in enumerate(
            [
                ("fp64", 1, False),
                ("fp64", 2, False),
                ("fp64", 2, True),
                ("fp32", 4, True),
                ("bf16", 4, False),
            ]
        ):
            changes = {"precision": precision, "tensor": tensor, "sequence": sequence}
            write_dump(self.root / f"case{2 * index}", dataclasses.replace(self.CASE, **changes))
            with_ends = dataclasses.replace(self.ENDS, **changes)
            write_dump(self.root / f"case{2 * index + 1}", with_ends)
        status, output = self.run_compare()
        self.assertEqual(status, 0, output)
        self.assertEqual(output.count("all 52 checks hold"), 5, output)
        # One rank has no padding, so there is nothing to check for it.
        self.assertEqual(output.count("all 59 checks hold"), 1, output)
        self.assertEqual(output.count("all 60 checks hold"), 4, output)

    def test_dumps_say_how_they_were_computed(self):
        case = dataclasses.replace(self.ENDS, recompute="full", attention="blocked")
        self.planted(case)
        self.assertIn("recompute full, attention blocked", self.run_compare()[1])
        self.assertIn("V 37", self.run_compare()[1])

    def test_perturbed_gradient(self):
        self.planted()
        name = "layers.1.fc1.weight.grad"
        path = self.root / "rank2" / f"{name}.npy"
        grad = np.load(path)
        # Changes one element of one rank by ten bounds.
        largest = max(np.abs(np.load(p)).max() for p in self.root.glob(f"rank*/{name}.npy"))
        grad[3, 5] += 1e-9 * largest
        np.save(path, grad)
        self.assert_caught(name)

    def test_every_tensor_is_judged(self):
        self.check_every_tensor(self.CASE)

    def test_every_tensor_is_judged_with_ends(self):
        self.check_every_tensor(self.ENDS)

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

    def test_wrong_loss(self):
        self.planted(self.ENDS)
        for rank in range(4):
            self.change(f"rank{rank}/loss.npy", lambda loss: loss * (1.0 + 1e-9))
        self.assert_caught("loss ")

    def test_loss_that_differs_in_its_last_bit(self):
        self.planted(self.ENDS)
        self.change("rank2/loss.npy", lambda loss: np.nextafter(loss, 9e9))
        self.assert_caught("rank2/loss.npy: differs")

    def test_loss_is_fp64_in_every_precision(self):
        self.planted(dataclasses.replace(self.ENDS, precision="bf16"))
        self.change("rank1/loss.npy", lambda loss: loss.astype(np.float32))
        self.assert_caught("rank1/loss.npy: holds float32, not float64")

    def test_padding_row_with_a_gradient(self):
        self.planted(self.ENDS)

        def touch(grad):
            grad[7, 4] = 1e-300
            return grad

        self.change("rank3/embedding.weight.grad.npy", touch)
        self.assert_caught("embedding.weight.grad, padding")

    def test_padding_row_drawn_from_elsewhere(self):
        self.planted(self.ENDS)

        def clear(weight):
            weight[7:] = 0.0
            return weight

        self.change("rank3/embedding.weight.npy", clear)
        self.assert_caught("embedding.weight ")

    def test_embedding_gradient_of_one_use_alone(self):
        self.planted(self.ENDS)
        case = self.ENDS
        tensors = stack.initial_tensors(case.model, case.seed, 4)
        dx = stack.step(case.model, case.seed, tensors)["embedding_grad"]
        table = tensors["embedding.weight"]
        lookups = ends.embedding_backward(case.model, case.seed, table, dx)
        for rank, part in enumerate(np.split(lookups, 4)):
            path = f"rank{rank}/embedding.weight.grad.npy"
            kept = np.load(self.root / path)
            for wrong in (part, kept - part):
                np.save(self.root / path, wrong)
                self.assert_caught("embedding.weight.grad ")
            np.save(self.root / path, kept)
        self.assertEqual(self.run_compare()[0], 0)

    def test_bf16_bounds(self):
        self.planted(dataclasses.replace(self.ENDS, precision="bf16"))
        weight, grad = (f"rank0/layers.0.fc1.weight{end}.npy" for end in ("", ".grad"))
        good = {path: (self.root / path).read_bytes() for path in (weight, grad)}

        def assert_one_change(path, change, words):
            self.change(path, change)
            if words:
                self.assert_caught(words)
            else:
                self.assertEqual(self.run_compare()[0], 0)
            (self.root / path).write_bytes(good[path])

        def units(count):
            return lambda x: (x.view(np.uint32) + np.uint32(count << 16)).view(np.float32)

        assert_one_change(weight, lambda x: np.nextafter(x, np.float32(9)), "not bf16")
        assert_one_change(weight, units(1), "")
        assert_one_change(weight, units(2), "layers.0.fc1.weight ")
        # Gradients of parameters are fp32, so the unit of bf16 does not matter for them.
        assert_one_change(grad, lambda x: np.nextafter(x, np.float32(9)), "")
        assert_one_change(grad, lambda x: x * np.float32(1.05), "layers.0.fc1.weight.grad ")

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
        self.assert_settings_matter(
            ("bench", "seed", 4321, "input "),
            ("model", "hidden_dropout", 0.11, "output "),
            ("model", "attention_dropout", 0.0, "output "),
            ("model", "causal", False, "output "),
            ("model", "num_layers", 3, "layers.2.norm1.weight.npy: missing"),
            ("model", "vocab_size", 37, "rank0/loss.npy: missing"),
            ("parallel", "sequence", False, "not [8, 3, 12]"),
            ("parallel", "tensor", 3, "case.json"),
        )

    def test_another_case_with_ends_than_the_dumped_one(self):
        self.planted(self.ENDS)
        self.assert_settings_matter(
            ("bench", "seed", 4321, "embedding "),
            ("model", "hidden_dropout", 0.0, "embedding "),
            ("model", "vocab_size", 38, "embedding "),
            ("model", "vocab_size", 41, "not [11, 12]"),
            ("model", "vocab_size", 0, "rank0/loss.npy: unexpected"),
        )

    def test_sweep_with_a_gap_and_folder_without_a_dump(self):
        self.root.mkdir()
        self.assert_caught("neither case.json")
        for index in (0, 2):
            write_dump(self.root / f"case{index}", self.CASE)
        self.assert_caught("case1: missing")


if __name__ == "__main__":
    unittest.main()
