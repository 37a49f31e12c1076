// SPDX-License-Identifier: BSD-3-Clause
#include "theory/exact.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::theory {

namespace {

constexpr const char* too_large = "the model is too large: a count of its bytes exceeds 2^63 - 1";

}  // namespace

std::int64_t exact_product(std::initializer_list<std::int64_t> factors) {
  // A zero factor makes the product zero, even if the other factors would overflow before it.
  for (const std::int64_t factor : factors) {
    TIDEMARK_REQUIRE(factor >= 0, fmt::format("negative size {}", factor));
    if (factor == 0) return 0;
  }
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) throw RunError(too_large);
  }
  return product;
}

std::int64_t exact_sum(std::initializer_list<std::int64_t> terms) {
  std::int64_t sum = 0;
  for (const std::int64_t term : terms) {
    TIDEMARK_REQUIRE(term >= 0, fmt::format("negative size {}", term));
    if (__builtin_add_overflow(sum, term, &sum)) throw RunError(too_large);
  }
  return sum;
}

std::int64_t exact_quotient(std::int64_t dividend, std::int64_t divisor) {
  TIDEMARK_REQUIRE(divisor > 0, fmt::format("cannot divide by {}", divisor));
  TIDEMARK_REQUIRE(dividend % divisor == 0,
                   fmt::format("{} is not divisible by {}", dividend, divisor));
  return dividend / divisor;
}

}  // namespace tidemark::theory
