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

/// The versions of records that are read: whole numbers, as 1, and not "1" or 1.0.
inline constexpr int oldest_readable = 1;
inline constexpr int newest_readable = 2;

/// A line that holds no whole record of a version that is read.
struct DamagedLine {
  std::size_t number = 0;  ///< from 1
  std::string reason;      ///< "is damaged: ..."
  /// It is no whole JSON, and nothing but empty lines follows: what a killed writer leaves.
  bool is_cut_off = false;
};

/// What becomes of the records of a file.
struct RecordVisitor {
  /// Top-level keys that are of interest; all others are skipped, which costs neither memory nor
  /// much time. Empty: all.
  std::set<std::string> keys;
  /// Gets the keys of interest of each record, with its line.
  std::function<void(const nlohmann::json& record, std::size_t line)> record;
  /// Gets each line that is damaged.
  std::function<void(const DamagedLine&)> damage;
  /// Gets the line of a record that stands in line `first` already, to the byte; such a line is no
  /// further record. May be empty.
  std::function<void(std::size_t line, std::size_t first)> repetition = {};
};

/// Reads the records of `path` in order, never holding more than one of them; returns how many
/// there were. The rules are those of docs/definitions/record.md, section Reading records. Throws
/// InputError, `FILE: ...`, where the file cannot be read.
std::size_t read_records(const std::filesystem::path& path, const RecordVisitor& visitor);

/// Whether `text` is a whole JSON value.
bool is_whole_json(std::string_view text);

}  // namespace tidemark::report
