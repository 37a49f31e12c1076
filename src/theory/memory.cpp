#include "theory/memory.hpp"

#include "theory/exact.hpp"

namespace tidemark::theory {

std::int64_t parameters_per_layer(const config::Case& c) {
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t shard_h = exact_quotient(h, t);
  const std::int64_t shard_ffn = exact_quotient(c.model.ffn_hidden_size, t);
  const std::int64_t qkv = exact_product({3, shard_h, exact_sum({h, 1})});
  const std::int64_t proj = exact_sum({exact_product({h, shard_h}), h});
  const std::int64_t fc1 = exact_product({shard_ffn, exact_sum({h, 1})});
  const std::int64_t fc2 = exact_sum({exact_product({h, shard_ffn}), h});
  const std::int64_t norms = exact_product({4, h});
  return exact_sum({qkv, proj, fc1, fc2, norms});
}

std::int64_t parameters_of_ends(const config::Case& c) {
  if (!c.model.has_ends()) return 0;
  const std::int64_t shard_vocab = exact_quotient(c.padded_vocab_size(), c.parallel.tensor);
  const std::int64_t norm_rows = 2;
  return exact_product({exact_sum({shard_vocab, norm_rows}), c.model.hidden_size});
}

std::int64_t parameters_per_rank(const config::Case& c) {
  return exact_sum(
      {exact_product({c.model.num_layers, parameters_per_layer(c)}), parameters_of_ends(c)});
}

BytesPerParameter bytes_per_parameter(const config::Case& c) {
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto f = static_cast<std::int64_t>(c.accumulation_bytes());
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

}  // namespace tidemark::theory
