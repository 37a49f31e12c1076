// After its first step a stack asks the system for no memory: counted by Kokkos itself.
#include <gtest/gtest.h>

#include "bench/product_rate.hpp"
#include "bench/step.hpp"
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

TEST(SteadyState, StepsAllocateNothingAfterTheFirst) {
  const auto communicator = comm::make_self_communicator();
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  const CountAllocations count;
  model::Stack<float> stack(support::small_case(1, false, DType::fp32), device, ledger,
                            *communicator);
  bench::ProductRate<float> rate(stack);
  bench::run_step(stack);
  rate.measure();
  EXPECT_GT(allocations, 2) << "the callback does not fire, so that nothing is proved";
  allocations = 0;
  for (int step = 0; step < 3; ++step) {
    bench::run_step(stack);
    rate.measure();
  }
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace tidemark
