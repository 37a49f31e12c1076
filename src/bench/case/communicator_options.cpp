// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/communicator_options.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace tidemark::bench {

void require_even_nodes(const config::Case& c, const comm::NodeMap& nodes) {
  if (c.comm.algorithm != config::Algorithm::hierarchical || nodes.is_even()) return;
  std::vector<std::size_t> counts;
  for (int node = 0; node < nodes.nodes(); ++node) counts.push_back(nodes.members(node).size());
  throw InputError(
      fmt::format("{}: hierarchical needs as many ranks on every node, but the nodes have {}",
                  c.locate("comm.algorithm"), fmt::join(counts, ", ")));
}

comm::Backend backend_of(config::Backend setting) {
  switch (setting) {
    case config::Backend::mpi:
      return comm::Backend::mpi;
    case config::Backend::nccl:
      return comm::Backend::nccl;
    case config::Backend::automatic:
      break;
  }
  return comm::Backend::automatic;
}

std::optional<comm::Algorithm> algorithm_of(config::Algorithm setting) {
  switch (setting) {
    case config::Algorithm::native:
      return comm::Algorithm::native;
    case config::Algorithm::pairwise:
      return comm::Algorithm::pairwise;
    case config::Algorithm::ring:
      return comm::Algorithm::ring;
    case config::Algorithm::hierarchical:
      return comm::Algorithm::hierarchical;
    case config::Algorithm::automatic:
      break;
  }
  return std::nullopt;
}

void set_options(const config::Case& c, comm::CommunicatorOptions& options) {
  options.backend = backend_of(c.comm.backend);
  options.ranks = static_cast<int>(c.parallel.tensor);
  options.timeout = std::chrono::duration<double>(c.bench.timeout_s);
  options.algorithm = algorithm_of(c.comm.algorithm);
  if (c.comm.messages != config::Messages::automatic) {
    options.cuts = c.comm.messages == config::Messages::pieces;
  }
  options.polls = c.overlap.progress == config::Progress::poll;
  options.progress_thread = c.overlaps() && c.overlap.progress == config::Progress::thread;
  options.completes_on_host = c.emulated_link.is_emulated();
  options.register_buffers = c.comm.register_buffers;
}

}  // namespace tidemark::bench
