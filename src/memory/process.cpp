#include "memory/process.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tidemark::memory {

namespace {

// A line such as "VmHWM:     1234 kB".
std::optional<std::int64_t> kilobyte_field(const char* path, const std::string& field) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, field.size() + 1, field + ":") == 0) {
      std::istringstream rest(line.substr(field.size() + 1));
      std::int64_t kilobytes = 0;
      if (rest >> kilobytes) {
        return kilobytes * 1024;
      }
    }
  }
  return std::nullopt;
}

// A file that holds one number; "max" and absence both mean that there is none.
std::optional<std::int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

// The line "0::/path" of /proc/self/cgroup names the group of version 2.
std::string control_group() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, 3, "0::") == 0) {
      return line.substr(3);
    }
  }
  return "";
}

// The tightest limit of this group and of those above it.
std::optional<std::int64_t> control_group_headroom() {
  std::optional<std::int64_t> least;
  std::string group = control_group();
  while (!group.empty()) {
    const std::string folder = "/sys/fs/cgroup" + (group == "/" ? "" : group);
    const auto limit = number_in(folder + "/memory.max");
    const auto used = number_in(folder + "/memory.current");
    if (limit && used) {
      const std::int64_t left = std::max<std::int64_t>(0, *limit - *used);
      least = least ? std::min(*least, left) : left;
    }
    group = group == "/" ? "" : group.substr(0, group.rfind('/'));
  }
  return least;
}

}  // namespace

std::optional<std::int64_t> process_peak_bytes() {
  return kilobyte_field("/proc/self/status", "VmHWM");
}

bool reset_process_peak() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

std::optional<std::int64_t> available_node_bytes() {
  const auto node = kilobyte_field("/proc/meminfo", "MemAvailable");
  const auto group = control_group_headroom();
  if (node && group) {
    return std::min(*node, *group);
  }
  return node ? node : group;
}

}  // namespace tidemark::memory
