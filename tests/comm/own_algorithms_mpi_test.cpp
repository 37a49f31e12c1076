// SPDX-License-Identifier: BSD-3-Clause
// Own algorithms, exchanges and the library's own calls that run concurrently with other work.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/nodes.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

/// A way to carry collectives out.
struct Way {
  Algorithm algorithm;
  bool automatic;
  bool overlapping;
  bool progress_thread;
  std::size_t segment_bytes;
};

std::vector<Way> all_ways() {
  return {{Algorithm::native, false, false, false, 64},
          {Algorithm::native, false, true, false, 64},
          {Algorithm::pairwise, false, false, false, 64},
          {Algorithm::pairwise, false, true, false, 1 << 18},
          {Algorithm::ring, false, true, false, 64},
          {Algorithm::ring, false, true, true, 1 << 18},
          {Algorithm::pairwise, false, true, true, 64},
          {Algorithm::hierarchical, false, false, false, 64},
          {Algorithm::hierarchical, false, true, false, 1 << 18},
          {Algorithm::native, true, true, false, 256}};
}

constexpr std::size_t counts[] = {0, 1, 2, 7, 64, 1001, 40000};

/// Small integers: sums are exact in every type and order.
double value_of(int rank, std::size_t i) {
  return static_cast<double>((rank + 1) * static_cast<int>(i % 7)) - 3.0;
}

template <class Real>
class OwnAlgorithms : public ::testing::Test {
 protected:
  using Values = std::vector<Real>;
  static constexpr DType dtype = dtype_of<Real>;

  /// Calls `use(communicator)` for every way.
  template <class Use>
  static void for_each_way(const Use& use) {
    for (const Way& way : all_ways()) {
      SCOPED_TRACE(std::string(name_of(way.algorithm)) + (way.overlapping ? ", overlapping" : "") +
                   (way.automatic ? ", automatic" : "") + (way.progress_thread ? ", thread" : "") +
                   ", segments of " + std::to_string(way.segment_bytes));
      MpiOptions options;
      options.algorithm = way.algorithm;
      options.automatic = way.automatic;
      options.progress_thread = way.progress_thread;
      options.segment_bytes = way.segment_bytes;
      if (way.algorithm == Algorithm::hierarchical) options.node_labels = support::two_nodes();
      MpiCommunicator communicator(MPI_COMM_WORLD, 60s, options);
      communicator.set_overlapping(way.overlapping);
      use(communicator);
    }
  }
  static Values own(const Communicator& communicator, std::size_t count) {
    Values values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = static_cast<Real>(value_of(communicator.rank(), i));
    }
    return values;
  }
  static Real sum_at(const Communicator& communicator, std::size_t i) {
    double sum = 0.0;
    for (int rank = 0; rank < communicator.size(); ++rank) sum += value_of(rank, i);
    return static_cast<Real>(sum);
  }
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(OwnAlgorithms, Reals);

TYPED_TEST(OwnAlgorithms, SeveralCallsUnderWayGiveEachItsResult) {
  using T = TypeParam;
  constexpr Purpose purpose = Purpose::activation;
  this->for_each_way([&](Communicator& comm) {
    const auto t = static_cast<std::size_t>(comm.size());
    const auto rank = static_cast<std::size_t>(comm.rank());
    for (const std::size_t count : counts) {
      SCOPED_TRACE(count);
      const std::vector<T> block = this->own(comm, count);
      const std::vector<T> whole = this->own(comm, count * t);
      std::vector<T> reduced = this->own(comm, count);
      std::vector<T> gathered(count * t), scattered(count), received(count);
      const int next = (comm.rank() + 1) % comm.size();
      const int last = (comm.rank() + comm.size() - 1) % comm.size();
      Request reducing = comm.all_reduce(reduced.data(), count, this->dtype, purpose);
      Request gathering =
          comm.all_gather(block.data(), gathered.data(), count, this->dtype, purpose);
      Request scattering =
          comm.reduce_scatter(whole.data(), scattered.data(), count, this->dtype, purpose);
      Request exchanging =
          comm.exchange(block.data(), next, received.data(), last, count, this->dtype, purpose);
      comm.poll();
      // The order differs from that of posting.
      for (Request* request : {&exchanging, &scattering, &reducing, &gathering}) {
        comm.wait(*request);
        EXPECT_FALSE(request->pending());
      }
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(reduced[i], this->sum_at(comm, i)) << i;
        ASSERT_EQ(scattered[i], this->sum_at(comm, rank * count + i)) << i;
        ASSERT_EQ(received[i], static_cast<T>(value_of(last, i))) << i;
      }
      for (std::size_t i = 0; i < gathered.size(); ++i) {
        ASSERT_EQ(gathered[i], static_cast<T>(value_of(static_cast<int>(i / count), i % count)));
      }
      EXPECT_EQ(block, this->own(comm, count));
      EXPECT_EQ(whole, this->own(comm, count * t));
    }
  });
}

