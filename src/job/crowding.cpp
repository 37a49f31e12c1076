// SPDX-License-Identifier: BSD-3-Clause
#include "job/crowding.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "job/findings.hpp"
#include "job/shortage.hpp"

namespace tidemark::job {

namespace {

/// If a machine has more findings of one kind than this, one line covers all of them.
constexpr std::size_t max_shortages = 4;

std::string others_have(std::size_t cores) {
  return fmt::format("{} other core{}", cores, cores == 1 ? " has" : "s have");
}

/// All threads of one machine's ranks, in one list.
class Crowding {
 public:
  Crowding(const std::vector<Place>& places, const std::vector<int>& ranks) : places_(places) {
    for (const int rank : ranks) {
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
  }

 private:
  [[nodiscard]] const Place& place(int rank) const { return place_of(places_, rank); }

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

  /// The physical cores that each thread could use; empty for threads that are in a shortage.
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

  /// The hardware threads of cores.
  [[nodiscard]] CpuList cpus_of(const std::vector<int>& cores) const {
    CpuList cpus;
    for (const auto& [cpu, core] : core_of_) {
      if (std::binary_search(cores.begin(), cores.end(), core)) cpus.push_back(cpu);
    }
    return cpus;
  }

  /// Cores that the job could use, and on which none of its threads may run.
  [[nodiscard]] std::vector<int> idle_cores() const {
    std::set<int> idle;
    for (const auto& [cpu, core] : core_of_) idle.insert(core);
    for (const CpuList& thread : threads_) {
      for (const int core : cores_of(thread)) idle.erase(core);
    }
    return sorted(idle);
  }

  /// "core 0" or "the 2 cores 0-1". If cores have several hardware threads, the text names those.
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
    return fmt::format("{}: {} can only run on {}: {}", who(places_, ranks),
                       counted(shortage.claims.size(), "thread"), place_text(shortage.units),
                       advice(shortage, ranks));
  }

  [[nodiscard]] std::string advice(const Shortage& shortage, const std::vector<int>& ranks) const {
    // Tests whether the launcher gave the ranks more cpus than those of the shortage.
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
    return ranks.size() == 1 ? "fewer threads (OMP_NUM_THREADS), or more cores per rank"
                             : "fewer ranks or threads (OMP_NUM_THREADS)";
  }

  [[nodiscard]] std::string siblings_line(const Shortage& shortage, std::size_t idle) const {
    const std::string start = fmt::format(
        "{}: {} run as hardware threads {} of {}", who(places_, ranks_of_claims(shortage)),
        counted(shortage.claims.size(), "thread"), text_of(cpus_of(shortage.units)),
        counted(shortage.units.size(), "core"));
    if (idle == 0) return start + ", whose arithmetic they share";
    return fmt::format("{}, while {} none of the job's: bind by core, not by hardware thread",
                       start, others_have(idle));
  }

  const std::vector<Place>& places_;
  std::map<int, int> core_of_;
  std::vector<CpuList> threads_;
  std::vector<int> rank_of_;  ///< per thread
};

}  // namespace

void judge_crowding(const std::vector<int>& ranks, Placement& placement) {
  Crowding(placement.places, ranks).judge(placement);
}

}  // namespace tidemark::job
