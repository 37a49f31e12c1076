// SPDX-License-Identifier: BSD-3-Clause
// What one rank does in a collective: the parts that all algorithms share. Only the algorithms
// include this file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "comm/algorithms/nodes.hpp"
#include "comm/algorithms/rounds.hpp"

namespace tidemark::comm::detail {

/// How the buffer of a call is divided into one block per rank.
class Blocks {
 public:
  Blocks(std::size_t whole, int ranks) : whole_(whole), ranks_(static_cast<std::size_t>(ranks)) {}

  [[nodiscard]] std::size_t size(int block) const {
    return whole_ / ranks_ + (static_cast<std::size_t>(block) < whole_ % ranks_ ? 1 : 0);
  }
  [[nodiscard]] std::size_t first(int block) const {
    const auto b = static_cast<std::size_t>(block);
    return b * (whole_ / ranks_) + std::min(b, whole_ % ranks_);
  }
  /// Segment s of a block; empty after the block's end.
  [[nodiscard]] Piece segment(Place place, int block, std::size_t s, std::size_t length) const {
    const std::size_t begin = std::min(s * length, size(block));
    return {place, first(block) + begin, std::min(length, size(block) - begin)};
  }
  [[nodiscard]] Piece whole(Place place, int block) const {
    return {place, first(block), size(block)};
  }

 private:
  std::size_t whole_;
  std::size_t ranks_;
};

/// A collective from the view of one rank.
struct RankView {
  int rank;
  const NodeMap& nodes;
  Blocks blocks;
  std::size_t segment;  ///< elements
  Place source;         ///< of the terms of the sum
  bool in_place;  ///< this rank's sum goes to its block of `recv`, not to the beginning of `recv`

  [[nodiscard]] int ranks() const { return nodes.ranks(); }
  /// The rank at `distance` places after this one, modulo the number of ranks.
  [[nodiscard]] int other(int distance) const {
    return ((rank + distance) % ranks() + ranks()) % ranks();
  }
  /// Segment s of a block of terms.
  [[nodiscard]] Piece term(int block, std::size_t s) const {
    return blocks.segment(source, block, s, segment);
  }
  /// The place of one segment of this rank's sum.
  [[nodiscard]] Piece result(std::size_t s) const {
    Piece piece = blocks.segment(Place::recv, rank, s, segment);
    if (!in_place) piece.first -= blocks.first(rank);
    return piece;
  }
  /// Number of segments of the largest block.
  [[nodiscard]] std::size_t segments() const { return (blocks.size(0) + segment - 1) / segment; }
};

inline void add(std::vector<Message>& messages, int peer, const Piece& piece) {
  if (piece.count > 0) messages.push_back({.peer = peer, .piece = piece});
}

inline void add_sum(Round& round, const Piece& out, std::vector<Piece> terms) {
  if (out.count > 0) round.sums.push_back({out, std::move(terms)});
}

}  // namespace tidemark::comm::detail
