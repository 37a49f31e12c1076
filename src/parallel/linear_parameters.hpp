// SPDX-License-Identifier: BSD-3-Clause
// The parameters of a linear layer.
#pragma once

#include <cmath>
#include <utility>

#include "parallel/context.hpp"
#include "parallel/linear_spec.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::parallel::detail {

inline memory::TensorClass output_class(const LinearSpec& spec, const Context& context) {
  return spec.keeps_output ? context.kept : memory::TensorClass::transient;
}

// A uniform value on +- width/2 has the variance width^2 / 12. Weights of variance 1/in keep
// activations of order one at every size. So the residual cannot hide a wrong product.
inline double weight_width(std::int64_t in) { return std::sqrt(12.0 / static_cast<double>(in)); }
inline constexpr double bias_width = 0.2;

inline ParameterSpec weight_spec(const LinearSpec& spec, std::int64_t columns,
                                 kernels::Placement placement) {
  return {spec.name + ".weight", spec.weight_stream,
          Sharing::sharded,      columns,
          std::move(placement),  0.0,
          weight_width(spec.in)};
}

/// The place of this rank's rows of a weight [out, in] that is sharded by rows.
inline kernels::Placement rows_of(const LinearSpec& spec, const Context& context) {
  if (!spec.rows.empty()) return spec.rows;
  const std::int64_t share = shard_of(spec.out, context);
  return {{share, {context.rank() * share, 0, spec.in}}};
}

inline ParameterSpec bias_spec(const LinearSpec& spec, Sharing sharing, std::int64_t width,
                               std::int64_t first) {
  return {spec.name + ".bias",
          spec.bias_stream,
          sharing,
          width,
          {{1, {0, first, spec.out}}},
          0.0,
          bias_width,
          true};
}

}  // namespace tidemark::parallel::detail
