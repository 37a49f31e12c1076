// SPDX-License-Identifier: BSD-3-Clause
// The same functions for a build without NCCL.
#include "base/error.hpp"
#include "comm/nccl/nccl_communicator.hpp"

namespace tidemark::comm {

bool has_nccl() noexcept { return false; }
bool nccl_registers_buffers() noexcept { return false; }

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator>,
                                                     std::optional<void*>,
                                                     std::chrono::duration<double>) {
  throw RunError(
      "comm.backend: nccl cannot be used: this build has no NCCL; configure with "
      "-DTIDEMARK_ENABLE_NCCL=ON where it is installed",
      Scope::all_ranks);
}

}  // namespace tidemark::comm
