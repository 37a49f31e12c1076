// SPDX-License-Identifier: BSD-3-Clause
// Integer arithmetic that is exact or fails, for byte counts of models of any size.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace tidemark::theory {

/// Product of `factors`, which must not be negative. Throws RunError if it exceeds 63 bits.
std::int64_t exact_product(std::initializer_list<std::int64_t> factors);

/// Sum of `terms`, which must not be negative. Throws RunError if it exceeds 63 bits.
std::int64_t exact_sum(std::initializer_list<std::int64_t> terms);

/// `dividend` / `divisor`. Throws RunError if there is a remainder.
std::int64_t exact_quotient(std::int64_t dividend, std::int64_t divisor);

}  // namespace tidemark::theory
