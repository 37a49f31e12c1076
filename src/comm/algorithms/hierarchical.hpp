// SPDX-License-Identifier: BSD-3-Clause
// Collectives in two levels: within the nodes, and between them. Only script_of includes this file.
#pragma once

#include <cstddef>

#include "comm/algorithms/rank_view.hpp"

namespace tidemark::comm::detail {

/// Appends a reduce-scatter to `script`. First the ranks of a node add their terms, each for the
/// blocks of the ranks with its own position on all nodes. Then these ranks exchange the partial
/// sums of their blocks, one message per pair of nodes and segment. Terms are added in rank order,
/// and partial sums in node order. So a sum is rounded twice. The map must have levels.
void scatter_hierarchical(Script& script, const RankView& view);

/// Appends an all-gather of `own`, this rank's block. First it goes to the ranks of the node, and
/// to the rank with the same position on every other node. Then the ranks of a node share the
/// blocks that came from other nodes. The map must have levels.
void gather_hierarchical(Script& script, const RankView& view, const Piece& own);

/// Number of segments that the scratch memory of a scatter has room for, if it sums one segment per
/// block at a time.
std::size_t slots_of_hierarchical(const NodeMap& nodes);

}  // namespace tidemark::comm::detail
