// A linear layer sharded by columns of its input (Shoeybi et al., "Megatron-LM", 2019), with the
// collectives at its output (Korthikanti et al., 2022, for sequence parallelism).
//
// What runs concurrently with what, by schedule and sharding:
//
// | schedule | pass     | TP                                   | TP+SP |
// |----------|----------|--------------------------------------|------------------------------------------|
// | none,    | forward  | nothing                              | nothing | | bulk     | backward |
// nothing: there is no collective      | nothing                                  | | ring     |
// forward  | reduction of a chunk of Y || product | parts of others' rows of Y || product of | | |
// | of the next                          | the next, then of this rank's own        | | ring     |
// backward | nothing                              | others' shards of dY || both products of | | |
// |                                      | this rank's own rows                     |
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

/// Y = X W^T with W [out, in] sharded by columns: each rank's product is a part of the sum Y.
///
/// X is [s b, in/t]. Y is whole [s b, out] without SP (all-reduce) and a shard [s b / t, out] with
/// it (reduce-scatter). The bias, replicated, is left to the kernel that follows, or every rank
/// would add it to the sum; there may be none.
template <class T>
class RowParallelLinear {
 public:
  using Tensor = memory::Tensor<T>;

  RowParallelLinear(ParameterStore<T>& store, const Context& context, LinearSpec spec,
                    LinearNames names, Bias bias = Bias::left_to_caller);

  /// Takes and keeps the input, returns Y, summed over the ranks; under ring, chunk by chunk. By
  /// then all of the input has been asked for.
  Arriving<T> forward(const Context& context, Arriving<T> input);
  /// The same; under ring the input's rows are asked for in the order in which they are needed:
  /// with SP those whose sums belong to other ranks come first. The last are made with the last of
  /// Y.
  Arriving<T> forward(const Context& context, RowsOnDemand<T> input);

  /// dY in the shape of Y -> gradient of the input [s b, in/t]; writes the weight's gradient. Frees
  /// the saved input, or hands it over where `input` is given. The bias's gradient is the caller's.
  ///
  /// Under ring with SP `meanwhile` is called when dY has been gathered: the products that are left
  /// may hide another collective. Unless the input is handed over, under ring the weight's gradient
  /// is left for the reduction in the column-parallel product's backward that follows; with SP only
  /// its part from the rows that come last.
  Tensor backward(const Context& context, Tensor output_gradient,
                  const std::function<void()>& meanwhile = {}, Tensor* input = nullptr);
  /// Frees the saved input unused.
  void forget() { saved_input_.reset(); }

  /// Empty where there is none.
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
  Parameter<T>* bias_ = nullptr;  ///< null: there is none
  Parameter<T> no_bias_;
  Tensor saved_input_;
};

}  // namespace tidemark::parallel
