// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/nodes.hpp"

#include <algorithm>

namespace tidemark::comm {

NodeMap::NodeMap(const std::vector<int>& labels) {
  std::vector<int> seen;  // labels, by node
  for (int rank = 0; rank < static_cast<int>(labels.size()); ++rank) {
    const int label = labels[static_cast<std::size_t>(rank)];
    const auto found = std::find(seen.begin(), seen.end(), label);
    const auto node = static_cast<std::size_t>(found - seen.begin());
    if (found == seen.end()) {
      seen.push_back(label);
      members_.emplace_back();
    }
    nodes_.push_back(static_cast<int>(node));
    positions_.push_back(static_cast<int>(members_[node].size()));
    members_[node].push_back(rank);
  }
}

bool NodeMap::is_even() const {
  return std::all_of(members_.begin(), members_.end(),
                     [&](const auto& ranks) { return ranks.size() == members_[0].size(); });
}

}  // namespace tidemark::comm
