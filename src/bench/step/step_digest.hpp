// What a step computed, in a few numbers: equal for equal steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/device.hpp"
#include "kernels/check.hpp"

namespace tidemark::bench {

/// One tensor of a step, as a rank has it.
struct TensorDigest {
  std::uint64_t bits = 0;      ///< digest of the exact bits
  kernels::Checksum checksum;  ///< where bits may change from step to step
  std::int64_t elements = 0;
};

/// Output, input gradient and all parameter gradients of one rank, and the loss. With ends the
/// first two are none: the loss, and the gradient of the embedding, follow from them.
struct StepDigest {
  TensorDigest output, input_gradient, parameter_gradients;
  std::optional<double> loss;
};

/// Whether equal steps give equal bits here. On a host they do: kernels and products add in one
/// order, and so do the collectives of MPI libraries for equal calls (MPI-3.1, section 5.9.1,
/// recommends it). On a device sums by atomic additions and the libraries' own may not.
inline constexpr bool steps_repeat_exactly = runs_on_host;

/// Fences the device's instance.
template <class T>
TensorDigest digest_of(const Device& device, const Vector<T>& tensor);

/// Names what differs between two digests of equal steps, empty where nothing does: by bits where
/// `exact`, else by checksums. A sum with random signs of n rounding errors, each at most
/// `tolerance` of the mean magnitude, exceeds lambda sqrt(n) times that with a chance of
/// 2 exp(-lambda^2 / 2); lambda is 6.
std::string difference_between(const StepDigest& a, const StepDigest& b, bool exact,
                               double tolerance);

}  // namespace tidemark::bench
