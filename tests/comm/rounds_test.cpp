// SPDX-License-Identifier: BSD-3-Clause
// The algorithms without a network: the scripts of all ranks are carried out in turns.
#include "comm/algorithms/rounds.hpp"

#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::comm {
namespace {

using Numbers = std::vector<double>;
constexpr double untouched = -1e9;

double value_of(int rank, std::size_t i) { return 1000.0 * rank + static_cast<double>(i); }

struct Setting {
  Operation operation;
  Algorithm algorithm;
  int ranks;
  std::size_t count;
  std::size_t segment;
};

/// One rank: its memory and its progress.
struct Station {
  Script script;
  Numbers send, recv, scratch;
  std::size_t round = 0;
  bool entered = false;
  std::size_t received = 0;
  std::vector<Numbers> sent;

  Numbers& memory(Place place) {
    return place == Place::send ? send : place == Place::recv ? recv : scratch;
  }
  Numbers values(const Piece& piece) {
    const Numbers& all = memory(piece.place);
    EXPECT_LE(piece.first + piece.count, all.size());
    return Numbers(all.begin() + static_cast<std::ptrdiff_t>(piece.first),
                   all.begin() + static_cast<std::ptrdiff_t>(piece.first + piece.count));
  }
  void store(const Piece& piece, const Numbers& values) {
    ASSERT_EQ(values.size(), piece.count);
    std::copy(values.begin(), values.end(),
              memory(piece.place).begin() + static_cast<std::ptrdiff_t>(piece.first));
  }
};

/// Carries the scripts out, and chooses the next rank that can move at random. A message is
/// delivered only when its receiver has posted for it. A send buffer must not change until the
/// round is over.
class Network {
 public:
  explicit Network(const Setting& setting) : setting_(setting) {
    const auto t = static_cast<std::size_t>(setting.ranks);
    const bool reduces_all = setting.operation == Operation::all_reduce;
    const std::size_t whole = reduces_all ? setting.count : setting.count * t;
    const bool gathers = setting.operation == Operation::all_gather;
    for (int rank = 0; rank < setting.ranks; ++rank) {
      Station station;
      station.script = script_of(setting.operation, setting.algorithm, rank, setting.ranks,
                                 setting.count, setting.segment);
      Numbers own(gathers ? setting.count : whole);
      for (std::size_t i = 0; i < own.size(); ++i) own[i] = value_of(rank, i);
      station.send = reduces_all ? Numbers() : own;
      station.recv = reduces_all ? own : Numbers(gathers ? whole : setting.count, untouched);
      station.scratch.assign(station.script.scratch, untouched);
      stations_.push_back(std::move(station));
    }
  }

  void run(unsigned seed) {
    std::mt19937 random(seed);
    int idle = 0;
    while (idle < 200 && !finished()) {
      const int rank = static_cast<int>(random() % static_cast<unsigned>(setting_.ranks));
      idle = step(rank) ? 0 : idle + 1;
    }
    ASSERT_TRUE(finished()) << "ranks wait for each other";
    for (const auto& [pair, queue] : wires_) ASSERT_TRUE(queue.empty()) << "a message too many";
  }
  [[nodiscard]] std::vector<Station>& stations() { return stations_; }

 private:
  [[nodiscard]] bool finished() const {
    for (const Station& station : stations_) {
      if (station.round < station.script.rounds.size()) return false;
    }
    return true;
  }

  bool step(int rank) {
    Station& me = stations_[static_cast<std::size_t>(rank)];
    if (me.round >= me.script.rounds.size()) return false;
    const Round& round = me.script.rounds[me.round];
    if (!me.entered) {
      me.sent.clear();
      for (const Message& message : round.sends) {
        me.sent.push_back(me.values(message.piece));
        wires_[{rank, message.peer}].push_back(me.sent.back());
      }
      for (const Sum& sum : round.sums) {
        Numbers total = me.values(sum.terms[0]);
        for (std::size_t k = 1; k < sum.terms.size(); ++k) {
          const Numbers term = me.values(sum.terms[k]);
          for (std::size_t i = 0; i < total.size(); ++i) total[i] += term[i];
        }
        me.store(sum.out, total);
      }
      me.entered = true;
      me.received = 0;
      return true;
    }
    if (me.received < round.receives.size()) {
      const Message& message = round.receives[me.received];
      std::deque<Numbers>& wire = wires_[{message.peer, rank}];
      if (wire.empty()) return false;
      me.store(message.piece, wire.front());
      wire.pop_front();
      ++me.received;
      return true;
    }
    for (std::size_t i = 0; i < round.sends.size(); ++i) {
      EXPECT_EQ(me.values(round.sends[i].piece), me.sent[i]) << "changed while it was sent";
    }
    ++me.round;
    me.entered = false;
    return true;
  }

