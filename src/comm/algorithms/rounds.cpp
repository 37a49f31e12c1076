// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/rounds.hpp"

#include <algorithm>
#include <utility>

#include "comm/algorithms/hierarchical.hpp"
#include "comm/algorithms/rank_view.hpp"

namespace tidemark::comm {

using detail::add;
using detail::add_sum;
using detail::RankView;

namespace {

// Round s moves segment s, and segment s - 1 is summed in it. So two slots per peer are enough.
void scatter_pairwise(Script& script, const RankView& view) {
  const auto slot = [&](std::size_t s, int distance, std::size_t count) {
    const std::size_t slots_before = (s % 2) * static_cast<std::size_t>(view.ranks() - 1) +
                                     static_cast<std::size_t>(distance - 1);
    return Piece{Place::scratch, slots_before * view.segment, count};
  };
  const auto sum = [&](Round& round, std::size_t s) {
    const Piece own = view.term(view.rank, s);
    std::vector<Piece> terms;
    for (int peer = 0; peer < view.ranks(); ++peer) {
      const int distance = (view.rank - peer + view.ranks()) % view.ranks();
      terms.push_back(distance == 0 ? own : slot(s, distance, own.count));
    }
    add_sum(round, view.result(s), std::move(terms));
  };
  for (std::size_t s = 0; s < view.segments(); ++s) {
    Round round;
    for (int distance = 1; distance < view.ranks(); ++distance) {
      const Piece own = view.term(view.rank, s);
      add(round.receives, view.other(-distance), slot(s, distance, own.count));
      const int to = view.other(distance);
      add(round.sends, to, view.term(to, s));
    }
    if (s > 0) sum(round, s - 1);
    script.rounds.push_back(std::move(round));
  }
  script.rounds.emplace_back();
  if (view.segments() > 0) sum(script.rounds.back(), view.segments() - 1);
}

// Between two ranks, each rank sends its whole buffer and forms the whole sum. This moves as many
// bytes as two rounds, and needs more additions. It saves one wait until a rank drives the call
// again.
void reduce_in_one_round(Script& script, const RankView& view, std::size_t count) {
  const Piece own{Place::recv, 0, count};
  const Piece others{Place::scratch, 0, count};
  Round round;
  add(round.receives, view.other(1), others);
  add(round.sends, view.other(1), own);
  script.rounds.push_back(std::move(round));
  script.rounds.emplace_back();
  add_sum(script.rounds.back(), own,
          view.rank == 0 ? std::vector<Piece>{own, others} : std::vector<Piece>{others, own});
}

// In step k this rank receives the partial sum of block rank - 2 - k, and sends that of block rank
// - 1 - k. The last partial sum that it receives belongs to its own block. A sum is formed one
// round after its message. It is sent one whole step later. If a step has one round only, then an
// extra round forms the sum between the two steps.
void scatter_ring(Script& script, const RankView& view) {
  const std::size_t block = view.blocks.size(0);
  const std::size_t segments = view.segments();
  const auto partial = [&](int step, std::size_t s, std::size_t count) {
    const std::size_t half = static_cast<std::size_t>(step % 2) * block;
    return Piece{Place::scratch, half + s * view.segment, count};
  };
  const auto sum = [&](Round& round, int step, std::size_t s) {
    const Piece own = view.term(view.other(-2 - step), s);
    const bool last = step == view.ranks() - 2;
    const Piece taken = partial(step, s, own.count);
    add_sum(round, last ? view.result(s) : taken, {taken, own});
  };
  bool owed = false;  // the sum of the previous message is not formed yet
  int owed_step = 0;
  std::size_t owed_segment = 0;
  for (int step = 0; step < view.ranks() - 1; ++step) {
    for (std::size_t s = 0; s < segments; ++s) {
      if (owed && segments == 1) {
        script.rounds.emplace_back();
        sum(script.rounds.back(), owed_step, owed_segment);
        owed = false;
      }
      Round round;
      const int given = view.other(-1 - step);
      const Piece first_hand = view.term(given, s);
      const int taken = view.other(-2 - step);
      add(round.receives, view.other(-1), partial(step, s, view.term(taken, s).count));
      add(round.sends, view.other(1),
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

void gather_pairwise(Script& script, const RankView& view, const Piece& own) {
  Round round;
  for (int distance = 1; distance < view.ranks(); ++distance) {
    const int from = view.other(-distance);
    add(round.receives, from, view.blocks.whole(Place::recv, from));
    add(round.sends, view.other(distance), own);
  }
  script.rounds.push_back(std::move(round));
}

void gather_ring(Script& script, const RankView& view, const Piece& own) {
  for (int step = 0; step < view.ranks() - 1; ++step) {
    Round round;
    add(round.receives, view.other(-1), view.blocks.whole(Place::recv, view.other(-1 - step)));
    add(round.sends, view.other(1),
        step == 0 ? own : view.blocks.whole(Place::recv, view.other(-step)));
    script.rounds.push_back(std::move(round));
  }
}

/// Whether the collective has two levels. Without them, `hierarchical` equals `pairwise`.
bool is_in_levels(Algorithm algorithm, const NodeMap& nodes) {
  return algorithm == Algorithm::hierarchical && nodes.has_levels();
}

/// An all-reduce has both parts.
struct Parts {
  void (*scatter)(Script&, const RankView&);
  void (*gather)(Script&, const RankView&, const Piece& own);
};

Parts parts_of(Algorithm algorithm, const NodeMap& nodes) {
  if (algorithm == Algorithm::ring) return {scatter_ring, gather_ring};
  if (is_in_levels(algorithm, nodes)) {
    return {detail::scatter_hierarchical, detail::gather_hierarchical};
  }
  return {scatter_pairwise, gather_pairwise};
}

/// An all-reduce of one segment between two ranks takes one round.
bool is_one_round(Operation operation, int ranks, std::size_t count, std::size_t segment) {
  return operation == Operation::all_reduce && ranks == 2 && segment >= count;
}

}  // namespace

std::size_t scratch_of(Operation operation, Algorithm algorithm, const NodeMap& nodes,
                       std::size_t count, std::size_t segment) {
  const int ranks = nodes.ranks();
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
  const std::size_t slots =
      is_in_levels(algorithm, nodes) ? detail::slots_of_hierarchical(nodes) : others;
  return (block > piece ? 2 : 1) * slots * piece;
}

Script script_of(Operation operation, Algorithm algorithm, int rank, const NodeMap& nodes,
                 std::size_t count, std::size_t segment) {
  const int ranks = nodes.ranks();
  const bool reduces_all = operation == Operation::all_reduce;
  const detail::Blocks blocks(reduces_all ? count : count * static_cast<std::size_t>(ranks), ranks);
  const RankView view{rank,
                      nodes,
                      blocks,
                      std::max<std::size_t>(1, std::min(segment, blocks.size(0))),
                      reduces_all ? Place::recv : Place::send,
                      reduces_all};
  Script script;
  script.scratch = scratch_of(operation, algorithm, nodes, count, segment);
  if (ranks == 1) {
    if (!reduces_all) {
      script.rounds.emplace_back();
      add_sum(script.rounds.back(), {Place::recv, 0, count}, {{Place::send, 0, count}});
    }
    return script;
  }
  if (is_one_round(operation, ranks, count, segment)) {
    reduce_in_one_round(script, view, count);
    return script;
  }
  const Parts parts = parts_of(algorithm, nodes);
  if (operation != Operation::all_gather) parts.scatter(script, view);
  if (operation == Operation::reduce_scatter) return script;
  const Piece own = reduces_all ? blocks.whole(Place::recv, rank) : Piece{Place::send, 0, count};
  const std::size_t first_gather = script.rounds.size();
  parts.gather(script, view, own);
  if (!reduces_all) {
    add_sum(script.rounds[first_gather], blocks.whole(Place::recv, rank), {own});
  }
  return script;
}

}  // namespace tidemark::comm
