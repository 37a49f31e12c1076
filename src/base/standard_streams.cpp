// SPDX-License-Identifier: BSD-3-Clause
#include "base/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace tidemark {

void keep_standard_descriptors_open() noexcept {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    // open() takes the lowest free number, which is this one. If it fails, nothing can be done.
    [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY);
  }
}

void say_on_stderr(std::string_view text) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  std::fflush(stdout);
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7F) || c == '\n') {
      shown += c;
    } else {
      shown += {'\\', 'x', digits[byte / 16U], digits[byte % 16U]};
    }
  }
  // In one write, because a launcher may kill the rank between two writes.
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
}

void print_error(std::string_view line) noexcept { say_on_stderr(std::string(line) + "\n"); }

}  // namespace tidemark
