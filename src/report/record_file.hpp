// SPDX-License-Identifier: BSD-3-Clause
// The results file, with one record per line.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

namespace tidemark::report {

/// Adds lines one by one, each in one write, so that earlier results survive later failures.
/// Several processes may add to one file. Each line is written, and the end is mended, under a lock
/// (flock), or without it on a file system that has no locks.
class RecordFile {
 public:
  /// Opens for appending. Throws InputError, `FILE: ...`, if that is not possible. If the last line
  /// was cut off, it is mended first, and a line on stderr says so.
  explicit RecordFile(std::filesystem::path path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Adds one line. If the file has been moved or deleted, starts a new file with the same name,
  /// and a line on stderr says so. Throws RunError if the disk does not take the line; then no part
  /// of it is left.
  void append(const nlohmann::ordered_json& record);

 private:
  void open();
  void follow_name();

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace tidemark::report
