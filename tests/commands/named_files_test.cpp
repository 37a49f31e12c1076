// SPDX-License-Identifier: BSD-3-Clause
#include "commands/named_files.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::commands {
namespace {

namespace fs = std::filesystem;
using config::testing::refusal;

class NamedFiles : public ::testing::Test {
 protected:
  NamedFiles() {
    std::string name = (fs::temp_directory_path() / "tidemark-names-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::ofstream(folder_ / "there") << "a: 1\n";
    fs::create_symlink("there", folder_ / "link");
    fs::create_hard_link(folder_ / "there", folder_ / "second");
  }
  ~NamedFiles() override { fs::remove_all(folder_); }

  std::string refused(const std::string& input, const std::string& output) {
    return refusal([&] { require_distinct({{"the input", input}, {"--output", output}}); });
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }

 private:
  fs::path folder_;
};

TEST_F(NamedFiles, TheSameOneByWhateverNameIsRefused) {
  for (const char* name : {"there", "link", "second", "./there"}) {
    EXPECT_EQ(refused(path("there"), path(name)),
              "command line: the input and --output name the same file: " + path(name));
  }
}

TEST_F(NamedFiles, SoAreTwoThatAreStillToBeMade) {
  EXPECT_EQ(refused(path("new"), path("./new")),
            "command line: the input and --output name the same file: " + path("./new"));
  EXPECT_EQ(refused(path("new"), path("newer")), "accepted");
}

TEST_F(NamedFiles, DevicesMayBeNamedTwice) {
  EXPECT_EQ(refused("/dev/null", "/dev/null"), "accepted");
}

TEST_F(NamedFiles, AnEmptyNameIsRefused) {
  EXPECT_EQ(refused(path("there"), ""), "command line: --output names no file");
}

}  // namespace
}  // namespace tidemark::commands
