// Element types of activations and parameters, by name and size; knows nothing of Kokkos.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemark {

/// Element type of a buffer that crosses into the communicators or into the theory.
enum class DType { fp64, fp32 };

/// Bytes of one element (`w` in the formulas).
constexpr std::size_t size_of(DType dtype) noexcept { return dtype == DType::fp64 ? 8 : 4; }

constexpr std::string_view name_of(DType dtype) noexcept {
  return dtype == DType::fp64 ? "fp64" : "fp32";
}

/// DType of a C++ scalar: `dtype_of<float>` is DType::fp32.
template <class T>
inline constexpr DType dtype_of = DType::fp32;
template <>
inline constexpr DType dtype_of<double> = DType::fp64;

}  // namespace tidemark
