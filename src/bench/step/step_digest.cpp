// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/step_digest.hpp"

#include <bit>
#include <cmath>

namespace tidemark::bench {

namespace {

bool differ(const TensorDigest& a, const TensorDigest& b, bool exact, double tolerance) {
  if (exact) return a.bits != b.bits;
  if (a.elements == 0) return false;
  constexpr double lambda = 6.0;
  const double bound =
      lambda * tolerance * a.checksum.magnitude / std::sqrt(static_cast<double>(a.elements));
  // In this form NaN counts as a difference.
  return !(std::abs(a.checksum.sum - b.checksum.sum) <= bound);
}

bool differ(const std::optional<double>& a, const std::optional<double>& b, bool exact,
            double tolerance) {
  if (!a || !b) return a.has_value() != b.has_value();
  if (exact) return std::bit_cast<std::uint64_t>(*a) != std::bit_cast<std::uint64_t>(*b);
  return !(std::abs(*a - *b) <= tolerance * std::abs(*a));
}

}  // namespace

template <class T>
TensorDigest digest_of(const Device& device, const Vector<T>& tensor) {
  TensorDigest result;
  result.elements = static_cast<std::int64_t>(tensor.extent(0));
  if (result.elements == 0) return result;
  result.bits = kernels::digest(device, tensor);
  if (!steps_repeat_exactly) result.checksum = kernels::checksum(device, tensor);
  return result;
}

std::string difference_between(const StepDigest& a, const StepDigest& b, bool exact,
                               double tolerance) {
  if (differ(a.output, b.output, exact, tolerance)) return "output";
  if (differ(a.loss, b.loss, exact, tolerance)) return "loss";
  if (differ(a.input_gradient, b.input_gradient, exact, tolerance)) return "input gradient";
  if (differ(a.parameter_gradients, b.parameter_gradients, exact, tolerance)) {
    return "parameter gradients";
  }
  return "";
}

template TensorDigest digest_of(const Device&, const Vector<bfloat16>&);
template TensorDigest digest_of(const Device&, const Vector<float>&);
template TensorDigest digest_of(const Device&, const Vector<double>&);

}  // namespace tidemark::bench
