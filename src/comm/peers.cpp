#include "comm/peers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <iterator>

namespace tidemark::comm {

namespace {

enum class State { running, stopped, ended, unknown };

// The letter behind the name, which stands in parentheses and may hold any character:
// "123 (tidemark) T 1 ..."; proc(5).
State state_of(std::int64_t pid) {
  if (access("/proc/self/stat", R_OK) != 0) return State::unknown;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  if (!file) return State::ended;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t name_ends = text.rfind(')');
  if (name_ends == std::string::npos || name_ends + 2 >= text.size()) return State::unknown;
  switch (text[name_ends + 2]) {
    case 'T':
    case 't':
      return State::stopped;
    case 'Z':
    case 'X':
      return State::ended;
    default:
      return State::running;
  }
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

std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() > 1 ? "s" : "", fmt::join(ranks, ", "));
}

std::string missing_peers(const std::vector<ProcessIdentity>& identities, int rank) {
  std::vector<int> stopped;
  std::vector<int> ended;
  const auto own = static_cast<std::size_t>(rank);
  for (std::size_t peer = 0; peer < identities.size(); ++peer) {
    if (peer == own || identities[peer].node != identities[own].node) continue;
    const State state = state_of(identities[peer].pid);
    if (state == State::stopped) stopped.push_back(static_cast<int>(peer));
    if (state == State::ended) ended.push_back(static_cast<int>(peer));
  }
  std::vector<std::string> words;
  if (!ended.empty()) {
    words.push_back(
        fmt::format("{} {} ended", ranks_text(ended), ended.size() > 1 ? "have" : "has"));
  }
  if (!stopped.empty()) {
    words.push_back(
        fmt::format("{} {} stopped", ranks_text(stopped), stopped.size() > 1 ? "are" : "is"));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

}  // namespace tidemark::comm
