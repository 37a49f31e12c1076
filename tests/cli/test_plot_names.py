#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/plot: labels say how cases differ, and titles what they have in common.

The tests need no executable.
"""
import unittest

from synthetic import placed, quietly, record
import tools  # noqa: F401  the next lines need it
from tidemark_tools.plotting import names


class Names(unittest.TestCase):
    def labels(self, *data, figure="saved"):
        return [label for label, _ in names.named(figure, placed(*data))]

    def test_modes_are_those_of_the_table(self):
        self.assertEqual(self.labels(record(tensor=1)), ["single"])
        self.assertEqual(self.labels(record()), ["TP"])
        self.assertEqual(self.labels(record(sequence=True)), ["TP+SP"])
        self.assertEqual(self.labels(record(sequence=True, keep_gathered=True)), ["TP+SP keep"])
        self.assertEqual(self.labels(record(recompute="full")), ["TP, full recompute"])
        self.assertEqual(self.labels(record(attention="blocked")), ["TP, blocked attention"])

    def test_labels_say_what_differs_and_nothing_else(self):
        self.assertEqual(self.labels(record(), record(sequence=True)), ["TP", "TP+SP"])
        self.assertEqual(self.labels(record(), record(precision="bf16"), record(seq_length=64)),
                         ["TP, fp32, s 32", "TP, bf16, s 32", "TP, fp32, s 64"])
        self.assertEqual(self.labels(record(tensor=1), record()), ["single, t 1", "TP, t 2"])
        self.assertEqual(self.labels(record(warmup=1), record(sequence=True, warmup=2)),
                         ["TP", "TP+SP"])
        self.assertEqual(self.labels(record(ffn_hidden_size=128), record()), ["TP, ffn 128", "TP"])

    def test_a_run_that_was_not_verified_says_so(self):
        self.assertEqual(self.labels(record(valid=None)), ["TP, not verified"])

    def test_of_the_same_case_the_last_record_counts(self):
        found, said = quietly(names.named, "saved", placed(record(), record(warmup=9)))
        self.assertEqual([one.place for _, one in found], ["r.jsonl:2"])
        self.assertEqual(said, ["[plot] saved: r.jsonl:1: left out: the same case stands again at "
                                "r.jsonl:2"])

    def test_the_title_has_name_shape_and_precision(self):
        self.assertEqual(names.title_of(placed(record())),
                         "small: L 3, h 64, a 8, s 32, b 2, t 2, fp32")
        self.assertEqual(names.title_of(placed(record(kind="plan", vocab_size=100)), over_t=True),
                         "small: L 3, h 64, a 8, s 32, b 2, V 100, fp32 (plan)")
        self.assertEqual(names.title_of(placed(record(), record(precision="bf16", hidden_size=128,
                                                                ffn_hidden_size=512))),
                         "small: L 3, a 8, s 32, b 2, t 2")


if __name__ == "__main__":
    unittest.main()
