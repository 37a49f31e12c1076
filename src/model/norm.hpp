// SPDX-License-Identifier: BSD-3-Clause
// Normalisation of rows as a module: its parameters and the statistics that it saves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/arriving.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

struct NormSpec {
  std::string name;  ///< prefix of its parameters' names, such as "layers.0.norm1"
  int layer = 0;
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;     ///< if there is a bias
  std::string_view statistics_name;  ///< of the numbers that are saved per row
  std::string_view output_name;      ///< of the normalised rows, the input of the next linear layer
  bool keeps_output = true;          ///< the module that receives the output keeps it for backward
};

/// Normalises this rank's rows: all of [s b, h], or its shard under SP. The parameters are
/// replicated. Under SP their gradients cover only this rank's rows until the store reduces them.
/// Subclasses define the normalisation.
template <class T>
class Norm {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  /// `statistics`: how many numbers are saved per row.
  Norm(NormSpec spec, std::int64_t statistics);
  Norm(const Norm&) = delete;
  Norm& operator=(const Norm&) = delete;
  virtual ~Norm() = default;

  /// x [., h] -> its normalised rows, in a new tensor. They arrive chunk by chunk if x does. The
  /// caller keeps x, and must keep it in place until all rows have been requested.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T>& x);

  /// Adds the gradient of x to `gradient` [., h], and writes the parameters' gradients.
  void backward(const parallel::Context& context, const Matrix<T>& output_gradient,
                const Matrix<T>& x, const Matrix<T>& gradient);
  /// Frees the statistics without using them.
  void forget() { statistics_.reset(); }

 protected:
  /// Declares a parameter [h] with values on `centre` +- 0.1.
  static parallel::Parameter<T>& declare(parallel::ParameterStore<T>& store,
                                         const std::string& name, std::uint32_t stream,
                                         std::int64_t hidden, double centre);

 private:
  /// x -> y; writes the statistics.
  virtual void normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                         const Matrix<F>& statistics) const = 0;
  /// Adds the gradient of x to `gradient`. Writes the parameters' gradients.
  virtual void differentiate(Device& device, const Matrix<T>& output_gradient, const Matrix<T>& x,
                             const Matrix<F>& statistics, const Matrix<T>& gradient) const = 0;

  NormSpec spec_;
  std::int64_t width_;            ///< of the statistics
  memory::Tensor<F> statistics_;  ///< [., width]
};

/// Makes the norm of the case's family.
template <class T>
std::unique_ptr<Norm<T>> make_norm(parallel::ParameterStore<T>& store, const config::Case& settings,
                                   NormSpec spec);

}  // namespace tidemark::model
