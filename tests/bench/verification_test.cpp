// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/verification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "bench/verify/host_tensor.hpp"
#include "config/validate.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

using kernels::GlobalPlace;

TEST(Check, HoldsUpToItsBoundAndNeverForNaN) {
  EXPECT_TRUE((Check{"c", 1.0, 1.0, ""}.passed()));
  EXPECT_FALSE((Check{"c", 1.1, 1.0, ""}.passed()));
  EXPECT_FALSE((Check{"c", std::nan(""), 1.0, ""}.passed()));
}

TEST(Verification, PassesOnlyWhenPerformedAndAllChecksHold) {
  EXPECT_FALSE(Verification{}.passed());
  EXPECT_FALSE(Verification{}.performed());
  EXPECT_TRUE((Verification{{{"a", 0.0, 0.0, ""}}}.passed()));
  EXPECT_FALSE((Verification{{{"a", 0.0, 0.0, ""}, {"b", 1.0, 0.0, ""}}}.passed()));
}

TEST(Tolerance, IsThatOfTheElementType) {
  EXPECT_EQ(tolerance_of(support::small_case(1, false, DType::fp64)), 1e-12);
  EXPECT_EQ(tolerance_of(support::small_case(1, false, DType::fp32)), 1e-5);
  EXPECT_EQ(tolerance_of(support::small_case(1, false, DType::bf16)), 2e-2);
}

TEST(Twin, IsSmallValidAndKeepsWhatDecidesAboutTheComputation) {
  for (const std::int64_t t : {1, 2, 4, 8, 16}) {
    for (const bool sequence : {false, true}) {
      config::Case c = support::small_case(t, sequence, DType::fp32);
      c.model.num_attention_heads = c.model.num_query_groups = 2 * t;
      c.model.hidden_size = 128 * t;
      c.model.ffn_hidden_size = 512 * t;
      c.model.seq_length = 1024 * t;
      c.model.num_layers = 24;
      c.model.hidden_dropout = 0.25;
      c.model.causal = false;
      c.parallel.keep_gathered = sequence;
      const config::Case twin = twin_of(c);
      EXPECT_NO_THROW(config::validate(twin));
      EXPECT_EQ(twin.model.num_layers, 2);
      EXPECT_LE(twin.model.hidden_size, 16 * t);
      EXPECT_EQ(twin.parallel.tensor, t);
      EXPECT_EQ(twin.parallel.sequence, sequence);
      EXPECT_EQ(twin.parallel.keep_gathered, sequence);
      EXPECT_EQ(twin.precision, DType::fp32);
      EXPECT_EQ(twin.model.hidden_dropout, 0.25);
      EXPECT_EQ(twin.model.causal, false);
    }
  }
}

// Products of TF32 round like those of bf16, but less.
TEST(Twin, OfTf32IsCutToItsBound) {
  config::Case c = support::small_case(2, false, DType::fp32);
  EXPECT_EQ(tolerance_of(c), 1e-5);
  c.tensor_float = true;
  EXPECT_EQ(tolerance_of(c), 5e-3);
  EXPECT_TRUE(twin_of(c).tensor_float);
  EXPECT_EQ(twin_of(c).model.num_layers, 1);
  EXPECT_GE(twin_of(c).model.hidden_size, 256);
}

TEST(Twin, KeepsWhatIsRecomputedBlockedAndAtTheEnds) {
  for (const std::int64_t t : {1, 2, 4, 8, 16}) {
    config::Case c = support::small_case(t, false, DType::bf16);
    c.model.num_attention_heads = c.model.num_query_groups = 2 * t;
    c.model.hidden_size = 128 * t;
    c.model.seq_length = 1024 * t;
    c.model.attention_block = 512;
    for (const config::Case& mode : support::modes_of(c)) {
      const config::Case twin = twin_of(mode);
      EXPECT_NO_THROW(config::validate(twin));
      EXPECT_EQ(twin.precision, DType::bf16);
      EXPECT_EQ(twin.recompute, mode.recompute);
      EXPECT_EQ(twin.model.attention, mode.model.attention);
      EXPECT_EQ(twin.model.has_ends(), mode.model.has_ends());
      EXPECT_LE(twin.model.vocab_size, 11 * t);
      // There is padding on the last rank, and several blocks. The last block is shorter.
      EXPECT_EQ(twin.padded_vocab_size() > twin.model.vocab_size, mode.model.has_ends() && t > 1);
      EXPECT_LT(twin.model.attention_block, twin.model.seq_length);
      EXPECT_NE(twin.model.seq_length % twin.model.attention_block, 0);
      EXPECT_EQ(twin.model.hidden_size, 256);  // wide enough for norms in bf16
    }
  }
}

