// What the parameters of a linear layer are.
#pragma once

#include <cmath>

#include "parallel/linear.hpp"

namespace tidemark::parallel::detail {

inline memory::TensorClass output_class(const LinearSpec& spec, const Context& context) {
  return spec.keeps_output ? context.kept : memory::TensorClass::transient;
}

// Uniform on +- width/2 has the variance width^2 / 12. Weights of variance 1/in keep activations of
// order one at every size, so that a wrong product cannot hide behind the residual.
inline double weight_width(std::int64_t in) { return std::sqrt(12.0 / static_cast<double>(in)); }
inline constexpr double bias_width = 0.2;

inline ParameterSpec weight_spec(const LinearSpec& spec, std::int64_t rows, std::int64_t columns,
                                 kernels::GlobalPlace place) {
  return {spec.name + ".weight", spec.weight_stream, Sharing::sharded, rows, columns, place, 0.0,
          weight_width(spec.in)};
}

inline ParameterSpec bias_spec(const LinearSpec& spec, Sharing sharing, std::int64_t width,
                               std::int64_t first) {
  return {spec.name + ".bias",
          spec.bias_stream,
          sharing,
          1,
          width,
          {0, first, spec.out},
          0.0,
          bias_width,
          true};
}

}  // namespace tidemark::parallel::detail
