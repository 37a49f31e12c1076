// SPDX-License-Identifier: BSD-3-Clause
#include "model/mlp.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/scalars.hpp"
#include "model/gelu_mlp.hpp"
#include "model/streams.hpp"
#include "model/swiglu_mlp.hpp"

namespace tidemark::model {

namespace {

using parallel::Bias;
using parallel::Context;

parallel::LinearNames fc1_names(std::string_view output) {
  return {
      .input = "fc1 input",
      .gathered_input = "fc1 input gathered",
      .output = output,
      .output_shard = "",
      .input_gradient = "fc1 input gradient",
      .input_gradient_shard = "fc1 input gradient shard",
      .gathered_gradient = "",
      .arrived_parts = "fc1 input gradient parts",
  };
}

constexpr parallel::LinearNames fc2_names{
    .input = "fc2 input",
    .gathered_input = "",
    .output = "fc2 output",
    .output_shard = "fc2 output shard",
    .input_gradient = "fc2 input gradient",
    .input_gradient_shard = "",
    .gathered_gradient = "fc2 output gradient gathered",
    .arrived_parts = "fc2 output parts",
};

}  // namespace

template <class T>
Mlp<T>::Mlp(parallel::ParameterStore<T>& store, const config::Case& settings,
            const Context& context, int layer, MlpSpec spec)
    : layer_(layer),
      width_(parallel::shard_of(settings.model.ffn_hidden_size, context)),
      fc1_(store, context,
           {fmt::format("layers.{}.fc1", layer), layer, settings.model.hidden_size, spec.fc1_width,
            stream_of(layer, Slot::fc1_weight), stream_of(layer, Slot::fc1_bias), true, true,
            std::move(spec.fc1_rows)},
           fc1_names(spec.fc1_output), spec.has_biases ? Bias::left_to_caller : Bias::none),
      fc2_(store, context,
           {fmt::format("layers.{}.fc2", layer), layer, settings.model.ffn_hidden_size,
            settings.model.hidden_size, stream_of(layer, Slot::fc2_weight),
            stream_of(layer, Slot::fc2_bias), false},
           fc2_names, spec.has_biases ? Bias::left_to_caller : Bias::none) {}

template <class T>
parallel::Arriving<T> Mlp<T>::forward(const Context& context, parallel::Arriving<T> input) {
  fc1_output_ = fc1_.forward(context, std::move(input));
  Tensor activated = context.ledger.tensor<T>("fc2 input", layer_, context.kept,
                                              num_rows(fc1_output_.view()), width_);
  const Matrix<T> y = activated.view();
  return fc2_.forward(
      context,
      parallel::following(std::move(activated), fc1_output_,
                          [this, &device = context.device, y](
                              const Matrix<T>& u, std::int64_t chunks, std::int64_t chunk) {
                            activate(device, parallel::chunk_of(u, chunks, chunk),
                                     parallel::chunk_of(y, chunks, chunk));
                          }));
}

template <class T>
memory::Tensor<T> Mlp<T>::backward(const Context& context, Tensor output_gradient) {
  Tensor gradient =
      fc2_.backward(context, std::move(output_gradient), [&] { fc1_.fetch_input(context); });
  gradient = differentiate(context.device, fc1_output_.take(), std::move(gradient));
  return fc1_.backward(context, std::move(gradient));
}

template <class T>
void Mlp<T>::forget() {
  fc1_.forget();
  fc1_output_.reset();
  fc2_.forget();
}

template <class T>
std::unique_ptr<Mlp<T>> make_mlp(parallel::ParameterStore<T>& store, const config::Case& settings,
                                 const Context& context, int layer) {
  if (settings.model.is_llama()) {
    return std::make_unique<SwigluMlp<T>>(store, settings, context, layer);
  }
  return std::make_unique<GeluMlp<T>>(store, settings, context, layer);
}

#define TIDEMARK_INSTANTIATE(T)                                                                \
  template class Mlp<T>;                                                                       \
  template std::unique_ptr<Mlp<T>> make_mlp(parallel::ParameterStore<T>&, const config::Case&, \
                                            const Context&, int);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::model
