// SPDX-License-Identifier: BSD-3-Clause
// A /proc and a /sys that a test makes, in a folder that is removed with the object.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "job/machine.hpp"

namespace tidemark::job::testing {

class FakeSystem {
 public:
  FakeSystem() {
    std::string name = (std::filesystem::temp_directory_path() / "tidemark-job-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = name;
    folders = {root_ / "proc", root_ / "sys"};
  }
  ~FakeSystem() { std::filesystem::remove_all(root_); }
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;

  void proc(const std::string& path, const std::string& text) const {
    write(folders.proc / path, text);
  }
  void sys(const std::string& path, const std::string& text) const {
    write(folders.sys / path, text);
  }
  /// The path of a file or folder of this /sys.
  [[nodiscard]] std::string sys_path(const std::string& path) const {
    return (folders.sys / path).string();
  }

  SystemFolders folders;

 private:
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }

  std::filesystem::path root_;
};

}  // namespace tidemark::job::testing
