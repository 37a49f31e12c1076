// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/communicator_options.hpp"

#include <chrono>

namespace tidemark::bench {

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
