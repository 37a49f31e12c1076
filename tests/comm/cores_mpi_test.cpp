#include "comm/cores.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <vector>

#include "comm/mpi.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

TEST(FairShareOfCores, DividesACoreSetAmongThoseThatHaveIt) {
  MpiCommunicator comm(MPI_COMM_WORLD, 60s);
  cpu_set_t own;
  CPU_ZERO(&own);
  ASSERT_EQ(sched_getaffinity(0, sizeof own, &own), 0);
  // Whatever the launcher did: a rank bound apart from all others has all of its cores, and where
  // no rank is bound, they share them evenly.
  const std::string mask(reinterpret_cast<const char*>(&own), sizeof own);
  int sharers = 0;
  for (const std::string& other : comm.gather_bytes(mask)) sharers += other == mask ? 1 : 0;
  const int share = fair_share_of_cores();
  EXPECT_GE(share, 1);
  EXPECT_EQ(share, std::max(1, CPU_COUNT(&own) / sharers));
}

// Bound to one core each, as `mpirun --bind-to core` does.
TEST(FairShareOfCores, ABoundRankHasItsOwnCoresOnly) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(fair_share_of_cores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace tidemark::comm
