// SPDX-License-Identifier: BSD-3-Clause
// The blocks into which attention cuts queries and keys, to skip what the causal mask hides.
#pragma once

#include <cstdint>

namespace tidemark::theory {

/// Pairs of a query and a key whose score is computed, for one head of one sequence of `s`
/// positions. The sequence is cut into blocks of `block` positions, and the last may be shorter.
/// The result is the sum of m·n over the computed pairs of an m-row block and an n-column block.
/// Under the causal mask these are the blocks on and left of the diagonal, each of them whole.
/// Otherwise all blocks are computed, which gives s². Throws RunError if the count exceeds 63 bits.
std::int64_t visible_pairs(std::int64_t s, std::int64_t block, bool causal);

}  // namespace tidemark::theory
