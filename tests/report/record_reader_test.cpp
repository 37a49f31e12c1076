// SPDX-License-Identifier: BSD-3-Clause
#include "report/record_reader.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "report/record.hpp"
#include "report/record_file.hpp"

namespace tidemark::report {
namespace {

class File : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& text) const {
    std::ofstream(path_, std::ios::binary | std::ios::app) << text;
  }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("tidemark-records-" + std::to_string(getpid()));
};

struct Read {
  std::vector<std::string> records;
  std::vector<DamagedLine> damage;
};

Read read(const std::filesystem::path& path, std::set<std::string> keys) {
  Read result;
  const std::size_t count =
      read_records(path, {std::move(keys),
                          [&](const nlohmann::json& record, std::size_t line) {
                            result.records.push_back(std::to_string(line) + record.dump());
                          },
                          [&](const DamagedLine& line) { result.damage.push_back(line); }});
  EXPECT_EQ(count, result.records.size());
  return result;
}

const std::string first =
    R"({"schema_version":1,"kind":"run","a":{"b":[1,{"c":2}],"d":3},"e":[4,[5]],"f":6})";

using RecordReader = File;

TEST_F(RecordReader, KeepsTheKeysOfInterestWhole) {
  write(first + "\n\n" + first.substr(0, first.size() - 2) + "7}\n");
  const std::string head = R"("kind":"run","schema_version":1})";
  EXPECT_EQ(read(path_, {"a"}).records.at(1), R"(3{"a":{"b":[1,{"c":2}],"d":3},)" + head);
  EXPECT_EQ(read(path_, {"e"}).records.at(0), R"(1{"e":[4,[5]],)" + head);
  EXPECT_EQ(read(path_, {"f"}).records.at(0), R"(1{"f":6,)" + head);
  EXPECT_EQ(read(path_, {"b"}).records.at(0), "1{" + head);  // only a key of the top level
  EXPECT_EQ(read(path_, {}).records.at(0), "1" + nlohmann::json::parse(first).dump());
}

TEST_F(RecordReader, TellsWhatIsDamagedAndWhere) {
  const std::string second = first.substr(0, first.size() - 2) + "7}";
  write(first + "\n" + first.substr(0, 20) + "\n" + second + "\n" + first.substr(0, 30));
  const Read result = read(path_, {"a"});
  EXPECT_EQ(result.records.size(), 2U);
  ASSERT_EQ(result.damage.size(), 2U);
  EXPECT_EQ(result.damage[0].number, 2U);
  EXPECT_FALSE(result.damage[0].is_cut_off);
  EXPECT_EQ(result.damage[1].number, 4U);
  EXPECT_TRUE(result.damage[1].is_cut_off);
}

TEST_F(RecordReader, TellsRecordsOfOthersApart) {
  write("{}\n{\"schema_version\":99,\"kind\":\"run\"}\n[1]\n");
  const Read result = read(path_, {"a"});
  EXPECT_EQ(result.records.size(), 0U);
  ASSERT_EQ(result.damage.size(), 3U);
  EXPECT_EQ(result.damage[1].reason, "has schema_version 99, and only 1 and 2 are read");
  EXPECT_FALSE(result.damage[2].is_cut_off);
  EXPECT_THROW(read(path_ / "none", {}), InputError);
}

TEST_F(RecordReader, ReadsBothVersionsAndNoOther) {
  const std::vector<std::string> versions{"1", "2", "0", "3", "99", "\"2\"", "1.0", "true", "null"};
  for (const std::string& version : versions) {
    write("{\"schema_version\":" + version + ",\"kind\":\"run\"}\n");
  }
  const Read result = read(path_, {"a"});
  EXPECT_EQ(result.records.size(), 2U);
  ASSERT_EQ(result.damage.size(), versions.size() - 2);
  for (std::size_t i = 2; i < versions.size(); ++i) {
    EXPECT_EQ(result.damage[i - 2].number, i + 1);
    EXPECT_EQ(result.damage[i - 2].reason,
              "has schema_version " + versions[i] + ", and only 1 and 2 are read");
  }
}

TEST_F(RecordReader, CountsTheSameRecordOnce) {
  write(first + "\n" + first + " \r\n\xEF\xBB\xBF" + first + "\n" + first);
  std::vector<std::pair<std::size_t, std::size_t>> repeated;
  RecordVisitor visitor{{}, [](const nlohmann::json&, std::size_t) {}, [](const DamagedLine&) {}};
  visitor.repetition = [&](std::size_t line, std::size_t before) {
    repeated.emplace_back(line, before);
  };
  EXPECT_EQ(read_records(path_, visitor), 1U);
  EXPECT_EQ(repeated, (std::vector<std::pair<std::size_t, std::size_t>>{{2, 1}, {3, 1}, {4, 1}}));
}

TEST_F(RecordReader, RefusesWhatTwoReadersWouldUnderstandInTwoWays) {
  const std::string head = R"({"schema_version":2,"kind":"run",)";
  write(head + R"("f":1,"f":2})" + "\n" + head + R"("g":{"x":1,"\u0078":2}})" + "\n" + head +
        "\"g\":" + std::string(100'000, '[') + "\n" + head + "\"f\":NaN}\n" + head +
        "\"f\":1e999}\n" + head + "\"f\":\"\xF6\"}\n" + head + "\"f\":\"\\ud800\"}\n" + first);
  const Read result = read(path_, {"f"});
  EXPECT_EQ(result.records.size(), 1U);
  ASSERT_EQ(result.damage.size(), 7U);
  EXPECT_EQ(result.damage[0].reason, "is damaged: the key \"f\" stands twice in an object");
  EXPECT_EQ(result.damage[1].reason, "is damaged: the key \"x\" stands twice in an object");
  EXPECT_EQ(result.damage[2].reason, "is damaged: nested deeper than 100");
  for (const DamagedLine& line : result.damage) EXPECT_FALSE(line.is_cut_off);
}

using Mending = File;

TEST_F(Mending, HalfARecordGoes) {
  write(first + "\n" + first.substr(0, first.size() - 1));
  RecordFile(path_).append({{"n", 1}});
  EXPECT_EQ(text(), first + "\n{\"n\":1}\n");
}

TEST_F(Mending, AWholeRecordGetsItsEnd) {
  write(first);
  RecordFile(path_).append({{"n", 1}});
  EXPECT_EQ(text(), first + "\n{\"n\":1}\n");
}

TEST_F(Mending, WhatIsNotOursStays) {
  write("notes without an end");
  RecordFile(path_).append({{"n", 1}});
  EXPECT_EQ(text(), "notes without an end\n{\"n\":1}\n");
}

TEST_F(Mending, ALongEndIsFoundAcrossBlocks) {
  const std::string half = first.substr(0, 20) + std::string(200'000, 'x');
  write(first + "\n" + half);
  RecordFile(path_).append({{"n", 1}});
  EXPECT_EQ(text(), first + "\n{\"n\":1}\n");
}

TEST_F(Mending, AGoodFileIsLeftAlone) {
  write(first + "\n");
  RecordFile(path_).append({{"n", 1}});
  EXPECT_EQ(text(), first + "\n{\"n\":1}\n");
}

}  // namespace
}  // namespace tidemark::report
