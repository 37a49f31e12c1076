// SPDX-License-Identifier: BSD-3-Clause
#include "bench/result.hpp"

namespace tidemark::bench {

std::int64_t wire_bytes(const std::vector<CallLine>& calls, comm::Purpose purpose) {
  std::int64_t sum = 0;
  for (const CallLine& call : calls) {
    sum += call.purpose == purpose ? call.wire_bytes : 0;
  }
  return sum;
}

std::int64_t PlanResult::total_bytes() const {
  return memory.parameters + memory.gradients + memory.optimizer.value_or(0) + memory.peak +
         memory.communication_buffers;
}

}  // namespace tidemark::bench
