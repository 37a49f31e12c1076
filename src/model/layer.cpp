// SPDX-License-Identifier: BSD-3-Clause
#include "model/layer.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/scalars.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

namespace {

using memory::TensorClass;
using parallel::Arriving;
using parallel::chunk_of;
using parallel::Context;

// Under keep_gathered the linear layer saves the gathered tensor, and the norm's output is
// transient.
NormSpec norm_spec(int layer, int number, const Context& context) {
  const bool first = number == 1;
  const bool passes = context.sequence && context.keep_gathered;
  NormSpec spec;
  spec.name = fmt::format("layers.{}.norm{}", layer, number);
  spec.layer = layer;
  spec.weight_stream = stream_of(layer, first ? Slot::norm1_weight : Slot::norm2_weight);
  spec.bias_stream = stream_of(layer, first ? Slot::norm1_bias : Slot::norm2_bias);
  spec.statistics_name = first ? "norm1 statistics" : "norm2 statistics";
  if (passes) {
    spec.output_name = first ? "norm1 output" : "norm2 output";
    spec.keeps_output = false;
  } else {
    spec.output_name = first ? "qkv input" : "fc1 input";
  }
  return spec;
}

}  // namespace

template <class T, class Block>
Sublayer<T, Block>::Sublayer(const config::Case& settings, const Context& context, int layer,
                             std::unique_ptr<Norm<T>> norm, std::unique_ptr<Block> block,
                             std::uint32_t mask_stream, std::string_view mask_name)
    : layer_(layer),
      norm_(std::move(norm)),
      block_(std::move(block)),
      dropout_(kernels::make_dropout(
          settings.model.hidden_dropout,
          {static_cast<std::uint32_t>(settings.bench.seed), mask_stream},
          static_cast<std::uint64_t>(context.first_token() * settings.model.hidden_size))),
      mask_name_(mask_name) {}

template <class T, class Block>
Arriving<T> Sublayer<T, Block>::forward(const Context& context, Arriving<T> input,
                                        const OutputEntry& output) {
  input_ = std::move(input);
  Arriving<T> z = block_->forward(context, norm_->forward(context, input_));
  const Matrix<T>& x = input_.view();
  if (dropout_.active) {
    mask_ = context.ledger.tensor<std::uint8_t>(mask_name_, layer_, context.kept, num_rows(x),
                                                num_columns(x));
  }
  Tensor y = context.ledger.tensor<T>(output.name, output.layer, output.tensor_class, num_rows(x),
                                      num_columns(x));
  const Matrix<T> sums = y.view();
  return parallel::following(
      std::move(y), std::move(z),
      [this, &device = context.device, sums](const Matrix<T>& rows, std::int64_t chunks,
                                             std::int64_t chunk) {
        const auto part = [&](const auto& matrix) { return chunk_of(matrix, chunks, chunk); };
        const std::int64_t first = first_of_piece(num_rows(sums), chunks, chunk);
        kernels::bias_dropout_add_forward(
            device, kernels::from_element(dropout_, first * num_columns(sums)), part(rows),
            block_->output_bias().vector(), part(input_.view()),
            dropout_.active ? part(mask_.view()) : Mask(), part(sums));
      });
}

template <class T, class Block>
void Sublayer<T, Block>::backward(const Context& context, const Tensor& gradient) {
  const Matrix<T>& dy = gradient.view();
  Tensor dz = context.ledger.tensor<T>("dropout input gradient", layer_, TensorClass::transient,
                                       num_rows(dy), num_columns(dy));
  kernels::bias_dropout_add_backward(context.device, dropout_, dy, mask_.view(), dz.view(),
                                     block_->output_bias().vector_gradient());
  mask_.reset();
  const Tensor normed_gradient = block_->backward(context, std::move(dz));
  norm_->backward(context, normed_gradient.view(), input_.view(), dy);
  input_.reset();
}

template <class T, class Block>
memory::Tensor<T> Sublayer<T, Block>::forget() {
  norm_->forget();
  block_->forget();
  mask_.reset();
  return input_.take();
}

template <class T>
Layer<T>::Layer(parallel::ParameterStore<T>& store, const config::Case& settings,
                const Context& context, int layer, const Rotary<T>& rotary)
    : layer_(layer),
      recomputes_(settings.recomputes_layer()),
      // Braces guarantee that the parts declare their parameters in this order.
      attention_{settings,
                 context,
                 layer,
                 make_norm<T>(store, settings, norm_spec(layer, 1, context)),
                 std::make_unique<Attention<T>>(store, settings, context, layer, rotary),
                 stream_of(layer, Slot::hidden_mask1),
                 "hidden dropout mask 1"},
      mlp_{settings,
           context,
           layer,
           make_norm<T>(store, settings, norm_spec(layer, 2, context)),
           make_mlp<T>(store, settings, context, layer),
           stream_of(layer, Slot::hidden_mask2),
           "hidden dropout mask 2"} {}

template <class T>
Arriving<T> Layer<T>::run(const Context& context, Arriving<T> input, const OutputEntry& output) {
  Arriving<T> middle =
      attention_.forward(context, std::move(input), {"norm2 input", layer_, context.kept});
  return mlp_.forward(context, std::move(middle), output);
}

template <class T>
Arriving<T> Layer<T>::forward(const Context& context, Arriving<T> input,
                              const OutputEntry& output) {
  if (!recomputes_) {
    return run(context, std::move(input), output);
  }
  Context passing = context;
  passing.kept = TensorClass::recomputed;
  // Takes the whole output now, because the tensors that make it are freed next.
  Tensor y = run(passing, std::move(input), output).take();
  mlp_.forget();
  input_ = attention_.forget();
  return Arriving<T>(std::move(y));  // nvcc would copy it without the move
}

template <class T>
void Layer<T>::backward(const Context& context, const Tensor& gradient) {
  if (recomputes_) {
    Context again = context;
    again.kept = TensorClass::recomputed;
    run(again, std::move(input_), {"recomputed output", layer_, TensorClass::transient})
        .await_all();
  }
  parallel::Deferred deferred;
  Context within = context;
  within.deferred = &deferred;
  mlp_.backward(within, gradient);
  attention_.backward(within, gradient);
  TIDEMARK_REQUIRE(deferred.empty(), "a weight gradient was left behind");
}

template <class T>
const Matrix<T>& Layer<T>::largest_weight() {
  const Matrix<T>& fc1 = mlp_.block().fc1_weight().value;
  const Matrix<T>& qkv = attention_.block().qkv_weight().value;
  return num_rows(qkv) > num_rows(fc1) ? qkv : fc1;
}

template class Sublayer<bfloat16, Attention<bfloat16>>;
template class Sublayer<float, Attention<float>>;
template class Sublayer<double, Attention<double>>;
template class Sublayer<bfloat16, Mlp<bfloat16>>;
template class Sublayer<float, Mlp<float>>;
template class Sublayer<double, Mlp<double>>;
TIDEMARK_INSTANTIATE_CLASS(Layer)

}  // namespace tidemark::model
