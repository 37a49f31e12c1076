// SPDX-License-Identifier: BSD-3-Clause
#include "commands/progress.hpp"

#include <gtest/gtest.h>

namespace tidemark::commands {
namespace {

template <class Body>
std::string on_stderr(const Body& body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

std::string shown(bool shown, bool whole_lines) {
  return on_stderr([&] {
    Progress progress(shown, whole_lines);
    progress.show("case 1/1: warm-up 1/2");
    progress.show("case 1/1: warm-up 2/2");
    progress.show("case 1/1: iteration 1/3");
    progress.show("case 1/1: iteration 2/3");
    progress.show("case 1/1: iteration 3/3");
  });
}

TEST(Progress, IsOneLineThatIsWrittenOver) {
  EXPECT_EQ(shown(true, false),
            "\r\x1b[Kcase 1/1: warm-up 1/2\r\x1b[Kcase 1/1: warm-up 2/2"
            "\r\x1b[Kcase 1/1: iteration 1/3\r\x1b[Kcase 1/1: iteration 2/3"
            "\r\x1b[Kcase 1/1: iteration 3/3\r\x1b[K");
}

TEST(Progress, IsWholeLinesWithoutControlCharactersOnDemand) {
  EXPECT_EQ(shown(true, true),
            "case 1/1: warm-up 1/2\ncase 1/1: warm-up 2/2\ncase 1/1: iteration 3/3\n");
}

TEST(Progress, IsSilentWhereNobodyWatches) {
  EXPECT_EQ(shown(false, false), "");
  EXPECT_EQ(shown(false, true), "");
}

TEST(Progress, IsNotRepeatedWhenItIsWiped) {
  EXPECT_EQ(on_stderr([] {
              Progress progress(true, true);
              progress.show("case 1/1: iteration 3/3");
              progress.wipe();
              progress.wipe();
            }),
            "case 1/1: iteration 3/3\n");
}

}  // namespace
}  // namespace tidemark::commands
