// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/sum_of_terms.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "base/device.hpp"
#include "base/error.hpp"

namespace tidemark::kernels {

namespace {

// A kernel gets its terms by value. A few fit into the memory of its arguments. Many are passed in
// memory that Kokkos has for larger functors.
constexpr int few_terms = 64;
constexpr int most_terms = 1024;

template <class T, int Most>
struct Terms {
  const T* data[Most];
  int count;
};

template <int Most, class T>
void sum(T* out, std::span<const void* const> pointers, std::size_t count) {
  using F = Accumulate<T>;
  Terms<T, Most> terms{};
  terms.count = static_cast<int>(pointers.size());
  for (int k = 0; k < terms.count; ++k) {
    terms.data[k] = static_cast<const T*>(pointers[static_cast<std::size_t>(k)]);
  }
  const ExecutionSpace exec;
  Kokkos::parallel_for(
      "tidemark::sum_of_terms",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>(
          exec, 0, static_cast<std::int64_t>(count)),
      KOKKOS_LAMBDA(const std::int64_t i) {
        F total = F(terms.data[0][i]);
        for (int k = 1; k < terms.count; ++k) total += F(terms.data[k][i]);
        out[i] = T(total);
      });
  exec.fence();
}

}  // namespace

void sum_of_terms(DType dtype, void* out, std::span<const void* const> terms, std::size_t count) {
  if (count == 0 || terms.empty()) return;
  if (terms.size() == 1 && terms[0] == out) return;
  TIDEMARK_REQUIRE(terms.size() <= most_terms,
                   fmt::format("{} terms of a sum, at most {}", terms.size(), most_terms));
  with_scalar_of(dtype, [&](auto scalar) {
    using T = decltype(scalar);
    T* const result = static_cast<T*>(out);
    terms.size() <= few_terms ? sum<few_terms>(result, terms, count)
                              : sum<most_terms>(result, terms, count);
  });
}

}  // namespace tidemark::kernels
