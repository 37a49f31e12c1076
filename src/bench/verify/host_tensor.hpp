// SPDX-License-Identifier: BSD-3-Clause
// Copies of device tensors in host memory, for comparisons and dumps.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/device.hpp"
#include "kernels/fill.hpp"

namespace tidemark::bench {

/// A row-major matrix in host memory.
template <class T>
struct HostTensor {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<T> values;
};

/// Copies a contiguous matrix. Fences the device's instance. bf16 is widened exactly.
template <class T>
HostTensor<Accumulate<T>> copy_to_host(const Device& device, const Matrix<T>& matrix) {
  using HostView = Kokkos::View<T**, Kokkos::LayoutRight, Kokkos::HostSpace,
                                Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  std::vector<T> raw(matrix.extent(0) * matrix.extent(1));
  Kokkos::deep_copy(*device.exec, HostView(raw.data(), matrix.extent(0), matrix.extent(1)), matrix);
  device.fence();
  HostTensor<Accumulate<T>> copy;
  copy.rows = num_rows(matrix);
  copy.columns = num_columns(matrix);
  if constexpr (!is_narrow<T>) {
    copy.values = std::move(raw);
  } else {
    copy.values.assign(raw.begin(), raw.end());
  }
  return copy;
}

/// max |part - whole| over the elements of `part`, relative to max |whole| over the whole tensor.
/// `placement` has the places of the part's rows in `whole`. Infinite if a difference is not
/// finite. Throws RunError if the part does not lie in the whole.
template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::Placement& placement);

/// The same for a part that is one block of the whole.
template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::GlobalPlace& place) {
  return relative_error(part, whole, kernels::Placement{{part.rows, place}});
}

}  // namespace tidemark::bench
