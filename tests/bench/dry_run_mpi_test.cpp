// SPDX-License-Identifier: BSD-3-Clause
// A dry run uses memory and network as the step does, to the byte.
#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/case/products.hpp"
#include "bench/dry_run/dry_run.hpp"
#include "bench/step/step.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"
#include "support/libraries.hpp"
#include "theory/memory.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

/// One entry of the ledger, or one line of the counters, as text.
using Lines = std::vector<std::string>;

Lines lines_of(const std::vector<memory::Entry>& entries) {
  Lines lines;
  for (const memory::Entry& entry : entries) {
    lines.push_back(std::string(entry.name) + " of " + std::to_string(entry.layer) + ", " +
                    std::string(memory::name_of(entry.tensor_class)) + ", " +
                    std::to_string(entry.bytes) + (entry.from_forward ? "" : ", backward"));
  }
  return lines;
}

Lines lines_of(const comm::Counters& counters) {
  Lines lines;
  for (const comm::Purpose purpose : comm::all_purposes) {
    for (const comm::Operation operation : comm::all_operations) {
      const comm::CallStats& stats = counters.at(operation, purpose);
      lines.push_back(std::string(comm::name_of(operation)) + " of " +
                      std::string(comm::name_of(purpose)) + ": " + std::to_string(stats.calls) +
                      ", " + std::to_string(stats.message_bytes) + ", " +
                      std::to_string(stats.wire_bytes));
    }
  }
  return lines;
}

class DryRunOfAStep : public ::testing::Test {
 protected:
  template <class T>
  void expect_to_be_the_step_in(const config::Case& c) {
    SCOPED_TRACE(support::describe(c));
    const DryRun planned = run_dry(c);
    Device device;
    device.products = method_of(c);
    memory::Pool pool;
    memory::Ledger ledger(pool);
    model::Stack<T> stack(c, device, ledger, comm_);
    comm_.reset_counters();
    run_step(stack);
    const memory::Tide& tide = ledger.tide();
    EXPECT_EQ(planned.tide.peak_bytes, tide.peak_bytes);
    EXPECT_EQ(lines_of(planned.tide.at_peak), lines_of(tide.at_peak));
    EXPECT_EQ(lines_of(planned.tide.at_turn), lines_of(tide.at_turn));
    EXPECT_EQ(planned.tide.tensors, tide.tensors);
    EXPECT_EQ(planned.tide.live_bytes, 0U);
    EXPECT_EQ(planned.pool_bytes, static_cast<std::int64_t>(ledger.pool_bytes()));
    EXPECT_EQ(lines_of(planned.counters), lines_of(comm_.counters()));
    EXPECT_EQ(planned.parameter_bytes, static_cast<std::int64_t>(stack.store().value_bytes()));
    EXPECT_EQ(planned.gradient_bytes, static_cast<std::int64_t>(stack.store().gradient_bytes()));
    EXPECT_EQ(planned.table_bytes, static_cast<std::int64_t>(stack.table_bytes()));
    EXPECT_EQ(planned.exchange_buffer_bytes,
              static_cast<std::int64_t>(stack.store().exchange_buffer_bytes()));
    // The next step finds the pool's free blocks in other places, and needs no more memory.
    run_step(stack);
    EXPECT_EQ(planned.tide.peak_bytes, ledger.tide().peak_bytes);
    EXPECT_EQ(planned.pool_bytes, static_cast<std::int64_t>(ledger.pool_bytes()));
  }
  /// With every library that this build has.
  void expect_to_be_the_step(config::Case c) {
    for (const ProductLibrary library : support::product_libraries()) {
      if (library == ProductLibrary::onednn && c.precision == DType::fp64) continue;
      c.products = from_word<config::Products>(word_of(library)).value();
      SCOPED_TRACE(word_of(library));
      with_scalar_of(c.precision,
                     [&](auto scalar) { expect_to_be_the_step_in<decltype(scalar)>(c); });
    }
  }

  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

constexpr std::array precisions{DType::fp64, DType::fp32, DType::bf16};

TEST_F(DryRunOfAStep, IsTheStepToTheByte) {
  for (const DType precision : precisions) {
    for (const config::Case& c : support::variants(comm_.size(), precision)) {
      expect_to_be_the_step(c);
    }
  }
}

/// Has tensors from much smaller than a segment of the pool, 1 MiB, to larger than one.
config::Case larger(config::Case c) {
  c.model.seq_length = 64;
  c.model.micro_batch_size = 5;
  c.model.hidden_size = 192;
  c.model.ffn_hidden_size = 768;
  c.model.num_layers = 5;
  return c;
}

TEST_F(DryRunOfAStep, HoldsInItsPoolWhatTheStepHoldsWhereSegmentsAreMany) {
  for (const DType precision : {DType::fp32, DType::bf16}) {
    const config::Case c = larger(support::small_case(comm_.size(), true, precision));
    EXPECT_GE(run_dry(c).pool_bytes, 3 << 20);
    expect_to_be_the_step(c);
    for (const config::Case& mode : support::modes_of(c)) expect_to_be_the_step(larger(mode));
  }
}

// A plan and a run report the same figures in the same way.
TEST_F(DryRunOfAStep, PlansEveryCaseAndAgreesWithTheory) {
  for (const DType precision : precisions) {
    for (const config::Case& c : support::variants(comm_.size(), precision)) {
      PlanResult plan;
      ASSERT_NO_THROW(plan = plan_case(c)) << support::describe(c);
      const DryRun dry_run = run_dry(c);
      EXPECT_EQ(plan.memory.parameters, theory::parameter_bytes(c) + dry_run.table_bytes);
      EXPECT_EQ(plan.memory.communication_buffers,
                dry_run.exchange_buffer_bytes + dry_run.scratch_bytes);
      EXPECT_EQ(plan.memory.gradients, theory::gradient_bytes(c));
      EXPECT_EQ(plan.memory.optimizer, theory::optimizer_bytes(c));
      EXPECT_FALSE(plan.memory.pool.has_value());
      EXPECT_EQ(plan.memory.peak, static_cast<std::int64_t>(dry_run.tide.peak_bytes));
      EXPECT_EQ(plan.total_bytes(), theory::parameter_bytes(c) + theory::gradient_bytes(c) +
                                        theory::optimizer_bytes(c) + plan.memory.peak +
                                        dry_run.table_bytes + dry_run.communication_bytes());
      EXPECT_EQ(plan.calls.empty(), comm_.size() == 1);
      for (const CallLine& call : plan.calls) {
        EXPECT_GT(call.count, 0);
        EXPECT_FALSE(call.seconds.has_value());
        EXPECT_FALSE(call.blocked_seconds.has_value());
        EXPECT_FALSE(call.busbw_gbytes_per_s.has_value());
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::bench
