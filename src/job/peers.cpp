// SPDX-License-Identifier: BSD-3-Clause
#include "job/peers.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "job/launch.hpp"
#include "job/ranks_text.hpp"

namespace tidemark::job {

namespace {

enum class State { running, stopped, ended, unknown };

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Status {
  State state = State::unknown;
  std::int64_t parent = 0;
};

// Reads the state letter after the process name, and the parent, from a line such as "123
// (tidemark) T 1 ..."; proc(5). The name is in parentheses and may contain any character.
Status status_of(std::int64_t pid) {
  if (access("/proc/self/stat", R_OK) != 0) return {};
  const std::string text = text_of(fmt::format("/proc/{}/stat", pid));
  if (text.empty()) return {State::ended, 0};
  const std::size_t name_ends = text.rfind(')');
  if (name_ends == std::string::npos || name_ends + 2 >= text.size()) return {};
  const std::int64_t parent = std::atoll(text.c_str() + std::min(name_ends + 3, text.size()));
  switch (text[name_ends + 2]) {
    case 'T':
    case 't':
      return {State::stopped, parent};
    case 'Z':
    case 'X':
      return {State::ended, parent};
    default:
      return {State::running, parent};
  }
}

/// The rank of a process from its environment in the format of /proc, where NUL ends each entry.
/// nullopt if no launcher started the process.
std::optional<int> rank_in(const std::string& environment) {
  std::map<std::string, std::string> variables;
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    const std::string entry = environment.substr(at, end - at);
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
    at = end + 1;
  }
  const job::Launch launch = job::launch_of([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
  return launch.launcher.empty() ? std::nullopt : std::optional(launch.rank);
}

std::string words_of_stopped(const std::vector<int>& ranks) {
  return fmt::format("{} {} stopped", ranks_text(ranks), ranks.size() > 1 ? "are" : "is");
}

}  // namespace

ProcessIdentity ProcessIdentity::of_this_process() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  struct stat pids {};
  const bool known = stat("/proc/self/ns/pid", &pids) == 0;
  const std::string node = fmt::format("{} {}", host.data(), known ? pids.st_ino : 0);
  return {std::hash<std::string>{}(node), getpid()};
}

std::string missing_peers(const std::vector<ProcessIdentity>& identities, int rank) {
  std::vector<int> stopped;
  std::vector<int> ended;
  const auto own = static_cast<std::size_t>(rank);
  for (std::size_t peer = 0; peer < identities.size(); ++peer) {
    if (peer == own || identities[peer].node != identities[own].node) continue;
    const State state = status_of(identities[peer].pid).state;
    if (state == State::stopped) stopped.push_back(static_cast<int>(peer));
    if (state == State::ended) ended.push_back(static_cast<int>(peer));
  }
  std::vector<std::string> words;
  if (!ended.empty()) {
    words.push_back(
        fmt::format("{} {} ended", ranks_text(ended), ended.size() > 1 ? "have" : "has"));
  }
  if (!stopped.empty()) {
    words.push_back(words_of_stopped(stopped));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

std::string stopped_siblings() {
  std::vector<int> ranks;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::int64_t pid = std::atoll(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const Status status = status_of(pid);
    if (status.state != State::stopped || status.parent != getppid()) continue;
    const auto rank = rank_in(text_of(fmt::format("/proc/{}/environ", pid)));
    if (rank) ranks.push_back(*rank);
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks.empty() ? "" : words_of_stopped(ranks);
}

}  // namespace tidemark::job
