// SPDX-License-Identifier: BSD-3-Clause
// Which library forms the products of a case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/product_library.hpp"
#include "comm/communicator.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// The library of a case, and what decided.
struct ProductChoice {
  ProductLibrary library = ProductLibrary::kokkos_kernels;
  /// GFLOP/s per rank of each library that was tried, on the slowest rank; empty if the case, the
  /// precision or the build left nothing to try.
  std::vector<std::pair<ProductLibrary, double>> gflops;
  std::optional<std::int64_t>
      scratch_bytes;  ///< that the library holds; nullopt if it does not say
};

/// How a case forms its products: by the library that `products` names, as that does it best. For
/// `auto`: cuBLAS on CUDA devices; for bf16 on a host oneDNN, if the processor multiplies bf16 by
/// instructions of its own; else Kokkos Kernels, until a measurement decides. Memory depends on
/// nothing else, so a plan and a run on equal processors agree.
[[nodiscard]] ProductMethod method_of(const config::Case& c);

/// The libraries among which measurement decides: those that differ in speed only. Fewer than two
/// if nothing is left to decide.
[[nodiscard]] std::vector<ProductLibrary> candidates_of(const config::Case& c);

/// Throws RunError on all ranks if their processors would lead to different methods, which would
/// differ in memory and in numbers. Collective.
void require_agreement(const config::Case& c, comm::Communicator& communicator);

/// Throws InputError if this build cannot form products by the library that a case names.
void require_products(const config::Case& c);

/// Measures candidates in turn, several times. `rate_of` gives the GFLOP/s of this rank with a
/// library while all ranks compute. The best of each counts, on the slowest rank. A later candidate
/// must be faster by 5 %, so that noise does not give the cases of one run different libraries.
/// Collective.
template <class RateOf>
ProductChoice fastest_of(const std::vector<ProductLibrary>& candidates,
                         comm::Communicator& communicator, const RateOf& rate_of) {
  // Other work on the cores only lowers a rate.
  constexpr int repeats = 3;
  std::vector<double> best(candidates.size(), 0.0);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      best[i] = std::max(best[i], rate_of(candidates[i]));
    }
  }
  communicator.min_over_ranks(best);
  ProductChoice choice;
  constexpr double margin = 1.05;
  double rate = 0.0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    choice.gflops.emplace_back(candidates[i], best[i]);
    if (best[i] <= margin * rate) continue;
    rate = best[i];
    choice.library = candidates[i];
  }
  return choice;
}

}  // namespace tidemark::bench
