// SPDX-License-Identifier: BSD-3-Clause
// What the scripts of the algorithms contain: the sizes of memory, segments and messages, the peers
// and the order of sums. rounds_test.cpp carries the scripts out.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "comm/algorithms/levels.hpp"
#include "comm/algorithms/rounds.hpp"
#include "comm/counters.hpp"

namespace tidemark::comm {
namespace {

TEST(Scratch, IsWhatTheDocumentationSays) {
  const auto pairwise = [](Operation operation, int ranks, std::size_t count) {
    return scratch_of(operation, Algorithm::pairwise, ranks, count, 100);
  };
  const auto ring = [](Operation operation, int ranks, std::size_t count) {
    return scratch_of(operation, Algorithm::ring, ranks, count, 100);
  };
  // Two segments per other rank, or one if a block has no second segment.
  EXPECT_EQ(pairwise(Operation::reduce_scatter, 4, 1000), 2U * 3 * 100);
  EXPECT_EQ(pairwise(Operation::reduce_scatter, 4, 100), 3U * 100);
  EXPECT_EQ(pairwise(Operation::all_reduce, 4, 1002), 2U * 3 * 100);
  EXPECT_EQ(pairwise(Operation::all_reduce, 4, 41), 3U * 11);
  EXPECT_EQ(pairwise(Operation::all_reduce, 2, 100), 100U);
  // Two blocks, or one if a partial sum goes no further.
  EXPECT_EQ(ring(Operation::reduce_scatter, 4, 1000), 2U * 1000);
  EXPECT_EQ(ring(Operation::all_reduce, 4, 1002), 2U * 251);
  EXPECT_EQ(ring(Operation::reduce_scatter, 2, 1000), 1000U);
  // Two nodes of two: four slots for terms of the node, two for partial sums and two for those
  // that arrive, or half of that if a block has no second segment.
  const auto hierarchical = [](std::size_t count) {
    return scratch_of(Operation::reduce_scatter, Algorithm::hierarchical,
                      NodeMap(std::vector{0, 0, 1, 1}), count, 100);
  };
  EXPECT_EQ(hierarchical(1000), 2U * (2 + 1 + 1) * 100);
  EXPECT_EQ(hierarchical(40), (2U + 1 + 1) * 40);
  // There is nothing to sum, no other rank to sum with, or the library's own algorithm.
  EXPECT_EQ(pairwise(Operation::all_gather, 4, 1000), 0U);
  EXPECT_EQ(pairwise(Operation::send_recv, 4, 1000), 0U);
  EXPECT_EQ(pairwise(Operation::all_reduce, 1, 1000), 0U);
  EXPECT_EQ(scratch_of(Operation::all_reduce, Algorithm::native, 4, 1000, 100), 0U);
}

TEST(Segments, AreLargeBesideOtherWork) {
  EXPECT_EQ(segment_of(default_segment_bytes, false, DType::fp32), 65536U);
  EXPECT_EQ(segment_of(default_segment_bytes, true, DType::bf16), 4194304U);
  EXPECT_EQ(segment_of(std::size_t{1} << 24, true, DType::fp64), 2097152U);
  EXPECT_EQ(segment_of(1, false, DType::fp64), 1U);
}

TEST(Messages, AreCutWhereOneCannotCountThem) {
  const std::size_t most = 2147483647;
  std::vector<Piece> pieces;
  const auto note = [&](const Piece& piece) {
    pieces.push_back(piece);
    return 0;
  };
  EXPECT_EQ(for_each_cut({Place::send, 5, most}, most, note), 0);
  EXPECT_EQ(pieces.size(), 1U);
  pieces.clear();
  EXPECT_EQ(for_each_cut({Place::recv, 7, 2 * most + 3}, most, note), 0);
  ASSERT_EQ(pieces.size(), 3U);
  std::size_t next = 7;
  for (const Piece& piece : pieces) {
    EXPECT_EQ(piece.place, Place::recv);
    EXPECT_EQ(piece.first, next);
    next += piece.count;
  }
  EXPECT_EQ(next, 7 + 2 * most + 3);
  EXPECT_EQ(pieces[0].count, most);
  EXPECT_EQ(pieces[2].count, 3U);
  int calls = 0;
  EXPECT_EQ(
      for_each_cut({Place::recv, 0, 10}, 3, [&](const Piece&) { return ++calls == 2 ? 9 : 0; }), 9);
  EXPECT_EQ(calls, 2) << "went on after an error";
}

// Patarasuk and Yuan (2009): (t - 1)/t of the message, twice for an all-reduce.
TEST(Scripts, SendTheFewestElementsPossible) {
  for (const Algorithm algorithm : {Algorithm::pairwise, Algorithm::ring}) {
    for (const int ranks : {2, 3, 4}) {
      const auto sent = [&](Operation operation, std::size_t count) {
        std::size_t elements = 0;
        for (const Round& round : script_of(operation, algorithm, 0, ranks, count, 5).rounds) {
          for (const Message& message : round.sends) elements += message.piece.count;
        }
        return elements;
      };
      const auto others = static_cast<std::size_t>(ranks - 1);
      EXPECT_EQ(sent(Operation::all_reduce, 12),
                2 * others * (12 / static_cast<std::size_t>(ranks)));
      EXPECT_EQ(sent(Operation::all_gather, 12), others * 12);
      EXPECT_EQ(sent(Operation::reduce_scatter, 12), others * 12);
    }
  }
}

/// The mean over the ranks of what they send, by the scripts.
LevelBytes mean_sent(Operation operation, Algorithm algorithm, const NodeMap& nodes,
                     std::size_t count) {
  LevelBytes sum;
  for (int rank = 0; rank < nodes.ranks(); ++rank) {
    const LevelBytes sent = bytes_sent(script_of(operation, algorithm, rank, nodes, count, 7), rank,
                                       nodes, DType::fp32);
    sum.node += sent.node;
    sum.network += sent.network;
  }
  return {sum.node / nodes.ranks(), sum.network / nodes.ranks()};
}

// The sum of both levels is the lower bound, and the share of the network is that of the formula.
TEST(Scripts, SendBetweenNodesWhatTheFormulaSays) {
  for (const auto& labels : std::vector<std::vector<int>>{
           {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 0, 0, 1}, {0, 0, 1, 1, 2, 2}, {0, 0, 0, 0}}) {
    const NodeMap nodes(labels);
    for (const Algorithm algorithm :
         {Algorithm::pairwise, Algorithm::ring, Algorithm::hierarchical}) {
      for (const Operation operation :
           {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter}) {
        const LevelBytes sent = mean_sent(operation, algorithm, nodes, 60);
        const std::int64_t message = operation == Operation::all_reduce ? 240 : 240 * nodes.ranks();
        const std::int64_t wire = wire_bytes(operation, nodes.ranks(), message);
        EXPECT_EQ(sent.node + sent.network, wire) << name_of(algorithm);
        const auto network = static_cast<double>(sent.network);
        const double share = network_share(algorithm, nodes).value();
        EXPECT_NEAR(network, share * static_cast<double>(wire), 1.0) << name_of(algorithm);
      }
    }
  }
  EXPECT_FALSE(network_share(Algorithm::native, NodeMap(std::vector{0, 1})));
  EXPECT_EQ(network_share(Algorithm::native, 4), 0.0);
}

// By hand, for two nodes of two ranks: each of 4 blocks goes to two of three others over the
// network, in a ring of consecutive ranks every second step crosses, and in two levels one block of
// three does.
TEST(Scripts, SendBetweenTwoNodesWhatOneCountsByHand) {
  const NodeMap nodes(std::vector{0, 0, 1, 1});
  const auto network = [&](Algorithm algorithm) {
    return mean_sent(Operation::all_gather, algorithm, nodes, 60).network;
  };
  EXPECT_EQ(network(Algorithm::pairwise), 2 * 240);
  EXPECT_EQ(network(Algorithm::ring), 3 * 240 / 2);
  EXPECT_EQ(network(Algorithm::hierarchical), 240);
  EXPECT_EQ(mean_sent(Operation::all_gather, Algorithm::ring, NodeMap(std::vector{0, 1, 0, 1}), 60)
                .network,
            3 * 240);
}

TEST(Scripts, InLevelsTalkToTheNodeAndToOneRankOfEachOtherNode) {
  const NodeMap nodes(std::vector{0, 1, 2, 0, 1, 2});
  for (const Operation operation :
       {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter}) {
    for (const Round& round :
         script_of(operation, Algorithm::hierarchical, 4, nodes, 18, 2).rounds) {
      for (const Message& message : round.sends) {
        EXPECT_TRUE(message.peer == 1 || message.peer == 3 || message.peer == 5);
      }
    }
  }
}

TEST(Algorithms, AreDistinctOnlyWhereTheirMessagesDiffer) {
  EXPECT_FALSE(is_distinct(Algorithm::ring, 2));
  EXPECT_TRUE(is_distinct(Algorithm::ring, 3));
  EXPECT_TRUE(is_distinct(Algorithm::hierarchical, NodeMap(std::vector{0, 0, 1, 1})));
  EXPECT_FALSE(is_distinct(Algorithm::hierarchical, 4));
  EXPECT_FALSE(is_distinct(Algorithm::hierarchical, NodeMap(std::vector{0, 1, 2, 3})));
  EXPECT_FALSE(is_distinct(Algorithm::hierarchical, NodeMap(std::vector{0, 0, 1})));
}

TEST(NodeMap, NumbersNodesByTheirLowestRanks) {
  const NodeMap nodes(std::vector{7, 3, 7, 3});
  EXPECT_EQ(nodes.nodes(), 2);
  EXPECT_EQ(nodes.node_of(0), 0);
  EXPECT_EQ(nodes.node_of(3), 1);
  EXPECT_EQ(nodes.position_of(2), 1);
  EXPECT_EQ(nodes.rank_at(1, 0), 1);
  EXPECT_TRUE(nodes.has_levels());
  EXPECT_EQ(NodeMap(5).nodes(), 1);
}

TEST(Scripts, OfARingTalkToTheNeighboursOnly) {
  for (const Operation operation : {Operation::all_reduce, Operation::reduce_scatter}) {
    for (const Round& round : script_of(operation, Algorithm::ring, 2, 5, 20, 3).rounds) {
      for (const Message& message : round.sends) EXPECT_EQ(message.peer, 3);
      for (const Message& message : round.receives) EXPECT_EQ(message.peer, 1);
    }
  }
}

// Both ranks sum all of it in the order of the ranks. The bytes are those that two rounds would
// have.
TEST(Scripts, OfAShortAllReduceBetweenTwoHaveOneRound) {
  for (const int rank : {0, 1}) {
    const Script script = script_of(Operation::all_reduce, Algorithm::pairwise, rank, 2, 12, 12);
    ASSERT_EQ(script.rounds.size(), 2U);
    ASSERT_EQ(script.rounds[0].sends.size(), 1U);
    EXPECT_EQ(script.rounds[0].sends[0].piece.count, 12U);
    EXPECT_TRUE(script.rounds[1].sends.empty());
    const std::vector<Piece>& terms = script.rounds[1].sums.at(0).terms;
    EXPECT_EQ(terms.at(static_cast<std::size_t>(rank)).place, Place::recv);
  }
  EXPECT_GT(script_of(Operation::all_reduce, Algorithm::pairwise, 0, 2, 12, 11).rounds.size(), 2U);
}

// The sums are in the order of the ranks, so results do not depend on which rank sums.
TEST(Scripts, OfPairsSumInRankOrder) {
  const Script script = script_of(Operation::reduce_scatter, Algorithm::pairwise, 1, 3, 4, 100);
  const Sum& sum = script.rounds.back().sums.at(0);
  ASSERT_EQ(sum.terms.size(), 3U);
  EXPECT_EQ(sum.terms[1].place, Place::send);
  EXPECT_EQ(sum.terms[1].first, 4U);
  const Round& first = script.rounds.front();
  EXPECT_EQ(first.receives.at(0).peer, 0);
  EXPECT_EQ(first.receives.at(0).piece.first, sum.terms[0].first);
  EXPECT_EQ(first.receives.at(1).peer, 2);
  EXPECT_EQ(first.receives.at(1).piece.first, sum.terms[2].first);
}

}  // namespace
}  // namespace tidemark::comm
