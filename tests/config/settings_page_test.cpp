// SPDX-License-Identifier: BSD-3-Clause
// The table of keys in docs/settings.md must be that of the program.
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "config/schema.hpp"

namespace {

TEST(SettingsPage, HoldsTheTableOfKeys) {
  std::ifstream file("docs/settings.md");  // tests run in the root of the source tree
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  ASSERT_FALSE(text.empty());
  EXPECT_NE(text.find("\n\n" + tidemark::config::key_table_markdown()), std::string::npos)
      << "replace the table of docs/settings.md by what `tidemark keys --markdown` prints";
}

}  // namespace
