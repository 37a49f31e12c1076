// SPDX-License-Identifier: BSD-3-Clause
// The trace of a run: Chrome's trace format, which Perfetto (ui.perfetto.dev) opens.
#pragma once

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"

namespace tidemark::report {

/// One file for all cases of a run, one after another in time; pid is the rank, times are in
/// microseconds. Each case has a slice for its step and one for either direction, and a counter
/// "live activations" of the bytes of each class, changing as the ledger did. On a host, track
/// `compute` has the kernels, `comm` every call from posting until it was complete (more such
/// tracks where calls are under way together), and a third one the time in which the rank was
/// inside the communicator: who waited, and for what.
///
/// Every case is flushed as it ends: the format allows the closing bracket to be missing.
class TraceFile {
 public:
  /// Opens and empties; throws InputError, `FILE: ...`, when that is not possible.
  explicit TraceFile(const std::filesystem::path& path);
  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  /// Adds the traced step of a case; throws RunError when the disk does not take it.
  void append(const bench::CaseResult& result);

 private:
  void write(const nlohmann::ordered_json& event);

  std::filesystem::path path_;
  std::ofstream file_;
  bool is_first_ = true;
  double start_us_ = 0.0;  ///< of the next case
};

}  // namespace tidemark::report
