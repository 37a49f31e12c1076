// SPDX-License-Identifier: BSD-3-Clause
// What own algorithms hold, and how they divide data that are too large for one message.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/dry_run.hpp"
#include "support/nodes.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

constexpr Purpose purpose = Purpose::activation;

/// A few collectives of several sizes, with up to three pending at once.
struct Calls {
  explicit Calls(int ranks)
      : whole(3'000'000 * static_cast<std::size_t>(ranks)), block(3'000'000), reduced(5'000'001) {}

  void make(Communicator& comm) {
    Request first = comm.reduce_scatter(whole.data(), block.data(), 1000, DType::fp32, purpose);
    Request second = comm.all_reduce(reduced.data(), 2'000'000, DType::fp32, purpose);
    comm.poll();
    comm.wait(first);
    first = comm.all_reduce(reduced.data() + 2'000'000, 3'000'001, DType::fp32, purpose);
    Request third = comm.all_gather(block.data(), whole.data(), 100, DType::fp32, purpose);
    Request fourth = comm.reduce_scatter(whole.data() + 500 * static_cast<std::size_t>(comm.size()),
                                         block.data() + 500, 7, DType::fp64, purpose);
    for (Request* request : {&second, &fourth, &first, &third}) comm.wait(*request);
    first = comm.reduce_scatter(whole.data(), block.data(), 3'000'000, DType::fp32, purpose);
    comm.wait(first);
  }

  std::vector<float> whole, block, reduced;
};

MpiOptions options_of(Algorithm algorithm, bool thread = false) {
  MpiOptions options;
  options.algorithm = algorithm;
  options.progress_thread = thread;
  if (algorithm == Algorithm::hierarchical) options.node_labels = support::two_nodes();
  return options;
}

TEST(Scratch, InADryRunIsWhatARunHoldsToTheByte) {
  for (const Algorithm algorithm : all_algorithms) {
    for (const bool thread : {false, true}) {
      MpiCommunicator real(MPI_COMM_WORLD, 60s, options_of(algorithm, thread));
      DryRunCommunicator planned(real.nodes(), {algorithm});
      Calls calls(real.size());
      for (const bool overlapping : {false, true}) {
        SCOPED_TRACE(std::string(name_of(algorithm)) + (overlapping ? ", overlapping" : "") +
                     (thread ? ", thread" : ""));
        real.set_overlapping(overlapping);
        planned.set_overlapping(overlapping);
        for (int repeat = 0; repeat < 2; ++repeat) calls.make(real);
        calls.make(planned);
        EXPECT_EQ(real.scratch_bytes(), planned.scratch_bytes());
        const bool has_some = real.size() > 1 && algorithm != Algorithm::native;
        EXPECT_EQ(real.scratch_bytes() > 0, has_some);
      }
      real.release_scratch();
      EXPECT_EQ(real.scratch_bytes(), 0);
    }
  }
}

TEST(Scratch, IsNoMoreThanInADryRunWhereTheAlgorithmIsChosen) {
  MpiOptions options;
  options.automatic = true;
  MpiCommunicator real(MPI_COMM_WORLD, 60s, options);
  DryRunCommunicator planned(real.size(), {Algorithm::pairwise, Algorithm::ring});
  real.set_overlapping(true);
  planned.set_overlapping(true);
  Calls calls(real.size());
  for (int repeat = 0; repeat < 2; ++repeat) calls.make(real);
  calls.make(planned);
  EXPECT_LE(real.scratch_bytes(), planned.scratch_bytes());
  EXPECT_EQ(planned.scratch_bytes() > 0, real.size() > 1);
}

double value_of(int rank, std::size_t i) {
  return static_cast<double>((rank + 1) * static_cast<int>(i % 11)) - 3.0;
}

double sum_at(int ranks, std::size_t i) {
  double sum = 0.0;
  for (int rank = 0; rank < ranks; ++rank) sum += value_of(rank, i);
  return sum;
}

/// The options claim that MPI cannot count beyond 5.
TEST(LargeCounts, AreCutByOwnAlgorithmsAndExchanges) {
  for (const Algorithm algorithm : {Algorithm::pairwise, Algorithm::ring}) {
    for (const bool overlapping : {false, true}) {
      MpiOptions options = options_of(algorithm);
      options.largest_count = 5;
      options.segment_bytes = 64;
      MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
      comm.set_overlapping(overlapping);
      const auto ranks = static_cast<std::size_t>(comm.size());
      constexpr std::size_t count = 23;
      std::vector<double> own(count * ranks);
      for (std::size_t i = 0; i < own.size(); ++i) own[i] = value_of(comm.rank(), i);
      std::vector<double> reduced = own, scattered(count), gathered(count * ranks), taken(count);
      const int next = (comm.rank() + 1) % comm.size();
      const int last = (comm.rank() + comm.size() - 1) % comm.size();
      std::vector<Request> requests;
      requests.push_back(comm.all_reduce(reduced.data(), reduced.size(), DType::fp64, purpose));
      requests.push_back(
          comm.reduce_scatter(own.data(), scattered.data(), count, DType::fp64, purpose));
      requests.push_back(comm.all_gather(own.data(), gathered.data(), count, DType::fp64, purpose));
      requests.push_back(
          comm.exchange(own.data(), next, taken.data(), last, count, DType::fp64, purpose));
      for (Request& request : requests) comm.wait(request);
      const std::size_t first = count * static_cast<std::size_t>(comm.rank());
      for (std::size_t i = 0; i < count * ranks; ++i) {
        ASSERT_EQ(reduced[i], sum_at(comm.size(), i)) << i;
        ASSERT_EQ(gathered[i], value_of(static_cast<int>(i / count), i % count)) << i;
      }
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(scattered[i], sum_at(comm.size(), first + i)) << i;
        ASSERT_EQ(taken[i], value_of(last, i)) << i;
      }
    }
  }
}

