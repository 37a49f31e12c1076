// SPDX-License-Identifier: BSD-3-Clause
// A linear layer sharded by columns of its output (Shoeybi et al., "Megatron-LM", 2019), with the
// collectives at its input (Korthikanti et al., 2022, for sequence parallelism).
//
// Communication that runs concurrently with a product (communication || product):
//
// * none: nothing.
// * bulk, forward: nothing.
// * bulk, backward, TP: reduction of dX || product for dW.
// * bulk, backward, TP+SP: gather of X || product for dX; reduction of dX || product for dW.
// * ring, forward, TP: the reduction before this layer || products of the chunks that have arrived.
// * ring, forward, TP+SP: other ranks' shards of X || product of this rank's own rows.
// * ring, backward, TP: reduction of a chunk of dX || product of the next chunk, and product for
//   dW.
// * ring, backward, TP+SP: as bulk, and parts of dX || product of this rank's own rows.
#pragma once

#include <cstdint>

#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/linear_spec.hpp"
#include "parallel/overlap/arriving.hpp"
#include "parallel/parameters.hpp"
#include "parallel/product.hpp"

namespace tidemark::parallel {

/// Y = X W^T with W [out, in] sharded by rows: each rank computes out/t columns of Y.
///
/// Without SP, X is whole: [s b, in], with f at the input. With SP, X is a shard: [s b / t, in],
/// with g at the input. Y is [s b, out/t] in type Y. This is T, or Accumulate<T> if it must not be
/// rounded.
template <class T, class Y = T>
class ColumnParallelLinear {
 public:
  using Tensor = memory::Tensor<T>;
  using Bias = parallel::Bias;

  ColumnParallelLinear(ParameterStore<T>& store, const Context& context, LinearSpec spec,
                       LinearNames names, Bias bias);
  /// A layer without a bias. Its weight [out/t, in] also belongs to another module: `backward`
  /// writes the weight's gradient, and the other module adds to it.
  ColumnParallelLinear(Parameter<T>& shared_weight, LinearSpec spec, LinearNames names);

  /// Takes the input, saves what backward needs, and returns Y. Without SP, Y arrives chunk by
  /// chunk if the input does.
  Arriving<Y> forward(const Context& context, Arriving<T> input);

  /// dY [s b, out/t] -> gradient of the input, complete and in the input's shape. Writes the
  /// gradient of the weight, and of the bias if this layer adds it. Frees the saved input.
  Tensor backward(const Context& context, memory::Tensor<Y> output_gradient);
  /// Starts the first part of `backward` early: the gather of the input. Does nothing if no gather
  /// is needed or nothing overlaps.
  void fetch_input(const Context& context);
  /// Frees the saved input without using it.
  void forget() { saved_input_.reset(); }

  /// Empty if there is no bias.
  [[nodiscard]] Parameter<T>& bias() { return bias_ == nullptr ? no_bias_ : *bias_; }
  [[nodiscard]] Parameter<T>& weight() { return weight_; }

 private:
  // column_parallel.cpp: the serial path, and the products that all schedules share.
  void apply(const Context& context, const Matrix<T>& input, const Matrix<Y>& output,
             Beside beside);
  void write_weight_gradient(const Context& context, const Matrix<Y>& dy, const Matrix<T>& x,
                             std::int64_t first_row, std::int64_t end_row, Beside beside);
  void write_parameter_gradients(const Context& context, const Matrix<Y>& dy, const Matrix<T>& x,
                                 std::int64_t end_row, Beside beside);
  void write_input_gradient(const Context& context, const Matrix<Y>& dy, const Matrix<T>& dx,
                            Beside beside);
  [[nodiscard]] memory::Tensor<Y> new_output(const Context& context) const;
  [[nodiscard]] Tensor new_whole_input(const Context& context) const;
  [[nodiscard]] Tensor new_input_gradient(const Context& context) const;
  [[nodiscard]] Tensor new_gradient_shard(const Context& context) const;
  [[nodiscard]] bool gathers_again(const Context& context) const {
    return context.sequence && !context.keep_gathered;
  }
  [[nodiscard]] Tensor new_gathered_input(const Context& context) const {
    return context.ledger.tensor<T>(names_.gathered_input, spec_.layer,
                                    memory::TensorClass::transient, context.tokens, spec_.in);
  }

  // overlap/column_passes.cpp: the passes of `bulk` and `ring`.
  Arriving<Y> forward_by_pieces(const Context& context, Arriving<T> input);
  Arriving<Y> apply_by_chunks(const Context& context, Arriving<T> input, memory::Tensor<Y> output);
  void apply_shard_by_shard(const Context& context, Arriving<T>& shard, const Matrix<T>& whole,
                            const Matrix<Y>& output);
  void defer_weight_gradient(const Context& context, memory::Tensor<Y> dy, Tensor x,
                             std::int64_t first_row);
  [[nodiscard]] Arriving<T> start_input_gradient(const Context& context, const Matrix<Y>& dy);
  [[nodiscard]] Arriving<T> reduce_by_chunks(const Context& context, const Matrix<Y>& dy,
                                             Tensor dx);
  [[nodiscard]] Arriving<T> scatter_shard_by_shard(const Context& context, const Matrix<Y>& dy,
                                                   Tensor dx);
  Tensor overlapped_backward(const Context& context, memory::Tensor<Y> output_gradient);

  LinearSpec spec_;
  LinearNames names_;
  Parameter<T>& weight_;
  Parameter<T>* bias_ = nullptr;  ///< null: there is no bias
  Parameter<T> no_bias_;
  bool adds_bias_ = false;
  Tensor saved_input_;
  Tensor gathered_;          ///< the input, gathered again
  comm::Request gathering_;  ///< declared after `gathered_`, because it uses that tensor
};

}  // namespace tidemark::parallel
