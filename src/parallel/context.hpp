// SPDX-License-Identifier: BSD-3-Clause
// What every sharded operation of a rank works with.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "base/error.hpp"
#include "comm/communicator.hpp"
#include "memory/ledger.hpp"
#include "parallel/overlap/deferred.hpp"
#include "parallel/schedule.hpp"

namespace tidemark::parallel {

/// The device, memory, communicator and settings of this rank. It refers to objects that the owner
/// of the stack keeps alive.
struct Context {
  Device& device;
  memory::Ledger& ledger;
  comm::Communicator& communicator;
  std::int64_t tokens = 0;  ///< s b: rows of a whole activation
  bool sequence = false;  ///< SP: activations outside the TP regions are sharded along the sequence
  bool keep_gathered =
      false;  ///< save the gathered input of a column-parallel product instead of its shard
  /// Ledger class of the tensors that a layer keeps for its backward. `recomputed` if the layer
  /// runs its forward again in backward.
  memory::TensorClass kept = memory::TensorClass::saved;
  Schedule schedule = {};
  /// Collects weight gradients that can wait, during the backward of a layer. Null if they cannot
  /// wait.
  Deferred* deferred = nullptr;

  /// Whether independent work runs concurrently with communication, as in `bulk`. `ring` does this,
  /// too. takes_apart() tells whether dependent work is also taken apart, as in `ring`.
  [[nodiscard]] bool overlaps() const { return schedule.mode != OverlapMode::none && ranks() > 1; }
  [[nodiscard]] bool takes_apart() const {
    return schedule.mode == OverlapMode::ring && ranks() > 1;
  }
  /// Waits for the kernels that have been launched, unless the communicator follows the compute
  /// stream.
  ///
  /// It is needed before a call whose buffers kernels may still use. It is also needed before
  /// memory that kernels still use returns to the pool, because its next owner may receive data
  /// into it.
  void wait_for_kernels() const {
    if (!communicator.follows_stream()) device.fence();
  }
  /// Whether this rank has to poll for pending calls between pieces of its own work.
  [[nodiscard]] bool polls() const { return schedule.polls && !communicator.follows_stream(); }
  [[nodiscard]] std::int64_t ranks() const { return communicator.size(); }
  [[nodiscard]] std::int64_t rank() const { return communicator.rank(); }
  /// Rows of an activation outside the TP regions on this rank: s b, or s b / t under SP.
  [[nodiscard]] std::int64_t local_tokens() const { return sequence ? tokens / ranks() : tokens; }
  /// The first of these rows in the whole activation.
  [[nodiscard]] std::int64_t first_token() const { return sequence ? rank() * local_tokens() : 0; }
};

/// The length of this rank's shard of a dimension that tensor parallelism divides.
inline std::int64_t shard_of(std::int64_t whole, const Context& context) {
  TIDEMARK_REQUIRE(whole % context.ranks() == 0, "a sharded dimension must be divisible by t");
  return whole / context.ranks();
}

}  // namespace tidemark::parallel
