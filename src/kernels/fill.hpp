// Random tensors whose values depend on global element indices alone.
#pragma once

#include <cstdint>
#include <vector>

#include "base/device.hpp"
#include "base/philox.hpp"

namespace tidemark::kernels {

/// Where a local matrix lies in its row-major global tensor.
struct GlobalPlace {
  std::int64_t first_row = 0;
  std::int64_t first_column = 0;
  std::int64_t columns = 0;  ///< columns of the global tensor
};

/// Consecutive rows of a local matrix, and where they lie in the global tensor.
struct RowSegment {
  std::int64_t rows = 0;
  GlobalPlace place;
  std::int64_t replicas = 1;  ///< consecutive ranks that hold these rows, this one among them
};

/// Where all rows of a local matrix lie, in their order.
using Placement = std::vector<RowSegment>;

/// value = centre + width * u, u uniform in (-1/2, 1/2) from the stream of `key` at the element's
/// global index; computed in double, rounded to T. matrix [R, C].
template <class T>
void fill_uniform(Device& device, const Matrix<T>& matrix, philox::Key key,
                  const GlobalPlace& place, double centre, double width);

/// matrix [R, C] = 0.
template <class T>
void fill_zero(Device& device, const Matrix<T>& matrix);

}  // namespace tidemark::kernels
