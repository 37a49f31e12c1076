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

/// The rank's place in the tensor-parallel group and the means it has; refers to what the owner
/// of the stack keeps alive.
struct Context {
  Device& device;
  memory::Ledger& ledger;
  comm::Communicator& communicator;
  std::int64_t tokens = 0;  ///< s b: rows of a whole activation
  bool sequence = false;    ///< activations outside the TP regions are sharded along the sequence
  bool keep_gathered =
      false;  ///< save the gathered input of a column-parallel product, not its shard
  /// How what a layer keeps for its backward is entered: `recomputed` where the layer runs again.
  memory::TensorClass kept = memory::TensorClass::saved;
  Schedule schedule = {};
  /// Takes weight gradients that may wait, within the backward of a layer; null: there is no later.
  Deferred* deferred = nullptr;

  /// Whether the pairs of bulk overlap run beside each other; those of ring do, too, in that mode.
  [[nodiscard]] bool overlaps() const { return schedule.mode != OverlapMode::none && ranks() > 1; }
  [[nodiscard]] bool takes_apart() const {
    return schedule.mode == OverlapMode::ring && ranks() > 1;
  }
  /// Waits for what has been launched, unless calls of the communicator come behind it by
  /// themselves. For before a call, whose buffers kernels may still work on; and for before memory
  /// goes back to the pool that kernels still work on, since whoever gets it next may receive into
  /// it.
  void wait_for_kernels() const {
    if (!communicator.follows_stream()) device.fence();
  }
  /// Whether this rank has to poll for what is under way, between pieces of its own work.
  [[nodiscard]] bool polls() const { return schedule.polls && !communicator.follows_stream(); }
  [[nodiscard]] std::int64_t ranks() const { return communicator.size(); }
  [[nodiscard]] std::int64_t rank() const { return communicator.rank(); }
  /// Rows of an activation outside the TP regions on this rank: s b, or s b / t under SP.
  [[nodiscard]] std::int64_t local_tokens() const { return sequence ? tokens / ranks() : tokens; }
  /// First of those rows in the whole activation.
  [[nodiscard]] std::int64_t first_token() const { return sequence ? rank() * local_tokens() : 0; }
};

/// This rank's part of a dimension that tensor parallelism divides.
inline std::int64_t shard_of(std::int64_t whole, const Context& context) {
  TIDEMARK_REQUIRE(whole % context.ranks() == 0, "a sharded dimension must be divisible by t");
  return whole / context.ranks();
}

}  // namespace tidemark::parallel
