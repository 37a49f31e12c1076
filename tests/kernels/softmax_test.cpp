#include "kernels/softmax.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
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
  Table<T> gradient;  ///< of the scores, for the gradient that was handed in
};

/// Forward on `scores` and backward on `gradient`.
template <class T>
Result<T> run(Device& device, const ScoreShape& shape, const Dropout& dropout,
              const Table<T>& scores, const Table<T>& gradient) {
  const DeviceTable<T> probabilities(scores), dscores(gradient);
  std::optional<DeviceTable<std::uint8_t>> mask;
  std::optional<DeviceTable<T>> dropped;
  if (dropout.active) {
    mask.emplace(scores.rows, scores.columns, std::uint8_t{7});
    dropped.emplace(scores.rows, scores.columns, T(99));
  }
  const Mask mask_view = mask ? mask->view() : Mask();
  softmax_dropout_forward(device, shape, dropout, probabilities.view(), mask_view,
                          dropped ? dropped->view() : Matrix<T>());
  softmax_dropout_backward(device, shape, dropout, probabilities.view(), mask_view, dscores.view());
  device.fence();
  return {probabilities.read(), mask ? mask->read() : Table<std::uint8_t>(),
          dropped ? dropped->read() : Table<T>(), dscores.read()};
}

std::int64_t seen_by(const ScoreShape& shape, std::int64_t row, std::int64_t keys) {
  return shape.causal ? row % keys + 1 : keys;
}

/// By the definitions, in doubles. The gradient of softmax(scale s) by its Jacobian.
Result<double> naive(const ScoreShape& shape, double p, std::uint64_t first,
                     const Table<double>& scores, const Table<double>& gradient) {
  const std::int64_t keys = scores.columns;
  const Table<double> empty(scores.rows, keys);
  Result<double> result{empty, Table<std::uint8_t>(scores.rows, keys), empty, empty};
  for (std::int64_t i = 0; i < scores.rows; ++i) {
    const std::int64_t seen = seen_by(shape, i, keys);
    double sum = 0.0;
    for (std::int64_t j = 0; j < seen; ++j) sum += std::exp(shape.scale * scores(i, j));
    double projection = 0.0;
    std::vector<double> dp(static_cast<std::size_t>(seen));
    for (std::int64_t j = 0; j < seen; ++j) {
      const auto element = first + static_cast<std::uint64_t>(i * keys + j);
      const double word = philox::word_of_element(key, element);
      const bool kept = word >= std::round(p * 4294967296.0);
      const double factor = kept ? 1.0 / (1.0 - p) : 0.0;
      result.probabilities(i, j) = std::exp(shape.scale * scores(i, j)) / sum;
      result.mask(i, j) = kept ? 1 : 0;
      result.dropped(i, j) = factor * result.probabilities(i, j);
      dp[static_cast<std::size_t>(j)] = factor * gradient(i, j);
      projection += result.probabilities(i, j) * dp[static_cast<std::size_t>(j)];
    }
    for (std::int64_t j = 0; j < seen; ++j) {
      result.gradient(i, j) =
          shape.scale * result.probabilities(i, j) * (dp[static_cast<std::size_t>(j)] - projection);
    }
  }
  return result;
}

template <class T>
class SoftmaxKernels : public ::testing::Test {
 protected:
  Device device_;
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SoftmaxKernels, Reals);

