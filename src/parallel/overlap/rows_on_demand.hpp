// SPDX-License-Identifier: BSD-3-Clause
// Activations whose rows are made in the order in which the next operation needs them.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/pieces.hpp"
#include "memory/ledger.hpp"
#include "parallel/overlap/arriving.hpp"

namespace tidemark::parallel {

/// An activation and the function that makes its rows. The reader requests each row once, in any
/// order. So it can start with the rows that travel to other ranks.
template <class T>
struct RowsOnDemand {
  /// Makes `count` rows, beginning with row `first`, and owns everything that it needs for that.
  using Make = std::function<void(std::int64_t first, std::int64_t count)>;

  memory::Tensor<T> tensor;
  Make make;  ///< empty: all rows are there
};

/// The same rows from top to bottom, in `chunks` chunks.
template <class T>
Arriving<T> by_chunks(RowsOnDemand<T> rows, std::int64_t chunks) {
  if (!rows.make) return Arriving<T>(std::move(rows.tensor));
  const std::int64_t height = num_rows(rows.tensor.view());
  return {std::move(rows.tensor), chunks,
          [make = std::move(rows.make), height, chunks](std::int64_t chunk) {
            const std::int64_t first = first_of_piece(height, chunks, chunk);
            make(first, first_of_piece(height, chunks, chunk + 1) - first);
          }};
}

}  // namespace tidemark::parallel
