// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/levels.hpp"

#include <vector>

namespace tidemark::comm {

namespace {

bool share_a_node(const NodeMap& nodes, int one, int other) {
  return nodes.node_of(one) == nodes.node_of(other);
}

double share_of_pairwise(const NodeMap& nodes) {
  const int t = nodes.ranks();
  double pairs = 0.0;
  for (int node = 0; node < nodes.nodes(); ++node) {
    const auto members = static_cast<double>(nodes.members(node).size());
    pairs += members * (t - members);
  }
  return pairs / (static_cast<double>(t) * (t - 1));
}

}  // namespace

LevelBytes bytes_sent(const Script& script, int rank, const NodeMap& nodes, DType dtype) {
  LevelBytes bytes;
  for (const Round& round : script.rounds) {
    for (const Message& message : round.sends) {
      const auto sent = static_cast<std::int64_t>(message.piece.count * size_of(dtype));
      (share_a_node(nodes, rank, message.peer) ? bytes.node : bytes.network) += sent;
    }
  }
  return bytes;
}

void limit_messages(Script& script, int rank, const NodeMap& nodes, std::size_t within_node,
                    std::size_t between_nodes) {
  const auto limit = [&](std::vector<Message>& messages) {
    for (Message& message : messages) {
      message.largest = share_a_node(nodes, rank, message.peer) ? within_node : between_nodes;
    }
  };
  for (Round& round : script.rounds) {
    limit(round.receives);
    limit(round.sends);
  }
}

std::optional<double> network_share(Algorithm algorithm, const NodeMap& nodes) {
  if (nodes.nodes() == 1) return 0.0;
  switch (algorithm) {
    case Algorithm::native:
      return std::nullopt;
    case Algorithm::ring:
      return network_share_of_exchange(1, nodes);
    case Algorithm::hierarchical:
      if (nodes.has_levels()) {
        return static_cast<double>(nodes.nodes() - 1) / (nodes.ranks() - 1);
      }
      break;
    case Algorithm::pairwise:
      break;
  }
  return share_of_pairwise(nodes);
}

double network_share_of_exchange(int distance, const NodeMap& nodes) {
  int crossing = 0;
  for (int rank = 0; rank < nodes.ranks(); ++rank) {
    if (!share_a_node(nodes, rank, (rank + distance) % nodes.ranks())) ++crossing;
  }
  return static_cast<double>(crossing) / nodes.ranks();
}

}  // namespace tidemark::comm
