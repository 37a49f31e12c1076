// SPDX-License-Identifier: BSD-3-Clause
// The growth of a process during a case, for comparison with the accounts of its memory.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/verify/verification.hpp"

namespace tidemark::bench {

/// Watches the resident size of this process, if kernels run on the host. Make it before anything
/// of a case is allocated.
class ProcessGrowth {
 public:
  /// Returns free memory to the system and notes the bytes that the process holds now.
  ProcessGrowth();

  /// Call this before the timed steps. It restarts the high-water mark from the memory that is held
  /// now. Memory that was only held earlier does not count (copies of a verification, trials of
  /// `auto`).
  void begin();
  /// Call this after the timed steps. It notes the mark.
  void end();

  /// The mark in bytes; nullopt if the system does not tell, or on a device.
  [[nodiscard]] std::optional<std::int64_t> peak() const { return peak_; }
  /// The mark minus the bytes at construction; nullopt in the same cases.
  [[nodiscard]] std::optional<std::int64_t> bytes() const;

 private:
  std::optional<std::int64_t> before_;
  bool is_mark_new_ = false;
  std::optional<std::int64_t> peak_;
};

/// The difference between growth and accounts, both in bytes, must be at most 5 % of the accounts
/// plus 150 MiB for memory of libraries.
Check check_process_growth(std::int64_t growth, std::int64_t accounts);

}  // namespace tidemark::bench
