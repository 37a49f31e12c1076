// SPDX-License-Identifier: BSD-3-Clause
// `tidemark check` on any bytes in place of records: verdicts, or one line of an InputError.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "commands/check.hpp"
#include "one_line.hpp"

namespace {

/// Bytes as a file in memory only.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("records", 0)) {
    if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size)) {
      std::perror("a file in memory");
      std::abort();
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile records(data, size);
  try {
    tidemark::commands::check({records.path(), TIDEMARK_CRITERIA});
  } catch (const tidemark::InputError& error) {
    tidemark::fuzz::require_one_line(error.what());
  }
  return 0;
}
