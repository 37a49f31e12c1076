// SPDX-License-Identifier: BSD-3-Clause
// The MLP block of a layer: fc1, an activation, fc2. The inner width is divided among the ranks.
#pragma once

#include <memory>
#include <string_view>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "parallel/column_parallel.hpp"
#include "parallel/context.hpp"
#include "parallel/row_parallel.hpp"

namespace tidemark::model {

/// How an activation changes the two products around it.
struct MlpSpec {
  std::string_view fc1_output;  ///< its name in the ledger; the activation saves it
  std::int64_t fc1_width = 0;   ///< columns of fc1's output, over all ranks
  kernels::Placement fc1_rows;  ///< as in parallel::LinearSpec
  bool has_biases = false;      ///< the activation adds the bias of fc1
};

///   x (., h) -> fc1 (s b, fc1_width/t) -> activation (s b, ffn/t) -> fc2 (., h)
///
/// The kernel that follows adds the bias of fc2, if there is one.
template <class T>
class Mlp {
 public:
  using Tensor = memory::Tensor<T>;

  Mlp(parallel::ParameterStore<T>& store, const config::Case& settings,
      const parallel::Context& context, int layer, MlpSpec spec);
  Mlp(const Mlp&) = delete;
  Mlp& operator=(const Mlp&) = delete;
  virtual ~Mlp() = default;

  /// Normalised rows [., h] -> this rank's rows of the block's output [., h], summed over ranks.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input);
  /// Gradient of that output -> gradient of the input, both in the shape of the forward's.
  Tensor backward(const parallel::Context& context, Tensor output_gradient);

  /// Frees what forward kept, without using it.
  void forget();

  [[nodiscard]] parallel::Parameter<T>& output_bias() { return fc2_.bias(); }
  /// [fc1_width/t, h], for measuring the machine's product rate.
  [[nodiscard]] parallel::Parameter<T>& fc1_weight() { return fc1_.weight(); }

 protected:
  /// Empty if there is no bias.
  [[nodiscard]] parallel::Parameter<T>& fc1_bias() { return fc1_.bias(); }

 private:
  /// u [s b, fc1_width/t] -> y [s b, ffn/t]
  virtual void activate(Device& device, const Matrix<T>& u, const Matrix<T>& y) = 0;
  /// u and the gradient of y -> the gradient of u, in the memory of u or of the gradient of y.
  virtual Tensor differentiate(Device& device, Tensor u, Tensor output_gradient) = 0;

  int layer_;
  std::int64_t width_;  ///< ffn/t
  parallel::ColumnParallelLinear<T> fc1_;
  parallel::RowParallelLinear<T> fc2_;
  parallel::Arriving<T> fc1_output_;  ///< without the bias; complete after forward
};

/// Makes the MLP of the case's family.
template <class T>
std::unique_ptr<Mlp<T>> make_mlp(parallel::ParameterStore<T>& store, const config::Case& settings,
                                 const parallel::Context& context, int layer);

}  // namespace tidemark::model
