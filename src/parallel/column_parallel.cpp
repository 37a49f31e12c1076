// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/column_parallel.hpp"

#include <type_traits>
#include <utility>

#include "base/scalars.hpp"
#include "kernels/bias.hpp"
#include "parallel/linear_parameters.hpp"
#include "parallel/mappings.hpp"

namespace tidemark::parallel {

using detail::output_class;
using kernels::Op;
using memory::TensorClass;

template <class T, class Y>
ColumnParallelLinear<T, Y>::ColumnParallelLinear(ParameterStore<T>& store, const Context& context,
                                                 LinearSpec spec, LinearNames names, Bias bias)
    : spec_(std::move(spec)),
      names_(names),
      weight_(store.declare(detail::weight_spec(spec_, spec_.in, detail::rows_of(spec_, context)))),
      adds_bias_(bias == Bias::in_product) {
  if (bias == Bias::none) return;
  TIDEMARK_REQUIRE(spec_.rows.empty(), "a bias whose elements lie apart is not supported");
  const std::int64_t share = shard_of(spec_.out, context);
  bias_ = &store.declare(detail::bias_spec(spec_, Sharing::sharded, share, context.rank() * share));
}

template <class T, class Y>
ColumnParallelLinear<T, Y>::ColumnParallelLinear(Parameter<T>& shared_weight, LinearSpec spec,
                                                 LinearNames names)
    : spec_(std::move(spec)), names_(names), weight_(shared_weight) {}

template <class T, class Y>
void ColumnParallelLinear<T, Y>::apply(const Context& context, const Matrix<T>& input,
                                       const Matrix<Y>& output, Beside beside) {
  // (rows, in) x (out/t, in)^T -> (rows, out/t)
  multiply(context, spec_.layer, Op::none, Op::transpose, input, weight_.value,
           adds_bias_ ? bias_->vector() : Vector<T>(), output, beside);
}

template <class T, class Y>
memory::Tensor<Y> ColumnParallelLinear<T, Y>::new_output(const Context& context) const {
  return context.ledger.tensor<Y>(names_.output, spec_.layer, output_class(spec_, context),
                                  context.tokens, weight_.spec.rows());
}

/// Under SP: the tensor for the gathered input. It is saved for backward if the case keeps it.
template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::new_whole_input(const Context& context) const {
  if (!context.keep_gathered) return new_gathered_input(context);
  return context.ledger.tensor<T>(names_.input, spec_.layer, context.kept, context.tokens,
                                  spec_.in);
}

template <class T, class Y>
Arriving<Y> ColumnParallelLinear<T, Y>::forward(const Context& context, Arriving<T> input) {
  if (context.takes_apart()) return forward_by_pieces(context, std::move(input));
  if (!context.sequence) {
    memory::Tensor<Y> output = new_output(context);
    saved_input_ = input.take();
    apply(context, copy_to_tensor_parallel_region(saved_input_.view()), output.view(),
          Beside::nothing);
    return Arriving<Y>(std::move(output));  // nvcc would copy it without the move
  }
  Tensor whole = new_whole_input(context);
  gather_from_sequence_parallel_region(context, input.view(), whole.view());
  const Matrix<T> x = whole.view();
  saved_input_ = context.keep_gathered ? std::move(whole) : input.take();
  input.reset();
  memory::Tensor<Y> output = new_output(context);
  apply(context, x, output.view(), Beside::nothing);
  return Arriving<Y>(std::move(output));
}

/// Writes rows [first_row, end_row) of the weight's gradient.
template <class T, class Y>
void ColumnParallelLinear<T, Y>::write_weight_gradient(const Context& context, const Matrix<Y>& dy,
                                                       const Matrix<T>& x, std::int64_t first_row,
                                                       std::int64_t end_row, Beside beside) {
  const std::int64_t count = end_row - first_row;
  // (s b, out/t)^T x (s b, in) -> (out/t, in)
  multiply(context, spec_.layer, Op::transpose, Op::none, columns(dy, first_row, count), x,
           Vector<T>(), rows(weight_.gradient, first_row, count), beside);
}

template <class T, class Y>
void ColumnParallelLinear<T, Y>::write_parameter_gradients(const Context& context,
                                                           const Matrix<Y>& dy, const Matrix<T>& x,
                                                           std::int64_t end_row, Beside beside) {
  write_weight_gradient(context, dy, x, 0, end_row, beside);
  if (!adds_bias_) return;
  static_assert(std::is_same_v<T, Y> || std::is_same_v<Y, Accumulate<T>>);
  if constexpr (std::is_same_v<T, Y>) {
    kernels::bias_backward(context.device, dy, bias_->vector_gradient());
  } else {
    TIDEMARK_REQUIRE(false, "a bias whose product is not rounded has no backward yet");
  }
}

/// Writes this rank's part of the sum over the ranks.
template <class T, class Y>
void ColumnParallelLinear<T, Y>::write_input_gradient(const Context& context, const Matrix<Y>& dy,
                                                      const Matrix<T>& dx, Beside beside) {
  // (rows, out/t) x (out/t, in) -> (rows, in)
  multiply(context, spec_.layer, Op::none, Op::none, dy, weight_.value, Vector<T>(), dx, beside);
}

template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::new_input_gradient(const Context& context) const {
  return context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                  context.tokens, spec_.in);
}

template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::new_gradient_shard(const Context& context) const {
  return context.ledger.tensor<T>(names_.input_gradient_shard, spec_.layer, TensorClass::transient,
                                  context.local_tokens(), spec_.in);
}

template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::backward(const Context& context,
                                                       memory::Tensor<Y> output_gradient) {
  if (context.overlaps()) return overlapped_backward(context, std::move(output_gradient));
  const Matrix<Y> dy = output_gradient.view();
  {
    // The weight's gradient comes first. So the whole input is freed before the input's gradient is
    // allocated.
    Tensor gathered;
    if (gathers_again(context)) {
      gathered = new_gathered_input(context);
      gather_from_sequence_parallel_region(context, saved_input_.view(), gathered.view());
    }
    write_parameter_gradients(context, dy, gathered.empty() ? saved_input_.view() : gathered.view(),
                              weight_.spec.rows(), Beside::nothing);
    saved_input_.reset();
  }
  Tensor dx = new_input_gradient(context);
  write_input_gradient(context, dy, dx.view(), Beside::nothing);
  output_gradient.reset();
  if (!context.sequence) {
    copy_to_tensor_parallel_region_backward(context, dx.view());
    return dx;
  }
  Tensor shard = new_gradient_shard(context);
  gather_from_sequence_parallel_region_backward(context, dx.view(), shard.view());
  return shard;
}

TIDEMARK_INSTANTIATE_CLASS(ColumnParallelLinear)
template class ColumnParallelLinear<bfloat16, float>;

}  // namespace tidemark::parallel