TEST(Twin, OfTheLlamaFamilyKeepsWhoSharesKeysAndValues) {
  for (const std::int64_t t : {1, 2, 4, 8, 16}) {
    for (const std::int64_t groups : {1, 2, 4, 8, 64}) {
      if (t % groups > 0 && groups % t > 0) continue;
      config::Case c = support::with_ends(support::small_llama(t, false, DType::fp32, groups));
      c.model.num_attention_heads = 64;
      c.model.hidden_size = 64 * 128;
      c.model.ffn_hidden_size = 3 * c.model.hidden_size;
      const config::Case twin = twin_of(c);
      EXPECT_EQ(twin.model.family, config::Family::llama);
      EXPECT_EQ(twin.key_value_replicas(), c.key_value_replicas()) << t << ", " << groups;
      EXPECT_EQ(twin.model.num_attention_heads > twin.model.num_query_groups, groups < 64);
      EXPECT_EQ(twin.model.num_attention_heads % t, 0);
      EXPECT_EQ(twin.model.num_attention_heads % twin.model.num_query_groups, 0);
      EXPECT_EQ(twin.model.head_size() % 2, 0);
      EXPECT_NE(twin.model.ffn_hidden_size, 4 * twin.model.hidden_size);
      EXPECT_EQ(twin.model.ffn_hidden_size % t, 0);
      EXPECT_LE(twin.model.hidden_size, 32 * t);
    }
  }
}

TEST(RelativeError, OfRowsThatLieApartIsTheWorstOfAnyOfThem) {
  const HostTensor<double> whole{4, 1, {1.0, -4.0, 2.0, 0.0}};
  const HostTensor<double> part{2, 1, {-4.0, 1.0}};
  EXPECT_DOUBLE_EQ(relative_error(part, whole, {{1, {1, 0, 1}}, {1, {3, 0, 1}}}), 0.25);
  EXPECT_DOUBLE_EQ(relative_error(part, whole, {{1, {1, 0, 1}}, {1, {0, 0, 1}}}), 0.0);
  EXPECT_THROW((void)relative_error(part, whole, {{1, {1, 0, 1}}}), BrokenInvariant);
  EXPECT_THROW((void)relative_error(part, whole, {{1, {1, 0, 1}}, {1, {4, 0, 1}}}),
               BrokenInvariant);
}

TEST(RelativeError, IsTheLargestDifferenceOverTheLargestValue) {
  const HostTensor<double> whole{2, 3, {1.0, -4.0, 2.0, 0.0, 1.0, 3.0}};
  const HostTensor<double> part{1, 2, {1.0, 3.5}};
  EXPECT_DOUBLE_EQ(relative_error(part, whole, GlobalPlace{1, 1, 3}), 0.125);
  EXPECT_DOUBLE_EQ(relative_error(whole, whole, GlobalPlace{0, 0, 3}), 0.0);
}

TEST(RelativeError, IsInfiniteForNaNAndRefusesPartsThatLieOutside) {
  const HostTensor<double> whole{1, 2, {1.0, 2.0}};
  const HostTensor<double> nan{1, 1, {std::nan("")}};
  EXPECT_EQ(relative_error(nan, whole, GlobalPlace{0, 0, 2}),
            std::numeric_limits<double>::infinity());
  EXPECT_THROW((void)relative_error(whole, whole, GlobalPlace{0, 1, 2}), BrokenInvariant);
}

// An infinity in the unsharded result must not turn the quotient into NaN, because comparisons
// ignore NaN.
TEST(RelativeError, IsInfiniteForInfinitiesOnEitherSide) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const HostTensor<double> finite{1, 2, {1.0, 2.0}};
  for (const double bad : {infinity, -infinity, std::nan("")}) {
    const HostTensor<double> spoiled{1, 2, {1.0, bad}};
    EXPECT_EQ(relative_error(finite, spoiled, GlobalPlace{0, 0, 2}), infinity);
    EXPECT_EQ(relative_error(spoiled, finite, GlobalPlace{0, 0, 2}), infinity);
    EXPECT_EQ(relative_error(spoiled, spoiled, GlobalPlace{0, 0, 2}), infinity);
  }
}

TEST(RelativeError, OfAnAllZeroTensorIsZeroOnlyWhenEqual) {
  const HostTensor<double> zero{1, 1, {0.0}};
  const HostTensor<double> tiny{1, 1, {1e-300}};
  EXPECT_EQ(relative_error(zero, zero, GlobalPlace{0, 0, 1}), 0.0);
  EXPECT_EQ(relative_error(tiny, zero, GlobalPlace{0, 0, 1}),
            std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace tidemark::bench
