// SPDX-License-Identifier: BSD-3-Clause
// Which ranks of a communicator share a node.
#pragma once

#include <vector>

namespace tidemark::comm {

/// The node of each rank. Nodes have the numbers 0, 1, ... in the order of their lowest ranks. The
/// position of a rank is its place among the ranks of its node, which begins with 0.
class NodeMap {
 public:
  /// All ranks are on one node. A number of ranks stands for this map.
  NodeMap(int ranks)  // NOLINT(google-explicit-constructor)
      : NodeMap(std::vector<int>(static_cast<std::size_t>(ranks), 0)) {}
  /// `labels` has one entry per rank. Ranks with equal labels share a node.
  explicit NodeMap(const std::vector<int>& labels);

  [[nodiscard]] int ranks() const noexcept { return static_cast<int>(nodes_.size()); }
  [[nodiscard]] int nodes() const noexcept { return static_cast<int>(members_.size()); }
  [[nodiscard]] int node_of(int rank) const { return nodes_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] int position_of(int rank) const {
    return positions_[static_cast<std::size_t>(rank)];
  }
  /// The ranks of a node, sorted.
  [[nodiscard]] const std::vector<int>& members(int node) const {
    return members_[static_cast<std::size_t>(node)];
  }
  [[nodiscard]] int rank_at(int node, int position) const {
    return members(node)[static_cast<std::size_t>(position)];
  }
  /// Whether every node has as many ranks.
  [[nodiscard]] bool is_even() const;
  /// Ranks of node 0, which are those of every node if the map is even.
  [[nodiscard]] int ranks_per_node() const { return static_cast<int>(members(0).size()); }
  /// Whether collectives have two levels: several nodes, and several ranks on each.
  [[nodiscard]] bool has_levels() const { return nodes() > 1 && is_even() && ranks_per_node() > 1; }

 private:
  std::vector<int> nodes_;      ///< by rank
  std::vector<int> positions_;  ///< by rank
  std::vector<std::vector<int>> members_;
};

}  // namespace tidemark::comm