TYPED_TEST(OwnAlgorithms, GatherInPlace) {
  using T = TypeParam;
  this->for_each_way([&](Communicator& comm) {
    const std::size_t count = 33;
    const std::vector<T> own = this->own(comm, count);
    std::vector<T> all(count * static_cast<std::size_t>(comm.size()));
    T* const block = all.data() + count * static_cast<std::size_t>(comm.rank());
    std::copy(own.begin(), own.end(), block);
    Request request = comm.all_gather(block, all.data(), count, this->dtype, Purpose::activation);
    comm.wait(request);
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i], static_cast<T>(value_of(static_cast<int>(i / count), i % count))) << i;
    }
  });
}

TYPED_TEST(OwnAlgorithms, CountWhatTheLibraryCounts) {
  this->for_each_way([&](Communicator& comm) {
    std::vector<TypeParam> whole(24 * static_cast<std::size_t>(comm.size()));
    std::vector<TypeParam> block(24);
    for (int i = 0; i < 3; ++i) {
      Request request =
          comm.reduce_scatter(whole.data(), block.data(), 24, this->dtype, Purpose::activation);
      comm.wait(request);
      request = comm.all_reduce(whole.data(), whole.size(), this->dtype, Purpose::gradient);
      comm.wait(request);
    }
    const auto bytes = static_cast<std::int64_t>(whole.size() * sizeof(TypeParam));
    const CallStats& scatters = comm.counters().at(Operation::reduce_scatter, Purpose::activation);
    const CallStats& reductions = comm.counters().at(Operation::all_reduce, Purpose::gradient);
    EXPECT_EQ(scatters.calls, 3);
    EXPECT_EQ(scatters.message_bytes, 3 * bytes);
    EXPECT_EQ(scatters.wire_bytes, 3 * bytes * (comm.size() - 1) / comm.size());
    EXPECT_EQ(reductions.calls, 3);
    EXPECT_EQ(reductions.wire_bytes, 2 * scatters.wire_bytes);
    EXPECT_LE(scatters.blocked_seconds, scatters.seconds * (1.0 + 1e-9));
    // Control operations and the measurement of an algorithm do not count as traffic.
    EXPECT_EQ(comm.counters().total(Purpose::activation).calls, 3);
    comm.barrier();
    EXPECT_EQ(comm.counters().total(Purpose::activation).calls, 3);
  });
}

// The sum has the order of the ranks and one rounding, also in bf16.
TEST(PairwiseSums, AreThoseOfTheRanksInOrderRoundedOnce) {
  MpiOptions options;
  options.algorithm = Algorithm::pairwise;
  options.segment_bytes = 100;
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  const auto values_of = [](int rank) {
    std::mt19937 random(static_cast<unsigned>(rank));
    std::vector<bfloat16> values(3001);
    for (bfloat16& value : values) {
      value = bfloat16(static_cast<float>(random() % 100000) / 1000.0F);
    }
    return values;
  };
  std::vector<bfloat16> sums = values_of(comm.rank());
  Request request = comm.all_reduce(sums.data(), sums.size(), DType::bf16, Purpose::activation);
  comm.wait(request);
  std::vector<std::vector<bfloat16>> all;
  for (int rank = 0; rank < comm.size(); ++rank) all.push_back(values_of(rank));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    float sum = static_cast<float>(all[0][i]);
    for (int rank = 1; rank < comm.size(); ++rank) {
      sum += static_cast<float>(all[static_cast<std::size_t>(rank)][i]);
    }
    ASSERT_EQ(sums[i].bits(), bfloat16(sum).bits()) << i;
  }
}

