// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/row_parallel.hpp"

#include <utility>

#include "base/scalars.hpp"
#include "parallel/linear_parameters.hpp"
#include "parallel/mappings.hpp"

namespace tidemark::parallel {

using detail::output_class;
using kernels::Op;
using memory::TensorClass;

template <class T>
RowParallelLinear<T>::RowParallelLinear(ParameterStore<T>& store, const Context& context,
                                        LinearSpec spec, LinearNames names, Bias bias)
    : spec_(std::move(spec)),
      names_(names),
      weight_(store.declare(detail::weight_spec(
          spec_, shard_of(spec_.in, context),
          {{spec_.out, {0, context.rank() * shard_of(spec_.in, context), spec_.in}}}))) {
  if (bias == Bias::none) return;
  TIDEMARK_REQUIRE(bias == Bias::left_to_caller, "every rank would add the bias to the sum");
  bias_ = &store.declare(detail::bias_spec(spec_, Sharing::replicated, spec_.out, 0));
}

template <class T>
void RowParallelLinear<T>::apply(const Context& context, const Matrix<T>& input,
                                 const Matrix<T>& output, Beside beside) {
  // (rows, in/t) x (out, in/t)^T -> (rows, out), this rank's part of the sum
  multiply(context, spec_.layer, Op::none, Op::transpose, input, weight_.value, Vector<T>(), output,
           beside);
}

template <class T>
Arriving<T> RowParallelLinear<T>::forward(const Context& context, Arriving<T> input) {
  if (context.takes_apart()) return forward_by_pieces(context, std::move(input));
  Tensor partial = new_partial(context);
  saved_input_ = input.take();
  apply(context, saved_input_.view(), partial.view(), Beside::nothing);
  if (!context.sequence) {
    reduce_from_tensor_parallel_region(context, partial.view());
    return Arriving<T>(std::move(partial));  // nvcc would copy it without the move
  }
  Tensor shard = new_output_shard(context);
  reduce_scatter_to_sequence_parallel_region(context, partial.view(), shard.view());
  return Arriving<T>(std::move(shard));
}

template <class T>
Arriving<T> RowParallelLinear<T>::forward(const Context& context, RowsOnDemand<T> input) {
  if (context.takes_apart()) return forward_by_pieces(context, std::move(input));
  return forward(context, by_chunks(std::move(input), 1));
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::new_partial(const Context& context) const {
  return context.ledger.tensor<T>(names_.output, spec_.layer, output_class(spec_, context),
                                  context.tokens, spec_.out);
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::new_output_shard(const Context& context) const {
  return context.ledger.tensor<T>(names_.output_shard, spec_.layer, output_class(spec_, context),
                                  context.local_tokens(), spec_.out);
}

template <class T>
void RowParallelLinear<T>::write_weight_gradient(const Context& context, const Matrix<T>& dy,
                                                 const Matrix<T>& x, Beside beside, Into into) {
  // (rows, out)^T x (rows, in/t) -> (out, in/t)
  multiply(context, spec_.layer, Op::transpose, Op::none, dy, x, Vector<T>(), weight_.gradient,
           beside, into);
}

template <class T>
void RowParallelLinear<T>::write_input_gradient(const Context& context, const Matrix<T>& dy,
                                                const Matrix<T>& dx, Beside beside) {
  // (rows, out) x (out, in/t) -> (rows, in/t)
  multiply(context, spec_.layer, Op::none, Op::none, dy, weight_.value, Vector<T>(), dx, beside);
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::new_input_gradient(const Context& context) const {
  return context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                  context.tokens, weight_.spec.columns);
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::new_gathered_gradient(const Context& context) const {
  return context.ledger.tensor<T>(names_.gathered_gradient, spec_.layer, TensorClass::transient,
                                  context.tokens, spec_.out);
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::backward(const Context& context, Tensor output_gradient,
                                                 const std::function<void()>& meanwhile,
                                                 Tensor* input) {
  if (context.takes_apart()) {
    return overlapped_backward(context, std::move(output_gradient), meanwhile, input);
  }
  Tensor whole;
  if (context.sequence) {
    whole = new_gathered_gradient(context);
    reduce_scatter_to_sequence_parallel_region_backward(context, output_gradient.view(),
                                                        whole.view());
    output_gradient.reset();
  } else {
    whole = std::move(output_gradient);
  }
  const Matrix<T> dy = reduce_from_tensor_parallel_region_backward(whole.view());
  write_weight_gradient(context, dy, saved_input_.view(), Beside::nothing, Into::overwritten);
  hand_over(input);
  Tensor dx = new_input_gradient(context);
  write_input_gradient(context, dy, dx.view(), Beside::nothing);
  return dx;
}

template <class T>
void RowParallelLinear<T>::hand_over(Tensor* input) {
  if (input != nullptr) *input = std::move(saved_input_);
  saved_input_.reset();
}

TIDEMARK_INSTANTIATE_CLASS(RowParallelLinear)

}  // namespace tidemark::parallel
