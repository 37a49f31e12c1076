// SPDX-License-Identifier: BSD-3-Clause
// Element types of activations and parameters, by name and size; knows nothing of Kokkos.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/bfloat16.hpp"
#include "base/host_device.hpp"

namespace tidemark {

/// Element type of a buffer that crosses into the communicators or into the theory.
enum class DType { fp64, fp32, bf16 };

/// Bytes of one element (`w` in the formulas).
constexpr std::size_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::fp64:
      return 8;
    case DType::fp32:
      return 4;
    case DType::bf16:
      return 2;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::fp64:
      return "fp64";
    case DType::fp32:
      return "fp32";
    case DType::bf16:
      return "bf16";
  }
  return "unknown";
}

/// The type of sums over elements of `dtype`, of the gradients of parameters, and of the logits:
/// fp32 for bf16, otherwise the type itself.
constexpr DType accumulation_of(DType dtype) noexcept {
  return dtype == DType::bf16 ? DType::fp32 : dtype;
}

namespace detail {
template <class T>
struct Accumulation {
  using type = T;
};
template <>
struct Accumulation<bfloat16> {
  using type = float;
};
}  // namespace detail

/// accumulation_of for C++ scalars: float for bfloat16, T for float and double.
template <class T>
using Accumulate = typename detail::Accumulation<T>::type;

/// True if T is for storage only and sums have another type.
template <class T>
inline constexpr bool is_narrow = !std::is_same_v<T, Accumulate<T>>;

/// What a kernel copies elements of T as. GCC copies arrays of classes one by one, and arrays of
/// numbers in vectors.
template <class T>
using Bits = std::conditional_t<std::is_same_v<T, bfloat16>, std::uint16_t, T>;
/// The same memory. An object may be read as its only member.
template <class T>
TIDEMARK_HOST_DEVICE Bits<T>* bits_of(T* elements) {
  return reinterpret_cast<Bits<T>*>(elements);
}
template <class T>
TIDEMARK_HOST_DEVICE const Bits<T>* bits_of(const T* elements) {
  return reinterpret_cast<const Bits<T>*>(elements);
}

/// DType of a C++ scalar: `dtype_of<float>` is DType::fp32.
template <class T>
inline constexpr DType dtype_of = DType::fp32;
template <>
inline constexpr DType dtype_of<double> = DType::fp64;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;

/// Calls `use` with a value-initialised scalar of the C++ type that `dtype` names.
template <class Use>
decltype(auto) with_scalar_of(DType dtype, const Use& use) {
  switch (dtype) {
    case DType::fp64:
      return use(double{});
    case DType::bf16:
      return use(bfloat16{});
    case DType::fp32:
      break;
  }
  return use(float{});
}

}  // namespace tidemark
