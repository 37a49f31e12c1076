#include "model/mlp.hpp"

#include <utility>

#include <fmt/format.h>

#include "kernels/gelu.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

namespace {

using parallel::Context;

constexpr parallel::LinearNames fc1_names{
    .input = "fc1 input",
    .gathered_input = "fc1 input gathered",
    .output = "gelu input",
    .output_shard = "",
    .input_gradient = "fc1 input gradient",
    .input_gradient_shard = "fc1 input gradient shard",
    .gathered_gradient = "",
};

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
            const Context& context, int layer)
    : layer_(layer),
      fc1_(store, context,
           {fmt::format("layers.{}.fc1", layer), layer, settings.model.hidden_size,
            settings.model.ffn_hidden_size, stream_of(layer, Slot::fc1_weight),
            stream_of(layer, Slot::fc1_bias), true, true},
           fc1_names, parallel::ColumnParallelLinear<T>::Bias::left_to_caller),
      fc2_(store, context,
           {fmt::format("layers.{}.fc2", layer), layer, settings.model.ffn_hidden_size,
            settings.model.hidden_size, stream_of(layer, Slot::fc2_weight),
            stream_of(layer, Slot::fc2_bias), false},
           fc2_names) {}

template <class T>
parallel::Arriving<T> Mlp<T>::forward(const Context& context, parallel::Arriving<T> input) {
  gelu_input_ = fc1_.forward(context, std::move(input));
  const Matrix<T>& u = gelu_input_.view();
  Tensor activated =
      context.ledger.tensor<T>("fc2 input", layer_, context.kept, num_rows(u), num_columns(u));
  kernels::bias_gelu_forward(context.device, u, fc1_.bias().vector(), activated.view());
  return fc2_.forward(context, std::move(activated));
}

template <class T>
memory::Tensor<T> Mlp<T>::backward(const Context& context, Tensor output_gradient) {
  Tensor gradient = fc2_.backward(context, std::move(output_gradient));
  kernels::bias_gelu_backward(context.device, gelu_input_.view(), fc1_.bias().vector(),
                              gradient.view(), fc1_.bias().vector_gradient());
  gelu_input_.reset();
  return fc1_.backward(context, std::move(gradient));
}

template <class T>
void Mlp<T>::forget() {
  fc1_.forget();
  gelu_input_.reset();
  fc2_.forget();
}

template class Mlp<bfloat16>;
template class Mlp<float>;
template class Mlp<double>;

}  // namespace tidemark::model
