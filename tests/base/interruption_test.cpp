// SPDX-License-Identifier: BSD-3-Clause
#include "base/interruption.hpp"

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(Interruption, NotesTheFirstSignalAndLives) {
  const Interruption interruption(0, 1);
  EXPECT_EQ(Interruption::signal_number(), 0);
  EXPECT_EQ(Interruption::seconds(), 0.0);
  raise(SIGUSR1);
  raise(SIGTERM);
  EXPECT_EQ(Interruption::signal_number(), SIGUSR1);
  EXPECT_GT(Interruption::seconds(), 0.0);
  EXPECT_LT(Interruption::seconds(), 5.0);
  EXPECT_EQ(Interruption::patience(), 7.0);
  EXPECT_EQ(Interruption::name_of(Interruption::signal_number()), "SIGUSR1");
}

TEST(Interruption, ForgetsTheSignalOfAnEarlierOne) {
  {
    const Interruption earlier(0, 1);
    raise(SIGTERM);
  }
  raise(SIGTERM);  // ignored in between
  const Interruption interruption(0, 1);
  EXPECT_EQ(Interruption::signal_number(), 0);
}

TEST(Interruption, EndsAProcessThatDoesNotComeBack) {
  const auto hang = [] {
    // This imitates a launcher that kills soon, so that the test does not wait long.
    setenv("OMPI_MCA_orte_local_daemon_uri", "tcp://", 1);
    Interruption interruption(0, 1);
    interruption.set_line("1 of 2 cases done");
    raise(SIGTERM);
    std::this_thread::sleep_for(std::chrono::minutes(1));
  };
  EXPECT_EXIT(hang(), ::testing::ExitedWithCode(3), "^SIGTERM on rank 0: 1 of 2 cases done\n$");
}

}  // namespace
}  // namespace tidemark
