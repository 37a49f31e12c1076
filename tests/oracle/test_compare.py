"""Tests of the comparison: dumps that the oracle wrote itself pass, and dumps with planted faults
are caught, each by its name."""

import contextlib
import dataclasses
import io
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

import compare
import ends
import stack
from dump import Case, layout
from stack import Model
from synthetic import write_dump

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
    vocab_size=0,
)


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


class CompareTest(unittest.TestCase):
    CASE = Case(SMALL, "fp64", 4, True, False, 1234)
    # Padded to 40, of which the last of four ranks holds 7 real rows and 3 others.
    ENDS = dataclasses.replace(CASE, model=dataclasses.replace(SMALL, vocab_size=37))

    # Two ranks share the key and the value of a group.
    LLAMA = dataclasses.replace(CASE, model=SMALL_LLAMA)

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
        # One rank has no padding to look at.
        self.assertEqual(output.count("all 59 checks hold"), 1, output)
        self.assertEqual(output.count("all 60 checks hold"), 4, output)

    def test_good_dumps_of_llama_pass(self):
        index = 0
        for groups in (1, 2, 4):
            for tensor in (1, 2, 4):
                for sequence in (False, True):
                    model = dataclasses.replace(SMALL_LLAMA, num_query_groups=groups)
                    changes = {"model": model, "tensor": tensor, "sequence": sequence}
                    case = dataclasses.replace(self.LLAMA, **changes)
                    write_dump(self.root / f"case{index}", case)
                    index += 1
        status, output = self.run_compare()
        self.assertEqual(status, 0, output)
        # Two rows of padding checks where the vocabulary is padded.
        self.assertEqual(output.count("all 35 checks hold"), 6, output)
        self.assertEqual(output.count("all 37 checks hold"), 12, output)
        self.assertIn("llama with g 2, theta 500", output)

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
        # Ten bounds away, in one element of one rank.
        largest = max(np.abs(np.load(p)).max() for p in self.root.glob(f"rank*/{name}.npy"))
        grad[3, 5] += 1e-9 * largest
        np.save(path, grad)
        self.assert_caught(name)

    def check_every_tensor(self, case):
        self.planted(case)
        for name in layout(case):
            path = self.root / "rank3" / f"{name}.npy"
            good = path.read_bytes()
            self.change(path, lambda tensor: tensor * 1.0000001)
            self.assert_caught(name)
            path.write_bytes(good)
        self.assertEqual(self.run_compare()[0], 0)

    def test_every_tensor_is_judged(self):
        self.check_every_tensor(self.CASE)

    def test_every_tensor_is_judged_with_ends(self):
        self.check_every_tensor(self.ENDS)

    def test_every_tensor_is_judged_of_llama(self):
        self.check_every_tensor(self.LLAMA)

    def test_shared_key_that_differs_in_its_last_bit(self):
        self.planted(self.LLAMA)

        def touch(grad):
            grad[4, 3] = np.nextafter(grad[4, 3], 9e9)  # behind a head of four rows of queries
            return grad

        self.change("rank3/layers.1.qkv.weight.grad.npy", touch)
        self.assert_caught("rank3/layers.1.qkv.weight.grad.npy: differs from that of rank 2")

    def test_gradient_of_a_key_that_is_not_summed_up(self):
        self.planted(self.LLAMA)

        def halve(grad):
            grad[4:8] *= 0.5
            return grad

        for rank in (2, 3):
            self.change(f"rank{rank}/layers.0.qkv.weight.grad.npy", halve)
        self.assert_caught("layers.0.qkv.weight.grad ")

    def test_gate_and_up_in_each_others_place(self):
        self.planted(self.LLAMA)
        for rank in range(4):
            self.change(f"rank{rank}/layers.0.fc1.weight.grad.npy",
                        lambda grad: np.concatenate(np.split(grad, 2)[::-1]))
        self.assert_caught("layers.0.fc1.weight.grad ")

    def test_another_case_of_llama_than_the_dumped_one(self):
        self.planted(self.LLAMA)
        self.assert_settings_matter(
            ("model", "rope_theta", 501.0, "output "),
            ("model", "num_query_groups", 1, "qkv.weight"),
            ("model", "num_query_groups", 3, "case.json"),
            ("model", "family", "gpt", "layers.0.norm1.bias.npy: missing"),
            ("model", "family", "bert", "case.json"),
        )

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
        # Gradients of parameters are fp32, and no unit of bf16 counts for them.
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

    def assert_settings_matter(self, *changes):
        path = self.root / "case.json"
        good = json.loads(path.read_text(encoding="utf-8"))
        for section, key, value, words in changes:
            changed = {**good, section: {**good[section], key: value}}
            path.write_text(json.dumps(changed), encoding="utf-8")
            self.assert_caught(words)

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
