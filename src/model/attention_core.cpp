#include "model/attention_core.hpp"

#include <cmath>

#include "model/blocked_core.hpp"
#include "model/materialized_core.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

CoreShape::CoreShape(const config::Case& settings, const parallel::Context& context,
                     int layer_index)
    : layer(layer_index),
      heads(parallel::shard_of(settings.model.num_attention_heads, context)),
      groups(settings.key_value_heads_per_rank()),
      head_size(settings.model.head_size()),
      length(settings.model.seq_length),
      batch(settings.model.micro_batch_size),
      scale(1.0 / std::sqrt(static_cast<double>(head_size))),
      causal(settings.model.causal),
      dropout(kernels::make_dropout(
          settings.model.attention_dropout,
          {static_cast<std::uint32_t>(settings.bench.seed),
           stream_of(layer_index, Slot::attention_mask)},
          static_cast<std::uint64_t>(context.rank() * heads * batch * length * length))) {}

template <class T>
std::unique_ptr<AttentionCore<T>> make_attention_core(const config::Case& settings,
                                                      const parallel::Context& context, int layer) {
  const CoreShape shape(settings, context, layer);
  if (settings.model.is_blocked()) {
    return std::make_unique<BlockedCore<T>>(shape, settings.model.attention_block);
  }
  return std::make_unique<MaterializedCore<T>>(shape, settings.recomputes_core());
}

template std::unique_ptr<AttentionCore<bfloat16>> make_attention_core(const config::Case&,
                                                                      const parallel::Context&,
                                                                      int);
template std::unique_ptr<AttentionCore<float>> make_attention_core(const config::Case&,
                                                                   const parallel::Context&, int);
template std::unique_ptr<AttentionCore<double>> make_attention_core(const config::Case&,
                                                                    const parallel::Context&, int);

}  // namespace tidemark::model
