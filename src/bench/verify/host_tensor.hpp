// Copies of device tensors that the host may read, for comparing and for dumping.
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

/// Copies a contiguous matrix; fences the device's instance. Elements of bf16 are widened, exactly.
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

/// max |part - whole| over the elements of `part`, the places of whose rows in `whole` are given,
/// relative to max |whole| over the whole tensor. Infinite where a difference is not finite. Throws
/// RunError when the part does not lie in the whole.
template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::Placement& placement);

/// The same of a part that is one block of the whole.
template <class T>
double relative_error(const HostTensor<T>& part, const HostTensor<T>& whole,
                      const kernels::GlobalPlace& place) {
  return relative_error(part, whole, kernels::Placement{{part.rows, place}});
}

}  // namespace tidemark::bench