TEST(AlgorithmChoices, AreMeasuredOncePerOperationAndSizeClassAndTheFastestIsTaken) {
  MpiOptions options;
  options.automatic = true;
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  std::vector<float> values(3000);
  for (const std::size_t count : {1000, 1010, 3000}) {  // 4000 and 4040 bytes are in one class
    Request request = comm.all_reduce(values.data(), count, DType::fp32, Purpose::activation);
    comm.wait(request);
  }
  const std::vector<AlgorithmChoice> choices = comm.choices();
  if (comm.size() == 1) {
    EXPECT_TRUE(choices.empty());
    return;
  }
  ASSERT_EQ(choices.size(), 2U);
  EXPECT_EQ(choices[0].message_bytes, 4000);
  EXPECT_EQ(choices[1].message_bytes, 12000);
  for (const AlgorithmChoice& choice : choices) {
    EXPECT_EQ(choice.operation, Operation::all_reduce);
    const double chosen = choice.seconds[static_cast<std::size_t>(choice.algorithm)];
    EXPECT_GT(chosen, 0.0);
    for (const double seconds : choice.seconds) EXPECT_TRUE(seconds == 0.0 || seconds >= chosen);
    EXPECT_EQ(choice.seconds[2] > 0.0, comm.size() > 2);
  }
}

// Every rank must make the same choice. Otherwise they would wait for each other.
TEST(AlgorithmChoices, AreTheSameOnAllRanks) {
  MpiOptions options;
  options.automatic = true;
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  std::vector<double> values(5000);
  std::string chosen;
  for (std::size_t count = 1; count <= 5000; count *= 7) {
    Request request = comm.all_reduce(values.data(), count, DType::fp64, Purpose::activation);
    comm.wait(request);
  }
  for (const AlgorithmChoice& choice : comm.choices()) chosen += name_of(choice.algorithm);
  for (const std::string& other : comm.gather_bytes(chosen)) EXPECT_EQ(other, chosen);
}

TEST(CallLogs, HaveEveryCallFromPostingToCompletion) {
  MpiOptions options;
  options.algorithm = Algorithm::pairwise;
  MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
  comm.set_overlapping(true);
  std::vector<float> first(5000), second(7);
  CallLog log;
  comm.attach(&log);
  const Clock::time_point begin = Clock::now();
  Request a = comm.all_reduce(first.data(), first.size(), DType::fp32, Purpose::activation);
  Request b = comm.all_reduce(second.data(), second.size(), DType::fp32, Purpose::gradient);
  comm.poll();
  comm.wait(b);
  comm.wait(a);
  const Clock::time_point end = Clock::now();
  comm.attach(nullptr);
  comm.barrier();
  a = comm.all_reduce(first.data(), first.size(), DType::fp32, Purpose::activation);
  comm.wait(a);
  ASSERT_EQ(log.calls.size(), 2U);
  std::int64_t bytes = 0;
  for (const CallRecord& call : log.calls) {
    EXPECT_LE(begin, call.posted);
    EXPECT_LE(call.posted, call.completed);
    EXPECT_LE(call.completed, end);
    bytes += call.message_bytes;
  }
  EXPECT_EQ(bytes, 5007 * 4);
  EXPECT_GE(log.occupied.size(), 2U);
  for (const OccupiedRecord& stay : log.occupied) EXPECT_LE(stay.begin, stay.end);
}

}  // namespace
}  // namespace tidemark::comm