  Setting setting_;
  std::vector<Station> stations_;
  std::map<std::pair<int, int>, std::deque<Numbers>> wires_;
};

double sum_at(int ranks, std::size_t i) {
  double sum = 0.0;
  for (int rank = 0; rank < ranks; ++rank) sum += value_of(rank, i);
  return sum;
}

void expect_result(const Setting& setting, int rank, const Station& station) {
  for (std::size_t i = 0; i < station.recv.size(); ++i) {
    double expected = 0.0;
    if (setting.operation == Operation::all_gather) {
      expected = value_of(static_cast<int>(i / setting.count), i % setting.count);
    } else if (setting.operation == Operation::all_reduce) {
      expected = sum_at(setting.ranks, i);
    } else {
      expected = sum_at(setting.ranks, static_cast<std::size_t>(rank) * setting.count + i);
    }
    ASSERT_EQ(station.recv[i], expected) << "rank " << rank << ", element " << i;
  }
}

/// Calls every operation and algorithm with many numbers of ranks, and with counts that they do not
/// divide.
template <class Use>
void for_each_setting(const Use& use) {
  for (const Operation operation :
       {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter}) {
    for (const Algorithm algorithm : {Algorithm::pairwise, Algorithm::ring}) {
      for (int ranks = 1; ranks <= 7; ++ranks) {
        for (const std::size_t count : {0, 1, 2, 3, 5, 12, 29}) {
          for (const std::size_t segment : {1, 2, 3, 1000}) {
            use(Setting{operation, algorithm, ranks, count, segment});
          }
        }
      }
    }
  }
}

TEST(Scripts, GiveEveryRankItsResultInAnyOrderOfEvents) {
  for_each_setting([](const Setting& setting) {
    for (unsigned seed = 0; seed < 2; ++seed) {
      Network network(setting);
      network.run(seed);
      for (int rank = 0; rank < setting.ranks; ++rank) {
        expect_result(setting, rank, network.stations()[static_cast<std::size_t>(rank)]);
      }
    }
  });
}

// Scratch memory has exactly the size that messages and sums need, and is the same for all ranks.
TEST(Scripts, TakeTheScratchMemoryThatTheyUse) {
  for_each_setting([](const Setting& setting) {
    const std::size_t expected = scratch_of(setting.operation, setting.algorithm, setting.ranks,
                                            setting.count, setting.segment);
    std::size_t most = 0;
    for (int rank = 0; rank < setting.ranks; ++rank) {
      const Script script = script_of(setting.operation, setting.algorithm, rank, setting.ranks,
                                      setting.count, setting.segment);
      EXPECT_EQ(script.scratch, expected);
      const auto reach = [&](const Piece& piece) {
        if (piece.place == Place::scratch) most = std::max(most, piece.first + piece.count);
      };
      for (const Round& round : script.rounds) {
        for (const Message& message : round.receives) reach(message.piece);
        for (const Message& message : round.sends) reach(message.piece);
        for (const Sum& sum : round.sums) {
          reach(sum.out);
          for (const Piece& term : sum.terms) reach(term);
        }
      }
    }
    EXPECT_LE(most, expected);
    // In a last segment, slots may be shorter than their space.
    EXPECT_EQ(most == 0, expected == 0) << setting.ranks << " ranks, " << setting.count;
    if (setting.count % setting.segment == 0 && setting.operation == Operation::reduce_scatter) {
      EXPECT_EQ(most, expected) << setting.ranks << " ranks, " << setting.count;
    }
  });
}

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
