#include "comm/peers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string_view>
#include <system_error>

namespace tidemark::comm {

namespace {

/// Where launchers put a process's rank: Open MPI, PMIx, Hydra and PMI-2, Slurm.
constexpr std::array<std::string_view, 4> rank_variables{"OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                                         "PMI_RANK", "SLURM_PROCID"};

enum class State { running, stopped, ended, unknown };

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The letter behind the name, which stands in parentheses and may hold any character:
// "123 (tidemark) T 1 ..."; proc(5).
struct Status {
  State state = State::unknown;
  std::int64_t parent = 0;
};

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

/// The first variable of ranks in an environment as /proc has it, NUL behind each; -1: none.
int rank_in(std::string_view environment) {
  for (const std::string_view variable : rank_variables) {
    const std::string key = fmt::format("{}=", variable);
    for (std::size_t at = 0; at < environment.size();) {
      const std::size_t end = std::min(environment.find('\0', at), environment.size());
      const std::string_view entry = environment.substr(at, end - at);
      if (entry.starts_with(key)) return std::atoi(std::string(entry.substr(key.size())).c_str());
      at = end + 1;
    }
  }
  return -1;
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

std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() > 1 ? "s" : "", fmt::join(ranks, ", "));
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
    const int rank = rank_in(text_of(fmt::format("/proc/{}/environ", pid)));
    if (rank >= 0) ranks.push_back(rank);
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks.empty() ? "" : words_of_stopped(ranks);
}

int rank_of_environment() {
  for (const std::string_view variable : rank_variables) {
    if (const char* const rank = std::getenv(variable.data())) return std::atoi(rank);
  }
  return -1;
}

}  // namespace tidemark::comm
