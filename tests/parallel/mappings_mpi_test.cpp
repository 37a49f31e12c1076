// SPDX-License-Identifier: BSD-3-Clause
// The mappings do what their names say, and each backward is the transpose of its forward.
#include <array>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "parallel/mappings.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::parallel {
namespace {

using namespace std::chrono_literals;
using memory::TensorClass;
using Tensor = memory::Tensor<double>;

class Mappings : public ::testing::Test {
 protected:
  Tensor whole() {
    return ledger_.tensor<double>("whole", 0, TensorClass::transient, tokens, width);
  }
  Tensor shard() {
    return ledger_.tensor<double>("shard", 0, TensorClass::transient, context_.local_tokens(),
                                  width);
  }
  // The values differ by rank and by place. They are integers, so that sums are exact.
  void fill(const Tensor& tensor, int salt) {
    for (std::size_t i = 0; i < tensor.size(); ++i) {
      tensor.data()[i] =
          static_cast<double>((static_cast<int>(i) * 7 + comm_.rank() * 5 + salt) % 23 - 11);
    }
  }
  double dot_over_ranks(const Tensor& x, const Tensor& y) {
    std::array<double, 1> sum{0.0};
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum[0] += x.data()[i] * y.data()[i];
    }
    comm_.sum_over_ranks(sum);
    return sum[0];
  }

  static constexpr std::int64_t tokens = 8;
  static constexpr std::int64_t width = 3;
  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  Context context_{device_, ledger_, comm_, tokens, true};
};

TEST_F(Mappings, GatherPutsTheShardsInOrder) {
  const Tensor part = shard();
  const Tensor all = whole();
  fill(part, 0);
  gather_from_sequence_parallel_region(context_, part.view(), all.view());
  for (int rank = 0; rank < comm_.size(); ++rank) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      EXPECT_EQ(all.data()[static_cast<std::size_t>(rank) * part.size() + i],
                static_cast<double>((static_cast<int>(i) * 7 + rank * 5) % 23 - 11));
    }
  }
}

// Not a region mapping: matrices of any shape, stacked in the order of the ranks.
TEST_F(Mappings, RowsOfAllRanksAreStacked) {
  const auto table = [&](int ranks) {
    return ledger_.tensor<double>("rows", 0, TensorClass::transient, 5 * ranks, 2);
  };
  const Tensor own = table(1);
  const Tensor all = table(comm_.size());
  fill(own, 6);
  gather_rows(context_, own.view(), all.view());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto rank = static_cast<int>(i / 10);
    EXPECT_EQ(all.data()[i],
              static_cast<double>((static_cast<int>(i % 10) * 7 + rank * 5 + 6) % 23 - 11));
  }
}

TEST_F(Mappings, OfBf16MoveTwoBytesAnElementAndRoundTheirSums) {
  const auto make = [&](std::int64_t row_count) {
    return ledger_.tensor<bfloat16>("narrow", 0, TensorClass::transient, row_count, width);
  };
  const auto part = make(context_.local_tokens());
  const auto all = make(tokens);
  for (std::size_t i = 0; i < part.size(); ++i) part.data()[i] = bfloat16(comm_.rank() + 0.5);
  gather_from_sequence_parallel_region(context_, part.view(), all.view());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(static_cast<float>(all.data()[i]), static_cast<float>(i / part.size()) + 0.5F);
    all.data()[i] =
        bfloat16(comm_.rank() == 0 ? 256.0F : 0.25F);  // the sum lies between 256 and 257
  }
  reduce_scatter_to_sequence_parallel_region(context_, all.view(), part.view());
  reduce_from_tensor_parallel_region(context_, all.view());
  EXPECT_EQ(static_cast<float>(part.data()[0]), 256.0F);
  EXPECT_EQ(static_cast<float>(all.data()[0]), 256.0F);
  EXPECT_EQ(comm_.counters().total(comm::Purpose::activation).message_bytes,
            3 * 2 * tokens * width);
}

TEST_F(Mappings, GatherAndItsBackwardAreTransposes) {
  const Tensor x = shard(), gathered = whole(), y = whole(), scattered = shard();
  fill(x, 1);
  fill(y, 2);
  gather_from_sequence_parallel_region(context_, x.view(), gathered.view());
  gather_from_sequence_parallel_region_backward(context_, y.view(), scattered.view());
  EXPECT_EQ(dot_over_ranks(gathered, y), dot_over_ranks(x, scattered));
}

TEST_F(Mappings, ReduceScatterAndItsBackwardAreTransposes) {
  const Tensor x = whole(), scattered = shard(), y = shard(), gathered = whole();
  fill(x, 3);
  fill(y, 4);
  reduce_scatter_to_sequence_parallel_region(context_, x.view(), scattered.view());
  reduce_scatter_to_sequence_parallel_region_backward(context_, y.view(), gathered.view());
  EXPECT_EQ(dot_over_ranks(scattered, y), dot_over_ranks(x, gathered));
}

TEST_F(Mappings, ReductionsSumOverTheRanks) {
  for (const bool forward : {false, true}) {
    const Tensor x = whole();
    for (std::size_t i = 0; i < x.size(); ++i) {
      x.data()[i] = comm_.rank() + 1.0;
    }
    forward ? reduce_from_tensor_parallel_region(context_, x.view())
            : copy_to_tensor_parallel_region_backward(context_, x.view());
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(x.data()[i], comm_.size() * (comm_.size() + 1) / 2.0);
    }
  }
}

