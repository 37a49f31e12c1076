// SPDX-License-Identifier: BSD-3-Clause
// The results of a step in a few numbers, which are equal for equal steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/device.hpp"
#include "kernels/check.hpp"

namespace tidemark::bench {

/// One tensor of a step, on one rank.
struct TensorDigest {
  std::uint64_t bits = 0;      ///< digest of the exact bits
  kernels::Checksum checksum;  ///< if bits may change from step to step
  std::int64_t elements = 0;
};

/// Output, input gradient, all parameter gradients and loss of one rank. With ends the first two
/// are empty, because the loss and the gradient of the embedding follow from them.
struct StepDigest {
  TensorDigest output, input_gradient, parameter_gradients;
  std::optional<double> loss;
};

/// Whether equal steps give equal bits here. On a host they do: kernels and products add in one
/// order. Collectives of MPI libraries also do so for equal calls (recommended by MPI-3.1, section
/// 5.9.1). On a device, sums by atomic additions and the libraries' own sums may not.
inline constexpr bool steps_repeat_exactly = runs_on_host;

/// Computes the digest of a tensor. Fences the device's instance.
template <class T>
TensorDigest digest_of(const Device& device, const Vector<T>& tensor);

/// Names the first difference between the digests of two equal steps; empty if there is none. It
/// compares bits if `exact`, otherwise checksums. A sum of n rounding errors with random signs has
/// a bound. If each error is at most `tolerance` times the mean magnitude, the sum exceeds lambda
/// sqrt(n) times that with a chance of 2 exp(-lambda^2 / 2). Here lambda is 6.
std::string difference_between(const StepDigest& a, const StepDigest& b, bool exact,
                               double tolerance);

}  // namespace tidemark::bench
