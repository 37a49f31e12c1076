// SPDX-License-Identifier: BSD-3-Clause
// Properties of a tensor for verification. Compiled without fast-math, because these functions must
// see NaN and infinity.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// Number of elements that are NaN or infinite. Fences the device's instance, like all below.
template <class T>
std::int64_t count_not_finite(const Device& device, const Vector<T>& x);

/// max |x_i|; 0 for an empty vector. NaN elements count as infinite.
template <class T>
double max_abs(const Device& device, const Vector<T>& x);

/// max |x_i - y_i| of two vectors of equal length. NaN differences count as infinite.
template <class T>
double max_abs_difference(const Device& device, const Vector<T>& x, const Vector<T>& y);

/// A 64-bit digest of the exact bits and their order. Equal tensors have equal digests. Different
/// tensors have equal digests with a chance of 2^-64.
template <class T>
std::uint64_t digest(const Device& device, const Vector<T>& x);

/// Summary of a tensor whose bits may change from run to run.
struct Checksum {
  double sum = 0.0;        ///< sum of x_i, each with a fixed random sign, in fp64
  double magnitude = 0.0;  ///< sum of |x_i|
};
template <class T>
Checksum checksum(const Device& device, const Vector<T>& x);

/// Sets every bit of `bytes` bytes, which gives NaN in every element type. `bytes` must be even.
/// Returns when it is done.
void fill_with_nan(const Device& device, void* memory, std::size_t bytes);

}  // namespace tidemark::kernels
