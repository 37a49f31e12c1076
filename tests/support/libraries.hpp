// SPDX-License-Identifier: BSD-3-Clause
// The libraries that this build can form products with.
#pragma once

#include <vector>

#include "base/device.hpp"
#include "kernels/onednn_products.hpp"

namespace tidemark::support {

inline std::vector<ProductLibrary> product_libraries() {
  if (runs_on_cuda) return {ProductLibrary::cublas};
  std::vector<ProductLibrary> libraries{ProductLibrary::kokkos_kernels};
  if (runs_on_host && kernels::onednn::is_built()) libraries.push_back(ProductLibrary::onednn);
  return libraries;
}

/// All ways of forming products: each library as it does it best, and oneDNN in panels of fp32.
inline std::vector<ProductMethod> product_methods() {
  std::vector<ProductMethod> methods;
  for (const ProductLibrary library : product_libraries()) {
    methods.push_back(ProductMethod::of(library));
  }
  if (methods.back().library == ProductLibrary::onednn) {
    methods.push_back({ProductLibrary::onednn, false});
  }
  return methods;
}

}  // namespace tidemark::support
