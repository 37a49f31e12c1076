// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/cross_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

/// A text of some tokens, and a vocabulary with padding, so that ranks can divide it.
struct Text {
  std::int64_t vocabulary, ranks, rows;
  std::int64_t batch = 2;

  [[nodiscard]] Tokens tokens() const { return {{1234, 2}, vocabulary, batch}; }
  [[nodiscard]] std::int64_t width() const { return (vocabulary + ranks - 1) / ranks; }
  [[nodiscard]] std::int64_t padded() const { return width() * ranks; }
  [[nodiscard]] VocabularyShard shard(std::int64_t rank) const {
    const std::int64_t first = rank * width();
    return {first, std::clamp<std::int64_t>(vocabulary - first, 0, width())};
  }
};

template <class F>
struct Loss {
  std::vector<double> of_rank;  ///< summed over the tokens, as each rank computes it
  Table<F> statistics;          ///< [ranks rows, 3]
  Table<F> softmax;             ///< [rows, padded], all ranks side by side
  Table<F> gradient;            ///< the same
};

/// All ranks, one after the other. Each has its own columns of the logits.
template <class F>
Loss<F> run(const Text& text, const Table<F>& logits) {
  Device device;
  const Tokens tokens = text.tokens();
  const DeviceTable<F> statistics(text.ranks * text.rows, loss_statistics, 99);
  std::vector<DeviceTable<F>> shards;
  for (std::int64_t rank = 0; rank < text.ranks; ++rank) {
    shards.emplace_back(columns_of(logits, rank * text.width(), text.width()), 2);
    cross_entropy_statistics(device, tokens, text.shard(rank), shards.back().view(),
                             rows(statistics.view(), rank * text.rows, text.rows));
  }
  Loss<F> result{{}, statistics.read(), Table<F>(text.rows, text.padded()), {}};
  result.gradient = result.softmax;
  for (std::int64_t rank = 0; rank < text.ranks; ++rank) {
    const DeviceTable<F>& shard = shards[static_cast<std::size_t>(rank)];
    const auto collect = [&](Table<F>& whole) {
      device.fence();
      const Table<F> part = shard.read();
      for (std::int64_t i = 0; i < part.rows; ++i) {
        for (std::int64_t j = 0; j < part.columns; ++j) {
          whole(i, rank * text.width() + j) = part(i, j);
        }
      }
    };
    result.of_rank.push_back(cross_entropy_forward(device, text.shard(rank), text.ranks,
                                                   statistics.view(), shard.view()));
    collect(result.softmax);
    cross_entropy_backward(device, tokens, text.shard(rank), shard.view());
    collect(result.gradient);
    EXPECT_TRUE(shard.gap_is_untouched());
  }
  return result;
}

struct Expected {
  double loss = 0.0;
  Table<double> softmax, gradient;
};

/// By the definitions, in doubles, over the vocabulary without its padding.
template <class F>
Expected naive(const Text& text, const Table<F>& logits) {
  Expected result{0.0, Table<double>(text.rows, text.padded()), {}};
  result.gradient = result.softmax;
  for (std::int64_t i = 0; i < text.rows; ++i) {
    const auto logit = [&](std::int64_t j) { return static_cast<double>(logits(i, j)); };
    double highest = logit(0);
    for (std::int64_t j = 0; j < text.vocabulary; ++j) highest = std::max(highest, logit(j));
    double sum = 0.0;
    for (std::int64_t j = 0; j < text.vocabulary; ++j) sum += std::exp(logit(j) - highest);
    const std::int64_t label = text.tokens().input(i + text.batch);
    result.loss += highest + std::log(sum) - logit(label);
    for (std::int64_t j = 0; j < text.vocabulary; ++j) {
      result.softmax(i, j) = std::exp(logit(j) - highest) / sum;
      result.gradient(i, j) =
          (result.softmax(i, j) - (j == label ? 1.0 : 0.0)) / static_cast<double>(text.rows);
    }
  }
  return result;
}

/// Random logits. Those of the padding are higher than any other.
template <class F>
Table<F> random_logits(const Text& text, double width) {
  auto logits = random_table<F>(text.rows, text.padded(), 1, width);
  for (std::int64_t i = 0; i < text.rows; ++i) {
    for (std::int64_t j = text.vocabulary; j < text.padded(); ++j) logits(i, j) = F(1e4);
  }
  return logits;
}

// No padding, one column of it, a shard with only padding, and a shard that is wider than a vector.
constexpr Text texts[] = {{2, 1, 4},  {7, 1, 10},   {12, 3, 10},  {11, 4, 10},
                          {5, 4, 10}, {9, 8, 6, 3}, {301, 2, 10}, {33, 3, 1, 1}};

template <class F>
class CrossEntropy : public ::testing::Test {};
TYPED_TEST_SUITE(CrossEntropy, support::FullPrecisions);

TYPED_TEST(CrossEntropy, EqualsTheLossOverTheWholeVocabulary) {
  using F = TypeParam;
  for (const Text& text : texts) {
    for (const double width : {2.0, 40.0}) {
      SCOPED_TRACE(::testing::Message() << text.vocabulary << " ids, " << text.ranks << " ranks");
      const auto logits = random_logits<F>(text, width);
      const Loss<F> actual = run(text, logits);
      const Expected expected = naive(text, logits);
      const double bound = support::tolerance<F> * std::max(1.0, std::abs(expected.loss));
      for (const double loss : actual.of_rank) {
        EXPECT_NEAR(loss, expected.loss, bound);
        EXPECT_EQ(loss, actual.of_rank[0]);
      }
      EXPECT_TRUE(agrees(actual.softmax, expected.softmax));
      EXPECT_TRUE(agrees(actual.gradient, expected.gradient));
    }
  }
}

