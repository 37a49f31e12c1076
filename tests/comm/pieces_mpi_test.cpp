// SPDX-License-Identifier: BSD-3-Clause
// Messages beside work, whole and in pieces.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "support/nodes.hpp"

namespace tidemark::comm {
namespace {

using std::chrono_literals::operator""s;

constexpr std::size_t piece_elements = PieceChooser::piece_bytes / sizeof(float);

/// Elements that a rank sends. They differ by rank and place, and sums of them are exact.
std::vector<float> values_of(int rank, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((rank + 1) * (1 + static_cast<int>(i % 251)));
  }
  return values;
}

void expect_exchange(Communicator& comm, std::size_t count) {
  const int next = (comm.rank() + 1) % comm.size();
  const int previous = (comm.rank() + comm.size() - 1) % comm.size();
  const std::vector<float> send = values_of(comm.rank(), count);
  std::vector<float> recv(count);
  Request request = comm.exchange(send.data(), next, recv.data(), previous, count, DType::fp32,
                                  Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(recv, values_of(previous, count)) << count;
}

void expect_gather(Communicator& comm, std::size_t count) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  const std::vector<float> send = values_of(comm.rank(), count);
  std::vector<float> recv(count * ranks);
  Request request =
      comm.all_gather(send.data(), recv.data(), count, DType::fp32, Purpose::activation);
  comm.wait(request);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const std::vector<float> expected = values_of(static_cast<int>(rank), count);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                           recv.begin() + static_cast<std::ptrdiff_t>(rank * count)))
        << rank << ", " << count;
  }
}

void expect_sums(Communicator& comm, std::size_t count) {
  std::vector<float> sums = values_of(comm.rank(), count);
  Request request = comm.all_reduce(sums.data(), count, DType::fp32, Purpose::activation);
  comm.wait(request);
  std::vector<float> expected = values_of(0, count);
  for (float& value : expected) {
    value *= static_cast<float>(comm.size() * (comm.size() + 1) / 2);
  }
  EXPECT_EQ(sums, expected) << count;
}

// Messages below twice a piece, of exactly two pieces, of more, and of many.
TEST(Pieces, MoveTheSameDataAsWholeMessages) {
  for (const Algorithm algorithm : {Algorithm::pairwise, Algorithm::ring}) {
    for (const bool cuts : {false, true}) {
      MpiOptions options;
      options.algorithm = algorithm;
      options.cuts = cuts;
      MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
      comm.set_overlapping(true);
      for (const std::size_t count : {piece_elements, 2 * piece_elements - 1, 2 * piece_elements,
                                      2 * piece_elements + 1, 9 * piece_elements + 7}) {
        expect_exchange(comm, count);
        expect_gather(comm, count);
        expect_sums(comm, count);
      }
      EXPECT_FALSE(comm.pieces().has_value());  // nothing was left to measure
    }
  }
}

// Between nodes, messages are cut even if the caller waits for them at once. Within a node they are
// not.
TEST(Pieces, AreChosenBetweenNodesWithoutWork) {
  MpiOptions options;
  options.algorithm = Algorithm::pairwise;
  options.node_labels = support::two_nodes();
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  expect_gather(comm, 4 * piece_elements);
  EXPECT_EQ(comm.pieces().has_value(), comm.size() > 1);
  expect_sums(comm, 9 * piece_elements);
}

TEST(Pieces, AreMessagesToOtherNodesAlone) {
  const NodeMap nodes(std::vector{0, 0, 1, 1});
  Script script = script_of(Operation::all_gather, Algorithm::pairwise, 0, nodes, 100, 100);
  limit_messages(script, 0, nodes, 90, 30);
  for (const Round& round : script.rounds) {
    for (const auto* messages : {&round.sends, &round.receives}) {
      for (const Message& message : *messages) {
        EXPECT_EQ(message.largest, message.peer == 1 ? 90U : 30U);
      }
    }
  }
}

// The choice must be the same on all ranks, because sender and receiver cut alike.
TEST(Pieces, AreChosenAtTheFirstLargeMessageBesideWork) {
  MpiCommunicator comm(MPI_COMM_WORLD, 60s);
  expect_exchange(comm, 4 * piece_elements);  // not beside work
  EXPECT_FALSE(comm.pieces().has_value());
  comm.set_overlapping(true);
  expect_exchange(comm, piece_elements);    // too small to be cut
  expect_gather(comm, 4 * piece_elements);  // by the library
  EXPECT_FALSE(comm.pieces().has_value());
  comm.reset_counters();
  expect_exchange(comm, 4 * piece_elements);
  EXPECT_EQ(comm.counters().total(Purpose::activation).calls, 1);  // trials are not counted
  if (comm.size() == 1) {
    EXPECT_FALSE(comm.pieces().has_value());
    return;
  }
  ASSERT_TRUE(comm.pieces().has_value());
  const PieceChoice choice = *comm.pieces();
  EXPECT_EQ(choice.message_bytes, 4 * static_cast<std::int64_t>(PieceChooser::piece_bytes));
  EXPECT_GT(choice.whole_seconds, 0.0);
  EXPECT_GT(choice.pieces_seconds, 0.0);
  EXPECT_EQ(choice.cuts, choice.pieces_seconds < 0.95 * choice.whole_seconds);
  const std::string word = choice.cuts ? "cuts" : "whole";
  for (const std::string& other : comm.gather_bytes(word)) EXPECT_EQ(other, word);
  expect_exchange(comm, 9 * piece_elements);
}

}  // namespace
}  // namespace tidemark::comm
