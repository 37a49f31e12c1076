// What the ranks know together of a signal that may have reached one of them only.
#pragma once

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// What somebody has asked of the job.
struct Ending {
  int signal_number = 0;         ///< 0: nothing
  bool out_of_patience = false;  ///< it is time to give up what has not ended by itself
  [[nodiscard]] bool is_asked_for() const { return signal_number != 0; }
};

/// The same on all ranks; collective.
Ending ending_of(Communicator& communicator);

}  // namespace tidemark::comm
