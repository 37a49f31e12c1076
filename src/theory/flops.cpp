#include "theory/flops.hpp"

#include <cstdint>
#include <initializer_list>

#include "theory/attention_blocks.hpp"
#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

/// Sums are formed with the 64 bits of the usual long double, so that only the result is rounded.
using Count = long double;

/// `products` matrix products, the factors of each being its rows, columns and inner length: two
/// operations for each multiply and add.
Count operations(std::int64_t products, std::initializer_list<std::int64_t> factors) {
  Count count = 2 * static_cast<Count>(products);
  for (const std::int64_t factor : factors) count *= static_cast<Count>(factor);
  return count;
}

/// qkv, proj, fc1 and fc2 of one layer, once each, on one of `t` ranks.
Count linear_products(const config::ModelConfig& m, std::int64_t t) {
  const std::int64_t h = m.hidden_size;
  const std::int64_t width = exact_sum({exact_product({4, exact_quotient(h, t)}),
                                        exact_product({2, exact_quotient(m.ffn_hidden_size, t)})});
  return operations(1, {m.tokens(), h, width});
}

/// `products` products of the attention core of one layer, on one of `t` ranks; `pairs` of a query
/// and a key take part in each of them, for every head of every sequence.
Count core_products(const config::ModelConfig& m, std::int64_t t, std::int64_t products,
                    std::int64_t pairs) {
  return operations(products, {m.micro_batch_size, exact_quotient(m.num_attention_heads, t), pairs,
                               m.head_size()});
}

/// The logits and both of their gradients, `columns` of them on a rank.
Count output_projection(const config::ModelConfig& m, std::int64_t columns) {
  return operations(3, {m.tokens(), m.hidden_size, columns});
}

}  // namespace

double model_flops_per_step(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t square = exact_product({m.seq_length, m.seq_length});
  const Count layer = linear_products(m, 1) + core_products(m, 1, 2, square);
  return static_cast<double>(3 * static_cast<Count>(m.num_layers) * layer +
                             output_projection(m, m.vocab_size));
}

double launched_flops_per_step(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t pairs =
      visible_pairs(m.seq_length, m.attention_block, m.causal && m.is_blocked());
  const int layer_forwards = c.recomputes_layer() ? 2 : 1;
  const int core_forward = 2 * layer_forwards + (c.recomputes_core() ? 1 : 0);
  const int core_backward = m.is_blocked() ? 5 : 4;

  const Count linear = static_cast<Count>(layer_forwards + 2) * linear_products(m, t);
  const Count core = core_products(m, t, core_forward + core_backward, pairs);
  const std::int64_t logits = exact_quotient(c.padded_vocab_size(), t);
  return static_cast<double>(static_cast<Count>(m.num_layers) * (linear + core) +
                             output_projection(m, logits));
}

}  // namespace tidemark::theory
