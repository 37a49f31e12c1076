// SPDX-License-Identifier: BSD-3-Clause
// Every kind of call, right and wrong in every way that a library can fail.
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/checking.hpp"
#include "support/nodes.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

BufferFunctions host_functions() {
  return {
      [](DType dtype, const void* buffer, std::size_t count) {
        std::uint64_t digest = 1;
        const auto* bytes = static_cast<const unsigned char*>(buffer);
        for (std::size_t i = 0; i < count * size_of(dtype); ++i) {
          digest = (digest ^ bytes[i]) * 0x100000001b3ULL;
        }
        return digest;
      },
      [](void* buffer, std::size_t bytes) { std::memset(buffer, 0xff, bytes); },
      [](void* host, const void* buffer, std::size_t bytes) { std::memcpy(host, buffer, bytes); }};
}

/// Passes calls on, and changes the result of each one when it is waited for.
class Meddler final : public support::PassingCommunicator {
 public:
  /// Gets the receive buffer of a call.
  using Meddle = std::function<void(Operation operation, void* recv, std::size_t count)>;
  Meddler(Communicator& inner, Meddle meddle)
      : PassingCommunicator(inner), meddle_(std::move(meddle)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "meddler"; }
  Request post(const Call& call) override {
    Request request = inner_.post(call);
    inner_.wait(request);
    meddle_(call.operation, call.recv, call.count);
    return {};
  }

 private:
  Meddle meddle_;
};

constexpr std::size_t block = 90000;  // several pieces

/// One call of each kind, with two of them pending together. The values show rounding.
template <class T>
CommunicationFindings findings_of(Communicator& under_test, std::size_t most_pieces = 128,
                                  bool waits = true) {
  CheckingCommunicator checking(under_test, host_functions(), 11, most_pieces);
  const auto ranks = static_cast<std::size_t>(checking.size());
  const auto rank = static_cast<std::size_t>(checking.rank());
  std::vector<T> whole(ranks * block + 1);
  std::vector<T> part(block);
  std::vector<T> gathered(ranks * block);
  std::vector<T> scattered(block);
  std::vector<T> taken(block);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    whole[i] = static_cast<T>(std::sin(static_cast<double>(i * (rank + 3))));
  }
  for (std::size_t i = 0; i < block; ++i) {
    part[i] = static_cast<T>(std::cos(static_cast<double>(i + 100 * rank)));
  }
  constexpr Purpose purpose = Purpose::activation;
  Request scatter =
      checking.reduce_scatter(whole.data(), scattered.data(), block, dtype_of<T>, purpose);
  Request gather = checking.all_gather(part.data(), gathered.data(), block, dtype_of<T>, purpose);
  checking.wait(scatter);
  checking.wait(gather);
  Request reduce = checking.all_reduce(whole.data(), whole.size(), dtype_of<T>, purpose);
  checking.wait(reduce);
  const int size = checking.size();
  Request exchange =
      checking.exchange(part.data(), (checking.rank() + 1) % size, taken.data(),
                        (checking.rank() + size - 1) % size, block, dtype_of<T>, purpose);
  if (waits) checking.wait(exchange);
  CommunicationFindings findings = checking.finish();
  if (!waits) exchange.mark_complete();
  return findings;
}

template <class T>
class Checking : public ::testing::Test {
 protected:
  MpiCommunicator comm_{MPI_COMM_WORLD, 60s};

  /// The findings with the result of one operation changed on one rank, or on all.
  CommunicationFindings with(Operation operation, int victim,
                             const std::function<void(T*, std::size_t)>& change) {
    Meddler meddler(comm_, [&](Operation called, void* recv, std::size_t count) {
      if (called == operation && (victim < 0 || victim == comm_.rank())) {
        change(static_cast<T*>(recv), count);
      }
    });
    return findings_of<T>(meddler);
  }
};
using Types = ::testing::Types<float, double, bfloat16>;
TYPED_TEST_SUITE(Checking, Types);

