// SPDX-License-Identifier: BSD-3-Clause
// The number of pieces that rows are cut into.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark {

/// The number of pieces that rows are cut into: the requested number, or up to 4 if none is
/// requested. In the latter case each piece has at least `least_rows` rows, because products of few
/// rows are slow. There is at least one piece, and no piece is empty.
struct Cut {
  std::int64_t pieces = 0;  ///< 0: no number is requested
  std::int64_t least_rows = 512;

  [[nodiscard]] constexpr std::int64_t of(std::int64_t rows) const {
    const std::int64_t most = pieces > 0 ? rows : rows / std::max<std::int64_t>(1, least_rows);
    return std::max<std::int64_t>(1, std::min(pieces > 0 ? pieces : 4, most));
  }
};

/// First row of piece `index` of `pieces`. If index = pieces, it is the number of rows.
constexpr std::int64_t first_of_piece(std::int64_t rows, std::int64_t pieces, std::int64_t index) {
  return rows * index / pieces;
}

}  // namespace tidemark
