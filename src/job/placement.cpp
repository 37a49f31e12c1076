#include "job/placement.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "job/shortage.hpp"

namespace tidemark::job {

namespace {

/// A machine with more findings of one kind than this gets one line for all of them.
constexpr std::size_t max_shortages = 4;
constexpr std::size_t max_lines = 8;

std::string counted(std::size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string others_have(std::size_t cores) {
  return fmt::format("{} other core{}", cores, cores == 1 ? " has" : "s have");
}

/// "rank 1", "ranks 0-3,8".
std::string ranks_of(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", text_of(ranks));
}

std::vector<int> sorted(const std::set<int>& numbers) { return {numbers.begin(), numbers.end()}; }

/// The ranks of one machine, and their threads in one row.
class Machine {
 public:
  Machine(const std::vector<Place>& places, std::vector<int> ranks)
      : places_(places), ranks_(std::move(ranks)) {
    for (const int rank : ranks_) {
      for (const Cpu& cpu : place(rank).cpus) core_of_[cpu.number] = cpu.core;
      for (const CpuList& thread : place(rank).threads) {
        threads_.push_back(thread);
        rank_of_.push_back(rank);
      }
    }
  }

  void judge(Placement& placement) const {
    const std::vector<Shortage> of_cpus = merged(find_shortages(threads_));
    for (const Shortage& shortage : of_cpus) placement.problems.push_back(crowd_line(shortage));
    for (const Shortage& shortage : merged(find_shortages(wanted_cores(of_cpus)))) {
      const std::size_t idle = idle_cores().size();
      auto& lines = idle > 0 ? placement.problems : placement.remarks;
      lines.push_back(siblings_line(shortage, idle));
    }
    judge_limits(placement);
    judge_numa(placement);
  }

 private:
  [[nodiscard]] const Place& place(int rank) const {
    return places_[static_cast<std::size_t>(rank)];
  }

  /// "ranks 0, 1 of node7".
  [[nodiscard]] std::string who(const std::vector<int>& ranks) const {
    std::set<std::string> hosts;
    for (const int rank : ranks) hosts.insert(place(rank).host);
    return fmt::format("{} of {}", ranks_of(ranks), fmt::join(hosts, ", "));
  }

  [[nodiscard]] std::vector<int> ranks_of_claims(const Shortage& shortage) const {
    std::set<int> ranks;
    for (const std::size_t thread : shortage.claims) ranks.insert(rank_of_[thread]);
    return sorted(ranks);
  }

  static std::vector<Shortage> merged(std::vector<Shortage> shortages) {
    if (shortages.size() <= max_shortages) return shortages;
    std::set<std::size_t> claims;
    std::set<int> units;
    for (const Shortage& shortage : shortages) {
      claims.insert(shortage.claims.begin(), shortage.claims.end());
      units.insert(shortage.units.begin(), shortage.units.end());
    }
    return {{{claims.begin(), claims.end()}, sorted(units)}};
  }

  /// The physical cores that each thread could take; none of threads that are in a shortage.
  [[nodiscard]] std::vector<std::vector<int>> wanted_cores(
      const std::vector<Shortage>& of_cpus) const {
    std::vector<std::vector<int>> wanted;
    for (const CpuList& thread : threads_) wanted.push_back(cores_of(thread));
    for (const Shortage& shortage : of_cpus) {
      for (const std::size_t thread : shortage.claims) wanted[thread].clear();
    }
    return wanted;
  }

  [[nodiscard]] std::vector<int> cores_of(const CpuList& cpus) const {
    std::set<int> cores;
    for (const int cpu : cpus) {
      const auto core = core_of_.find(cpu);
      cores.insert(core == core_of_.end() ? cpu : core->second);
    }
    return sorted(cores);
  }

  /// Hardware threads of cores.
  [[nodiscard]] CpuList cpus_of(const std::vector<int>& cores) const {
    CpuList cpus;
    for (const auto& [cpu, core] : core_of_) {
      if (std::binary_search(cores.begin(), cores.end(), core)) cpus.push_back(cpu);
    }
    return cpus;
  }

  /// Cores that the job could use and that none of its threads may run on.
  [[nodiscard]] std::vector<int> idle_cores() const {
    std::set<int> idle;
    for (const auto& [cpu, core] : core_of_) idle.insert(core);
    for (const CpuList& thread : threads_) {
      for (const int core : cores_of(thread)) idle.erase(core);
    }
    return sorted(idle);
  }

  /// "core 0", "the 2 cores 0-1"; where cores have several hardware threads, those are named.
  [[nodiscard]] std::string place_text(const CpuList& cpus) const {
    const bool has_siblings = core_count() < core_of_.size();
    const std::string word = has_siblings ? "hardware thread" : "core";
    if (cpus.size() == 1) return fmt::format("{} {}", word, cpus.front());
    return fmt::format("the {} {}", counted(cpus.size(), word), text_of(cpus));
  }

  [[nodiscard]] std::size_t core_count() const {
    std::set<int> cores;
    for (const auto& [cpu, core] : core_of_) cores.insert(core);
    return cores.size();
  }

  [[nodiscard]] std::string crowd_line(const Shortage& shortage) const {
    const std::vector<int> ranks = ranks_of_claims(shortage);
    return fmt::format("{}: {} can only run on {}: {}", who(ranks),
                       counted(shortage.claims.size(), "thread"), place_text(shortage.units),
                       advice(shortage, ranks));
  }

  [[nodiscard]] std::string advice(const Shortage& shortage, const std::vector<int>& ranks) const {
    // Did the launcher leave them more than where they stand now?
    std::set<int> given;
    for (const int rank : ranks) given.insert(place(rank).cores.begin(), place(rank).cores.end());
    if (given.size() > shortage.units.size()) {
      if (ranks.size() == 1)
        return "OpenMP binds them to less than what the launcher gave the rank";
      return "OpenMP binds threads of ranks that share their cores; set OMP_PROC_BIND=false, or "
             "have the launcher give each rank cores of its own";
    }
    if (const std::size_t idle = idle_cores().size(); idle > 0) {
      return fmt::format("the launcher bound them there, {} none of the job's threads",
                         others_have(idle));
    }
    return ranks.size() == 1 ? "fewer threads (OMP_NUM_THREADS), or more cores a rank"
                             : "fewer ranks or threads (OMP_NUM_THREADS)";
  }

  [[nodiscard]] std::string siblings_line(const Shortage& shortage, std::size_t idle) const {
    const std::string start =
        fmt::format("{}: {} run as hardware threads {} of {}", who(ranks_of_claims(shortage)),
                    counted(shortage.claims.size(), "thread"), text_of(cpus_of(shortage.units)),
                    counted(shortage.units.size(), "core"));
    if (idle == 0) return start + ", whose arithmetic they share";
    return fmt::format("{}, while {} none of the job's: bind by core, not by hardware thread",
                       start, others_have(idle));
  }

  /// Threads that outnumber the processor time of their control group.
  void judge_limits(Placement& placement) const {
    std::map<std::string, std::vector<int>> groups;
    for (const int rank : ranks_) {
      if (place(rank).cpu_limit) groups[place(rank).cpu_limit->group].push_back(rank);
    }
    for (const auto& [group, ranks] : groups) {
      std::size_t threads = 0;
      double limit = place(ranks.front()).cpu_limit->cores;
      for (const int rank : ranks) {
        threads += place(rank).threads.size();
        limit = std::min(limit, place(rank).cpu_limit->cores);
      }
      if (static_cast<double>(threads) <= limit) continue;
      placement.problems.push_back(fmt::format(
          "{}: {}, but the control group {} is limited to the time of {:.3g} core{}", who(ranks),
          counted(threads, "thread"), group, limit, limit == 1.0 ? "" : "s"));
    }
  }

  void judge_numa(Placement& placement) const {
    std::map<int, std::set<int>> cores_of_node;
    for (const int rank : ranks_) {
      for (const Cpu& cpu : place(rank).cpus) cores_of_node[cpu.numa_node].insert(cpu.core);
    }
    if (cores_of_node.size() < 2) return;
    std::vector<int> wandering;
    for (const int rank : ranks_) {
      const std::vector<int> nodes = place(rank).numa_nodes();
      const std::size_t threads = place(rank).threads.size();
      if (nodes.size() > 1 && std::any_of(nodes.begin(), nodes.end(), [&](int node) {
            return cores_of_node.at(node).size() >= threads;
          })) {
        wandering.push_back(rank);
      }
      const auto device = place(rank).device_numa_node;
      if (device && !std::binary_search(nodes.begin(), nodes.end(), *device)) {
        placement.remarks.push_back(
            fmt::format("{}: its device {} is attached to NUMA node {}, its threads run on {}",
                        who({rank}), place(rank).device_pci_id, *device, text_of(nodes)));
      }
    }
    if (wandering.empty()) return;
    placement.remarks.push_back(
        fmt::format("{}: threads may run on several NUMA nodes, though one has cores for all "
                    "threads of a rank: their memory may be far",
                    who(wandering)));
  }

  const std::vector<Place>& places_;
  std::vector<int> ranks_;
  std::map<int, int> core_of_;
  std::vector<CpuList> threads_;
  std::vector<int> rank_of_;  ///< of a thread
};

/// Ranks that a host can take without crowding: a device each, or cores for their threads.
bool would_fit(const std::vector<Place>& places, const std::vector<int>& group,
               const std::vector<int>& there) {
  const Place& host = places[static_cast<std::size_t>(there.front())];
  if (host.devices) {
    return *host.devices >= static_cast<int>(group.size());
  }
  std::size_t threads = 0;
  for (const int rank : group) threads += places[static_cast<std::size_t>(rank)].threads.size();
  std::set<int> cores;
  for (const Cpu& cpu : host.cpus) cores.insert(cpu.core);
  return threads <= cores.size();
}

void judge_group(const std::vector<int>& group, Placement& placement) {
  std::map<std::string, std::vector<int>> hosts;
  for (const int rank : group) {
    hosts[placement.places[static_cast<std::size_t>(rank)].host].push_back(rank);
  }
  if (hosts.size() < 2) return;
  std::optional<std::string> roomy;
  std::vector<std::string> parts;
  for (const auto& [host, there] : hosts) {
    if (!roomy && would_fit(placement.places, group, there)) roomy = host;
    if (parts.size() == 4) parts.emplace_back("...");
    if (parts.size() < 4) parts.push_back(fmt::format("{} of {}", ranks_of(there), host));
  }
  const std::string start = fmt::format("tensor group of {} crosses {} nodes ({})", ranks_of(group),
                                        hosts.size(), fmt::join(parts, "; "));
  if (!roomy) {
    placement.remarks.push_back(start);
    return;
  }
  const bool on_devices =
      placement.places[static_cast<std::size_t>(group.front())].devices.has_value();
  placement.problems.push_back(fmt::format("{}, though {} has {} for all of it", start, *roomy,
                                           on_devices ? "devices" : "cores"));
}

}  // namespace

Placement judge(std::vector<Place> places, const std::vector<std::vector<int>>& groups) {
  Placement placement{std::move(places), {}, {}};
  std::map<std::string, std::vector<int>> machines;
  std::vector<std::string> order;
  for (std::size_t rank = 0; rank < placement.places.size(); ++rank) {
    const std::string& machine = placement.places[rank].machine;
    if (!machines.contains(machine)) order.push_back(machine);
    machines[machine].push_back(static_cast<int>(rank));
  }
  for (const std::string& machine : order) {
    Machine(placement.places, machines[machine]).judge(placement);
  }
  for (const std::vector<int>& group : groups) judge_group(group, placement);
  return placement;
}

std::string placement_lines(const Placement& placement) {
  std::string text;
  const auto add = [&](const std::string& word, const std::vector<std::string>& lines) {
    for (std::size_t line = 0; line < std::min(lines.size(), max_lines); ++line) {
      text += fmt::format("{}: {}\n", word, lines[line]);
    }
    if (lines.size() > max_lines) {
      text += fmt::format("{}: {} more, in the record\n", word, lines.size() - max_lines);
    }
  };
  add("Placement, problem", placement.problems);
  add("Placement", placement.remarks);
  return text;
}

}  // namespace tidemark::job
