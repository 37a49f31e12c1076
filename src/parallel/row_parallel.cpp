#include <utility>
#include <vector>

#include "parallel/linear_parameters.hpp"
#include "parallel/mappings.hpp"
#include "parallel/product.hpp"
#include "parallel/shards.hpp"

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
memory::Tensor<T> RowParallelLinear<T>::forward(const Context& context, Tensor input) {
  Tensor partial = context.ledger.tensor<T>(
      names_.output, spec_.layer, output_class(spec_, context), context.tokens, spec_.out);
  if (context.takes_apart()) {
    saved_input_ = std::move(input);
    return context.sequence ? scatter_shard_by_shard(context, partial)
                            : reduce_by_chunks(context, std::move(partial));
  }
  apply(context, input.view(), partial.view(), Beside::nothing);
  saved_input_ = std::move(input);
  if (!context.sequence) {
    reduce_from_tensor_parallel_region(context, partial.view());
    return partial;
  }
  Tensor shard = new_output_shard(context);
  reduce_scatter_to_sequence_parallel_region(context, partial.view(), shard.view());
  return shard;
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::new_output_shard(const Context& context) const {
  return context.ledger.tensor<T>(names_.output_shard, spec_.layer, output_class(spec_, context),
                                  context.local_tokens(), spec_.out);
}

/// The others' rows first: they travel while the next are formed, and while this rank's own are.
template <class T>
memory::Tensor<T> RowParallelLinear<T>::scatter_shard_by_shard(const Context& context,
                                                               const Tensor& partial) {
  const Matrix<T>& x = saved_input_.view();
  const Tensor arrived =
      context.ledger.tensor<T>(names_.arrived_parts, spec_.layer, TensorClass::transient,
                               context.tokens - context.local_tokens(), spec_.out);
  Tensor shard = new_output_shard(context);
  DepartingShards<T> others(context, arrived.view());
  for (std::int64_t departure = 0; departure < others.count(); ++departure) {
    const ChunkPlace place = others.place(departure);
    const Matrix<T> part = rows_at(context, place, partial.view());
    apply(context, rows_at(context, place, x), part,
          departure == 0 ? Beside::nothing : Beside::communication);
    others.send(departure, part);
  }
  const Matrix<T> own = rows_of_shard(context, partial.view(), context.rank());
  apply(context, rows_of_shard(context, x, context.rank()), own, Beside::communication);
  others.finish(own, shard.view());
  return shard;
}

/// Each chunk of rows is summed over the ranks while the next one is formed.
template <class T>
memory::Tensor<T> RowParallelLinear<T>::reduce_by_chunks(const Context& context, Tensor partial) {
  const std::int64_t chunks = context.schedule.pieces(context.tokens);
  std::vector<comm::Request> reducing;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const Matrix<T> part = chunk_of(partial.view(), chunks, chunk);
    apply(context, chunk_of(saved_input_.view(), chunks, chunk), part,
          chunk == 0 ? Beside::nothing : Beside::communication);
    reducing.push_back(start_reduce_from_tensor_parallel_region(context, part));
  }
  for (comm::Request& request : reducing) context.communicator.wait(request);
  return partial;
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
memory::Tensor<T> RowParallelLinear<T>::backward(const Context& context, Tensor output_gradient,
                                                 Tensor* input) {
  Tensor whole;
  if (context.sequence) {
    whole = context.ledger.tensor<T>(names_.gathered_gradient, spec_.layer, TensorClass::transient,
                                     context.tokens, spec_.out);
  }
  if (context.sequence && context.takes_apart()) {
    Tensor dx = backward_shard_by_shard(context, output_gradient.view(), whole.view());
    hand_over(input);
    return dx;
  }
  if (context.sequence) {
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

/// Both products of this rank's own rows while the others' rows of dY are on their way.
template <class T>
memory::Tensor<T> RowParallelLinear<T>::backward_shard_by_shard(const Context& context,
                                                                const Matrix<T>& shard,
                                                                const Matrix<T>& whole) {
  Tensor dx = new_input_gradient(context);
  // Two products of a shard are enough to hide the next behind them: whole ones keep them fast.
  ArrivingShards<T> others(context, shard, whole, 1);
  const auto multiply_rows = [&](const Matrix<T>& dy, const Matrix<T>& x, const Matrix<T>& dx_rows,
                                 Beside beside, Into into) {
    write_input_gradient(context, dy, dx_rows, beside);
    write_weight_gradient(context, dy, x, beside, into);
  };
  multiply_rows(shard, rows_of_shard(context, saved_input_.view(), context.rank()),
                rows_of_shard(context, dx.view(), context.rank()), Beside::communication,
                Into::overwritten);
  for (std::int64_t arrival = 0; arrival < others.count(); ++arrival) {
    const ChunkPlace place = others.await(arrival);
    const bool last = arrival + 1 == others.count();
    multiply_rows(rows_at(context, place, whole), rows_at(context, place, saved_input_.view()),
                  rows_at(context, place, dx.view()),
                  last ? Beside::nothing : Beside::communication, Into::added_to);
  }
  context.device.fence();  // the gathered rows die with their owner
  return dx;
}

template <class T>
void RowParallelLinear<T>::hand_over(Tensor* input) {
  if (input != nullptr) *input = std::move(saved_input_);
  saved_input_.reset();
}

template class RowParallelLinear<bfloat16>;
template class RowParallelLinear<float>;
template class RowParallelLinear<double>;

}  // namespace tidemark::parallel
