// SPDX-License-Identifier: BSD-3-Clause
// The collectives of a step, and what they are for.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace tidemark::comm {

/// The operations that move tensors between tensor-parallel ranks. `send_recv` is one exchange of
/// the `ring` schedule: a rank sends a block to one rank and receives a block from another.
enum class Operation { all_reduce, all_gather, reduce_scatter, send_recv };

/// What a collective carries. Counters keep activations and gradients apart. The published traffic
/// of a layer is that of activations and their gradients. Sequence parallelism adds an all-reduce
/// of the gradients of replicated parameters, which grows with L but not with s.
enum class Purpose { activation, gradient };

inline constexpr std::array all_operations{Operation::all_reduce, Operation::all_gather,
                                           Operation::reduce_scatter, Operation::send_recv};
inline constexpr std::array all_purposes{Purpose::activation, Purpose::gradient};

/// Name in the records. The text is NUL-terminated and has static lifetime.
constexpr std::string_view name_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::all_reduce:
      return "all_reduce";
    case Operation::all_gather:
      return "all_gather";
    case Operation::reduce_scatter:
      return "reduce_scatter";
    case Operation::send_recv:
      return "send_recv";
  }
  return "unknown";
}

/// Name in the records. The text is NUL-terminated and has static lifetime.
constexpr std::string_view name_of(Purpose purpose) noexcept {
  return purpose == Purpose::activation ? "activation" : "gradient";
}

constexpr std::size_t index_of(Operation operation) noexcept {
  return static_cast<std::size_t>(operation);
}
constexpr std::size_t index_of(Purpose purpose) noexcept {
  return static_cast<std::size_t>(purpose);
}

}  // namespace tidemark::comm
