// SPDX-License-Identifier: BSD-3-Clause
// The trace of a run in Chrome's trace format, which Perfetto (ui.perfetto.dev) opens.
#pragma once

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"

namespace tidemark::report {

/// One file for all cases of a run, which follow each other in time. pid is the rank, and times are
/// in microseconds.
///
/// Each case has a slice for its step, and one each for forward and backward. A counter "live
/// activations" shows the bytes of each class over time, as in the ledger. On a host, track
/// `compute` has the kernels. Track `comm` has every call, from posting until it was complete;
/// further such tracks have calls that were pending concurrently. Another track has the time that
/// the rank spent in the communicator, which shows who waited and for what.
///
/// Every case is flushed at its end. The format allows the closing bracket to be missing.
class TraceFile {
 public:
  /// Opens and empties the file. Throws InputError, `FILE: ...`, if that is not possible.
  explicit TraceFile(const std::filesystem::path& path);
  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  /// Adds the traced step of a case. Throws RunError if the disk does not take it.
  void append(const bench::CaseResult& result);

 private:
  void write(const nlohmann::ordered_json& event);

  std::filesystem::path path_;
  std::ofstream file_;
  bool is_first_ = true;
  double start_us_ = 0.0;  ///< start of the next case
};

}  // namespace tidemark::report
