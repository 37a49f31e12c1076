// SPDX-License-Identifier: BSD-3-Clause
#include "theory/flops.hpp"

#include <cstdint>
#include <initializer_list>

#include "theory/attention_blocks.hpp"
#include "theory/exact.hpp"
#include "theory/layer_parts.hpp"

namespace tidemark::theory {

namespace {

/// Sums have the 64 bits of the usual long double, so that only the result is rounded.
using Count = long double;

/// Operations of `products` matrix products. `factors` are rows, columns and inner length of each.
/// A multiply and an add count as two operations.
Count operations(std::int64_t products, std::initializer_list<std::int64_t> factors) {
  Count count = 2 * static_cast<Count>(products);
  for (const std::int64_t factor : factors) count *= static_cast<Count>(factor);
  return count;
}

/// One product each of qkv, proj, fc1 and fc2 of one layer, on one rank.
Count linear_products(const config::Case& c, const LayerParts& parts) {
  const std::int64_t width =
      exact_sum({parts.attention.qkv, parts.attention.context, parts.mlp.fc1, parts.mlp.fc2});
  return operations(1, {c.model.tokens(), c.model.hidden_size, width});
}

/// `products` products of the attention core of one layer, on one rank. Each has `pairs` pairs of a
/// query and a key, for every head of every sequence.
Count core_products(const config::ModelConfig& m, const AttentionParts& attention,
                    std::int64_t products, std::int64_t pairs) {
  return operations(products, {m.micro_batch_size, attention.heads, pairs, m.head_size()});
}

/// The products for the logits and for both of their gradients, with `columns` columns on a rank.
Count output_projection(const config::ModelConfig& m, std::int64_t columns) {
  return operations(3, {m.tokens(), m.hidden_size, columns});
}

}  // namespace

namespace {

/// Counts `share_of_scores` of the attention core's operations.
Count model_operations(const config::Case& c, Count share_of_scores) {
  const config::ModelConfig& m = c.model;
  config::Case whole = c;
  whole.parallel.tensor = 1;
  const LayerParts parts = parts_of(whole);
  const std::int64_t square = exact_product({m.seq_length, m.seq_length});
  const Count layer =
      linear_products(c, parts) + share_of_scores * core_products(m, parts.attention, 2, square);
  return 3 * static_cast<Count>(m.num_layers) * layer + output_projection(m, m.vocab_size);
}

}  // namespace

double model_flops_per_step(const config::Case& c) {
  return static_cast<double>(model_operations(c, 1));
}

double causal_flops_per_step(const config::Case& c) {
  return static_cast<double>(model_operations(c, c.model.causal ? Count(0.5) : Count(1)));
}

double launched_flops_per_step(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const LayerParts parts = parts_of(c);
  const std::int64_t pairs = visible_pairs(m.seq_length, m.score_block(), m.causal);
  const int layer_forwards = c.recomputes_layer() ? 2 : 1;
  const int core_forward = 2 * layer_forwards + (c.recomputes_core() ? 1 : 0);
  const int core_backward = m.is_blocked() ? 5 : 4;

  const Count linear = static_cast<Count>(layer_forwards + 2) * linear_products(c, parts);
  const Count core = core_products(m, parts.attention, core_forward + core_backward, pairs);
  const std::int64_t logits = exact_quotient(c.padded_vocab_size(), c.parallel.tensor);
  return static_cast<double>(static_cast<Count>(m.num_layers) * (linear + core) +
                             output_projection(m, logits));
}

}  // namespace tidemark::theory
