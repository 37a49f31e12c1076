#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `tidemark run` reports of the memory and the traffic of small cases, against the tests' own
arithmetic.

Environment: see harness.py.
"""
import unittest

from records import A, B, H, LAYERS, S, SEQUENCE_OFF_AND_ON, measure, once


def modes(t):
    """The records of TP, TP+SP and TP+SP with kept inputs on t ranks."""
    tp, sp = once(t, SEQUENCE_OFF_AND_ON)[1]
    (keep,) = once(t, "parallel.sequence=true", "parallel.keep_gathered=true")[1]
    return tp, sp, keep


class Memory(unittest.TestCase):
    def saved_bytes(self, w, whole, t):
        """Saved bytes of the stack on a rank. So many elements of sbh are whole, apart from
        masks."""
        sbh, scores = S * B * H, A * S * S * B
        whole_bytes = whole * w * sbh
        elements, masks = 16 * sbh + 2 * scores, 2 * sbh + scores
        return LAYERS * (whole_bytes + ((elements - whole * sbh) * w + masks) // t)

    def assert_consistent(self, record):
        memory = record["memory"]
        self.assertEqual(memory["saved_bytes"], LAYERS * memory["saved_bytes_per_layer"])
        self.assertEqual(memory["saved_bytes_per_layer"], memory["formula_bytes_per_layer"])
        self.assertEqual(sum(tensor["bytes_per_layer"] for tensor in memory["by_tensor"]
                             if tensor["in_formula"]), memory["saved_bytes_per_layer"])
        self.assertEqual(sum(tensor["bytes"] for tensor in memory["at_peak"]),
                         memory["peak_bytes"])
        self.assertGreater(memory["peak_bytes"], memory["saved_bytes"])
        self.assertGreaterEqual(memory["pool_bytes"], memory["peak_bytes"])

    def test_saved_follows_the_formula(self):
        (single,) = once(1)[1]
        unsharded = single["memory"]["saved_bytes"]
        self.assertEqual(unsharded, self.saved_bytes(4, 0, 1))
        self.assert_consistent(single)
        for t in (2, 4):
            tp, sp, keep = modes(t)
            for record in (tp, sp, keep):
                self.assert_consistent(record)
            self.assertEqual(t * sp["memory"]["saved_bytes"], unsharded)
            self.assertEqual(keep["memory"]["saved_bytes"], self.saved_bytes(4, 2, t))
            # Under TP, the norm, qkv and fc1 inputs are whole, and so are both hidden-dropout
            # masks.
            masks = LAYERS * 2 * S * B * H
            self.assertEqual(tp["memory"]["saved_bytes"],
                             self.saved_bytes(4, 4, t) + masks - masks // t)
            self.assertGreater(t * tp["memory"]["saved_bytes"], unsharded)

    def test_of_fp64(self):
        for record, whole_masks in zip(once(2, SEQUENCE_OFF_AND_ON, "precision=fp64")[1], (1, 0)):
            self.assert_consistent(record)
            self.assertEqual(record["memory"]["saved_bytes"],
                             self.saved_bytes(8, 4 * whole_masks, 2)
                             + whole_masks * LAYERS * S * B * H)
            self.assertEqual({check["bound"] for check in record["verification"]["checks"]
                              if check["name"].startswith("twin_")}, {1e-12})

    def test_is_the_same_in_every_run(self):
        first = once(2, SEQUENCE_OFF_AND_ON)[1]
        again = measure(2, SEQUENCE_OFF_AND_ON)[1]
        for one, other in zip(first, again):
            for key in ("saved_bytes", "peak_bytes", "pool_bytes", "by_tensor", "at_peak"):
                self.assertEqual(one["memory"][key], other["memory"][key])

    def test_of_the_process_bears_the_ledger_out(self):
        # The attention matrices are large. They need memory, but few operations.
        (record,) = measure(2, "parallel.sequence=true", text=(
            "model: {num_layers: 2, hidden_size: 512, num_attention_heads: 32, seq_length: 1024}\n"
            "bench: {warmup: 1, iterations: 1}\n"))[1]
        memory = record["memory"]
        known = sum(memory[key] for key in ("parameter_bytes", "gradient_bytes", "peak_bytes",
                                            "communication_buffer_bytes"))
        self.assertGreater(known, 300 * 2 ** 20)
        self.assertLessEqual(memory["process_bytes"], 1.05 * known + 150 * 2 ** 20)
        self.assertGreaterEqual(memory["process_bytes"], known)


class Traffic(unittest.TestCase):
    def check(self, record, t, w, collectives):
        """`collectives` are (op, calls per layer, units of (t-1)/t N per call)."""
        n = S * B * H * w
        calls = {call["op"]: call for call in record["comm"]["calls"]
                 if call["purpose"] == "activation"}
        self.assertEqual(set(calls), {op for op, _, _ in collectives})
        for op, per_layer, units in collectives:
            call = calls[op]
            self.assertEqual(call["count"], per_layer * LAYERS)
            self.assertEqual(call["bytes"], per_layer * LAYERS * n)
            self.assertEqual(call["wire_bytes"], per_layer * LAYERS * units * (t - 1) * n // t)
        self.assertEqual(record["comm"]["wire_bytes_per_step"],
                         sum(call["wire_bytes"] for call in calls.values()))

    def test_equals_the_published_table(self):
        for t in (2, 4):
            tp, sp, keep = modes(t)
            unit = (t - 1) * S * B * H * 4 // t * LAYERS
            self.check(tp, t, 4, [("all_reduce", 4, 2)])
            self.check(sp, t, 4, [("all_gather", 6, 1), ("reduce_scatter", 4, 1)])
            self.check(keep, t, 4, [("all_gather", 4, 1), ("reduce_scatter", 4, 1)])
            self.assertEqual([r["comm"]["wire_bytes_per_step"] for r in (tp, sp, keep)],
                             [8 * unit, 10 * unit, 8 * unit])

    def test_of_fp64_is_twice_that(self):
        tp, sp = once(2, SEQUENCE_OFF_AND_ON, "precision=fp64")[1]
        self.check(tp, 2, 8, [("all_reduce", 4, 2)])
        self.check(sp, 2, 8, [("all_gather", 6, 1), ("reduce_scatter", 4, 1)])

    def test_of_gradients_stands_apart(self):
        for t in (2, 4):
            tp, *sharded = modes(t)
            self.assertEqual({call["purpose"] for call in tp["comm"]["calls"]}, {"activation"})
            for record in sharded:
                (call,) = [c for c in record["comm"]["calls"] if c["purpose"] == "gradient"]
                size = 6 * H * LAYERS * 4
                self.assertEqual((call["op"], call["count"], call["bytes"], call["wire_bytes"]),
                                 ("all_reduce", 1, size, 2 * (t - 1) * size // t))

    def test_of_one_rank_is_none(self):
        (record,) = once(1)[1]
        self.assertEqual(record["comm"]["calls"], [])
        self.assertEqual(record["comm"]["wire_bytes_per_step"], 0)


class Eight(unittest.TestCase):
    def test_ranks_on_fewer_cores(self):
        (single,) = once(1)[1]
        _, sp = once(8, SEQUENCE_OFF_AND_ON, "bench.iterations=1")[1]
        self.assertEqual(8 * sp["memory"]["saved_bytes"], single["memory"]["saved_bytes"])
        self.assertEqual(len(sp["ranks_detail"]), 8)


if __name__ == "__main__":
    unittest.main()
