// SPDX-License-Identifier: BSD-3-Clause
#include "comm/ending.hpp"

#include <array>

#include "base/interruption.hpp"

namespace tidemark::comm {

Ending ending_of(Communicator& communicator) {
  const double seconds = Interruption::seconds();
  const bool is_out = seconds > Interruption::patience();
  std::array<double, 2> most{is_out ? 1.0 : 0.0,
                             static_cast<double>(Interruption::signal_number())};
  communicator.max_over_ranks(most);
  return {static_cast<int>(most[1]), most[1] > 0.0 && most[0] > 0.0};
}

}  // namespace tidemark::comm
