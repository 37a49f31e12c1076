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

/// How a rank forms its products.
struct ProductMethod {
  ProductLibrary library = ProductLibrary::kokkos_kernels;
  /// Matrices of bf16 go to the library as they are, and it forms sums in fp32. Otherwise they are
  /// converted to fp32 first. Kokkos Kernels takes none.
  bool takes_bf16 = false;

  /// As the library does it best.
  static constexpr ProductMethod of(ProductLibrary library) {
    return {library, library != ProductLibrary::kokkos_kernels};
  }
};

template <>
struct Words<ProductLibrary> {
  using enum ProductLibrary;
  static constexpr auto all = std::to_array<std::pair<ProductLibrary, std::string_view>>(
      {{kokkos_kernels, "kokkos_kernels"}, {onednn, "onednn"}, {cublas, "cublas"}});
};

}  // namespace tidemark
