#include "bench/capacity.hpp"

#include <fmt/format.h>

#include "base/device.hpp"
#include "base/error.hpp"
#include "bench/rehearsal.hpp"

namespace tidemark::bench {

namespace {

// MPI, BLAS and OpenMP keep buffers and code of their own. On a device cuBLAS and cuBLASLt take 32
// MiB of workspace each, and the driver loads their code with the first products.
constexpr std::int64_t library_allowance = std::int64_t{runs_on_host ? 100 : 512} << 20;

constexpr double gib = 1073741824.0;

struct Needs {
  std::int64_t parameters;
  std::int64_t gradients;
  std::int64_t activations;    ///< as the pool will hold them
  std::int64_t communication;  ///< own buffers
  // No sum of these can leave 63 bits: each is under 64 PiB, or the input was refused.
  [[nodiscard]] std::int64_t total() const {
    return parameters + gradients + activations + communication + library_allowance;
  }
};

Needs needs_of(const config::Case& c) {
  const Rehearsal rehearsal = rehearse(c);
  return {rehearsal.parameter_bytes + rehearsal.table_bytes, rehearsal.gradient_bytes,
          rehearsal.pool_bytes, rehearsal.communication_bytes()};
}

}  // namespace

std::int64_t required_bytes(const config::Case& c) { return needs_of(c).total(); }

void require_capacity(const config::Case& c, std::optional<std::int64_t> available_bytes,
                      int processes_on_node, comm::Communicator& communicator) {
  const Needs needs = needs_of(c);
  const double needed = static_cast<double>(needs.total()) * processes_on_node;
  std::string shortage;
  if (available_bytes && needed > static_cast<double>(*available_bytes)) {
    shortage = fmt::format(
        "{}: case {} does not fit into memory: it needs {:.1f} GiB on a node ({} x {:.1f}: "
        "parameters {:.1f}, gradients {:.1f}, activations {:.1f}, communication {:.1f}), which has "
        "{:.1f} GiB available",
        c.locate("model"), c.index + 1, needed / gib, processes_on_node,
        needed / gib / processes_on_node, static_cast<double>(needs.parameters) / gib,
        static_cast<double>(needs.gradients) / gib, static_cast<double>(needs.activations) / gib,
        static_cast<double>(needs.communication) / gib,
        static_cast<double>(*available_bytes) / gib);
  }
  for (const std::string& line : communicator.gather_bytes(shortage)) {
    if (!line.empty()) {
      throw RunError(line, Scope::all_ranks);
    }
  }
}

}  // namespace tidemark::bench
