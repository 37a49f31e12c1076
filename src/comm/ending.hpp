// SPDX-License-Identifier: BSD-3-Clause
// What all ranks know of a signal that may have reached only one of them.
#pragma once

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// The request to end the job.
struct Ending {
  int signal_number = 0;         ///< 0: no signal
  bool out_of_patience = false;  ///< it is time to stop what has not ended by itself
  [[nodiscard]] bool is_asked_for() const { return signal_number != 0; }
};

/// The same result on all ranks. Collective.
Ending ending_of(Communicator& communicator);

}  // namespace tidemark::comm
