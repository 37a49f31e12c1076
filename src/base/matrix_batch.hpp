// SPDX-License-Identifier: BSD-3-Clause
// Several matrices of one shape that a kernel works on together.
#pragma once

#include <cstdint>

#include "base/device.hpp"

namespace tidemark {

/// `count` matrices [R, C]. Each starts `distance` elements after the one before. Owns nothing. A
/// single matrix is a batch of one.
template <class T>
struct MatrixBatch {
  Matrix<T> first;
  std::int64_t count = 1;
  std::int64_t distance = 0;

  MatrixBatch() = default;
  MatrixBatch(const Matrix<T>& matrix) : first(matrix) {}  // NOLINT: on purpose implicit
  MatrixBatch(const Matrix<T>& matrix, std::int64_t matrices, std::int64_t elements_apart)
      : first(matrix), count(matrices), distance(elements_apart) {}

  /// The matrix of one member.
  [[nodiscard]] Matrix<T> operator[](std::int64_t member) const {
    const Matrix<T> by_stride(first.data() + member * distance, first.extent(0), first.stride(0));
    return columns(by_stride, 0, num_columns(first));
  }
  /// Rows of all members together. A kernel works on this many rows.
  [[nodiscard]] std::int64_t rows_of_all() const { return count * num_rows(first); }
};

/// The rows [first, first + count) of each member.
template <class T>
MatrixBatch<T> rows(const MatrixBatch<T>& batch, std::int64_t first, std::int64_t count) {
  return {rows(batch.first, first, count), batch.count, batch.distance};
}

/// The columns [first, first + count) of each member.
template <class T>
MatrixBatch<T> columns(const MatrixBatch<T>& batch, std::int64_t first, std::int64_t count) {
  return {columns(batch.first, first, count), batch.count, batch.distance};
}

/// `count` matrices [row_count, column_count] that follow each other in memory without gaps.
template <class T>
MatrixBatch<T> batch_in(T* memory, std::int64_t count, std::int64_t row_count,
                        std::int64_t column_count) {
  return {Matrix<T>(memory, static_cast<std::size_t>(row_count),
                    static_cast<std::size_t>(column_count)),
          count, row_count * column_count};
}

/// The row that a team of a kernel works on: the member, and the row in it.
struct BatchRow {
  std::int64_t member;
  std::int64_t row;
};

/// The row of a team among the rows of all members of a batch of [rows, .].
KOKKOS_INLINE_FUNCTION BatchRow batch_row(std::int64_t team, std::int64_t rows) {
  return {team / rows, team % rows};
}

/// Pointer to the first element of that row. A kernel should take it once per row.
template <class T>
KOKKOS_INLINE_FUNCTION T* row_pointer(const MatrixBatch<T>& batch, const BatchRow& at) {
  return row_pointer(batch.first, at.row) + at.member * batch.distance;
}

}  // namespace tidemark
