// SPDX-License-Identifier: BSD-3-Clause
// Wall-clock time.
#pragma once

#include <chrono>

namespace tidemark {

/// Seconds since construction, by the steady clock.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tidemark
