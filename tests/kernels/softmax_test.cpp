// SPDX-License-Identifier: BSD-3-Clause
// The softmax with dropout over whole rows of scores: forward, backward, batches and shards.
#include "kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/softmax_passes.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using passes::expect_definition;
using passes::key;
using passes::Result;
using passes::run;
using support::DeviceTable;
using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

template <class T>
class SoftmaxKernels : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(SoftmaxKernels, support::Precisions);

TYPED_TEST(SoftmaxKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  using F = Accumulate<T>;
  for (const std::int64_t keys : {1, 3, 4, 7, 33, 513}) {
    for (const bool causal : {false, true}) {
      for (const double p : {0.0, 0.1, 0.9}) {
        for (const std::uint64_t first : {0ULL, 5ULL, 17179869182ULL}) {
          SCOPED_TRACE(::testing::Message()
                       << keys << " keys, causal " << causal << ", p " << p << ", first " << first);
          const ScoreShape shape{0.25, causal};
          const std::int64_t rows = keys < 100 ? 2 * keys : keys;  // two heads
          const auto scores = random_table<F>(rows, keys, 1, 12.0);
          const auto gradient = random_table<F>(rows, keys, 2);
          const Dropout dropout = make_dropout(p, key, first);
          expect_definition(run<T>(this->device_, shape, dropout, scores, gradient), shape, p,
                            first, scores, gradient);
        }
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, ProbabilitiesMayLieApartFromTheScores) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 37;
  const auto scores = random_table<F>(keys, keys, 1, 12.0);
  const auto gradient = random_table<F>(keys, keys, 2);
  for (const bool causal : {false, true}) {
    for (const double p : {0.0, 0.4}) {
      const ScoreShape shape{0.25, causal};
      expect_definition(
          run<T>(this->device_, shape, make_dropout(p, key, 3), scores, gradient, false), shape, p,
          3, scores, gradient);
    }
  }
}

// The product with the values reads them there, and must read the same values as backward.
TEST(SoftmaxBf16, ScoresBecomeWhatIsStoredIfAskedTo) {
  Device device;
  const std::int64_t keys = 67;
  const auto scores = random_table<float>(keys, keys, 1, 12.0);
  for (const bool causal : {false, true}) {
    for (const double p : {0.0, 0.4}) {
      ScoreShape shape{0.25, causal};
      shape.makes_factor = true;
      const Result<bfloat16> result =
          run<bfloat16>(device, shape, make_dropout(p, key, 3), scores, scores);
      const Table<bfloat16>& stored = p > 0.0 ? result.dropped : result.probabilities;
      for (std::size_t i = 0; i < stored.values.size(); ++i) {
        ASSERT_EQ(result.scores.values[i], stored.values[i]);
      }
    }
  }
}

// Members with gaps in memory, and with other gaps in the global tensor.
TYPED_TEST(SoftmaxKernels, ABatchIsItsMembersOneByOne) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 19, count = 3, apart = 4;  // rows between members
  const auto scores = random_table<F>(count * (keys + apart), keys, 1, 12.0);
  const auto gradient = random_table<F>(count * (keys + apart), keys, 2);
  const DeviceTable<F> raw(scores), dscores(gradient);
  const DeviceTable<T> probabilities(scores.rows, keys, T(99.0F)),
      dropped(scores.rows, keys, T(99.0F));
  const DeviceTable<std::uint8_t> mask(scores.rows, keys, std::uint8_t{7});
  const ScoreShape shape{0.25, true, 1001};
  const Dropout dropout = make_dropout(0.4, key, 5);
  const auto batch = [&](const auto& table) {
    return MatrixBatch(rows(table.view(), 0, keys), count, (keys + apart) * keys);
  };
  softmax_dropout_forward<T>(this->device_, shape, dropout, batch(raw), batch(probabilities),
                             batch(mask), batch(dropped));
  softmax_dropout_backward<T>(this->device_, shape, dropout, batch(probabilities), batch(mask),
                              batch(dscores));
  this->device_.fence();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto member = [&](const auto& table) { return rows_of(table, i * (keys + apart), keys); };
    const Result<T> alone = run<T>(this->device_, {0.25, true}, from_element(dropout, i * 1001),
                                   member(scores), member(gradient), false);
    EXPECT_EQ(member(probabilities.read()).values, alone.probabilities.values);
    EXPECT_EQ(member(dropped.read()).values, alone.dropped.values);
    EXPECT_EQ(member(mask.read()).values, alone.mask.values);
    EXPECT_EQ(member(dscores.read()).values, alone.gradient.values);
    if (i + 1 == count) continue;
    EXPECT_EQ(mask.read()((i + 1) * (keys + apart) - 1, 0), 7) << "between members";
  }
}

