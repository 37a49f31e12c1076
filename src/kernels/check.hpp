// What verification asks of a tensor. Compiled without fast-math: these must see NaN and infinity.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// Number of elements that are NaN or infinite. Fences the device's instance, like all below.
template <class T>
std::int64_t count_not_finite(const Device& device, const Vector<T>& x);

/// max |x_i|; 0 for an empty vector; NaN elements count as infinite.
template <class T>
double max_abs(const Device& device, const Vector<T>& x);

/// max |x_i - y_i| of two vectors of one length; NaN differences count as infinite.
template <class T>
double max_abs_difference(const Device& device, const Vector<T>& x, const Vector<T>& y);

/// A 64-bit digest of the exact bits and their order: equal on all ranks iff the tensors are equal,
/// but for a chance of 2^-64.
template <class T>
std::uint64_t digest(const Device& device, const Vector<T>& x);

/// What is left of a tensor where its bits may change from run to run.
struct Checksum {
  double sum = 0.0;        ///< sum of x_i with a random but fixed sign each, in fp64
  double magnitude = 0.0;  ///< sum of |x_i|
};
template <class T>
Checksum checksum(const Device& device, const Vector<T>& x);

/// Sets every bit of `bytes` bytes, an even number: NaN in every element type. Returns when it is
/// done.
void fill_with_nan(const Device& device, void* memory, std::size_t bytes);

}  // namespace tidemark::kernels
