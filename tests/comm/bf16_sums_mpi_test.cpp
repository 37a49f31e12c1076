// SPDX-License-Identifier: BSD-3-Clause
// Sums of bf16 over the ranks are formed in fp32, and are equal to the bit everywhere.
#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;
using Values = std::vector<bfloat16>;

class Bf16Sums : public ::testing::Test {
 protected:
  /// The values that a rank contributes. Every rank can make those of all ranks.
  static Values values_of(int rank, std::size_t count) {
    std::mt19937 random(static_cast<std::uint32_t>(17 + rank));
    std::uniform_real_distribution<float> uniform(-2.0F, 2.0F);
    Values values(count);
    for (bfloat16& value : values) value = bfloat16(uniform(random));
    return values;
  }
  Values own(std::size_t count) { return values_of(comm_.rank(), count); }
  std::size_t ranks() { return static_cast<std::size_t>(comm_.size()); }

  /// Compares the sums at [first, first + size) of the whole with sums in double. Two ranks need
  /// one addition, so there is one rounding, and the result is determined. More ranks add pair by
  /// pair.
  void expect_sums(const Values& sums, std::size_t first, std::size_t whole) {
    std::vector<Values> all;
    for (int rank = 0; rank < comm_.size(); ++rank) all.push_back(values_of(rank, whole));
    for (std::size_t i = 0; i < sums.size(); ++i) {
      double exact = 0.0;
      double magnitude = 0.0;
      for (const Values& values : all) {
        exact += static_cast<double>(values[first + i]);
        magnitude += std::abs(static_cast<double>(values[first + i]));
      }
      if (comm_.size() <= 2) {
        ASSERT_EQ(sums[i].bits(), bfloat16(exact).bits()) << i;
      } else {
        const double roundings = comm_.size() - 1;
        ASSERT_LE(std::abs(static_cast<double>(sums[i]) - exact), roundings / 256.0 * magnitude);
      }
    }
  }
  void expect_same_bits_everywhere(const Values& values) {
    const std::string bytes(reinterpret_cast<const char*>(values.data()),
                            values.size() * sizeof(bfloat16));
    for (const std::string& other : comm_.gather_bytes(bytes)) EXPECT_EQ(other, bytes);
  }

  MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

// From messages that use the algorithms for short ones, to messages that are cut into segments.
constexpr std::size_t counts[] = {1, 2, 7, 64, 1001, 5000, 100003};

TEST_F(Bf16Sums, AllReduceRoundsOncePerAdditionAndAgreesToTheBit) {
  for (const std::size_t count : counts) {
    Values values = own(count);
    Request request = comm_.all_reduce(values.data(), count, DType::bf16, Purpose::activation);
    comm_.wait(request);
    expect_sums(values, 0, count);
    expect_same_bits_everywhere(values);
  }
}

TEST_F(Bf16Sums, ReduceScatterRoundsOncePerAddition) {
  for (const std::size_t count : counts) {
    const std::size_t whole = count * ranks();
    const Values send = own(whole);
    Values block(count, bfloat16(99.0F));
    Request request =
        comm_.reduce_scatter(send.data(), block.data(), count, DType::bf16, Purpose::activation);
    comm_.wait(request);
    expect_sums(block, count * static_cast<std::size_t>(comm_.rank()), whole);
    EXPECT_EQ(send, own(whole));
  }
}

TEST_F(Bf16Sums, GatherKeepsEveryBit) {
  // All 65536 patterns, including NaNs.
  const std::size_t count = 65536 / ranks();
  Values block(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t pattern = static_cast<std::size_t>(comm_.rank()) * count + i;
    block[i] = bfloat16::from_bits(static_cast<std::uint16_t>(pattern));
  }
  Values all(count * ranks());
  Request request =
      comm_.all_gather(block.data(), all.data(), count, DType::bf16, Purpose::activation);
  comm_.wait(request);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].bits(), i);
}

// They travel as unsigned integers. Sums of these integers would differ in every case.
TEST_F(Bf16Sums, AreSumsOfNumbersNotOfTheirBits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const bool first = comm_.rank() == 0;
  Values values{bfloat16(first ? -1.0F : 1.0F), bfloat16(first ? infinity : 1.0F),
                bfloat16(first ? std::nanf("") : 1.0F), bfloat16(first ? 256.0F : 1.0F)};
  Request request = comm_.all_reduce(values.data(), 4, DType::bf16, Purpose::activation);
  comm_.wait(request);
  const int others = comm_.size() - 1;
  EXPECT_EQ(static_cast<float>(values[0]), static_cast<float>(others - 1));
  EXPECT_EQ(static_cast<float>(values[1]), infinity);
  EXPECT_TRUE(std::isnan(static_cast<float>(values[2])));
  if (others == 1) {
    EXPECT_EQ(static_cast<float>(values[3]), 256.0F);  // 257 lies between 256 and 258: ties to even
  }
}

}  // namespace
}  // namespace tidemark::comm
