// The blocks into which blocked attention cuts queries and keys.
#pragma once

#include <cstdint>

namespace tidemark::theory {

/// Pairs of a query and a key whose score is computed for one head of one sequence of `s`
/// positions, cut into blocks of `block` positions, the last of which may be shorter: the sum of
/// m·n over the computed pairs of an m-row block and an n-column block. Under the causal mask these
/// are the blocks on and left of the diagonal, each of them whole; otherwise all, so s². Throws
/// RunError where the count exceeds 63 bits.
std::int64_t visible_pairs(std::int64_t s, std::int64_t block, bool causal);

}  // namespace tidemark::theory
