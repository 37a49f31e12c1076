#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What runs with bf16, recomputation, blocked attention and the two ends of the stack report,
against the tests' own arithmetic.

Environment: see harness.py.
"""
import functools
import math
import unittest

from records import A, B, H, LAYERS, S, SEQUENCE_OFF_AND_ON, measure, rows_of

N = S * B * H  # elements of a whole activation
SCORES = A * S * S * B
V = 50
RECOMPUTE = "sweep.recompute=[none, selective, full]"

# Several tests look at the same run, so it is not repeated for each.
once = functools.cache(measure)


def calls_of(record, purpose="activation"):
    """Count, bytes and wire bytes of each collective of a record."""
    return {call["op"]: (call["count"], call["bytes"], call["wire_bytes"])
            for call in record["comm"]["calls"] if call["purpose"] == purpose}


class Bf16(unittest.TestCase):
    def test_saves_what_the_paper_says(self):
        (single,) = once(1, "precision=bf16")[1]
        self.assertEqual(single["memory"]["saved_bytes"], LAYERS * (34 * N + 5 * SCORES))
        for t in (2, 4):
            tp, sp = once(t, SEQUENCE_OFF_AND_ON, "precision=bf16")[1]
            self.assertEqual(tp["memory"]["saved_bytes_per_layer"],
                             10 * N + (24 * N + 5 * SCORES) // t)
            self.assertEqual(t * sp["memory"]["saved_bytes"], single["memory"]["saved_bytes"])

    def test_keeps_gradients_statistics_and_sums_in_full(self):
        (single,) = once(1, "precision=bf16")[1]
        memory = single["memory"]
        self.assertEqual(memory["gradient_bytes"], 2 * memory["parameter_bytes"])
        self.assertEqual(memory["norm_statistics_bytes"], LAYERS * 2 * S * B * 2 * 4)
        _, sp = once(2, SEQUENCE_OFF_AND_ON, "precision=bf16")[1]
        size = 6 * H * LAYERS * 4
        self.assertEqual(calls_of(sp, "gradient"), {"all_reduce": (1, size, size)})

    def test_moves_half_the_bytes(self):
        tp, sp = once(2, SEQUENCE_OFF_AND_ON, "precision=bf16")[1]
        self.assertEqual(calls_of(tp),
                         {"all_reduce": (4 * LAYERS, 8 * LAYERS * N, 8 * LAYERS * N)})
        self.assertEqual(calls_of(sp),
                         {"all_gather": (6 * LAYERS, 12 * LAYERS * N, 6 * LAYERS * N),
                          "reduce_scatter": (4 * LAYERS, 8 * LAYERS * N, 4 * LAYERS * N)})

    def test_is_judged_by_bounds_of_its_own(self):
        for record in once(2, SEQUENCE_OFF_AND_ON, "precision=bf16")[1]:
            self.assertIs(record["valid"], True)
            checks = {check["name"]: check for check in record["verification"]["checks"]}
            self.assertEqual(checks["twin_against_fp64"]["bound"], 5e-2)
            self.assertEqual({check["bound"] for name, check in checks.items()
                              if name.startswith("twin_") and name != "twin_against_fp64"}, {2e-2})
            # The sums have another order. The error must be that of bf16, and not of another
            # precision.
            self.assertGreater(checks["twin_output"]["value"], 1e-4)


class Recomputation(unittest.TestCase):
    PRODUCTS = 3 * LAYERS * (2 * N * (4 * H + 8 * H) + 4 * B * S * S * H)

    def test_saves_less(self):
        for t in (1, 2):
            for sequence in ("false", "true"):
                none, selective, full = once(t, RECOMPUTE, f"parallel.sequence={sequence}")[1]
                self.assertEqual(none["memory"]["saved_bytes"] - selective["memory"]["saved_bytes"],
                                 LAYERS * (2 * 4 + 1) * SCORES // t)
                own = N // t if sequence == "true" else N
                self.assertEqual(full["memory"]["saved_bytes"], LAYERS * 4 * own)
                self.assertEqual(full["memory"]["norm_statistics_bytes"], 0)
                peaks = [record["memory"]["peak_bytes"] for record in (none, selective, full)]
                self.assertEqual(peaks, sorted(peaks, reverse=True))

    def test_launches_more_for_the_same_model(self):
        for t in (1, 2):
            none, selective, full = once(t, RECOMPUTE, "parallel.sequence=false")[1]
            for record, more in ((none, 0), (selective, LAYERS * 2 * B * S * S * H),
                                 (full, self.PRODUCTS // 3)):
                self.assertEqual(record["flops"]["model_per_step"], self.PRODUCTS)
                self.assertEqual(record["flops"]["launched_per_rank"], (self.PRODUCTS + more) // t)

    def test_of_whole_layers_communicates_again(self):
        none, selective, full = once(2, RECOMPUTE, "parallel.sequence=true")[1]
        count = {op: calls[0] for op, calls in calls_of(full).items()}
        self.assertEqual(calls_of(none), calls_of(selective))
        self.assertEqual(count, {"all_gather": 8 * LAYERS, "reduce_scatter": 6 * LAYERS})
        (*_, full) = once(2, RECOMPUTE, "parallel.sequence=false")[1]
        self.assertEqual(calls_of(full)["all_reduce"][0], 6 * LAYERS)

    def test_has_rows_of_its_own(self):
        result, _ = once(2, RECOMPUTE, "parallel.sequence=true")
        self.assertEqual([(row[0], row[-1]) for row in rows_of(result.output)],
                         [("TP+SP", "yes"), ("TP+SP+selective", "yes"), ("TP+SP+full", "yes")])


class BlockedAttention(unittest.TestCase):
    def test_saves_a_number_a_row_instead_of_matrices(self):
        for t in (1, 2):
            (record,) = once(t, "model.attention=blocked")[1]
            (materialized,) = once(t)[1]
            self.assertIs(record["valid"], True)
            saved, of_matrices = (r["memory"]["saved_bytes"] for r in (record, materialized))
            self.assertEqual(of_matrices - saved, LAYERS * (9 * SCORES - 4 * A * B * S) // t)

    def test_leaves_out_hidden_blocks(self):
        # Blocks have 512 positions. The causal mask leaves out the upper right one of 2 x 2, so a
        # quarter. There are seven products.
        for causal, visible in (("true", 3), ("false", 4)):
            (record,) = once(1, "model.attention=blocked", "model.seq_length=1024",
                             "model.micro_batch_size=1", f"model.causal={causal}")[1]
            others = 3 * LAYERS * 2 * 1024 * H * 12 * H
            self.assertEqual(record["flops"]["launched_per_rank"],
                             others + LAYERS * 7 * 2 * visible * 512 * 512 * H)
            self.assertEqual(record["flops"]["model_per_step"],
                             others + LAYERS * 3 * 4 * 1024 * 1024 * H)


class Ends(unittest.TestCase):
    def test_loss_is_the_same_however_the_stack_is_cut(self):
        (single,) = once(1, f"model.vocab_size={V}", "precision=fp64")[1]
        # Nothing has been learnt. The loss is about that of a guess in nats, and a little more.
        self.assertGreater(single["loss"], 0.9 * math.log(V))
        self.assertLess(single["loss"], math.log(V) + 2.0)
        for t in (2, 4):
            for record in once(t, SEQUENCE_OFF_AND_ON, RECOMPUTE, f"model.vocab_size={V}",
                               "precision=fp64")[1]:
                self.assertAlmostEqual(record["loss"], single["loss"], delta=1e-12)

    def test_there_is_no_loss_without_them(self):
        for record in once(2, SEQUENCE_OFF_AND_ON)[1]:
            self.assertIsNone(record["loss"])
            self.assertEqual(record["memory"]["ends"], [])
            self.assertEqual(record["memory"]["ends_saved_bytes"], 0)

    def test_save_what_the_paper_says(self):
        # 5 N: masks, inputs of the final norm and of the projection. Also fp32 logits.
        (single,) = once(1, f"model.vocab_size={V}", "precision=bf16")[1]
        memory = single["memory"]
        self.assertEqual(memory["ends_saved_bytes"], 5 * N + 4 * S * B * V)
        self.assertEqual(memory["ends_closed_formula_bytes"], memory["ends_saved_bytes"])
        self.assertEqual(memory["saved_bytes"], memory["ends_saved_bytes"]
                         + LAYERS * memory["saved_bytes_per_layer"])
        tp, sp = once(4, SEQUENCE_OFF_AND_ON, f"model.vocab_size={V}", "precision=bf16")[1]
        # The vocabulary is padded to 52, which the paper does not include.
        self.assertEqual(tp["memory"]["ends_saved_bytes"], 5 * N + S * B * 52)
        self.assertEqual(sp["memory"]["ends_saved_bytes"], 5 * N // 4 + S * B * 52)
        self.assertIsNone(sp["memory"]["ends_closed_formula_bytes"])

    def test_move_what_the_layers_move_once_more(self):
        tp, sp = once(4, SEQUENCE_OFF_AND_ON, f"model.vocab_size={V}", "precision=bf16")[1]
        n, loss = 2 * N, 3 * 4 * S * B * 4  # per rank and token three fp32 numbers
        reduces = (4 * LAYERS + 2) * n
        self.assertEqual(calls_of(tp), {
            "all_reduce": (4 * LAYERS + 2, reduces, reduces * 3 // 2),
            "all_gather": (1, loss, loss * 3 // 4)})
        gathers, scatters = (6 * LAYERS + 3) * n + loss, (4 * LAYERS + 2) * n
        self.assertEqual(calls_of(sp), {
            "all_gather": (6 * LAYERS + 4, gathers, gathers * 3 // 4),
            "reduce_scatter": (4 * LAYERS + 2, scatters, scatters * 3 // 4)})
        size = (6 * LAYERS + 2) * H * 4
        self.assertEqual(calls_of(sp, "gradient"), {"all_reduce": (1, size, size * 3 // 2)})

    def test_padding_is_announced(self):
        result, records = once(4, SEQUENCE_OFF_AND_ON, f"model.vocab_size={V}", "precision=bf16")
        self.assertEqual(result.output.count("padded"), 1)
        self.assertIn(f"\nvocabulary of {V} padded to 52, a multiple of t = 4\n", result.output)
        self.assertIn(f", V {V}, bf16; 4 ranks", result.output.splitlines()[0])
        for row, record in zip(rows_of(result.output), records):
            memory = record["memory"]
            formula = LAYERS * memory["formula_bytes_per_layer"] + memory["ends_formula_bytes"]
            self.assertEqual(row[7:9], [f"{memory['saved_bytes'] / 2 ** 20:.2f}",
                                        f"{formula / 2 ** 20:.2f}"])


if __name__ == "__main__":
    unittest.main()
