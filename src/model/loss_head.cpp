// SPDX-License-Identifier: BSD-3-Clause
#include "model/loss_head.hpp"

#include <algorithm>
#include <utility>

#include "base/scalars.hpp"
#include "kernels/fill.hpp"
#include "model/embedding.hpp"
#include "model/streams.hpp"
#include "parallel/mappings.hpp"

namespace tidemark::model {

namespace {

using memory::TensorClass;
using parallel::Context;

constexpr parallel::LinearNames projection_names{
    .input = "output projection input",
    .gathered_input = "output projection input gathered",
    .output = "logits",
    .output_shard = "",
    .input_gradient = "output projection input gradient",
    .input_gradient_shard = "output projection input gradient shard",
    .gathered_gradient = "",
    .arrived_parts = "output projection input gradient parts",
};

NormSpec final_norm(const Context& context) {
  NormSpec spec;
  spec.name = "final_norm";
  spec.layer = memory::no_layer;
  spec.weight_stream = final_norm_weight_stream;
  spec.bias_stream = final_norm_bias_stream;
  spec.statistics_name = "final norm statistics";
  spec.keeps_output = !(context.sequence && context.keep_gathered);
  spec.output_name = spec.keeps_output ? "output projection input" : "final norm output";
  return spec;
}

parallel::LinearSpec projection(const config::Case& c) {
  parallel::LinearSpec spec;
  spec.name = "output_projection";
  spec.layer = memory::no_layer;
  spec.in = c.model.hidden_size;
  spec.out = c.padded_vocab_size();
  spec.weight_stream = output_projection_weight_stream;
  spec.keeps_output = true;
  return spec;
}

kernels::VocabularyShard shard_of_vocabulary(const config::Case& c, const Context& context) {
  const std::int64_t width = parallel::shard_of(c.padded_vocab_size(), context);
  const std::int64_t first = context.rank() * width;
  return {first, std::clamp<std::int64_t>(c.model.vocab_size - first, 0, width)};
}

}  // namespace

template <class T>
LossHead<T>::LossHead(parallel::ParameterStore<T>& store, parallel::Parameter<T>& table,
                      const config::Case& settings, const Context& context)
    : tokens_(tokens_of(settings)),
      shard_(shard_of_vocabulary(settings, context)),
      norm_(make_norm<T>(store, settings, final_norm(context))),
      projection_(settings.model.is_llama()
                      ? Projection(store, context, projection(settings), projection_names,
                                   parallel::Bias::none)
                      : Projection(table, projection(settings), projection_names)) {}

template <class T>
double LossHead<T>::forward(const Context& context, Tensor input) {
  input_ = std::move(input);
  logits_ = projection_.forward(context, norm_->forward(context, input_)).take();
  const auto statistics = [&](const char* name, std::int64_t ranks) {
    return context.ledger.tensor<F>(name, memory::no_layer, TensorClass::transient,
                                    ranks * context.tokens, kernels::loss_statistics);
  };
  const memory::Tensor<F> own = statistics("loss statistics", 1);
  kernels::cross_entropy_statistics(context.device, tokens_, shard_, logits_.view(), own.view());
  const memory::Tensor<F> all = statistics("loss statistics gathered", context.ranks());
  parallel::gather_rows(context, own.view(), all.view());
  const double sum = kernels::cross_entropy_forward(context.device, shard_, context.ranks(),
                                                    all.view(), logits_.view());
  return sum / static_cast<double>(context.tokens);
}

template <class T>
memory::Tensor<T> LossHead<T>::backward(const Context& context) {
  kernels::cross_entropy_backward(context.device, tokens_, shard_, logits_.view());
  const Tensor normed_gradient = projection_.backward(context, std::move(logits_));
  Tensor gradient =
      context.ledger.tensor<T>("residual gradient", memory::no_layer, TensorClass::transient,
                               context.local_tokens(), projection_.weight().spec.columns);
  kernels::fill_zero(context.device, gradient.view());  // there is no residual to which it is added
  norm_->backward(context, normed_gradient.view(), input_.view(), gradient.view());
  input_.reset();
  return gradient;
}

TIDEMARK_INSTANTIATE_CLASS(LossHead)

}  // namespace tidemark::model
