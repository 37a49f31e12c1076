// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include <gtest/gtest.h>

#include "kernels/references.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

constexpr philox::Key key{1234, 36};

template <class T>
struct Result {
  Table<T> probabilities;
  Table<std::uint8_t> mask;  ///< no elements without dropout, like `dropped`
  Table<T> dropped;
  Table<Accumulate<T>> scores;    ///< the values that the forward left there
  Table<Accumulate<T>> gradient;  ///< of the scores, for the gradient that was passed in
};

template <class T>
inline constexpr bool is_narrow = !std::is_same_v<T, Accumulate<T>>;

/// Forward on `scores` and backward on `gradient`. In place, the probabilities take the memory of
/// the scores. A narrower type cannot do this.
template <class T>
Result<T> run(Device& device, const ScoreShape& shape, const Dropout& dropout,
              const Table<Accumulate<T>>& scores, const Table<Accumulate<T>>& gradient,
              bool in_place = true) {
  const DeviceTable<Accumulate<T>> computed(scores), dscores(gradient);
  std::optional<DeviceTable<std::uint8_t>> mask;
  std::optional<DeviceTable<T>> apart, dropped;
  Matrix<T> probabilities;
  if constexpr (!is_narrow<T>) probabilities = computed.view();
  if (is_narrow<T> || !in_place) {
    apart.emplace(scores.rows, scores.columns, T(99.0F));
    probabilities = apart->view();
  }
  if (dropout.active) {
    mask.emplace(scores.rows, scores.columns, std::uint8_t{7});
    dropped.emplace(scores.rows, scores.columns, T(99.0F));
  }
  const Mask mask_view = mask ? mask->view() : Mask();
  softmax_dropout_forward<T>(device, shape, dropout, computed.view(), probabilities, mask_view,
                             dropped ? dropped->view() : Matrix<T>());
  softmax_dropout_backward<T>(device, shape, dropout, probabilities, mask_view, dscores.view());
  device.fence();
  Result<T> result;
  result.scores = computed.read();
  if constexpr (!is_narrow<T>) result.probabilities = result.scores;
  if (apart) result.probabilities = apart->read();
  if (mask) result.mask = mask->read();
  if (dropped) result.dropped = dropped->read();
  result.gradient = dscores.read();
  return result;
}

/// Whether `actual` is what the definitions give for the scores, `shape` and dropout with
/// probability p. The reference for a stored result uses the stored values from which it is
/// computed.
template <class T>
void expect_definition(const Result<T>& actual, const ScoreShape& shape, double p,
                       std::uint64_t first, const Table<Accumulate<T>>& scores,
                       const Table<Accumulate<T>>& gradient) {
  const Table<double> probabilities = in_double(actual.probabilities);
  const Table<double> factors =
      reference::dropout_factors(key, p, first, scores.rows, scores.columns);
  EXPECT_TRUE(agrees(actual.probabilities, reference::softmax(shape, scores)));
  EXPECT_TRUE(agrees(actual.gradient, reference::softmax_gradient(shape, probabilities, factors,
                                                                  in_double(gradient))));
  if (p == 0.0) return;
  EXPECT_TRUE(agrees(actual.dropped, reference::times(factors, probabilities)));
  for (std::int64_t i = 0; i < scores.rows; ++i) {
    const std::int64_t seen = reference::seen_by(shape, i, scores.columns);
    for (std::int64_t j = 0; j < scores.columns; ++j) {
      ASSERT_EQ(actual.mask(i, j), j < seen && factors(i, j) > 0.0 ? 1 : 0) << i << ", " << j;
    }
  }
}

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
TEST(SoftmaxBf16, ScoresBecomeWhatIsStored) {
  Device device;
  const std::int64_t keys = 67;
  const auto scores = random_table<float>(keys, keys, 1, 12.0);
  for (const bool causal : {false, true}) {
    for (const double p : {0.0, 0.4}) {
      const Result<bfloat16> result =
          run<bfloat16>(device, {0.25, causal}, make_dropout(p, key, 3), scores, scores);
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

}  // namespace
}  // namespace tidemark::kernels
