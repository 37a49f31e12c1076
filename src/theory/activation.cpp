#include "theory/activation.hpp"

#include <utility>

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

using Tensors = std::vector<SavedTensor>;

std::int64_t element_bytes(const config::Case& c) {
  return static_cast<std::int64_t>(c.element_bytes());
}

std::int64_t accumulation_bytes(const config::Case& c) {
  return static_cast<std::int64_t>(c.accumulation_bytes());
}

/// Bytes of the tensors that hold a row of h elements, or a few numbers, for each token.
struct RowBytes {
  std::int64_t norm_input;  ///< [S, b, h] w
  std::int64_t statistics;  ///< [S, b, 2] F
  std::int64_t product;     ///< [S', b, h] w, input of a column-parallel product
  std::int64_t mask;        ///< [S, b, h] 1
};

RowBytes row_bytes(const config::Case& c) {
  const std::int64_t w = element_bytes(c);
  const std::int64_t s = c.model.seq_length;
  const std::int64_t b = c.model.micro_batch_size;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t shard_s = c.sequence_parallel() ? exact_quotient(s, c.parallel.tensor) : s;
  const std::int64_t product_s = c.parallel.keep_gathered ? s : shard_s;
  return {.norm_input = exact_product({shard_s, b, h, w}),
          .statistics = exact_product({shard_s, b, 2, accumulation_bytes(c)}),
          .product = exact_product({product_s, b, h, w}),
          .mask = exact_product({shard_s, b, h})};
}

/// What lies between qkv and proj's input, for the a/t heads of one rank.
void add_attention_core(Tensors& list, const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t s = m.seq_length;
  const std::int64_t head_rows = exact_product(
      {m.micro_batch_size, exact_quotient(m.num_attention_heads, c.parallel.tensor), s});
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

/// What the closed formula says of the attention core, over all heads: with w = 2, 5as²b.
std::int64_t paper_core_bytes(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t abs = exact_product({m.num_attention_heads, m.tokens()});
  if (m.is_blocked()) return exact_product({accumulation_bytes(c), abs});
  if (c.recomputes_core()) return 0;
  // Two tensors of w bytes an element, and a mask of one.
  return exact_product({2 * element_bytes(c) + 1, m.seq_length, abs});
}

}  // namespace

std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const RowBytes row = row_bytes(c);
  Tensors list{{"norm1 input", row.norm_input}};
  if (c.recomputes_layer()) return list;

  const std::int64_t t = c.parallel.tensor;
  const std::int64_t column = exact_product({m.seq_length, m.micro_batch_size, element_bytes(c)});
  const std::int64_t context = exact_product({column, exact_quotient(m.hidden_size, t)});
  const std::int64_t ffn = exact_product({column, exact_quotient(m.ffn_hidden_size, t)});
  const bool drops = m.hidden_dropout > 0.0;

  list.push_back({"norm1 statistics", row.statistics, false});
  list.push_back({"qkv input", row.product});
  list.push_back({"qkv", exact_product({3, context})});
  add_attention_core(list, c);
  list.push_back({"proj input", context});
  if (drops) list.push_back({"hidden dropout mask 1", row.mask});
  list.push_back({"norm2 input", row.norm_input});
  list.push_back({"norm2 statistics", row.statistics, false});
  list.push_back({"fc1 input", row.product});
  list.push_back({"gelu input", ffn});
  list.push_back({"fc2 input", ffn});
  if (drops) list.push_back({"hidden dropout mask 2", row.mask});
  return list;
}

std::vector<SavedTensor> saved_tensors_of_ends(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  if (!m.has_ends()) return {};

  const RowBytes row = row_bytes(c);
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

std::optional<std::int64_t> paper_bytes_per_layer(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t w = element_bytes(c);
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t sbh = exact_product({m.tokens(), m.hidden_size});
  if (c.recomputes_layer()) {
    return exact_quotient(exact_product({w, sbh}), c.sequence_parallel() ? t : 1);
  }

  const bool core_mask_counts = !c.recomputes_core() && !m.is_blocked();
  const bool applies = exact_product({4, m.hidden_size}) == m.ffn_hidden_size &&
                       m.hidden_dropout > 0.0 && (m.attention_dropout > 0.0 || !core_mask_counts);
  if (!applies) return std::nullopt;

  // The linear terms that stay whole and those that are divided by t: with w = 2 they are 10 and 24
  // under TP, 0 and 34 under SP, 4 and 30 where SP keeps the gathered inputs of qkv and fc1.
  std::int64_t whole = 4 * w + 2;
  std::int64_t divided = 12 * w;
  if (c.sequence_parallel()) {
    const std::int64_t kept = c.parallel.keep_gathered ? 2 * w : 0;
    divided += whole - kept;
    whole = kept;
  }
  const std::int64_t shared = exact_sum({exact_product({sbh, divided}), paper_core_bytes(c)});
  return exact_sum({exact_product({sbh, whole}), exact_quotient(shared, t)});
}

std::optional<std::int64_t> paper_bytes_of_ends(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t t = c.parallel.tensor;
  const bool applies = m.has_ends() && m.hidden_dropout > 0.0 && m.vocab_size % t == 0;
  if (!applies) return std::nullopt;

  // As above: 5 and 0 of sbh under TP, 0 and 5 under SP, 2 and 3 with the input kept whole.
  std::int64_t whole = 1 + 2 * element_bytes(c);
  std::int64_t divided = 0;
  if (c.sequence_parallel()) {
    const std::int64_t kept = c.parallel.keep_gathered ? element_bytes(c) : 0;
    divided = whole - kept;
    whole = kept;
  }
  const std::int64_t sb = m.tokens();
  const std::int64_t shared = exact_sum({exact_product({sb, m.hidden_size, divided}),
                                         exact_product({accumulation_bytes(c), sb, m.vocab_size})});
  return exact_sum({exact_product({sb, m.hidden_size, whole}), exact_quotient(shared, t)});
}

}  // namespace tidemark::theory
