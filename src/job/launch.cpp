// SPDX-License-Identifier: BSD-3-Clause
#include "job/launch.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tidemark::job {

namespace {

constexpr const char* that_mpirun = "the mpirun of that library";

/// From this number on, steps are Slurm's own: the batch script, an interactive shell and others.
/// Each of them is one process (SLURM_INTERACTIVE_STEP of slurm.h).
constexpr std::int64_t first_special_step = 0xfffffffa;

std::optional<std::int64_t> number_in(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view word = text;
  std::int64_t number = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
  if (read.ec != std::errc{} || read.ptr != word.data() + word.size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

class Reader {
 public:
  explicit Reader(const Variables& variable) : variable_(variable) {}

  [[nodiscard]] bool has(const char* name) const { return variable_(name) != nullptr; }
  [[nodiscard]] std::string_view text(const char* name) const {
    const char* const value = variable_(name);
    return value == nullptr ? "" : value;
  }
  [[nodiscard]] std::optional<int> number(const char* name) const {
    const auto found = number_in(variable_(name));
    return found && *found < (1 << 30) ? std::optional(static_cast<int>(*found)) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::int64_t> step() const {
    return number_in(variable_("SLURM_STEP_ID"));
  }

 private:
  const Variables& variable_;
};

/// If the number of processes is unknown, it is at least this rank plus 1.
Launch launch(std::string launcher, int rank, std::optional<int> processes, std::string remedy) {
  return {std::move(launcher), rank, std::max(processes.value_or(1), rank + 1), std::move(remedy)};
}

Launch started_by_slurm(const Reader& reader) {
  const int rank = reader.number("SLURM_PROCID").value_or(0);
  const std::string remedy = fmt::format(
      "srun {} ('srun --mpi=list' shows what there is), or {}",
      reader.has("PMIX_RANK") ? "with another plugin than pmix" : "--mpi=pmix", that_mpirun);
  if (const auto step = reader.step()) {
    if (*step >= first_special_step) return {};
    return launch("srun", rank, reader.number("SLURM_STEP_NUM_TASKS"), remedy);
  }
  // A batch script has rank 0 and the job's number of tasks, but no step.
  const bool is_script = reader.text("ENVIRONMENT") == "BATCH" || reader.has("SLURM_TASK_PID");
  if (!reader.has("SLURM_PROCID") || is_script) return {};
  return launch("srun", rank, reader.number("SLURM_NTASKS"), remedy);
}

}  // namespace

Launch launch_of(const Variables& variable) {
  const Reader reader(variable);
  if (reader.has("OMPI_COMM_WORLD_RANK") || reader.has("OMPI_COMM_WORLD_SIZE")) {
    return launch("Open MPI's mpirun", reader.number("OMPI_COMM_WORLD_RANK").value_or(0),
                  reader.number("OMPI_COMM_WORLD_SIZE"), that_mpirun);
  }
  if (reader.has("PMI_RANK") || reader.has("PMI_SIZE")) {
    const std::string slurm_job = fmt::format("{}.", reader.text("SLURM_JOB_ID"));
    if (reader.step() && reader.text("PMI_JOBID").starts_with(slurm_job)) {
      return started_by_slurm(reader);  // --mpi=pmi2
    }
    return launch("a launcher that speaks PMI", reader.number("PMI_RANK").value_or(0),
                  reader.number("PMI_SIZE"), that_mpirun);
  }
  if (reader.has("PMIX_RANK") && !reader.text("PMIX_NAMESPACE").starts_with("slurm.")) {
    return launch("a launcher that speaks PMIx", reader.number("PMIX_RANK").value_or(0),
                  std::nullopt, that_mpirun);
  }
  return started_by_slurm(reader);
}

bool mixes_streams(const Variables& variable) {
  const Reader reader(variable);
  return reader.has("PRTE_LAUNCHED") || reader.text("PMIX_NAMESPACE").starts_with("prterun");
}

std::string singleton_line(const Launch& launch, int mpi_size, const std::string& mpi) {
  if (mpi_size > 1 || launch.processes < 2) return "";
  return fmt::format(
      "launcher: {} started {} processes, but MPI ({}) takes each for a job of one rank: use {}",
      launch.launcher, launch.processes, mpi.substr(0, mpi.find(',')), launch.remedy);
}

}  // namespace tidemark::job
