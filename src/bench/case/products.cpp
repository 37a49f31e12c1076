// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/products.hpp"

#include <array>

#include <fmt/format.h>

#include "base/device.hpp"
#include "base/error.hpp"
#include "kernels/onednn_products.hpp"

namespace tidemark::bench {

namespace {

using config::Products;
namespace onednn = kernels::onednn;

ProductLibrary library_of_machine(const config::Case& c) {
  if (runs_on_cuda) return ProductLibrary::cublas;
  const bool goes_in_as_it_is =
      runs_on_host && c.precision == DType::bf16 && onednn::has_native_bf16();
  return goes_in_as_it_is ? ProductLibrary::onednn : ProductLibrary::kokkos_kernels;
}

ProductLibrary library_of(const config::Case& c) {
  switch (c.products) {
    case Products::automatic:
      return library_of_machine(c);
    case Products::kokkos_kernels:
      return ProductLibrary::kokkos_kernels;
    case Products::onednn:
      return ProductLibrary::onednn;
    case Products::cublas:
      return ProductLibrary::cublas;
  }
  return ProductLibrary::kokkos_kernels;
}

/// Why this build cannot use the library; empty if it can.
std::string obstacle_to(Products products) {
  if (products == Products::cublas && !runs_on_cuda) return "needs a Kokkos on CUDA";
  if (products != Products::cublas && runs_on_cuda) return "is for other devices than CUDA's";
  if (products != Products::onednn) return "";
  if (!runs_on_host) return "needs a Kokkos on the host";
  return onednn::is_built() ? "" : "needs a build with oneDNN";
}

}  // namespace

ProductMethod method_of(const config::Case& c) { return ProductMethod::of(library_of(c)); }

std::vector<ProductLibrary> candidates_of(const config::Case& c) {
  if (c.products != Products::automatic || !runs_on_host || !onednn::is_built()) return {};
  // Panels of bf16 are products of fp32, too.
  if (c.precision == DType::fp64 || method_of(c).takes_bf16) return {};
  return {ProductLibrary::kokkos_kernels, ProductLibrary::onednn};
}

void require_agreement(const config::Case& c, comm::Communicator& communicator) {
  // Only here does the processor decide.
  if (c.products != Products::automatic || c.precision != DType::bf16) return;
  std::array<double, 2> least{method_of(c).takes_bf16 ? 1.0 : 0.0,
                              static_cast<double>(candidates_of(c).size())};
  std::array<double, 2> most = least;
  communicator.min_over_ranks(least);
  communicator.max_over_ranks(most);
  if (least == most) return;
  throw RunError(
      "products: auto differs between ranks, because only some processors have instructions for "
      "bf16, or ONEDNN_MAX_CPU_ISA hides them on some: name the library",
      Scope::all_ranks);
}

void require_products(const config::Case& c) {
  if (c.products == Products::automatic) return;
  const std::string obstacle = obstacle_to(c.products);
  if (obstacle.empty()) return;
  throw InputError(fmt::format(
      "{}: products: {} {}, but this build is on {}{}", c.locate("products"), word_of(c.products),
      obstacle, ExecutionSpace::name(), onednn::is_built() ? "" : " without oneDNN"));
}

}  // namespace tidemark::bench
