// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/rounds.hpp"

#include <algorithm>

namespace tidemark::comm {

namespace {

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
struct Seat {
  int rank;
  int ranks;
  Blocks blocks;
  std::size_t segment;  ///< elements
  Place source;         ///< of the terms of the sum
  bool in_place;  ///< this rank's sum goes to its block of `recv`, not to the beginning of `recv`

  /// The rank at `distance` places after this one, modulo the number of ranks.
  [[nodiscard]] int other(int distance) const {
    return ((rank + distance) % ranks + ranks) % ranks;
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

void add(std::vector<Message>& messages, int peer, const Piece& piece) {
  if (piece.count > 0) messages.push_back({peer, piece});
}

void add_sum(Round& round, const Piece& out, std::vector<Piece> terms) {
  if (out.count > 0) round.sums.push_back({out, std::move(terms)});
}

// Round s moves segment s, and segment s - 1 is summed in it. So two slots per peer are enough.
void scatter_pairwise(Script& script, const Seat& seat) {
  const auto slot = [&](std::size_t s, int distance, std::size_t count) {
    const std::size_t slots_before =
        (s % 2) * static_cast<std::size_t>(seat.ranks - 1) + static_cast<std::size_t>(distance - 1);
    return Piece{Place::scratch, slots_before * seat.segment, count};
  };
  const auto sum = [&](Round& round, std::size_t s) {
    const Piece own = seat.blocks.segment(seat.source, seat.rank, s, seat.segment);
    std::vector<Piece> terms;
    for (int peer = 0; peer < seat.ranks; ++peer) {
      const int distance = (seat.rank - peer + seat.ranks) % seat.ranks;
      terms.push_back(distance == 0 ? own : slot(s, distance, own.count));
    }
    add_sum(round, seat.result(s), std::move(terms));
  };
  for (std::size_t s = 0; s < seat.segments(); ++s) {
    Round round;
    for (int distance = 1; distance < seat.ranks; ++distance) {
      const Piece own = seat.blocks.segment(seat.source, seat.rank, s, seat.segment);
      add(round.receives, seat.other(-distance), slot(s, distance, own.count));
      const int to = seat.other(distance);
      add(round.sends, to, seat.blocks.segment(seat.source, to, s, seat.segment));
    }
    if (s > 0) sum(round, s - 1);
    script.rounds.push_back(std::move(round));
  }
  script.rounds.emplace_back();
  if (seat.segments() > 0) sum(script.rounds.back(), seat.segments() - 1);
}

// Between two ranks, each rank sends its whole buffer and forms the whole sum. This moves as many
// bytes as two rounds, and needs more additions. It saves one wait until a rank drives the call
// again.
void reduce_in_one_round(Script& script, const Seat& seat, std::size_t count) {
  const Piece own{Place::recv, 0, count};
  const Piece others{Place::scratch, 0, count};
  Round round;
  add(round.receives, seat.other(1), others);
  add(round.sends, seat.other(1), own);
  script.rounds.push_back(std::move(round));
  script.rounds.emplace_back();
  add_sum(script.rounds.back(), own,
          seat.rank == 0 ? std::vector<Piece>{own, others} : std::vector<Piece>{others, own});
}

// In step k this rank receives the partial sum of block rank - 2 - k, and sends that of block rank
// - 1 - k. The last partial sum that it receives belongs to its own block. A sum is formed one
// round after its message. It is sent one whole step later. If a step has one round only, then an
// extra round forms the sum between the two steps.
void scatter_ring(Script& script, const Seat& seat) {
  const std::size_t block = seat.blocks.size(0);
  const std::size_t segments = seat.segments();
  const auto partial = [&](int step, std::size_t s, std::size_t count) {
    const std::size_t half = static_cast<std::size_t>(step % 2) * block;
    return Piece{Place::scratch, half + s * seat.segment, count};
  };
  const auto sum = [&](Round& round, int step, std::size_t s) {
    const Piece own = seat.blocks.segment(seat.source, seat.other(-2 - step), s, seat.segment);
    const bool last = step == seat.ranks - 2;
    const Piece taken = partial(step, s, own.count);
    add_sum(round, last ? seat.result(s) : taken, {taken, own});
  };
  bool owed = false;  // the sum of the previous message is not formed yet
  int owed_step = 0;
  std::size_t owed_segment = 0;
  for (int step = 0; step < seat.ranks - 1; ++step) {
    for (std::size_t s = 0; s < segments; ++s) {
      if (owed && segments == 1) {
        script.rounds.emplace_back();
        sum(script.rounds.back(), owed_step, owed_segment);
        owed = false;
      }
      Round round;
      const int given = seat.other(-1 - step);
      const Piece first_hand = seat.blocks.segment(seat.source, given, s, seat.segment);
      const int taken = seat.other(-2 - step);
      add(round.receives, seat.other(-1),
          partial(step, s, seat.blocks.segment(seat.source, taken, s, seat.segment).count));
      add(round.sends, seat.other(1),
          step == 0 ? first_hand : partial(step - 1, s, first_hand.count));
      if (owed) sum(round, owed_step, owed_segment);
      owed = true;
      owed_step = step;
      owed_segment = s;
      script.rounds.push_back(std::move(round));
    }
  }
  script.rounds.emplace_back();
  if (owed) sum(script.rounds.back(), owed_step, owed_segment);
}

void gather_pairwise(Script& script, const Seat& seat, const Piece& own) {
  Round round;
  for (int distance = 1; distance < seat.ranks; ++distance) {
    const int from = seat.other(-distance);
    add(round.receives, from, seat.blocks.whole(Place::recv, from));
    add(round.sends, seat.other(distance), own);
  }
  script.rounds.push_back(std::move(round));
}

void gather_ring(Script& script, const Seat& seat, const Piece& own) {
  for (int step = 0; step < seat.ranks - 1; ++step) {
    Round round;
    add(round.receives, seat.other(-1), seat.blocks.whole(Place::recv, seat.other(-1 - step)));
    add(round.sends, seat.other(1),
        step == 0 ? own : seat.blocks.whole(Place::recv, seat.other(-step)));
    script.rounds.push_back(std::move(round));
  }
}

/// An all-reduce of one segment between two ranks takes one round.
bool is_one_round(Operation operation, int ranks, std::size_t count, std::size_t segment) {
  return operation == Operation::all_reduce && ranks == 2 && segment >= count;
}

}  // namespace

std::size_t scratch_of(Operation operation, Algorithm algorithm, int ranks, std::size_t count,
                       std::size_t segment) {
  const bool sums = operation == Operation::all_reduce || operation == Operation::reduce_scatter;
  if (algorithm == Algorithm::native || !sums || ranks == 1 || count == 0) return 0;
  if (is_one_round(operation, ranks, count, segment)) return count;
  const auto others = static_cast<std::size_t>(ranks - 1);
  // The largest block of any rank.
  const std::size_t block =
      operation == Operation::all_reduce ? (count + others) / (others + 1) : count;
  // With more than one piece, a second half receives the next message while the first is summed.
  if (algorithm == Algorithm::ring) return std::min<std::size_t>(2, others) * block;
  const std::size_t piece = std::max<std::size_t>(1, std::min(segment, block));
  return (block > piece ? 2 : 1) * others * piece;
}

Script script_of(Operation operation, Algorithm algorithm, int rank, int ranks, std::size_t count,
                 std::size_t segment) {
  const bool reduces_all = operation == Operation::all_reduce;
  const Blocks blocks(reduces_all ? count : count * static_cast<std::size_t>(ranks), ranks);
  const Seat seat{rank,
                  ranks,
                  blocks,
                  std::max<std::size_t>(1, std::min(segment, blocks.size(0))),
                  reduces_all ? Place::recv : Place::send,
                  reduces_all};
  const bool ring = algorithm == Algorithm::ring;
  Script script;
  script.scratch = scratch_of(operation, algorithm, ranks, count, segment);
  if (ranks == 1) {
    if (!reduces_all) {
      script.rounds.emplace_back();
      add_sum(script.rounds.back(), {Place::recv, 0, count}, {{Place::send, 0, count}});
    }
    return script;
  }
  if (is_one_round(operation, ranks, count, segment)) {
    reduce_in_one_round(script, seat, count);
    return script;
  }
  if (operation != Operation::all_gather) {
    (ring ? scatter_ring : scatter_pairwise)(script, seat);
  }
  if (operation == Operation::reduce_scatter) return script;
  const Piece own = reduces_all ? blocks.whole(Place::recv, rank) : Piece{Place::send, 0, count};
  const std::size_t first_gather = script.rounds.size();
  (ring ? gather_ring : gather_pairwise)(script, seat, own);
  if (!reduces_all) {
    add_sum(script.rounds[first_gather], blocks.whole(Place::recv, rank), {own});
  }
  return script;
}

}  // namespace tidemark::comm
