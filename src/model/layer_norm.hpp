// SPDX-License-Identifier: BSD-3-Clause
// Layer normalisation as a module.
#pragma once

#include <cstdint>

#include "model/norm.hpp"

namespace tidemark::model {

/// Saves mean and reciprocal deviation per row. It has a weight and a bias.
template <class T>
class LayerNorm final : public Norm<T> {
 public:
  using typename Norm<T>::F;

  LayerNorm(parallel::ParameterStore<T>& store, std::int64_t hidden, NormSpec spec);

 private:
  void normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                 const Matrix<F>& statistics) const override;
  void differentiate(Device& device, const Matrix<T>& output_gradient, const Matrix<T>& x,
                     const Matrix<F>& statistics, const Matrix<T>& gradient) const override;

  parallel::Parameter<T>& weight_;
  parallel::Parameter<T>& bias_;
};

}  // namespace tidemark::model
