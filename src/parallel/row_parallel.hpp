// SPDX-License-Identifier: BSD-3-Clause
// A linear layer sharded by columns of its input (Shoeybi et al., "Megatron-LM", 2019), with the
// collectives at its output (Korthikanti et al., 2022, for sequence parallelism).
//
// Communication that runs concurrently with a product (communication || product):
//
// * none and bulk, forward: nothing.
// * none and bulk, backward: nothing. TP has no collective there.
// * ring, forward, TP: reduction of a chunk of Y || product of the next chunk.
// * ring, forward, TP+SP: parts of other ranks' rows of Y || product of the next part, then of this
//   rank's own rows.
// * ring, backward, TP: nothing.
// * ring, backward, TP+SP: other ranks' shards of dY || both products of this rank's own rows.
#pragma once

#include <cstdint>
#include <functional>

#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/linear_spec.hpp"
#include "parallel/overlap/arriving.hpp"
#include "parallel/overlap/rows_on_demand.hpp"
#include "parallel/parameters.hpp"
#include "parallel/product.hpp"

namespace tidemark::parallel {

/// Y = X W^T with W [out, in] sharded by columns: each rank's product is one term of the sum Y.
///
/// X is [s b, in/t]. Without SP, Y is whole: [s b, out], after an all-reduce. With SP, Y is a
/// shard: [s b / t, out], after a reduce-scatter. The bias is replicated and optional. The kernel
/// that follows adds it, because otherwise every rank would add it to the sum.
template <class T>
class RowParallelLinear {
 public:
  using Tensor = memory::Tensor<T>;

  RowParallelLinear(ParameterStore<T>& store, const Context& context, LinearSpec spec,
                    LinearNames names, Bias bias = Bias::left_to_caller);

  /// Takes and saves the input, and returns Y summed over the ranks. Under ring Y arrives chunk by
  /// chunk. All chunks of the input have been requested when this function returns.
  Arriving<T> forward(const Context& context, Arriving<T> input);
  /// The same, but under ring it requests the input's rows in the order in which it needs them.
  /// With SP the first rows are those whose sums belong to other ranks. The last rows are made with
  /// the last chunk of Y.
  Arriving<T> forward(const Context& context, RowsOnDemand<T> input);

  /// dY in the shape of Y -> gradient of the input [s b, in/t]. Writes the weight's gradient; the
  /// caller writes that of the bias. Frees the saved input, or moves it to `input` if that is not
  /// null.
  ///
  /// Under ring with SP, it calls `meanwhile` after dY has been gathered, so that the remaining
  /// products can hide another collective. Under ring it also defers the weight's gradient, unless
  /// `input` is given. The reduction in the backward of the next column-parallel product then has
  /// work. With SP it defers only the rows that arrive last.
  Tensor backward(const Context& context, Tensor output_gradient,
                  const std::function<void()>& meanwhile = {}, Tensor* input = nullptr);
  /// Frees the saved input without using it.
  void forget() { saved_input_.reset(); }

  /// Empty if there is no bias.
  [[nodiscard]] Parameter<T>& bias() { return bias_ == nullptr ? no_bias_ : *bias_; }

 private:
  // row_parallel.cpp: the serial path, and the products that all schedules share.
  void apply(const Context& context, const Matrix<T>& input, const Matrix<T>& output,
             Beside beside);
  void write_weight_gradient(const Context& context, const Matrix<T>& dy, const Matrix<T>& x,
                             Beside beside, Into into);
  void write_input_gradient(const Context& context, const Matrix<T>& dy, const Matrix<T>& dx,
                            Beside beside);
  [[nodiscard]] Tensor new_partial(const Context& context) const;
  [[nodiscard]] Tensor new_output_shard(const Context& context) const;
  [[nodiscard]] Tensor new_gathered_gradient(const Context& context) const;
  [[nodiscard]] Tensor new_input_gradient(const Context& context) const;
  void hand_over(Tensor* input);

  // overlap/row_passes.cpp: the passes of `ring`. `bulk` has none.
  Arriving<T> forward_by_pieces(const Context& context, Arriving<T> input);
  Arriving<T> forward_by_pieces(const Context& context, RowsOnDemand<T> input);
  Arriving<T> scatter_shard_by_shard(const Context& context, RowsOnDemand<T> input);
  Arriving<T> reduce_by_chunks(const Context& context, Arriving<T> input);
  Tensor overlapped_backward(const Context& context, Tensor output_gradient,
                             const std::function<void()>& meanwhile, Tensor* input);
  Tensor backward_shard_by_shard(const Context& context, const Matrix<T>& shard, Tensor whole,
                                 const std::function<void()>& meanwhile, bool defers);
  void defer_weight_gradient(const Context& context, Tensor whole, const Matrix<T>& dy,
                             const Matrix<T>& x, Into into);

  LinearSpec spec_;
  LinearNames names_;
  Parameter<T>& weight_;
  Parameter<T>* bias_ = nullptr;  ///< null: there is no bias
  Parameter<T> no_bias_;
  Tensor saved_input_;
};

}  // namespace tidemark::parallel
