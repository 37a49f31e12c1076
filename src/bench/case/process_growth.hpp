// By how much a process grew over a case, to be held against what the accounts say that it holds.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/verify/verification.hpp"

namespace tidemark::bench {

/// Watches the resident size of this process, where its kernels run on the host. Made before
/// anything of a case is allocated.
class ProcessGrowth {
 public:
  /// Notes what the process holds now, once free memory has gone back to the system.
  ProcessGrowth();

  /// The steps that count begin: the high-water mark starts anew. What is held still counts; what
  /// was held for a while before does not (copies of a verification, trials of `auto`).
  void begin();
  /// They are over: takes the mark down.
  void end();

  /// The mark of those steps, bytes; nullopt where the system does not tell, or on a device.
  [[nodiscard]] std::optional<std::int64_t> peak() const { return peak_; }
  /// The mark above what the process held at first; nullopt likewise.
  [[nodiscard]] std::optional<std::int64_t> bytes() const;

 private:
  std::optional<std::int64_t> before_;
  bool is_mark_new_ = false;
  std::optional<std::int64_t> peak_;
};

/// The difference of the growth and of what the accounts say, bytes, must be within 5 % of the
/// accounts and 150 MiB for what libraries keep.
Check check_process_growth(std::int64_t growth, std::int64_t accounts);

}  // namespace tidemark::bench
