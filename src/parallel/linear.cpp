#include "parallel/linear.hpp"

#include <cmath>
#include <utility>

#include "kernels/bias.hpp"
#include "kernels/gemm.hpp"
#include "parallel/mappings.hpp"

namespace tidemark::parallel {

namespace {

using kernels::gemm;
using kernels::Op;
using memory::TensorClass;

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

template <class T>
ColumnParallelLinear<T>::ColumnParallelLinear(ParameterStore<T>& store, const Context& context,
                                              LinearSpec spec, LinearNames names, Bias bias)
    : spec_(std::move(spec)),
      names_(names),
      bias_mode_(bias),
      weight_(
          store.declare(weight_spec(spec_, shard_of(spec_.out, context), spec_.in,
                                    {context.rank() * shard_of(spec_.out, context), 0, spec_.in}))),
      bias_(store.declare(bias_spec(spec_, Sharing::sharded, shard_of(spec_.out, context),
                                    context.rank() * shard_of(spec_.out, context)))) {}

template <class T>
memory::Tensor<T> ColumnParallelLinear<T>::gather(const Context& context, const Tensor& shard,
                                                  std::string_view name,
                                                  TensorClass tensor_class) const {
  Tensor whole =
      context.ledger.tensor<T>(name, spec_.layer, tensor_class, context.tokens, spec_.in);
  gather_from_sequence_parallel_region(context, shard.view(), whole.view());
  return whole;
}

template <class T>
void ColumnParallelLinear<T>::multiply(const Context& context, const Matrix<T>& input,
                                       const Matrix<T>& output) {
  // (s b, in) x (out/t, in)^T -> (s b, out/t)
  T beta = T(0);
  if (bias_mode_ == Bias::in_product) {
    kernels::bias_forward(context.device, bias_.vector(), output);
    beta = T(1);
  }
  gemm(context.device, Op::none, Op::transpose, T(1), input, weight_.value, beta, output);
}

template <class T>
memory::Tensor<T> ColumnParallelLinear<T>::forward(const Context& context, Tensor input) {
  const auto new_output = [&] {
    return context.ledger.tensor<T>(names_.output, spec_.layer, spec_.output_class, context.tokens,
                                    weight_.spec.rows);
  };
  if (!context.sequence) {
    Tensor output = new_output();
    multiply(context, copy_to_tensor_parallel_region(input.view()), output.view());
    saved_input_ = std::move(input);
    return output;
  }
  const bool keep = context.keep_gathered;
  Tensor whole = gather(context, input, keep ? names_.input : names_.gathered_input,
                        keep ? TensorClass::saved : TensorClass::transient);
  saved_input_ = std::move(keep ? whole : input);
  input.reset();
  Tensor output = new_output();
  multiply(context, keep ? saved_input_.view() : whole.view(), output.view());
  return output;
}

template <class T>
memory::Tensor<T> ColumnParallelLinear<T>::backward(const Context& context,
                                                    Tensor output_gradient) {
  const Matrix<T> dy = output_gradient.view();
  {
    // The weight's gradient comes first: the whole input dies before the input's gradient is born.
    Tensor gathered;
    if (context.sequence && !context.keep_gathered) {
      gathered = gather(context, saved_input_, names_.gathered_input, TensorClass::transient);
    }
    const Matrix<T> x = gathered.empty() ? saved_input_.view() : gathered.view();
    // (s b, out/t)^T x (s b, in) -> (out/t, in)
    gemm(context.device, Op::transpose, Op::none, T(1), dy, x, T(0), weight_.gradient);
    if (bias_mode_ == Bias::in_product) {
      kernels::bias_backward(context.device, dy, bias_.vector_gradient());
    }
    saved_input_.reset();
  }
  Tensor dx = context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                       context.tokens, spec_.in);
  // (s b, out/t) x (out/t, in) -> (s b, in), this rank's part of the sum
  gemm(context.device, Op::none, Op::none, T(1), dy, weight_.value, T(0), dx.view());
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
  Tensor partial = context.ledger.tensor<T>(names_.output, spec_.layer, spec_.output_class,
                                            context.tokens, spec_.out);
  // (s b, in/t) x (out, in/t)^T -> (s b, out), this rank's part of the sum
  gemm(context.device, Op::none, Op::transpose, T(1), input.view(), weight_.value, T(0),
       partial.view());
  saved_input_ = std::move(input);
  if (!context.sequence) {
    reduce_from_tensor_parallel_region(context, partial.view());
    return partial;
  }
  Tensor shard = context.ledger.tensor<T>(names_.output_shard, spec_.layer, spec_.output_class,
                                          context.local_tokens(), spec_.out);
  reduce_scatter_to_sequence_parallel_region(context, partial.view(), shard.view());
  return shard;
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::backward(const Context& context, Tensor output_gradient) {
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
  gemm(context.device, Op::transpose, Op::none, T(1), dy, saved_input_.view(), T(0),
       weight_.gradient);
  saved_input_.reset();
  Tensor dx = context.ledger.tensor<T>(names_.input_gradient, spec_.layer, TensorClass::transient,
                                       context.tokens, weight_.spec.columns);
  // (s b, out) x (out, in/t) -> (s b, in/t)
  gemm(context.device, Op::none, Op::none, T(1), dy, weight_.value, T(0), dx.view());
  return dx;
}

template class ColumnParallelLinear<float>;
template class ColumnParallelLinear<double>;
template class RowParallelLinear<float>;
template class RowParallelLinear<double>;

}  // namespace tidemark::parallel
