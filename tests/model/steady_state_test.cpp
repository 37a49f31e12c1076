// SPDX-License-Identifier: BSD-3-Clause
// After its first step, a stack asks the system for no memory. Kokkos itself counts the
// allocations.
#include <gtest/gtest.h>

#include "bench/case/product_rate.hpp"
#include "bench/step/step.hpp"
#include "comm/factory.hpp"
#include "support/cases.hpp"

namespace tidemark {
namespace {

int allocations = 0;

void count_allocation(Kokkos_Profiling_SpaceHandle, const char*, const void*, std::uint64_t) {
  ++allocations;
}

class CountAllocations {
 public:
  CountAllocations() {
    allocations = 0;
    Kokkos::Tools::Experimental::set_allocate_data_callback(&count_allocation);
  }
  ~CountAllocations() { Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr); }
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;
};

template <class T>
class SteadyState : public ::testing::Test {};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(SteadyState, Reals);

TYPED_TEST(SteadyState, StepsAllocateNothingAfterTheFirst) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(1, dtype_of<T>)) {
    const auto communicator = comm::make_self_communicator();
    Device device;
    memory::Pool pool;
    memory::Ledger ledger(pool);
    const CountAllocations count;
    model::Stack<T> stack(c, device, ledger, *communicator);
    bench::run_step(stack);
    // These are values, gradients and a segment of the pool, and for llama the rotary angles. With
    // fewer, the callback would not have fired.
    const int expected = c.model.is_llama() ? 4 : 3;
    EXPECT_EQ(allocations, expected) << support::describe(c);
    for (int step = 0; step < 2; ++step) bench::run_step(stack);
    EXPECT_EQ(allocations, expected) << support::describe(c);
  }
}

TYPED_TEST(SteadyState, NeitherDoesTheProductThatIsMeasuredBetweenSteps) {
  using T = TypeParam;
  const auto communicator = comm::make_self_communicator();
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  const CountAllocations count;
  // The case whose steps hold least: full recomputation of a single layer.
  config::Case c = support::recomputing(support::small_case(1, false, dtype_of<T>), "full");
  c.model.num_layers = 1;
  model::Stack<T> stack(c, device, ledger, *communicator);
  bench::ProductRate<T> rate(stack);
  bench::run_step(stack);
  const std::size_t held = pool.held_bytes();
  allocations = 0;
  for (int step = 0; step < 2; ++step) {
    rate.measure();
    bench::run_step(stack);
  }
  EXPECT_EQ(allocations, 0);
  EXPECT_EQ(pool.held_bytes(), held);
}

}  // namespace
}  // namespace tidemark
