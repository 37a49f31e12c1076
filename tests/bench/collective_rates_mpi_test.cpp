// SPDX-License-Identifier: BSD-3-Clause
// What is measured of the collectives alone, on memory of the host and of a device.
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "bench/collectives/collective_rates.hpp"
#include "bench/collectives/collective_ways.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/staged.hpp"
#include "support/fake_device_memory.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;
using comm::Operation;
using support::FakeDeviceMemory;

std::unique_ptr<comm::Communicator> by(comm::Algorithm algorithm) {
  comm::MpiOptions options;
  options.algorithm = algorithm;
  return std::make_unique<comm::MpiCommunicator>(MPI_COMM_WORLD, 60s, options);
}

/// The (operation, in place) pairs that were measured for a way.
std::set<std::pair<Operation, bool>> forms_of(const std::vector<CollectiveRate>& rates,
                                              const std::string& way) {
  std::set<std::pair<Operation, bool>> forms;
  for (const CollectiveRate& rate : rates) {
    if (rate.way == way) forms.emplace(rate.operation, rate.in_place);
  }
  return forms;
}
const std::set<std::pair<Operation, bool>> all_forms{{Operation::all_reduce, true},
                                                     {Operation::reduce_scatter, false},
                                                     {Operation::reduce_scatter, true},
                                                     {Operation::all_gather, false},
                                                     {Operation::all_gather, true}};

/// Memory of a device that the host may not touch: two buffers of 4096 bytes at most.
struct FakePlace {
  static FakeDeviceMemory& memory() {
    static FakeDeviceMemory instance;
    return instance;
  }
  static BufferPlace place() {
    const comm::StagingFunctions staging = FakeDeviceMemory::staging();
    const auto clear = [staging](void* data, std::size_t bytes) {
      const std::vector<std::byte> zeros(bytes);
      staging.to_device(data, zeros.data(), bytes);
    };
    const auto copy = [staging](void* to, const void* from, std::size_t bytes) {
      std::vector<std::byte> between(bytes);
      staging.to_host(between.data(), from, bytes);
      staging.to_device(to, between.data(), bytes);
    };
    return {{[](std::size_t bytes) -> void* { return memory().reserve<std::byte>(bytes); },
             [](void*) noexcept {}},
            clear,
            copy};
  }
};

TEST(CollectiveRates, OfADevicesMemoryAreTakenWithoutTouchingItFromTheHost) {
  std::vector<CollectiveWay> ways;
  for (const auto algorithm : {comm::Algorithm::native, comm::Algorithm::pairwise}) {
    ways.push_back({std::string(comm::name_of(algorithm)),
                    std::make_unique<comm::Staged>(by(algorithm), FakeDeviceMemory::staging())});
  }
  ways[0].is_native = true;
  ways[0].scatters_in_place = false;
  const auto rates = measure_collectives(ways, FakePlace::place(), {1000, 4096}, DType::fp32, 2);
  EXPECT_EQ(forms_of(rates, "pairwise"), all_forms);
  EXPECT_EQ(forms_of(rates, "native").size(), 4U);
  EXPECT_FALSE(forms_of(rates, "native").contains({Operation::reduce_scatter, true}));
  EXPECT_EQ(rates.size(), 18U);
  for (const CollectiveRate& rate : rates) {
    EXPECT_GT(rate.seconds, 0.0);
    EXPECT_GT(rate.copy_seconds, 0.0);
    ASSERT_TRUE(rate.native_seconds);
    if (rate.way == "native") {
      EXPECT_EQ(*rate.native_seconds, rate.seconds);
    }
  }
  const std::int64_t unit = 4 * ways[0].communicator->size();
  EXPECT_EQ(rates.front().message_bytes, (1000 + unit - 1) / unit * unit);
  EXPECT_EQ(rates.back().message_bytes, 4096);
}

/// Its calls are ordered on a stream when they are waited for, and complete at a fence.
class LateCommunicator final : public support::PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;
  void fence() override { std::this_thread::sleep_for(late); }
  static constexpr std::chrono::milliseconds late{5};
};

TEST(CollectiveRates, CountUntilTheHostKnowsThatTheCallIsComplete) {
  const auto transport = by(comm::Algorithm::native);
  std::vector<CollectiveWay> ways;
  ways.push_back({"late", std::make_unique<LateCommunicator>(*transport)});
  ways.front().forms_sums = false;
  const Device device;
  const auto rates = measure_collectives(ways, activations_place(device), {64}, DType::fp64, 1);
  ASSERT_EQ(rates.size(), 2U);
  for (const CollectiveRate& rate : rates) {
    EXPECT_EQ(rate.operation, Operation::all_gather);
    EXPECT_GE(rate.seconds, std::chrono::duration<double>(LateCommunicator::late).count());
    EXPECT_FALSE(rate.native_seconds);
    EXPECT_LT(rate.copy_seconds, rate.seconds);
  }
}

TEST(CollectiveRates, OfAHostAreThoseOfEveryAlgorithmOfMpi) {
  const Device device;
  int ranks = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (!runs_on_host) GTEST_SKIP() << "its memory is a device's";
  for (const comm::Backend backend : {comm::Backend::automatic, comm::Backend::mpi}) {
    std::vector<std::string> names;
    for (const CollectiveWay& way : collective_ways(device, ranks, backend, DType::bf16, 60.0)) {
      names.push_back(way.name);
      EXPECT_EQ(way.communicator->transport(), "host");
      EXPECT_TRUE(way.forms_sums);
      EXPECT_EQ(way.scatters_in_place, way.name != "native");
      EXPECT_EQ(way.is_native, way.name == "native");
    }
    const std::vector<std::string> expected =
        ranks > 2 ? std::vector<std::string>{"native", "pairwise", "ring"}
                  : std::vector<std::string>{"native", "pairwise"};
    EXPECT_EQ(names, expected) << static_cast<int>(backend);
  }
}

}  // namespace
}  // namespace tidemark::bench