TYPED_TEST(CrossEntropy, StatisticsAreThoseOfTheRanksOwnColumns) {
  using F = TypeParam;
  for (const Text& text : texts) {
    const auto logits = random_logits<F>(text, 10.0);
    const Table<F> statistics = run(text, logits).statistics;
    for (std::int64_t rank = 0; rank < text.ranks; ++rank) {
      const VocabularyShard shard = text.shard(rank);
      for (std::int64_t i = 0; i < text.rows; ++i) {
        const std::int64_t row = rank * text.rows + i;
        const std::int64_t label = text.tokens().label(i) - shard.first_id;
        const F own = label >= 0 && label < shard.valid ? logits(i, shard.first_id + label) : F(0);
        EXPECT_EQ(statistics(row, 2), own);
        if (shard.valid == 0) {
          // It is lower than any logit, but its difference from any logit is finite.
          EXPECT_LT(statistics(row, 0), F(-1e30));
          EXPECT_TRUE(std::isfinite(statistics(row, 0) - std::numeric_limits<F>::max() / 2));
          EXPECT_EQ(statistics(row, 1), F(0));
          continue;
        }
        const F* const first = &logits(i, shard.first_id);
        const F highest = *std::max_element(first, first + shard.valid);
        EXPECT_EQ(statistics(row, 0), highest);
        double sum = 0.0;
        for (std::int64_t j = 0; j < shard.valid; ++j) {
          sum += std::exp(static_cast<double>(first[j]) - static_cast<double>(highest));
        }
        EXPECT_NEAR(statistics(row, 1) / sum, 1.0, support::tolerance<F>);
      }
    }
  }
}

TYPED_TEST(CrossEntropy, PaddingTakesNoPart) {
  using F = TypeParam;
  for (const Text& text : texts) {
    const Loss<F> actual = run(text, random_logits<F>(text, 4.0));
    for (std::int64_t i = 0; i < text.rows; ++i) {
      for (std::int64_t j = text.vocabulary; j < text.padded(); ++j) {
        ASSERT_EQ(actual.softmax(i, j), F(0));
        ASSERT_EQ(actual.gradient(i, j), F(0));
      }
    }
  }
}

TYPED_TEST(CrossEntropy, GradientsOfATokenCancelAndProbabilitiesAddUp) {
  using F = TypeParam;
  for (const Text& text : texts) {
    const Loss<F> actual = run(text, random_logits<F>(text, 4.0));
    for (std::int64_t i = 0; i < text.rows; ++i) {
      double probability = 0.0, gradient = 0.0;
      for (std::int64_t j = 0; j < text.padded(); ++j) {
        probability += static_cast<double>(actual.softmax(i, j));
        gradient += static_cast<double>(actual.gradient(i, j));
      }
      EXPECT_NEAR(probability, 1.0, 10 * support::tolerance<F>);
      EXPECT_NEAR(gradient, 0.0, 10 * support::tolerance<F>);
    }
  }
}

// One label has a large logit, and all others are equal. The loss is 0 if it is the right one, else
// the difference.
TYPED_TEST(CrossEntropy, LargeLogitsNeitherOverflowNorVanish) {
  using F = TypeParam;
  const Text text{11, 4, 12};
  for (const double magnitude : {100.0, 1e4, 1e30}) {
    Table<F> logits(text.rows, text.padded(), static_cast<F>(-magnitude));
    double misses = 0.0;
    for (std::int64_t i = 0; i < text.rows; ++i) {
      const std::int64_t label = text.tokens().label(i);
      const std::int64_t winner = i % 2 == 0 ? label : (label + 4) % text.vocabulary;
      logits(i, winner) = static_cast<F>(magnitude);
      misses += i % 2 == 0 ? 0.0 : 1.0;
    }
    const Loss<F> actual = run(text, logits);
    EXPECT_NEAR(actual.of_rank[0] / (2.0 * magnitude), misses, 1e-6);
    for (std::int64_t i = 0; i < text.rows; ++i) {
      for (std::int64_t j = 0; j < text.vocabulary; ++j) {
        const double one = logits(i, j) > F(0) ? 1.0 : 0.0;
        ASSERT_NEAR(static_cast<double>(actual.softmax(i, j)), one, 1e-30) << magnitude;
      }
    }
  }
}

TYPED_TEST(CrossEntropy, EqualLogitsOfAnySizeCostTheLogarithmOfTheVocabulary) {
  using F = TypeParam;
  const Text text{11, 4, 12};
  for (const double logit : {-1e4, 0.0, 1e4}) {
    const Loss<F> actual = run(text, Table<F>(text.rows, text.padded(), static_cast<F>(logit)));
    EXPECT_NEAR(actual.of_rank[0], 12.0 * std::log(11.0), 1e-4);
  }
}

TEST(CrossEntropyGradient, AgreesWithFiniteDifferences) {
  for (const Text& text : texts) {
    const auto logits = random_logits<double>(text, 4.0);
    const auto direction = random_table<double>(text.rows, text.padded(), 3);
    const auto mean_loss = [&](double e) {
      return run(text, moved(logits, e, direction)).of_rank[0] / static_cast<double>(text.rows);
    };
    const double step = 1e-5;
    EXPECT_NEAR((mean_loss(step) - mean_loss(-step)) / (2.0 * step),
                inner_product(run(text, logits).gradient, direction), 1e-9)
        << text.vocabulary << " ids, " << text.ranks << " ranks";
  }
}

}  // namespace
}  // namespace tidemark::kernels
