// How many pieces a number of rows is cut into.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark {

/// `wanted` pieces, but fewer where a piece would have less than `least` rows: products of few rows
/// are slow. One at least.
constexpr std::int64_t pieces_of(std::int64_t rows, std::int64_t wanted, std::int64_t least) {
  return std::max<std::int64_t>(1, std::min(wanted, rows / std::max<std::int64_t>(1, least)));
}

/// First row of piece `index` of `pieces`; that of piece `pieces` is the end.
constexpr std::int64_t first_of_piece(std::int64_t rows, std::int64_t pieces, std::int64_t index) {
  return rows * index / pieces;
}

}  // namespace tidemark
