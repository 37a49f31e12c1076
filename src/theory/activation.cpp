// SPDX-License-Identifier: BSD-3-Clause
#include "theory/activation.hpp"

#include <utility>

#include "theory/exact.hpp"
#include "theory/layer_parts.hpp"

namespace tidemark::theory {

namespace {

using Tensors = std::vector<SavedTensor>;

/// Bytes per tensor of tensors with a row of h elements, or a few numbers, per token.
struct RowBytes {
  std::int64_t norm_input;  ///< [S, b, h] w
  std::int64_t statistics;  ///< [S, b, 2 or 1] F
  std::int64_t product;     ///< [S', b, h] w, input of a column-parallel product
  std::int64_t mask;        ///< [S, b, h] 1
};

RowBytes row_bytes(const config::Case& c, const NormParts& norm) {
  const std::int64_t w = element_bytes(c);
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t shard_s = c.sequence_parallel() ? exact_quotient(s, c.parallel.tensor) : s;
  const std::int64_t product_s = c.parallel.keep_gathered ? s : shard_s;
  return {.norm_input = exact_product({shard_s, b, h, w}),
          .statistics = exact_product({shard_s, b, norm.statistics, accumulation_bytes(c)}),
          .product = exact_product({product_s, b, h, w}),
          .mask = exact_product({shard_s, b, h})};
}

/// Adds the tensors between qkv and proj's input, for the a/t heads of one rank.
void add_attention_core(Tensors& list, const config::Case& c, const AttentionParts& attention) {
  const config::ModelConfig& m = c.model;
  const std::int64_t s = m.seq_length;
  const std::int64_t head_rows = exact_product({m.micro_batch_size, attention.heads, s});
  if (m.is_blocked()) {
    list.push_back({"attention log-sum-exp", exact_product({head_rows, accumulation_bytes(c)})});
    return;
  }
  if (c.recomputes_core()) return;
  const std::int64_t mask = exact_product({head_rows, s});  // [b, a/t, s, s]
  const std::int64_t scores = exact_product({mask, element_bytes(c)});
  list.push_back({"softmax output", scores});
  if (m.attention_dropout > 0.0) {
    list.push_back({"attention dropout mask", mask});
    list.push_back({"attention dropout output", scores});
  }
}

std::int64_t sum_of(const Tensors& tensors, bool in_formula) {
  std::int64_t sum = 0;
  for (const SavedTensor& tensor : tensors) {
    if (tensor.in_formula == in_formula) sum = exact_sum({sum, tensor.bytes});
  }
  return sum;
}

}  // namespace

std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const LayerParts parts = parts_of(c);
  const RowBytes row = row_bytes(c, parts.norm);
  Tensors list{{"norm1 input", row.norm_input}};
  if (c.recomputes_layer()) return list;

  const std::int64_t column = exact_product({m.seq_length, m.micro_batch_size, element_bytes(c)});
  const bool drops = m.hidden_dropout > 0.0;

  list.push_back({"norm1 statistics", row.statistics, false});
  list.push_back({"qkv input", row.product});
  list.push_back({"qkv", exact_product({column, parts.attention.qkv})});
  add_attention_core(list, c, parts.attention);
  list.push_back({"proj input", exact_product({column, parts.attention.context})});
  if (drops) list.push_back({"hidden dropout mask 1", row.mask});
  list.push_back({"norm2 input", row.norm_input});
  list.push_back({"norm2 statistics", row.statistics, false});
  list.push_back({"fc1 input", row.product});
  list.push_back({std::string(parts.mlp.fc1_output), exact_product({column, parts.mlp.fc1})});
  list.push_back({"fc2 input", exact_product({column, parts.mlp.fc2})});
  if (drops) list.push_back({"hidden dropout mask 2", row.mask});
  return list;
}

std::vector<SavedTensor> saved_tensors_of_ends(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  if (!m.has_ends()) return {};

  const RowBytes row = row_bytes(c, parts_of(c).norm);
  const std::int64_t shard_vocab = exact_quotient(c.padded_vocab_size(), c.parallel.tensor);
  Tensors list;
  if (m.hidden_dropout > 0.0) list.push_back({"embedding dropout mask", row.mask});
  list.push_back({"final norm input", row.norm_input});
  list.push_back({"final norm statistics", row.statistics, false});
  list.push_back({"output projection input", row.product});
  list.push_back({"logits", exact_product({m.seq_length, m.micro_batch_size, shard_vocab,
                                           accumulation_bytes(c)})});
  return list;
}

std::int64_t saved_bytes_per_layer(const config::Case& c) {
  return sum_of(saved_tensors_per_layer(c), true);
}

std::int64_t saved_bytes_of_ends(const config::Case& c) {
  return sum_of(saved_tensors_of_ends(c), true);
}

std::int64_t norm_statistics_bytes_per_layer(const config::Case& c) {
  return sum_of(saved_tensors_per_layer(c), false);
}

std::int64_t norm_statistics_bytes_of_ends(const config::Case& c) {
  return sum_of(saved_tensors_of_ends(c), false);
}

}  // namespace tidemark::theory
