// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/check.hpp"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/mix.hpp"
#include "base/scalars.hpp"

namespace tidemark::kernels {

namespace {

using Range = Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>;

template <class T>
Range range_of(const Device& device, const Vector<T>& x) {
  return Range(*device.exec, 0, static_cast<std::int64_t>(x.extent(0)));
}

KOKKOS_INLINE_FUNCTION bool is_finite(double value) { return value - value == 0.0; }

KOKKOS_INLINE_FUNCTION double magnitude(double value) {
  return value == value ? (value < 0.0 ? -value : value) : HUGE_VAL;
}

/// The term of a word at a place in a digest, as in XXH3 (Collet, 2019). It is the product of the
/// two halves of the word under a key, plus the word itself. The product makes the order count, and
/// the word still counts if one half is zero. Keys are multiples of 2^64 over the golden ratio, as
/// in splitmix64. Vector units have this product.
KOKKOS_INLINE_FUNCTION std::uint64_t digest_at(std::int64_t place, std::uint64_t word) {
  const std::uint64_t keyed = word ^ ((static_cast<std::uint64_t>(place) + 1) * golden_step);
  const std::uint64_t low = static_cast<std::uint32_t>(keyed);
  const std::uint64_t high = static_cast<std::uint32_t>(keyed >> 32);
  return low * high + word;
}

template <class T>
KOKKOS_INLINE_FUNCTION std::uint64_t bits_of(const T& value) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;
  static_assert(sizeof(Bits) == sizeof(T));
  Bits bits;
  memcpy(&bits, &value, sizeof(T));
  return bits;
}

}  // namespace

template <class T>
std::int64_t count_not_finite(const Device& device, const Vector<T>& x) {
  std::int64_t count = 0;
  Kokkos::parallel_reduce(
      "tidemark::count_not_finite", range_of(device, x),
      KOKKOS_LAMBDA(const std::int64_t i, std::int64_t& part) {
        part += is_finite(static_cast<double>(x(i))) ? 0 : 1;
      },
      count);
  return count;
}

template <class T>
double max_abs(const Device& device, const Vector<T>& x) {
  double highest = 0.0;
  Kokkos::parallel_reduce(
      "tidemark::max_abs", range_of(device, x),
      KOKKOS_LAMBDA(const std::int64_t i, double& part) {
        const double value = magnitude(static_cast<double>(x(i)));
        part = value > part ? value : part;
      },
      Kokkos::Max<double>(highest));
  return highest < 0.0 ? 0.0 : highest;
}

template <class T>
double max_abs_difference(const Device& device, const Vector<T>& x, const Vector<T>& y) {
  double highest = 0.0;
  Kokkos::parallel_reduce(
      "tidemark::max_abs_difference", range_of(device, x),
      KOKKOS_LAMBDA(const std::int64_t i, double& part) {
        const double value = magnitude(static_cast<double>(x(i)) - static_cast<double>(y(i)));
        part = value > part ? value : part;
      },
      Kokkos::Max<double>(highest));
  return highest < 0.0 ? 0.0 : highest;
}

template <class T>
std::uint64_t digest(const Device& device, const Vector<T>& x) {
  constexpr std::int64_t per_word = sizeof(std::uint64_t) / sizeof(T);
  constexpr int bits = 8 * sizeof(T);
  const auto length = static_cast<std::int64_t>(x.extent(0));
  // Elements are read as words of 64 bits. The elements left at the end are read one by one.
  const std::int64_t whole_words = length / per_word;
  std::uint64_t sum = 0;
  Kokkos::parallel_reduce(
      "tidemark::digest", Range(*device.exec, 0, whole_words),
      KOKKOS_LAMBDA(const std::int64_t i, std::uint64_t& part) {
        std::uint64_t word = 0;
        for (int j = 0; j < per_word; ++j) word |= bits_of(x(i * per_word + j)) << (j * bits);
        part += digest_at(i, word);
      },
      sum);
  std::uint64_t rest = 0;
  Kokkos::parallel_reduce(
      "tidemark::digest", Range(*device.exec, whole_words * per_word, length),
      KOKKOS_LAMBDA(const std::int64_t i, std::uint64_t& part) {
        part += digest_at(whole_words + i, bits_of(x(i)));
      },
      rest);
  return mix(sum + rest);
}

template <class T>
Checksum checksum(const Device& device, const Vector<T>& x) {
  Checksum sums;
  Kokkos::parallel_reduce(
      "tidemark::checksum", range_of(device, x),
      KOKKOS_LAMBDA(const std::int64_t i, double& part) {
        const auto value = static_cast<double>(x(i));
        part += (mix(static_cast<std::uint64_t>(i) + 1) & 1U) != 0U ? value : -value;
      },
      sums.sum);
  Kokkos::parallel_reduce(
      "tidemark::checksum", range_of(device, x),
      KOKKOS_LAMBDA(const std::int64_t i, double& part) {
        part += magnitude(static_cast<double>(x(i)));
      },
      sums.magnitude);
  return sums;
}

void fill_with_nan(const Device& device, void* memory, std::size_t bytes) {
  // It stores words of 64 bits where they fit, because the number of stores decides the time.
  const bool aligned = reinterpret_cast<std::uintptr_t>(memory) % sizeof(std::uint64_t) == 0;
  const std::size_t in_words = aligned ? bytes - bytes % sizeof(std::uint64_t) : 0;
  const Vector<std::uint64_t> words(static_cast<std::uint64_t*>(memory),
                                    in_words / sizeof(std::uint64_t));
  Kokkos::deep_copy(*device.exec, words, ~std::uint64_t{0});
  const Vector<std::uint16_t> rest(
      static_cast<std::uint16_t*>(memory) + in_words / sizeof(std::uint16_t),
      (bytes - in_words) / sizeof(std::uint16_t));
  Kokkos::deep_copy(*device.exec, rest, static_cast<std::uint16_t>(0xffff));
  device.fence();
}

#define TIDEMARK_INSTANTIATE(T)                                                          \
  template std::int64_t count_not_finite(const Device&, const Vector<T>&);               \
  template double max_abs(const Device&, const Vector<T>&);                              \
  template double max_abs_difference(const Device&, const Vector<T>&, const Vector<T>&); \
  template std::uint64_t digest(const Device&, const Vector<T>&);                        \
  template Checksum checksum(const Device&, const Vector<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
