#include "bench/capacity.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "theory/memory.hpp"

namespace tidemark::bench {

namespace {

// MPI, BLAS and OpenMP keep buffers and code of their own.
constexpr std::int64_t library_allowance = std::int64_t{100} << 20;

double gib(double bytes) { return bytes / 1073741824.0; }

}  // namespace

std::int64_t required_bytes(const config::Case& c) {
  const std::int64_t parts[] = {theory::parameter_bytes(c), theory::gradient_bytes(c),
                                theory::peak_upper_bound_bytes(c), library_allowance};
  std::int64_t sum = 0;
  for (const std::int64_t part : parts) {
    if (__builtin_add_overflow(sum, part, &sum)) {
      throw InputError(
          fmt::format("{}: the case needs more bytes than 63 bits can count", c.locate("model")));
    }
  }
  return sum;
}

void require_capacity(const config::Case& c, std::optional<std::int64_t> available_bytes,
                      int processes_on_node, comm::Communicator& communicator) {
  const double needed = static_cast<double>(required_bytes(c)) * processes_on_node;
  std::string shortage;
  if (available_bytes && needed > static_cast<double>(*available_bytes)) {
    shortage = fmt::format(
        "{}: case {} does not fit into memory: it needs {:.1f} GiB on a node ({} x {:.1f}: "
        "parameters "
        "{:.1f}, gradients {:.1f}, activations up to {:.1f}), which has {:.1f} GiB available",
        c.locate("model"), c.index + 1, gib(needed), processes_on_node,
        gib(needed) / processes_on_node, gib(static_cast<double>(theory::parameter_bytes(c))),
        gib(static_cast<double>(theory::gradient_bytes(c))),
        gib(static_cast<double>(theory::peak_upper_bound_bytes(c))),
        gib(static_cast<double>(*available_bytes)));
  }
  for (const std::string& line : communicator.gather_bytes(shortage)) {
    if (!line.empty()) {
      throw RunError(line, Scope::all_ranks);
    }
  }
}

}  // namespace tidemark::bench
