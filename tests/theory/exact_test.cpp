// SPDX-License-Identifier: BSD-3-Clause
#include "theory/exact.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::theory {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

TEST(ExactArithmetic, ProductUpToTheLimit) {
  EXPECT_EQ(exact_product({}), 1);
  EXPECT_EQ(exact_product({3, 5, 7}), 105);
  EXPECT_EQ(exact_product({largest, 1}), largest);
  EXPECT_EQ(exact_product({largest, largest, 0}), 0);
  EXPECT_THROW(exact_product({largest, 2}), RunError);
  EXPECT_THROW(exact_product({std::int64_t{1} << 32, std::int64_t{1} << 31}), RunError);
  EXPECT_THROW(exact_product({3, -1}), BrokenInvariant);
}

TEST(ExactArithmetic, SumUpToTheLimit) {
  EXPECT_EQ(exact_sum({}), 0);
  EXPECT_EQ(exact_sum({1, 2, 3}), 6);
  EXPECT_EQ(exact_sum({largest - 1, 1}), largest);
  EXPECT_THROW(exact_sum({largest, 1}), RunError);
  EXPECT_THROW(exact_sum({3, -1}), BrokenInvariant);
}

TEST(ExactArithmetic, QuotientWithoutRemainder) {
  EXPECT_EQ(exact_quotient(12, 4), 3);
  EXPECT_EQ(exact_quotient(0, 4), 0);
  EXPECT_THROW(exact_quotient(13, 4), BrokenInvariant);
  EXPECT_THROW(exact_quotient(12, 0), BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::theory
