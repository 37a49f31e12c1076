// SPDX-License-Identifier: BSD-3-Clause
#include "job/cpus.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstddef>
#include <system_error>

#include <fmt/format.h>

// For functions that run before the libraries, when sanitizers are not initialised yet.
#if defined(__clang__)
#define TIDEMARK_BEFORE_LIBRARIES \
  __attribute__((no_sanitize("address", "thread", "undefined", "memory")))
#else
#define TIDEMARK_BEFORE_LIBRARIES \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

namespace tidemark::job {

namespace {

constexpr int max_cpus = 8192;
constexpr int word_bits = static_cast<int>(sizeof(unsigned long) * CHAR_BIT);

/// The kernel's format. `bytes` is the number of bytes that it wrote, or below 1 on an error.
struct Mask {
  std::array<unsigned long, max_cpus / word_bits> words;
  long bytes;
};

TIDEMARK_BEFORE_LIBRARIES
void read_mask(Mask* mask) {
  mask->bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask->words, &mask->words);
}

Mask mask_at_start;

TIDEMARK_BEFORE_LIBRARIES
void read_mask_at_start(int /*count*/, char** /*arguments*/, char** /*environment*/) {
  read_mask(&mask_at_start);
}

// The loader calls the functions in this section of an executable before all constructors of its
// shared libraries (System V gABI, "Initialization and Termination Functions"). One of these is
// libgomp's, which binds this thread.
__attribute__((section(".preinit_array"),
               used)) void (*entry_at_start)(int, char**, char**) = read_mask_at_start;

CpuList list_of(const Mask& mask) {
  CpuList cpus;
  for (int cpu = 0; cpu < std::min(max_cpus, static_cast<int>(mask.bytes) * CHAR_BIT); ++cpu) {
    const unsigned long word = mask.words[static_cast<std::size_t>(cpu / word_bits)];
    if ((word >> (cpu % word_bits) & 1U) != 0) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

std::string text_of(const CpuList& cpus) {
  std::string text;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[first]);
    if (last > first) text += fmt::format("-{}", cpus[last]);
    first = last + 1;
  }
  return text;
}

CpuList cpus_in(std::string_view text) {
  CpuList cpus;
  while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
  const char* at = text.data();
  const char* const stop = at + text.size();
  while (at < stop) {
    int first = 0;
    auto read = std::from_chars(at, stop, first);
    int last = first;
    if (read.ec == std::errc{} && read.ptr < stop && *read.ptr == '-') {
      read = std::from_chars(read.ptr + 1, stop, last);
    }
    const bool is_last = read.ptr == stop;
    if (read.ec != std::errc{} || first < 0 || last < first || last >= max_cpus ||
        !(is_last || *read.ptr == ',')) {
      return {};
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    at = is_last ? stop : read.ptr + 1;
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

bool is_within(const CpuList& cpus, const CpuList& others) {
  return std::includes(others.begin(), others.end(), cpus.begin(), cpus.end());
}

CpuList cpus_of_this_thread() {
  Mask mask{};
  read_mask(&mask);
  return list_of(mask);
}

CpuList cpus_at_start() {
  return mask_at_start.bytes > 0 ? list_of(mask_at_start) : cpus_of_this_thread();
}

}  // namespace tidemark::job
