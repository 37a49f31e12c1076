// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/host_threads.hpp"

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

namespace tidemark::bench {
namespace {

TEST(HostThreads, EachOfKokkosSaysWhereItMayRun) {
  const auto cpus = cpus_of_threads();
  EXPECT_EQ(cpus.size(),
            static_cast<std::size_t>(Kokkos::DefaultHostExecutionSpace().concurrency()));
  for (const job::CpuList& thread : cpus) {
    EXPECT_FALSE(thread.empty());
    EXPECT_TRUE(job::is_within(thread, job::cpus_at_start())) << job::text_of(thread);
  }
}

TEST(HostThreads, SayTheSameTwice) { EXPECT_EQ(cpus_of_threads(), cpus_of_threads()); }

}  // namespace
}  // namespace tidemark::bench
