// SPDX-License-Identifier: BSD-3-Clause
#include "model/attention.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/scalars.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

namespace {

using parallel::Bias;
using parallel::Context;

/// The places of this rank's rows of qkv if several ranks share a group; see Attention.
kernels::Placement part_of_a_group(const config::Case& c, const Context& context) {
  const std::int64_t d = c.model.head_size();
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t holders = c.key_value_replicas();
  const std::int64_t queries = parallel::shard_of(c.model.num_attention_heads, context) * d;
  const std::int64_t group = context.rank() / holders * (holders * queries + 2 * d);
  return {{queries, {group + context.rank() % holders * queries, 0, h}},
          {2 * d, {group + holders * queries, 0, h}, holders}};
}

parallel::LinearSpec qkv_spec(const config::Case& c, const Context& context, int layer) {
  const config::ModelConfig& m = c.model;
  parallel::LinearSpec spec;
  spec.name = fmt::format("layers.{}.qkv", layer);
  spec.layer = layer;
  spec.in = m.hidden_size;
  spec.out = (m.num_attention_heads + 2 * m.num_query_groups) * m.head_size();
  spec.weight_stream = stream_of(layer, Slot::qkv_weight);
  spec.bias_stream = stream_of(layer, Slot::qkv_bias);
  spec.keeps_output = true;
  if (c.key_value_replicas() > 1) spec.rows = part_of_a_group(c, context);
  return spec;
}

parallel::LinearSpec proj_spec(const config::Case& c, int layer) {
  parallel::LinearSpec spec;
  spec.name = fmt::format("layers.{}.proj", layer);
  spec.layer = layer;
  spec.in = c.model.hidden_size;
  spec.out = c.model.hidden_size;
  spec.weight_stream = stream_of(layer, Slot::proj_weight);
  spec.bias_stream = stream_of(layer, Slot::proj_bias);
  return spec;
}

constexpr parallel::LinearNames qkv_names{
    .input = "qkv input",
    .gathered_input = "qkv input gathered",
    .output = "qkv",
    .output_shard = "",
    .input_gradient = "qkv input gradient",
    .input_gradient_shard = "qkv input gradient shard",
    .gathered_gradient = "",
    .arrived_parts = "qkv input gradient parts",
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
                        const Context& context, int layer, const Rotary<T>& rotary)
    : rotary_(rotary),
      qkv_(store, context, qkv_spec(settings, context, layer), qkv_names,
           settings.model.is_llama() ? Bias::none : Bias::in_product),
      core_(make_attention_core<T>(settings, CoreShape(settings, context, layer),
                                   context.device.products)),
      proj_(store, context, proj_spec(settings, layer), proj_names,
            settings.model.is_llama() ? Bias::none : Bias::left_to_caller) {}

template <class T>
parallel::Arriving<T> Attention<T>::forward(const Context& context, parallel::Arriving<T> input) {
  Tensor qkv = qkv_.forward(context, std::move(input)).take();
  rotary_.turn(context, qkv.view());
  return proj_.forward(context, core_->forward(context, std::move(qkv)));
}

template <class T>
memory::Tensor<T> Attention<T>::backward(const Context& context, Tensor output_gradient) {
  Tensor core_output;  // the input that proj saved
  Tensor gradient = proj_.backward(
      context, std::move(output_gradient), [&] { qkv_.fetch_input(context); },
      core_->needs_output() ? &core_output : nullptr);
  Tensor qkv_gradient = core_->backward(context, std::move(core_output), std::move(gradient));
  rotary_.turn_back(context, qkv_gradient.view());
  return qkv_.backward(context, std::move(qkv_gradient));
}

template <class T>
void Attention<T>::forget() {
  qkv_.forget();
  core_->forget();
  proj_.forget();
}

TIDEMARK_INSTANTIATE_CLASS(Attention)

}  // namespace tidemark::model
