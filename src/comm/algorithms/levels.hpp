// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a collective within the nodes and between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/dtype.hpp"
#include "comm/algorithms/nodes.hpp"
#include "comm/algorithms/rounds.hpp"

namespace tidemark::comm {

/// Bytes that a rank sends.
struct LevelBytes {
  std::int64_t node = 0;     ///< to ranks of its own node
  std::int64_t network = 0;  ///< to ranks of other nodes
};

/// What `rank` sends by its script, added up message by message.
LevelBytes bytes_sent(const Script& script, int rank, const NodeMap& nodes, DType dtype);

/// Sets the largest messages of `rank` to ranks of its node, and to other nodes, in elements.
void limit_messages(Script& script, int rank, const NodeMap& nodes, std::size_t within_node,
                    std::size_t between_nodes);

/// The share of the bytes of a collective that crosses from node to node, by formula, as the mean
/// over the ranks. With t ranks on n nodes, of which node i has t_i:
///
/// * pairwise: the sum over the nodes of t_i (t - t_i), over t (t - 1)
/// * ring: the number of ranks whose next rank is on another node, over t
/// * hierarchical: (n - 1) / (t - 1) if there are levels; otherwise that of pairwise
/// * an exchange, where each rank sends to the rank `distance` places after it: the number of ranks
///   whose receiver is on another node, over t
///
/// nullopt for `native`, because the library does not tell. With one node all shares are 0.
std::optional<double> network_share(Algorithm algorithm, const NodeMap& nodes);
double network_share_of_exchange(int distance, const NodeMap& nodes);

}  // namespace tidemark::comm
