// SPDX-License-Identifier: BSD-3-Clause
#include "memory/process.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tidemark::memory {

namespace {

// Reads a line such as "VmHWM:     1234 kB".
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

// Reads a file with one number. "max" or a missing file gives nullopt.
std::optional<std::int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

/// The files of one version of control groups.
struct ControlGroups {
  const char* mark;  ///< start of the line in /proc/self/cgroup, after the number of the hierarchy
  const char* mount;
  const char* limit;
  const char* used;
  const char* reclaimable;  ///< line of memory.stat
};
constexpr ControlGroups versions[] = {
    {"::", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
    {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_inactive_file"},
};

// The path of this process's group; "" if there is none.
std::string group_of_process(const ControlGroups& version) {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t mark = line.find(version.mark);
    if (mark != std::string::npos && mark == line.find(':')) {
      return line.substr(mark + std::string(version.mark).size());
    }
  }
  return "";
}

// Reads a line such as "inactive_file 4096".
std::int64_t stat_field(const std::string& path, const std::string& field) {
  std::ifstream file(path);
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value) {
    if (name == field) {
      return value;
    }
  }
  return 0;
}

// Bytes that one group may still take. Inactive files in the page cache count as free, because the
// system can drop them.
std::optional<std::int64_t> headroom(const ControlGroups& version, const std::string& folder) {
  const auto limit = number_in(folder + "/" + version.limit);
  const auto used = number_in(folder + "/" + version.used);
  if (!limit || !used) {
    return std::nullopt;
  }
  const std::int64_t cache = stat_field(folder + "/memory.stat", version.reclaimable);
  return std::max<std::int64_t>(0, *limit - *used + cache);
}

// The smallest headroom of this group and of all groups above it, up to the root that the process
// can see. In a container, the limit is at that root.
std::optional<std::int64_t> control_group_headroom() {
  std::optional<std::int64_t> least;
  for (const ControlGroups& version : versions) {
    std::string group = group_of_process(version);
    for (bool root = false; !root;) {
      root = group.empty() || group == "/";
      const auto left = headroom(version, version.mount + (root ? std::string() : group));
      if (left) {
        least = std::min(least.value_or(*left), *left);
      }
      group = root ? "" : group.substr(0, group.rfind('/'));
    }
  }
  return least;
}

}  // namespace

std::optional<std::int64_t> process_peak_bytes() {
  return kilobyte_field("/proc/self/status", "VmHWM");
}

std::optional<std::int64_t> process_bytes() { return kilobyte_field("/proc/self/status", "VmRSS"); }

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

std::optional<std::int64_t> process_headroom() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  const std::int64_t used = kilobyte_field("/proc/self/status", "VmSize").value_or(0);
  return static_cast<std::int64_t>(limit.rlim_cur) - used;
}

}  // namespace tidemark::memory