TYPED_TEST(SoftmaxKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t keys : {1, 3, 4, 7, 33, 513}) {
    for (const bool causal : {false, true}) {
      for (const double p : {0.0, 0.1, 0.9}) {
        for (const std::uint64_t first : {0ULL, 5ULL, 17179869182ULL}) {
          SCOPED_TRACE(::testing::Message()
                       << keys << " keys, causal " << causal << ", p " << p << ", first " << first);
          const ScoreShape shape{0.25, causal};
          const std::int64_t rows = keys < 100 ? 2 * keys : keys;  // two heads
          const auto scores = random_table<T>(rows, keys, 1, 12.0);
          const auto gradient = random_table<T>(rows, keys, 2);
          const Result<T> actual =
              run(this->device_, shape, make_dropout(p, key, first), scores, gradient);
          const Result<double> expected =
              naive(shape, p, first, in_double(scores), in_double(gradient));
          EXPECT_TRUE(agrees(actual.probabilities, expected.probabilities));
          EXPECT_TRUE(agrees(actual.gradient, expected.gradient));
          if (p > 0.0) {
            EXPECT_EQ(actual.mask.values, expected.mask.values);
            EXPECT_TRUE(agrees(actual.dropped, expected.dropped));
          }
        }
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, UnseenKeysGetZeroWhateverTheirScores) {
  using T = TypeParam;
  const std::int64_t keys = 21;
  auto scores = random_table<T>(keys, keys, 3);
  auto gradient = random_table<T>(keys, keys, 4);
  for (std::int64_t i = 0; i < keys; ++i) {
    for (std::int64_t j = i + 1; j < keys; ++j) {
      scores(i, j) = T(1e4);
      gradient(i, j) = T(1e4);
    }
  }
  for (const double p : {0.0, 0.3}) {
    const Result<T> result =
        run(this->device_, {1.0, true}, make_dropout(p, key, 0), scores, gradient);
    for (std::int64_t i = 0; i < keys; ++i) {
      double sum = 0.0;
      for (std::int64_t j = 0; j <= i; ++j) sum += static_cast<double>(result.probabilities(i, j));
      EXPECT_NEAR(sum, 1.0, 1e-5);
      for (std::int64_t j = i + 1; j < keys; ++j) {
        ASSERT_EQ(result.probabilities(i, j), T(0));
        ASSERT_EQ(result.gradient(i, j), T(0));
        if (p > 0.0) {
          ASSERT_EQ(result.dropped(i, j), T(0));
          ASSERT_EQ(result.mask(i, j), 0);
        }
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, LargeScoresNeitherOverflowNorVanish) {
  using T = TypeParam;
  const std::int64_t keys = 37;
  for (const double magnitude : {100.0, 1e4, 1e30}) {
    // One winner a row among equal losers: the probabilities are 1 and 0, gradients 0.
    Table<T> scores(keys, keys, static_cast<T>(-magnitude));
    for (std::int64_t i = 0; i < keys; ++i) scores(i, (7 * i) % keys) = static_cast<T>(magnitude);
    const auto gradient = random_table<T>(keys, keys, 5);
    const Result<T> result =
        run(this->device_, {1.0, false}, make_dropout(0.0, key, 0), scores, gradient);
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
  const std::int64_t keys = 19;
  for (const double score : {-1e4, -50.0, 0.0, 50.0, 1e4}) {
    const Table<T> scores(keys, keys, static_cast<T>(score));
    const Result<T> result = run(this->device_, {0.125, true}, make_dropout(0.0, key, 0), scores,
                                 Table<T>(keys, keys, T(1)));
    for (std::int64_t i = 0; i < keys; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        ASSERT_NEAR(static_cast<double>(result.probabilities(i, j)),
                    1.0 / static_cast<double>(i + 1), 1e-6);
      }
    }
  }
}

TYPED_TEST(SoftmaxKernels, HeadsOfAShardDropWhatTheWholeDrops) {
  using T = TypeParam;
  const std::int64_t keys = 9, heads = 4;  // 81 scores a head: no head starts at a block of four
  const auto scores = random_table<T>(heads * keys, keys, 6);
  const auto gradient = random_table<T>(heads * keys, keys, 7);
  const Result<T> whole =
      run(this->device_, {1.0, false}, make_dropout(0.5, key, 0), scores, gradient);
  for (std::int64_t head = 0; head < heads; ++head) {
    const Dropout dropout = make_dropout(0.5, key, static_cast<std::uint64_t>(head * keys * keys));
    const Result<T> part =
        run(this->device_, {1.0, false}, dropout, rows_of(scores, head * keys, keys),
            rows_of(gradient, head * keys, keys));
    EXPECT_EQ(part.mask.values, rows_of(whole.mask, head * keys, keys).values);
    EXPECT_EQ(part.dropped.values, rows_of(whole.dropped, head * keys, keys).values);
    EXPECT_EQ(part.gradient.values, rows_of(whole.gradient, head * keys, keys).values);
  }
}

TYPED_TEST(SoftmaxKernels, DropsTheFractionAskedFor) {
  using T = TypeParam;
  const std::int64_t keys = 512;
  const Table<T> scores(keys, keys);
  const double count = static_cast<double>(keys * keys);
  for (const double p : {0.1, 0.9}) {
    const Result<T> result =
        run(this->device_, {1.0, false}, make_dropout(p, key, 3), scores, scores);
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
        const auto result = run(device, shape, dropout, moved(scores, e, direction), gradient);
        return inner_product(p > 0.0 ? result.dropped : result.probabilities, gradient);
      };
      const double step = 1e-5;
      EXPECT_NEAR((loss(step) - loss(-step)) / (2.0 * step),
                  inner_product(run(device, shape, dropout, scores, gradient).gradient, direction),
                  1e-9)
          << causal << ", " << p;
    }
  }
}

}  // namespace
}  // namespace tidemark::kernels
