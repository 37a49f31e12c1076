// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/hierarchical.hpp"

#include <utility>
#include <vector>

namespace tidemark::comm::detail {

namespace {

/// A reduce-scatter of one rank. Segment s goes through four rounds: its terms travel within the
/// node, they are summed, the partial sums travel between nodes, and these are summed. In every
/// round each segment is one stage further, so both networks and the sums are busy at once.
class Scatter {
 public:
  explicit Scatter(const RankView& view)
      : view_(view),
        nodes_(view.nodes),
        node_(nodes_.node_of(view.rank)),
        position_(nodes_.position_of(view.rank)) {}

  /// Sends segment s of all terms to the ranks of the node that sum them.
  void send_terms(Round& round, std::size_t s) const {
    for (const int peer : nodes_.members(node_)) {
      if (peer == view_.rank) continue;
      for (int node = 0; node < nodes_.nodes(); ++node) {
        const Piece mine = view_.term(nodes_.rank_at(node, position_), s);
        add(round.receives, peer, term_slot(s, node, nodes_.position_of(peer), mine.count));
        add(round.sends, peer, view_.term(nodes_.rank_at(node, nodes_.position_of(peer)), s));
      }
    }
  }

  /// Adds the terms of this node. The partial sum of this rank's own block waits in the result.
  void sum_terms(Round& round, std::size_t s) const {
    for (int node = 0; node < nodes_.nodes(); ++node) {
      const Piece own = view_.term(nodes_.rank_at(node, position_), s);
      std::vector<Piece> terms;
      for (int position = 0; position < nodes_.ranks_per_node(); ++position) {
        terms.push_back(position == position_ ? own : term_slot(s, node, position, own.count));
      }
      add_sum(round, node == node_ ? view_.result(s) : partial_slot(s, node, own.count),
              std::move(terms));
    }
  }

  /// Sends segment s of the partial sums to the nodes of their blocks.
  void send_partial_sums(Round& round, std::size_t s) const {
    for (int node = 0; node < nodes_.nodes(); ++node) {
      if (node == node_) continue;
      const int peer = nodes_.rank_at(node, position_);
      add(round.receives, peer, arrival_slot(s, node, view_.result(s).count));
      add(round.sends, peer, partial_slot(s, node, view_.term(peer, s).count));
    }
  }

  void sum_partial_sums(Round& round, std::size_t s) const {
    const Piece result = view_.result(s);
    std::vector<Piece> terms;
    for (int node = 0; node < nodes_.nodes(); ++node) {
      terms.push_back(node == node_ ? result : arrival_slot(s, node, result.count));
    }
    add_sum(round, result, std::move(terms));
  }

 private:
  /// Two sets of slots are enough, because a stage reads its segment one round after it is written.
  [[nodiscard]] Piece slot(std::size_t s, int number, std::size_t count) const {
    const std::size_t set = (s % 2) * slots_of_hierarchical(nodes_);
    return {Place::scratch, (set + static_cast<std::size_t>(number)) * view_.segment, count};
  }
  [[nodiscard]] Piece term_slot(std::size_t s, int node, int position, std::size_t count) const {
    const int others = nodes_.ranks_per_node() - 1;
    return slot(s, node * others + (position < position_ ? position : position - 1), count);
  }
  [[nodiscard]] Piece partial_slot(std::size_t s, int node, std::size_t count) const {
    return slot(s, first_of_nodes() + (node < node_ ? node : node - 1), count);
  }
  [[nodiscard]] Piece arrival_slot(std::size_t s, int node, std::size_t count) const {
    const int others = nodes_.nodes() - 1;
    return slot(s, first_of_nodes() + others + (node < node_ ? node : node - 1), count);
  }
  [[nodiscard]] int first_of_nodes() const {
    return nodes_.nodes() * (nodes_.ranks_per_node() - 1);
  }

  const RankView& view_;
  const NodeMap& nodes_;
  int node_;
  int position_;
};

}  // namespace

std::size_t slots_of_hierarchical(const NodeMap& nodes) {
  const int terms = nodes.nodes() * (nodes.ranks_per_node() - 1);
  const int partial_sums = 2 * (nodes.nodes() - 1);  // those to send and those that arrive
  return static_cast<std::size_t>(terms + partial_sums);
}

void scatter_hierarchical(Script& script, const RankView& view) {
  const Scatter scatter(view);
  const std::size_t segments = view.segments();
  for (std::size_t step = 0; segments > 0 && step < segments + 3; ++step) {
    // The segment that is at stage 0, 1, 2 or 3 in this round. Large numbers are not segments.
    const auto at = [=](std::size_t stage) { return step - stage; };
    Round round;
    if (at(0) < segments) scatter.send_terms(round, at(0));
    if (at(2) < segments) scatter.send_partial_sums(round, at(2));
    if (at(3) < segments) scatter.sum_partial_sums(round, at(3));
    if (at(1) < segments) scatter.sum_terms(round, at(1));
    script.rounds.push_back(std::move(round));
  }
}

void gather_hierarchical(Script& script, const RankView& view, const Piece& own) {
  const NodeMap& nodes = view.nodes;
  const int node = nodes.node_of(view.rank);
  const int position = nodes.position_of(view.rank);
  Round first;
  Round second;
  for (const int peer : nodes.members(node)) {
    if (peer == view.rank) continue;
    add(first.receives, peer, view.blocks.whole(Place::recv, peer));
    add(first.sends, peer, own);
  }
  for (int other = 0; other < nodes.nodes(); ++other) {
    if (other == node) continue;
    const int partner = nodes.rank_at(other, position);
    const Piece arrived = view.blocks.whole(Place::recv, partner);
    add(first.receives, partner, arrived);
    add(first.sends, partner, own);
    for (const int peer : nodes.members(node)) {
      if (peer == view.rank) continue;
      add(second.receives, peer,
          view.blocks.whole(Place::recv, nodes.rank_at(other, nodes.position_of(peer))));
      add(second.sends, peer, arrived);
    }
  }
  script.rounds.push_back(std::move(first));
  script.rounds.push_back(std::move(second));
}

}  // namespace tidemark::comm::detail
