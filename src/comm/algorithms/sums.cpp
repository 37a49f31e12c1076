// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/sums.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidemark::comm {

namespace {

template <class T>
void sum_of_two(T* out, const T* a, const T* b, std::size_t count) {
  using F = Accumulate<T>;
  for (std::size_t i = 0; i < count; ++i) out[i] = T(static_cast<F>(a[i]) + static_cast<F>(b[i]));
}

// Works piece by piece, so that the sums stay in the first-level cache.
template <class T>
void sum_of_many(T* out, std::span<const void* const> terms, std::size_t count) {
  using F = Accumulate<T>;
  constexpr std::size_t piece = 1024;
  std::array<F, piece> sums;
  for (std::size_t first = 0; first < count; first += piece) {
    const std::size_t length = std::min(piece, count - first);
    const T* term = static_cast<const T*>(terms[0]) + first;
    for (std::size_t i = 0; i < length; ++i) sums[i] = static_cast<F>(term[i]);
    for (const void* const other : terms.subspan(1)) {
      term = static_cast<const T*>(other) + first;
      for (std::size_t i = 0; i < length; ++i) sums[i] += static_cast<F>(term[i]);
    }
    for (std::size_t i = 0; i < length; ++i) out[first + i] = T(sums[i]);
  }
}

}  // namespace

void sum_on_host(DType dtype, void* out, std::span<const void* const> terms, std::size_t count) {
  if (count == 0 || terms.empty()) return;
  if (terms.size() == 1) {
    if (out != terms[0]) std::memcpy(out, terms[0], count * size_of(dtype));
    return;
  }
  with_scalar_of(dtype, [&](auto scalar) {
    using T = decltype(scalar);
    if (terms.size() == 2) {
      sum_of_two(static_cast<T*>(out), static_cast<const T*>(terms[0]),
                 static_cast<const T*>(terms[1]), count);
    } else {
      sum_of_many(static_cast<T*>(out), terms, count);
    }
  });
}

}  // namespace tidemark::comm
