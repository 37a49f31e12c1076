// SPDX-License-Identifier: BSD-3-Clause
// Cases that the tests of the formulas share.
#pragma once

#include <cstdint>

#include "config/case.hpp"

namespace tidemark::theory::testing {

/// A case with ffn 4h, dropouts 0.1, fp32 and one layer. Tests change the settings that they need.
inline config::Case make_case(std::int64_t s, std::int64_t b, std::int64_t h, std::int64_t a,
                              std::int64_t t = 1, bool sequence = false) {
  config::Case c;
  c.model.num_layers = 1;
  c.model.seq_length = s;
  c.model.micro_batch_size = b;
  c.model.hidden_size = h;
  c.model.ffn_hidden_size = 4 * h;
  c.model.num_attention_heads = a;
  c.model.num_query_groups = a;
  c.parallel.tensor = t;
  c.parallel.sequence = sequence;
  return c;
}

/// The same in family llama, without dropout, with g groups and an MLP of 3h.
inline config::Case make_llama(std::int64_t s, std::int64_t b, std::int64_t h, std::int64_t a,
                               std::int64_t g, std::int64_t t = 1, bool sequence = false) {
  config::Case c = make_case(s, b, h, a, t, sequence);
  c.model.family = config::Family::llama;
  c.model.ffn_hidden_size = 3 * h;
  c.model.num_query_groups = g;
  c.model.hidden_dropout = 0.0;
  c.model.attention_dropout = 0.0;
  return c;
}

}  // namespace tidemark::theory::testing
