// SPDX-License-Identifier: BSD-3-Clause
// Reads records back, one line at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace tidemark::report {

/// The versions of records that are read. A version is a whole number such as 1, and not "1" or
/// 1.0.
inline constexpr int oldest_readable = 1;
inline constexpr int newest_readable = 2;

/// A line that is not a whole record of a readable version.
struct DamagedLine {
  std::size_t number = 0;  ///< from 1
  std::string reason;      ///< "is damaged: ..."
  /// True: the line is not whole JSON, and only empty lines follow. A killed writer leaves such a
  /// line.
  bool is_cut_off = false;
};

/// Receives the records of a file.
struct RecordVisitor {
  /// Top-level keys of interest. All others are skipped, which costs no memory and little time.
  /// Empty: all keys are of interest.
  std::set<std::string> keys;
  /// Gets the keys of interest of each record, and the number of its line.
  std::function<void(const nlohmann::json& record, std::size_t line)> record;
  /// Gets each damaged line.
  std::function<void(const DamagedLine&)> damage;
  /// Gets the number of a line that is equal, to the byte, to the earlier line `first`. Such a line
  /// does not count as another record. May be empty.
  std::function<void(std::size_t line, std::size_t first)> repetition = {};
};

/// Reads the records of `path` in order and returns their number. Holds at most one of them at a
/// time. The rules are in docs/definitions/record.md, section Reading records. Throws InputError,
/// `FILE: ...`, if the file cannot be read.
std::size_t read_records(const std::filesystem::path& path, const RecordVisitor& visitor);

/// Whether `text` is a whole JSON value.
bool is_whole_json(std::string_view text);

}  // namespace tidemark::report
