// SPDX-License-Identifier: BSD-3-Clause
// The stack's accounts on 1, 2 and 4 ranks: saved bytes, traffic and operations against the
// formulas.
#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "bench/step/step.hpp"
#include "bench/verify/audit.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "model/stack.hpp"
#include "support/cases.hpp"
#include "theory/activation.hpp"
#include "theory/memory.hpp"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

template <class T>
class StackBooks : public ::testing::Test {
 protected:
  struct Step {
    memory::Tide tide;
    comm::Counters counters;
    std::uint64_t flops;
  };

  Step step_of(const config::Case& c) {
    memory::Pool pool;
    memory::Ledger ledger(pool);
    model::Stack<T> stack(c, device_, ledger, comm_);
    bench::run_step(stack);
    const std::size_t held = pool.held_bytes();
    const std::size_t first_peak = ledger.tide().peak_bytes;
    comm_.reset_counters();
    const std::uint64_t flops = device_.gemm_flops;
    bench::run_step(stack);
    EXPECT_EQ(pool.held_bytes(), held);
    EXPECT_EQ(ledger.tide().peak_bytes, first_peak);
    EXPECT_GE(held, first_peak);
    EXPECT_EQ(static_cast<std::int64_t>(stack.store().value_bytes()), theory::parameter_bytes(c));
    EXPECT_EQ(static_cast<std::int64_t>(stack.store().gradient_bytes()), theory::gradient_bytes(c));
    return {ledger.tide(), comm_.counters(), device_.gemm_flops - flops};
  }

  std::vector<config::Case> cases() { return support::variants(comm_.size(), dtype_of<T>); }

  Device device_;
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};
using Scalars = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(StackBooks, Scalars);

TYPED_TEST(StackBooks, SavedBytesAreThoseOfTheFormulaTensorByTensor) {
  for (const config::Case& c : this->cases()) {
    const memory::Tide tide = this->step_of(c).tide;
    const bench::Check check = bench::check_saved(c, tide);
    EXPECT_TRUE(check.passed()) << check.where << ", " << support::describe(c);
    const bench::MemoryFigures figures = bench::memory_of(c, tide);
    const std::int64_t layers = c.model.num_layers;
    EXPECT_EQ(figures.saved_of_ends, theory::saved_bytes_of_ends(c));
    EXPECT_EQ(figures.saved,
              theory::saved_bytes_per_layer(c) * layers + theory::saved_bytes_of_ends(c));
    EXPECT_EQ(figures.norm_statistics, theory::norm_statistics_bytes_per_layer(c) * layers +
                                           theory::norm_statistics_bytes_of_ends(c));
  }
}

TYPED_TEST(StackBooks, SequenceParallelismSavesTheThOfOneRankAlone) {
  const auto saved = [this](std::int64_t t, bool sequence) {
    const config::Case c = support::small_case(t, sequence, dtype_of<TypeParam>);
    return t == this->comm_.size() ? bench::memory_of(c, this->step_of(c).tide).saved
                                   : theory::saved_bytes_per_layer(c) * c.model.num_layers;
  };
  const std::int64_t t = this->comm_.size();
  EXPECT_EQ(saved(t, true) * t, saved(1, false));
  if (t > 1) {
    EXPECT_GT(saved(t, false) * t, saved(1, false));
  }
}

// What a layer keeps after recomputation, for its backward, does not count as saved.
TYPED_TEST(StackBooks, OnlyRecomputingLayersHoldRecomputedTensorsAndNoneAtTheTurn) {
  const auto holds = [](const std::vector<memory::Entry>& entries) {
    return std::any_of(entries.begin(), entries.end(), [](const memory::Entry& entry) {
      return entry.tensor_class == memory::TensorClass::recomputed;
    });
  };
  for (const config::Case& c : this->cases()) {
    const memory::Tide tide = this->step_of(c).tide;
    EXPECT_EQ(holds(tide.at_peak), c.recomputes_layer()) << support::describe(c);
    EXPECT_FALSE(holds(tide.at_turn)) << support::describe(c);
  }
}

TYPED_TEST(StackBooks, WhatWasLiveAtThePeakAddsUpToIt) {
  for (const config::Case& c : this->cases()) {
    const memory::Tide tide = this->step_of(c).tide;
    std::size_t sum = 0;
    for (const memory::Entry& entry : tide.at_peak) {
      sum += entry.bytes;
    }
    EXPECT_EQ(sum, tide.peak_bytes);
  }
}

TYPED_TEST(StackBooks, TrafficAndOperationsAreThoseOfTheFormulas) {
  for (const config::Case& c : this->cases()) {
    const auto step = this->step_of(c);
    const bench::Check traffic = bench::check_traffic(c, step.counters, 1);
    EXPECT_TRUE(traffic.passed()) << traffic.where << ", " << support::describe(c);
    const bench::Check flops = bench::check_flops(c, step.flops);
    EXPECT_TRUE(flops.passed()) << flops.value << ", " << support::describe(c);
  }
}

}  // namespace
}  // namespace tidemark
