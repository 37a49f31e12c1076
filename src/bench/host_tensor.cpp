#include "bench/host_tensor.hpp"

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

}  // namespace

template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::GlobalPlace& place) {
  TIDEMARK_REQUIRE(
      place.first_row + part.rows <= whole.rows &&
          place.first_column + part.columns <= whole.columns,
      fmt::format("a shard of {} x {} at ({}, {}) lies outside a tensor of {} x {}", part.rows,
                  part.columns, place.first_row, place.first_column, whole.rows, whole.columns));
  double worst = 0.0;
  for (std::int64_t row = 0; row < part.rows; ++row) {
    for (std::int64_t column = 0; column < part.columns; ++column) {
      const auto index = (place.first_row + row) * whole.columns + place.first_column + column;
      const double expected = static_cast<double>(whole.values[static_cast<std::size_t>(index)]);
      const double actual =
          static_cast<double>(part.values[static_cast<std::size_t>(row * part.columns + column)]);
      const double error = std::abs(actual - expected);
      worst = std::max(worst, std::isfinite(error) ? error : infinity);
    }
  }
  const double scale = largest(whole);
  // An infinity in the whole would make inf / inf = NaN of it, which no comparison finds.
  if (scale == 0.0 || !std::isfinite(worst)) {
    return worst == 0.0 ? 0.0 : infinity;
  }
  return worst / scale;
}

template double relative_error(const HostTensor<float>&, const HostTensor<float>&,
                               const kernels::GlobalPlace&);
template double relative_error(const HostTensor<double>&, const HostTensor<double>&,
                               const kernels::GlobalPlace&);

}  // namespace tidemark::bench