TEST_F(Mappings, IdentitiesPassTheSameMemoryOn) {
  const Tensor x = whole();
  EXPECT_EQ(copy_to_tensor_parallel_region(x.view()).data(), x.data());
  EXPECT_EQ(reduce_from_tensor_parallel_region_backward(x.view()).data(), x.data());
}

TEST_F(Mappings, RefuseAShardOfTheWrongSize) {
  if (comm_.size() == 1) {
    return;
  }
  const Tensor all = whole(), other = whole();
  EXPECT_THROW(gather_from_sequence_parallel_region(context_, all.view(), other.view()),
               BrokenInvariant);
}

// Each gradient is a sum of 1/3 and similar numbers, which bf16 would cut off after 8 bits.
TEST_F(Mappings, GradientsOfBf16ParametersAreSummedInFp32) {
  ParameterStore<bfloat16> store;
  const Parameter<bfloat16>& norm =
      store.declare({"norm", 34, Sharing::replicated, 3, {{1, {0, 0, 3}}}, 1.0, 0.2, true});
  store.allocate(device_);
  Kokkos::deep_copy(store.gradients(), 1.0F / 3.0F);
  store.reduce_replicated_gradients(context_);
  EXPECT_NEAR(norm.gradient(0, 1), static_cast<double>(comm_.size()) / 3.0, 1e-6);
  if (comm_.size() > 1) {
    EXPECT_EQ(comm_.counters().total(comm::Purpose::gradient).message_bytes, 12);
  }
}

TEST_F(Mappings, ReplicatedParametersComeFirstAndTheirGradientsAreSummed) {
  ParameterStore<double> store;
  ParameterSpec sharded{"weight", 33, Sharing::sharded, 3, {{2, {2 * comm_.rank(), 0, 3}}},
                        0.0,      1.0};
  ParameterSpec replicated{"norm", 34, Sharing::replicated, 3, {{1, {0, 0, 3}}}, 1.0, 0.2, true};
  Parameter<double>& weight = store.declare(sharded);
  Parameter<double>& norm = store.declare(replicated);
  store.allocate(device_);
  store.initialise(device_, 7);
  EXPECT_EQ(norm.gradient.data(), store.gradients().data());
  EXPECT_EQ(weight.gradient.data(), store.gradients().data() + 3);
  Kokkos::deep_copy(store.gradients(), comm_.rank() + 1.0);
  store.reduce_replicated_gradients(context_);
  EXPECT_EQ(norm.gradient(0, 2), comm_.size() * (comm_.size() + 1) / 2.0);
  EXPECT_EQ(weight.gradient(1, 2), comm_.rank() + 1.0);
  // A shard holds the values of its place in the whole, on every rank.
  const double expected = philox::centred_uniform(
      philox::word_of_element({7, 33}, static_cast<std::uint64_t>((2 * comm_.rank() + 1) * 3 + 2)));
  EXPECT_NEAR(weight.value(1, 2), expected, 1e-15);
}

// Each rank has two rows of its own, then two rows that `holders` neighbours hold. The values of
// the latter come from one place.
TEST_F(Mappings, GradientsOfSharedRowsAreSummedOverTheirHoldersInTheOrderOfTheRanks) {
  for (const std::int64_t holders : {1, 2, 4}) {
    if (comm_.size() % holders > 0) continue;
    const std::int64_t first_holder = comm_.rank() / holders * holders;
    ParameterStore<float> store;
    const Parameter<float>& weight =
        store.declare({"weight",
                       33,
                       Sharing::sharded,
                       3,
                       {{2, {2 * comm_.rank(), 0, 3}}, {2, {20 + first_holder, 0, 3}, holders}},
                       0.0,
                       1.0});
    store.allocate(device_);
    EXPECT_EQ(store.exchange_buffer_bytes(), static_cast<std::size_t>((holders - 1) * 2 * 3 * 4));
    store.initialise(device_, 7);
    const auto value_at = [](std::int64_t element) {
      return philox::centred_uniform(
          philox::word_of_element({7, 33}, static_cast<std::uint64_t>(element)));
    };
    EXPECT_NEAR(weight.value(1, 2), value_at((2 * comm_.rank() + 1) * 3 + 2), 1e-7);
    EXPECT_NEAR(weight.value(3, 2), value_at((20 + first_holder + 1) * 3 + 2), 1e-7);
    // Rounding distinguishes the orders of summation.
    const auto part_of = [](std::int64_t rank) {
      return rank % 2 == 0 ? 1.0F / 3.0F : 1e4F / 7.0F;
    };
    Kokkos::deep_copy(store.gradients(), part_of(comm_.rank()));
    comm_.reset_counters();
    store.reduce_gradients_of_shared_rows(context_);
    float sum = 0.0F;
    for (std::int64_t rank = 0; rank < holders; ++rank) sum += part_of(first_holder + rank);
    EXPECT_EQ(weight.gradient(1, 2), part_of(comm_.rank()));
    for (const std::int64_t row : {2, 3}) EXPECT_EQ(weight.gradient(row, 0), sum);
    const comm::CallStats& calls =
        comm_.counters().at(comm::Operation::send_recv, comm::Purpose::gradient);
    EXPECT_EQ(calls.calls, holders - 1);
    EXPECT_EQ(calls.message_bytes, (holders - 1) * 2 * 3 * 4);
  }
}

}  // namespace
}  // namespace tidemark::parallel
