# SPDX-License-Identifier: BSD-3-Clause
"""Runs the program on small cases of the GPT family and judges its dumps with the oracle.

Environment: see program.py.
"""

import unittest

from program import COARSE, LONG, OFF_AND_ON, WITHOUT_AND_WITH_ENDS, ProgramTest

WITH_AND_WITHOUT_DROPOUT = {
    "model.hidden_dropout": [0.0, 0.1],
    "model.attention_dropout": [0.0, 0.2],
}
CAUSAL_AND_NOT = {"model.causal": [True, False]}
# If whole layers are recomputed, none of their gathered inputs is kept.
KEEPING = {"materialized": ["none", "selective"], "blocked": ["none"]}


class OracleTest(ProgramTest):
    def test_one_rank(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT})

    def test_two_ranks(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT}, parallel__tensor=2)

    def test_four_ranks(self):
        self.check({**OFF_AND_ON, **WITH_AND_WITHOUT_DROPOUT}, parallel__tensor=4)

    def test_eight_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=8,
            model__num_attention_heads=8,
            model__ffn_hidden_size=40,
            model__seq_length=16,
        )

    def test_kept_gathered_inputs(self):
        self.check(
            {"parallel.keep_gathered": [False, True]}, parallel__tensor=2, parallel__sequence=True
        )

    def test_no_causal_mask(self):
        self.check(OFF_AND_ON, parallel__tensor=2, model__causal=False)

    def test_odd_sizes_on_one_rank(self):
        self.check(
            model__hidden_size=21,
            model__num_attention_heads=3,
            model__ffn_hidden_size=13,
            model__seq_length=7,
            model__micro_batch_size=1,
            bench__seed=4294967295,
        )

    def test_odd_sizes_on_three_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=3,
            model__hidden_size=33,
            model__num_attention_heads=3,
            model__ffn_hidden_size=39,
            model__seq_length=15,
            model__micro_batch_size=1,
            model__num_layers=3,
        )

    def test_ends_on_one_rank(self):
        self.check({"model.vocab_size": [37, 40], **WITH_AND_WITHOUT_DROPOUT})

    def test_ends_on_two_ranks(self):
        self.check(
            {**OFF_AND_ON, "model.vocab_size": [37, 40], "model.hidden_dropout": [0.0, 0.1]},
            parallel__tensor=2,
        )

    def test_ends_on_four_ranks(self):
        # With a vocabulary of 10, the last rank has one row, and two rows of padding.
        self.check({**OFF_AND_ON, "model.vocab_size": [10, 37, 40]}, parallel__tensor=4)

    def test_ends_of_odd_sizes_on_three_ranks(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=3,
            model__vocab_size=1001,
            model__num_layers=1,
            model__hidden_size=33,
            model__num_attention_heads=3,
            model__ffn_hidden_size=39,
            model__seq_length=15,
            model__micro_batch_size=1,
            bench__seed=4294967295,
        )

    def test_recomputation_on_one_rank(self):
        self.check_recomputation({**WITHOUT_AND_WITH_ENDS, **CAUSAL_AND_NOT})

    def test_recomputation_on_two_ranks(self):
        self.check_recomputation({**WITHOUT_AND_WITH_ENDS, **OFF_AND_ON}, parallel__tensor=2)

    def test_recomputation_on_four_ranks(self):
        self.check_recomputation(OFF_AND_ON, parallel__tensor=4, model__vocab_size=37)

    def test_recomputation_with_kept_gathered_inputs(self):
        for attention, recompute in KEEPING.items():
            self.check(
                {"recompute": recompute, "parallel.keep_gathered": [False, True]},
                model__attention=attention,
                parallel__tensor=2,
                parallel__sequence=True,
                model__vocab_size=37,
            )

    def test_recomputation_without_dropout(self):
        self.check_recomputation(
            {"model.hidden_dropout": [0.0, 0.1]},
            parallel__tensor=2,
            parallel__sequence=True,
            model__attention_dropout=0.0,
        )

    def test_one_block_and_several(self):
        self.check({**CAUSAL_AND_NOT, "model.seq_length": [511, 512, 513, 1032]}, **LONG)

    def test_one_block_and_several_without_attention_dropout(self):
        self.check(
            {**CAUSAL_AND_NOT, "model.seq_length": [520, 1032]},
            **{**LONG, "model__attention_dropout": 0.0, "model__micro_batch_size": 2},
        )

    def test_several_blocks_on_two_ranks(self):
        self.check(
            {**OFF_AND_ON, **CAUSAL_AND_NOT, "model.seq_length": [520, 1032]},
            parallel__tensor=2,
            **LONG,
        )

    def test_several_blocks_recomputed(self):
        self.check(
            OFF_AND_ON,
            parallel__tensor=2,
            recompute="full",
            model__seq_length=520,
            model__vocab_size=37,
            **LONG,
        )

    def test_fp32(self):
        self.check(OFF_AND_ON, parallel__tensor=2, precision="fp32")

    def test_recomputation_in_fp32(self):
        self.check_recomputation(
            OFF_AND_ON, parallel__tensor=2, model__vocab_size=37, precision="fp32"
        )

    def test_bf16_on_one_rank(self):
        self.check({**WITHOUT_AND_WITH_ENDS, "model.hidden_dropout": [0.0, 0.1]}, **COARSE)

    def test_bf16_of_two_layers(self):
        self.check(OFF_AND_ON, parallel__tensor=2, **{**COARSE, "model__num_layers": 2})

    def test_bf16_on_two_ranks(self):
        self.check_recomputation(
            {**WITHOUT_AND_WITH_ENDS, **OFF_AND_ON}, parallel__tensor=2, **COARSE
        )

    def test_bf16_on_four_ranks(self):
        self.check(OFF_AND_ON, parallel__tensor=4, model__vocab_size=37, **COARSE)


if __name__ == "__main__":
    unittest.main()
