#include "base/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace tidemark {

void keep_standard_descriptors_open() noexcept {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free number is this one. Where even that fails, nothing can be done.
    [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY);
  }
}

void say_on_stderr(std::string_view text) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  std::fflush(stdout);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7F) || c == '\n') {
      std::fputc(c, stderr);
      continue;
    }
    const std::array<char, 5> shown{'\\', 'x', digits[byte / 16U], digits[byte % 16U], '\0'};
    std::fputs(shown.data(), stderr);
  }
  std::fflush(stderr);
}

}  // namespace tidemark
