// SPDX-License-Identifier: BSD-3-Clause
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/rank_zero.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

class FromRankZero : public ::testing::Test {
 protected:
  MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

TEST_F(FromRankZero, OneRankWorksAndAllHaveItsText) {
  int calls = 0;
  const std::string expected = std::string("two\nlines, a \0 and \xff", 20);
  const std::string text = from_rank_zero(comm_, [&] {
    ++calls;
    return expected;
  });
  EXPECT_EQ(text, expected);
  EXPECT_EQ(calls, comm_.rank() == 0 ? 1 : 0);
}

TEST_F(FromRankZero, AnEmptyTextIsNoError) {
  EXPECT_EQ(from_rank_zero(comm_, [] { return std::string(); }), "");
}

TEST_F(FromRankZero, AnInputErrorReachesAllRanksWithItsLine) {
  try {
    from_rank_zero(comm_, []() -> std::string { throw InputError("a.yaml:1:2: no"); });
    FAIL() << "no error on rank " << comm_.rank();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "a.yaml:1:2: no");
    EXPECT_EQ(error.scope(), Scope::all_ranks);
  }
}

// Only rank 0 has the error, but all ranks throw it, so that all of them can end in order.
TEST_F(FromRankZero, ARunErrorReachesAllRanksAndIsTheirsAlike) {
  try {
    from_rank_zero(comm_, []() -> std::string { throw RunError("disk full"); });
    FAIL() << "no error on rank " << comm_.rank();
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(), "disk full");
    EXPECT_EQ(error.status(), ExitStatus::failed);
    EXPECT_EQ(error.scope(), Scope::all_ranks);
  }
  EXPECT_EQ(from_rank_zero(comm_, [] { return std::string("after"); }), "after");
}

}  // namespace
}  // namespace tidemark::comm
