// SPDX-License-Identifier: BSD-3-Clause
// The listing of presets against the shapes that were published.
#include "report/preset_table.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/preset.hpp"

namespace tidemark::report {
namespace {

TEST(PresetTable, HasARowOfEach) {
  std::istringstream stream(preset_table());
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 2 + config::presets().size());
  for (const std::string& line : lines) EXPECT_EQ(line.size(), lines[0].size()) << line;
  for (const std::size_t i : {2U, 12U}) {
    std::istringstream words(lines[i]);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    const std::vector<std::string> first{"gpt-345m", "gpt", "24",   "1024",  "4096",
                                         "16",       "16",  "1024", "50257", "0.354"};
    const std::vector<std::string> last{"llama-3-405b", "llama", "126",  "16384",  "53248",
                                        "128",          "8",     "8192", "128256", "405.853"};
    EXPECT_EQ(row, i == 2 ? first : last);
  }
}

}  // namespace
}  // namespace tidemark::report
