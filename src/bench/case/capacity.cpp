// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/capacity.hpp"

#include <fmt/format.h>

#include "base/device.hpp"
#include "base/error.hpp"
#include "bench/dry_run/dry_run.hpp"

namespace tidemark::bench {

namespace {

// MPI, BLAS and OpenMP have their own buffers and code. On a device cuBLAS and cuBLASLt take 32 MiB
// of workspace each. The driver loads their code with the first products.
constexpr std::int64_t library_allowance = std::int64_t{runs_on_host ? 100 : 512} << 20;

constexpr double gib = 1073741824.0;

struct Needs {
  std::int64_t parameters;
  std::int64_t gradients;
  std::int64_t activations;    ///< what the pool will hold of them
  std::int64_t communication;  ///< own buffers
  // The sum fits into 63 bits: inputs with a term of 64 PiB or more are refused earlier.
  [[nodiscard]] std::int64_t total() const {
    return parameters + gradients + activations + communication + library_allowance;
  }
};

Needs needs_of(const config::Case& c, const std::optional<comm::NodeMap>& nodes = std::nullopt) {
  const DryRun dry_run = run_dry(c, nodes);
  return {dry_run.parameter_bytes + dry_run.table_bytes, dry_run.gradient_bytes, dry_run.pool_bytes,
          dry_run.communication_bytes()};
}

double in_gib(std::int64_t bytes) { return static_cast<double>(bytes) / gib; }

/// Why the case does not fit; empty if it fits.
std::string shortage_of(const config::Case& c, const Needs& needs, const MemoryLeft& left) {
  const std::string what =
      fmt::format("{}: case {} does not fit into memory: it needs", c.locate("model"), c.index + 1);
  const std::string parts =
      fmt::format("parameters {:.1f}, gradients {:.1f}, activations {:.1f}, communication {:.1f}",
                  in_gib(needs.parameters), in_gib(needs.gradients), in_gib(needs.activations),
                  in_gib(needs.communication));
  const double needed = in_gib(needs.total());
  const int processes = left.processes_on_node;
  if (left.on_node &&
      static_cast<double>(needs.total()) * processes > static_cast<double>(*left.on_node)) {
    return fmt::format("{} {:.1f} GiB on a node ({} x {:.1f}: {}), which has {:.1f} GiB available",
                       what, needed * processes, processes, needed, parts, in_gib(*left.on_node));
  }
  if (left.of_process && needs.total() > *left.of_process) {
    return fmt::format(
        "{} {:.1f} GiB a process ({}), and the limit of its address space (ulimit -v) "
        "leaves {:.1f} GiB",
        what, needed, parts, in_gib(*left.of_process));
  }
  return "";
}

}  // namespace

std::int64_t required_bytes(const config::Case& c) { return needs_of(c).total(); }

void require_capacity(const config::Case& c, const MemoryLeft& left,
                      comm::Communicator& communicator) {
  const std::string shortage = shortage_of(c, needs_of(c, communicator.nodes()), left);
  for (const std::string& line : communicator.gather_bytes(shortage)) {
    if (!line.empty()) {
      throw RunError(line, Scope::all_ranks);
    }
  }
}

}  // namespace tidemark::bench
