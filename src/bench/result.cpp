#include "bench/result.hpp"

namespace tidemark::bench {

std::int64_t CaseResult::wire_bytes(comm::Purpose purpose) const {
  std::int64_t bytes = 0;
  for (const CallLine& call : calls) {
    bytes += call.purpose == purpose ? call.wire_bytes : 0;
  }
  return bytes;
}

}  // namespace tidemark::bench
