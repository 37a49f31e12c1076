// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/host_tensor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::bench {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
double largest(const HostTensor<T>& tensor) {
  double highest = 0.0;
  for (const T value : tensor.values) {
    highest = std::max(highest, std::abs(static_cast<double>(value)));
  }
  return highest;
}

/// max |part - whole| over the rows of a segment. In `part` they begin at row `first`. In `whole`
/// they are one block.
template <class T>
double worst_difference(const HostTensor<T>& part, std::int64_t first, const HostTensor<T>& whole,
                        const kernels::RowSegment& segment) {
  const kernels::GlobalPlace& place = segment.place;
  TIDEMARK_REQUIRE(
      first + segment.rows <= part.rows && place.first_row + segment.rows <= whole.rows &&
          place.first_column + part.columns <= whole.columns,
      fmt::format("{} rows of a shard of {} x {} at ({}, {}) lie outside a tensor of {} x {}",
                  segment.rows, part.rows, part.columns, place.first_row, place.first_column,
                  whole.rows, whole.columns));
  double worst = 0.0;
  for (std::int64_t row = 0; row < segment.rows; ++row) {
    for (std::int64_t column = 0; column < part.columns; ++column) {
      const auto index = (place.first_row + row) * whole.columns + place.first_column + column;
      const auto own = (first + row) * part.columns + column;
      const double expected = static_cast<double>(whole.values[static_cast<std::size_t>(index)]);
      const double actual = static_cast<double>(part.values[static_cast<std::size_t>(own)]);
      const double error = std::abs(actual - expected);
      worst = std::max(worst, std::isfinite(error) ? error : infinity);
    }
  }
  return worst;
}

}  // namespace

template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::Placement& placement) {
  double worst = 0.0;
  std::int64_t first = 0;
  for (const kernels::RowSegment& segment : placement) {
    worst = std::max(worst, worst_difference(part, first, whole, segment));
    first += segment.rows;
  }
  TIDEMARK_REQUIRE(first == part.rows, "every row of a shard has a place");
  const double scale = largest(whole);
  // With an infinite scale the ratio inf / inf would be NaN, which no comparison finds.
  if (scale == 0.0 || !std::isfinite(worst)) {
    return worst == 0.0 ? 0.0 : infinity;
  }
  return worst / scale;
}

template double relative_error(const HostTensor<float>&, const HostTensor<float>&,
                               const kernels::Placement&);
template double relative_error(const HostTensor<double>&, const HostTensor<double>&,
                               const kernels::Placement&);

}  // namespace tidemark::bench
