// SPDX-License-Identifier: BSD-3-Clause
// The closed formulas of activation.hpp. Each family has one formula, which does not list the
// tensors.
#include "theory/activation.hpp"
#include "theory/exact.hpp"
#include "theory/layer_parts.hpp"

namespace tidemark::theory {

namespace {

/// Cost per element of rows of h elements outside the tensor-parallel regions, in bytes or in
/// tensors: the part that every rank holds, and the part that is divided by t.
struct Linear {
  std::int64_t whole;
  std::int64_t divided;
};

/// Splits the cost `all` into these parts. `gathered` of it belongs to inputs that `keep_gathered`
/// leaves whole.
Linear rows_of(const config::Case& c, std::int64_t all, std::int64_t gathered) {
  if (!c.sequence_parallel()) return {.whole = all, .divided = 0};
  const std::int64_t kept = c.parallel.keep_gathered ? gathered : 0;
  return {.whole = kept, .divided = all - kept};
}

/// Bytes that the attention core saves over all heads. `bytes` is the cost per element of a head's
/// square matrix.
std::int64_t core_bytes(const config::Case& c, std::int64_t bytes) {
  const std::int64_t abs = exact_product({c.model.num_attention_heads, c.model.tokens()});
  if (c.model.is_blocked()) return exact_product({accumulation_bytes(c), abs});
  return c.recomputes_core() ? 0 : exact_product({bytes, c.model.seq_length, abs});
}

/// For the GPT family: Korthikanti et al. (2022), Table 2.
std::optional<std::int64_t> gpt_bytes_per_layer(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t w = element_bytes(c);
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t sbh = exact_product({m.tokens(), m.hidden_size});
  const bool core_mask_counts = !c.recomputes_core() && !m.is_blocked();
  const bool applies = exact_product({4, m.hidden_size}) == m.ffn_hidden_size &&
                       m.hidden_dropout > 0.0 && (m.attention_dropout > 0.0 || !core_mask_counts);
  if (!applies) return std::nullopt;

  // The linear terms that stay whole, and those that are divided by t. With w = 2 they are 10 and
  // 24 under TP, and 0 and 34 under SP. If SP keeps the gathered inputs of qkv and fc1, they are 4
  // and 30.
  const Linear rows = rows_of(c, 4 * w + 2, 2 * w);
  // The core has two tensors of w bytes per element, and a mask of one byte.
  const std::int64_t shared =
      exact_sum({exact_product({sbh, rows.divided + 12 * w}), core_bytes(c, 2 * w + 1)});
  return exact_sum({exact_product({sbh, rows.whole}), exact_quotient(shared, t)});
}

/// For the Llama family, from the shapes of its layer in docs/definitions/memory.md.
std::int64_t llama_bytes_per_layer(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t w = element_bytes(c);
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t sbw = exact_product({m.tokens(), w});
  // Inputs of the norms, and of qkv and fc1, per rank.
  const Linear rows = rows_of(c, 4, 2);
  const std::int64_t row_bytes = exact_product({sbw, m.hidden_size});
  // q, the input of proj, gate, up, the input of fc2, and the softmax, of all ranks together.
  const std::int64_t divided =
      exact_sum({exact_product({row_bytes, rows.divided + 2}),
                 exact_product({3, sbw, m.ffn_hidden_size}), core_bytes(c, w)});
  // k and v of g heads. Each rank holds at least one of these heads.
  const std::int64_t key_value = exact_product({2, sbw, m.head_size()});
  const std::int64_t held = t > m.num_query_groups
                                ? key_value
                                : exact_quotient(exact_product({key_value, m.num_query_groups}), t);
  return exact_sum({exact_product({row_bytes, rows.whole}), exact_quotient(divided, t), held});
}

}  // namespace

std::optional<std::int64_t> published_bytes_per_layer(const config::Case& c) {
  if (c.recomputes_layer()) {
    const std::int64_t input =
        exact_product({element_bytes(c), c.model.tokens(), c.model.hidden_size});
    return exact_quotient(input, c.sequence_parallel() ? c.parallel.tensor : 1);
  }
  if (c.model.is_llama()) return llama_bytes_per_layer(c);
  return gpt_bytes_per_layer(c);
}

std::optional<std::int64_t> published_bytes_of_ends(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t mask = m.is_llama() ? 0 : 1;
  const bool lacks_mask = mask > 0 && m.hidden_dropout == 0.0;
  if (!m.has_ends() || lacks_mask || m.vocab_size % t != 0) return std::nullopt;

  // With the mask, the whole and divided terms in units of sbh are 5 and 0 under TP, and 0 and 5
  // under SP. If the input is kept whole, they are 2 and 3.
  const Linear rows = rows_of(c, mask + 2 * element_bytes(c), element_bytes(c));
  const std::int64_t sb = m.tokens();
  const std::int64_t shared = exact_sum({exact_product({sb, m.hidden_size, rows.divided}),
                                         exact_product({accumulation_bytes(c), sb, m.vocab_size})});
  return exact_sum({exact_product({sb, m.hidden_size, rows.whole}), exact_quotient(shared, t)});
}

}  // namespace tidemark::theory
