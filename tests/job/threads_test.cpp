// SPDX-License-Identifier: BSD-3-Clause
#include "job/threads.hpp"

#include <gtest/gtest.h>

#include "job/fake_environment.hpp"

namespace tidemark::job {
namespace {

using testing::variables;

TEST(Threads, AreTheShareUnlessTheUserSays) {
  EXPECT_EQ(choose_threads(4, {"tidemark", "run"}, variables({})).number, 4);
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_NUM_THREADS", "nonsense"}})).number, 4);
}

TEST(Threads, ThatTheUserAskedForAreLeftToWhoReadsThem) {
  for (const char* const name : {"OMP_NUM_THREADS", "KOKKOS_NUM_THREADS"}) {
    EXPECT_EQ(choose_threads(4, {}, variables({{name, "2"}})).number, std::nullopt) << name;
  }
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_NUM_THREADS", "3,2"}})).number, std::nullopt);
  // Kokkos refuses an option that differs from the variable.
  for (const char* const option : {"--kokkos-threads=2", "--kokkos-num-threads=2"}) {
    EXPECT_EQ(choose_threads(4, {"run", option}, variables({})).number, std::nullopt) << option;
  }
}

TEST(Threads, AreNoMoreThanTheLimit) {
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_THREAD_LIMIT", "1"}})).number, 1);
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_THREAD_LIMIT", "9"}})).number, 4);
}

TEST(Threads, BeyondTheLimitAreRefusedByTheNameOfWhoAsks) {
  EXPECT_EQ(
      choose_threads(4, {}, variables({{"OMP_THREAD_LIMIT", "1"}, {"OMP_NUM_THREADS", "2"}})).wrong,
      "environment: OMP_NUM_THREADS=2 is more than OMP_THREAD_LIMIT=1 allows");
  EXPECT_EQ(
      choose_threads(4, {}, variables({{"OMP_THREAD_LIMIT", "1"}, {"KOKKOS_NUM_THREADS", "3"}}))
          .wrong,
      "environment: KOKKOS_NUM_THREADS=3 is more than OMP_THREAD_LIMIT=1 allows");
  EXPECT_EQ(choose_threads(4, {"--kokkos-threads=2"}, variables({{"OMP_THREAD_LIMIT", "1"}})).wrong,
            "command line: --kokkos-threads=2 is more than OMP_THREAD_LIMIT=1 allows");
  EXPECT_EQ(
      choose_threads(4, {}, variables({{"OMP_THREAD_LIMIT", "2"}, {"OMP_NUM_THREADS", "2"}})).wrong,
      "");
}

TEST(Threads, BeyondWhatKokkosCanStartAreRefused) {
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_NUM_THREADS", "512"}})).wrong, "");
  EXPECT_EQ(choose_threads(4, {}, variables({{"OMP_NUM_THREADS", "600"}})).wrong,
            "environment: OMP_NUM_THREADS=600 is more than the 512 threads that a rank can have");
  EXPECT_EQ(choose_threads(1000, {}, variables({})).number, 512);
}

}  // namespace
}  // namespace tidemark::job
