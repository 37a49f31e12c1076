// SPDX-License-Identifier: BSD-3-Clause
#include "model/embedding.hpp"

#include <cmath>
#include <utility>

#include "base/scalars.hpp"
#include "kernels/fill.hpp"
#include "model/streams.hpp"
#include "parallel/mappings.hpp"

namespace tidemark::model {

namespace {

using memory::TensorClass;
using parallel::Context;

// With this width, logits of normalised rows are of order one.
double table_width(std::int64_t hidden) { return std::sqrt(12.0 / static_cast<double>(hidden)); }

parallel::ParameterSpec table_spec(const config::Case& c, const Context& context) {
  const std::int64_t ids = parallel::shard_of(c.padded_vocab_size(), context);
  const std::int64_t hidden = c.model.hidden_size;
  return {"embedding.weight",
          embedding_weight_stream,
          parallel::Sharing::sharded,
          hidden,
          {{ids, {context.rank() * ids, 0, hidden}}},
          0.0,
          table_width(hidden)};
}

}  // namespace

kernels::Tokens tokens_of(const config::Case& settings) {
  return {{static_cast<std::uint32_t>(settings.bench.seed), tokens_stream},
          settings.model.vocab_size,
          settings.model.micro_batch_size};
}

template <class T>
Embedding<T>::Embedding(parallel::ParameterStore<T>& store, const config::Case& settings,
                        const Context& context)
    : tokens_(tokens_of(settings)),
      is_tied_(!settings.model.is_llama()),
      dropout_(kernels::make_dropout(
          settings.model.hidden_dropout,
          {static_cast<std::uint32_t>(settings.bench.seed), embedding_mask_stream},
          static_cast<std::uint64_t>(context.first_token() * settings.model.hidden_size))),
      weight_(store.declare(table_spec(settings, context))) {}

template <class T>
memory::Tensor<T> Embedding<T>::forward(const Context& context, const OutputEntry& output) {
  const std::int64_t hidden = weight_.spec.columns;
  const std::int64_t first_id = weight_.spec.placement.front().place.first_row;
  if (dropout_.active) {
    mask_ = context.ledger.tensor<std::uint8_t>("embedding dropout mask", memory::no_layer,
                                                context.kept, context.local_tokens(), hidden);
  }
  Tensor x = context.ledger.tensor<T>(output.name, output.layer, output.tensor_class,
                                      context.local_tokens(), hidden);
  if (context.sequence) {
    const Tensor partial = context.ledger.tensor<T>("embedding output", memory::no_layer,
                                                    TensorClass::transient, context.tokens, hidden);
    kernels::embedding_forward(context.device, tokens_, first_id, weight_.value, partial.view());
    parallel::reduce_scatter_to_sequence_parallel_region(context, partial.view(), x.view());
  } else {
    kernels::embedding_forward(context.device, tokens_, first_id, weight_.value, x.view());
    parallel::reduce_from_tensor_parallel_region(context, x.view());
  }
  kernels::dropout_forward(context.device, dropout_, x.view(), mask_.view());
  return x;
}

template <class T>
void Embedding<T>::backward(const Context& context, Tensor gradient) {
  kernels::dropout_backward(context.device, dropout_, mask_.view(), gradient.view());
  mask_.reset();
  const std::int64_t first_id = weight_.spec.placement.front().place.first_row;
  if (context.sequence) {
    Tensor whole =
        context.ledger.tensor<T>("embedding gradient gathered", memory::no_layer,
                                 TensorClass::transient, context.tokens, weight_.spec.columns);
    parallel::reduce_scatter_to_sequence_parallel_region_backward(context, gradient.view(),
                                                                  whole.view());
    gradient = std::move(whole);
  }
  if (!is_tied_) kernels::fill_zero(context.device, weight_.gradient);
  kernels::embedding_backward(context.device, tokens_, first_id, gradient.view(), weight_.gradient);
}

TIDEMARK_INSTANTIATE_CLASS(Embedding)

}  // namespace tidemark::model
