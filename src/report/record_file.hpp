// SPDX-License-Identifier: BSD-3-Clause
// The results file: one record a line.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

namespace tidemark::report {

/// Lines are added one by one, each in one write, so that what was measured outlives what comes
/// after it. Several processes may add to one file: each line, and mending, is done under a lock
/// (flock; on a file system that has none, without).
class RecordFile {
 public:
  /// Opens for appending; throws InputError, `FILE: ...`, when that is not possible. A last line
  /// that was cut off is mended first, which a line on stderr tells.
  explicit RecordFile(std::filesystem::path path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Adds one line. Where the file has been moved or deleted meanwhile, a new one of its name is
  /// begun, and a line on stderr says so. Throws RunError when the disk does not take it; nothing
  /// of the line is left then.
  void append(const nlohmann::ordered_json& record);

 private:
  void open();
  void follow_name();

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace tidemark::report
