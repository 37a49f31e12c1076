// SPDX-License-Identifier: BSD-3-Clause
#include "theory/layer_parts.hpp"

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

AttentionParts attention_of(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t g = m.num_query_groups;
  const std::int64_t d = m.head_size();
  const std::int64_t heads = exact_quotient(m.num_attention_heads, t);
  const std::int64_t groups = g < t ? 1 : exact_quotient(g, t);
  const std::int64_t replicas = g < t ? exact_quotient(t, g) : 1;
  return {.heads = heads,
          .qkv = exact_product({exact_sum({heads, 2 * groups}), d}),
          .context = exact_quotient(m.hidden_size, t),
          .key_value = replicas > 1 ? 2 * d : 0,
          .replicas = replicas};
}

}  // namespace

LayerParts parts_of(const config::Case& c) {
  const std::int64_t ffn = exact_quotient(c.model.ffn_hidden_size, c.parallel.tensor);
  if (c.model.is_llama()) {
    return {.norm = {.vectors = 1, .statistics = 1},
            .attention = attention_of(c),
            .mlp = {.fc1 = exact_product({2, ffn}), .fc2 = ffn, .fc1_output = "fc1 output"},
            .has_biases = false,
            .rotates = true,
            .ties_embedding = false};
  }
  return {.norm = {.vectors = 2, .statistics = 2},
          .attention = attention_of(c),
          .mlp = {.fc1 = ffn, .fc2 = ffn, .fc1_output = "gelu input"},
          .has_biases = true,
          .rotates = false,
          .ties_embedding = true};
}

}  // namespace tidemark::theory
