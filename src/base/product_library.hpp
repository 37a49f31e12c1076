// SPDX-License-Identifier: BSD-3-Clause
// The libraries that form matrix products.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "base/words.hpp"

namespace tidemark {

enum class ProductLibrary {
  kokkos_kernels,  ///< Kokkos Kernels, which calls a BLAS on a host
  onednn,          ///< oneDNN, on a host
  cublas,          ///< cuBLAS and cuBLASLt, on CUDA devices
};

template <>
struct Words<ProductLibrary> {
  using enum ProductLibrary;
  static constexpr auto all = std::to_array<std::pair<ProductLibrary, std::string_view>>(
      {{kokkos_kernels, "kokkos_kernels"}, {onednn, "onednn"}, {cublas, "cublas"}});
};

}  // namespace tidemark
