// SPDX-License-Identifier: BSD-3-Clause
// How many pieces a number of rows is cut into.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark {

/// Into how many pieces rows are cut: as many as are asked for, or else up to 4 that are no shorter
/// than `least_rows`, since products of few rows are slow. One at least, and none is empty.
struct Cut {
  std::int64_t pieces = 0;  ///< 0: nothing is asked for
  std::int64_t least_rows = 512;

  [[nodiscard]] constexpr std::int64_t of(std::int64_t rows) const {
    const std::int64_t most = pieces > 0 ? rows : rows / std::max<std::int64_t>(1, least_rows);
    return std::max<std::int64_t>(1, std::min(pieces > 0 ? pieces : 4, most));
  }
};

/// First row of piece `index` of `pieces`; that of piece `pieces` is the end.
constexpr std::int64_t first_of_piece(std::int64_t rows, std::int64_t pieces, std::int64_t index) {
  return rows * index / pieces;
}

}  // namespace tidemark
