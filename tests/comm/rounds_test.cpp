// SPDX-License-Identifier: BSD-3-Clause
// The algorithms without a network: the scripts of all ranks are carried out in turns.
// script_contents_test.cpp tests what is in them.
#include "comm/algorithms/rounds.hpp"

#include <array>
#include <cmath>
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
constexpr std::array own_algorithms{Algorithm::pairwise, Algorithm::ring, Algorithm::hierarchical};

double value_of(int rank, std::size_t i) { return 1000.0 * rank + static_cast<double>(i); }

struct Setting {
  Operation operation;
  Algorithm algorithm;
  NodeMap nodes;
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
    const auto t = static_cast<std::size_t>(setting.nodes.ranks());
    const bool reduces_all = setting.operation == Operation::all_reduce;
    const std::size_t whole = reduces_all ? setting.count : setting.count * t;
    const bool gathers = setting.operation == Operation::all_gather;
    for (int rank = 0; rank < setting.nodes.ranks(); ++rank) {
      Station station;
      station.script = script_of(setting.operation, setting.algorithm, rank, setting.nodes,
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
      const int rank = static_cast<int>(random() % static_cast<unsigned>(setting_.nodes.ranks()));
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
      // Messages may arrive before the sums of the round are formed. A sum that needs the old
      // contents of their places then gives no number.
      for (const Message& message : round.receives) {
        me.store(message.piece, Numbers(message.piece.count, std::nan("")));
      }
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
      expected = sum_at(setting.nodes.ranks(), i);
    } else {
      expected = sum_at(setting.nodes.ranks(), static_cast<std::size_t>(rank) * setting.count + i);
    }
    ASSERT_EQ(station.recv[i], expected) << "rank " << rank << ", element " << i;
  }
}

/// Numbers of ranks for `pairwise` and `ring`. For `hierarchical` nodes with consecutive and with
/// other ranks, and nodes that give no levels.
std::vector<NodeMap> maps_for(Algorithm algorithm) {
  if (algorithm != Algorithm::hierarchical) return {1, 2, 3, 4, 5, 6, 7};
  std::vector<NodeMap> maps{1, 3};
  for (const std::vector<int>& labels : std::vector<std::vector<int>>{{0, 1},
                                                                      {0, 0, 1, 1},
                                                                      {0, 1, 0, 1},
                                                                      {0, 1, 1, 0},
                                                                      {0, 0, 1},
                                                                      {0, 0, 0, 1, 1, 1},
                                                                      {0, 1, 2, 2, 0, 1},
                                                                      {0, 0, 1, 1, 2, 2, 3, 3}}) {
    maps.emplace_back(labels);
  }
  return maps;
}

/// Calls every operation and algorithm with many numbers of ranks, and with counts that they do not
/// divide.
template <class Use>
void for_each_setting(const Use& use) {
  for (const Operation operation :
       {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter}) {
    for (const Algorithm algorithm : own_algorithms) {
      for (const NodeMap& nodes : maps_for(algorithm)) {
        for (const std::size_t count : {0, 1, 2, 3, 5, 12, 29}) {
          for (const std::size_t segment : {1, 2, 3, 1000}) {
            use(Setting{operation, algorithm, nodes, count, segment});
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
      for (int rank = 0; rank < setting.nodes.ranks(); ++rank) {
        expect_result(setting, rank, network.stations()[static_cast<std::size_t>(rank)]);
      }
    }
  });
}

// Scratch memory has exactly the size that messages and sums need, and is the same for all ranks.
TEST(Scripts, TakeTheScratchMemoryThatTheyUse) {
  for_each_setting([](const Setting& setting) {
    const std::size_t expected = scratch_of(setting.operation, setting.algorithm, setting.nodes,
                                            setting.count, setting.segment);
    std::size_t most = 0;
    for (int rank = 0; rank < setting.nodes.ranks(); ++rank) {
      const Script script = script_of(setting.operation, setting.algorithm, rank, setting.nodes,
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
    EXPECT_EQ(most == 0, expected == 0) << setting.nodes.ranks() << " ranks, " << setting.count;
    if (setting.count % setting.segment == 0 && setting.operation == Operation::reduce_scatter) {
      EXPECT_EQ(most, expected) << setting.nodes.ranks() << " ranks, " << setting.count;
    }
  });
}

}  // namespace
}  // namespace tidemark::comm