TYPED_TEST(SoftmaxKernels, UnseenKeysGetZeroWhateverTheirScores) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 21;
  auto scores = random_table<F>(keys, keys, 3);
  auto gradient = random_table<F>(keys, keys, 4);
  for (std::int64_t i = 0; i < keys; ++i) {
    for (std::int64_t j = i + 1; j < keys; ++j) {
      scores(i, j) = F(1e4);
      gradient(i, j) = F(1e4);
    }
  }
  for (const double p : {0.0, 0.3}) {
    const Result<T> result =
        run<T>(this->device_, {1.0, true}, make_dropout(p, key, 0), scores, gradient);
    for (std::int64_t i = 0; i < keys; ++i) {
      double sum = 0.0;
      for (std::int64_t j = 0; j <= i; ++j) sum += static_cast<double>(result.probabilities(i, j));
      EXPECT_NEAR(sum, 1.0, 1e-5 + support::rounding_error<T>(1.0));
      for (std::int64_t j = i + 1; j < keys; ++j) {
        ASSERT_EQ(result.probabilities(i, j), T(0.0));
        ASSERT_EQ(result.gradient(i, j), F(0));
        if (p > 0.0) {
          ASSERT_EQ(result.dropped(i, j), T(0.0));
          ASSERT_EQ(result.mask(i, j), 0);
        }
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, LargeScoresNeitherOverflowNorVanish) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 37;
  for (const double magnitude : {100.0, 1e4, 1e30}) {
    // In each row, one score is the largest and the others are equal. So probabilities are 1 and 0,
    // and gradients are 0.
    Table<F> scores(keys, keys, static_cast<F>(-magnitude));
    for (std::int64_t i = 0; i < keys; ++i) scores(i, (7 * i) % keys) = static_cast<F>(magnitude);
    const auto gradient = random_table<F>(keys, keys, 5);
    const Result<T> result =
        run<T>(this->device_, {1.0, false}, make_dropout(0.0, key, 0), scores, gradient);
    for (std::int64_t i = 0; i < keys; ++i) {
      for (std::int64_t j = 0; j < keys; ++j) {
        const double expected = j == (7 * i) % keys ? 1.0 : 0.0;
        ASSERT_NEAR(static_cast<double>(result.probabilities(i, j)), expected, 1e-30) << magnitude;
        ASSERT_NEAR(static_cast<double>(result.gradient(i, j)), 0.0, 1e-6) << magnitude;
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, EqualScoresOfAnySizeGetEqualShares) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 19;
  for (const double score : {-1e4, -50.0, 0.0, 50.0, 1e4}) {
    const Table<F> scores(keys, keys, static_cast<F>(score));
    const Result<T> result = run<T>(this->device_, {0.125, true}, make_dropout(0.0, key, 0), scores,
                                    Table<F>(keys, keys, F(1)));
    for (std::int64_t i = 0; i < keys; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        const double share = 1.0 / static_cast<double>(i + 1);
        ASSERT_NEAR(static_cast<double>(result.probabilities(i, j)), share,
                    1e-6 + support::rounding_error<T>(share));
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, HeadsOfAShardDropWhatTheWholeDrops) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 9, heads = 4;  // 81 scores per head: no head starts at a block of four
  const auto scores = random_table<F>(heads * keys, keys, 6);
  const auto gradient = random_table<F>(heads * keys, keys, 7);
  const Result<T> whole =
      run<T>(this->device_, {1.0, false}, make_dropout(0.5, key, 0), scores, gradient);
  for (std::int64_t head = 0; head < heads; ++head) {
    const Dropout dropout = make_dropout(0.5, key, static_cast<std::uint64_t>(head * keys * keys));
    const Result<T> part =
        run<T>(this->device_, {1.0, false}, dropout, rows_of(scores, head * keys, keys),
               rows_of(gradient, head * keys, keys));
    EXPECT_EQ(part.mask.values, rows_of(whole.mask, head * keys, keys).values);
    EXPECT_EQ(part.dropped.values, rows_of(whole.dropped, head * keys, keys).values);
    EXPECT_EQ(part.gradient.values, rows_of(whole.gradient, head * keys, keys).values);
  }
}

TYPED_TEST(SoftmaxKernels, DropsTheFractionAskedFor) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 512;
  const Table<F> scores(keys, keys);
  const double count = static_cast<double>(keys * keys);
  for (const double p : {0.1, 0.9}) {
    const Result<T> result =
        run<T>(this->device_, {1.0, false}, make_dropout(p, key, 3), scores, scores);
    const auto kept = std::count(result.mask.values.begin(), result.mask.values.end(), 1);
    EXPECT_NEAR(static_cast<double>(kept) / count, 1.0 - p, 5.0 * std::sqrt(p * (1 - p) / count));
  }
}

TEST(SoftmaxGradient, AgreesWithFiniteDifferences) {
  Device device;
  const std::int64_t keys = 17;
  const auto scores = random_table<double>(2 * keys, keys, 8, 6.0);
  const auto gradient = random_table<double>(2 * keys, keys, 9);
  const auto direction = random_table<double>(2 * keys, keys, 10);
  for (const bool causal : {false, true}) {
    for (const double p : {0.0, 0.4}) {
      const ScoreShape shape{0.5, causal};
      const Dropout dropout = make_dropout(p, key, 2);
      const auto loss = [&](double e) {
        const auto result =
            run<double>(device, shape, dropout, moved(scores, e, direction), gradient);
        return inner_product(p > 0.0 ? result.dropped : result.probabilities, gradient);
      };
      const double step = 1e-5;
      EXPECT_NEAR(
          (loss(step) - loss(-step)) / (2.0 * step),
          inner_product(run<double>(device, shape, dropout, scores, gradient).gradient, direction),
          1e-9)
          << causal << ", " << p;
    }
  }
}

// Unwritten memory holds NaN in a verification. It must reach the probabilities, though the kernel
// is built with fast-math.
TYPED_TEST(SoftmaxKernels, ANumberThatIsNotFiniteSpoilsItsRow) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t keys = 200;
  for (const F bad : {support::not_a_number<F>(), std::numeric_limits<F>::infinity()}) {
    for (const std::int64_t at : {0, 70, 199}) {
      auto scores = random_table<F>(keys, keys, 1, 12.0);
      scores(3, at) = bad;
      const auto result = run<T>(this->device_, {0.25, false}, {}, scores, scores);
      EXPECT_FALSE(std::isfinite(static_cast<double>(result.probabilities(3, at)))) << at;
      EXPECT_TRUE(std::isfinite(static_cast<double>(result.probabilities(4, at)))) << at;
    }
  }
}

}  // namespace
}  // namespace tidemark::kernels
