// The README's table of keys is the program's.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "config/schema.hpp"

namespace {

TEST(Readme, HoldsTheTableOfKeys) {
  std::ifstream file("README.md");  // tests run in the root of the source tree
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  ASSERT_FALSE(text.empty());
  EXPECT_NE(text.find(tidemark::config::key_table_markdown()), std::string::npos)
      << "replace the table under 'YAML keys' by:\n"
      << tidemark::config::key_table_markdown();
}

}  // namespace