TYPED_TEST(Checking, FindsNothingWrongWithRightCalls) {
  for (const Algorithm algorithm : all_algorithms) {
    for (const bool overlapping : {false, true}) {
      MpiOptions options;
      options.algorithm = algorithm;
      options.segment_bytes = 4096;
      if (algorithm == Algorithm::hierarchical) options.node_labels = support::two_nodes();
      MpiCommunicator right(MPI_COMM_WORLD, 60s, options);
      right.set_overlapping(overlapping);
      const CommunicationFindings found = findings_of<TypeParam>(right);
      EXPECT_EQ(found.parts_differ, 0) << found.first_part;
      EXPECT_LE(found.worst_sum, 1.0) << found.worst_call;
      EXPECT_EQ(found.never_waited, 0);
      EXPECT_GT(found.parts, 0);
      EXPECT_EQ(found.compared, found.summed);
      EXPECT_EQ(found.summed, static_cast<std::int64_t>(2 * block * right.size() + 1));
      // Sums were rounded. In fp64, two terms give the same sum both times.
      EXPECT_EQ(found.worst_sum > 0.0, right.size() > (dtype_of<TypeParam> == DType::fp64 ? 2 : 1));
    }
  }
}

TYPED_TEST(Checking, SeesOneWrongElementOfASumOnOneRank) {
  using T = TypeParam;
  const int last = this->comm_.size() - 1;
  for (const Operation operation : {Operation::reduce_scatter, Operation::all_reduce}) {
    for (const std::size_t place : {std::size_t{0}, block - 1}) {
      const CommunicationFindings found = this->with(operation, last, [&](T* recv, std::size_t) {
        recv[place] = static_cast<T>(static_cast<double>(recv[place]) + 1.0);
      });
      // In an all-reduce, another rank may check the block. Then the digests of the ranks differ.
      EXPECT_TRUE(found.worst_sum > 1.0 || found.parts_differ == 1) << name_of(operation);
      const std::string where = found.worst_sum > 1.0 ? found.worst_call : found.first_part;
      EXPECT_NE(where.find(name_of(operation)), std::string::npos) << where;
    }
  }
}

TYPED_TEST(Checking, SeesTheSameWrongSumOnAllRanks) {
  using T = TypeParam;
  const double slight = is_narrow<T> ? 1.05 : 1.001;
  for (const Operation operation : {Operation::reduce_scatter, Operation::all_reduce}) {
    for (const double factor : {1.5, 0.0, slight}) {
      const CommunicationFindings found =
          this->with(operation, -1, [&](T* recv, std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) {
              recv[i] = static_cast<T>(factor * static_cast<double>(recv[i]));
            }
          });
      EXPECT_GT(found.worst_sum, 1.0) << name_of(operation) << " x " << factor;
    }
    const CommunicationFindings nan = this->with(operation, 0, [&](T* recv, std::size_t count) {
      recv[count / 2] = T(std::numeric_limits<float>::quiet_NaN());
    });
    EXPECT_TRUE(std::isinf(nan.worst_sum) || nan.parts_differ > 0);
  }
}

TYPED_TEST(Checking, SeesWrongPartsOfGathersAndExchanges) {
  using T = TypeParam;
  if (this->comm_.size() == 1) return;
  const CommunicationFindings swapped =
      this->with(Operation::all_gather, 0, [](T* recv, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) std::swap(recv[i], recv[count + i]);
      });
  EXPECT_EQ(swapped.parts_differ, 2);
  EXPECT_NE(swapped.first_part.find("all_gather (activation)"), std::string::npos);
  const CommunicationFindings missing =
      this->with(Operation::send_recv, -1, [](T* recv, std::size_t) {
        recv[5] = T(std::numeric_limits<float>::quiet_NaN());  // the value from before the call
      });
  EXPECT_EQ(missing.parts_differ, this->comm_.size());
  EXPECT_NE(missing.first_part.find("send_recv"), std::string::npos);
}

TYPED_TEST(Checking, NamesACallThatNobodyWaitedFor) {
  const CommunicationFindings found = findings_of<TypeParam>(this->comm_, 128, false);
  EXPECT_EQ(found.never_waited, this->comm_.size());
  EXPECT_NE(found.first_never_waited.find("send_recv"), std::string::npos);
}

TYPED_TEST(Checking, SaysHowMuchWasComparedWhereItSamples) {
  const CommunicationFindings found = findings_of<TypeParam>(this->comm_, 1);
  EXPECT_LT(found.compared, found.summed);
  EXPECT_GE(found.compared, static_cast<std::int64_t>(this->comm_.size()));
  EXPECT_LE(found.worst_sum, 1.0);
}

}  // namespace
}  // namespace tidemark::comm
