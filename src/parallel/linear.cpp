#include "parallel/linear.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

#include "kernels/bias.hpp"
#include "parallel/mappings.hpp"
#include "parallel/product.hpp"

namespace tidemark::parallel {

namespace {

using kernels::Op;
using memory::TensorClass;

TensorClass output_class(const LinearSpec& spec, const Context& context) {
  return spec.keeps_output ? context.kept : TensorClass::transient;
}

// Uniform on +- width/2 has the variance width^2 / 12. Weights of variance 1/in keep activations of
// order one at every size, so that a wrong product cannot hide behind the residual.
double weight_width(std::int64_t in) { return std::sqrt(12.0 / static_cast<double>(in)); }
constexpr double bias_width = 0.2;

ParameterSpec weight_spec(const LinearSpec& spec, std::int64_t rows, std::int64_t columns,
                          kernels::GlobalPlace place) {
  return {spec.name + ".weight", spec.weight_stream, Sharing::sharded, rows, columns, place, 0.0,
          weight_width(spec.in)};
}

ParameterSpec bias_spec(const LinearSpec& spec, Sharing sharing, std::int64_t width,
                        std::int64_t first) {
  return {spec.name + ".bias",
          spec.bias_stream,
          sharing,
          1,
          width,
          {0, first, spec.out},
          0.0,
          bias_width,
          true};
}

}  // namespace

template <class T, class Y>
ColumnParallelLinear<T, Y>::ColumnParallelLinear(ParameterStore<T>& store, const Context& context,
                                                 LinearSpec spec, LinearNames names, Bias bias)
    : spec_(std::move(spec)),
      names_(names),
      weight_(
          store.declare(weight_spec(spec_, shard_of(spec_.out, context), spec_.in,
                                    {context.rank() * shard_of(spec_.out, context), 0, spec_.in}))),
      bias_(&store.declare(bias_spec(spec_, Sharing::sharded, shard_of(spec_.out, context),
                                     context.rank() * shard_of(spec_.out, context)))),
      adds_bias_(bias == Bias::in_product) {}

template <class T, class Y>
ColumnParallelLinear<T, Y>::ColumnParallelLinear(Parameter<T>& shared_weight, LinearSpec spec,
                                                 LinearNames names)
    : spec_(std::move(spec)), names_(names), weight_(shared_weight) {}

template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::gather(const Context& context, const Tensor& shard,
                                                     std::string_view name,
                                                     TensorClass tensor_class) const {
  Tensor whole =
      context.ledger.tensor<T>(name, spec_.layer, tensor_class, context.tokens, spec_.in);
  gather_from_sequence_parallel_region(context, shard.view(), whole.view());
  return whole;
}

template <class T, class Y>
void ColumnParallelLinear<T, Y>::apply(const Context& context, const Matrix<T>& input,
                                       const Matrix<Y>& output) {
  // (s b, in) x (out/t, in)^T -> (s b, out/t)
  multiply(context, spec_.layer, Op::none, Op::transpose, input, weight_.value,
           adds_bias_ ? bias_->vector() : Vector<T>(), output);
}

template <class T, class Y>
memory::Tensor<Y> ColumnParallelLinear<T, Y>::forward(const Context& context, Tensor input) {
  const auto new_output = [&] {
    return context.ledger.tensor<Y>(names_.output, spec_.layer, output_class(spec_, context),
                                    context.tokens, weight_.spec.rows);
  };
  if (!context.sequence) {
    memory::Tensor<Y> output = new_output();
    apply(context, copy_to_tensor_parallel_region(input.view()), output.view());
    saved_input_ = std::move(input);
    return output;
  }
  const bool keep = context.keep_gathered;
  Tensor whole = gather(context, input, keep ? names_.input : names_.gathered_input,
                        keep ? context.kept : TensorClass::transient);
  saved_input_ = std::move(keep ? whole : input);
  input.reset();
  memory::Tensor<Y> output = new_output();
  apply(context, keep ? saved_input_.view() : whole.view(), output.view());
  return output;
}

template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::backward(const Context& context,
                                                       memory::Tensor<Y> output_gradient) {
  const Matrix<Y> dy = output_gradient.view();
  {
    // The weight's gradient comes first: the whole input dies before the input's gradient is born.
    Tensor gathered;
    if (context.sequence && !context.keep_gathered) {
      gathered = gather(context, saved_input_, names_.gathered_input, TensorClass::transient);
    }
    const Matrix<T> x = gathered.empty() ? saved_input_.view() : gathered.view();
    // (s b, out/t)^T x (s b, in) -> (out/t, in)
    multiply(context, spec_.layer, Op::transpose, Op::none, dy, x, Vector<T>(), weight_.gradient);
    if (adds_bias_) {
      static_assert(std::is_same_v<T, Y> || std::is_same_v<Y, Accumulate<T>>);
      if constexpr (std::is_same_v<T, Y>) {
        kernels::bias_backward(context.device, dy, bias_->vector_gradient());
      } else {
        TIDEMARK_REQUIRE(false, "a bias whose product is not rounded has no backward yet");
      }
    }
    saved_input_.reset();
  }
  Tensor dx = context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                       context.tokens, spec_.in);
  // (s b, out/t) x (out/t, in) -> (s b, in), this rank's part of the sum
  multiply(context, spec_.layer, Op::none, Op::none, dy, weight_.value, Vector<T>(), dx.view());
  output_gradient.reset();
  if (!context.sequence) {
    copy_to_tensor_parallel_region_backward(context, dx.view());
    return dx;
  }
  Tensor shard = context.ledger.tensor<T>(names_.input_gradient_shard, spec_.layer,
                                          TensorClass::transient, context.local_tokens(), spec_.in);
  gather_from_sequence_parallel_region_backward(context, dx.view(), shard.view());
  return shard;
}

