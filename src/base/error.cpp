// SPDX-License-Identifier: BSD-3-Clause
#include "base/error.hpp"

#include <fmt/format.h>

namespace tidemark {

void require_failed(const char* condition, const std::string& message, const char* file, int line) {
  throw BrokenInvariant(
      fmt::format("{}:{}: requirement '{}' does not hold: {}", file, line, condition, message));
}

}  // namespace tidemark
