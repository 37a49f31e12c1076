// SPDX-License-Identifier: BSD-3-Clause
#include "theory/memory.hpp"

#include "theory/exact.hpp"
#include "theory/layer_parts.hpp"

namespace tidemark::theory {

std::int64_t parameters_per_layer(const config::Case& c) {
  const LayerParts parts = parts_of(c);
  const std::int64_t h = c.model.hidden_size;
  // Per column, a column-parallel product has a row of weights and one element of its bias.
  const std::int64_t columns = exact_sum({parts.attention.qkv, parts.mlp.fc1});
  const std::int64_t inner = exact_sum({parts.attention.context, parts.mlp.fc2});
  const std::int64_t weights = exact_product({exact_sum({columns, inner}), h});
  return exact_sum(
      {weights, parts.has_biases ? columns : 0, exact_product({parts.replicated_vectors(), h})});
}

std::int64_t parameters_of_ends(const config::Case& c) {
  if (!c.model.has_ends()) return 0;
  const LayerParts parts = parts_of(c);
  const std::int64_t tables = parts.ties_embedding ? 1 : 2;
  const std::int64_t shard_vocab = exact_quotient(c.padded_vocab_size(), c.parallel.tensor);
  return exact_product(
      {exact_sum({exact_product({tables, shard_vocab}), parts.norm.vectors}), c.model.hidden_size});
}

std::int64_t parameters_per_rank(const config::Case& c) {
  return exact_sum(
      {exact_product({c.model.num_layers, parameters_per_layer(c)}), parameters_of_ends(c)});
}

BytesPerParameter bytes_per_parameter(const config::Case& c) {
  const std::int64_t w = element_bytes(c);
  const std::int64_t f = accumulation_bytes(c);
  const std::int64_t master = w < f ? f : 0;
  return {.parameter = w, .gradient = f, .optimizer = 2 * f + master};
}

std::int64_t parameter_bytes(const config::Case& c) {
  return exact_product({parameters_per_rank(c), bytes_per_parameter(c).parameter});
}

std::int64_t gradient_bytes(const config::Case& c) {
  return exact_product({parameters_per_rank(c), bytes_per_parameter(c).gradient});
}

std::int64_t optimizer_bytes(const config::Case& c) {
  return exact_product({parameters_per_rank(c), bytes_per_parameter(c).optimizer});
}

std::int64_t rotary_table_bytes(const config::Case& c) {
  if (!parts_of(c).rotates) return 0;
  return exact_product({c.model.seq_length, c.model.head_size(), accumulation_bytes(c)});
}

std::int64_t exchange_buffer_bytes(const config::Case& c) {
  const AttentionParts attention = parts_of(c).attention;
  return exact_product(
      {attention.replicas - 1, attention.key_value, c.model.hidden_size, accumulation_bytes(c)});
}

}  // namespace tidemark::theory
