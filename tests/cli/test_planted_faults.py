#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Libraries that are wrong in large calls only, which no twin makes. Every such run is INVALID, and
says by which check and in which call or product.

The executable runs on wrong_mpi.c, wrong_blas.c and wrong_dnnl.c, compiled here and preloaded.
Environment: see harness.py.
"""
import unittest

import harness
from planted import ALL, SCHEDULES, SEQUENCES, TestCase

CALL = r"(all_reduce|all_gather|reduce_scatter|send_recv) \((activation|gradient)\) "
PARTS = {"parts_against_digests": CALL}
SUMS = {"sums_against_contributions": CALL}
PRODUCTS = {"products_by_freivalds": r"\d"}
DIFFERENT = {"timed_steps_that_differ": r"\S"}
# Under the schedule `ring` with SP, and with own algorithms, the wrong part of a sum is one of its
# messages.
SUMS_OR_PARTS = {**SUMS, **PARTS}
# The library's own and Tidemark's, on two ranks.
ALGORITHMS = ("native", "pairwise")


class Sound(TestCase):
    """The other tests find faults because of the faults, and not because of the libraries."""

    def test_two_ranks(self):
        for library in self.programs:
            for algorithm in ALGORITHMS:
                with self.subTest(library, algorithm=algorithm):
                    self.sound(library, *ALL, f"comm.algorithm={algorithm}")

    def test_three_and_four_ranks(self):
        for ranks, algorithm in ((3, "ring"), (4, "pairwise"), (4, "ring")):
            with self.subTest(ranks=ranks, algorithm=algorithm):
                self.sound("wrong_mpi", SEQUENCES, f"comm.algorithm={algorithm}",
                           *self.divisible(ranks), ranks=ranks)

    @staticmethod
    def divisible(ranks):
        """Sizes that so many ranks divide."""
        if ranks != 3:
            return ()
        return ("model.num_attention_heads=3", "model.hidden_size=192", "model.seq_length=384")


class WrongSums(TestCase):
    def test_on_one_rank(self):
        for algorithm in ALGORITHMS:
            for fault in ("element", "scale"):
                with self.subTest(fault, algorithm=algorithm):
                    self.invalid("wrong_mpi", fault, *ALL, f"comm.algorithm={algorithm}", cases=6,
                                 calls="sum,message", rank=1, expected=SUMS_OR_PARTS)

    def test_alike_on_all_ranks(self):
        for fault in ("scale", "thousandth", "zero"):
            with self.subTest(fault):
                self.invalid("wrong_mpi", fault, *ALL, cases=6, calls="sum,message",
                             expected=SUMS_OR_PARTS)

    def test_alike_on_all_ranks_by_messages(self):
        self.invalid("wrong_mpi", "thousandth", *ALL, "comm.algorithm=pairwise", cases=6,
                     expected=SUMS_OR_PARTS)

    def test_the_terms_of_rank_zero(self):
        # Under SP, `ring` sums the data of messages.
        self.invalid("wrong_mpi", "rank_zero", SCHEDULES, cases=3, calls="sum", expected=SUMS)
        self.invalid("wrong_mpi", "rank_zero", SEQUENCES, cases=2, calls="sum", expected=SUMS)

    def test_in_other_cases(self):
        for settings in (("parallel.sequence=true", "parallel.keep_gathered=true"),
                         ("recompute=full", SEQUENCES),
                         ("model.family=llama", "model.ffn_hidden_size=384", SEQUENCES),
                         ("model.vocab_size=1000", SEQUENCES),
                         ("precision=bf16", SEQUENCES),
                         ("precision=fp64", SEQUENCES)):
            with self.subTest(settings):
                self.invalid("wrong_mpi", "element", *settings, calls="sum", rank=1,
                             cases=2 if SEQUENCES in settings else 1, expected=SUMS)

    def test_of_more_ranks(self):
        for ranks, algorithm in ((3, "ring"), (4, "ring"), (4, "native")):
            with self.subTest(ranks=ranks, algorithm=algorithm):
                self.invalid("wrong_mpi", "element", SEQUENCES, f"comm.algorithm={algorithm}",
                             *Sound.divisible(ranks), cases=2, calls="sum,message", rank=ranks - 1,
                             ranks=ranks, expected=SUMS_OR_PARTS)


class WrongParts(TestCase):
    """Gathers, and the exchanges that the schedule `ring` makes of them."""

    def test_two_shards_swapped(self):
        for how in ({}, {"rank": 1}):
            with self.subTest(how):
                self.invalid("wrong_mpi", "swap", "parallel.sequence=true", SCHEDULES, cases=3,
                             calls="gather,message", expected=PARTS, **how)

    def test_two_messages_of_a_gather_swapped(self):
        self.invalid("wrong_mpi", "swap", "parallel.sequence=true", "comm.algorithm=pairwise",
                     ranks=4, calls="message", rank=2, expected=PARTS)

    def test_one_element(self):
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm=algorithm):
                self.invalid("wrong_mpi", "element", "parallel.sequence=true", SCHEDULES,
                             f"comm.algorithm={algorithm}", cases=3, calls="gather,message", rank=0,
                             expected=PARTS)

    def test_one_piece_of_a_message(self):
        self.invalid("wrong_mpi", "element", "parallel.sequence=true", "overlap.mode=ring",
                     "comm.messages=pieces", calls="message", rank=0, expected=PARTS)

    def test_the_data_of_the_step_before(self):
        for settings in (("comm.algorithm=native",), ("comm.algorithm=pairwise",),
                         ("overlap.mode=ring",)):
            with self.subTest(settings):
                settings = ("parallel.sequence=true", *settings)
                self.invalid("wrong_mpi", "stale", *settings, calls="gather,message",
                             period=self.calls_of_an_iteration("wrong_mpi", *settings,
                                                               calls="gather,message"),
                             expected={**SUMS_OR_PARTS, **DIFFERENT})

    def calls_of_an_iteration(self, library, *settings, **how):
        """The number of counted calls that one more iteration makes."""
        counted = [self.sound(library, *settings, f"bench.iterations={n}",
                              f"bench.max_iterations={n}", **how).counted for n in (2, 3)]
        return counted[1] - counted[0]


class MissingWaits(TestCase):
    """Calls that count as complete before their data have arrived."""

    def test_of_a_message(self):
        self.invalid("wrong_mpi", "early", *ALL, "comm.algorithm=pairwise", cases=6, rank=1,
                     expected={**SUMS_OR_PARTS, **DIFFERENT})

    def test_of_the_librarys_own(self):
        self.invalid("wrong_mpi", "early", SEQUENCES, "overlap.mode=bulk", cases=2, rank=1,
                     expected={**SUMS_OR_PARTS, **DIFFERENT})


class WrongProducts(TestCase):
    FAULTS = ("element", "scale", "zero", "skip")

    def test_on_one_rank(self):
        self.invalid("wrong_blas", "element", *ALL, cases=6, rank=1, expected=PRODUCTS)
        # One shape only. A rank that skips the product whose rate is measured makes the others
        # repeat theirs 100,000 times.
        self.invalid("wrong_blas", "skip", *ALL, cases=6, rank=1, calls="sTN256x256x32",
                     expected=PRODUCTS)

    def test_on_all_ranks(self):
        self.invalid("wrong_blas", "skip", *ALL, cases=6, expected=PRODUCTS)
        for fault in ("scale", "zero"):
            with self.subTest(fault):
                self.invalid("wrong_blas", fault, SEQUENCES, cases=2, expected=PRODUCTS)

    def test_on_a_single_rank(self):
        for fault in self.FAULTS:
            with self.subTest(fault):
                self.invalid("wrong_blas", fault, ranks=1, expected=PRODUCTS)

    def test_of_other_types(self):
        # A twin in bf16 has products of 18 x 256 x 1024 multiply-adds.
        for precision in ("bf16", "fp64"):
            with self.subTest(precision):
                self.invalid("wrong_blas", "element", f"precision={precision}", least=6_000_000,
                             ranks=1, expected=PRODUCTS)

    def test_of_each_shape(self):
        shapes = self.sound("wrong_blas", ranks=1).reports[0].shapes
        self.assertGreaterEqual(len(shapes), 9)
        for shape in shapes:
            with self.subTest(shape):
                self.invalid("wrong_blas", "element", ranks=1, calls=shape, expected=PRODUCTS)


@unittest.skipUnless(harness.has_onednn(), "this build has no oneDNN")
class WrongProductsOfOneDnn(TestCase):
    FAULTS = ("element", "scale", "zero", "skip")

    def test_on_one_rank(self):
        self.invalid("wrong_dnnl", "element", *ALL, cases=6, rank=1, expected=PRODUCTS)

    def test_on_all_ranks(self):
        self.invalid("wrong_dnnl", "skip", *ALL, cases=6, expected=PRODUCTS)

    # A twin in bf16 has products of 18 x 256 x 1024 multiply-adds.
    def test_in_both_precisions(self):
        for precision in ("fp32", "bf16"):
            for fault in self.FAULTS:
                with self.subTest(fault, precision=precision):
                    self.invalid("wrong_dnnl", fault, f"precision={precision}", least=6_000_000,
                                 ranks=1, expected=PRODUCTS)


class OneStepThatDiffers(TestCase):
    """A fault that strikes once, in each step in turn. It is found in every timed step."""

    ITERATIONS = 3

    def steps_found(self, library, fault, *settings, **how):
        """In each step in turn, one call in the middle is wrong. Returns the checks that fail and
        their values, for each step."""
        settings = (*settings, f"bench.iterations={self.ITERATIONS}",
                    f"bench.max_iterations={self.ITERATIONS}")
        whole = self.sound(library, *settings, **how).counted
        less = self.sound(library, *settings, f"bench.iterations={self.ITERATIONS - 1}",
                          **how).counted
        step = whole - less
        found = []
        for first in range(1 + step // 2, whole + 1, step):
            outcome = self.run_planted(library, fault, *settings, first=first, number=1, **how)
            (record,) = outcome.records
            self.assertGreater(outcome.struck, 0)
            self.assertEqual(outcome.result.status, 0 if record["valid"] else 1, outcome.result)
            failed = {check["name"]: check["value"]
                      for check in record["verification"]["checks"] if not check["passed"]}
            self.assertEqual(record["valid"], not failed)
            if failed:
                self.assert_found(record, DIFFERENT, outcome.result.output)
            found.append(failed)
        return found

    def assert_none_is_missed(self, found):
        # If the checked step is the wrong one, all timed steps differ from it.
        for wrong, times in ((1, self.ITERATIONS), (self.ITERATIONS, 1)):
            differing = [failed for failed in found if failed.get(*DIFFERENT) == wrong]
            self.assertEqual(len(differing), times, found)

    def test_by_a_wrong_sum(self):
        self.assert_none_is_missed(self.steps_found("wrong_mpi", "element", calls="sum"))

    def test_by_a_wrong_shard(self):
        self.assert_none_is_missed(self.steps_found(
            "wrong_mpi", "element", "parallel.sequence=true", calls="gather", rank=1))

    def test_by_a_wrong_product(self):
        # Only the gradient of the MLP's input. The product whose rate is measured is repeated for a
        # while, and scores that the mask removes may be wrong.
        self.assert_none_is_missed(self.steps_found(
            "wrong_blas", "element", ranks=1, calls="sNN128x512x512"))


if __name__ == "__main__":
    unittest.main()
