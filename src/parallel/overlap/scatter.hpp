// SPDX-License-Identifier: BSD-3-Clause
// A reduce-scatter in separate messages, with the memory that it needs until it is complete.
#pragma once

#include <cstdint>
#include <utility>

#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/shards.hpp"

namespace tidemark::parallel {

/// The state that is kept until the last chunk of a shard has been summed.
template <class T>
struct Scatter {
  /// `parts` [s b, C] is this rank's part of the sum. `from_others` [(t - 1) s b / t, C] receives
  /// the other ranks' parts of this rank's shard, in `chunks` chunks.
  Scatter(const Context& of, memory::Tensor<T> parts, memory::Tensor<T> from_others,
          std::int64_t chunks)
      : context(of),
        partial(std::move(parts)),
        arrived(std::move(from_others)),
        others(context, arrived.view(), chunks) {}

  Context context;  ///< a copy, because it outlives the call that started it
  memory::Tensor<T> partial;
  memory::Tensor<T> arrived;
  DepartingShards<T> others;
};

}  // namespace tidemark::parallel
