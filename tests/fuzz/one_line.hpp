// SPDX-License-Identifier: BSD-3-Clause
// What every message about bad input must be.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tidemark::fuzz {

/// Ends the process if a message is empty, has a control character, or is too long to read.
inline void require_one_line(const char* message) {
  constexpr std::size_t most = 4096;
  const std::size_t length = std::strlen(message);
  bool good = length > 0 && length <= most;
  for (std::size_t i = 0; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    good = good && byte >= 0x20 && byte != 0x7f;
  }
  if (good) return;
  std::fprintf(stderr, "not one clear line: %s\n", message);
  std::abort();
}

}  // namespace tidemark::fuzz
