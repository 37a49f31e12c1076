#include <type_traits>
#include <utility>

#include "kernels/bias.hpp"
#include "kernels/convert.hpp"
#include "parallel/linear_parameters.hpp"
#include "parallel/mappings.hpp"
#include "parallel/product.hpp"
#include "parallel/shards.hpp"

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
memory::Tensor<Y> ColumnParallelLinear<T, Y>::forward(const Context& context, Tensor input) {
  const auto new_output = [&] {
    return context.ledger.tensor<Y>(names_.output, spec_.layer, output_class(spec_, context),
                                    context.tokens, weight_.spec.rows());
  };
  if (!context.sequence) {
    memory::Tensor<Y> output = new_output();
    apply(context, copy_to_tensor_parallel_region(input.view()), output.view(), Beside::nothing);
    saved_input_ = std::move(input);
    return output;
  }
  const bool keep = context.keep_gathered;
  Tensor whole = context.ledger.tensor<T>(keep ? names_.input : names_.gathered_input, spec_.layer,
                                          keep ? context.kept : TensorClass::transient,
                                          context.tokens, spec_.in);
  memory::Tensor<Y> output;
  if (context.takes_apart()) {
    output = new_output();
    apply_shard_by_shard(context, input.view(), whole.view(), output.view());
  } else {
    gather_from_sequence_parallel_region(context, input.view(), whole.view());
  }
  saved_input_ = std::move(keep ? whole : input);
  input.reset();
  if (output.empty()) {
    output = new_output();
    apply(context, keep ? saved_input_.view() : whole.view(), output.view(), Beside::nothing);
  }
  return output;
}

/// Own rows first, then the others' as they arrive.
template <class T, class Y>
void ColumnParallelLinear<T, Y>::apply_shard_by_shard(const Context& context,
                                                      const Matrix<T>& shard,
                                                      const Matrix<T>& whole,
                                                      const Matrix<Y>& output) {
  ArrivingShards<T> others(context, shard, whole, context.schedule.pieces(num_rows(shard)));
  apply(context, shard, rows_of_shard(context, output, context.rank()), Beside::communication);
  if (context.keep_gathered) {
    kernels::convert(context.device, shard, rows_of_shard(context, whole, context.rank()));
  }
  for (std::int64_t arrival = 0; arrival < others.count(); ++arrival) {
    const ChunkPlace place = others.await(arrival);
    const bool last = arrival + 1 == others.count();
    apply(context, rows_at(context, place, whole), rows_at(context, place, output),
          last ? Beside::nothing : Beside::communication);
  }
}

template <class T, class Y>
void ColumnParallelLinear<T, Y>::write_parameter_gradients(const Context& context,
                                                           const Matrix<Y>& dy, const Matrix<T>& x,
                                                           Beside beside) {
  // (s b, out/t)^T x (s b, in) -> (out/t, in)
  multiply(context, spec_.layer, Op::transpose, Op::none, dy, x, Vector<T>(), weight_.gradient,
           beside);
  if (!adds_bias_) return;
  static_assert(std::is_same_v<T, Y> || std::is_same_v<Y, Accumulate<T>>);
  if constexpr (std::is_same_v<T, Y>) {
    kernels::bias_backward(context.device, dy, bias_->vector_gradient());
  } else {
    TIDEMARK_REQUIRE(false, "a bias whose product is not rounded has no backward yet");
  }
}

/// This rank's part of the sum over the ranks.
template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::partial_input_gradient(const Context& context,
                                                                     const Matrix<Y>& dy,
                                                                     Beside beside) {
  Tensor dx = context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                       context.tokens, spec_.in);
  // (s b, out/t) x (out/t, in) -> (s b, in)
  multiply(context, spec_.layer, Op::none, Op::none, dy, weight_.value, Vector<T>(), dx.view(),
           beside);
  return dx;
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
    // The weight's gradient comes first: the whole input dies before the input's gradient is born.
    Tensor gathered;
    if (gathers_again(context)) {
      gathered = new_gathered_input(context);
      gather_from_sequence_parallel_region(context, saved_input_.view(), gathered.view());
    }
    write_parameter_gradients(context, dy, gathered.empty() ? saved_input_.view() : gathered.view(),
                              Beside::nothing);
    saved_input_.reset();
  }
  Tensor dx = partial_input_gradient(context, dy, Beside::nothing);
  output_gradient.reset();
  if (!context.sequence) {
    copy_to_tensor_parallel_region_backward(context, dx.view());
    return dx;
  }
  Tensor shard = new_gradient_shard(context);
  gather_from_sequence_parallel_region_backward(context, dx.view(), shard.view());
  return shard;
}

// The product for the input's gradient comes first: beside it the input is gathered again, and
// beside the one for the weight's the input's gradient is reduced.
template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::overlapped_backward(
    const Context& context, memory::Tensor<Y> output_gradient) {
  const Matrix<Y> dy = output_gradient.view();
  Tensor gathered;
  comm::Request gathering;
  if (gathers_again(context)) {
    gathered = new_gathered_input(context);
    gathering =
        start_gather_from_sequence_parallel_region(context, saved_input_.view(), gathered.view());
  }
  Tensor dx = partial_input_gradient(context, dy,
                                     gathered.empty() ? Beside::nothing : Beside::communication);
  Tensor shard;
  comm::Request reducing;
  if (context.sequence) {
    shard = new_gradient_shard(context);
    reducing =
        start_gather_from_sequence_parallel_region_backward(context, dx.view(), shard.view());
  } else {
    reducing = start_copy_to_tensor_parallel_region_backward(context, dx.view());
  }
  context.communicator.wait(gathering);
  write_parameter_gradients(context, dy, gathered.empty() ? saved_input_.view() : gathered.view(),
                            Beside::communication);
  context.device.fence();  // its operands die here
  gathered.reset();
  saved_input_.reset();
  output_gradient.reset();
  context.communicator.wait(reducing);
  return context.sequence ? std::move(shard) : std::move(dx);
}

template class ColumnParallelLinear<bfloat16>;
template class ColumnParallelLinear<float>;
template class ColumnParallelLinear<double>;
template class ColumnParallelLinear<bfloat16, float>;

}  // namespace tidemark::parallel
