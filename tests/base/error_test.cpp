// SPDX-License-Identifier: BSD-3-Clause
#include "base/error.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(Errors, CarryStatusAndScope) {
  const InputError input("a.yaml:1:2: model: wrong");
  EXPECT_EQ(input.status(), ExitStatus::input_error);
  EXPECT_EQ(input.scope(), Scope::all_ranks);
  EXPECT_STREQ(input.what(), "a.yaml:1:2: model: wrong");
  const RunError run("failed");
  EXPECT_EQ(run.status(), ExitStatus::failed);
  EXPECT_EQ(run.scope(), Scope::this_rank);
  EXPECT_EQ(RunError("failed", Scope::all_ranks).scope(), Scope::all_ranks);
}

TEST(Errors, StatusesAreThoseOfTheCommandLine) {
  EXPECT_EQ(static_cast<int>(ExitStatus::good), 0);
  EXPECT_EQ(static_cast<int>(ExitStatus::invalid), 1);
  EXPECT_EQ(static_cast<int>(ExitStatus::input_error), 2);
  EXPECT_EQ(static_cast<int>(ExitStatus::failed), 3);
}

TEST(Require, NamesConditionMessageAndPlace) {
  int evaluated = 0;
  const auto message = [&] {
    ++evaluated;
    return std::string("five is right out");
  };
  EXPECT_NO_THROW(TIDEMARK_REQUIRE(1 + 1 == 2, message()));
  EXPECT_EQ(evaluated, 0);
  try {
    TIDEMARK_REQUIRE(evaluated == 5, message());
    FAIL() << "the requirement does not hold";
  } catch (const BrokenInvariant& error) {
    const std::string line = error.what();
    EXPECT_NE(line.find("evaluated == 5"), std::string::npos) << line;
    EXPECT_NE(line.find("five is right out"), std::string::npos) << line;
    EXPECT_NE(line.find("error_test.cpp:"), std::string::npos) << line;
  }
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace tidemark