TEST(LargeCounts, AreForTheLibraryWhereItHasCallsForThemElseRefused) {
  MpiOptions options;
  options.largest_count = 5;
  for (const bool overlapping : {false, true}) {
    for (const bool automatic : {false, true}) {
      options.automatic = automatic;
      MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
      comm.set_overlapping(overlapping);
      std::vector<bfloat16> values(6, bfloat16(1.0F));
      Request request = comm.all_reduce(values.data(), 5, DType::bf16, purpose);
      comm.wait(request);
      EXPECT_EQ(static_cast<float>(values[4]), static_cast<float>(comm.size()));
      values.assign(6, bfloat16(2.0F));
      std::string line;
      try {
        request = comm.all_reduce(values.data(), 6, DType::bf16, purpose);
        comm.wait(request);
      } catch (const RunError& error) {
        line = error.what();
      }
      // `automatic` is measured only among several ranks.
      const bool is_refused = MPI_VERSION < 4 && !automatic;
      EXPECT_EQ(line.find("all_reduce failed in set-up on rank ") == 0, is_refused) << line;
      EXPECT_EQ(line.find(": 6 elements are more than this library of MPI") != std::string::npos,
                is_refused);
      if (!is_refused) {
        EXPECT_EQ(static_cast<float>(values[5]), 2.0F * static_cast<float>(comm.size()));
      }
      for (const AlgorithmChoice& choice : comm.choices()) {
        EXPECT_EQ(choice.seconds[0] > 0.0, choice.message_bytes <= 10 || MPI_VERSION >= 4);
      }
    }
  }
}

constexpr auto long_while = 200ms;

void sum_slowly(DType dtype, void* out, std::span<const void* const> terms, std::size_t count) {
  std::this_thread::sleep_for(long_while);
  sum_on_host(dtype, out, terms, count);
}

// The thread that drives calls holds the lock while it forms a sum. Meanwhile, posting a call takes
// as long as the sum does. Learning that a call is complete takes as long, too.
TEST(Blocking, CountsTheWaitForTheThreadThatDrivesCalls) {
  MpiOptions options = options_of(Algorithm::pairwise, true);
  options.sum = sum_slowly;
  options.progress_interval = 200us;
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  if (comm.size() == 1) GTEST_SKIP() << "nothing is driven for one rank";
  comm.set_overlapping(true);
  std::vector<float> values(8), sent(1), received(1);
  comm.barrier();
  CallLog log;
  comm.attach(&log);
  Request summing = comm.all_reduce(values.data(), values.size(), DType::fp32, purpose);
  std::this_thread::sleep_for(long_while / 2);
  const int next = (comm.rank() + 1) % comm.size();
  const int last = (comm.rank() + comm.size() - 1) % comm.size();
  const Clock::time_point begin = Clock::now();
  Request exchanging =
      comm.exchange(sent.data(), next, received.data(), last, 1, DType::fp32, purpose);
  const double in_posting = std::chrono::duration<double>(Clock::now() - begin).count();
  const double posting_blocked = [&] {
    comm.wait(exchanging);
    return comm.counters().at(Operation::send_recv, purpose).blocked_seconds;
  }();
  EXPECT_GE(posting_blocked, 0.9 * in_posting);
  comm.wait(summing);
  comm.attach(nullptr);
  const double whole = std::chrono::duration<double>(Clock::now() - begin).count();
  double occupied = 0.0;
  for (const OccupiedRecord& stay : log.occupied) {
    if (stay.begin >= begin)
      occupied += std::chrono::duration<double>(stay.end - stay.begin).count();
  }
  // From `begin` on, the rank only posts and waits.
  EXPECT_GE(occupied, 0.9 * whole);
  const CallStats all = comm.counters().total(purpose);
  EXPECT_GE(all.blocked_seconds, 0.9 * whole);
}

TEST(Abandoned, CallsAreNotMovedOn) {
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options_of(Algorithm::pairwise));
  comm.set_context("step 2 of case 1");
  // There are no messages, because they could arrive when their memory is gone.
  Request request = comm.all_reduce(nullptr, 0, DType::fp32, purpose);
  comm.abandon();
  std::string line;
  try {
    comm.wait(request);
  } catch (const RunError& error) {
    line = error.what();
  }
  EXPECT_EQ(line, "all_reduce failed in step 2 of case 1 on rank " + std::to_string(comm.rank()) +
                      ": the calls under way were abandoned");
  EXPECT_TRUE(request.pending());
  request.mark_complete();
}

}  // namespace
}  // namespace tidemark::comm
