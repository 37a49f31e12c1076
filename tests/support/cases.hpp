// Small cases that the tests share.
#pragma once

#include <cstdint>
#include <vector>

#include "config/case.hpp"

namespace tidemark::support {

/// Two GPT layers, small enough to run in milliseconds, dropout on. Every size divides by t up to
/// 4; the rows of scores (12) hold whole blocks of random words, the heads' width (6) does not.
inline config::Case small_case(std::int64_t t, bool sequence, DType precision = DType::fp64) {
  config::Case c;
  c.model.num_layers = 2;
  c.model.seq_length = 12;
  c.model.micro_batch_size = 3;
  c.model.hidden_size = 24;
  c.model.ffn_hidden_size = 96;
  c.model.num_attention_heads = 4;
  c.model.num_query_groups = 4;
  c.precision = precision;
  c.parallel.tensor = t;
  c.parallel.sequence = sequence;
  return c;
}

/// The small case under every sharding that t ranks can have, and with other sizes and dropouts.
inline std::vector<config::Case> variants(std::int64_t t, DType precision) {
  std::vector<config::Case> cases;
  for (const int mode : {0, 1, 2}) {
    config::Case c = small_case(t, mode > 0, precision);
    c.parallel.keep_gathered = mode == 2;
    cases.push_back(c);
    c.model.hidden_dropout = 0.0;
    cases.push_back(c);
    c.model.attention_dropout = 0.0;
    cases.push_back(c);
    c.model.hidden_dropout = 0.3;
    c.model.ffn_hidden_size = 20;
    c.model.num_layers = 3;
    c.model.causal = false;
    cases.push_back(c);
  }
  return cases;
}

}  // namespace tidemark::support
