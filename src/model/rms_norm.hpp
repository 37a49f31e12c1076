// SPDX-License-Identifier: BSD-3-Clause
// Normalisation by the root mean square as a module.
#pragma once

#include <cstdint>

#include "model/norm.hpp"

namespace tidemark::model {

/// Saves the reciprocal root mean square per row. It has a weight and no bias.
template <class T>
class RmsNorm final : public Norm<T> {
 public:
  using typename Norm<T>::F;

  RmsNorm(parallel::ParameterStore<T>& store, std::int64_t hidden, NormSpec spec);

 private:
  void normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                 const Matrix<F>& statistics) const override;
  void differentiate(Device& device, const Matrix<T>& output_gradient, const Matrix<T>& x,
                     const Matrix<F>& statistics, const Matrix<T>& gradient) const override;

  parallel::Parameter<T>& weight_;
};

}  // namespace tidemark::model
