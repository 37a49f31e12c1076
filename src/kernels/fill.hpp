// SPDX-License-Identifier: BSD-3-Clause
// Random tensors whose values depend on global element indices only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/device.hpp"
#include "base/philox.hpp"

namespace tidemark::kernels {

/// The place of a local matrix in its row-major global tensor.
struct GlobalPlace {
  std::int64_t first_row = 0;
  std::int64_t first_column = 0;
  std::int64_t columns = 0;  ///< columns of the global tensor
};

/// Consecutive rows of a local matrix, and their place in the global tensor.
struct RowSegment {
  std::int64_t rows = 0;
  GlobalPlace place;
  /// Number of consecutive ranks that hold these rows, including this one.
  std::int64_t replicas = 1;
};

/// The places of all rows of a local matrix, in their order.
using Placement = std::vector<RowSegment>;

/// value = centre + width * u. u is uniform in (-1/2, 1/2), from the stream of `key` at the
/// element's global index. It is computed in double and rounded to T. matrix [R, C].
template <class T>
void fill_uniform(Device& device, const Matrix<T>& matrix, philox::Key key,
                  const GlobalPlace& place, double centre, double width);

/// matrix [R, C] = 0.
template <class T>
void fill_zero(Device& device, const Matrix<T>& matrix);

}  // namespace tidemark::kernels
