#include "model/attention.hpp"

#include <utility>

#include <fmt/format.h>

#include "model/streams.hpp"

namespace tidemark::model {

namespace {

using parallel::Context;

parallel::LinearSpec linear(const config::Case& c, int layer, const char* name, std::int64_t out,
                            Slot weight, Slot bias, bool keeps_output) {
  return {fmt::format("layers.{}.{}", layer, name),
          layer,
          c.model.hidden_size,
          out,
          stream_of(layer, weight),
          stream_of(layer, bias),
          keeps_output};
}

constexpr parallel::LinearNames qkv_names{
    .input = "qkv input",
    .gathered_input = "qkv input gathered",
    .output = "qkv",
    .output_shard = "",
    .input_gradient = "qkv input gradient",
    .input_gradient_shard = "qkv input gradient shard",
    .gathered_gradient = "",
};

constexpr parallel::LinearNames proj_names{
    .input = "proj input",
    .gathered_input = "",
    .output = "proj output",
    .output_shard = "proj output shard",
    .input_gradient = "proj input gradient",
    .input_gradient_shard = "",
    .gathered_gradient = "proj output gradient gathered",
    .arrived_parts = "proj output parts",
};

}  // namespace

template <class T>
Attention<T>::Attention(parallel::ParameterStore<T>& store, const config::Case& settings,
                        const Context& context, int layer)
    : qkv_(store, context,
           linear(settings, layer, "qkv", 3 * settings.model.hidden_size, Slot::qkv_weight,
                  Slot::qkv_bias, true),
           qkv_names, parallel::ColumnParallelLinear<T>::Bias::in_product),
      core_(make_attention_core<T>(settings, context, layer)),
      proj_(store, context,
            linear(settings, layer, "proj", settings.model.hidden_size, Slot::proj_weight,
                   Slot::proj_bias, false),
            proj_names) {}

template <class T>
parallel::Arriving<T> Attention<T>::forward(const Context& context, parallel::Arriving<T> input) {
  return proj_.forward(context, core_->forward(context, qkv_.forward(context, std::move(input))));
}

template <class T>
memory::Tensor<T> Attention<T>::backward(const Context& context, Tensor output_gradient) {
  Tensor core_output;  // what proj saved as its input
  Tensor gradient = proj_.backward(context, std::move(output_gradient),
                                   core_->needs_output() ? &core_output : nullptr);
  return qkv_.backward(context,
                       core_->backward(context, std::move(core_output), std::move(gradient)));
}

template <class T>
void Attention<T>::forget() {
  qkv_.forget();
  core_->forget();
  proj_.forget();
}

template class Attention<bfloat16>;
template class Attention<float>;
template class Attention<double>;

}  // namespace tidemark::model
