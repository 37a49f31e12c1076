// SPDX-License-Identifier: BSD-3-Clause
// A call with its properties in the account.
#pragma once

#include <cstdint>
#include <optional>

#include "comm/algorithms/levels.hpp"
#include "comm/call.hpp"

namespace tidemark::comm {

struct BookedCall : Call {
  std::int64_t message_bytes = 0;                 ///< see Call::message_bytes
  bool counted = true;                            ///< false for calls of the harness
  std::optional<LevelBytes> sent = std::nullopt;  ///< nullopt if the library does not tell
};

}  // namespace tidemark::comm
