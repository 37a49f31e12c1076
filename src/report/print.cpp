// SPDX-License-Identifier: BSD-3-Clause
#include "report/print.hpp"

#include <cstdio>

#include "base/error.hpp"

namespace tidemark::report {

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw RunError("standard output cannot be written");
  }
}

}  // namespace tidemark::report
