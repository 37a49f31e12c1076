// SPDX-License-Identifier: BSD-3-Clause
#include "report/record_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::report {
namespace {

namespace fs = std::filesystem;

/// A temporary folder for a test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "tidemark-records-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] fs::path file(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(RecordFile, AppendsAndFlushesLineByLine) {
  const Folder folder;
  const auto path = folder.file("r.jsonl");
  const auto lines = [&] {
    std::ifstream file(path);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) {
      all.push_back(line);
    }
    return all;
  };
  {
    RecordFile file(path);
    file.append({{"n", 1}});
    EXPECT_EQ(lines().size(), 1U);  // while it is open
  }
  RecordFile(path).append({{"n", 2}});
  EXPECT_EQ(lines(), (std::vector<std::string>{R"({"n":1})", R"({"n":2})"}));
}

TEST(RecordFile, LeavesALineThatWasCutOffToItself) {
  const Folder folder;
  const auto path = folder.file("r.jsonl");
  std::ofstream(path) << R"({"n":1})" << '\n' << R"({"n":)";
  RecordFile(path).append({{"n", 2}});
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, "{\"n\":1}\n{\"n\":\n{\"n\":2}\n");
}

TEST(RecordFile, RefusesAPathThatCannotBeWritten) {
  EXPECT_THROW(RecordFile("/dev/null/results.jsonl"), InputError);
}

TEST(RecordFile, ManyWritersLoseNothing) {
  const Folder folder;
  const auto path = folder.file("r.jsonl");
  std::ofstream(path) << R"({"schema_version":2,"case")";  // the rest of a writer that was killed
  constexpr int writers = 8;
  constexpr int lines = 200;
  const std::string filling(3000, 'x');
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (int line = 0; line < lines; ++line) {
        RecordFile(path).append({{"writer", writer}, {"line", line}, {"filling", filling}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ifstream file(path);
  std::vector<int> found(writers, 0);
  for (std::string line; std::getline(file, line);) {
    ++found[nlohmann::json::parse(line).at("writer").get<std::size_t>()];
  }
  EXPECT_EQ(found, std::vector<int>(writers, lines));
}

TEST(RecordFile, GoesOnUnderItsNameWhereTheFileIsMovedOrDeleted) {
  const Folder folder;
  const auto path = folder.file("r.jsonl");
  RecordFile file(path);
  file.append({{"n", 1}});
  fs::rename(path, folder.file("moved.jsonl"));
  testing::internal::CaptureStderr();
  file.append({{"n", 2}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            path.string() + ": was moved or deleted; records go on in a new file of that name\n");
  EXPECT_EQ(text_of(folder.file("moved.jsonl")), "{\"n\":1}\n");
  EXPECT_EQ(text_of(path), "{\"n\":2}\n");
  fs::remove(path);
  testing::internal::CaptureStderr();
  file.append({{"n", 3}});
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(text_of(path), "{\"n\":3}\n");
}

TEST(RecordFile, SaysWhyADiskDoesNotTakeARecord) {
  RecordFile file("/dev/full");
  try {
    file.append({{"n", 1}});
    FAIL() << "a full disk took a record";
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(),
                 "/dev/full: the record could not be written: No space left on device");
  }
}

TEST(RecordFile, RefusesAPipeThatNobodyReads) {
  const Folder folder;
  const auto path = folder.file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  try {
    const RecordFile file(path);
    FAIL() << "opened";
  } catch (const InputError& error) {
    EXPECT_EQ(error.what(),
              path.string() + ": cannot be opened for writing: nobody reads from this pipe");
  }
}

TEST(RecordFile, ARecordOfTextThatIsNotUtf8IsKept) {
  const Folder folder;
  const auto path = folder.file("r.jsonl");
  RecordFile(path).append({{"host",
                            "n\xf6"
                            "de"}});
  EXPECT_EQ(text_of(path),
            "{\"host\":\"n\ufffd"
            "de\"}\n");
}

}  // namespace
}  // namespace tidemark::report
