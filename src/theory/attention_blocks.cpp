// SPDX-License-Identifier: BSD-3-Clause
#include "theory/attention_blocks.hpp"

#include "theory/exact.hpp"

namespace tidemark::theory {

std::int64_t visible_pairs(std::int64_t s, std::int64_t block, bool causal) {
  if (!causal) return exact_product({s, s});
  const std::int64_t blocks = s / block;
  const std::int64_t rest = s % block;
  // Block row i of the whole blocks sees i + 1 blocks. The rows of the shorter block see all s
  // columns.
  const std::int64_t seen = exact_quotient(exact_product({blocks, blocks + 1}), 2);
  return exact_sum({exact_product({block, block, seen}), exact_product({rest, s})});
}

}  // namespace tidemark::theory