template <class T>
RowParallelLinear<T>::RowParallelLinear(ParameterStore<T>& store, const Context& context,
                                        LinearSpec spec, LinearNames names)
    : spec_(std::move(spec)),
      names_(names),
      weight_(
          store.declare(weight_spec(spec_, spec_.out, shard_of(spec_.in, context),
                                    {0, context.rank() * shard_of(spec_.in, context), spec_.in}))),
      bias_(store.declare(bias_spec(spec_, Sharing::replicated, spec_.out, 0))) {}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::forward(const Context& context, Tensor input) {
  Tensor partial = context.ledger.tensor<T>(
      names_.output, spec_.layer, output_class(spec_, context), context.tokens, spec_.out);
  // (s b, in/t) x (out, in/t)^T -> (s b, out), this rank's part of the sum
  multiply(context, spec_.layer, Op::none, Op::transpose, input.view(), weight_.value, Vector<T>(),
           partial.view());
  saved_input_ = std::move(input);
  if (!context.sequence) {
    reduce_from_tensor_parallel_region(context, partial.view());
    return partial;
  }
  Tensor shard =
      context.ledger.tensor<T>(names_.output_shard, spec_.layer, output_class(spec_, context),
                               context.local_tokens(), spec_.out);
  reduce_scatter_to_sequence_parallel_region(context, partial.view(), shard.view());
  return shard;
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::backward(const Context& context, Tensor output_gradient,
                                                 Tensor* input) {
  Tensor whole;
  if (context.sequence) {
    whole = context.ledger.tensor<T>(names_.gathered_gradient, spec_.layer, TensorClass::transient,
                                     context.tokens, spec_.out);
    reduce_scatter_to_sequence_parallel_region_backward(context, output_gradient.view(),
                                                        whole.view());
    output_gradient.reset();
  } else {
    whole = std::move(output_gradient);
  }
  const Matrix<T> dy = reduce_from_tensor_parallel_region_backward(whole.view());
  // (s b, out)^T x (s b, in/t) -> (out, in/t)
  multiply(context, spec_.layer, Op::transpose, Op::none, dy, saved_input_.view(), Vector<T>(),
           weight_.gradient);
  if (input != nullptr) *input = std::move(saved_input_);
  saved_input_.reset();
  Tensor dx = context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                       context.tokens, weight_.spec.columns);
  // (s b, out) x (out, in/t) -> (s b, in/t)
  multiply(context, spec_.layer, Op::none, Op::none, dy, weight_.value, Vector<T>(), dx.view());
  return dx;
}

template class ColumnParallelLinear<bfloat16>;
template class ColumnParallelLinear<float>;
template class ColumnParallelLinear<double>;
template class ColumnParallelLinear<bfloat16, float>;
template class RowParallelLinear<bfloat16>;
template class RowParallelLinear<float>;
template class RowParallelLinear<double>;

}  // namespace tidemark::parallel
