// SPDX-License-Identifier: BSD-3-Clause
#include "model/attention_core.hpp"

#include <algorithm>
#include <cmath>

#include "base/scalars.hpp"
#include "model/blocked_core.hpp"
#include "model/materialized_core.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

namespace {

/// Largest number of scores in one batch: 64 MiB in fp32. This fills a device, and is small
/// compared with what a layer saves.
constexpr std::int64_t scores_at_once = std::int64_t{16} << 20;

/// Largest number of groups of a sequence in one batch, if a head's scores have tiles of `side` x
/// `side`.
std::int64_t most_groups_at_once(std::int64_t groups, std::int64_t side) {
  // So that scores stay in the cache until they are read.
  if (!kernels::multiplies_in_batches) return 1;
  return std::clamp<std::int64_t>(scores_at_once / (side * side), 1, groups);
}

}  // namespace

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
          static_cast<std::uint64_t>(context.rank() * heads * batch * length * length))),
      groups_at_once(most_groups_at_once(
          groups, settings.model.is_blocked() ? std::min(settings.model.attention_block, length)
                                              : length)) {}

namespace {

template <class T, class X>
std::unique_ptr<AttentionCore<T>> make_core(const config::Case& settings, const CoreShape& shape) {
  if (settings.model.is_blocked()) {
    return std::make_unique<BlockedCore<T, X>>(shape, settings.model.score_block());
  }
  return std::make_unique<MaterializedCore<T, X>>(shape, settings.model.score_block(),
                                                  settings.recomputes_core());
}

}  // namespace

template <class T>
std::unique_ptr<AttentionCore<T>> make_attention_core(const config::Case& settings,
                                                      const CoreShape& shape,
                                                      const ProductMethod& products) {
  if (products.takes_bf16) return make_core<T, T>(settings, shape);
  return make_core<T, Accumulate<T>>(settings, shape);
}

#define TIDEMARK_INSTANTIATE(T)                                   \
  template std::unique_ptr<AttentionCore<T>> make_attention_core( \
      const config::Case&, const CoreShape&, const ProductMethod&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::model
